// Package logout decides what a request of an application that a person be
// signed out comes to (OpenID Connect RP-Initiated Logout 1.0), and makes what
// applications are told of the end of a session (Back-Channel and Front-Channel
// Logout 1.0). It is pure.
package logout

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/op/request"
)

// Params are the parameters of a request (section 2).
type Params struct {
	Hint        string // id_token_hint
	ClientID    string
	RedirectURI string // post_logout_redirect_uri
	State       string
	UILocales   string
	Doubled     bool // one of them came more than once
}

// names are the parameters that are read. logout_hint is not: who is signed in
// is known here, and the page names them.
func names() []string {
	return []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"}
}

// Parse reads the parameters.
func Parse(v url.Values) Params {
	return Params{
		Hint: v.Get("id_token_hint"), ClientID: v.Get("client_id"), RedirectURI: v.Get("post_logout_redirect_uri"),
		State: v.Get("state"), UILocales: v.Get("ui_locales"),
		Doubled: slices.ContainsFunc(names(), func(name string) bool { return len(v[name]) > 1 }),
	}
}

// Values are the parameters again, for a form that asks the same later.
func (p Params) Values() url.Values {
	v := url.Values{}
	for i, value := range []string{p.Hint, p.ClientID, p.RedirectURI, p.State, p.UILocales} {
		if value != "" {
			v.Set(names()[i], value)
		}
	}
	return v
}

// Hint is what an ID token of ours says.
type Hint struct {
	ClientID string // whom it was for
	Subject  string // of whom
}

// Situation is what is known when it is decided.
type Situation struct {
	Hint     *Hint             // nil: there is none, or it is not ours
	Client   *gatehouse.Client // of the hint or of client_id; nil: neither names one
	SignedIn bool
	Subject  string // of the person in front, as the client knows them
}

// Plan is what a request comes to.
type Plan struct {
	Ask  bool   // the person is asked before the session ends
	Next string // where the browser goes afterwards; "": nowhere else
}

// Decide says what a request comes to, or why to nothing: then the person is
// told so, and is sent nowhere. Who brings an ID token of the person in front
// asks in their name; everybody else could be any page of the Internet, so the
// person is asked.
func Decide(p Params, s Situation) (Plan, error) {
	switch {
	case p.Doubled:
		return Plan{}, gatehouse.Errorf(gatehouse.Invalid, "The application asked for a sign-out with a parameter twice, so nothing was done. Sign out here, or tell the people who run the application.")
	case p.Hint != "" && s.Hint == nil:
		return Plan{}, gatehouse.Errorf(gatehouse.Invalid, "The application asked for a sign-out with an ID token (id_token_hint) that is not ours, so nothing was done. Sign out here, or tell the people who run the application.")
	case s.Hint != nil && p.ClientID != "" && p.ClientID != s.Hint.ClientID:
		return Plan{}, gatehouse.Errorf(gatehouse.Invalid, "The application asked for a sign-out with the ID token (id_token_hint) of another one, so nothing was done. Sign out here, or tell the people who run the application.")
	}
	next, err := after(p, s)
	if err != nil {
		return Plan{}, err
	}
	proved := s.Hint != nil && s.Hint.Subject == s.Subject && s.Client != nil && s.Client.On()
	return Plan{Ask: s.SignedIn && !proved, Next: next}, nil
}

// after is where the browser goes: only to what the client registered, byte for
// byte (section 3).
func after(p Params, s Situation) (string, error) {
	if p.RedirectURI == "" {
		return "", nil
	}
	if s.Client == nil || !s.Client.Enabled {
		return "", gatehouse.Errorf(gatehouse.Invalid, "The application asked for a sign-out and did not say which one it is (id_token_hint or client_id), so that it is not known where you want to go afterwards. Nothing was done.")
	}
	if !slices.Contains(s.Client.PostLogoutRedirectURIs, p.RedirectURI) || !request.Usable(p.RedirectURI) {
		return "", gatehouse.Errorf(gatehouse.Invalid, "The address to go to after the sign-out is not registered for the application (post_logout_redirect_uri), so nothing was done. Sign out here, or tell the people who run the application.")
	}
	if p.State == "" {
		return p.RedirectURI, nil
	}
	return WithQuery(p.RedirectURI, url.Values{"state": {p.State}}), nil
}

// WithQuery adds values to an address and leaves what stands in it as it is.
func WithQuery(address string, values url.Values) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
		if strings.HasSuffix(address, "?") || strings.HasSuffix(address, "&") {
			separator = ""
		}
	}
	return address + separator + values.Encode()
}

// Frame is the address that ends a client's own session in a frame (Front-Channel
// Logout 1.0 section 2); "" = it has none.
func Frame(c gatehouse.Client, issuer, sid string) string {
	address := c.Settings.FrontchannelLogoutURI
	if address == "" || !c.Settings.FrontchannelSession {
		return address
	}
	return WithQuery(address, url.Values{"iss": {issuer}, "sid": {sid}})
}

// Source is what a Content-Security-Policy calls exactly the address of a frame.
// It has no query.
func Source(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	path := strings.NewReplacer(";", "%3B", ",", "%2C").Replace(u.EscapedPath())
	return u.Scheme + "://" + u.Host + path
}

// tokenLife is how long a logout token is good (section 4 wants at most two
// minutes).
const tokenLife = 2 * time.Minute

// Event is the name of the one event of a logout token.
const Event = "http://schemas.openid.net/event/backchannel-logout"

// Token are the claims of a logout token (Back-Channel Logout 1.0 section 2.4).
// There is never a nonce.
type Token struct {
	Issuer   string                     `json:"iss"`
	Subject  string                     `json:"sub"`
	Audience string                     `json:"aud"`
	IssuedAt int64                      `json:"iat"`
	Expiry   int64                      `json:"exp"`
	ID       string                     `json:"jti"`
	Events   map[string]json.RawMessage `json:"events"`
	Session  string                     `json:"sid"`
}

// NewToken are the claims by which a client hears now that a session ended.
func NewToken(issuer, subject, clientID, sid string, now time.Time) Token {
	return Token{
		Issuer: issuer, Subject: subject, Audience: clientID, IssuedAt: now.Unix(), Expiry: now.Add(tokenLife).Unix(),
		ID: gatehouse.NewSecret(), Events: map[string]json.RawMessage{Event: json.RawMessage("{}")}, Session: sid,
	}
}
