// Package desk is what all rooms of the dashboard share: every address asks
// first who is there and what they may do, lists come a page at a time, and
// what was decided or done is told in the same words everywhere.
package desk

import (
	"fmt"
	"net/http"

	"github.com/a-h/templ"

	"gatehouse"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// Desk is handed to each room of the dashboard. All fields are needed.
type Desk struct {
	UI       *ui.UI
	Store    *store.Store
	Sessions *session.Manager
	URL      string // what browsers see, without a slash at the end
}

// Handler answers a request of an administrator, who is by.
type Handler func(w http.ResponseWriter, r *http.Request, by gatehouse.User) error

// Readers are the roles that see everything on the dashboard.
func Readers() []gatehouse.AdminRole {
	return []gatehouse.AdminRole{gatehouse.RoleSuperAdministrator, gatehouse.RoleConnectorAdministrator, gatehouse.RoleAuditor}
}

// Only lets in whoever has one of the roles, and nobody when none is named.
func (d *Desk) Only(h Handler, roles ...gatehouse.AdminRole) http.Handler {
	return d.UI.Handle(func(w http.ResponseWriter, r *http.Request) error {
		if len(roles) == 0 {
			return gatehouse.Forbidden
		}
		u, err := d.Sessions.Require(r, roles...)
		if err != nil {
			return err
		}
		return h(w, ui.Prefer(r, u.Locale), u)
	})
}

// Sensitive is Only for what needs a fresh proof of who is there; without it the
// error is Stale.
func (d *Desk) Sensitive(h Handler, roles ...gatehouse.AdminRole) http.Handler {
	return d.Only(func(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
		s, _, err := d.Sessions.Current(r)
		if err != nil {
			return err
		}
		if err := d.Sessions.Fresh(s); err != nil {
			return err
		}
		return h(w, r, by)
	}, roles...)
}

// Read runs a page's questions on one picture of the database; fn may run more
// than once.
func (d *Desk) Read(r *http.Request, what string, fn func(tx *store.Tx) error) error {
	if err := d.Store.View(r.Context(), fn); err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}

// Render answers with a page.
func (d *Desk) Render(w http.ResponseWriter, r *http.Request, p ui.Page, body templ.Component) error {
	return d.UI.Render(w, r, http.StatusOK, p, body)
}

// Page is a page of the dashboard under an entry of its navigation.
func Page(section, title string, by gatehouse.User) ui.Page {
	return ui.Page{Title: title, Nav: ui.NavAdmin, Section: section, User: &by}
}

// Actor is the administrator as the audit log names them.
func Actor(r *http.Request, u gatehouse.User) gatehouse.Actor {
	return gatehouse.Actor{Kind: gatehouse.ActorUser, ID: u.ID, Name: u.Username, Address: ui.ClientAddress(r)}
}
