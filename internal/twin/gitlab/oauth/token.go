package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/twin/gitlab/world"
)

// refused is an error of the token endpoint.
type refused struct {
	status int
	code   string
	text   string
}

const (
	textServer = "The authorization server encountered an unexpected condition which prevented it from fulfilling the request."
	textGrant  = "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client."
)

func invalidGrant() *refused  { return &refused{http.StatusBadRequest, "invalid_grant", textGrant} }
func invalidClient() *refused { return &refused{http.StatusUnauthorized, "invalid_client", textClient} }
func invalidScope() *refused  { return &refused{http.StatusBadRequest, "invalid_scope", textScope} }
func missing(name string) *refused {
	return &refused{http.StatusBadRequest, "invalid_request", textMissing + name + "."}
}

type errorBody struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func (f *refused) write(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", challenge(f.code, f.text))
	noStore(w)
	writeJSON(w, f.status, errorBody{f.code, f.text})
}

func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
}

type tokenBody struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope"`
	CreatedAt    int64  `json:"created_at"`
	IDToken      string `json:"id_token,omitempty"`
}

// token answers POST /oauth/token. The password grant is unknown here.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		missing("grant_type").write(w)
		return
	}
	var body *tokenBody
	var f *refused
	switch r.Form.Get("grant_type") {
	case "":
		f = missing("grant_type")
	case "authorization_code":
		body, f = s.redeem(r)
	case "refresh_token":
		body, f = s.refresh(r)
	case "client_credentials":
		body, f = s.clientCredentials(r)
	default:
		f = &refused{http.StatusBadRequest, "unsupported_grant_type", "The authorization grant type is not supported by the authorization server."}
	}
	if f != nil {
		f.write(w)
		return
	}
	noStore(w)
	writeJSON(w, http.StatusOK, body)
}

// credentials reads who asks: HTTP Basic first, then the parameters.
func credentials(r *http.Request) (id, key string) {
	if id, key, basic := r.BasicAuth(); basic && id != "" {
		return unescape(id), unescape(key)
	}
	return r.Form.Get("client_id"), r.Form.Get("client_secret")
}

// client finds the application that asks. Public ones need no secret.
func (s *Server) client(r *http.Request) (app world.Application, ok bool) {
	id, key := credentials(r)
	s.World.Read(func(d *world.Data) {
		if a := d.Application(id); a != nil {
			app, ok = *a, true
		}
	})
	if key == "" && !app.Confidential {
		return app, ok
	}
	return app, ok && subtle.ConstantTimeCompare([]byte(key), []byte(app.Secret)) == 1
}

// unescape undoes the form encoding of RFC 6749 section 2.3.1.
func unescape(v string) string {
	if plain, err := url.QueryUnescape(v); err == nil {
		return plain
	}
	return v
}

// redeem takes a code. Its problems are looked for in Doorkeeper's order.
func (s *Server) redeem(r *http.Request) (*tokenBody, *refused) {
	value, verifier := r.Form.Get("code"), r.Form.Get("code_verifier")
	var c world.Code
	var known bool
	s.World.Read(func(d *world.Data) { c, known = d.Code(value) })
	switch {
	case value == "":
		return nil, missing("code")
	case known && c.Challenge != "" && verifier == "":
		return nil, missing("code_verifier")
	case r.Form.Get("redirect_uri") == "":
		return nil, missing("redirect_uri")
	}
	app, ok := s.client(r)
	if !ok {
		return nil, invalidClient()
	}
	if !known || !s.Now().Before(c.ExpiresAt) || c.Application != app.ID || c.RedirectURI != r.Form.Get("redirect_uri") || !verified(c, verifier) {
		return nil, invalidGrant()
	}
	_ = s.World.Write(func(d *world.Data) error { // of two at once only one gets it
		_, known = d.Code(value)
		d.UseCode(value)
		return nil
	})
	if !known {
		return nil, invalidGrant()
	}
	return s.issue(app.ID, c.UserID, c.Scopes, c.Nonce)
}

// verified checks PKCE. A verifier without a challenge is refused, too.
func verified(c world.Code, verifier string) bool {
	if c.Challenge == "" || verifier == "" {
		return c.Challenge == verifier
	}
	if c.Method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(verifier), []byte(c.Challenge)) == 1
}

// refresh ends the old pair of tokens at once. A second use is refused, and the
// newer tokens go on living. The token is looked at before the client, as in
// Doorkeeper.
func (s *Server) refresh(r *http.Request) (*tokenBody, *refused) {
	value := r.Form.Get("refresh_token")
	if value == "" {
		return nil, missing("refresh_token")
	}
	id, _ := credentials(r)
	app, ok := s.client(r)
	scopes := strings.Fields(r.Form.Get("scope"))
	var old world.Token
	var f *refused
	_ = s.World.Write(func(d *world.Data) error {
		t := d.TokenByRefresh(value)
		switch {
		case t == nil || t.Revoked:
			f = invalidGrant()
		case id != "" && !ok:
			f = invalidClient()
		case !ok || t.Application != app.ID:
			f = invalidGrant()
		case !subset(scopes, t.Scopes):
			f = invalidScope()
		default:
			t.Revoked = true
			old = *t
		}
		return nil
	})
	if f != nil {
		return nil, f
	}
	if len(scopes) == 0 {
		scopes = old.Scopes
	}
	return s.issue(app.ID, old.UserID, scopes, "")
}

// clientCredentials gives a token that belongs to nobody; the API refuses it.
func (s *Server) clientCredentials(r *http.Request) (*tokenBody, *refused) {
	app, ok := s.client(r)
	if !ok {
		return nil, invalidClient()
	}
	scopes := strings.Fields(r.Form.Get("scope"))
	if len(scopes) == 0 {
		scopes = []string{"api"}
	}
	if !subset(scopes, app.Scopes) {
		return nil, invalidScope()
	}
	return s.issue(app.ID, 0, scopes, "")
}

// issue makes an access token, with a refresh token unless it belongs to nobody,
// and with the scope openid an ID token.
func (s *Server) issue(app string, user int64, scopes []string, nonce string) (*tokenBody, *refused) {
	now := s.Now()
	t := world.Token{
		Kind: world.OAuthToken, Value: secret(), UserID: user, Scopes: scopes, CreatedAt: now,
		ExpiresAt: now.Add(tokenLife), Application: app,
	}
	if user != 0 {
		t.Refresh = secret()
	}
	s.World.AddToken(t)
	body := &tokenBody{
		AccessToken: t.Value, TokenType: "Bearer", ExpiresIn: int(tokenLife / time.Second), RefreshToken: t.Refresh,
		Scope: strings.Join(scopes, " "), CreatedAt: now.Unix(),
	}
	if user != 0 && slices.Contains(scopes, "openid") {
		id, err := s.idToken(app, user, scopes, nonce)
		if err != nil {
			return nil, &refused{http.StatusInternalServerError, "server_error", textServer}
		}
		body.IDToken = id
	}
	return body, nil
}
