package portal

import (
	"net/http"

	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// mountSecurity adds where the person is signed in.
func (p *Portal) mountSecurity(mux *http.ServeMux) {
	mux.Handle("POST /user/sessions/{session}/end", p.own(p.endSession))
	mux.Handle("POST /user/sessions/end-others", p.own(p.endOthers))
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
	ui.SeeOther(w, "/user?done=session-ended")
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
	ui.SeeOther(w, "/user?done=sessions-ended")
	return nil
}
