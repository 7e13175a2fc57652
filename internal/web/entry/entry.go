// Package entry is the way in and out: the sign-in page, the way to a provider
// and back, the page of somebody who was refused or has to wait, one-time
// links, and signing out. It decides nothing; package signin does.
package entry

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/session"
	"gatehouse/internal/signin"
	"gatehouse/internal/web/ui"
)

// Entry shows the way in. All fields but Limiter are needed.
type Entry struct {
	UI       *ui.UI
	SignIn   *signin.Service
	Sessions *session.Manager
	Leave    Leaver
	Limiter  *ui.Limiter // of sign-ins that are begun; nil: none
}

// Leaver signs a browser out and answers it: it goes on to next ("" = our own
// sign-in page), past whatever has to hear of it.
type Leaver interface {
	SignOut(w http.ResponseWriter, r *http.Request, next string) error
}

// Mount adds the addresses of this package, and the page for whatever has no
// address of its own.
func (e *Entry) Mount(mux *http.ServeMux) {
	mux.Handle("GET /{$}", e.UI.Handle(e.start))
	mux.Handle("GET /sign-in", e.UI.Handle(e.choose))
	mux.Handle("POST /sign-in/{connection}", e.UI.Handle(e.begin))
	mux.Handle("GET /sign-in/{connection}/embedded", e.UI.Handle(e.embeddedPage))
	mux.Handle("POST /sign-in/{connection}/embedded", e.UI.Handle(e.embedded))
	mux.Handle("GET /users/auth/{connection}/callback", e.UI.Handle(e.finish))
	mux.Handle("POST /users/auth/{connection}/callback", e.UI.Handle(e.keepAnswer))
	mux.Handle("GET /sign-in/claim", e.UI.Handle(e.claimPage))
	mux.Handle("POST /sign-in/claim", e.UI.Handle(e.claim))
	mux.Handle("GET /sign-in/invite", e.UI.Handle(e.invitePage))
	mux.Handle("POST /sign-in/invite", e.UI.Handle(e.invite))
	mux.Handle("GET /sign-in/link", e.UI.Handle(e.link))
	mux.Handle("GET /sign-out", e.UI.Handle(e.signOutPage))
	mux.Handle("POST /sign-out", e.UI.Handle(e.signOut))
	mux.HandleFunc("POST /backchannel-logout/{connection}", e.backChannel)
	mux.Handle("GET /sign-up", e.UI.Handle(e.signUp))
	e.mountProofs(mux)
	e.mountLocal(mux)
	e.mountConfirm(mux)
	e.mountStronger(mux)
	mux.Handle("/", e.UI.Missing())
}

func (e *Entry) start(w http.ResponseWriter, r *http.Request) error {
	if _, _, err := e.Sessions.Current(r); err != nil {
		return e.elsewhere(w, err, "/sign-in")
	}
	ui.SeeOther(w, "/user")
	return nil
}

// elsewhere sends a browser with which nobody is signed in to an address; any
// other error stays one.
func (e *Entry) elsewhere(w http.ResponseWriter, err error, path string) error {
	if !errors.Is(err, gatehouse.Unauthorized) {
		return err
	}
	ui.SeeOther(w, path)
	return nil
}

// toProviders are the Content-Security-Policy sources that a form which leads
// to a provider needs: browsers hold the redirects after it against them, and
// the provider's address is known only when it is made.
func toProviders() []string { return []string{"https:", "http:"} }

// choose is the page with a button for each way in.
func (e *Entry) choose(w http.ResponseWriter, r *http.Request) error {
	p, done, err := e.choices(w, r)
	if err != nil || done {
		return err
	}
	r = ui.Prefer(r, p.Demand.Locale)
	if p.StrongerWanted() && r.URL.Query().Get("auto_sign_in") != "false" {
		to, err := e.strengthen(w, r, p.Request)
		if err != nil {
			return err
		}
		if to != "" {
			ui.SeeOther(w, to)
			return nil
		}
	}
	if p.Auto != "" && r.URL.Query().Get("auto_sign_in") != "false" {
		return e.goTo(w, r, signin.Start{Connection: p.Auto, Request: p.Request, ReturnTo: p.ReturnTo})
	}
	return e.showChoices(w, r, http.StatusOK, p)
}

func (e *Entry) showChoices(w http.ResponseWriter, r *http.Request, status int, p choosePage) error {
	page := ui.Page{Title: i18n.Text(r.Context(), "Sign in"), FormAction: toProviders()}
	if p.Local && p.Passkeys {
		page.Scripts = scripts()
	}
	return e.UI.Render(w, r, status, page, chooseBody(p))
}

// choices is what the pages of the way in offer. done: somebody is signed in who
// needs none of it, and was sent on.
func (e *Entry) choices(w http.ResponseWriter, r *http.Request) (p choosePage, done bool, err error) {
	q := r.URL.Query()
	request, returnTo := q.Get("request"), ui.OwnPath(q.Get("return_to"))
	if request == "" {
		_, _, err := e.Sessions.Current(r)
		if err == nil {
			ui.SeeOther(w, orUser(returnTo))
			return p, true, nil
		}
		if !errors.Is(err, gatehouse.Unauthorized) {
			return p, false, err
		}
	}
	p, err = e.offered(r, request, returnTo, e.Sessions.Browser(w, r))
	p.SignedOut = q.Get("signed_out") == "true"
	return p, false, err
}

