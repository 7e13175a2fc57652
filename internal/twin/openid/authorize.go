package openid

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/twin/openid/jws"
)

// sessionCookie is who is signed in with this browser.
const sessionCookie = "twin_openid_session"

// ask is an authorization request whose client and redirect URI are in order, so
// that it can be answered.
type ask struct {
	*call
	params   url.Values
	plain    bool
	client   *Client
	redirect string
	scopes   []string
	prompts  []string
	session  *session // who this browser is signed in as; nil = nobody
}

// trouble is why a request cannot be answered. The person sees a page and
// nothing goes back to the caller (RFC 6749, 4.1.2.1).
type trouble struct {
	Code             string
	Chinese, English string
}

func (t *Twin) authorize(c *call) answer { return t.authorization(c, false) }

// authorization answers a request, or the form of a page that is part of one.
func (t *Twin) authorization(c *call, plain bool) answer {
	a, wrong := t.readAsk(c, plain)
	if wrong != nil {
		return t.troublePage(*wrong)
	}
	if code, description := a.check(); code != "" {
		return t.refuse(a, code, description)
	}
	if c.Method == http.MethodPost && !c.form.Has("client_id") {
		return t.picked(a)
	}
	return t.asked(a)
}

// readAsk finds who asks and where the answer may go. A request comes in the
// query or, by POST, in a form (OpenID Connect Core, 3.1.2.1).
func (t *Twin) readAsk(c *call, plain bool) (*ask, *trouble) {
	a := &ask{call: c, params: c.query, plain: plain}
	if c.form.Has("client_id") && !c.query.Has("client_id") {
		a.params = c.form
	}
	for _, name := range []string{"client_id", "redirect_uri"} {
		if len(a.params[name]) > 1 {
			return nil, &trouble{"invalid_request", "参数 " + name + " 重复", "The parameter " + name + " was sent twice."}
		}
	}
	a.client = t.state.World.Client(a.params.Get("client_id"))
	if a.client == nil {
		return nil, &trouble{"unauthorized_client", "应用不存在：client_id 有误", "There is no client with this client_id."}
	}
	a.redirect = a.params.Get("redirect_uri")
	if !slices.Contains(a.client.RedirectURIs, a.redirect) {
		return nil, &trouble{
			"invalid_redirect_uri", "回调地址未登记：" + a.redirect,
			"The redirect_uri is not one that is registered for the client: " + a.redirect,
		}
	}
	a.scopes, a.prompts = strings.Fields(a.params.Get("scope")), strings.Fields(a.params.Get("prompt"))
	if cookie, err := c.Cookie(sessionCookie); err == nil {
		if s, ok := t.state.Sessions[cookie.Value]; ok {
			a.session = &s
		}
	}
	return a, nil
}

// check finds what is wrong with a request that can be answered; "" = nothing.
func (a *ask) check() (code, description string) {
	p := a.params
	mode := p.Get("response_mode")
	challenge, method := p.Get("code_challenge"), p.Get("code_challenge_method")
	age, ageErr := strconv.Atoi(p.Get("max_age"))
	supported := supportedScopes()
	if a.plain {
		supported = plainScopes()
	}
	switch twice := doubled(p); {
	case twice != "":
		return "invalid_request", "The parameter " + twice + " was sent twice."
	case p.Has("request"):
		return "request_not_supported", "Request objects are not supported."
	case p.Has("request_uri"):
		return "request_uri_not_supported", "Request objects are not supported."
	case p.Get("response_type") == "":
		return "invalid_request", "The response_type is missing."
	case p.Get("response_type") != "code":
		return "unsupported_response_type", "The response_type must be code."
	case mode != "" && mode != "query" && mode != "form_post":
		return "invalid_request", "The response_mode must be query or form_post."
	case !a.plain && !slices.Contains(a.scopes, "openid"):
		return "invalid_scope", "The scope must hold openid."
	case slices.ContainsFunc(a.scopes, func(s string) bool { return !slices.Contains(supported, s) }):
		return "invalid_scope", "Known scopes are " + strings.Join(supported, ", ") + "."
	case slices.ContainsFunc(a.prompts, func(s string) bool {
		return !slices.Contains([]string{"none", "login", "consent", "select_account"}, s)
	}):
		return "invalid_request", "The prompt is unknown."
	case slices.Contains(a.prompts, "none") && len(a.prompts) > 1:
		return "invalid_request", "The prompt none stands alone."
	case p.Has("max_age") && (ageErr != nil || age < 0):
		return "invalid_request", "The max_age is not a number of seconds."
	case challenge == "" && (method != "" || a.client.RequirePKCE || a.client.AuthMethod == AuthNone):
		return "invalid_request", "The code_challenge is missing."
	case challenge != "" && (len(challenge) < 43 || len(challenge) > 128):
		return "invalid_request", "The code_challenge must have 43 to 128 characters."
	case method != "" && method != "S256" && method != "plain":
		return "invalid_request", "The code_challenge_method must be S256 or plain."
	}
	return "", ""
}

