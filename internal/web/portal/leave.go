package portal

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// mountLeave adds the way out.
func (p *Portal) mountLeave(mux *http.ServeMux) {
	mux.Handle("GET /user/delete", p.own(p.leavePage))
	mux.Handle("POST /user/delete", p.own(p.leave))
	mux.Handle("GET /user/deleted", p.UI.Handle(p.left))
}

// leaving is what the page shows before an account is deleted.
type leaving struct {
	User    gatehouse.User
	Barred  string // why it cannot be deleted; "" = it can
	Problem string // with what was typed
}

func (p *Portal) leavePage(w http.ResponseWriter, r *http.Request, v visitor) error {
	return p.showLeaving(w, r, v, http.StatusOK, "")
}

func (p *Portal) showLeaving(w http.ResponseWriter, r *http.Request, v visitor, status int, problem string) error {
	page := leaving{User: v.user, Problem: problem}
	err := p.Store.View(r.Context(), func(tx *store.Tx) error {
		err := p.Self.MayLeave(tx, v.user)
		var e *gatehouse.Error
		if errors.As(err, &e) && (errors.Is(err, gatehouse.Conflict) || errors.Is(err, gatehouse.Forbidden)) {
			page.Barred = i18n.Text(r.Context(), e.Message, e.Args...)
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read whether user %s may leave: %w", v.user.ID, err)
	}
	return p.UI.Render(w, r, status, ui.Page{
		Title: i18n.Text(r.Context(), "Delete my account"), Nav: ui.NavPortal, Section: "account", User: &v.user,
	}, leaveBody(page))
}

func (p *Portal) leave(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := p.Sessions.Fresh(v.session); err != nil {
		return err
	}
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	if !strings.EqualFold(strings.TrimSpace(form.Get("username")), v.user.Username) {
		return p.showLeaving(w, r, v, http.StatusBadRequest, i18n.Text(r.Context(), "That is not your username. Type %s to confirm.", v.user.Username))
	}
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error { return p.Self.Leave(tx, v.actor(r), v.user.ID) })
	if err != nil {
		return err
	}
	// The session is gone already; this takes the cookie from the browser.
	if _, err := p.Sessions.End(w, r); err != nil && !errors.Is(err, gatehouse.Unauthorized) {
		return err
	}
	ui.SeeOther(w, "/user/deleted")
	return nil
}

// left is what somebody sees who has no account any more.
func (p *Portal) left(w http.ResponseWriter, r *http.Request) error {
	return p.UI.Render(w, r, http.StatusOK, ui.Page{Title: i18n.Text(r.Context(), "Your account is deleted"), Nav: ui.NavNone}, leftBody())
}
