package op

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/op/keys"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// requestLife is how long a request waits for its person.
const requestLife = 30 * time.Minute

// visit is an authorization request that was found to be right, with its
// client. handle is "" until it is kept.
type visit struct {
	client gatehouse.Client
	params request.Params
	auth   request.Authorization
	after  time.Time // the person must have signed in after this
	handle string
	pushed string // names what the client pushed, while that is not taken; "": it did not
	// stronger: the session that there is would do, but for how it began.
	stronger bool
}

// authorizePosted takes a request by POST (OpenID Connect Core section
// 3.1.2.1). It comes from another site, so our cookies are not with it: the
// browser asks the same again by GET, where they are.
func (p *Provider) authorizePosted(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.AnyForm(w, r)
	if err != nil {
		return unreadable(err)
	}
	w.Header().Set("Location", "/oauth/authorize?"+v.Encode())
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// authorize is where the journey of a sign-in to an app begins, and where it
// goes on when the person comes back from our own sign-in with ?request=.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.AnyForm(w, r)
	if err != nil {
		return unreadable(err)
	}
	if len(v) == 1 && len(v["request"]) == 1 {
		// Alone it is our handle; with other parameters it would be a request
		// object (RFC 9101), which always has client_id beside it.
		return p.resume(w, r, v.Get("request"))
	}
	return p.begin(w, r, v)
}

func unreadable(cause error) error {
	return gatehouse.Errorf(gatehouse.Invalid, "The application sent a request that cannot be read. Tell the people who run the application.").Because(cause)
}

func (p *Provider) begin(w http.ResponseWriter, r *http.Request, v url.Values) error {
	asked := request.Parse(v)
	client, err := p.client(r.Context(), asked.ClientID)
	if err != nil {
		return err
	}
	var pushed string
	if isPushed(asked) {
		asked, pushed, err = p.pushed(r.Context(), client, asked)
	} else {
		if asked.ObjectURI != "" { // anybody can have it asked, and as often as they like
			if err := p.Limiter.Allow(r); err != nil {
				return err
			}
		}
		asked = p.read(r.Context(), client, asked)
		asked.HintedSubject = p.hinted(r.Context(), asked.IDTokenHint)
		asked.MustPush = p.RequirePushed
	}
	if err != nil {
		return err
	}
	a, refused := request.Validate(client, asked)
	if refused != nil {
		return p.refuse(w, r, asked.ClientID, refused)
	}
	return p.proceed(w, r, visit{client: *client, params: asked, auth: a, after: request.DemandedAfter(a, p.Clock.Now()), pushed: pushed})
}

// hinted is whose ID token an id_token_hint is; one that is not ours is
// somebody whom we do not know. It may be past its end (OpenID Connect Core
// section 3.1.2.1), and tell a person by the number they had before a merge.
func (p *Provider) hinted(ctx context.Context, hint string) string {
	if hint == "" {
		return ""
	}
	payload, err := p.keys().Verify(ctx, hint, keys.TypeJWT)
	if err != nil {
		return request.UnknownSubject
	}
	var claims struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Issuer != p.issuer() || claims.Subject == "" {
		return request.UnknownSubject
	}
	if c, err := p.client(ctx, claims.Audience); err == nil && c != nil && c.Settings.UserIDFrom != "" {
		return claims.Subject // a number that is none of ours
	}
	return p.today(ctx, claims.Subject)
}

// today is the subject of whoever has a number by now: somebody else's after
// a merge. One that nobody has stays as it is.
func (p *Provider) today(ctx context.Context, subject string) string {
	number, err := strconv.ParseInt(subject, 10, 64)
	if err != nil {
		return subject
	}
	err = p.Store.View(ctx, func(tx *store.Tx) error {
		u, err := tx.UserByNumber(number)
		if err == nil {
			subject = request.Subject(u)
		}
		return err
	})
	if err != nil && !errors.Is(err, gatehouse.NotFound) {
		p.log().WarnContext(ctx, "whose id_token_hint it is could not be looked up", "error", err)
	}
	return subject
}

// resume goes on with a request that waited.
func (p *Provider) resume(w http.ResponseWriter, r *http.Request, handle string) error {
	v, err := p.waiting(w, r, handle)
	if err != nil || v.handle == "" {
		return err
	}
	return p.proceed(w, r, v)
}

