package request

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse"
)

// The ways in which a client is answered.
const (
	ModeQuery    = "query"
	ModeFormPost = "form_post"
)

// Reply says where a client is answered, and how.
type Reply struct {
	RedirectURI string
	State       string // byte for byte as it came; "" when none came
	Mode        string // ModeQuery or ModeFormPost
}

// Authorization is an authorization request that was found to be right.
type Authorization struct {
	Reply  Reply
	Scopes []string
	Nonce  string
	// Challenge is the PKCE code_challenge, "" when none was sent and none is
	// required.
	Challenge string
	// JKT is the thumbprint of the key that the code is bound to (RFC 9449
	// section 10), "" for none.
	JKT           string
	HasNoRedirect bool // the request named no redirect URI
	None          bool // prompt=none: no page may be shown
	Login         bool // prompt=login
	Consent       bool // prompt=consent
	Choose        bool // prompt=select_account
	MaxAge        time.Duration
	HasMaxAge     bool
	Hinted        string   // the subject that must be signed in, "" for any
	Resources     []string // that the tokens are for (RFC 8707); none: ourselves
	IDClaims      []string // asked for one by one, for the ID token
	UserClaims    []string // and for user-info
	ACR           []string // how the person should have signed in, the best first
	ACREssential  bool     // and must have
}

