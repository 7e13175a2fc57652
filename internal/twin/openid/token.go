package openid

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/twin/openid/jws"
)

func (t *Twin) token(c *call) answer { return t.tokens(c, false) }

// tokens answers the token endpoint of either provider.
func (t *Twin) tokens(c *call, plain bool) answer {
	if c.form == nil {
		return *oauthError("invalid_request", "The body must be a form.")
	}
	if name := doubled(c.form); name != "" {
		return *oauthError("invalid_request", "The parameter "+name+" was sent twice.")
	}
	client, refused := t.authenticate(c)
	if refused != nil {
		return *refused
	}
	var g *grant
	switch c.form.Get("grant_type") {
	case "authorization_code":
		g, refused = t.redeem(c, client, plain)
	case "refresh_token":
		g, refused = t.refresh(c, client, plain)
	case "":
		refused = oauthError("invalid_request", "The grant_type is missing.")
	default:
		refused = oauthError("unsupported_grant_type", "The grant_type must be authorization_code or refresh_token.")
	}
	if refused != nil {
		return *refused
	}
	return t.issue(client, g, c.now)
}

// redeem takes a code. One that comes twice ends all that stemmed from it (RFC
// 6749, 4.1.2).
func (t *Twin) redeem(c *call, client *Client, plain bool) (*grant, *answer) {
	code := c.form.Get("code")
	g, ok := t.state.Codes[code]
	switch {
	case !ok || g.Client != client.ID || g.Plain != plain || !c.now.Before(g.Expires):
		return nil, oauthError("invalid_grant", "The code is unknown or has expired, or belongs to another client.")
	case g.Used && !t.flawed(ReusableCode):
		t.changed = true
		t.state.revoke(g.Family)
		return nil, oauthError("invalid_grant", "The code was used before. The tokens that it gave are withdrawn.")
	}
	g.Used, t.changed = true, true
	t.state.Codes[code] = g
	switch {
	case c.form.Get("redirect_uri") != g.Redirect:
		return nil, oauthError("invalid_grant", "The redirect_uri is not the one of the authorization request.")
	case !t.flawed(IgnoredVerifier) && !g.verified(c.form.Get("code_verifier")):
		return nil, oauthError("invalid_grant", "The code_verifier does not fit the code_challenge.")
	}
	return &g, nil
}

// verified checks PKCE (RFC 7636, 4.6). A verifier that nobody asked for is
// refused too: somebody took the challenge out of the request.
func (g *grant) verified(verifier string) bool {
	if g.Challenge == "" || verifier == "" {
		return g.Challenge == verifier
	}
	if g.ChallengeMethod == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(verifier), []byte(g.Challenge)) == 1
}

// refresh takes a refresh token, which is good once: the answer has the next.
func (t *Twin) refresh(c *call, client *Client, plain bool) (*grant, *answer) {
	token := c.form.Get("refresh_token")
	g, ok := t.state.Refresh[token]
	switch {
	case !ok || g.Client != client.ID || g.Plain != plain || !c.now.Before(g.Expires):
		return nil, oauthError("invalid_grant", "The refresh token is unknown or has expired, or belongs to another client.")
	case g.Used:
		t.changed = true
		t.state.revoke(g.Family)
		return nil, oauthError("invalid_grant", "The refresh token was used before. All that stem from the same sign-in are withdrawn.")
	}
	if p := t.state.World.Person(g.Sub); p == nil || p.Disabled {
		return nil, oauthError("invalid_grant", "The account is disabled.")
	}
	narrower := g.Scopes
	if wanted := strings.Fields(c.form.Get("scope")); len(wanted) > 0 {
		if slices.ContainsFunc(wanted, func(s string) bool { return !slices.Contains(g.Scopes, s) }) {
			return nil, oauthError("invalid_scope", "The refresh token does not hold all of these scopes.")
		}
		narrower = wanted
	}
	g.Used, t.changed = true, true
	t.state.Refresh[token] = g
	g.Scopes, g.Nonce = narrower, ""
	return &g, nil
}

