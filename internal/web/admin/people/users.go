package people

import (
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// newPage is the form for an account that is made by hand.
type newPage struct {
	Made    users.New // as it was entered
	Problem string    // what is wrong with it, "" = nothing
}

func (p *People) newUser(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	return p.showNew(w, r, by, http.StatusOK, newPage{})
}

func (p *People) showNew(w http.ResponseWriter, r *http.Request, by gatehouse.User, status int, v newPage) error {
	return p.UI.Render(w, r, status, desk.Page("users", i18n.Text(r.Context(), "Add user"), by), newBody(v))
}

// makeUser makes an account. It takes what the form has and nothing else.
func (p *People) makeUser(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	n := users.New{
		Username: form.Get("username"), Name: form.Get("name"), Email: form.Get("email"),
		EmailVerified: form.Get("email_verified") == "true", Role: gatehouse.AdminRole(form.Get("role")),
	}
	var made gatehouse.User
	err = p.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		made, err = p.Users.Make(tx, desk.Actor(r, by), n)
		return err
	})
	if kind := gatehouse.KindOf(err); kind == gatehouse.Invalid || kind == gatehouse.Conflict {
		return p.showNew(w, r, by, ui.StatusOf(err), newPage{Made: n, Problem: sentence(r.Context(), err)})
	}
	if err != nil {
		return err
	}
	ui.SeeOther(w, Href(made.ID)+"?done=made")
	return nil
}

// invite makes a one-time link for a user, and shows or mails it.
func (p *People) invite(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	id := r.PathValue("user")
	if form.Get("how") == "mail" {
		err := p.Store.Update(r.Context(), func(tx *store.Tx) error { return p.Invites.InviteByMail(tx, desk.Actor(r, by), id) })
		if err != nil {
			return err
		}
		ui.SeeOther(w, Href(id)+"?done=invited")
		return nil
	}
	var user gatehouse.User
	var address string
	err = p.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		if user, err = tx.User(id); err != nil {
			return err
		}
		address, err = p.Invites.Invite(tx, desk.Actor(r, by), id)
		return err
	})
	if err != nil {
		return err
	}
	page := desk.Page("users", i18n.Text(r.Context(), "One-time link"), by)
	page.Scripts = []string{"copy"}
	return p.Render(w, r, page, inviteBody(user, address))
}

// verify mails the link to verify an address of a user once more.
func (p *People) verify(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	if p.Proofs == nil {
		return gatehouse.NotFound
	}
	id := r.PathValue("user")
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
		return p.Proofs.SendProof(tx, desk.Actor(r, by), id, form.Get("address"), "")
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, Href(id)+"?done=proof")
	return nil
}

// unlock ends the pause after wrong tries at a user's password or codes.
func (p *People) unlock(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	if p.Locks == nil {
		return gatehouse.NotFound
	}
	id := r.PathValue("user")
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		if _, err := tx.User(id); err != nil {
			return err
		}
		_, err := p.Locks.Unlock(tx, desk.Actor(r, by), id)
		return err
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, Href(id)+"?done=unlocked")
	return nil
}

func (p *People) setRole(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	if !form.Has("role") {
		return gatehouse.Errorf(gatehouse.Invalid, "The form does not say which role. Go back, and choose one.")
	}
	id := r.PathValue("user")
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
		return p.Users.SetRole(tx, desk.Actor(r, by), id, gatehouse.AdminRole(form.Get("role")))
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, Href(id)+"?done=role")
	return nil
}

type identityPage struct {
	User     gatehouse.User
	Identity desk.IdentityRow
	Last     bool // the user has no other identity
}

// identity shows what a provider told about a user, and asks before it is removed.
func (p *People) identity(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var v identityPage
	err := p.Read(r, "the identity", func(tx *store.Tx) (err error) {
		if v.User, err = tx.User(r.PathValue("user")); err != nil {
			return err
		}
		rows, err := desk.IdentitiesOf(tx, v.User.ID)
		if err != nil {
			return err
		}
		v.Last = len(rows) == 1
		for _, row := range rows {
			if row.ID == r.PathValue("identity") {
				v.Identity = row
				return nil
			}
		}
		return gatehouse.NotFound
	})
	if err != nil {
		return err
	}
	return p.Render(w, r, desk.Page("users", i18n.Text(r.Context(), "Identity"), by), identityBody(v, by.ID != v.User.ID))
}

func (p *People) removeIdentity(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	id := r.PathValue("user")
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		return p.Users.RemoveIdentity(tx, desk.Actor(r, by), id, r.PathValue("identity"))
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, Href(id)+"?done=identity-removed")
	return nil
}

// MergeHref is the page where another account is merged into a user's.
func MergeHref(userID string) string { return Href(userID) + "/merge" }

// IdentityHref is the page of an identity of a user.
func IdentityHref(userID, identityID string) string {
	return Href(userID) + "/identities/" + url.PathEscape(identityID)
}
