package people

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/self"
	"gatehouse/internal/session"
	"gatehouse/internal/signin"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	"gatehouse/internal/users"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// noon is when everything happens.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// locks pause one user until somebody ends it.
type locks struct{ userID string }

func (l *locks) Unlock(_ *store.Tx, _ gatehouse.Actor, userID string) (bool, error) {
	had := l.userID == userID
	l.userID = ""
	return had, nil
}

func (l *locks) PausedUntil(_ *store.Tx, userID string) (time.Time, error) {
	if l.userID != userID {
		return time.Time{}, nil
	}
	return noon.Add(20 * time.Minute), nil
}

// world is this part of the dashboard with a person for each role, one who
// waits for approval, and two accounts of one person.
type world struct {
	t          *testing.T
	store      *store.Store
	rules      *users.Users
	sessions   *session.Manager
	http       http.Handler
	users      map[string]gatehouse.User
	tokens     map[string]string // cookies, by username
	connection gatehouse.Connection
	ready      bool // mail is set up
	locks      *locks
}

func newWorld(t *testing.T) *world {
	t.Helper()
	clock := gatehouse.Clock(func() time.Time { return noon })
	s := storetest.OpenWith(t, storetest.Options{Clock: clock})
	w := &world{
		t: t, store: s, users: map[string]gatehouse.User{}, tokens: map[string]string{}, ready: true, locks: &locks{},
		rules: &users.Users{Store: s, Clock: clock, URL: "https://id.example.com"}, sessions: &session.Manager{Store: s, Clock: clock},
	}
	u := &ui.UI{Clock: clock}
	mux := http.NewServeMux()
	(&People{
		Desk: &desk.Desk{UI: u, Store: s, Sessions: w.sessions, URL: "https://id.example.com"}, Users: w.rules,
		Invites:   &signin.Service{Store: s, Users: w.rules, Sessions: w.sessions, URL: "https://id.example.com", Clock: clock},
		Proofs:    &self.Self{Users: w.rules, URL: "https://id.example.com"},
		Locks:     w.locks,
		MailReady: func() bool { return w.ready },
	}).Mount(mux)
	w.http = u.Middleware(mux)
	w.update(w.fill)
	return w
}

func (w *world) update(fn func(*store.Tx) error) {
	w.t.Helper()
	if err := w.store.Update(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) fill(tx *store.Tx) error {
	w.connection = gatehouse.Connection{
		Name: "gitlab", Kind: "gitlab", Label: "GitLab <i>", Enabled: true, AppSecret: "s3cr3t",
		Rules: gatehouse.ConnectionRules{AllowSingleSignOn: true, BlockAutoCreatedUsers: true},
	}
	if err := tx.SaveConnection(&w.connection); err != nil {
		return err
	}
	for name, role := range map[string]gatehouse.AdminRole{
		"root": gatehouse.RoleSuperAdministrator, "keeper": gatehouse.RoleConnectorAdministrator,
		"auditor": gatehouse.RoleAuditor, "alice": "", "twin": "",
	} {
		u := gatehouse.User{Username: name, Name: "<script>" + name, Email: name + "@x.org", Role: role, State: gatehouse.UserActive}
		if err := tx.SaveUser(&u); err != nil {
			return err
		}
		w.users[name] = u
		if err := w.signIn(tx, name, noon); err != nil {
			return err
		}
	}
	for _, name := range []string{"alice", "twin"} {
		i := gatehouse.Identity{UserID: w.users[name].ID, ConnectionID: w.connection.ID, Subject: "of-" + name, Profile: gatehouse.Profile{Name: name + " <there>"}}
		if err := tx.SaveIdentity(&i); err != nil {
			return err
		}
	}
	v := gatehouse.Vouched{Subject: "9", Profile: gatehouse.Profile{
		Username: "waiting", Name: "<script>waiting", Email: "waiting@x.org", Verified: gatehouse.Unverified, Groups: []string{"<b>devs"},
	}}
	u, _, err := w.rules.Ensure(tx, w.connection, v, users.EnsureOptions{Message: "I am <new>\nhere"})
	w.users["waiting"] = u
	return err
}

// signIn gives a user a session that began at a time.
func (w *world) signIn(tx *store.Tx, name string, at time.Time) (err error) {
	w.tokens[name], _, err = w.sessions.Start(tx, session.Start{UserID: w.users[name].ID, UserName: name, Method: "federated", AuthAt: at})
	return err
}

// send sends a form, or asks for a page when it is nil.
func (w *world) send(as, target string, form url.Values) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if form != nil {
		r = httptest.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Referer", "https://id.example.com"+Href(w.users["alice"].ID))
	}
	r.AddCookie(&http.Cookie{Name: "gatehouse_session", Value: w.tokens[as]})
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	return rec
}

// says checks that root sees a page with all the texts.
func (w *world) says(target string, texts ...string) {
	w.t.Helper()
	got := w.send("root", target, nil)
	if got.Code != http.StatusOK {
		w.t.Errorf("GET %s: %d", target, got.Code)
	}
	shows(w.t, target, got, texts...)
}

func shows(t *testing.T, what string, got *httptest.ResponseRecorder, texts ...string) {
	t.Helper()
	_, body, _ := strings.Cut(got.Body.String(), "<main")
	body, _, _ = strings.Cut(body, "<footer")
	for _, text := range texts {
		if !strings.Contains(body, text) {
			t.Errorf("%s does not say %q:\n%s", what, text, body)
		}
	}
}

// leads checks that a form was taken, and where the browser goes then.
func (w *world) leads(got *httptest.ResponseRecorder, to string) {
	w.t.Helper()
	if got.Code != http.StatusSeeOther || got.Header().Get("Location") != to {
		_, body, _ := strings.Cut(got.Body.String(), "<main")
		w.t.Errorf("%d to %q, want %q:\n%s", got.Code, got.Header().Get("Location"), to, body)
	}
}

func (w *world) user(name string) (u gatehouse.User) {
	w.t.Helper()
	w.update(func(tx *store.Tx) (err error) {
		u, err = tx.User(w.users[name].ID)
		return err
	})
	return u
}

func (w *world) identity(name string) (i gatehouse.Identity) {
	w.t.Helper()
	w.update(func(tx *store.Tx) (err error) {
		i, err = tx.Identity(w.connection.ID, "of-"+name)
		return err
	})
	return i
}
