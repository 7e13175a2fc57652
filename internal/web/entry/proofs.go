package entry

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/signin"
	"gatehouse/internal/web/ui"
)

// connectPath is where somebody goes who has signed in another way and wants to
// connect what they were refused with.
const connectPath = "/sign-in/connect"

// mountProofs adds the pages of people who were refused and can still do
// something about it, and of those who wait.
func (e *Entry) mountProofs(mux *http.ServeMux) {
	mux.Handle("GET /sign-in/refused", e.UI.Handle(e.refusedPage))
	mux.Handle("POST /sign-in/refused/ask", e.UI.Handle(e.ask))
	mux.Handle("GET "+connectPath, e.UI.Handle(e.connectPage))
	mux.Handle("POST "+connectPath+"/yes", e.UI.Handle(e.connect))
	mux.Handle("POST "+connectPath+"/no", e.UI.Handle(e.drop))
	mux.Handle("GET /sign-in/waiting", e.UI.Handle(e.waiting))
	mux.Handle("POST /sign-in/waiting/stop", e.UI.Handle(e.drop))
}

// offerPage is the page of somebody who was refused and can do something about it.
type offerPage struct {
	signin.Offer
	Again string // address to sign in again
}

// refusedPage says why somebody was refused, and what they can do.
func (e *Entry) refusedPage(w http.ResponseWriter, r *http.Request) error {
	hash, _ := e.Sessions.BrowserOf(r)
	o, err := e.SignIn.Offer(r.Context(), hash)
	if err != nil {
		return err
	}
	title := i18n.Text(r.Context(), "You cannot sign in yet")
	p := offerPage{Offer: o, Again: others(o.Proof.Request, o.Proof.ReturnTo)}
	return e.UI.Render(w, r, http.StatusForbidden, ui.Page{Title: title}, offerBody(p))
}

// answered reads what somebody does about an offer.
func (e *Entry) answered(w http.ResponseWriter, r *http.Request) (signin.Answered, error) {
	form, err := ui.Form(w, r)
	if err != nil {
		return signin.Answered{}, err
	}
	hash, _ := e.Sessions.BrowserOf(r)
	a := signin.Answered{
		Browser: signin.Browser{Hash: hash, UserAgent: r.UserAgent(), Address: ui.ClientAddress(r)},
		Proof:   form.Get("proof"), Message: form.Get("message"),
	}
	s, u, err := e.Sessions.Current(r)
	if err == nil {
		a.UserID, a.SessionID = u.ID, s.ID
	} else if !errors.Is(err, gatehouse.Unauthorized) {
		return a, err
	}
	return a, nil
}

// ask asks for an account with what the person was refused with.
func (e *Entry) ask(w http.ResponseWriter, r *http.Request) error {
	if err := e.Limiter.Allow(r); err != nil {
		return err
	}
	a, err := e.answered(w, r)
	if err != nil {
		return err
	}
	result, err := e.SignIn.Ask(r.Context(), a)
	if err != nil {
		return e.refused(w, r, err)
	}
	e.enter(w, result)
	return nil
}

// connectPageData is the question whether to connect an identity to the account
// that is signed in.
type connectPageData struct {
	signin.Offer
	User gatehouse.User
	Ways signin.Ways
}

// connectPage asks whether to connect the identity that was refused to the
// account that the person has signed in to. Nothing is connected by itself.
func (e *Entry) connectPage(w http.ResponseWriter, r *http.Request) error {
	_, u, err := e.Sessions.Current(r)
	if err != nil {
		return err // leads to the sign-in, and back here
	}
	hash, _ := e.Sessions.BrowserOf(r)
	o, err := e.SignIn.Offer(r.Context(), hash)
	if err != nil {
		return err
	}
	ways, err := e.SignIn.WaysInto(r.Context(), u.ID)
	if err != nil {
		return err
	}
	r = ui.Prefer(r, u.Locale)
	title := i18n.Text(r.Context(), "Connect your %s account?", ui.ConnectionLabel(o.Connection))
	return e.UI.Render(w, r, http.StatusOK, ui.Page{Title: title, User: &u, Wide: true}, connectBody(connectPageData{o, u, ways}))
}

