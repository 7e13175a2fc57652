package openid

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// claims is what the scopes let a client know about a person.
func (t *Twin) claims(p *Person, scopes []string) map[string]any {
	all := map[string]any{"sub": p.Sub}
	put := func(scope, name, value string) {
		if value != "" && slices.Contains(scopes, scope) {
			all[name] = value
		}
	}
	for name, value := range map[string]string{
		"name": p.Name, "given_name": p.GivenName, "family_name": p.FamilyName, "preferred_username": p.Username,
		"nickname": p.Nickname, "locale": p.Locale, "title": p.Title,
	} {
		put("profile", name, value)
	}
	if p.Picture {
		put("profile", "picture", t.url+"/media/"+url.PathEscape(p.Sub)+".svg")
	}
	put("email", "email", p.Email)
	put("phone", "phone_number", p.Phone)
	if p.EmailVerified != nil && slices.Contains(scopes, "email") {
		all["email_verified"] = p.EmailVerified
	}
	if p.Groups != nil && slices.Contains(scopes, "groups") {
		all["groups"] = p.Groups
	}
	for name, value := range p.Claims {
		switch {
		case !slices.Contains(scopes, "profile"):
		case value == nil:
			delete(all, name)
		default:
			all[name] = value
		}
	}
	return all
}

// idToken is one for a grant (OpenID Connect Core, 2 and 12.2: a refreshed one
// has no nonce).
func (t *Twin) idToken(c *Client, g *grant, accessToken string, now time.Time) (string, error) {
	if t.flawed(GarbageIDToken) {
		return "this is not a token", nil
	}
	claims := map[string]any{}
	if p := t.state.World.person(g.Sub); p != nil && c.ClaimsInIDToken {
		claims = t.claims(p, g.Scopes)
	}
	for name, value := range map[string]any{
		"iss": t.url, "sub": g.Sub, "aud": c.ID, "azp": c.ID, "iat": now.Unix(), "exp": now.Add(tokenLife).Unix(),
		"auth_time": g.AuthTime.Unix(), "sid": g.SID, "amr": []string{"pwd"}, "at_hash": half(c.algorithm(), accessToken),
	} {
		claims[name] = value
	}
	if g.Nonce != "" {
		claims["nonce"] = g.Nonce
	}
	t.spoilClaims(claims, now)
	return t.sign(c.algorithm(), "JWT", claims)
}

// bearer is the grant of the access token that a call carries.
func (t *Twin) bearer(c *call, plain bool) (*grant, *answer) {
	scheme, token, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	inForm := c.form.Get("access_token")
	switch {
	case token == "" && inForm == "":
		a := &answer{status: http.StatusUnauthorized, header: http.Header{"WWW-Authenticate": {`Bearer realm="twin"`}}}
		return nil, a
	case token != "" && inForm != "":
		return nil, bearerError(http.StatusBadRequest, "invalid_request", "The token was sent twice.")
	case token == "":
		token = inForm
	case !strings.EqualFold(scheme, "Bearer"):
		return nil, bearerError(http.StatusUnauthorized, "invalid_request", "The scheme is not Bearer.")
	}
	g, ok := t.state.Access[token]
	if !ok || g.Plain != plain || !c.now.Before(g.Expires) {
		return nil, bearerError(http.StatusUnauthorized, "invalid_token", "The access token is unknown or has expired.")
	}
	return &g, nil
}

// userinfo answers as JSON, or as a signed JWT to clients registered so (OpenID
// Connect Core, 5.3).
func (t *Twin) userinfo(c *call) answer {
	g, refused := t.bearer(c, false)
	if refused != nil {
		return *refused
	}
	if !slices.Contains(g.Scopes, "openid") {
		return *bearerError(http.StatusForbidden, "insufficient_scope", "The access token was not given the scope openid.")
	}
	client, p := t.state.World.client(g.Client), t.state.World.person(g.Sub)
	if client == nil || p == nil || p.Disabled {
		return *bearerError(http.StatusUnauthorized, "invalid_token", "The person or the client is no more.")
	}
	if t.flawed(UserinfoSubject) {
		p = t.state.World.other(p.Sub)
	}
	claims := t.claims(p, g.Scopes)
	if t.flawed(UserinfoNobody) {
		delete(claims, "sub")
	}
	if !client.SignedUserinfo {
		return asJSON(http.StatusOK, claims)
	}
	claims["iss"], claims["aud"] = t.url, client.ID
	t.spoilClaims(claims, c.now)
	token, err := t.sign(client.algorithm(), "JWT", claims)
	if err != nil {
		return failed(err)
	}
	return answer{status: http.StatusOK, body: []byte(token), header: http.Header{
		"Content-Type": {"application/jwt"}, "Cache-Control": {"no-store"},
	}}
}