// Wishes are the scopes that the client gets something of: those that it asks
// for, and those of the claims that it asks for one by one.
func (a Authorization) Wishes() []string {
	all := slices.Clone(a.Scopes)
	for _, c := range append(slices.Clone(a.IDClaims), a.UserClaims...) {
		if s := scopeOf(c); !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// Refusal is why a request is not right. Either the client is told, by its
// redirect URI, or the person in front: when it is not sure that the redirect
// URI is the client's, nothing goes there.
type Refusal struct {
	Page        *gatehouse.Error // for the person; nil: the client is told
	Reply       Reply
	Code        string
	Description string
}

// Error is for logs.
func (r *Refusal) Error() string {
	if r.Page != nil {
		return r.Page.Error()
	}
	return r.Code + ": " + r.Description
}

// Validate says whether an authorization request is right. It reads nothing and
// changes nothing. client is nil when there is none with this id.
func Validate(client *gatehouse.Client, p Params) (Authorization, *Refusal) {
	to, refused := destination(client, p)
	if refused != nil {
		return Authorization{}, refused
	}
	a := Authorization{Reply: to, Nonce: p.Nonce, JKT: p.JKT, HasNoRedirect: p.RedirectURI == "", Hinted: p.HintedSubject}
	for _, check := range []func(gatehouse.Client, Params, *Authorization) (code, description string){
		checkShape, checkResponse, checkScope, checkPKCE, checkPrompt, checkMaxAge, checkResources, checkClaims,
	} {
		if code, description := check(*client, p, &a); code != "" {
			return Authorization{}, &Refusal{Reply: to, Code: code, Description: description}
		}
	}
	return a, nil
}

// destination finds out where the answer goes. Until it is known, every error
// is a page and never a redirect.
func destination(client *gatehouse.Client, p Params) (Reply, *Refusal) {
	switch {
	case slices.Contains(p.Doubled, "client_id") || slices.Contains(p.Doubled, "redirect_uri"):
		return Reply{}, onPage(gatehouse.Errorf(gatehouse.Invalid, "The application asked in a way that is not allowed: the parameter client_id or redirect_uri was sent more than once. Tell the people who run the application."))
	case p.ClientID == "":
		return Reply{}, onPage(gatehouse.Errorf(gatehouse.Invalid, "The application did not say who it is: the parameter client_id is missing. Tell the people who run the application."))
	case client == nil:
		return Reply{}, onPage(gatehouse.Errorf(gatehouse.Invalid, "No application with this client_id is registered here. Tell the people who run the application to check its Application ID."))
	case !client.On():
		return Reply{}, onPage(gatehouse.Errorf(gatehouse.Invalid, "The application %s is switched off here. Ask an administrator if you need it.", client.Name))
	}
	redirect := p.RedirectURI
	if redirect == "" {
		if len(client.RedirectURIs) != 1 || slices.Contains(SplitScope(p.Scope), ScopeOpenID) {
			return Reply{}, onPage(gatehouse.Errorf(gatehouse.Invalid, "The application %s did not say where to go afterwards: the parameter redirect_uri is missing. Tell the people who run the application.", client.Name))
		}
		redirect = client.RedirectURIs[0]
	}
	if !MatchRedirect(*client, redirect) {
		return Reply{}, onPage(gatehouse.Errorf(gatehouse.Invalid, "The application %s asked to be answered at an address that is not registered for it (redirect_uri). Nothing was sent there. Tell the people who run the application to register exactly the address that it uses.", client.Name))
	}
	to := Reply{RedirectURI: redirect, State: string(p.State), Mode: ModeQuery}
	if slices.Contains(p.Doubled, "state") {
		to.State = "" // which of them is the client's?
	}
	if p.ResponseMode == ModeFormPost && !slices.Contains(p.Doubled, "response_mode") {
		to.Mode = ModeFormPost
	}
	return to, nil
}

func onPage(e *gatehouse.Error) *Refusal { return &Refusal{Page: e} }

func checkShape(c gatehouse.Client, p Params, _ *Authorization) (code, description string) {
	switch {
	case len(p.Doubled) > 0:
		return "invalid_request", "The request has a parameter more than once."
	case p.Wrong != nil:
		return p.Wrong.Code, p.Wrong.Description
	case !p.Pushed && (p.MustPush || c.Settings.RequirePushed || c.FAPI()):
		return "invalid_request", "The request must be pushed first (RFC 9126): send it to /oauth/par and name its request_uri here."
	case c.Settings.RequireSigned && !p.Signed:
		return "invalid_request", "The client is registered to send its requests signed: send a request object (RFC 9101)."
	case p.Registration:
		return "registration_not_supported", "The parameter registration is not supported. Register the client here."
	case p.size() > maxSize:
		return "invalid_request", "The request is too long: all its parameters together may have 8192 bytes."
	case c.FAPI() && !strings.HasPrefix(p.RedirectURI, "https://"):
		return "invalid_request", "The client is held to FAPI 2.0: name a redirect_uri with https."
	case p.JKT != "" && !isChallenge(p.JKT):
		return "invalid_request", "The dpop_jkt must be the BASE64URL of a SHA-256: 43 characters."
	case len(p.Nonce) > 1024 || !plain(p.Nonce):
		return "invalid_request", "The nonce must be text without control characters, at most 1024 bytes."
	}
	return "", ""
}

func checkResponse(c gatehouse.Client, p Params, _ *Authorization) (code, description string) {
	switch {
	case p.ResponseType == "":
		return "invalid_request", "Missing required parameter: response_type."
	case p.ResponseType != "code" && implicit(p.ResponseType):
		return "unsupported_response_type", "The implicit and hybrid flows are not supported, since they leave tokens in addresses. Use response_type=code with PKCE."
	case p.ResponseType != "code":
		return "unsupported_response_type", "The authorization server does not support this response type. Use response_type=code."
	case p.ResponseMode != "" && p.ResponseMode != ModeQuery && p.ResponseMode != ModeFormPost:
		return "invalid_request", "The response_mode must be query or form_post."
	case !MayGrant(c, GrantCode):
		return "unauthorized_client", "The client is not registered for the authorization_code grant."
	}
	return "", ""
}

func implicit(responseType string) bool {
	for _, w := range SplitScope(responseType) {
		if w == "token" || w == "id_token" {
			return true
		}
	}
	return false
}

func checkScope(c gatehouse.Client, p Params, a *Authorization) (code, description string) {
	scopes, ok := Requested(c, p.Scope)
	if !ok {
		return "invalid_scope", "The requested scope is invalid, unknown, or malformed."
	}
	a.Scopes = scopes
	return "", ""
}

func checkPKCE(c gatehouse.Client, p Params, a *Authorization) (code, description string) {
	switch {
	case p.Challenge == "" && p.Method != "":
		return "invalid_request", "A code_challenge_method was sent without a code_challenge."
	case p.Challenge == "" && c.Public():
		return "invalid_request", "PKCE is required for public clients: send a code_challenge with code_challenge_method=S256."
	case p.Challenge == "" && c.FAPI():
		return "invalid_request", "The client is held to FAPI 2.0: send a code_challenge with code_challenge_method=S256."
	case p.Challenge == "" && c.RequirePKCE:
		return "invalid_request", "PKCE is required: send a code_challenge with code_challenge_method=S256, or set require_pkce to false for this confidential client."
	case p.Challenge == "":
		return "", ""
	case p.Method != "S256":
		return "invalid_request", "The code_challenge_method must be S256."
	case !isChallenge(p.Challenge):
		return "invalid_request", "The code_challenge must be the BASE64URL of a SHA-256: 43 characters."
	}
	a.Challenge = p.Challenge
	return "", ""
}

// isChallenge says whether s is a SHA-256 in base64url without padding.
func isChallenge(s string) bool {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return len(s) == 43 && strings.Trim(s, alphabet) == ""
}

func checkPrompt(_ gatehouse.Client, p Params, a *Authorization) (code, description string) {
	words := SplitScope(p.Prompt)
	for _, w := range words {
		switch w {
		case "none":
			a.None = true
		case "login":
			a.Login = true
		case "consent":
			a.Consent = true
		case "select_account":
			a.Choose = true
		default:
			return "invalid_request", "The prompt must be none, login, consent or select_account."
		}
	}
	if a.None && len(words) > 1 {
		return "invalid_request", "The prompt none cannot be combined with another."
	}
	return "", ""
}

func checkMaxAge(c gatehouse.Client, p Params, a *Authorization) (code, description string) {
	if p.MaxAge == "" {
		if s := c.Settings.MaxAge; s != nil {
			a.MaxAge, a.HasMaxAge = time.Duration(*s)*time.Second, true
		}
		return "", ""
	}
	seconds, err := strconv.ParseUint(p.MaxAge, 10, 31)
	if err != nil {
		return "invalid_request", "The max_age must be a number of seconds."
	}
	a.MaxAge, a.HasMaxAge = time.Duration(seconds)*time.Second, true
	return "", ""
}

func checkResources(c gatehouse.Client, p Params, a *Authorization) (code, description string) {
	resources, ok := Resources(c, p.Resource, p.Issuer)
	if !ok {
		return "invalid_target", "The requested resource is invalid, unknown, or not registered for the client."
	}
	a.Resources = resources
	return "", ""
}

// checkClaims reads what is asked for one by one. What the client may not have
// is passed over, as is what nobody here knows (OpenID Connect Core section
// 5.5.1).
func checkClaims(c gatehouse.Client, p Params, a *Authorization) (code, description string) {
	asked, ok := readClaims(p.Claims)
	switch {
	case !ok:
		return "invalid_request", "The claims parameter must be a JSON object, at most 4096 bytes (OpenID Connect Core section 5.5)."
	case asked.subject != "" && a.Hinted != "" && a.Hinted != asked.subject:
		return "login_required", "The id_token_hint and the claims parameter ask for different people."
	}
	if asked.subject != "" {
		a.Hinted = asked.subject
	}
	if slices.Contains(a.Scopes, ScopeOpenID) {
		a.IDClaims, a.UserClaims = registered(c.Scopes, asked.id), registered(c.Scopes, asked.user)
	}
	a.ACR, a.ACREssential = asked.acr, asked.acrEssential && len(asked.acr) > 0
	if len(a.ACR) == 0 {
		a.ACR = SplitScope(p.ACRValues)
	}
	if len(a.ACR) == 0 {
		a.ACR = c.Settings.ACRValues
	}
	return "", ""
}