func (e *Entry) connect(w http.ResponseWriter, r *http.Request) error {
	s, _, err := e.Sessions.Current(r)
	if err != nil {
		return err
	}
	if err := e.Sessions.Fresh(s); err != nil {
		return err
	}
	a, err := e.answered(w, r)
	if err != nil {
		return err
	}
	result, err := e.SignIn.Connect(r.Context(), a)
	if err != nil {
		return e.refused(w, r, err)
	}
	e.enter(w, result)
	return nil
}

// drop ends what the browser holds, and goes on to where the person was going,
// or to the sign-in if nobody is signed in.
func (e *Entry) drop(w http.ResponseWriter, r *http.Request) error {
	a, err := e.answered(w, r)
	if err != nil {
		return err
	}
	to, err := e.SignIn.Drop(r.Context(), a)
	if err != nil {
		return err
	}
	if a.UserID == "" {
		to = "/sign-in?auto_sign_in=false"
	}
	ui.SeeOther(w, orUser(to))
	return nil
}

// refreshing is the header by which the script of a page that keeps itself up to
// date says that no browser would follow where the answer leads.
const refreshing = "X-Refresh"

// waitingEvery is after how many seconds the waiting page asks again.
const waitingEvery = 5

// waiting is the page of somebody who waits for an approval. It turns into the
// app that they were going to as soon as they may.
func (e *Entry) waiting(w http.ResponseWriter, r *http.Request) error {
	hash, _ := e.Sessions.BrowserOf(r)
	wait, err := e.SignIn.Waiting(r.Context(), hash)
	if errors.Is(err, gatehouse.NotFound) {
		return e.waitsForNothing(w, r)
	}
	if err != nil {
		return err
	}
	if wait.State == signin.WaitingApproved {
		return e.enterWaiting(w, r)
	}
	r = ui.Prefer(r, wait.User.Locale)
	p := ui.Page{Title: waitingTitle(r.Context(), wait.State)}
	if wait.State == signin.WaitingOpen {
		p.Refresh = waitingEvery
	}
	return e.UI.Render(w, r, http.StatusOK, p, waitingBody(wait))
}

func (e *Entry) enterWaiting(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get(refreshing) != "" { // the script then has the browser itself come
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	a, err := e.answered(w, r)
	if err != nil {
		return err
	}
	result, err := e.SignIn.EnterWaiting(r.Context(), a.Browser)
	if err != nil {
		return e.refused(w, r, err)
	}
	e.enter(w, result)
	return nil
}

// waitsForNothing is for browsers that hold nothing: it ran out, or they got in.
func (e *Entry) waitsForNothing(w http.ResponseWriter, r *http.Request) error {
	if _, _, err := e.Sessions.Current(r); err != nil {
		return e.elsewhere(w, err, "/sign-in?auto_sign_in=false")
	}
	ui.SeeOther(w, "/user")
	return nil
}

func waitingTitle(ctx context.Context, s signin.WaitingState) string {
	switch s {
	case signin.WaitingDenied:
		return i18n.Text(ctx, "Your request was denied")
	case signin.WaitingExpired:
		return i18n.Text(ctx, "Nobody has answered yet")
	case signin.WaitingOpen, signin.WaitingApproved:
	}
	return i18n.Text(ctx, "Your account waits for approval")
}

// who is a person as their provider tells, in a line.
func who(p gatehouse.Profile, subject string) string {
	var parts []string
	for _, s := range []string{p.Name, p.Username, p.Nickname, p.Email} {
		if s != "" && (len(parts) == 0 || !strings.Contains(strings.Join(parts, " "), s)) {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return subject
	}
	return strings.Join(parts, " · ")
}

// account is a user in a line, written as who does.
func account(u gatehouse.User) string {
	return who(gatehouse.Profile{Name: u.Name, Username: u.Username, Email: u.Email}, u.Username)
}
