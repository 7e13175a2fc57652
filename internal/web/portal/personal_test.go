package portal

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/pats"
	"gatehouse/internal/provided"
	"gatehouse/internal/store"
)

// post sends a form as somebody.
func (w *world) post(as, target string, form url.Values) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: "gatehouse_session", Value: w.tokens[as]})
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	return rec
}

func (w *world) personal(name string) (all []gatehouse.PersonalToken) {
	w.t.Helper()
	if err := w.store.View(w.t.Context(), func(tx *store.Tx) (err error) {
		all, err = tx.PersonalTokens(w.users[name].ID)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return all
}

var secrets = regexp.MustCompile(`gthp_[0-9a-f]{72}`)

func wish(changes ...string) url.Values {
	form := url.Values{"form": {store.NewID()}, "name": {"backup"}, "days": {"30"}, "scope_read_api": {"true"}}
	for i := 0; i+1 < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form
}

func TestMakeAToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := wish()
	r := w.post("alice", "/user/applications/tokens", form)
	secret := secrets.FindString(r.Body.String())
	if r.Code != http.StatusOK || !pats.Is(secret) || r.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %q, Cache-Control %q", r.Code, secret, r.Header().Get("Cache-Control"))
	}
	all := w.personal("alice")
	if len(all) != 1 || all[0].Name != "backup" || !all[0].ExpiresAt.Equal(noon.Add(30*24*time.Hour)) || len(all[0].Scopes) != 1 {
		t.Fatalf("made %+v", all)
	}
	page := w.do("alice", "GET", "/user/applications").Body.String()
	if !strings.Contains(page, "backup") || strings.Contains(page, secret) || strings.Contains(w.do("bob", "GET", "/user/applications").Body.String(), "backup") {
		t.Error("the list lacks the token, shows its secret, or shows it to others")
	}
	// The form that is sent again makes no second token, and shows no secret.
	again := w.post("alice", "/user/applications/tokens", form)
	if again.Code != http.StatusConflict || secrets.MatchString(again.Body.String()) || len(w.personal("alice")) != 1 {
		t.Errorf("again: %d, %d tokens", again.Code, len(w.personal("alice")))
	}
	if r := w.post("bob", "/user/applications/tokens/"+all[0].ID+"/revoke", nil); r.Code != http.StatusNotFound {
		t.Errorf("G2: somebody else revokes it: %d", r.Code)
	}
	if r := w.post("alice", "/user/applications/tokens/"+all[0].ID+"/revoke", nil); r.Header().Get("Location") != "/user/applications?done=revoked" {
		t.Errorf("revoke: %d to %q", r.Code, r.Header().Get("Location"))
	}
	if len(w.personal("alice")) != 0 {
		t.Error("it is not revoked")
	}
}

// TestWrongWishesLoseNothing: what was entered stays in the form.
func TestWrongWishesLoseNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, form := range map[string]url.Values{
		"NoName": wish("name", " "), "NoScope": {"form": {"f"}, "name": {"backup"}, "days": {"30"}}, "Days": wish("days", "soon"),
		"TooLong": wish("days", "366"), "Past": wish("days", "-1"), "LongName": wish("name", strings.Repeat("x", 101)),
	} {
		r := w.post("alice", "/user/applications/tokens", form)
		body := r.Body.String()
		if r.Code != http.StatusBadRequest || !strings.Contains(body, `role="alert"`) || !strings.Contains(body, `value="`+form.Get("form")+`"`) {
			t.Errorf("%s: %d\n%s", name, r.Code, body)
		}
		if form.Get("scope_read_api") != "" && strings.Count(body, " checked") != 1 {
			t.Errorf("%s: the choice of scopes is lost", name)
		}
	}
	if n := len(w.personal("alice")); n != 0 {
		t.Errorf("%d tokens were made", n)
	}
}

// TestS12TokensNeedAFreshProof: who signed in long ago proves it again first.
func TestS12TokensNeedAFreshProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.sessions["alice"][1]
	s.AuthAt = noon.Add(-time.Hour)
	if err := w.store.Update(t.Context(), func(tx *store.Tx) error { return tx.SaveSession(&s) }); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*httptest.ResponseRecorder{
		w.do("alice", "GET", "/user/applications/tokens/new"), w.post("alice", "/user/applications/tokens", wish()),
		w.post("alice", "/user/applications/api%20tokens/allow", nil),
	} {
		if r.Code != http.StatusSeeOther || !strings.HasPrefix(r.Header().Get("Location"), "/sign-in/confirm?") {
			t.Errorf("%d to %q", r.Code, r.Header().Get("Location"))
		}
	}
	if n := len(w.personal("alice")); n != 0 {
		t.Errorf("%d tokens were made", n)
	}
}

