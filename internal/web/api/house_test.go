package api

import (
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/access"
	"gatehouse/internal/jobs"
	"gatehouse/internal/op"
	"gatehouse/internal/pats"
	"gatehouse/internal/provided"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	"gatehouse/internal/users"
	"gatehouse/internal/web/ui"
)

const ourURL = "https://gate.example"

// Secrets that are in the database and must never be in an answer.
const (
	appSecret   = "app-secret-5d1f"
	argSecret   = "arg-secret-77aa"
	token       = "glpat-connector-1c2d"
	hookSecret  = "hook-secret-9e0b"
	settingText = "setting-secret-3344"
)

// house is an API on a database of its own, with a user of each role.
type house struct {
	t       *testing.T
	api     *API
	handler http.Handler
	syncer  *syncer
	invites *inviter
	locks   *locks
	proofs  *prover
	cookies map[string]string         // by who: see newHouse
	users   map[string]gatehouse.User // likewise
}

// syncer is access.Service, but for pulls: it remembers what it was asked of them.
type syncer struct {
	*access.Service
	by          gatehouse.Actor
	connectorID string
	pullID      string
	err         error
}

func (s *syncer) SyncNow(_ *store.Tx, by gatehouse.Actor, connectorID string) (string, error) {
	s.by, s.connectorID = by, connectorID
	return "job-1", s.err
}

func (s *syncer) Release(_ *store.Tx, by gatehouse.Actor, pullID string) error {
	s.by, s.pullID = by, pullID
	return s.err
}

// newHouse has the users super, connector, auditor and nobody (without a role),
// each signed in.
func newHouse(t *testing.T) *house {
	t.Helper()
	return newHouseOn(t, storetest.Open(t))
}

func newHouseOn(t *testing.T, s *store.Store) *house {
	t.Helper()
	h := &house{t: t, syncer: &syncer{}, invites: &inviter{}, locks: &locks{}, proofs: &prover{}, cookies: map[string]string{}, users: map[string]gatehouse.User{}}
	h.api = &API{
		UI: &ui.UI{Secure: true}, Store: s, Sessions: &session.Manager{Store: s, Secure: true}, Users: &users.Users{Store: s},
		Access: h.syncer, Findings: h.syncer, Apps: newApps(t, s), URL: ourURL + "/",
		Provided: &provided.Provided{Store: s, Doors: noDoors{}}, Personal: &pats.Tokens{Store: s}, Provider: &op.Provider{Store: s, URL: ourURL},
		Invites: h.invites, Locks: h.locks, Proofs: h.proofs, MailReady: func() bool { return true },
	}
	h.syncer.Service = &access.Service{Store: s, Apps: h.api.Apps, Jobs: &jobs.Runner{Store: s}, Log: slog.New(slog.DiscardHandler), Metrics: gatehouse.NoMetrics{}}
	mux := http.NewServeMux()
	h.api.Mount(mux)
	h.handler = h.api.UI.Middleware(mux)
	for who, role := range map[string]gatehouse.AdminRole{
		"super": gatehouse.RoleSuperAdministrator, "connector": gatehouse.RoleConnectorAdministrator,
		"auditor": gatehouse.RoleAuditor, "nobody": gatehouse.RoleNone,
	} {
		h.signIn(who, h.addUser(gatehouse.User{Username: who, Name: "The " + who, Role: role, State: gatehouse.UserActive}))
	}
	return h
}

func (h *house) update(fn func(tx *store.Tx) error) {
	h.t.Helper()
	if err := h.api.Store.Update(h.t.Context(), fn); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) addUser(u gatehouse.User) gatehouse.User {
	h.t.Helper()
	h.update(func(tx *store.Tx) error { return tx.SaveUser(&u) })
	return u
}

func (h *house) userNow(id string) (u gatehouse.User) {
	h.t.Helper()
	err := h.api.Store.View(h.t.Context(), func(tx *store.Tx) (err error) {
		u, err = tx.User(id)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return u
}

func (h *house) signIn(who string, u gatehouse.User) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error {
		secret, _, err := h.api.Sessions.Start(tx, session.Start{UserID: u.ID, UserName: u.Username, Method: "federated", UserAgent: "curl", Address: "192.0.2.7"})
		h.cookies[who], h.users[who] = secret, u
		return err
	})
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

// decode reads the body as JSON.
func decode[T any](t *testing.T, r reply) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("read %d %q: %v", r.status, r.body, err)
	}
	return v
}

// do sends a request as somebody; "" is nobody at all. Headers are pairs.
func (h *house) do(who, method, target, body string, headers ...string) reply {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), method, target, strings.NewReader(body))
	r.Host, r.RemoteAddr = "evil.example", "198.51.100.9:4711"
	if who != "" {
		r.AddCookie(&http.Cookie{Name: "__Host-gatehouse_session", Value: h.cookies[who]})
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return reply{w.Code, w.Header(), string(b)}
}

