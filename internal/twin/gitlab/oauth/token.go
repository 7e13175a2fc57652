package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
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

const textGrant = "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client."

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
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="Doorkeeper", error=%q, error_description=%q`, f.code, f.text))
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

// token answers POST /oauth/token.
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

// client finds the application that asks: by HTTP Basic first, then by the
// parameters. Public applications have no secret.
func (s *Server) client(r *http.Request, mayBePublic bool) (*world.Application, bool) {
	id, key, basic := r.BasicAuth()
	if basic {
		id, key = unescape(id), unescape(key)
	} else {
		id, key = r.Form.Get("client_id"), r.Form.Get("client_secret")
	}
	var app *world.Application
	s.World.Read(func(d *world.Data) {
		if a := d.Application(id); a != nil {
			kept := *a
			app = &kept
		}
	})
	if app == nil {
		return nil, false
	}
	if key == "" {
		return app, mayBePublic && !app.Confidential
	}
	return app, subtle.ConstantTimeCompare([]byte(key), []byte(app.Secret)) == 1
}

// unescape undoes the form encoding of RFC 6749 section 2.3.1.
func unescape(v string) string {
	if plain, err := url.QueryUnescape(v); err == nil {
		return plain
	}
	return v
}

func (s *Server) redeem(r *http.Request) (*tokenBody, *refused) {
	for _, name := range []string{"code", "redirect_uri"} {
		if r.Form.Get(name) == "" {
			return nil, missing(name)
		}
	}
	value, verifier := r.Form.Get("code"), r.Form.Get("code_verifier")
	s.mu.Lock()
	c, known := s.codes[value]
	s.mu.Unlock()
	if known && c.challenge != "" && verifier == "" {
		return nil, missing("code_verifier")
	}
	app, ok := s.client(r, true)
	if !ok {
		return nil, invalidClient()
	}
	if !known || !s.Now().Before(c.expires) || c.app != app.ID || c.redirectURI != r.Form.Get("redirect_uri") || !c.verified(verifier) {
		return nil, invalidGrant()
	}
	s.mu.Lock()
	_, still := s.codes[value]
	delete(s.codes, value)
	s.mu.Unlock()
	if !still {
		return nil, invalidGrant()
	}
	return s.issue(app.ID, c.userID, c.scopes, true, &c)
}

func (c code) verified(verifier string) bool {
	if c.challenge == "" {
		return true
	}
	if c.method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(verifier), []byte(c.challenge)) == 1
}

// refresh ends the old pair of tokens at once. A second use is refused, and the
// newer tokens go on living.
func (s *Server) refresh(r *http.Request) (*tokenBody, *refused) {
	value := r.Form.Get("refresh_token")
	if value == "" {
		return nil, missing("refresh_token")
	}
	app, ok := s.client(r, true)
	if !ok {
		return nil, invalidClient()
	}
	scopes := strings.Fields(r.Form.Get("scope"))
	var old world.Token
	var f *refused
	_ = s.World.Write(func(d *world.Data) error {
		t := byRefresh(d, value)
		switch {
		case t == nil || t.Revoked || t.Application != app.ID:
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
	return s.issue(app.ID, old.UserID, scopes, true, nil)
}

func byRefresh(d *world.Data, value string) *world.Token {
	for _, t := range d.Tokens() {
		if t.Refresh == value && value != "" {
			return t
		}
	}
	return nil
}

// clientCredentials gives a token that belongs to nobody; the API refuses it.
func (s *Server) clientCredentials(r *http.Request) (*tokenBody, *refused) {
	app, ok := s.client(r, false)
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
	return s.issue(app.ID, 0, scopes, false, nil)
}

// issue makes an access token, and with the scope openid an ID token.
func (s *Server) issue(app string, user int64, scopes []string, refresh bool, c *code) (*tokenBody, *refused) {
	now := s.Now()
	t := world.Token{
		Kind: world.OAuthToken, Value: secret(), UserID: user, Scopes: scopes, CreatedAt: now,
		ExpiresAt: now.Add(tokenLife), Application: app,
	}
	if refresh {
		t.Refresh = secret()
	}
	s.World.AddToken(t)
	body := &tokenBody{
		AccessToken: t.Value, TokenType: "Bearer", ExpiresIn: int(tokenLife / time.Second), RefreshToken: t.Refresh,
		Scope: strings.Join(scopes, " "), CreatedAt: now.Unix(),
	}
	if user != 0 && slices.Contains(scopes, "openid") {
		id, err := s.idToken(app, user, scopes, c)
		if err != nil {
			return nil, &refused{http.StatusInternalServerError, "server_error", "The authorization server encountered an unexpected condition which prevented it from fulfilling the request."}
		}
		body.IDToken = id
	}
	return body, nil
}
