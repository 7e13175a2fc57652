package portal

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/integration"
	"gatehouse/internal/outgoing"
	"gatehouse/internal/pats"
	"gatehouse/internal/provided"
	"gatehouse/internal/self"
	"gatehouse/internal/session"
	"gatehouse/internal/signin"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	"gatehouse/internal/users"
	"gatehouse/internal/web/ui"
)

var update = flag.Bool("update", false, "write the golden files anew")

type provider struct{}

func (provider) Begin(_ context.Context, a gatehouse.Attempt) (string, error) {
	if a.UserID == "" {
		return "", errors.New("not for linking")
	}
	return "https://provider.example/authorize?state=" + a.State, nil
}

func (provider) Finish(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error) {
	return gatehouse.Vouched{Subject: "second"}, nil
}

type failing struct{ provider }

func (failing) Begin(context.Context, gatehouse.Attempt) (string, error) {
	return "", errors.New("no answer from 10.0.0.7")
}

// world is this package with two users, alice and bob, who have two sessions each.
type world struct {
	t        *testing.T
	store    *store.Store
	portal   *Portal
	now      time.Time
	http     http.Handler
	users    map[string]gatehouse.User
	sessions map[string][]gatehouse.Session
	tokens   map[string]string // of the last session
}

// noon is when everything happens.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: noon, users: map[string]gatehouse.User{}, sessions: map[string][]gatehouse.Session{}, tokens: map[string]string{}}
	clock := gatehouse.Clock(func() time.Time { return w.now })
	s := storetest.OpenWith(t, storetest.Options{Clock: clock})
	maker, err := outgoing.New(outgoing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	open := func(p integration.Provider) func(gatehouse.Connection, integration.Env) (integration.Door, error) {
		return func(gatehouse.Connection, integration.Env) (integration.Door, error) {
			return integration.Door{Provider: p}, nil
		}
	}
	w.store = s
	m := &session.Manager{Store: s, Clock: clock}
	u := &ui.UI{Clock: clock}
	mux := http.NewServeMux()
	everybody := &users.Users{Store: s, Clock: clock}
	w.portal = &Portal{UI: u, Store: s, Sessions: m, Provided: &provided.Provided{Store: s}, Personal: &pats.Tokens{Store: s}, MailReady: true, Self: &self.Self{Users: everybody, URL: "https://id.example.com"}, SignIn: &signin.Service{
		Store: s, URL: "https://id.example.com", Clock: clock, Sessions: m, Users: everybody,
		Apps: &apps.Apps{Store: s, Outgoing: maker, Kinds: []integration.Kind{
			{Name: "gitlab", OpenConnection: open(provider{})}, {Name: "dingtalk", OpenConnection: open(failing{})},
		}},
	}}
	w.portal.Mount(mux)
	w.http = u.Middleware(mux)
	if err := s.Update(t.Context(), func(tx *store.Tx) error { return w.fill(tx, m) }); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) fill(tx *store.Tx, m *session.Manager) error {
	gitlab := gatehouse.Connection{Name: "gitlab", Kind: "gitlab", Label: "GitLab", Enabled: true}
	dingtalk := gatehouse.Connection{Name: "dingtalk", Kind: "dingtalk", Label: "DingTalk", Enabled: true}
	off := gatehouse.Connection{Name: "off", Kind: "gitlab", Label: "Disabled"}
	for _, c := range []*gatehouse.Connection{&gitlab, &dingtalk, &off} {
		if err := tx.SaveConnection(c); err != nil {
			return err
		}
	}
	if err := tx.SaveClient(&gatehouse.Client{ID: "demo", Name: "Demo", Enabled: true, RedirectURIs: []string{"https://demo.example/cb"}, Managed: gatehouse.ManagedByFile}); err != nil {
		return err
	}
	for _, name := range []string{"alice", "bob"} {
		u := gatehouse.User{Username: name, Name: "<b>" + name + "</b>", Email: name + "@example.com", EmailVerified: name == "alice", State: gatehouse.UserActive}
		if err := tx.SaveUser(&u); err != nil {
			return err
		}
		if err := tx.SaveConsent(store.Consent{UserID: u.ID, ClientID: "demo", Scopes: []string{"openid", "email"}, At: noon}); err != nil {
			return err
		}
		if err := tx.SaveIdentity(&gatehouse.Identity{UserID: u.ID, ConnectionID: dingtalk.ID, Subject: name, Profile: gatehouse.Profile{Name: `"><script>`}, LastUsedAt: noon}); err != nil {
			return err
		}
		w.users[name] = u
		for _, agent := range []string{"Mozilla/5.0 (iPhone) Safari/605", "Mozilla/5.0 (X11; Linux) Firefox/140"} {
			token, s, err := m.Start(tx, session.Start{UserID: u.ID, UserName: name, Method: "federated", UserAgent: agent, Address: "203.0.113.9"})
			if err != nil {
				return err
			}
			w.tokens[name], w.sessions[name] = token, append(w.sessions[name], s)
		}
	}
	return nil
}

