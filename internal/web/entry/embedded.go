package entry

import (
	"cmp"
	"net/http"

	"gatehouse/internal/i18n"
	"gatehouse/internal/signin"
	"gatehouse/internal/web/ui"
)

// embeddedPage is opened inside a vendor's client (DingTalk): it asks the client
// for a code and brings it here by POST, with a state that is this browser's. The
// vendor's script is loaded there alone. Without the client, or without scripts,
// the page offers the usual way.
func (e *Entry) embeddedPage(w http.ResponseWriter, r *http.Request) error {
	if err := e.Limiter.Allow(r); err != nil {
		return err
	}
	q := r.URL.Query()
	s := signin.Start{
		Connection: r.PathValue("connection"), Request: q.Get("request"), ReturnTo: ui.OwnPath(q.Get("return_to")),
		Agent: r.UserAgent(), Locale: string(i18n.From(r.Context())), BrowserHash: e.Sessions.Browser(w, r),
	}
	silent, err := e.SignIn.BeginEmbedded(r.Context(), s, cmp.Or(q.Get("corpid"), q.Get("corpId")))
	if err != nil {
		return err
	}
	page := ui.Page{Title: i18n.Text(r.Context(), "Sign in"), FormAction: toProviders()}
	if silent.State != "" {
		page.Scripts, page.Vendor = []string{"embedded"}, silent.Page.Script
	}
	return e.UI.Render(w, r, http.StatusOK, page, embeddedBody(embeddedView{silent, s.Request, s.ReturnTo, others(s.Request, s.ReturnTo)}))
}

// embedded takes the code of the client.
func (e *Entry) embedded(w http.ResponseWriter, r *http.Request) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	if len(form.Encode()) > longestAnswer {
		return tooLong()
	}
	a, err := e.answer(r, form)
	if err != nil {
		return err
	}
	result, err := e.SignIn.FinishEmbedded(r.Context(), a)
	if err != nil {
		return e.refused(w, r, err)
	}
	e.enter(w, result)
	return nil
}
