package entry

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/signin"
	"gatehouse/internal/web/ui"
)

// mountLocal adds what those see who sign in without a provider, and the second
// proof after one.
func (e *Entry) mountLocal(mux *http.ServeMux) {
	mux.Handle("POST /sign-in", e.UI.Handle(e.password))
	mux.Handle("GET /sign-in/code", e.UI.Handle(e.codePage))
	mux.Handle("POST /sign-in/code", e.UI.Handle(e.code))
	mux.Handle("GET /sign-in/enroll", e.UI.Handle(e.enrollPage))
	mux.Handle("POST /sign-in/enroll", e.UI.Handle(e.enroll))
	mux.Handle("POST /sign-in/passkey", e.UI.Handle(e.passkey))
	mux.Handle("POST /sign-in/passkey/begin", e.UI.Handle(e.beginPasskey))
}

// scripts are what the pages with passkeys run.
func scripts() []string { return []string{"passkey"} }

// longestAttempt bounds what names a sign-in under way.
const longestAttempt = 100

// local reads a form of somebody who signs in without a provider.
func (e *Entry) local(w http.ResponseWriter, r *http.Request) (signin.Local, url.Values, error) {
	form, err := ui.Form(w, r)
	if err != nil {
		return signin.Local{}, nil, err
	}
	b, err := e.browser(w, r)
	l := signin.Local{Browser: b, Request: form.Get("request"), ReturnTo: ui.OwnPath(form.Get("return_to"))}
	return l, form, err
}

// browser is what is known of the one in front.
func (e *Entry) browser(w http.ResponseWriter, r *http.Request) (signin.Browser, error) {
	b := signin.Browser{Hash: e.Sessions.Browser(w, r), UserAgent: r.UserAgent(), Address: ui.ClientAddress(r)}
	s, u, err := e.Sessions.Current(r)
	if err == nil {
		b.UserID, b.SessionID = u.ID, s.ID
	} else if !errors.Is(err, gatehouse.Unauthorized) {
		return b, err
	}
	return b, nil
}

func (e *Entry) password(w http.ResponseWriter, r *http.Request) error {
	if err := e.Limiter.Allow(r); err != nil {
		return err
	}
	l, form, err := e.local(w, r)
	if err != nil {
		return err
	}
	result, err := e.SignIn.Password(r.Context(), l, form.Get("username"), form.Get("password"))
	if p, ok := problem(r, err); ok {
		return e.again(w, r, err, l, localPart{Username: form.Get("username"), Problem: p})
	}
	if err != nil {
		return e.refused(w, r, err)
	}
	e.enter(w, result)
	return nil
}

// problem is the sentence for the form when what was entered is wrong, or too
// much was tried; all else has a page of its own.
func problem(r *http.Request, err error) (string, bool) {
	var refused *signin.Refused
	switch gatehouse.KindOf(err) {
	case gatehouse.Invalid, gatehouse.Limited:
	default:
		return "", false
	}
	if !errors.As(err, &refused) {
		return "", false
	}
	return i18n.Text(r.Context(), refused.Err.Message, refused.Err.Args...), true
}

// again shows the sign-in page once more, with what was wrong.
func (e *Entry) again(w http.ResponseWriter, r *http.Request, cause error, l signin.Local, part localPart) error {
	p, err := e.offered(r, l.Request, l.ReturnTo, l.Hash)
	if err != nil {
		return err
	}
	p.Username, p.Problem = part.Username, part.Problem
	return e.showChoices(w, ui.Prefer(r, p.Demand.Locale), ui.StatusOf(cause), p)
}

func (e *Entry) codePage(w http.ResponseWriter, r *http.Request) error {
	return e.showCode(w, r, http.StatusOK, r.URL.Query().Get("attempt"), "")
}

func (e *Entry) showCode(w http.ResponseWriter, r *http.Request, status int, attempt, problem string) error {
	hash, _ := e.Sessions.BrowserOf(r)
	h, err := e.SignIn.SecondPage(r.Context(), bounded(attempt), hash)
	if err != nil {
		return err
	}
	return e.UI.Render(w, r, status, ui.Page{Title: i18n.Text(r.Context(), "One more step"), Scripts: scripts(), FormAction: toProviders()},
		codeBody(codePage{Halfway: h, Attempt: attempt, Problem: problem}))
}

func bounded(attempt string) string {
	if len(attempt) > longestAttempt {
		return ""
	}
	return attempt
}

func (e *Entry) code(w http.ResponseWriter, r *http.Request) error {
	return e.more(w, r, e.SignIn.Second, e.showCode)
}

func (e *Entry) enrollPage(w http.ResponseWriter, r *http.Request) error {
	return e.showEnroll(w, r, http.StatusOK, r.URL.Query().Get("attempt"), "")
}

func (e *Entry) showEnroll(w http.ResponseWriter, r *http.Request, status int, attempt, problem string) error {
	hash, _ := e.Sessions.BrowserOf(r)
	h, err := e.SignIn.EnrollPage(r.Context(), bounded(attempt), hash)
	if err != nil {
		return err
	}
	return e.UI.Render(w, r, status, ui.Page{Title: i18n.Text(r.Context(), "Set up an authenticator app"), Wide: true},
		enrollBody(codePage{Halfway: h, Attempt: attempt, Problem: problem}))
}

func (e *Entry) enroll(w http.ResponseWriter, r *http.Request) error {
	return e.more(w, r, e.SignIn.Enroll, e.showEnroll)
}

// more ends a sign-in that waits for a code, or shows its page again.
func (e *Entry) more(w http.ResponseWriter, r *http.Request,
	end func(ctx context.Context, b signin.Browser, attempt, code string) (signin.Result, error),
	show func(w http.ResponseWriter, r *http.Request, status int, attempt, problem string) error,
) error {
	l, form, err := e.local(w, r)
	if err != nil {
		return err
	}
	attempt := bounded(form.Get("attempt"))
	result, err := end(r.Context(), l.Browser, attempt, form.Get("code"))
	if p, ok := problem(r, err); ok {
		return show(w, r, ui.StatusOf(err), attempt, p)
	}
	if err != nil {
		return e.refused(w, r, err)
	}
	e.enter(w, result)
	return nil
}

// beginPasskey asks the browser's question for a passkey, for the script.
func (e *Entry) beginPasskey(w http.ResponseWriter, r *http.Request) error {
	if err := e.Limiter.Allow(r); err != nil {
		return err
	}
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	options, err := e.SignIn.BeginPasskey(r.Context(), e.Sessions.Browser(w, r), bounded(form.Get("attempt")))
	if err != nil {
		return err
	}
	return writeJSON(w, options)
}

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

func (e *Entry) passkey(w http.ResponseWriter, r *http.Request) error {
	l, form, err := e.local(w, r)
	if err != nil {
		return err
	}
	attempt := bounded(form.Get("attempt"))
	result, err := e.SignIn.Passkey(r.Context(), l, attempt, form.Get("credential"))
	if p, ok := problem(r, err); ok && attempt != "" {
		return e.showCode(w, r, ui.StatusOf(err), attempt, p)
	} else if ok {
		return e.again(w, r, err, l, localPart{Problem: p})
	}
	if err != nil {
		return e.refused(w, r, err)
	}
	e.enter(w, result)
	return nil
}
