package entry

import (
	"cmp"
	"net/http"
	"net/url"

	"gatehouse/internal/i18n"
	"gatehouse/internal/signin"
	"gatehouse/internal/web/ui"
)

// mountStronger adds the page of whoever is signed in, but not as surely as an
// app insists on.
func (e *Entry) mountStronger(mux *http.ServeMux) {
	mux.Handle("GET /sign-in/stronger", e.UI.Handle(e.strongerPage))
}

// strengthen says where somebody who is signed in goes to prove what an app
// demands; "" when they have to sign in anew, or nobody is signed in.
func (e *Entry) strengthen(w http.ResponseWriter, r *http.Request, request string) (goTo string, err error) {
	b, err := e.browser(w, r)
	if err != nil || b.SessionID == "" {
		return "", err
	}
	if err := e.Limiter.Allow(r); err != nil {
		return "", err
	}
	s, _, err := e.Sessions.Current(r)
	if err != nil {
		return "", err
	}
	return e.SignIn.Stronger(r.Context(), b, s, request)
}

// strongerBodyData is what is told of an app that insists on two proofs.
type strongerBodyData struct {
	signin.Lacking
	Back   string // to the app, which is told that there was none
	Other  string // to the sign-in
	Reload string // this page, when there is a second proof
}

// strongerPage tells what the person needs. Once they have it, it leads on.
func (e *Entry) strongerPage(w http.ResponseWriter, r *http.Request) error {
	request := r.URL.Query().Get("request")
	_, u, err := e.Sessions.Current(r)
	if err != nil {
		return e.elsewhere(w, err, others(request, ""))
	}
	switch to, err := e.strengthen(w, r, request); {
	case err != nil:
		return err
	case to != signin.NeedsStronger(request):
		ui.SeeOther(w, cmp.Or(to, others(request, "")))
		return nil
	}
	hash, _ := e.Sessions.BrowserOf(r)
	l, err := e.SignIn.Lacking(r.Context(), hash, request)
	if err != nil {
		return err
	}
	p := strongerBodyData{
		Lacking: l, Back: "/oauth/authorize?" + url.Values{"request": {request}}.Encode(), Other: others(request, ""), Reload: signin.NeedsStronger(request),
	}
	r = ui.Prefer(r, u.Locale)
	return e.UI.Render(w, r, http.StatusForbidden, ui.Page{Title: i18n.Text(r.Context(), "A second proof is needed")}, strongerBody(p))
}
