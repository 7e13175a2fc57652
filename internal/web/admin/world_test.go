package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/access"
	"gatehouse/internal/apps"
	"gatehouse/internal/session"
	"gatehouse/internal/signin"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	"gatehouse/internal/users"
	"gatehouse/internal/web/admin/connectors"
	"gatehouse/internal/web/ui"
)

// noon is when everything happens.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// syncer notes what was asked for. What else a Keeper does is tested in its room.
type syncer struct {
	connectors.Keeper
	synced, released []string
}

func (s *syncer) NextSync(gatehouse.Connector) time.Time { return time.Time{} }

func (s *syncer) SyncNow(tx *store.Tx, by gatehouse.Actor, id string) (string, error) {
	s.synced = append(s.synced, by.Name+" "+id)
	return "job", tx.SetConnectorStatus(id, gatehouse.ConnectorSyncing, gatehouse.Note{})
}

func (s *syncer) Release(_ *store.Tx, by gatehouse.Actor, id string) error {
	s.released = append(s.released, by.Name+" "+id)
	return nil
}

// world is the dashboard of an installation with a person for each role, a
// newcomer who waits, and a GitLab that was read.
type world struct {
	t      *testing.T
	store  *store.Store
	sync   *syncer
	http   http.Handler
	users  map[string]gatehouse.User
	tokens map[string]string // cookies, by username

	connection      gatehouse.Connection
	gitlab, other   gatehouse.Connector
	decision, stray gatehouse.Decision
	held            gatehouse.Pull
}

func newWorld(t *testing.T) *world {
	t.Helper()
	clock := gatehouse.Clock(func() time.Time { return noon })
	s := storetest.OpenWith(t, storetest.Options{Clock: clock})
	w := &world{t: t, store: s, sync: &syncer{}, users: map[string]gatehouse.User{}, tokens: map[string]string{}}
	m := &session.Manager{Store: s, Clock: clock}
	u := &ui.UI{Clock: clock}
	mux := http.NewServeMux()
	(&Admin{
		UI: u, Store: s, Sessions: m, Users: &users.Users{Store: s, Clock: clock}, Access: w.sync, Findings: &access.Service{}, Apps: &apps.Apps{Store: s, URL: "https://id.example.com"}, SignIn: &signin.Service{Store: s, Apps: &apps.Apps{Store: s}}, URL: "https://id.example.com",
	}).Mount(mux)
	w.http = u.Middleware(mux)
	w.update(func(tx *store.Tx) error {
		for _, fill := range []func(*store.Tx) error{w.fillApps, func(tx *store.Tx) error { return w.fillPeople(tx, m) }, w.fillGitLab} {
			if err := fill(tx); err != nil {
				return err
			}
		}
		return nil
	})
	return w
}

