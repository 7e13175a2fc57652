package clients

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// world is this room with somebody of each role.
type world struct {
	t       *testing.T
	store   *store.Store
	apps    *apps.Apps
	http    http.Handler
	cookies map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := storetest.Open(t)
	m := &session.Manager{Store: s}
	u := &ui.UI{}
	w := &world{t: t, store: s, apps: &apps.Apps{Store: s}, cookies: map[string]string{}}
	mux := http.NewServeMux()
	(&Clients{Desk: &desk.Desk{UI: u, Store: s, Sessions: m, URL: "https://id.example"}, Apps: w.apps}).Mount(mux)
	w.http = u.Middleware(mux)
	w.update(func(tx *store.Tx) error {
		for who, role := range map[string]gatehouse.AdminRole{
			"root": gatehouse.RoleSuperAdministrator, "keeper": gatehouse.RoleConnectorAdministrator, "auditor": gatehouse.RoleAuditor, "ann": "",
		} {
			user := gatehouse.User{Username: who, Role: role, State: gatehouse.UserActive}
			if err := tx.SaveUser(&user); err != nil {
				return err
			}
			var err error
			if w.cookies[who], _, err = m.Start(tx, session.Start{UserID: user.ID, UserName: who, Method: "federated"}); err != nil {
				return err
			}
		}
		for _, key := range []string{"gitlab", "legacy"} {
			if err := tx.SaveConnector(&gatehouse.Connector{Key: key, Name: strings.ToUpper(key), Kind: "gitlab", Enabled: true, PulledAt: tx.Now()}); err != nil {
				return err
			}
		}
		return tx.SaveClient(&gatehouse.Client{ID: "file", Name: "Of the <b>file</b>", SecretHash: []byte("x"), Enabled: true, Managed: gatehouse.ManagedByFile, Scopes: []string{"openid"}})
	})
	return w
}

func (w *world) update(fn func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.store.Update(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) client(id string) (c gatehouse.Client) {
	w.t.Helper()
	w.update(func(tx *store.Tx) (err error) {
		c, err = tx.Client(id)
		return err
	})
	return c
}

func (w *world) do(as, method, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: "gatehouse_session", Value: w.cookies[as]})
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	return rec
}

func entered(changes ...string) url.Values {
	form := url.Values{
		"name": {"Wiki"}, "redirect_uris": {"https://wiki.example/cb"}, "scopes": {"openid", "api"}, "confidential": {"true"}, "require_pkce": {"true"},
		"grant_types": {"authorization_code", "refresh_token"}, "groups_from": {"gitlab"}, "groups_only": {"eng\r\nops/core"}, "life_access": {"30m"},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form
}

var (
	secretOf = regexp.MustCompile(`gths_[0-9a-f]{64}`)
	idOf     = regexp.MustCompile(`/admin/clients/([0-9a-f]{64})`)
)

// added adds a client and returns it with its secret.
func (w *world) added(form url.Values) (gatehouse.Client, string) {
	w.t.Helper()
	r := w.do("root", http.MethodPost, "/admin/add-client", form)
	m := idOf.FindStringSubmatch(r.Body.String())
	if r.Code != http.StatusOK || m == nil {
		w.t.Fatalf("%d %s", r.Code, r.Body)
	}
	return w.client(m[1]), secretOf.FindString(r.Body.String())
}

func TestG1WhoMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/admin/clients", "/admin/clients/file"} {
		for as, want := range map[string]int{"": 303, "ann": 403, "auditor": 200, "keeper": 200, "root": 200} {
			if r := w.do(as, http.MethodGet, path, nil); r.Code != want {
				t.Errorf("%q reads %s: %d, want %d", as, path, r.Code, want)
			}
		}
	}
	c, _ := w.added(entered())
	one := Href(c.ID)
	for path, method := range map[string]string{
		"/admin/add-client": "POST", one + "/edit": "POST", one + "/remove": "POST", one + "/secret": "POST", one + "/turn/disable": "POST",
	} {
		for _, as := range []string{"ann", "auditor", "keeper"} {
			if r := w.do(as, method, path, entered()); r.Code != http.StatusForbidden {
				t.Errorf("%q changes %s: %d", as, path, r.Code)
			}
		}
	}
	if page := w.do("auditor", http.MethodGet, one, nil).Body.String(); strings.Contains(page, one+"/edit") || strings.Contains(page, "<form method=\"post\" action=\""+one) {
		t.Error("buttons for somebody who may not")
	}
}

