package portal

import (
	"errors"
	"fmt"
	"net/http"

	"gatehouse"
	"gatehouse/internal/credentials"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// mountPassword adds the page of the password.
func (p *Portal) mountPassword(mux *http.ServeMux) {
	mux.Handle("GET /user/security/password", p.own(p.fresh(p.passwordPage)))
	mux.Handle("POST /user/security/password", p.own(p.fresh(p.setPassword)))
	mux.Handle("POST /user/security/password/remove", p.own(p.fresh(p.removePassword)))
}

// passwordForm is what the page shows.
type passwordForm struct {
	Username            string
	Has                 bool // there is one already, and it is asked for
	OldProblem, Problem string
}

func (p *Portal) passwordPage(w http.ResponseWriter, r *http.Request, v visitor) error {
	return p.showPassword(w, r, v, http.StatusOK, passwordForm{})
}

func (p *Portal) showPassword(w http.ResponseWriter, r *http.Request, v visitor, status int, f passwordForm) error {
	has, err := p.mayPassword(r, v)
	if err != nil {
		return err
	}
	f.Username, f.Has = v.user.Username, has.Password
	title := i18n.Text(r.Context(), "Set a password")
	if f.Has {
		title = i18n.Text(r.Context(), "Change the password")
	}
	return p.UI.Render(w, r, status, ui.Page{Title: title, Nav: ui.NavPortal, Section: "security", User: &v.user}, passwordBody(title, f))
}

// mayPassword says what the visitor has; Forbidden for those who have no use for
// a password.
func (p *Portal) mayPassword(r *http.Request, v visitor) (has gatehouse.LocalWays, err error) {
	err = p.Store.View(r.Context(), func(tx *store.Tx) error {
		has, err = tx.LocalWays(v.user.ID)
		return err
	})
	if err == nil && !p.Local.Rules.MayHavePassword(v.user, has) {
		err = gatehouse.Errorf(gatehouse.Forbidden, "Your account has no password: you prove who you are at a provider. Passwords are for administrators.")
	}
	return has, err
}

func (p *Portal) setPassword(w http.ResponseWriter, r *http.Request, v visitor) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	has, err := p.mayPassword(r, v)
	if err != nil {
		return err
	}
	if has.Password {
		_, err := p.Local.Password(r.Context(), credentials.Try{UserID: v.user.ID, Password: form.Get("old_password"), Address: ui.ClientAddress(r)})
		if s, ok := wrongInput(r, err); ok {
			if errors.Is(err, gatehouse.Invalid) {
				s = i18n.Text(r.Context(), "This is not your present password.")
			}
			return p.showPassword(w, r, v, ui.StatusOf(err), passwordForm{OldProblem: s})
		}
		if err != nil {
			return err
		}
	}
	hash, err := p.Local.NewPassword(r.Context(), v.user, form.Get("password"))
	if s, ok := wrongInput(r, err); ok {
		return p.showPassword(w, r, v, ui.StatusOf(err), passwordForm{Problem: s})
	}
	if err != nil {
		return err
	}
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
		if err := p.Local.SetPassword(tx, v.actor(r), v.user.ID, hash, false); err != nil || form.Get("end_others") == "" {
			return err
		}
		_, err := p.Sessions.EndOthers(tx, v.actor(r), v.user.ID, v.session.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("set a password: %w", err)
	}
	ui.SeeOther(w, "/user/security?done=password-set")
	return nil
}

// wrongInput is the sentence for a form whose input is wrong, or that was sent
// too often.
func wrongInput(r *http.Request, err error) (string, bool) {
	var e *gatehouse.Error
	if !errors.As(err, &e) || e.Kind != gatehouse.Invalid && e.Kind != gatehouse.Limited {
		return "", false
	}
	return i18n.Text(r.Context(), e.Message, e.Args...), true
}

func (p *Portal) removePassword(w http.ResponseWriter, r *http.Request, v visitor) error {
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		if err := p.Local.RemovePassword(tx, v.actor(r), v.user.ID); err != nil {
			return err
		}
		return p.keepsWayIn(tx, v.user.ID)
	})
	if err != nil {
		return fmt.Errorf("remove the password: %w", err)
	}
	ui.SeeOther(w, "/user/security?done=password-removed")
	return nil
}

// keepsWayIn refuses to take the last way in away. It is called after something
// was, in the same transaction.
func (p *Portal) keepsWayIn(tx *store.Tx, userID string) error {
	has, err := p.Local.HasWayIn(tx, userID)
	if err != nil || has {
		return err
	}
	identities, err := tx.Identities(userID)
	if err != nil {
		return fmt.Errorf("read the identities of user %s: %w", userID, err)
	}
	for _, i := range identities {
		c, err := tx.Connection(i.ConnectionID)
		if err != nil {
			return fmt.Errorf("read connection %s: %w", i.ConnectionID, err)
		}
		if c.Enabled && !c.Rules.LinkOnly {
			return nil
		}
	}
	return gatehouse.Errorf(gatehouse.Conflict, "This is the last way in that you have, so it stays. Add another one first: a passkey, a password or a connected account.")
}