func (w *world) update(fn func(*store.Tx) error) {
	w.t.Helper()
	if err := w.store.Update(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) fillApps(tx *store.Tx) error {
	w.connection = gatehouse.Connection{
		Name: "gitlab", Kind: "gitlab", Label: "GitLab <i>", Enabled: true, AppID: "the-app-id", AppSecret: "s3cr3t-app", Managed: gatehouse.ManagedByFile,
		Args: map[string]any{"client_options": map[string]any{"site": "https://gitlab.example.com", "secret": "s3cr3t-option"}, "password": "s3cr3t-arg"},
	}
	if err := tx.SaveConnection(&w.connection); err != nil {
		return err
	}
	return tx.SaveClient(&gatehouse.Client{
		ID: "demo", Name: "Demo", SecretHash: []byte("s3cr3t-hash"), RedirectURIs: []string{"https://demo.example/cb?a=b&c"},
		Scopes: []string{"openid"}, RequirePKCE: true, Enabled: true, Managed: gatehouse.ManagedByFile,
	})
}

func (w *world) fillPeople(tx *store.Tx, m *session.Manager) error {
	for name, role := range map[string]gatehouse.AdminRole{
		"root": gatehouse.RoleSuperAdministrator, "keeper": gatehouse.RoleConnectorAdministrator,
		"auditor": gatehouse.RoleAuditor, "alice": "", "waiting": "",
	} {
		u := gatehouse.User{Username: name, Name: "<script>" + name + "</script>", Role: role, State: gatehouse.UserActive}
		if name == "waiting" {
			u.State = gatehouse.UserPending
		}
		if err := tx.SaveUser(&u); err != nil {
			return err
		}
		token, _, err := m.Start(tx, session.Start{UserID: u.ID, UserName: name, Method: "federated", UserAgent: "Firefox/140 <script>", Address: "203.0.113.9"})
		if err != nil {
			return err
		}
		w.users[name], w.tokens[name] = u, token
	}
	alice := w.users["alice"]
	w.decision = gatehouse.Decision{
		Reference: "K7QX2M9P", ConnectionID: w.connection.ID, Subject: "42", UserID: alice.ID, Outcome: gatehouse.OutcomeCreated, Rule: "allow_single_sign_on",
		Reason: "Nobody here had this %s account, and a new account may be made by signing in with it.", Args: []string{"GitLab"},
		Facts: map[string]string{"provider_name": "Alice <script>", "identity_known": "no"}, Address: "203.0.113.9",
	}
	w.stray = gatehouse.Decision{Reference: "R3FVSED0", Outcome: gatehouse.OutcomeRefused, Rule: "state_unknown", Reason: "This sign-in was finished already, or was not begun here. Please sign in again."}
	for _, d := range []*gatehouse.Decision{&w.decision, &w.stray} {
		if err := tx.SaveDecision(d); err != nil {
			return err
		}
	}
	alice.Provenance = w.decision.ID
	if err := tx.SaveUser(&alice); err != nil {
		return err
	}
	w.users["alice"] = alice
	return tx.SaveIdentity(&gatehouse.Identity{
		UserID: alice.ID, ConnectionID: w.connection.ID, Subject: "42", Aliases: map[string]string{"openid": "o-42"},
		Profile: gatehouse.Profile{Name: "Alice at GitLab", Email: "alice@example.com"}, LastUsedAt: noon,
	})
}

func (w *world) fillGitLab(tx *store.Tx) error {
	w.gitlab = gatehouse.Connector{Key: "gitlab", Name: "GitLab", Kind: "gitlab", URL: "https://gitlab.example.com", Token: "s3cr3t-token", HookSecret: "s3cr3t-hook", Enabled: true, Status: gatehouse.ConnectorConnected, PulledAt: noon}
	w.other = gatehouse.Connector{Key: "other", Name: "Other", Kind: "gitlab", URL: "https://other.example.com", Enabled: true, Status: gatehouse.ConnectorPaused}
	for _, c := range []*gatehouse.Connector{&w.gitlab, &w.other} {
		if err := tx.SaveConnector(c); err != nil {
			return err
		}
	}
	p := gatehouse.Pull{ConnectorID: w.gitlab.ID, State: gatehouse.PullRunning, StartedAt: noon}
	w.held = gatehouse.Pull{ConnectorID: w.other.ID, State: gatehouse.PullHeld, StartedAt: noon, EndedAt: noon, Error: gatehouse.Notef("%d of %d accounts would vanish", 9, 10)}
	for _, p := range []*gatehouse.Pull{&p, &w.held} {
		if err := tx.SavePull(p); err != nil {
			return err
		}
	}
	grant := func(account string, resource gatehouse.ResourceID, level int) gatehouse.Grant {
		return gatehouse.Grant{AccountID: account, ResourceID: resource, Role: gatehouse.Role{Level: level}}
	}
	err := tx.Stage(p.ID, store.Staged{
		Accounts: []gatehouse.Account{
			{ID: "1", Username: "alice", Name: "Alice <script>", Type: gatehouse.AccountPerson, State: "active"},
			{ID: "2", Username: "bob", Name: "Bob", Type: gatehouse.AccountPerson, State: "blocked"},
			{ID: "3", Username: "carol", Name: "Carol", Type: gatehouse.AccountPerson, State: "active"},
		},
		Resources: []gatehouse.Resource{
			{ID: "group/1", Kind: gatehouse.ResourceGroup, Name: "Eng", Path: "eng"},
			{ID: "group/2", Kind: gatehouse.ResourceGroup, Name: "Guests", Path: "guests"},
			{ID: "project/7", Kind: gatehouse.ResourceProject, Parent: "group/1", Name: "App", Path: "eng/app", Visibility: "private"},
		},
		Grants: []gatehouse.Grant{grant("1", "group/1", 40), grant("2", "project/7", 20), grant("3", "group/2", 50)},
		Shares: []gatehouse.Share{{GroupID: "group/2", ResourceID: "project/7", Cap: gatehouse.Role{Level: 10}, ExpiresAt: noon.Add(48 * time.Hour)}},
	})
	if err != nil {
		return err
	}
	if _, err := tx.FinishPull(w.gitlab.ID, p.ID); err != nil {
		return err
	}
	p.State, p.EndedAt, p.Notes = gatehouse.PullDone, noon.Add(3*time.Second), []gatehouse.Note{gatehouse.Notef("Pending invitations of people without an account, left out: %d.", 3)}
	if err := tx.SavePull(&p); err != nil {
		return err
	}
	return tx.MatchAccount(w.gitlab.ID, "1", w.users["alice"].ID, "identity")
}

func (w *world) do(as, method, target string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(method, target, nil)
	r.AddCookie(&http.Cookie{Name: "gatehouse_session", Value: w.tokens[as]})
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	return rec
}

// page is the text of a page that root sees, which must be there.
func (w *world) page(target string) string {
	w.t.Helper()
	r := w.do("root", http.MethodGet, target)
	if r.Code != http.StatusOK {
		w.t.Fatalf("GET %s: %d", target, r.Code)
	}
	return r.Body.String()
}

// says checks that a page has all the texts.
func (w *world) says(target string, texts ...string) {
	w.t.Helper()
	got := w.page(target)
	for _, text := range texts {
		if !strings.Contains(got, text) {
			w.t.Errorf("%s does not say %q:\n%s", target, text, body(got))
		}
	}
}

// body is the part of a page that is its own.
func body(page string) string {
	_, main, _ := strings.Cut(page, "<main")
	main, _, _ = strings.Cut(main, "<footer")
	return main
}

func (w *world) user(name string) (u gatehouse.User) {
	w.t.Helper()
	w.update(func(tx *store.Tx) (err error) {
		u, err = tx.User(w.users[name].ID)
		return err
	})
	return u
}
