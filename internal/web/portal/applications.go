package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/op"
	"gatehouse/internal/provided"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// mountApplications adds what may act for the person: applications, the access
// that providers gave, and tokens of the person's own.
func (p *Portal) mountApplications(mux *http.ServeMux) {
	p.mountOwn(mux)
	mux.Handle("GET /user/applications", p.own(p.applications))
	mux.Handle("POST /user/applications/{client}/withdraw", p.own(p.withdraw))
	mux.Handle("POST /user/applications/{client}/allow", p.own(p.fresh(p.allowTokens)))
	mux.Handle("POST /user/applications/provided/{identity}/forget", p.own(p.forgetToken))
	mux.Handle("GET /user/applications/tokens/new", p.own(p.newToken))
	mux.Handle("POST /user/applications/tokens", p.own(p.makeToken))
	mux.Handle("POST /user/applications/tokens/{token}/revoke", p.own(p.revokeToken))
}

// applicationsPage is what the page shows.
type applicationsPage struct {
	Applications []op.Application // the administrators' programs among them
	Askers       []gatehouse.Client
	MayAllow     bool // the administrators' programs may still be allowed
	Kept         []provided.Kept
	Personal     []gatehouse.PersonalToken
	Own          []gatehouse.Client // that the person looks after
	MayMake      bool               // the person may make more of them
	URL          string
	Done         string // what was just done, for a sentence
}

func (p *Portal) applications(w http.ResponseWriter, r *http.Request, v visitor) error {
	page := applicationsPage{URL: p.URL, Done: r.URL.Query().Get("done"), MayMake: p.mayMake() == nil}
	if err := p.Store.View(r.Context(), func(tx *store.Tx) error { return page.read(tx, v.user) }); err != nil {
		return fmt.Errorf("read the applications of %s: %w", v.user.ID, err)
	}
	return p.UI.Render(w, r, http.StatusOK, applicationsFrame(r, v, i18n.Text(r.Context(), "Applications")), applicationsBody(page))
}

func applicationsFrame(r *http.Request, v visitor, title string) ui.Page {
	return ui.Page{Title: title, Nav: ui.NavPortal, Section: "applications", User: &v.user}
}

func (a *applicationsPage) read(tx *store.Tx, u gatehouse.User) (err error) {
	userID := u.ID
	if a.Own, err = ownClients(tx, u); err != nil {
		return err
	}
	if a.Applications, err = op.Applications(tx, userID); err != nil {
		return err
	}
	if a.Kept, err = provided.List(tx, userID); err != nil {
		return err
	}
	if a.Askers, err = op.Askers(tx, userID); err != nil {
		return err
	}
	a.MayAllow = len(a.Kept) > 0 && !slices.ContainsFunc(a.Applications, func(x op.Application) bool { return x.Client.ID == provided.Administrators })
	a.Personal, err = tx.PersonalTokens(userID)
	return err
}

// withdraw takes back what the visitor allowed an application: its tokens end
// at once, and it has to ask again.
func (p *Portal) withdraw(w http.ResponseWriter, r *http.Request, v visitor) error {
	client := r.PathValue("client")
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error { return op.Withdraw(tx, v.actor(r), v.user.ID, client) })
	if err != nil {
		return fmt.Errorf("withdraw the consent for %s: %w", url.PathEscape(client), err)
	}
	ui.SeeOther(w, "/user/applications?done=withdrawn")
	return nil
}

// allowTokens lets an application have the visitor's tokens of other providers.
func (p *Portal) allowTokens(w http.ResponseWriter, r *http.Request, v visitor) error {
	client := r.PathValue("client")
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error { return op.AllowTokens(tx, v.actor(r), client) })
	if err != nil {
		return fmt.Errorf("allow %s the tokens of providers: %w", url.PathEscape(client), err)
	}
	ui.SeeOther(w, "/user/applications?done=allowed")
	return nil
}

// forgetToken removes a provider's token that is kept for the visitor.
func (p *Portal) forgetToken(w http.ResponseWriter, r *http.Request, v visitor) error {
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		return p.Provided.ForgetOwn(tx, v.actor(r), v.user.ID, r.PathValue("identity"))
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, "/user/applications?done=forgotten")
	return nil
}
