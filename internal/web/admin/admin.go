// Package admin is the dashboard: who the people are and why their accounts
// came to be, the ways in and out, the apps that are kept in order with what
// was read of them, who reaches what there and by which path, and the history
// of all of it. Auditors read; connector administrators also start and release
// pulls; super administrators also change people.
package admin

import (
	"net/http"

	"gatehouse"
	"gatehouse/internal/access"
	"gatehouse/internal/apps"
	"gatehouse/internal/pats"
	"gatehouse/internal/session"
	"gatehouse/internal/signin"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
	"gatehouse/internal/web/admin/clients"
	"gatehouse/internal/web/admin/connectors"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/admin/people"
	"gatehouse/internal/web/admin/signup"
	"gatehouse/internal/web/admin/tokens"
	"gatehouse/internal/web/admin/ways"
	"gatehouse/internal/web/ui"
)

// Admin shows the dashboard. All fields are needed but those that
// say otherwise.
type Admin struct {
	UI       *ui.UI
	Store    *store.Store
	Sessions *session.Manager
	Users    *users.Users
	Access   connectors.Keeper
	Findings Answerer
	Invites  people.Inviter
	Proofs   people.Prover // nil: nobody verifies addresses by mail
	Locks    people.Locks  // nil: nothing is ever paused
	Apps     *apps.Apps
	SignIn   *signin.Service
	Personal *pats.Tokens
	URL      string // what browsers see, without a slash at the end
	// MailReady says whether mail reaches anybody; nil: it does not.
	MailReady func() bool
	Matches   access.Matches // whose accounts are
	Mailbox   string         // where the mails of development are; "" = they are sent
}

func (a *Admin) people() *people.People {
	return &people.People{Desk: a.desk(), Users: a.Users, Invites: a.Invites, Proofs: a.Proofs, Locks: a.Locks, MailReady: a.MailReady}
}

func (a *Admin) desk() *desk.Desk {
	return &desk.Desk{UI: a.UI, Store: a.Store, Sessions: a.Sessions, URL: a.URL}
}

// Mount adds the addresses of this package. Every one of them asks first who is
// there and what they may do.
func (a *Admin) Mount(mux *http.ServeMux) {
	a.mountPages(mux)
	a.people().Mount(mux)
	(&ways.Ways{Desk: a.desk(), Apps: a.Apps, SignIn: a.SignIn}).Mount(mux)
	(&clients.Clients{Desk: a.desk(), Apps: a.Apps}).Mount(mux)
	(&signup.SignUp{Desk: a.desk(), Users: a.Users}).Mount(mux)
	(&connectors.Connectors{Desk: a.desk(), Apps: a.Apps, Access: a.Access}).Mount(mux)
	a.mountFindings(mux)
	(&tokens.Tokens{Desk: a.desk(), Personal: a.Personal}).Mount(mux)
	may := func(h desk.Handler, roles ...gatehouse.AdminRole) http.Handler {
		return a.desk().Only(h, append(roles, gatehouse.RoleSuperAdministrator)...)
	}
	const connector = "POST /admin/connectors/{connector}"
	keeper := gatehouse.RoleConnectorAdministrator
	// Whose an account is decides what apps are told of them.
	sensitive := func(h desk.Handler) http.Handler {
		return a.desk().Sensitive(h, keeper, gatehouse.RoleSuperAdministrator)
	}
	mux.Handle(connector+"/accounts/{account}/match", sensitive(a.setMatch))
	mux.Handle(connector+"/accounts/{account}/match/reset", may(a.resetMatch, keeper))
	mux.Handle(connector+"/matching", sensitive(a.setMatchRules))
	mux.Handle(connector+"/matching/reset", may(a.resetMatches, keeper))
	mux.Handle("POST /admin/users/{user}/block", may(a.changeUser(a.Users.Block, "blocked")))
	mux.Handle("POST /admin/users/{user}/unblock", may(a.changeUser(a.Users.Unblock, "unblocked")))
	mux.Handle("POST /admin/users/{user}/approve", may(a.changeUser(func(tx *store.Tx, by gatehouse.Actor, id string) error {
		return a.Users.Approve(tx, by, id, users.Answer{})
	}, "approved")))
	mux.Handle("POST /admin/users/{user}/sessions/end", may(a.endSessions))
}

// mountPages adds what every administrator may read.
func (a *Admin) mountPages(mux *http.ServeMux) {
	for path, h := range map[string]desk.Handler{
		"/admin":                                 a.overview,
		"/admin/users":                           a.listUsers,
		"/admin/users/{user}":                    a.user,
		"/admin/connectors/{connector}/accounts": a.listAccounts,
		"/admin/connectors/{connector}/accounts/{account}":      a.account,
		"/admin/connectors/{connector}/resources":               a.listResources,
		"/admin/connectors/{connector}/matching":                a.matching,
		"/admin/connectors/{connector}/resources/{resource...}": a.resource,
		"/admin/decisions":            a.listDecisions,
		"/admin/decisions/{decision}": a.decision,
		"/admin/audit":                a.audit,
	} {
		mux.Handle("GET "+path, a.desk().Only(h, desk.Readers()...))
	}
}

// mayChangePeople says whether the buttons for it are shown; the addresses
// behind them ask for themselves.
func mayChangePeople(u gatehouse.User) bool { return u.Role == gatehouse.RoleSuperAdministrator }
