package entry

import (
	"net/http"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/signin"
	"gatehouse/internal/web/ui"
)

// mountConfirm adds where somebody who is signed in proves again who they are,
// before a sensitive act.
func (e *Entry) mountConfirm(mux *http.ServeMux) {
	mux.Handle("GET /sign-in/confirm", e.UI.Handle(e.confirmPage))
	mux.Handle("POST /sign-in/confirm", e.UI.Handle(e.confirmByPassword))
	mux.Handle("POST /sign-in/confirm/passkey/begin", e.UI.Handle(e.beginConfirmByPasskey))
	mux.Handle("POST /sign-in/confirm/passkey", e.UI.Handle(e.confirmByPasskey))
	mux.Handle("POST /sign-in/confirm/with/{connection}", e.UI.Handle(e.confirmByProvider))
	mux.Handle("POST /sign-in/confirm/development", e.UI.Handle(e.confirmInDevelopment))
}

func (e *Entry) confirmPage(w http.ResponseWriter, r *http.Request) error {
	_, u, err := e.Sessions.Current(r)
	if err != nil {
		return err
	}
	return e.showConfirm(w, ui.Prefer(r, u.Locale), http.StatusOK, u, ui.OwnPath(r.URL.Query().Get("return_to")), "")
}

func (e *Entry) showConfirm(w http.ResponseWriter, r *http.Request, status int, u gatehouse.User, returnTo, problem string) error {
	ways, err := e.SignIn.ConfirmWays(r.Context(), u.ID)
	if err != nil {
		return err
	}
	return e.UI.Render(w, r, status, ui.Page{
		Title: i18n.Text(r.Context(), "Confirm that it is you"), Scripts: scripts(), FormAction: toProviders(),
	}, confirmBody(confirmPage{ConfirmWays: ways, User: u, ReturnTo: returnTo, Problem: problem}))
}

func (e *Entry) confirmByPassword(w http.ResponseWriter, r *http.Request) error {
	_, u, err := e.Sessions.Current(r)
	if err != nil {
		return err
	}
	l, form, err := e.local(w, r)
	if err != nil {
		return err
	}
	result, err := e.SignIn.ConfirmPassword(r.Context(), l, form.Get("password"), form.Get("code"))
	return e.confirmed(w, r, u, l, result, err)
}

// confirmed goes back to what was to be done, or shows the page again.
func (e *Entry) confirmed(w http.ResponseWriter, r *http.Request, u gatehouse.User, l signin.Local, result signin.Result, err error) error {
	if p, ok := problem(r, err); ok {
		return e.showConfirm(w, ui.Prefer(r, u.Locale), ui.StatusOf(err), u, l.ReturnTo, p)
	}
	if err != nil {
		return e.refused(w, r, err)
	}
	e.enter(w, result)
	return nil
}

func (e *Entry) beginConfirmByPasskey(w http.ResponseWriter, r *http.Request) error {
	_, u, err := e.Sessions.Current(r)
	if err != nil {
		return err
	}
	if err := e.Limiter.Allow(r); err != nil {
		return err
	}
	options, err := e.SignIn.BeginConfirmPasskey(r.Context(), e.Sessions.Browser(w, r), u.ID)
	if err != nil {
		return err
	}
	return writeJSON(w, options)
}

func (e *Entry) confirmByPasskey(w http.ResponseWriter, r *http.Request) error {
	_, u, err := e.Sessions.Current(r)
	if err != nil {
		return err
	}
	l, form, err := e.local(w, r)
	if err != nil {
		return err
	}
	result, err := e.SignIn.ConfirmPasskey(r.Context(), l, form.Get("credential"))
	return e.confirmed(w, r, u, l, result, err)
}

// confirmInDevelopment is for who has nothing to confirm with, and works in
// development mode only.
func (e *Entry) confirmInDevelopment(w http.ResponseWriter, r *http.Request) error {
	_, u, err := e.Sessions.Current(r)
	if err != nil {
		return err
	}
	l, _, err := e.local(w, r)
	if err != nil {
		return err
	}
	result, err := e.SignIn.ConfirmDevelopment(r.Context(), l)
	return e.confirmed(w, r, u, l, result, err)
}

// confirmByProvider has a provider ask the person again who they are.
func (e *Entry) confirmByProvider(w http.ResponseWriter, r *http.Request) error {
	_, u, err := e.Sessions.Current(r)
	if err != nil {
		return err
	}
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	return e.goTo(w, r, signin.Start{
		Connection: r.PathValue("connection"), ReturnTo: ui.OwnPath(form.Get("return_to")),
		Purpose: gatehouse.ForConfirm, UserID: u.ID, Fresh: true,
	})
}
