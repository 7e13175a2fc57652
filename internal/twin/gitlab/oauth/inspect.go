package oauth

import (
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

// alive tells whether an OAuth token is neither revoked nor expired.
func (s *Server) alive(t *world.Token) bool {
	return t.Kind == world.OAuthToken && !t.Revoked && s.Now().Before(t.ExpiresAt)
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

type tokenInfoError struct {
	errorBody
	State string `json:"state"`
}

// tokenInfo answers GET /oauth/token/info.
func (s *Server) tokenInfo(w http.ResponseWriter, r *http.Request) {
	value := bearer(r)
	var body *tokenInfoBody
	s.World.Read(func(d *world.Data) {
		t := d.Token(value)
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
		w.Header().Set("WWW-Authenticate", `Bearer realm="Doorkeeper", error="invalid_token", error_description="The access token is invalid"`)
		writeJSON(w, http.StatusUnauthorized, tokenInfoError{errorBody{"invalid_token", "The access token is invalid"}, "unauthorized"})
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
	asking, ok := s.askingApplication(r)
	if !ok {
		refuseStranger(w, r)
		return
	}
	var body introspection
	s.World.Read(func(d *world.Data) {
		t := d.Token(r.Form.Get("token"))
		if t == nil {
			t = byRefresh(d, r.Form.Get("token"))
		}
		if t != nil && s.alive(t) && t.Application == asking {
			body = introspection{
				Active: true, Scope: strings.Join(t.Scopes, " "), ClientID: t.Application, TokenType: "Bearer",
				Exp: t.ExpiresAt.Unix(), Iat: t.CreatedAt.Unix(),
			}
		}
	})
	writeJSON(w, http.StatusOK, body)
}

func refuseStranger(w http.ResponseWriter, r *http.Request) {
	if _, _, basic := r.BasicAuth(); basic || r.Form.Get("client_id") != "" {
		invalidClient().write(w)
		return
	}
	f := &refused{http.StatusBadRequest, "invalid_request", "Request need to be authorized. Required parameter for authorizing request is missing or invalid."}
	f.write(w)
}

func (s *Server) askingApplication(r *http.Request) (string, bool) {
	if app, ok := s.client(r, false); ok {
		return app.ID, true
	}
	value := bearer(r)
	var app string
	s.World.Read(func(d *world.Data) {
		if t := d.Token(value); t != nil && s.alive(t) && value != r.Form.Get("token") {
			app = t.Application
		}
	})
	return app, app != ""
}

// revoke answers POST /oauth/revoke, also for tokens that nobody knows.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		missing("token").write(w)
		return
	}
	app, ok := s.client(r, true)
	allowed := true
	_ = s.World.Write(func(d *world.Data) error {
		t := d.Token(r.Form.Get("token"))
		if t == nil {
			t = byRefresh(d, r.Form.Get("token"))
		}
		if t == nil || t.Kind != world.OAuthToken {
			return nil
		}
		if allowed = ok && t.Application == app.ID; allowed {
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
