package op

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/op/keys"
	"gatehouse/internal/op/logout"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

const (
	leavePath = "/oauth/logout"
	// SignedOutPath is where a sign-out goes on: providers that signed somebody out
	// send browsers back there. It is registered at them, so it never changes.
	SignedOutPath = "/sign-out/done"
	// afterSignOut is the sign-in page as somebody sees it who just signed out.
	afterSignOut = "/sign-in?auto_sign_in=false&signed_out=true"
	// leaveAfter is how long the frames of clients have, in seconds, before the
	// browser goes on.
	leaveAfter = "3"
)

func (p *Provider) mountLeaving(mux *http.ServeMux) {
	mux.Handle("GET "+leavePath, p.UI.Handle(p.leaveAsked))
	mux.Handle("POST "+leavePath, p.UI.Handle(p.leavePosted))
	mux.Handle("POST "+leavePath+"/confirm", http.NewCrossOriginProtection().Handler(p.UI.Handle(p.leaveConfirmed)))
	mux.Handle("GET "+SignedOutPath, p.UI.Handle(p.signedOut))
	mux.Handle("GET "+checkPath, http.HandlerFunc(checkFrame))
}

// leavePosted takes a request by POST. It comes from another site, so our cookies
// are not with it: the browser asks the same again by GET, where they are.
func (p *Provider) leavePosted(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.AnyForm(w, r)
	if err != nil {
		return unreadable(err)
	}
	if logout.Parse(v).Doubled {
		_, err := logout.Decide(logout.Params{Doubled: true}, logout.Situation{})
		return err
	}
	w.Header().Set("Location", leavePath+"?"+logout.Parse(v).Values().Encode())
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// leaveAsked is the end_session_endpoint (OpenID Connect RP-Initiated Logout 1.0
// section 2).
func (p *Provider) leaveAsked(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.AnyForm(w, r)
	if err != nil {
		return unreadable(err)
	}
	asked := logout.Parse(v)
	plan, in, err := p.plan(r, asked)
	if err != nil {
		p.count("logout", "outcome", "refused")
		return err
	}
	if !plan.Ask {
		return p.SignOut(w, r, plan.Next)
	}
	p.count("logout", "outcome", "asked")
	_, u, err := p.Sessions.Current(r)
	if err != nil {
		return err
	}
	r = ui.Prefer(r, locale(asked.UILocales))
	name := ""
	if in.Client != nil {
		name = in.Client.Name
	}
	// Where the form leads in the end is known when it was sent: a provider, an app.
	page := ui.Page{Title: i18n.Text(r.Context(), "Sign out"), FormAction: []string{"https:", "http:"}}
	if plan.Next != "" {
		page.FormAction = append(page.FormAction, origin(plan.Next))
	}
	return p.UI.Render(w, r, http.StatusOK, page, leavePage(leaveView{
		client: name, user: u, fields: leaveFields(asked), stay: plan.Next == "",
	}))
}

// leaveView is what the page shows that asks before it signs out.
type leaveView struct {
	client string // "": nobody knows
	user   gatehouse.User
	fields []field
	stay   bool // there is nowhere else to go but here
}

func leaveFields(p logout.Params) []field {
	v := p.Values()
	var all []field
	for name := range v {
		all = append(all, field{name, v.Get(name)})
	}
	slices.SortFunc(all, func(a, b field) int { return cmpText(a.name, b.name) })
	return all
}

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// leaveConfirmed takes the answer of that page: whoever sends our own form wants
// to sign out.
func (p *Provider) leaveConfirmed(w http.ResponseWriter, r *http.Request) error {
	form, err := wire.PostAny(w, r)
	if err != nil {
		return unreadable(err)
	}
	plan, _, err := p.plan(r, logout.Parse(form))
	if err != nil {
		return err
	}
	if form.Get("decision") == "stay" {
		p.count("logout", "outcome", "stayed")
		ui.SeeOther(w, "/user")
		return nil
	}
	return p.SignOut(w, r, plan.Next)
}

// plan looks up what a request speaks of and decides what it comes to.
func (p *Provider) plan(r *http.Request, asked logout.Params) (logout.Plan, logout.Situation, error) {
	in, err := p.lookAround(r, asked)
	if err != nil {
		return logout.Plan{}, in, err
	}
	plan, err := logout.Decide(asked, in)
	return plan, in, err
}

func (p *Provider) lookAround(r *http.Request, asked logout.Params) (in logout.Situation, err error) {
	in.Hint = p.logoutHint(r.Context(), asked.Hint)
	id := asked.ClientID
	if in.Hint != nil {
		id = in.Hint.ClientID
	}
	if in.Client, err = p.client(r.Context(), id); err != nil {
		return in, err
	}
	_, u, err := p.Sessions.Current(r)
	if errors.Is(err, gatehouse.Unauthorized) {
		return in, nil
	}
	if err != nil {
		return in, err
	}
	in.SignedIn = true
	if in.Client != nil {
		in.Subject, _, err = p.numberAt(r.Context(), *in.Client, u.ID)
	}
	return in, err
}

// logoutHint reads an ID token of ours, which may be past its end; nil when it is
// none.
func (p *Provider) logoutHint(ctx context.Context, compact string) *logout.Hint {
	if compact == "" || len(compact) > maxJWT {
		return nil
	}
	payload, err := p.keys().Verify(ctx, compact, keys.TypeJWT)
	if err != nil {
		return nil
	}
	var c struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
	}
	if err := json.Unmarshal(payload, &c); err != nil || c.Issuer != p.issuer() || c.Subject == "" || c.Audience == "" {
		return nil
	}
	return &logout.Hint{ClientID: c.Audience, Subject: c.Subject}
}

