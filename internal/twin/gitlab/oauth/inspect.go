package oauth

import (
	"fmt"
	"net/http"
	"strings"

	"gatehouse/internal/twin/gitlab/world"
)

// bearer finds the token of a request in Doorkeeper's order.
func bearer(r *http.Request) string {
	if err := r.ParseForm(); err != nil {
		return ""
	}
	if v := r.Form.Get("access_token"); v != "" {
		return v
	}
	if scheme, rest, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(rest)
	}
	return r.Form.Get("bearer_token")
}

// deadness is Doorkeeper's word on a token that is no good; nil: an unknown one.
func (s *Server) deadness(t *world.Token) string {
	switch {
	case t != nil && t.Revoked:
		return "The access token was revoked"
	case t != nil && !s.alive(t):
		return "The access token expired"
	}
	return "The access token is invalid"
}

func challenge(name, text string) string {
	return fmt.Sprintf(`Bearer realm="Doorkeeper", error=%q, error_description=%q`, name, text)
}

// refuseToken answers a dead token, with the key state as Doorkeeper has it.
func refuseToken(w http.ResponseWriter, text string) {
	w.Header().Set("WWW-Authenticate", challenge("invalid_token", text))
	writeJSON(w, http.StatusUnauthorized, tokenError{errorBody{"invalid_token", text}, "unauthorized"})
}

// alive tells whether a token is neither revoked nor expired.
func (s *Server) alive(t *world.Token) bool { return !t.Revoked && s.Now().Before(t.ExpiresAt) }

// accessToken finds an OAuth token; personal ones are unknown here.
func accessToken(d *world.Data, value string) *world.Token {
	if t := d.Token(value); t != nil && t.Kind == world.OAuthToken {
		return t
	}
	return nil
}

// tokenOf finds the token that an access or refresh token stands for.
func tokenOf(d *world.Data, value string) *world.Token {
	if t := accessToken(d, value); t != nil {
		return t
	}
	return d.TokenByRefresh(value)
}

type application struct {
	UID string `json:"uid"`
}

type tokenInfoBody struct {
	ResourceOwnerID  *int64      `json:"resource_owner_id"`
	Scope            []string    `json:"scope"`
	ExpiresIn        int64       `json:"expires_in"`
	Application      application `json:"application"`
	CreatedAt        int64       `json:"created_at"`
	Scopes           []string    `json:"scopes"`
	ExpiresInSeconds int64       `json:"expires_in_seconds"`
}

type tokenError struct {
	errorBody
	State string `json:"state"`
}

// tokenInfo answers GET /oauth/token/info.
func (s *Server) tokenInfo(w http.ResponseWriter, r *http.Request) {
	value := bearer(r)
	var body *tokenInfoBody
	s.World.Read(func(d *world.Data) {
		t := accessToken(d, value)
		if t == nil || !s.alive(t) {
			return
		}
		left := t.ExpiresAt.Unix() - s.Now().Unix()
		body = &tokenInfoBody{
			Scope: t.Scopes, ExpiresIn: left, Application: application{t.Application}, CreatedAt: t.CreatedAt.Unix(),
			Scopes: t.Scopes, ExpiresInSeconds: left,
		}
		if t.UserID != 0 {
			owner := t.UserID
			body.ResourceOwnerID = &owner
		}
	})
	if body == nil {
		refuseToken(w, s.deadness(nil))
		return
	}
	writeJSON(w, http.StatusOK, body)
}

type introspection struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope,omitempty"`
	ClientID  string `json:"client_id,omitempty"`
	TokenType string `json:"token_type,omitempty"`
	Exp       int64  `json:"exp,omitempty"`
	Iat       int64  `json:"iat,omitempty"`
}

// introspect answers POST /oauth/introspect, to the application of the token by
// its secret or by another of its tokens. The state of the person plays no part.
func (s *Server) introspect(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		missing("token").write(w)
		return
	}
	id, _ := credentials(r)
	app, ok := s.client(r)
	presented := bearer(r)
	var body introspection
	var dead string // why the token that asks may not
	s.World.Read(func(d *world.Data) {
		t := tokenOf(d, r.Form.Get("token"))
		if id == "" {
			asking := accessToken(d, presented)
			if asking == nil {
				return
			}
			app.ID, dead = asking.Application, s.deadness(asking)
			ok = s.alive(asking) && t != asking && t != nil && t.Application == app.ID
		}
		if ok && t != nil && s.alive(t) && t.Application == app.ID {
			body = introspection{
				Active: true, Scope: strings.Join(t.Scopes, " "), ClientID: t.Application, TokenType: "Bearer",
				Exp: t.ExpiresAt.Unix(), Iat: t.CreatedAt.Unix(),
			}
		}
	})
	switch {
	case ok:
		writeJSON(w, http.StatusOK, body)
	case id != "":
		invalidClient().write(w)
	case dead != "":
		refuseToken(w, dead)
	default:
		f := &refused{http.StatusBadRequest, "invalid_request", "Request need to be authorized. Required parameter for authorizing request is missing or invalid."}
		f.write(w)
	}
}

// revoke answers POST /oauth/revoke, also for tokens that nobody knows. The tokens
// of a public application may be revoked by everybody who has them.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		missing("token").write(w)
		return
	}
	app, ok := s.client(r)
	allowed := true
	_ = s.World.Write(func(d *world.Data) error {
		t := tokenOf(d, r.Form.Get("token"))
		if t == nil {
			return nil
		}
		owner := d.Application(t.Application)
		if allowed = owner != nil && !owner.Confidential || ok && t.Application == app.ID; allowed {
			t.Revoked = true
		}
		return nil
	})
	if !allowed {
		writeJSON(w, http.StatusForbidden, errorBody{"unauthorized_client", "You are not authorized to revoke this token"})
		return
	}
	writeJSON(w, http.StatusOK, struct{}{})
}