// waiting finds a request that waits in this browser, and looks again whether it
// is right: the client may have changed meanwhile. A visit without handle means
// that the answer was given already.
func (p *Provider) waiting(w http.ResponseWriter, r *http.Request, handle string) (visit, error) {
	kept, err := p.kept(r.Context(), handle)
	if err != nil {
		return visit{}, err
	}
	browser, ok := p.Sessions.BrowserOf(r)
	if !ok || subtle.ConstantTimeCompare(browser, kept.BrowserHash) != 1 {
		p.log().WarnContext(r.Context(), "authorization request opened in a foreign browser", "client", kept.ClientID, "address", ui.ClientAddress(r))
		return visit{}, gatehouse.Errorf(gatehouse.Forbidden, "This sign-in was begun in another browser, or this browser does not keep cookies. Go back to the application and begin again.")
	}
	var asked request.Params
	if err := json.Unmarshal(kept.Params, &asked); err != nil {
		return visit{}, err
	}
	asked.Issuer = p.issuer()
	client, err := p.client(r.Context(), asked.ClientID)
	if err != nil {
		return visit{}, err
	}
	a, refused := request.Validate(client, asked)
	if refused != nil {
		return visit{}, p.refuse(w, r, asked.ClientID, refused)
	}
	return visit{client: *client, params: asked, auth: a, after: kept.Demand.After, handle: handle}, nil
}

func (p *Provider) kept(ctx context.Context, handle string) (kept gatehouse.Request, err error) {
	if !gatehouse.IsSecret(handle) {
		return kept, notWaiting()
	}
	err = p.Store.Ask(ctx, func(tx *store.Tx) error {
		kept, err = tx.Request(handle)
		return err
	})
	if errors.Is(err, gatehouse.NotFound) || errors.Is(err, gatehouse.Expired) {
		return kept, notWaiting()
	}
	return kept, err
}

func notWaiting() error {
	return gatehouse.Errorf(gatehouse.Expired, "This sign-in is not waiting any more: it was finished already, or it took too long. Go back to the application and begin again.")
}

// proceed does what comes next: sign-in, consent, or the code.
func (p *Provider) proceed(w http.ResponseWriter, r *http.Request, v visit) error {
	s, in, err := p.look(w, r, v)
	if err != nil {
		return err
	}
	what, code := request.Next(v.client, v.auth, in)
	switch what {
	case request.StepRefuse:
		if err := p.spendPushed(r.Context(), v.pushed); err != nil {
			return err
		}
		return p.refuse(w, r, v.client.ID, &request.Refusal{Reply: v.auth.Reply, Code: code})
	case request.StepSignIn:
		return p.sendToSignIn(w, r, v)
	case request.StepStronger:
		v.stronger = true
		return p.sendToSignIn(w, r, v)
	case request.StepConnect:
		return p.connectFirst(w, r, v, in.User)
	case request.StepConsent:
		if p.owesProof(v, s, in) {
			return p.sendToConfirm(w, r, v)
		}
		return p.askConsent(w, r, v, in.User)
	case request.StepCode:
		return p.issueCode(w, r, v, s, in.User, nil)
	}
	return errors.New("op: a step that does not exist")
}

// look finds out what is known of the person in front.
func (p *Provider) look(w http.ResponseWriter, r *http.Request, v visit) (gatehouse.Session, request.Situation, error) {
	in := request.Situation{After: v.after, Resumed: v.handle != ""}
	s, u, err := p.Sessions.Current(r)
	if errors.Is(err, gatehouse.Unauthorized) {
		p.Sessions.State(w, r, false) // it may have ended elsewhere
		return s, in, nil
	}
	if err != nil {
		return s, in, err
	}
	in.SignedIn, in.User, in.AuthAt = true, u, s.AuthAt
	in.ACR, _ = sureness(s)
	if request.Pairwise(v.client) || v.client.Settings.UserIDFrom != "" {
		var none *nameless
		if in.Subject, none, err = p.numberAt(r.Context(), v.client, u.ID); err != nil {
			return s, in, err
		}
		in.Nameless = none != nil
	}
	if v.client.Public() || v.client.Trusted && !request.AsksForTokens(v.auth) {
		return s, in, nil // what was allowed before does not count
	}
	in.Consent, err = p.consented(r.Context(), u.ID, v.client.ID)
	return s, in, err
}

func (p *Provider) consented(ctx context.Context, userID, clientID string) (scopes []string, err error) {
	err = p.Store.Ask(ctx, func(tx *store.Tx) error {
		scopes, err = allowedBefore(tx, userID, clientID)
		return err
	})
	return scopes, err
}

func allowedBefore(tx *store.Tx, userID, clientID string) ([]string, error) {
	c, err := tx.Consent(userID, clientID)
	if errors.Is(err, gatehouse.NotFound) {
		return nil, nil
	}
	return c.Scopes, err
}

// sendToSignIn keeps the request and sends the browser to the sign-in, which
// reads the demand and sends it back here.
func (p *Provider) sendToSignIn(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := p.keep(w, r, &v); err != nil {
		return err
	}
	p.count("authorization", "outcome", "sign_in")
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, "/sign-in?request="+url.QueryEscape(v.handle), http.StatusSeeOther)
	return nil
}