// offered is what the pages of the way in offer for a purpose.
func (e *Entry) offered(r *http.Request, request, returnTo string, hash []byte) (choosePage, error) {
	c, err := e.SignIn.Choices(r.Context(), request, hash)
	if err != nil {
		return choosePage{}, err
	}
	p := choosePage{
		Choices: c, Request: request, ReturnTo: returnTo, Last: e.Sessions.LastWay(r),
		TakesNewPeople: slices.ContainsFunc(c.Connections, takesNewPeople),
	}
	p.Connections = lastFirst(p.Connections, p.Last)
	if returnTo == connectPath {
		if o, err := e.SignIn.Offer(r.Context(), hash); err == nil {
			p.Connecting = ui.ConnectionLabel(o.Connection)
		}
	}
	return p, nil
}

// begin goes to the provider of a connection. It is a POST, so that no other
// site can start a sign-in in this browser.
func (e *Entry) begin(w http.ResponseWriter, r *http.Request) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	s := signin.Start{
		Connection: r.PathValue("connection"), Request: form.Get("request"), ReturnTo: ui.OwnPath(form.Get("return_to")),
		Agent: r.UserAgent(),
	}
	if form.Get("usual") != "" { // from the page inside a vendor's client, where silence did not do
		s.Agent = ""
	}
	return e.goTo(w, r, s)
}

func (e *Entry) goTo(w http.ResponseWriter, r *http.Request, s signin.Start) error {
	if err := e.Limiter.Allow(r); err != nil {
		return err
	}
	s.Locale = string(i18n.From(r.Context()))
	s.BrowserHash = e.Sessions.Browser(w, r)
	address, err := e.SignIn.Begin(r.Context(), s)
	if err != nil {
		return e.refused(w, r, err)
	}
	w.Header().Set("Location", address)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// longestAnswer bounds what comes back with the browser.
const longestAnswer = 8 << 10

func tooLong() error {
	return gatehouse.Errorf(gatehouse.Invalid, "The answer of the sign-in provider is too long to be one. Begin the sign-in again.")
}

// keepAnswer takes an answer that a provider's page sent as a form and has the
// browser bring it by GET: cookies that are SameSite=Lax come only then, and
// they say which browser it is.
func (e *Entry) keepAnswer(w http.ResponseWriter, r *http.Request) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	query := form.Encode()
	if len(query) > longestAnswer {
		return tooLong()
	}
	w.Header().Set("Location", "/users/auth/"+url.PathEscape(r.PathValue("connection"))+"/callback?"+query)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// finish ends the sign-in that the provider's answer belongs to.
func (e *Entry) finish(w http.ResponseWriter, r *http.Request) error {
	if len(r.URL.RawQuery) > longestAnswer {
		return tooLong()
	}
	a, err := e.answer(r, r.URL.Query())
	if err != nil {
		return err
	}
	result, err := e.SignIn.Finish(r.Context(), a)
	if err != nil {
		return e.refused(w, r, err)
	}
	e.enter(w, result)
	return nil
}

// answer is what came back, with what is known of the browser that brought it.
func (e *Entry) answer(r *http.Request, values url.Values) (signin.Answer, error) {
	a := signin.Answer{
		Connection: r.PathValue("connection"), Values: values,
		UserAgent: r.UserAgent(), Address: ui.ClientAddress(r),
	}
	a.BrowserHash, _ = e.Sessions.BrowserOf(r)
	s, u, err := e.Sessions.Current(r)
	if err == nil {
		a.CurrentUserID, a.CurrentSessionID = u.ID, s.ID
	} else if !errors.Is(err, gatehouse.Unauthorized) {
		return a, err
	}
	return a, nil
}

func (e *Entry) enter(w http.ResponseWriter, result signin.Result) {
	if result.SessionToken != "" {
		e.Sessions.SetCookie(w, result.SessionToken)
		e.Sessions.NoteWay(w, result.Decision.Facts["connection"])
	}
	ui.SeeOther(w, orUser(result.GoTo))
}

// refused shows who was refused, or has to wait, why and under which reference.
func (e *Entry) refused(w http.ResponseWriter, r *http.Request, err error) error {
	var refused *signin.Refused
	if !errors.As(err, &refused) {
		return err
	}
	switch {
	case refused.Proof.UserID != "":
		ui.SeeOther(w, "/sign-in/waiting")
		return nil
	case refused.Proof.ID != "":
		ui.SeeOther(w, "/sign-in/refused")
		return nil
	}
	p := refusedPage{
		Outcome: refused.Decision.Outcome, Reference: refused.Decision.Reference,
		Sentence: i18n.Text(r.Context(), refused.Err.Message, refused.Err.Args...),
		Again:    tryAgain(refused),
	}
	return e.UI.Render(w, r, ui.StatusOf(refused), ui.Page{Title: p.title(r.Context())}, refusedBody(p))
}

// tryAgain is the sign-in page for what the refused sign-in was for.
func tryAgain(refused *signin.Refused) string { return others(refused.Request, refused.ReturnTo) }

// others is the sign-in page for the same purpose. The choice is always the
// person's then.
func others(request, returnTo string) string {
	q := url.Values{"auto_sign_in": {"false"}}
	if request != "" {
		q.Set("request", request)
	} else if to := ui.OwnPath(returnTo); to != "" {
		q.Set("return_to", to)
	}
	return "/sign-in?" + q.Encode()
}

func orUser(path string) string {
	if ui.OwnPath(path) == "" {
		return "/user"
	}
	return path
}