// asked answers a request by a page, or at once where nothing is left to ask.
func (t *Twin) asked(a *ask) answer {
	silent := slices.Contains(a.prompts, "none")
	known := t.usable(a)
	switch {
	case silent && !known:
		return t.refuse(a, "login_required", "Nobody is signed in, or not recently enough.")
	case silent && t.consentOwed(a, a.session.Sub):
		return t.refuse(a, "consent_required", "The person has not consented.")
	case silent:
		return t.sendCode(a, a.session)
	case !known || t.askAlways:
		return t.showPeople(a)
	}
	if p := t.state.World.Person(a.session.Sub); t.consentOwed(a, p.Sub) {
		return t.showConsent(a, p, true)
	}
	return t.sendCode(a, a.session)
}

// usable says whether the browser's session answers the request without asking
// who it is.
func (t *Twin) usable(a *ask) bool {
	if a.session == nil || slices.Contains(a.prompts, "login") || slices.Contains(a.prompts, "select_account") {
		return false
	}
	if p := t.state.World.Person(a.session.Sub); p == nil || p.Disabled {
		return false
	}
	if hint := t.state.Keys.Open(a.params.Get("id_token_hint")); hint != nil && hint["sub"] != a.session.Sub {
		return false
	}
	if !a.params.Has("max_age") {
		return true
	}
	age, _ := strconv.Atoi(a.params.Get("max_age"))
	return a.now.Sub(a.session.AuthTime) <= time.Duration(age)*time.Second && age > 0
}

// picked goes as far as the form's fields lead: a person (sub), the consent
// (consent) where it is owed. They may be sent at once.
func (t *Twin) picked(a *ask) answer {
	if a.form.Has("cancel") {
		return t.refuse(a, "access_denied", "The person refused.")
	}
	p := t.state.World.Person(a.form.Get("sub"))
	if p == nil {
		return t.showPeople(a)
	}
	if p.Disabled {
		return t.troublePage(trouble{"account_disabled", p.Name + "：账号已停用，无法登录", "This account is disabled and cannot sign in."})
	}
	known := a.form.Has("known") && t.usable(a) && a.session.Sub == p.Sub
	if t.consentOwed(a, p.Sub) {
		if !a.form.Has("consent") {
			return t.showConsent(a, p, known)
		}
		t.consent(a, p.Sub)
	}
	if known {
		return t.sendCode(a, a.session)
	}
	s := &session{Sub: p.Sub, SID: secret(), AuthTime: a.now}
	if a.session != nil && a.session.Sub == p.Sub { // the same person again: the session goes on
		s.SID, s.Clients = a.session.SID, a.session.Clients
	}
	return t.sendCode(a, s)
}

