package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/internal/credentials"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// mountAuthenticator adds the pages of the authenticator app and of the codes
// that stand in for it.
func (p *Portal) mountAuthenticator(mux *http.ServeMux) {
	mux.Handle("POST /user/security/authenticator/begin", p.own(p.fresh(p.beginAuthenticator)))
	mux.Handle("GET /user/security/authenticator", p.own(p.fresh(p.authenticatorPage)))
	mux.Handle("POST /user/security/authenticator", p.own(p.fresh(p.confirmAuthenticator)))
	mux.Handle("POST /user/security/authenticator/remove", p.own(p.fresh(p.removeAuthenticator)))
	mux.Handle("GET /user/security/recovery-codes", p.own(p.recoveryCodes))
	mux.Handle("POST /user/security/recovery-codes", p.own(p.fresh(p.newRecoveryCodes)))
	mux.Handle("POST /user/security/recovery-codes/kept", p.own(p.keptRecoveryCodes))
}

func (p *Portal) beginAuthenticator(w http.ResponseWriter, r *http.Request, v visitor) error {
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		_, err := p.Local.BeginAuthenticator(tx, v.user)
		return err
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, "/user/security/authenticator")
	return nil
}

func (p *Portal) authenticatorPage(w http.ResponseWriter, r *http.Request, v visitor) error {
	return p.showAuthenticator(w, r, v, http.StatusOK, "")
}

func (p *Portal) showAuthenticator(w http.ResponseWriter, r *http.Request, v visitor, status int, problem string) error {
	var setup credentials.Setup
	err := p.Store.View(r.Context(), func(tx *store.Tx) (err error) {
		setup, err = p.Local.AuthenticatorSetup(tx, v.user)
		return err
	})
	if errors.Is(err, gatehouse.NotFound) { // it was finished, or never begun
		ui.SeeOther(w, "/user/security")
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what is being set up: %w", err)
	}
	return p.UI.Render(w, r, status, ui.Page{
		Title: i18n.Text(r.Context(), "Set up an authenticator app"), Nav: ui.NavPortal, Section: "security", User: &v.user,
	}, authenticatorBody(setup, problem))
}

func (p *Portal) confirmAuthenticator(w http.ResponseWriter, r *http.Request, v visitor) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	codes, err := p.Local.ConfirmAuthenticator(r.Context(), v.actor(r), v.user.ID, form.Get("code"))
	if s, ok := wrongInput(r, err); ok {
		return p.showAuthenticator(w, r, v, ui.StatusOf(err), s)
	}
	if err != nil {
		return err
	}
	return p.toCodes(w, r, v, func(*store.Tx) ([]string, error) { return codes, nil })
}

// toCodes leads to the page that shows new recovery codes.
func (p *Portal) toCodes(w http.ResponseWriter, r *http.Request, v visitor, make func(*store.Tx) ([]string, error)) error {
	var token string
	browser := p.Sessions.Browser(w, r)
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		codes, err := make(tx)
		if err != nil {
			return err
		}
		token, err = p.Local.ShowCodes(tx, v.user.ID, browser, codes)
		return err
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, "/user/security/recovery-codes?shown="+url.QueryEscape(token))
	return nil
}

func (p *Portal) newRecoveryCodes(w http.ResponseWriter, r *http.Request, v visitor) error {
	return p.toCodes(w, r, v, func(tx *store.Tx) ([]string, error) { return p.Local.NewRecoveryCodes(tx, v.actor(r), v.user.ID) })
}

// longestToken bounds what names codes that are shown.
const longestToken = 100

func (p *Portal) recoveryCodes(w http.ResponseWriter, r *http.Request, v visitor) error {
	q := r.URL.Query()
	token := q.Get("shown")
	if len(token) > longestToken {
		token = ""
	}
	browser, _ := p.Sessions.BrowserOf(r)
	var codes []string
	err := p.Store.View(r.Context(), func(tx *store.Tx) (err error) {
		codes, err = p.Local.ShownCodes(tx, v.user.ID, token, browser)
		return err
	})
	if err != nil {
		return err
	}
	return p.UI.Render(w, r, http.StatusOK, ui.Page{
		Title: i18n.Text(r.Context(), "Recovery codes"), Nav: ui.NavPortal, Section: "security", User: &v.user,
	}, recoveryCodesBody(codes, token, ui.OwnPath(q.Get("return_to"))))
}

func (p *Portal) keptRecoveryCodes(w http.ResponseWriter, r *http.Request, v visitor) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	browser, _ := p.Sessions.BrowserOf(r)
	token := form.Get("shown")
	if len(token) <= longestToken {
		err = p.Store.Update(r.Context(), func(tx *store.Tx) error { return p.Local.HideCodes(tx, v.user.ID, token, browser) })
	}
	if err != nil {
		return err
	}
	to := ui.OwnPath(form.Get("return_to"))
	if to == "" {
		to = "/user/security?done=codes-kept"
	}
	ui.SeeOther(w, to)
	return nil
}

func (p *Portal) removeAuthenticator(w http.ResponseWriter, r *http.Request, v visitor) error {
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		return p.Local.RemoveAuthenticator(tx, v.actor(r), v.user.ID)
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, "/user/security?done=authenticator-removed")
	return nil
}