func (h *house) get(target string, headers ...string) reply {
	h.t.Helper()
	return h.do("super", http.MethodGet, prefix+target, "", headers...)
}

// want gets something that must be there.
func want[T any](h *house, target string, headers ...string) T {
	h.t.Helper()
	r := h.get(target, headers...)
	if r.status != http.StatusOK {
		h.t.Fatalf("GET %s: %d %s", target, r.status, r.body)
	}
	return decode[T](h.t, r)
}

// filled is what fill put into the database.
type filled struct {
	finding    string
	connection gatehouse.Connection
	connector  gatehouse.Connector
	pull       gatehouse.Pull
	decision   gatehouse.Decision
	person     gatehouse.User
	personal   string             // id of a personal token of alice
	identity   gatehouse.Identity // of person
	twin       gatehouse.User     // is merged into person; see fillTwin
	merge      gatehouse.Merge
}

// fill puts one of everything into the database: alice is a developer in the
// group devs, which is invited to platform as at most reporter; the project app
// lies in platform/tools; bob is a maintainer of platform; carol is orphaned.
func (h *house) fill() filled {
	h.t.Helper()
	var f filled
	f.person = h.addUser(gatehouse.User{Username: "alice", Name: "Alice", Email: "alice@corp.example", EmailVerified: true, State: gatehouse.UserActive})
	hash := sha256.Sum256([]byte("client secret"))
	h.update(func(tx *store.Tx) error {
		f.connection = gatehouse.Connection{
			Name: "dingtalk", Kind: "dingtalk", Enabled: true, AppID: "key", AppSecret: appSecret, Managed: gatehouse.ManagedByFile,
			Args: map[string]any{"client_options": map[string]any{"secret": argSecret}},
		}
		f.connector = gatehouse.Connector{
			Key: "gitlab", Name: "GitLab", Kind: "gitlab", URL: "https://gitlab.example", Token: token, HookSecret: hookSecret,
			Settings: map[string]string{"app_secret": settingText}, Enabled: true, Status: gatehouse.ConnectorConnected, StatusText: gatehouse.Notef("%d of %d accounts would vanish", 9, 10), Managed: gatehouse.ManagedByFile,
		}
		for _, save := range []func() error{
			func() error { return tx.SaveConnection(&f.connection) },
			func() error { return tx.SaveConnector(&f.connector) },
			func() error {
				return tx.SaveClient(&gatehouse.Client{ID: "app-1", Name: "App", SecretHash: hash[:], RedirectURIs: []string{"https://app.example/cb"}, Enabled: true, Managed: gatehouse.ManagedByFile})
			},
			func() error {
				f.identity = gatehouse.Identity{UserID: f.person.ID, ConnectionID: f.connection.ID, Subject: "union-1", Aliases: map[string]string{"userid": "u1"}, Profile: gatehouse.Profile{Name: "Alice"}}
				return tx.SaveIdentity(&f.identity)
			},
			func() error {
				f.decision = gatehouse.Decision{
					Reference: "AB12-CD34", ConnectionID: f.connection.ID, Subject: "union-1", UserID: f.person.ID, Outcome: gatehouse.OutcomeCreated,
					Rule: "allow_single_sign_on", Reason: "Hello %s.", Args: []string{"Alice"}, Facts: map[string]string{"provider_name": "Alice"},
				}
				return tx.SaveDecision(&f.decision)
			},
			func() error {
				return tx.Record(gatehouse.Event{Actor: gatehouse.Actor{Kind: gatehouse.ActorFile}, Action: "connector.saved", Target: "connector/" + f.connector.ID})
			},
			func() error {
				_, made, err := h.api.Personal.Make(tx, gatehouse.Actor{Kind: gatehouse.ActorUser, ID: f.person.ID}, f.person.ID, pats.New{Name: "backup", Scopes: []string{pats.API}})
				f.personal = made.ID
				return err
			},
			func() error {
				return tx.SaveConsent(gatehouse.Consent{UserID: f.person.ID, ClientID: "app-1", Scopes: []string{"openid"}})
			},
			func() error { return h.stage(tx, &f) },
			func() error { return tx.MatchAccount(f.connector.ID, "11", f.person.ID, "identity") },
			func() error {
				_, _, err := tx.SaveFindings(f.connector.ID, []gatehouse.Finding{{Kind: gatehouse.FindingOrphaned, AccountID: "13", Subject: "Carol", Why: gatehouse.Notef("The account %s is matched to nobody.", "@carol")}})
				if err != nil {
					return err
				}
				found, err := tx.Findings(store.FindingFilter{ConnectorID: f.connector.ID}, store.Cursor{})
				f.finding = found.Items[0].ID
				return err
			},
		} {
			if err := save(); err != nil {
				return err
			}
		}
		return nil
	})
	return f
}