func (t *Twin) consentOwed(a *ask, sub string) bool {
	if a.client.Trusted {
		return false
	}
	given := t.state.Consents[a.client.ID+" "+sub]
	return !a.form.Has("consent") && slices.Contains(a.prompts, "consent") ||
		slices.ContainsFunc(a.scopes, func(s string) bool { return !slices.Contains(given, s) })
}

func (t *Twin) consent(a *ask, sub string) {
	t.changed = true
	given := append(slices.Clone(t.state.Consents[a.client.ID+" "+sub]), a.scopes...)
	slices.Sort(given)
	t.state.Consents[a.client.ID+" "+sub] = slices.Compact(given)
}

// sendCode ends a sign-in.
func (t *Twin) sendCode(a *ask, s *session) answer {
	t.changed = true
	t.state.sweep(a.now)
	g := grant{
		Client: a.client.ID, Sub: s.Sub, SID: s.SID, Plain: a.plain, Scopes: a.scopes, Nonce: a.params.Get("nonce"), AuthTime: s.AuthTime,
		Redirect: a.redirect, Challenge: a.params.Get("code_challenge"), ChallengeMethod: a.params.Get("code_challenge_method"),
		Family: secret(), Expires: a.now.Add(codeLife),
	}
	if t.flawed(MixedUpCode) { // what somebody else's sign-in at the same client left
		g.Sub, g.SID = t.state.World.Other(s.Sub).Sub, secret()
		if g.Nonce != "" {
			g.Nonce = secret()
		}
		if g.Challenge != "" {
			g.Challenge, g.ChallengeMethod = jws.Half("EdDSA", secret()), "S256"
		}
	}
	code := secret()
	t.state.Codes[code] = g
	done := t.back(a, url.Values{"code": {code}})
	done.header.Add("Set-Cookie", t.remember(a, s))
	return done
}

// remember makes the browser's cookie and keeps the session behind it.
func (t *Twin) remember(a *ask, s *session) string {
	if old, err := a.Cookie(sessionCookie); err == nil {
		delete(t.state.Sessions, old.Value) // a new name at each sign-in
	}
	if len(t.state.Sessions) >= maxSessions {
		clear(t.state.Sessions)
	}
	if !a.plain && !slices.Contains(s.Clients, a.client.ID) {
		s.Clients = append(slices.Clone(s.Clients), a.client.ID)
	}
	value := secret()
	t.state.Sessions[value] = *s
	return t.cookie(value, 0)
}

func (t *Twin) cookie(value string, maxAge int) string {
	return (&http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(t.url, "https:"),
	}).String()
}

func (t *Twin) refuse(a *ask, code, description string) answer {
	return t.back(a, url.Values{"error": {code}, "error_description": {description}})
}

// back sends the browser to the caller (RFC 6749, 4.1.2; RFC 9207; OAuth 2.0
// Form Post Response Mode).
func (t *Twin) back(a *ask, answered url.Values) answer {
	if t.flawed(AnswerError) {
		answered = url.Values{"error": {"server_error"}, "error_description": {`<b onclick="alert(1)">Out of order</b>`}}
	}
	if state := a.params.Get("state"); state != "" && !t.flawed(AnswerNoState) {
		if t.flawed(AnswerState) {
			state = secret()
		}
		answered.Set("state", state)
	}
	if !a.plain && !t.flawed(AnswerNoIssuer) {
		answered.Set("iss", t.url)
		if t.flawed(AnswerIssuer) {
			answered.Set("iss", otherIssuer)
		}
	}
	if a.params.Get("response_mode") == "form_post" {
		return t.formPost(a.redirect, answered)
	}
	joint := "?"
	if strings.Contains(a.redirect, "?") {
		joint = "&"
	}
	return answer{status: http.StatusSeeOther, header: http.Header{
		"Location": {a.redirect + joint + answered.Encode()}, "Cache-Control": {"no-store"}, "Referrer-Policy": {"no-referrer"},
	}}
}
