// Package tokens is the part of the dashboard that shows what may act for a
// person: their personal access tokens and the applications that have tokens.
// Administrators see it, super administrators take it away; the tokens
// themselves nobody sees.
package tokens

import (
	"fmt"
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/op"
	"gatehouse/internal/pats"
	"gatehouse/internal/provided"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// Tokens shows this part of the dashboard. All fields are needed.
type Tokens struct {
	*desk.Desk
	Personal *pats.Tokens
}

// Mount adds the addresses of this package. Every one of them asks first who is
// there and what they may do.
func (t *Tokens) Mount(mux *http.ServeMux) {
	const super = gatehouse.RoleSuperAdministrator
	mux.Handle("GET /admin/users/{user}/tokens", t.Only(t.show, desk.Readers()...))
	mux.Handle("POST /admin/users/{user}/tokens/{token}/revoke", t.Only(t.change("revoked", func(tx *store.Tx, by gatehouse.Actor, userID string, r *http.Request) error {
		return t.Personal.Revoke(tx, by, userID, r.PathValue("token"))
	}), super))
	mux.Handle("POST /admin/users/{user}/applications/{client}/withdraw", t.Only(t.change("withdrawn", func(tx *store.Tx, by gatehouse.Actor, userID string, r *http.Request) error {
		return op.Withdraw(tx, by, userID, r.PathValue("client"))
	}), super))
}

// Href is the page about what may act for a user.
func Href(userID string) string { return userHref(userID) + "/tokens" }

func userHref(userID string) string { return "/admin/users/" + url.PathEscape(userID) }

// page is what is shown.
type page struct {
	By           gatehouse.User
	User         gatehouse.User
	Personal     []gatehouse.PersonalToken
	Applications []op.Application
	Kept         []provided.Kept
	Done         string
}

// mayChange says whether the buttons are shown; the addresses behind them ask
// for themselves.
func (p page) mayChange() bool { return p.By.Role == gatehouse.RoleSuperAdministrator }

func (t *Tokens) show(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := page{By: by, Done: r.URL.Query().Get("done")}
	err := t.Read(r, "what may act for a user", func(tx *store.Tx) (err error) {
		if p.User, err = tx.User(r.PathValue("user")); err != nil {
			return err
		}
		if p.Personal, err = tx.PersonalTokens(p.User.ID); err != nil {
			return fmt.Errorf("personal tokens: %w", err)
		}
		if p.Applications, err = op.Applications(tx, p.User.ID); err != nil {
			return err
		}
		p.Kept, err = provided.List(tx, p.User.ID)
		return err
	})
	if err != nil {
		return err
	}
	return t.Render(w, r, desk.Page("users", i18n.Text(r.Context(), "Tokens of %s", ui.UserName(p.User)), by), body(p))
}

// change does one thing to a user's tokens and goes back to the page.
func (t *Tokens) change(done string, fn func(tx *store.Tx, by gatehouse.Actor, userID string, r *http.Request) error) desk.Handler {
	return func(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
		id := r.PathValue("user")
		err := t.Store.Update(r.Context(), func(tx *store.Tx) error {
			if _, err := tx.User(id); err != nil {
				return err
			}
			return fn(tx, desk.Actor(r, by), id, r)
		})
		if err != nil {
			return fmt.Errorf("change the tokens of user %s: %w", id, err)
		}
		ui.SeeOther(w, Href(id)+"?done="+done)
		return nil
	}
}
