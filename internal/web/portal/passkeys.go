package portal

import (
	"encoding/json"
	"fmt"
	"net/http"

	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// mountPasskeys adds the page of a new passkey, and what is done with those that
// are there.
func (p *Portal) mountPasskeys(mux *http.ServeMux) {
	mux.Handle("GET /user/security/passkeys/new", p.own(p.fresh(p.newPasskeyPage)))
	mux.Handle("POST /user/security/passkeys/begin", p.own(p.fresh(p.beginPasskey)))
	mux.Handle("POST /user/security/passkeys", p.own(p.fresh(p.addPasskey)))
	mux.Handle("POST /user/security/passkeys/{passkey}/rename", p.own(p.renamePasskey))
	mux.Handle("POST /user/security/passkeys/{passkey}/remove", p.own(p.fresh(p.removePasskey)))
}

func (p *Portal) newPasskeyPage(w http.ResponseWriter, r *http.Request, v visitor) error {
	return p.showNewPasskey(w, r, v, http.StatusOK, "")
}

func (p *Portal) showNewPasskey(w http.ResponseWriter, r *http.Request, v visitor, status int, problem string) error {
	return p.UI.Render(w, r, status, ui.Page{
		Title: i18n.Text(r.Context(), "Add a passkey"), Nav: ui.NavPortal, Section: "security", User: &v.user, Scripts: []string{"passkey"},
	}, newPasskeyBody(deviceName(r), problem, p.passkeysBy(), p.Local.Passkeys()))
}

// passkeysBy is what starts Gatehouse so that passkeys work, where it is reached
// by this machine's loopback address; "" elsewhere.
func (p *Portal) passkeysBy() string {
	u, ok := p.Local.AtLocalhost()
	switch {
	case !ok:
		return ""
	case p.UI.Development:
		return "gatehouse dev --addr " + u.Host
	}
	return "url: " + u.String()
}

// deviceName is what a new passkey may be called.
func deviceName(r *http.Request) string {
	name, _ := ui.Device(r.Context(), r.UserAgent())
	return name
}

// beginPasskey asks the browser's question, for the script.
func (p *Portal) beginPasskey(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := p.Limiter.Allow(r); err != nil { // each question is kept for a while
		return err
	}
	options, err := p.Local.BeginPasskey(r.Context(), v.user, p.Sessions.Browser(w, r))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(options)
}

func (p *Portal) addPasskey(w http.ResponseWriter, r *http.Request, v visitor) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	browser, _ := p.Sessions.BrowserOf(r)
	_, err = p.Local.AddPasskey(r.Context(), v.actor(r), v.user.ID, form.Get("name"), browser, form.Get("credential"))
	if s, ok := wrongInput(r, err); ok {
		return p.showNewPasskey(w, r, v, ui.StatusOf(err), s)
	}
	if err != nil {
		return fmt.Errorf("add a passkey: %w", err)
	}
	ui.SeeOther(w, "/user/security?done=passkey-added")
	return nil
}

func (p *Portal) renamePasskey(w http.ResponseWriter, r *http.Request, v visitor) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
		return p.Local.RenamePasskey(tx, v.actor(r), v.user.ID, r.PathValue("passkey"), form.Get("name"))
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, "/user/security?done=passkey-renamed")
	return nil
}

func (p *Portal) removePasskey(w http.ResponseWriter, r *http.Request, v visitor) error {
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		if err := p.Local.RemovePasskey(tx, v.actor(r), v.user.ID, r.PathValue("passkey")); err != nil {
			return err
		}
		return p.keepsWayIn(tx, v.user.ID)
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, "/user/security?done=passkey-removed")
	return nil
}
