package provided

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/gitlab"
	"gatehouse/internal/seal"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	twin "gatehouse/internal/twin/gitlab"
)

// atGitLab is a door to a stand-in for GitLab, whose refresh tokens are good
// once.
type atGitLab struct {
	*twin.Twin
	server *httptest.Server
	door   integration.Door
}

// Door is the door, whatever the connection.
func (g *atGitLab) Door(context.Context, string) (gatehouse.Connection, integration.Door, error) {
	return gatehouse.Connection{}, g.door, nil
}

const hubCallback = "https://hub.example/users/auth/gitlab/callback"

func newGitLab(t *testing.T) *atGitLab {
	t.Helper()
	g := &atGitLab{}
	g.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.ServeHTTP(w, r) }))
	t.Cleanup(g.server.Close)
	var err error
	if g.Twin, err = twin.New(twin.Config{URL: g.server.URL}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	g.AddApplication(twin.Application{
		ID: "app", Secret: "gloas-secret", Name: "Gatehouse", RedirectURIs: []string{hubCallback}, Scopes: []string{"read_user"}, Confidential: true,
	})
	g.door, err = gitlab.Kind().OpenConnection(gatehouse.Connection{
		Name: "gitlab", Kind: "gitlab", AppID: "app", AppSecret: "gloas-secret",
		Args: map[string]any{"client_options": map[string]any{"site": g.server.URL + "/api/v4"}},
	}, integration.Env{HTTP: g.server.Client(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// signIn goes through GitLab's pages as a person and gives what it vouches for.
func (g *atGitLab) signIn(t *testing.T, person string) gatehouse.Vouched {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := *g.server.Client()
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a := gatehouse.Attempt{State: "s", Verifier: strings.Repeat("verifier-", 6), RedirectURI: hubCallback}
	address, err := g.door.Provider.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	post := func(address string, form url.Values) *http.Response {
		resp, err := client.PostForm(address, form)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp
	}
	post(g.server.URL+"/users/sign_in", url.Values{"user_id": {person}})
	back, err := post(g.server.URL+"/oauth/authorize", asked.Query()).Location()
	if err != nil {
		t.Fatal(err)
	}
	v, err := g.door.Provider.Finish(t.Context(), a, back.Query())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// whoami asks GitLab who a token is.
func (g *atGitLab) whoami(t *testing.T, token string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.server.URL+"/api/v4/user", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := g.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// TestGitLabIsAskedOnce: 20 callers on two nodes renew a token that is due, and
// GitLab, which would refuse the second with the same refresh token, is asked
// once. What it gave works there, and what it took back does not.
func TestGitLabIsAskedOnce(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(testing.TB) string{
		"sqlite": storetest.SQLite, "postgres": func(t testing.TB) string { return storetest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGitLab(t)
			nodes := twoNodes(t, address(t), g)
			h := newHouse(t, nodes[0].Store)
			old := *g.signIn(t, "2").Tokens
			old.ExpiresAt = time.Now()
			h.keep(old)
			g.ResetRequests()
			var all sync.WaitGroup
			for i := range 20 {
				all.Go(func() {
					got, err := nodes[i%2].Give(t.Context(), app(), h.user.ID, "gitlab")
					if err != nil || got.Access == old.Access || got.Access != h.kept().Tokens.Access {
						t.Errorf("caller %d: another token than is kept, or %v", i, err)
					}
				})
			}
			all.Wait()
			if n := g.Requests()["POST /oauth/token"]; n != 1 {
				t.Errorf("GitLab was asked %d times", n)
			}
			if fresh, past := g.whoami(t, h.kept().Tokens.Access), g.whoami(t, old.Access); fresh != http.StatusOK || past != http.StatusUnauthorized {
				t.Errorf("GitLab says %d to the new token and %d to the old", fresh, past)
			}
			// The next time the new refresh token is used, which the first answer brought.
			h.update(func(tx *store.Tx) error {
				k, err := tx.ProviderTokens(h.identity.ID)
				if err != nil {
					return err
				}
				k.Tokens.ExpiresAt = tx.Now()
				return tx.SaveProviderTokens(&k)
			})
			if got, err := nodes[1].Give(t.Context(), app(), h.user.ID, "gitlab"); err != nil || g.whoami(t, got.Access) != http.StatusOK {
				t.Errorf("the second renewal: %v", err)
			}
		})
	}
}

// twoNodes are two processes' worth of Provided on one database.
func twoNodes(t *testing.T, address string, doors Doors) []*Provided {
	t.Helper()
	box, err := seal.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	var nodes []*Provided
	for range 2 {
		s, err := store.Open(t.Context(), address, store.Options{Seal: box})
		if err != nil {
			t.Fatal(err)
		}
		p := &Provided{Store: s, Doors: doors}
		t.Cleanup(func() {
			p.Wait()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		nodes = append(nodes, p)
	}
	return nodes
}

// TestGitLabsAnswerThatIsLost: when GitLab renewed the tokens and its answer
// never came, only the person can bring new ones, and is told so.
func TestGitLabsAnswerThatIsLost(t *testing.T) {
	t.Parallel()
	g := newGitLab(t)
	h := newHouse(t, storetest.Open(t))
	h.Doors = g
	old := *g.signIn(t, "2").Tokens
	old.ExpiresAt = time.Now()
	h.keep(old)
	if _, err := g.door.Refresher.Refresh(t.Context(), old); err != nil { // by a node that ended then
		t.Fatal(err)
	}
	_, err := h.Give(t.Context(), app(), h.user.ID, "gitlab")
	if gatehouse.KindOf(err) != gatehouse.Conflict || !strings.Contains(err.Error(), "sign in with it again") {
		t.Errorf("got %v", err)
	}
	h.keep(*g.signIn(t, "2").Tokens)
	if got, err := h.Give(t.Context(), app(), h.user.ID, "gitlab"); err != nil || g.whoami(t, got.Access) != http.StatusOK {
		t.Errorf("after a new sign-in: %v", err)
	}
}
