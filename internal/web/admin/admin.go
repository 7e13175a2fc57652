// Package admin is the dashboard: who the people are and why their accounts
// came to be, the ways in and out, the apps that are kept in order with what
// was read of them, who reaches what there and by which path, and the history
// of all of it. Auditors read; connector administrators also start and release
// pulls; super administrators also change people.
package admin

import (
	"fmt"
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
	"gatehouse/internal/web/ui"
)

// Syncer starts pulls and lets held ones through: access.Service.
type Syncer interface {
	SyncNow(tx *store.Tx, by gatehouse.Actor, connectorID string) (jobID string, err error)
	Release(tx *store.Tx, by gatehouse.Actor, pullID string) error
}

// Admin shows the dashboard. All fields are needed.
type Admin struct {
	UI       *ui.UI
	Store    *store.Store
	Sessions *session.Manager
	Users    *users.Users
	Access   Syncer
	URL      string // what browsers see, without a slash at the end
}

// pageSize is how many rows a list shows at once.
const pageSize = 50

// longestQuery bounds what is searched for.
const longestQuery = 200

// Mount adds the addresses of this package. Every one of them asks first who is
// there and what they may do.
func (a *Admin) Mount(mux *http.ServeMux) {
	a.mountPages(mux)
	may := func(h handler, roles ...gatehouse.AdminRole) http.Handler {
		return a.only(h, append(roles, gatehouse.RoleSuperAdministrator)...)
	}
	mux.Handle("POST /admin/users/{user}/block", may(a.changeUser(a.Users.Block, "blocked")))
	mux.Handle("POST /admin/users/{user}/unblock", may(a.changeUser(a.Users.Unblock, "unblocked")))
	mux.Handle("POST /admin/users/{user}/approve", may(a.changeUser(a.Users.Approve, "approved")))
	mux.Handle("POST /admin/users/{user}/sessions/end", may(a.endSessions))
	mux.Handle("POST /admin/connectors/{connector}/sync", may(a.sync, gatehouse.RoleConnectorAdministrator))
	mux.Handle("POST /admin/connectors/{connector}/pulls/{pull}/release", may(a.release, gatehouse.RoleConnectorAdministrator))
}

// mountPages adds what every administrator may read.
func (a *Admin) mountPages(mux *http.ServeMux) {
	for path, h := range map[string]handler{
		"/admin":                                                a.overview,
		"/admin/users":                                          a.listUsers,
		"/admin/users/{user}":                                   a.user,
		"/admin/connections":                                    a.listConnections,
		"/admin/connections/{connection}":                       a.connection,
		"/admin/clients":                                        a.listClients,
		"/admin/connectors":                                     a.listConnectors,
		"/admin/connectors/{connector}":                         a.connector,
		"/admin/connectors/{connector}/accounts":                a.listAccounts,
		"/admin/connectors/{connector}/accounts/{account}":      a.account,
		"/admin/connectors/{connector}/resources":               a.listResources,
		"/admin/connectors/{connector}/resources/{resource...}": a.resource,
		"/admin/decisions":                                      a.listDecisions,
		"/admin/decisions/{decision}":                           a.decision,
		"/admin/audit":                                          a.audit,
	} {
		mux.Handle("GET "+path, a.only(h, gatehouse.RoleSuperAdministrator, gatehouse.RoleConnectorAdministrator, gatehouse.RoleAuditor))
	}
}

// handler answers a request of an administrator.
type handler func(w http.ResponseWriter, r *http.Request, by gatehouse.User) error

// only lets in whoever has one of the roles.
func (a *Admin) only(h handler, roles ...gatehouse.AdminRole) http.Handler {
	return a.UI.Handle(func(w http.ResponseWriter, r *http.Request) error {
		u, err := a.Sessions.Require(r, roles...)
		if err != nil {
			return err
		}
		return h(w, ui.Prefer(r, u.Locale), u)
	})
}

func actor(r *http.Request, u gatehouse.User) gatehouse.Actor {
	return gatehouse.Actor{Kind: gatehouse.ActorUser, ID: u.ID, Name: u.Username, Address: ui.ClientAddress(r)}
}

// mayChangePeople says whether the buttons for it are shown; the addresses
// behind them ask for themselves.
func mayChangePeople(u gatehouse.User) bool { return u.Role == gatehouse.RoleSuperAdministrator }

func mayPull(u gatehouse.User) bool {
	return u.Role == gatehouse.RoleSuperAdministrator || u.Role == gatehouse.RoleConnectorAdministrator
}

// list is what every list of the dashboard has.
type list struct {
	Path  string
	Query url.Values // of the address, without the place in the list
	Next  string     // place after this page, "" at the end
	Here  bool       // this is not the first page
}

func newList(r *http.Request) list {
	q := r.URL.Query()
	l := list{Path: r.URL.EscapedPath(), Here: q.Get("after") != ""}
	for _, name := range []string{"after", "done"} {
		q.Del(name)
	}
	l.Query = q
	return l
}

// text is a value of the address, cut to what can be meant.
func (l list) text(name string) string {
	v := l.Query.Get(name)
	if len(v) > longestQuery {
		v = v[:longestQuery]
	}
	return v
}

func (l list) first() string {
	if !l.Here {
		return ""
	}
	return address(l.Path, l.Query)
}

func (l list) next() string {
	if l.Next == "" {
		return ""
	}
	q := url.Values{"after": {l.Next}}
	for name, values := range l.Query {
		q[name] = values
	}
	return address(l.Path, q)
}

func address(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

func cursor(r *http.Request) store.Cursor {
	return store.Cursor{After: r.URL.Query().Get("after"), Limit: pageSize}
}

// read runs a page's questions on one picture of the database.
func (a *Admin) read(r *http.Request, what string, fn func(tx *store.Tx) error) error {
	if err := a.Store.View(r.Context(), fn); err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}

func page(section, title string, by gatehouse.User) ui.Page {
	return ui.Page{Title: title, Nav: ui.NavAdmin, Section: section, User: &by}
}