// fillTwin adds another account of the person, merged into theirs.
func (h *house) fillTwin(f *filled) {
	h.t.Helper()
	f.twin = h.addUser(gatehouse.User{Username: "twin", Name: "Twin", Email: "twin@corp.example", State: gatehouse.UserActive})
	h.update(func(tx *store.Tx) (err error) {
		f.merge, err = h.api.Users.Merge(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "op"}, f.person.ID, f.twin.ID)
		return err
	})
}

// body is what is sent to an address: what it needs, where we know it.
func (f filled) body(a address) string {
	switch {
	case a.method == http.MethodPost && a.path == prefix+"/users":
		return `{"username":"made"}`
	case strings.HasSuffix(a.path, "/role"):
		return `{"role":"auditor"}`
	case strings.HasSuffix(a.path, "/emails/verify"):
		return `{"address":"` + f.person.Email + `"}`
	case a.method == http.MethodPut && strings.HasSuffix(a.path, "/match"):
		return `{"user":"` + f.person.ID + `"}`
	case a.method == http.MethodPut && strings.HasSuffix(a.path, "/matching"):
		return `{"rules":[{"field":"email","expression":"account.username"}]}`
	case strings.HasSuffix(a.path, "/acknowledge"):
		return `{"reason":"known","until":"2026-12-01T00:00:00Z"}`
	case strings.HasSuffix(a.path, "/merge"):
		return `{"other":"` + f.twin.ID + `"}`
	}
	return a.body()
}

// stage pulls the accounts, groups and projects of fill.
func (h *house) stage(tx *store.Tx, f *filled) error {
	f.pull = gatehouse.Pull{ConnectorID: f.connector.ID}
	if err := tx.SavePull(&f.pull); err != nil {
		return err
	}
	person := func(id, name string) gatehouse.Account {
		return gatehouse.Account{ID: id, Username: strings.ToLower(name), Name: name, Type: gatehouse.AccountPerson, State: "active"}
	}
	bot := person("14", "Robot")
	bot.Type, bot.State = gatehouse.AccountTokenBot, "blocked"
	in := func(id gatehouse.ResourceID, kind gatehouse.ResourceKind, parent gatehouse.ResourceID, path string) gatehouse.Resource {
		return gatehouse.Resource{ID: id, Kind: kind, Parent: parent, Name: path[strings.LastIndex(path, "/")+1:], Path: path, Visibility: "private"}
	}
	grant := func(account string, resource gatehouse.ResourceID, level int) gatehouse.Grant {
		return gatehouse.Grant{AccountID: account, ResourceID: resource, Role: gatehouse.Role{Level: level}}
	}
	err := tx.Stage(f.pull.ID, store.Staged{
		Accounts: []gatehouse.Account{person("11", "Alice"), person("12", "Bob"), person("13", "Carol"), bot},
		Resources: []gatehouse.Resource{
			in("group/7", gatehouse.ResourceGroup, "", "devs"), in("group/8", gatehouse.ResourceGroup, "", "platform"),
			in("group/9", gatehouse.ResourceGroup, "group/8", "platform/tools"), in("project/5", gatehouse.ResourceProject, "group/9", "platform/tools/app"),
		},
		Grants: []gatehouse.Grant{grant("11", "group/7", 30), grant("12", "group/8", 40), grant("12", "project/5", 20)},
		Shares: []gatehouse.Share{{GroupID: "group/7", ResourceID: "group/8", Cap: gatehouse.Role{Level: 20}, ExpiresAt: tx.Now().Add(time.Hour).Truncate(time.Second)}},
	})
	if err != nil {
		return err
	}
	if _, err := tx.FinishPull(f.connector.ID, f.pull.ID); err != nil {
		return err
	}
	f.pull.State, f.pull.EndedAt = gatehouse.PullHeld, tx.Now()
	f.pull.Error = gatehouse.Notef("%d of %d accounts would vanish", 9, 10)
	f.pull.Notes = []gatehouse.Note{gatehouse.Notef("Pending invitations of people without an account, left out: %d.", 3)}
	if err := tx.SavePull(&f.pull); err != nil {
		return err
	}
	return certified(tx, f.pull)
}

// at puts real ids into the address of a route.
func (f filled) at(path string) string {
	return strings.NewReplacer("{user}", f.person.ID, "{connector}", "gitlab", "{account}", "11", "{resource}", "project-5",
		"{pull}", f.pull.ID, "{connection}", f.connection.Name, "{token}", f.personal, "{client}", "app-1", "{decision}", f.decision.ID,
		"{identity}", f.identity.ID, "{field}", "group", "{merge}", f.merge.ID, "{other}", f.twin.ID, "{finding}", f.finding).Replace(path)
}

func (s *syncer) NewHookSecret(*store.Tx, gatehouse.Actor, string) (string, error) {
	return "told-once", nil
}
