package ways

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/integration"
	"gatehouse/internal/outgoing"
	"gatehouse/internal/session"
	"gatehouse/internal/signin"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	"gatehouse/internal/users"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const secret = "s3cr3t-of-the-app"

// world is the ways in of an installation with a person for each role, a kind
// with a form, and a connection of the file.
type world struct {
	t      *testing.T
	now    time.Time
	store  *store.Store
	apps   *apps.Apps
	http   http.Handler
	users  map[string]gatehouse.User
	tokens map[string]string // cookies, by username
}

// provider vouches for one person.
type provider struct{}

func (provider) Begin(_ context.Context, a gatehouse.Attempt) (string, error) {
	return "https://provider.example/authorize?state=" + a.State, nil
}

func (provider) Finish(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error) {
	return gatehouse.Vouched{Subject: "7", Profile: gatehouse.Profile{Username: "newcomer", Name: "New <i>comer"}}, nil
}

func idp() integration.Kind {
	return integration.Kind{
		Name: "idp", Title: "Provider",
		Form: integration.Form{
			Summary: "Sign-in with GitLab.com or with a GitLab of your own.", Scopes: "read", ClientID: "Application ID",
			Fields: []integration.Field{
				{Arg: "client_options.site", Label: "URL", Type: integration.URLField, Required: true},
				{Arg: "pkce", Label: "Use PKCE", Type: integration.FlagField, Usual: "true", Advanced: true},
				{Arg: "who", Label: "Who may sign in", Type: integration.ChoiceField, Choices: []integration.Choice{{Value: "some", Label: "None"}, {Value: "all", Label: "Companies"}}},
			},
		},
		ConnectionHosts: func(c gatehouse.Connection) []string {
			options, _ := c.Args["client_options"].(map[string]any)
			site, _ := options["site"].(string)
			return []string{site}
		},
		OpenConnection: func(c gatehouse.Connection, _ integration.Env) (integration.Door, error) {
			if c.AppSecret == "" {
				return integration.Door{}, gatehouse.Errorf(gatehouse.Invalid, "The setting %s is missing. Enter it and save again.", "app_secret")
			}
			return integration.Door{Provider: provider{}}, nil
		},
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: noon, users: map[string]gatehouse.User{}, tokens: map[string]string{}}
	clock := gatehouse.Clock(func() time.Time { return w.now })
	w.store = storetest.OpenWith(t, storetest.Options{Clock: clock})
	maker, err := outgoing.New(outgoing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	alias := idp()
	alias.Name, alias.Form.AliasOf = "idp_alias", "idp"
	w.apps = &apps.Apps{Store: w.store, Outgoing: maker, Kinds: []integration.Kind{idp(), alias, {Name: "shut"}}, URL: "https://id.example.com"}
	m := &session.Manager{Store: w.store, Clock: clock}
	u := &ui.UI{Clock: clock}
	d := &desk.Desk{UI: u, Store: w.store, Sessions: m, URL: "https://id.example.com"}
	service := &signin.Service{
		Store: w.store, Apps: w.apps, Users: &users.Users{Store: w.store, Clock: clock}, Sessions: m, URL: "https://id.example.com", Clock: clock,
	}
	mux := http.NewServeMux()
	(&Ways{Desk: d, Apps: w.apps, SignIn: service}).Mount(mux)
	w.http = u.Middleware(mux)
	w.update(func(tx *store.Tx) error { return w.fill(tx, m) })
	return w
}

func (w *world) fill(tx *store.Tx, m *session.Manager) error {
	for name, role := range map[string]gatehouse.AdminRole{
		"root": gatehouse.RoleSuperAdministrator, "keeper": gatehouse.RoleConnectorAdministrator, "auditor": gatehouse.RoleAuditor, "alice": "",
	} {
		u := gatehouse.User{Username: name, Name: "<b>" + name, Role: role, State: gatehouse.UserActive}
		if err := tx.SaveUser(&u); err != nil {
			return err
		}
		token, _, err := m.Start(tx, session.Start{UserID: u.ID, UserName: name, Method: "federated"})
		if err != nil {
			return err
		}
		w.users[name], w.tokens[name] = u, token
	}
	return tx.SaveConnection(&gatehouse.Connection{
		Name: "filed", Kind: "idp", Label: "Filed <i>", Enabled: true, AppID: "file-id", AppSecret: secret, Managed: gatehouse.ManagedByFile,
		Args: map[string]any{"client_options": map[string]any{"site": "https://me:" + secret + "@idp.example"}, "jwt_secret": secret},
	})
}

func (w *world) update(fn func(*store.Tx) error) {
	w.t.Helper()
	if err := w.store.Update(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// do sends a request as somebody; form nil: a GET.
func (w *world) do(as, path string, form url.Values) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if form != nil {
		r = httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token := w.tokens[as]; token != "" {
		r.AddCookie(&http.Cookie{Name: "gatehouse_session", Value: token})
	}
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	return rec
}

// good is a form that adds a connection.
func good() url.Values {
	return url.Values{
		"name": {"mine"}, "label": {"Mine"}, "enabled": {"true"}, "sign_in": {"true"}, "custom": {"true"}, "app_id": {"the-id"}, "app_secret": {secret},
		"arg.scope": {"a b"}, "arg.client_options.site": {"https://idp.example"}, "arg.pkce": {"true"}, "arg.who": {"all"}, "new_people": {"create"},
		"trusted_domains": {"example.com, example.org"}, "sync_profile": {"true"}, "keep_tokens": {"true"}, "sync_attributes": {"name", "email"}, "more": {"prompt: login\n"},
	}
}

// connection is what is stored.
func (w *world) connection(name string) (c gatehouse.Connection) {
	w.t.Helper()
	w.update(func(tx *store.Tx) (err error) {
		c, err = tx.ConnectionByName(name)
		return err
	})
	return c
}

// added adds "mine".
func (w *world) added() gatehouse.Connection {
	w.t.Helper()
	if r := w.do("root", "/admin/add-connection/all/idp", good()); r.Code != http.StatusSeeOther {
		w.t.Fatalf("add: %d\n%s", r.Code, r.Body)
	}
	return w.connection("mine")
}

func (w *world) says(r *httptest.ResponseRecorder, texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.Body.String(), text) {
			w.t.Errorf("does not say %q (%d):\n%s", text, r.Code, r.Body)
		}
	}
}
