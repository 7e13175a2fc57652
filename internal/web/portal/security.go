package portal

import (
	"fmt"
	"net/http"
	"slices"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// mountSecurity adds where the person is signed in.
func (p *Portal) mountSecurity(mux *http.ServeMux) {
	mux.Handle("GET /user/security", p.own(p.security))
	mux.Handle("POST /user/sessions/{session}/end", p.own(p.endSession))
	mux.Handle("POST /user/sessions/end-others", p.own(p.endOthers))
}

// securityPage is what the page shows.
type securityPage struct {
	Current  string              // id of this browser's session
	Sessions []gatehouse.Session // this browser's first
	Done     string              // what was just done, for a sentence
}

func (p *Portal) security(w http.ResponseWriter, r *http.Request, v visitor) error {
	page := securityPage{Current: v.session.ID, Done: r.URL.Query().Get("done")}
	err := p.Store.View(r.Context(), func(tx *store.Tx) (err error) {
		page.Sessions, err = p.Sessions.List(tx, v.user.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the sessions of %s: %w", v.user.ID, err)
	}
	if i := slices.IndexFunc(page.Sessions, func(s gatehouse.Session) bool { return s.ID == v.session.ID }); i > 0 {
		page.Sessions = slices.Concat(page.Sessions[i:i+1], page.Sessions[:i], page.Sessions[i+1:])
	}
	return p.UI.Render(w, r, http.StatusOK, ui.Page{
		Title: i18n.Text(r.Context(), "Security"), Nav: ui.NavPortal, Section: "security", User: &v.user,
	}, securityBody(page))
}

// endSession ends one session of the visitor; ending the one they use signs out.
func (p *Portal) endSession(w http.ResponseWriter, r *http.Request, v visitor) error {
	id := r.PathValue("session")
	if id == v.session.ID {
		ui.SeeOther(w, "/sign-out")
		return nil
	}
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		return p.Sessions.EndOne(tx, v.actor(r), v.user.ID, id)
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, "/user/security?done=session-ended")
	return nil
}

func (p *Portal) endOthers(w http.ResponseWriter, r *http.Request, v visitor) error {
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		_, err := p.Sessions.EndOthers(tx, v.actor(r), v.user.ID, v.session.ID)
		return err
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, "/user/security?done=sessions-ended")
	return nil
}
