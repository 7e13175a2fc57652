package openid

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/twin/openid/jws"
)

// idToken is one for a grant (OpenID Connect Core, 2 and 12.2: a refreshed one
// has no nonce).
func (t *Twin) idToken(c *Client, g *grant, accessToken string, now time.Time) (string, error) {
	if t.flawed(GarbageIDToken) {
		return "this is not a token", nil
	}
	claims := map[string]any{}
	if p := t.state.World.Person(g.Sub); p != nil && c.ClaimsInIDToken {
		claims = p.Told(t.url, g.Scopes)
	}
	for name, value := range map[string]any{
		"iss": t.url, "sub": g.Sub, "aud": c.ID, "azp": c.ID, "iat": now.Unix(), "exp": now.Add(tokenLife).Unix(),
		"auth_time": g.AuthTime.Unix(), "sid": g.SID, "amr": []string{"pwd"}, "at_hash": jws.Half(c.SigningAlgorithm(), accessToken),
	} {
		claims[name] = value
	}
	if g.Nonce != "" {
		claims["nonce"] = g.Nonce
	}
	t.spoilClaims(claims, now)
	return t.sign(c.SigningAlgorithm(), "JWT", claims)
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
	client, p := t.state.World.Client(g.Client), t.state.World.Person(g.Sub)
	if client == nil || p == nil || p.Disabled {
		return *bearerError(http.StatusUnauthorized, "invalid_token", "The person or the client is no more.")
	}
	if t.flawed(UserinfoSubject) {
		p = t.state.World.Other(p.Sub)
	}
	claims := p.Told(t.url, g.Scopes)
	if t.flawed(UserinfoNobody) {
		delete(claims, "sub")
	}
	if !client.SignedUserinfo {
		return asJSON(http.StatusOK, claims)
	}
	claims["iss"], claims["aud"] = t.url, client.ID
	t.spoilClaims(claims, c.now)
	token, err := t.sign(client.SigningAlgorithm(), "JWT", claims)
	if err != nil {
		return failed(err)
	}
	return answer{status: http.StatusOK, body: []byte(token), header: http.Header{
		"Content-Type": {"application/jwt"}, "Cache-Control": {"no-store"},
	}}
}