func (w *world) do(as, method, target string) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.send(as, httptest.NewRequest(method, target, nil))
}

// submit sends a form: names and values.
func (w *world) submit(as, target string, fields ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return w.post(as, target, form)
}

func (w *world) send(as string, r *http.Request) *httptest.ResponseRecorder {
	w.t.Helper()
	if as != "" {
		r.AddCookie(&http.Cookie{Name: "gatehouse_session", Value: w.tokens[as]})
	}
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	return rec
}

func (w *world) alive(name string) (ids []string) {
	w.t.Helper()
	err := w.store.View(w.t.Context(), func(tx *store.Tx) error {
		all, err := tx.Sessions(w.users[name].ID)
		ids = nil
		for _, s := range all {
			ids = append(ids, s.ID)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return ids
}

func (w *world) consents(name string) int {
	w.t.Helper()
	n := 0
	err := w.store.View(w.t.Context(), func(tx *store.Tx) error {
		all, err := tx.Consents(w.users[name].ID)
		n = len(all)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func TestG1NobodySignedIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if r := w.do("", "GET", "/user"); r.Code != http.StatusSeeOther || r.Header().Get("Location") != "/sign-in?return_to=%2Fuser" {
		t.Errorf("GET /user: %d to %q", r.Code, r.Header().Get("Location"))
	}
	for _, path := range []string{
		"/user/profile", "/user/emails", "/user/emails/resend", "/user/emails/primary", "/user/emails/remove", "/user/emails/verify",
		"/user/identities/x/remove", "/user/delete",
		"/user/connections/gitlab", "/user/sessions/" + w.sessions["alice"][0].ID + "/end", "/user/sessions/end-others", "/user/applications/demo/withdraw",
		"/user/applications/demo/allow", "/user/applications/provided/x/forget", "/user/applications/tokens", "/user/applications/tokens/x/revoke",
	} {
		if r := w.do("", "POST", path); r.Code != http.StatusUnauthorized {
			t.Errorf("POST %s: %d", path, r.Code)
		}
	}
	if got := len(w.alive("alice")); got != 2 {
		t.Errorf("alice has %d sessions", got)
	}
}

var (
	ids   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)
	hues  = regexp.MustCompile(`hue-\d`)
	asset = regexp.MustCompile(`/assets/(\w+)\.[0-9a-f]{12}\.`)
)

func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for page, golden := range map[string]string{"/user": "user.html", "/user/security": "security.html", "/user/applications": "applications.html"} {
		r := w.do("alice", "GET", page)
		got := r.Body.String()
		for _, hostile := range []string{"<b>alice", "<script", "bob"} {
			if strings.Contains(got, hostile) {
				t.Errorf("%s contains %q", page, hostile)
			}
		}
		if r.Code != http.StatusOK {
			t.Fatalf("%s: status %d", page, r.Code)
		}
		got = strings.ReplaceAll(got, "><", ">\n<")
		got = ids.ReplaceAllString(hues.ReplaceAllString(asset.ReplaceAllString(got, "/assets/$1.HASH."), "hue"), "ID")
		isGolden(t, filepath.Join("testdata", golden), got)
	}
}

func isGolden(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("the page differs from %s; look, and then run with -update (-want +got):\n%s", golden, diff)
	}
}

func TestSentenceAfterSomethingWasDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for address, want := range map[string]string{
		"/user?done=connected":               "The account is connected.",
		"/user/security?done=session-ended":  "The session is ended.",
		"/user/security?done=sessions-ended": "All other sessions are ended.",
		"/user/applications?done=withdrawn":  "The application may not act for you any more.",
		"/user/applications?done=allowed":    "The application may use your access at other providers now.",
		"/user/applications?done=forgotten":  "The access is forgotten.",
		"/user/applications?done=revoked":    "The token is revoked.",
	} {
		if r := w.do("alice", "GET", address); !strings.Contains(r.Body.String(), want) {
			t.Errorf("%s does not say %q", address, want)
		}
	}
	if r := w.do("alice", "GET", "/user?done="+url.QueryEscape("<i>anything")); strings.Contains(r.Body.String(), `role="status"`) || strings.Contains(r.Body.String(), "<i>") {
		t.Error("the address can put words on the page")
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	t.Run("EndOne", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.do("alice", "POST", "/user/sessions/"+w.sessions["alice"][0].ID+"/end")
		if r.Code != http.StatusSeeOther || r.Header().Get("Location") != "/user/security?done=session-ended" {
			t.Errorf("%d to %q", r.Code, r.Header().Get("Location"))
		}
		if diff := cmp.Diff([]string{w.sessions["alice"][1].ID}, w.alive("alice")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("G2NotThoseOfOthers", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, id := range []string{w.sessions["bob"][0].ID, "nonsense", "%2e%2e"} {
			if r := w.do("alice", "POST", "/user/sessions/"+id+"/end"); r.Code != http.StatusNotFound {
				t.Errorf("%s: %d", id, r.Code)
			}
		}
		if got := len(w.alive("bob")); got != 2 {
			t.Errorf("bob has %d sessions", got)
		}
	})
	t.Run("EndingTheOwnOneIsSigningOut", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		if r := w.do("alice", "POST", "/user/sessions/"+w.sessions["alice"][1].ID+"/end"); r.Header().Get("Location") != "/sign-out" {
			t.Errorf("%d to %q", r.Code, r.Header().Get("Location"))
		}
	})
	t.Run("EndAllOthers", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		if r := w.do("alice", "POST", "/user/sessions/end-others"); r.Header().Get("Location") != "/user/security?done=sessions-ended" {
			t.Errorf("%d to %q", r.Code, r.Header().Get("Location"))
		}
		if diff := cmp.Diff([]string{w.sessions["alice"][1].ID}, w.alive("alice")); diff != "" {
			t.Error(diff)
		}
		if got := len(w.alive("bob")); got != 2 {
			t.Errorf("bob has %d sessions", got)
		}
	})
}

func TestConnect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if r := w.do("alice", "POST", "/user/connections/gitlab"); r.Code != http.StatusSeeOther || !strings.HasPrefix(r.Header().Get("Location"), "https://provider.example/") {
		t.Errorf("%d to %q", r.Code, r.Header().Get("Location"))
	}
	if r := w.do("alice", "GET", "/user/connections/gitlab"); r.Code == http.StatusSeeOther {
		t.Error("S2: linking begins by GET")
	}
	for name, want := range map[string]int{"off": http.StatusForbidden, "nobody": http.StatusNotFound} {
		if r := w.do("alice", "POST", "/user/connections/"+name); r.Code != want {
			t.Errorf("%s: %d, want %d", name, r.Code, want)
		}
	}
	r := w.do("alice", "POST", "/user/connections/dingtalk")
	if r.Code != http.StatusBadGateway || strings.Contains(r.Body.String(), "10.0.0.7") {
		t.Errorf("a provider that fails: %d\n%s", r.Code, r.Body)
	}
	reference := regexp.MustCompile(`<code class="copy-inline">([0-9A-Z]{8})</code>`).FindStringSubmatch(r.Body.String())
	if reference == nil {
		t.Fatalf("no reference of the decision:\n%s", r.Body)
	}
	err := w.store.View(t.Context(), func(tx *store.Tx) error {
		d, err := tx.Decision(reference[1])
		if d.Outcome != gatehouse.OutcomeFailed {
			t.Errorf("decision %+v", d)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestWithdraw(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hash := []byte("hash of a token, 32 bytes long..")
	err := w.store.Update(t.Context(), func(tx *store.Tx) error {
		return tx.SaveTokens(&gatehouse.Token{
			Hash: hash, Kind: gatehouse.AccessToken, Family: "f", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
			Grant: gatehouse.Grantable{ClientID: "demo", UserID: w.users["alice"].ID},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := w.do("alice", "POST", "/user/applications/demo/withdraw"); r.Header().Get("Location") != "/user/applications?done=withdrawn" {
		t.Errorf("%d to %q", r.Code, r.Header().Get("Location"))
	}
	if w.consents("alice") != 0 || w.consents("bob") != 1 {
		t.Errorf("alice has %d consents, bob %d", w.consents("alice"), w.consents("bob"))
	}
	err = w.store.View(t.Context(), func(tx *store.Tx) error {
		_, _, err := tx.LiveToken(hash)
		return err
	})
	if !errors.Is(err, gatehouse.NotFound) {
		t.Errorf("the token lives: %v", err)
	}
	if r := w.do("alice", "POST", "/user/applications/demo/withdraw"); r.Code != http.StatusNotFound {
		t.Errorf("again: %d", r.Code)
	}
}