func (t *Twin) issue(client *Client, g *grant, now time.Time) answer {
	t.changed = true
	access := secret()
	body := map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(tokenLife / time.Second), "scope": strings.Join(g.Scopes, " "),
	}
	if t.flawed(TokenType) {
		body["token_type"] = "twin"
	}
	kept := *g
	kept.Used = false
	kept.Expires = now.Add(tokenLife)
	t.state.Access[access] = kept
	if slices.Contains(g.Scopes, "offline_access") {
		token := secret()
		kept.Expires = now.Add(refreshLife)
		t.state.Refresh[token], body["refresh_token"] = kept, token
	}
	if !g.Plain && !t.flawed(NoIDToken) && slices.Contains(g.Scopes, "openid") {
		token, err := t.idToken(client, g, access, now)
		if err != nil {
			return failed(err)
		}
		body["id_token"] = token
	}
	return asJSON(http.StatusOK, body)
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// authenticate finds the client by the one proof that came with the call.
func (t *Twin) authenticate(c *call) (*Client, *answer) {
	id, secret, basic := c.BasicAuth()
	asserted := c.form.Has("client_assertion")
	method := AuthNone
	switch {
	case basic && (asserted || c.form.Has("client_secret")) || asserted && c.form.Has("client_secret"):
		return nil, oauthError("invalid_request", "The client proved itself in two ways at once.")
	case basic:
		method = AuthBasic
		id, secret = unescape(id), unescape(secret)
	case c.form.Has("client_secret"):
		id, secret, method = c.form.Get("client_id"), c.form.Get("client_secret"), AuthPost
	case asserted:
		id, method = t.asserted(c), AuthPrivateKey
	default:
		id = c.form.Get("client_id")
	}
	client := t.state.World.Client(id)
	if client == nil || c.form.Has("client_id") && c.form.Get("client_id") != id || !client.Proves(method, secret) {
		return nil, oauthError("invalid_client", "The client is unknown, or its proof is wrong or not of the kind that it is registered for.")
	}
	return client, nil
}

// unescape undoes the form encoding of RFC 6749, 2.3.1; what is not encoded is
// itself, as most callers send it.
func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// asserted is the ID of the client that signed the assertion of a call (RFC 7523,
// 3; OpenID Connect Core, 9); "" = none did.
func (t *Twin) asserted(c *call) string {
	signed, err := jose.ParseSignedCompact(c.form.Get("client_assertion"), jws.Algorithms())
	if err != nil || c.form.Get("client_assertion_type") != assertionType {
		return ""
	}
	var claims struct {
		Issuer   string   `json:"iss"`
		Subject  string   `json:"sub"`
		Audience audience `json:"aud"`
		ID       string   `json:"jti"`
		Expires  float64  `json:"exp"`
	}
	if json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &claims) != nil {
		return ""
	}
	client := t.state.World.Client(claims.Issuer)
	if client == nil || client.AuthMethod != AuthPrivateKey || !client.Signed(signed) {
		return ""
	}
	expires := time.Unix(int64(min(claims.Expires, 1<<40)), 0)
	_, again := t.state.Assertions[claims.Issuer+" "+claims.ID]
	here := slices.ContainsFunc(claims.Audience, func(a string) bool { return a == t.url || a == t.url+c.URL.Path })
	if claims.Subject != claims.Issuer || claims.ID == "" || again || !here || !c.now.Before(expires) || expires.After(c.now.Add(time.Hour)) {
		return ""
	}
	t.changed = true
	t.state.Assertions[claims.Issuer+" "+claims.ID] = expires
	return claims.Issuer
}

// audience is one name or several.
type audience []string

// UnmarshalJSON reads aud as RFC 7519, 4.1.3, has it.
func (a *audience) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}
