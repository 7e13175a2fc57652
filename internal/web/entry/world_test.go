package entry

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/integration"
	"gatehouse/internal/op"
	"gatehouse/internal/outgoing"
	"gatehouse/internal/session"
	"gatehouse/internal/signin"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	"gatehouse/internal/users"
	"gatehouse/internal/web/ui"
)

// provider vouches for the person whom the answer's code names.
type provider struct{}

func (provider) Begin(_ context.Context, a gatehouse.Attempt) (string, error) {
	return "https://provider.example/authorize?" + url.Values{"state": {a.State}, "ui_locales": {a.Locale}}.Encode(), nil
}

func (provider) Finish(_ context.Context, _ gatehouse.Attempt, v url.Values) (gatehouse.Vouched, error) {
	switch code := v.Get("code"); code {
	case "":
		return gatehouse.Vouched{}, errors.New("no code")
	case "stranger":
		return gatehouse.Vouched{}, gatehouse.Errorf(gatehouse.Forbidden, "Only people of %s may sign in.", "<b>ACME</b>")
	default:
		return gatehouse.Vouched{Subject: code, Profile: gatehouse.Profile{Username: code}}, nil
	}
}

// world is this package over an empty database with some connections.
type world struct {
	t     *testing.T
	store *store.Store
	sign  *signin.Service
	entry *Entry
	http  http.Handler
}

func newWorld(t *testing.T, connections ...gatehouse.Connection) *world {
	t.Helper()
	s := storetest.Open(t)
	maker, err := outgoing.New(outgoing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	open := func(gatehouse.Connection, integration.Env) (integration.Door, error) {
		return integration.Door{Provider: provider{}}, nil
	}
	sessions := &session.Manager{Store: s}
	w := &world{t: t, store: s, sign: &signin.Service{
		Store: s, URL: "https://id.example.com", Sessions: sessions, Users: &users.Users{Store: s},
		Apps: &apps.Apps{Store: s, Outgoing: maker, Kinds: []integration.Kind{{Name: "fake", OpenConnection: open}}},
	}}
	u := &ui.UI{}
	mux := http.NewServeMux()
	w.entry = &Entry{UI: u, SignIn: w.sign, Sessions: sessions, Leave: &op.Provider{
		Store: s, UI: u, Sessions: sessions, ProviderLogout: w.sign.ProviderLogout,
	}}
	w.entry.Mount(mux)
	w.http = u.Middleware(mux)
	w.update(func(tx *store.Tx) error {
		for _, c := range connections {
			c.Kind = "fake"
			if err := tx.SaveConnection(&c); err != nil {
				return err
			}
		}
		return nil
	})
	return w
}

func (w *world) update(fn func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.store.Update(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// one is a connection that may create accounts.
func one() gatehouse.Connection {
	return gatehouse.Connection{Name: "one", Label: "The One", Enabled: true, Rules: gatehouse.ConnectionRules{AllowSingleSignOn: true}}
}

// browser keeps cookies.
type browser struct {
	w       *world
	cookies map[string]string
	header  string // sent with every request, "" = none
}

func (w *world) browser() *browser { return &browser{w: w, cookies: map[string]string{}} }

// page is what a browser got.
type page struct {
	status   int
	location string
	body     string
	header   http.Header
}

func (b *browser) do(method, target, form string) page {
	b.w.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(form))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.header != "" {
		r.Header.Set(b.header, "yes")
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	rec := httptest.NewRecorder()
	b.w.http.ServeHTTP(rec, r)
	for _, c := range rec.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return page{rec.Code, rec.Header().Get("Location"), rec.Body.String(), rec.Header()}
}

func (b *browser) get(target string) page        { return b.do(http.MethodGet, target, "") }
func (b *browser) post(target, form string) page { return b.do(http.MethodPost, target, form) }

func (b *browser) signedIn() bool { return b.cookies["gatehouse_session"] != "" }

// begin presses the button of connection one and gives the state that went to the provider.
func (b *browser) begin(form string) string {
	b.w.t.Helper()
	p := b.post("/sign-in/one", form)
	u, err := url.Parse(p.location)
	if p.status != http.StatusSeeOther || err != nil || u.Host != "provider.example" {
		b.w.t.Fatalf("pressing the button: status %d to %q: %s", p.status, p.location, p.body)
	}
	return u.Query().Get("state")
}

// signIn goes the whole way as a person and says where it ends.
func (b *browser) signIn(person string) page {
	b.w.t.Helper()
	return b.get("/users/auth/one/callback?" + url.Values{"code": {person}, "state": {b.begin("")}}.Encode())
}

// request keeps an authorization request of this browser, as op does.
func (b *browser) request(handle string, d gatehouse.Demand) {
	b.w.t.Helper()
	b.get("/sign-in") // the browser gets its cookie
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "gatehouse_browser", Value: b.cookies["gatehouse_browser"]})
	hash, ok := b.w.sign.Sessions.BrowserOf(r)
	if !ok {
		b.w.t.Fatal("the browser has no cookie of its own")
	}
	b.w.update(func(tx *store.Tx) error {
		c := gatehouse.Client{ID: "demo", Name: "Demo <i>", Enabled: true, RedirectURIs: []string{"https://demo.example/cb"}, Managed: gatehouse.ManagedByFile}
		if err := tx.SaveClient(&c); err != nil {
			return err
		}
		return tx.SaveRequest(&gatehouse.Request{Handle: handle, ClientID: "demo", BrowserHash: hash, Params: []byte("{}"), Demand: d, ExpiresAt: tx.Now().Add(time.Minute)})
	})
}

// userOf is the only user.
func userOf(t *testing.T, w *world) gatehouse.User {
	t.Helper()
	var found store.Page[gatehouse.User]
	w.update(func(tx *store.Tx) (err error) {
		found, err = tx.Users(store.UserFilter{}, store.Cursor{})
		return err
	})
	if len(found.Items) != 1 {
		t.Fatalf("%d users", len(found.Items))
	}
	return found.Items[0]
}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
