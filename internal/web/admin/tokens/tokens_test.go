package tokens

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/pats"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// world is this room with somebody of each role, and ann, who has one of everything.
type world struct {
	t       *testing.T
	store   *store.Store
	http    http.Handler
	cookies map[string]string
	ann     gatehouse.User
	secret  string
	token   gatehouse.PersonalToken
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := storetest.Open(t)
	m := &session.Manager{Store: s}
	u := &ui.UI{}
	room := &Tokens{Desk: &desk.Desk{UI: u, Store: s, Sessions: m, URL: "https://id.example"}, Personal: &pats.Tokens{Store: s}}
	mux := http.NewServeMux()
	room.Mount(mux)
	w := &world{t: t, store: s, http: u.Middleware(mux), cookies: map[string]string{}}
	w.update(func(tx *store.Tx) error {
		for who, role := range map[string]gatehouse.AdminRole{
			"root": gatehouse.RoleSuperAdministrator, "keeper": gatehouse.RoleConnectorAdministrator, "auditor": gatehouse.RoleAuditor, "ann": "",
		} {
			user := gatehouse.User{Username: who, Name: "<i>" + who, Role: role, State: gatehouse.UserActive}
			if err := tx.SaveUser(&user); err != nil {
				return err
			}
			if who == "ann" {
				w.ann = user
			}
			var err error
			if w.cookies[who], _, err = m.Start(tx, session.Start{UserID: user.ID, UserName: who, Method: "federated"}); err != nil {
				return err
			}
		}
		return w.fill(tx, room)
	})
	return w
}

func (w *world) fill(tx *store.Tx, room *Tokens) (err error) {
	by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: w.ann.ID}
	if w.secret, w.token, err = room.Personal.Make(tx, by, w.ann.ID, pats.New{Name: "<b>backup", Scopes: []string{pats.API}}); err != nil {
		return err
	}
	c := gatehouse.Connection{Name: "gitlab", Kind: "gitlab", Label: "GitLab", Enabled: true}
	if err := tx.SaveConnection(&c); err != nil {
		return err
	}
	i := gatehouse.Identity{UserID: w.ann.ID, ConnectionID: c.ID, Subject: "7"}
	if err := tx.SaveIdentity(&i); err != nil {
		return err
	}
	if err := tx.SaveProviderTokens(&gatehouse.ProviderTokens{IdentityID: i.ID, Tokens: gatehouse.Tokens{Access: "hidden-access", Refresh: "hidden-refresh"}}); err != nil {
		return err
	}
	if err := tx.SaveClient(&gatehouse.Client{ID: "app", Name: "The <b>App</b>", SecretHash: []byte("x"), Enabled: true}); err != nil {
		return err
	}
	if err := tx.SaveTokens(&gatehouse.Token{
		Hash: []byte("a hash"), Kind: gatehouse.AccessToken, Family: "f", ExpiresAt: tx.Now().Add(time.Hour),
		Grant: gatehouse.Grantable{ClientID: "app", UserID: w.ann.ID},
	}); err != nil {
		return err
	}
	return tx.SaveConsent(store.Consent{UserID: w.ann.ID, ClientID: "app", Scopes: []string{"openid"}})
}

func (w *world) update(fn func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.store.Update(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) do(as, method, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	if as != "" {
		r.AddCookie(&http.Cookie{Name: "gatehouse_session", Value: w.cookies[as]})
	}
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	return rec
}

func TestG1WhoMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	page := Href(w.ann.ID)
	for as, want := range map[string]int{"": 303, "ann": 403, "auditor": 200, "keeper": 200, "root": 200} {
		if r := w.do(as, http.MethodGet, page); r.Code != want {
			t.Errorf("%q reads: %d, want %d", as, r.Code, want)
		}
	}
	for _, path := range []string{page + "/" + w.token.ID + "/revoke", "/admin/users/" + w.ann.ID + "/applications/app/withdraw"} {
		for as, want := range map[string]int{"": 401, "ann": 403, "auditor": 403, "keeper": 403} {
			if r := w.do(as, http.MethodPost, path); r.Code != want {
				t.Errorf("%q changes: %d, want %d", as, r.Code, want)
			}
		}
		if r := w.do("root", http.MethodPost, path); r.Code != http.StatusSeeOther || !strings.HasPrefix(r.Header().Get("Location"), page+"?done=") {
			t.Errorf("POST %s: %d to %q", path, r.Code, r.Header().Get("Location"))
		}
		if r := w.do("root", http.MethodPost, path); r.Code != http.StatusNotFound {
			t.Errorf("again: %d", r.Code)
		}
	}
	w.update(func(tx *store.Tx) error {
		if _, _, err := pats.Look(tx, w.secret); gatehouse.KindOf(err) != gatehouse.Unauthorized {
			t.Errorf("the token lives: %v", err)
		}
		if _, _, err := tx.LiveToken([]byte("a hash")); gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Errorf("the application's token lives: %v", err)
		}
		return nil
	})
}

func TestPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.do("root", http.MethodGet, Href(w.ann.ID)).Body.String()
	for _, want := range []string{"backup", "GitLab", "openid", "Renewed when used", "/revoke", "/applications/app/withdraw"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, never := range []string{w.secret, "hidden-", "<b>", "<i>"} {
		if strings.Contains(got, never) {
			t.Errorf("the page has %q", never)
		}
	}
	if auditor := w.do("auditor", http.MethodGet, Href(w.ann.ID)).Body.String(); strings.Contains(auditor, "/revoke") || strings.Contains(auditor, "/withdraw") {
		t.Error("buttons for somebody who may not")
	}
	if r := w.do("root", http.MethodGet, Href("nobody")); r.Code != http.StatusNotFound {
		t.Errorf("nobody: %d", r.Code)
	}
}