// SignOut signs this browser out, if anybody is signed in with it, and sends it
// on: to the provider that the session came from, where its connection asks for
// that; past the frames in which clients end their own sessions; and then to
// next, or to our sign-in page.
func (p *Provider) SignOut(w http.ResponseWriter, r *http.Request, next string) error {
	var left store.Farewell
	provider := ""
	switch s, _, err := p.Sessions.Current(r); {
	case err == nil:
		if left.Frames, err = p.frames(r.Context(), s.ID); err != nil {
			return err
		}
		if p.ProviderLogout != nil {
			provider = p.ProviderLogout(r.Context(), s, SignedOutPath)
		}
	case !errors.Is(err, gatehouse.Unauthorized):
		return err
	}
	if _, err := p.Sessions.End(w, r); err != nil && !errors.Is(err, gatehouse.Unauthorized) {
		return err
	}
	p.count("logout", "outcome", "signed_out")
	left.Next = next
	p.remember(w, r, left, provider != "")
	to := SignedOutPath
	if provider != "" {
		to = provider
	} else if len(left.Frames) == 0 {
		to = onward(next)
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

func onward(next string) string {
	if next == "" {
		return afterSignOut
	}
	return next
}

// remember keeps what is left to do after the sign-out. When it cannot be kept
// the person is signed out nevertheless, and stays here.
func (p *Provider) remember(w http.ResponseWriter, r *http.Request, left store.Farewell, away bool) {
	if len(left.Frames) == 0 && (left.Next == "" || !away) {
		return
	}
	hash := p.Sessions.Leave(w)
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		return tx.SaveFarewell(hash, left, tx.Now().Add(session.LeavingFor))
	})
	if err != nil {
		p.log().WarnContext(r.Context(), "what is left to do after a sign-out could not be kept", "error", err)
	}
}

// frames are the addresses by which the clients of a session end their own.
func (p *Provider) frames(ctx context.Context, sessionID string) (frames []string, err error) {
	err = p.Store.View(ctx, func(tx *store.Tx) error {
		frames = nil
		clients, err := tx.SessionClients(sessionID)
		for _, c := range clients {
			if f := logout.Frame(c.Client, p.issuer(), p.sid(c.Client, c.SID)); f != "" && !slices.Contains(frames, f) {
				frames = append(frames, f)
			}
		}
		return err
	})
	return frames, err
}

// signedOut is the end of a sign-out.
func (p *Provider) signedOut(w http.ResponseWriter, r *http.Request) error {
	left, err := p.left(w, r)
	if err != nil {
		return err
	}
	h := w.Header()
	if len(left.Frames) == 0 {
		h.Set("Location", onward(left.Next))
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	page := ui.Page{Title: i18n.Text(r.Context(), "You are signed out.")}
	for _, f := range left.Frames {
		page.Frames = append(page.Frames, logout.Source(f))
	}
	if left.Next != "" {
		h.Set("Refresh", leaveAfter+"; url="+left.Next) // works without script
	}
	h.Set("Referrer-Policy", "no-referrer")
	return p.UI.Render(w, r, http.StatusOK, page, signedOutPage(left.Frames, left.Next))
}

// left is what is left to do in this browser; nothing when it was done already.
func (p *Provider) left(w http.ResponseWriter, r *http.Request) (left store.Farewell, err error) {
	hash, ok := p.Sessions.Leaving(w, r)
	if !ok {
		return left, nil
	}
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
		left, err = tx.TakeFarewell(hash)
		return err
	})
	if errors.Is(err, gatehouse.NotFound) {
		return store.Farewell{}, nil
	}
	return left, err
}

// sessionState is what a client compares later to know whether its person is
// still the same (OpenID Connect Session Management 1.0 section 3); "" where its
// address has no origin.
func (p *Provider) sessionState(clientID, redirectURI, state string) string {
	u, err := url.Parse(redirectURI)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	salt := gatehouse.NewHexSecret()[:16]
	return stateHash(clientID, u.Scheme+"://"+u.Host, state, salt) + "." + salt
}