func TestAddChangeAndRemove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, secret := w.added(entered("owner", "x", "secret", "y", "id", "z"))
	if secret == "" || c.Public() || c.GrantTypes != nil || c.Settings.GroupsFrom != "gitlab" || strings.Join(c.Settings.GroupsOnly, " ") != "eng ops/core" ||
		c.Settings.Lifetimes.Access != 30*time.Minute || c.OwnerID != "" {
		t.Errorf("G3: added %+v", c)
	}
	one := Href(c.ID)
	for path, want := range map[string][]string{
		"/admin/clients": {"Wiki", "Of the &lt;b&gt;file", "/admin/add-client"}, one: {"those of GITLAB", "ops/core", "30m", "Renew secret"},
		one + "/edit": {"https://wiki.example/cb", `value="30m"`, "ops/core"}, one + "/remove": {"Remove Wiki"},
	} {
		page := w.do("root", http.MethodGet, path, nil).Body.String()
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("%s lacks %q", path, text)
			}
		}
		if strings.Contains(page, secret) {
			t.Errorf("G7: %s shows the secret", path)
		}
	}
	form := entered("name", "Wiki 2", "grant_types", "client_credentials", "trusted", "true", "groups_from", "none", "seen", ui.Seen(c.UpdatedAt))
	if r := w.do("root", http.MethodPost, one+"/edit", form); r.Header().Get("Location") != one+"?done=saved" {
		t.Fatalf("edit: %d %s", r.Code, r.Body)
	}
	if c = w.client(c.ID); c.Name != "Wiki 2" || !c.Trusted || len(c.GrantTypes) != 1 || c.Settings.GroupsFrom != gatehouse.NoGroups {
		t.Errorf("edited %+v", c)
	}
	for what, path := range map[string]string{"edit": one + "/edit", "secret": one + "/secret", "turn": one + "/turn/disable", "remove": one + "/remove"} {
		if r := w.do("root", http.MethodPost, path, entered("seen", "1")); r.Code != http.StatusConflict {
			t.Errorf("%s of a state that is over: %d", what, r.Code)
		}
	}
	if r := w.do("root", http.MethodPost, one+"/turn/disable", url.Values{"seen": {ui.Seen(c.UpdatedAt)}}); r.Header().Get("Location") != one+"?done=disabled" {
		t.Errorf("disable: %d", r.Code)
	}
	c = w.client(c.ID)
	if r := w.do("root", http.MethodPost, one+"/secret", url.Values{"seen": {ui.Seen(c.UpdatedAt)}}); r.Code != http.StatusOK || secretOf.FindString(r.Body.String()) == secret {
		t.Errorf("renew: %d", r.Code)
	}
	c = w.client(c.ID)
	if r := w.do("root", http.MethodPost, one+"/remove", url.Values{"seen": {ui.Seen(c.UpdatedAt)}}); r.Header().Get("Location") != "/admin/clients?done=removed" || c.Enabled {
		t.Errorf("remove: %d, enabled %v", r.Code, c.Enabled)
	}
}

func TestWrongSettingsLoseNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, tt := range map[string]struct{ field, value, says string }{
		"A3Redirect": {"redirect_uris", "data:x", "No answer may be sent"},
		"Lifetime":   {"life_id", "soon", "A lifetime is a time"},
		"Source":     {"groups_from", "gitlob", "no GitLab connector with this key"},
		"App":        {"app", "nothing", "no app with this key"},
		"Groups":     {"groups_only", "/eng", "full paths of groups"},
		"Scopes":     {"scopes", "sudo", "at least one"},
	} {
		r := w.do("root", http.MethodPost, "/admin/add-client", entered(tt.field, tt.value))
		if r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), tt.says) || !strings.Contains(r.Body.String(), `value="Wiki"`) {
			t.Errorf("%s: %d\n%s", name, r.Code, r.Body)
		}
	}
}

// TestOfTheFile: what the file names is shown, and changed there.
func TestOfTheFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client("file")
	if page := w.do("root", http.MethodGet, "/admin/clients/file", nil).Body.String(); strings.Contains(page, "/edit") || !strings.Contains(page, "several GitLabs") {
		t.Error("it can be edited, or nobody is warned that it is told of no groups")
	}
	for path, method := range map[string]string{"edit": "GET", "secret": "POST", "remove": "POST", "turn/disable": "POST"} {
		if r := w.do("root", method, "/admin/clients/file/"+path, url.Values{"seen": {ui.Seen(c.UpdatedAt)}}); r.Code != http.StatusConflict {
			t.Errorf("%s: %d", path, r.Code)
		}
	}
}