func TestAccessAtOtherProviders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mine, theirs gatehouse.Identity
	err := w.store.Update(t.Context(), func(tx *store.Tx) error {
		for name, i := range map[string]*gatehouse.Identity{"alice": &mine, "bob": &theirs} {
			all, err := tx.Identities(w.users[name].ID)
			if err != nil {
				return err
			}
			*i = all[0]
			if err := tx.SaveProviderTokens(&gatehouse.ProviderTokens{IdentityID: i.ID, Tokens: gatehouse.Tokens{
				Access: "hidden-access", Refresh: "hidden-refresh", Scopes: []string{"corpid"}, ExpiresAt: noon.Add(time.Hour),
			}}); err != nil {
				return err
			}
		}
		return tx.SaveClient(&gatehouse.Client{ID: "board/1", Name: "The <b>Board</b>", SecretHash: []byte("x"), Enabled: true, Scopes: []string{provided.Scope}})
	})
	if err != nil {
		t.Fatal(err)
	}
	page := w.do("alice", "GET", "/user/applications").Body.String()
	for _, want := range []string{"DingTalk", "corpid", "Asks to use this access", "board%2F1/allow", "api%20tokens/allow"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "hidden-") || strings.Contains(page, "<b>Board") {
		t.Error("G7: the page shows a token, or markup")
	}
	for _, client := range []string{"board%2F1", "api%20tokens"} {
		if r := w.post("alice", "/user/applications/"+client+"/allow", nil); r.Header().Get("Location") != "/user/applications?done=allowed" {
			t.Errorf("allow %s: %d", client, r.Code)
		}
	}
	if r := w.post("alice", "/user/applications/demo/allow", nil); r.Code != http.StatusNotFound {
		t.Errorf("an application that does not ask: %d", r.Code)
	}
	page = w.do("alice", "GET", "/user/applications").Body.String()
	if strings.Contains(page, "/allow") || strings.Count(page, "May use your access at other providers.") != 2 {
		t.Error("what was allowed is not said")
	}
	if r := w.post("alice", "/user/applications/api%20tokens/withdraw", nil); r.Header().Get("Location") != "/user/applications?done=withdrawn" {
		t.Errorf("withdraw: %d", r.Code)
	}
	if r := w.post("alice", "/user/applications/provided/"+theirs.ID+"/forget", nil); r.Code != http.StatusNotFound {
		t.Errorf("G2: somebody else's: %d", r.Code)
	}
	if r := w.post("alice", "/user/applications/provided/"+mine.ID+"/forget", nil); r.Header().Get("Location") != "/user/applications?done=forgotten" {
		t.Errorf("forget: %d", r.Code)
	}
	err = w.store.View(t.Context(), func(tx *store.Tx) error {
		if _, err := tx.ProviderTokens(mine.ID); gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Errorf("mine: %v", err)
		}
		_, err := tx.ProviderTokens(theirs.ID)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestTokensOfTrustedApplicationsCanBeWithdrawn: nobody was asked about them.
func TestTokensOfTrustedApplicationsCanBeWithdrawn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hash := []byte("hash of a token, 32 bytes long..")
	err := w.store.Update(t.Context(), func(tx *store.Tx) error {
		if err := tx.SaveClient(&gatehouse.Client{ID: "wiki", Name: "Wiki", SecretHash: []byte("x"), Enabled: true, Trusted: true}); err != nil {
			return err
		}
		return tx.SaveTokens(&gatehouse.Token{
			Hash: hash, Kind: gatehouse.AccessToken, Family: "f", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
			Grant: gatehouse.Grantable{ClientID: "wiki", UserID: w.users["alice"].ID},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if page := w.do("alice", "GET", "/user/applications").Body.String(); !strings.Contains(page, "Wiki") || !strings.Contains(page, "Trusted by the administrators") {
		t.Error("it is not listed")
	}
	if r := w.post("alice", "/user/applications/wiki/withdraw", nil); r.Header().Get("Location") != "/user/applications?done=withdrawn" {
		t.Errorf("%d", r.Code)
	}
	err = w.store.View(t.Context(), func(tx *store.Tx) error {
		if _, _, err := tx.LiveToken(hash); gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Errorf("the token lives: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
