package connectors

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/access"
	"gatehouse/internal/apps"
	"gatehouse/internal/integration"
	"gatehouse/internal/jobs"
	"gatehouse/internal/outgoing"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

const secret = "s3cr3t-of-the-app"

// directory is an app that can be read, and offers groups to choose.
type directory struct{ err error }

func (d *directory) Probe(context.Context) (integration.Probe, error) {
	return integration.Probe{
		Version: "18.1", Edition: "ee", Actor: "<i>root", Admin: true, Scopes: []string{"api"}, ExpiresAt: "2026-03-08",
		Notes: []gatehouse.Note{{Text: "a note of the probe"}},
	}, d.err
}

func (d *directory) Pull(context.Context, integration.Checkpoint) iter.Seq2[integration.Page, error] {
	return func(func(integration.Page, error) bool) {}
}

func (d *directory) Account(context.Context, string) (gatehouse.Account, []gatehouse.Grant, error) {
	return gatehouse.Account{}, nil, gatehouse.NotFound
}

func (d *directory) Choose(_ context.Context, _, search string) ([]integration.Choice, error) {
	var found []integration.Choice
	for _, c := range []integration.Choice{{Value: "eng", Label: "<i>Engineering"}, {Value: "eng/core", Label: "Core"}, {Value: "ops", Label: "Operation"}} {
		if strings.Contains(c.Value, search) {
			found = append(found, c)
		}
	}
	return found, d.err
}

func (d *directory) Receive(context.Context, integration.Delivery) (integration.Answer, []gatehouse.Notice, error) {
	return integration.Answer{}, nil, nil
}

// world is the connectors of an installation with a person for each role, a kind
// with a form, and a connector of the file.
type world struct {
	t      *testing.T
	now    time.Time
	store  *store.Store
	app    *directory
	http   http.Handler
	users  map[string]gatehouse.User
	tokens map[string]string // cookies, by username
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), app: &directory{},
		users: map[string]gatehouse.User{}, tokens: map[string]string{},
	}
	clock := gatehouse.Clock(func() time.Time { return w.now })
	w.store = storetest.OpenWith(t, storetest.Options{Clock: clock})
	maker, err := outgoing.New(outgoing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	kind := integration.Kind{
		Name: "directory", Title: "GitLab",
		OpenConnection: func(gatehouse.Connection, integration.Env) (integration.Door, error) { return integration.Door{}, nil },
		ConnectorHosts: func(c gatehouse.Connector) []string { return []string{c.URL} },
		ConnectorForm: integration.ConnectorForm{
			Summary: "People.", URL: integration.Field{Label: "URL", Required: true}, Token: integration.Field{Label: "Personal access token", Required: true},
			Fields: []integration.Field{
				{Arg: "group", Label: "Group for new accounts", Type: integration.PickField},
				{Arg: "mode", Label: "Mode", Type: integration.ChoiceField, Choices: []integration.Choice{{Value: "stream", Label: "Stream"}, {Value: "callback", Label: "Callback"}}},
				{Arg: "deep", Label: "Deep", Type: integration.FlagField, Usual: "true"},
				{Arg: "aes_key", Label: "Key", Type: integration.SecretField, Advanced: true},
			},
		},
		OpenConnector: func(c gatehouse.Connector, _ integration.Env) (integration.Connected, error) {
			connected := integration.Connected{Source: w.app, Chooser: w.app}
			if c.HookSecret != "" {
				connected.Receiver = w.app
			}
			return connected, nil
		},
	}
	open := &apps.Apps{Store: w.store, Outgoing: maker, Clock: clock, Kinds: []integration.Kind{kind, {Name: "shut"}}, URL: "https://id.example.com"}
	service := &access.Service{Store: w.store, Apps: open, Jobs: &jobs.Runner{Store: w.store}, Clock: clock, Log: slog.New(slog.DiscardHandler), Metrics: gatehouse.NoMetrics{}}
	m := &session.Manager{Store: w.store, Clock: clock}
	u := &ui.UI{Clock: clock}
	mux := http.NewServeMux()
	(&Connectors{Desk: &desk.Desk{UI: u, Store: w.store, Sessions: m, URL: "https://id.example.com"}, Apps: open, Access: service}).Mount(mux)
	w.http = u.Middleware(mux)
	w.update(func(tx *store.Tx) error { return w.fill(tx, m) })
	return w
}

func (w *world) fill(tx *store.Tx, m *session.Manager) error {
	for name, role := range map[string]gatehouse.AdminRole{
		"root": gatehouse.RoleSuperAdministrator, "keeper": gatehouse.RoleConnectorAdministrator, "auditor": gatehouse.RoleAuditor, "alice": "",
	} {
		u := gatehouse.User{Username: name, Name: "<b>" + name, Email: name + "@example.com", EmailVerified: true, Role: role, State: gatehouse.UserActive}
		if err := tx.SaveUser(&u); err != nil {
			return err
		}
		token, _, err := m.Start(tx, session.Start{UserID: u.ID, UserName: name, Method: "federated"})
		if err != nil {
			return err
		}
		w.users[name], w.tokens[name] = u, token
	}
	if err := tx.SaveClient(&gatehouse.Client{ID: "wiki", Name: "Wiki", Enabled: true, Managed: gatehouse.ManagedByDashboard}); err != nil {
		return err
	}
	return tx.SaveConnector(&gatehouse.Connector{
		Key: "filed", Kind: "directory", Name: "Filed <i>", URL: "https://9.9.9.10", Token: secret, Secrets: map[string]string{"aes_key": secret}, Enabled: true,
		Managed: gatehouse.ManagedByFile, Settings: map[string]string{"group": "eng"},
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

// good is a form that adds a connector.
func good() url.Values {
	return url.Values{
		"name": {"People"}, "key": {"mine"}, "url": {"https://9.9.9.9/"}, "token": {secret}, "owners": {"root@example.com\r\nann@example.com"},
		"arg.group": {"eng"}, "arg.mode": {"callback"}, "arg.deep": {"true"}, "secret.aes_key": {secret + "-2"}, "schedule": {"0 3 * * *"}, "time_zone": {"Asia/Shanghai"},
	}
}

const adding = "/admin/add-connector/directory/settings"

// connector is what is stored.
func (w *world) connector(key string) (c gatehouse.Connector) {
	w.t.Helper()
	w.update(func(tx *store.Tx) (err error) {
		c, err = tx.ConnectorByKey(key)
		return err
	})
	return c
}

// added adds "mine".
func (w *world) added() gatehouse.Connector {
	w.t.Helper()
	if r := w.do("root", adding, good()); r.Code != http.StatusSeeOther {
		w.t.Fatalf("add: %d\n%s", r.Code, r.Body)
	}
	return w.connector("mine")
}

func (w *world) says(r *httptest.ResponseRecorder, texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.Body.String(), text) {
			w.t.Errorf("does not say %q (%d):\n%s", text, r.Code, r.Body)
		}
	}
}

// mailed are the addresses that mails are on their way to.
func (w *world) mailed() (all []string) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		found, err := tx.Jobs("mail.send", "", store.Cursor{Limit: 50})
		all = nil
		for _, j := range found.Items {
			row, err := tx.Mail(strings.Split(string(j.Args), `"`)[3])
			if err != nil {
				return err
			}
			all = append(all, row.Address)
		}
		slices.Sort(all)
		return err
	})
	return all
}