// keep stores the request, bound to this browser, unless it is stored already.
// Anybody can make us keep one, so that is limited.
func (p *Provider) keep(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.handle != "" {
		return nil
	}
	if err := p.Limiter.Allow(r); err != nil {
		return err
	}
	kept, err := json.Marshal(v.params)
	if err != nil {
		return err
	}
	now := p.Clock.Now()
	waits := gatehouse.Request{
		Handle: gatehouse.NewSecret(), ClientID: v.client.ID, BrowserHash: bytes.Clone(p.Sessions.Browser(w, r)), Params: kept,
		Demand: gatehouse.Demand{
			After: v.after, Hint: v.params.LoginHint, Locale: locale(v.params.UILocales), Choose: v.auth.Choose,
			ACR: v.auth.ACR, Essential: v.auth.ACREssential, Stronger: v.stronger,
		},
		CreatedAt: now, ExpiresAt: now.Add(requestLife),
	}
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
		if err := takePushed(tx, v.pushed); err != nil {
			return err
		}
		return tx.SaveRequest(&waits)
	})
	if err != nil {
		return err
	}
	v.handle, v.pushed = waits.Handle, ""
	return nil
}

// locale is the first language of ui_locales that we speak, "" when we speak
// none of them.
func locale(wishes string) string {
	words := request.SplitScope(wishes)
	if len(words) == 0 {
		return ""
	}
	return string(i18n.Match("", words...))
}

// issueCode gives the client its code: one durable write. allowed is what the
// person has just consented to, nil if they were not asked.
func (p *Provider) issueCode(w http.ResponseWriter, r *http.Request, v visit, s gatehouse.Session, u gatehouse.User, allowed []string) error {
	var code string
	d := gatehouse.GrantDetails{Audience: v.auth.Resources, IDClaims: v.auth.IDClaims, UserClaims: v.auth.UserClaims, JKT: v.auth.JKT}
	acr, amr := sureness(s)
	d.ACR, d.AMR = request.ACR(v.auth, acr), amr
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		if err := finish(tx, v); err != nil {
			return err
		}
		if allowed != nil {
			if err := saveConsent(tx, actorOf(r, u), v.client, allowed); err != nil {
				return err
			}
		}
		code = gatehouse.NewHexSecret()
		return tx.SaveCode(&gatehouse.Code{
			Hash: gatehouse.Digest(code), Family: store.NewID(),
			Grant: gatehouse.Grantable{
				ClientID: v.client.ID, UserID: u.ID, SessionID: s.ID, Scopes: v.auth.Scopes, Nonce: v.auth.Nonce, AuthAt: s.AuthAt, Details: d,
			},
			RedirectURI: v.auth.Reply.RedirectURI, HasNoRedirect: v.auth.HasNoRedirect, Challenge: v.auth.Challenge,
			ExpiresAt: tx.Now().Add(p.Lifetimes.of(v.client).code()),
		})
	})
	if err != nil {
		return err
	}
	p.count("authorization", "outcome", "code")
	values := url.Values{"code": {code}}
	if state := p.sessionState(v.client.ID, v.auth.Reply.RedirectURI, p.Sessions.State(w, r, true)); state != "" && slices.Contains(v.auth.Scopes, request.ScopeOpenID) {
		values.Set("session_state", state)
	}
	return p.answer(w, r, v.auth.Reply, values)
}

// finish takes a request that waited, or was pushed: it is answered once.
func finish(tx *store.Tx, v visit) error {
	if v.handle == "" {
		return takePushed(tx, v.pushed)
	}
	if _, err := tx.Request(v.handle); errors.Is(err, gatehouse.NotFound) || errors.Is(err, gatehouse.Expired) {
		return notWaiting()
	} else if err != nil {
		return err
	}
	return tx.DeleteRequest(v.handle)
}

// refuse tells a refusal to the person or to the client.
func (p *Provider) refuse(w http.ResponseWriter, r *http.Request, clientID string, why *request.Refusal) error {
	if !wire.Identifier(clientID) {
		clientID = ""
	}
	p.log().InfoContext(r.Context(), "authorization refused", "client", clientID, "why", why.Error())
	if why.Page != nil {
		p.count("authorization", "outcome", "page")
		return why.Page
	}
	p.count("authorization", "outcome", why.Code)
	return p.tellError(w, r, why.Reply, why.Code, why.Description)
}

func actorOf(r *http.Request, u gatehouse.User) gatehouse.Actor {
	return gatehouse.Actor{Kind: gatehouse.ActorUser, ID: u.ID, Name: u.Username, Address: ui.ClientAddress(r)}
}
