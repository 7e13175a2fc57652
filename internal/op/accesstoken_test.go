package op

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/op/keys"
	"gatehouse/internal/op/request"
)

// RFC 9068: an access token that resources check by themselves, and that is
// known here all the same.
func TestJWTAccessToken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		for i, algorithm := range keys.Algorithms() {
			h.change("trusted", func(c *gatehouse.Client) {
				c.Settings.AccessToken, c.Settings.IDTokenAlg = gatehouse.AccessTokenJWT, algorithm
				c.Settings.Resources = []string{"https://a.example", "https://b.example"}
			})
			a := h.grant()
			head, claims := payloadOf(t, a.AccessToken)
			if head["typ"] != "at+jwt" || head["alg"] != algorithm {
				t.Errorf("the header is %v", head)
			}
			jti, _ := claims["jti"].(string)
			now := float64(h.clock.Now().Unix())
			for _, name := range []string{"jti", "auth_time"} {
				delete(claims, name)
			}
			if diff := cmp.Diff(map[string]any{
				"iss": h.url, "sub": request.Subject(h.alice), "aud": "https://a.example", "client_id": "trusted", "exp": now + 7200, "iat": now,
				"scope": "openid profile email read_user", "acr": acrOne,
			}, claims); diff != "" {
				t.Error(diff)
			}
			if id, _ := payloadOf(t, a.IDToken); id["alg"] != algorithm || id["typ"] != "JWT" {
				t.Errorf("the ID token's header is %v", id)
			}
			if _, id := payloadOf(t, a.IDToken); id["at_hash"] != atHash(algorithm, a.AccessToken) {
				t.Errorf("at_hash is %v", id["at_hash"])
			}
			if p := h.userinfo(a.AccessToken); p.status != http.StatusOK {
				t.Errorf("user-info: %d %s", p.status, p.body)
			}
			if p := h.machine().do(http.MethodGet, "/api/v4/user", nil, "Authorization", "Bearer "+a.AccessToken); p.status != http.StatusOK {
				t.Errorf("the API: %d %s", p.status, p.body)
			}
			if p := h.post("/oauth/introspect", trusted(a.AccessToken)); !strings.Contains(p.body, `"active":true`) {
				t.Errorf("introspection: %s", p.body)
			}
			// T10: neither its jti, nor an ID token, nor a changed one is a token.
			parts := strings.Split(a.AccessToken, ".")
			for name, not := range map[string]string{
				"jti": jti, "ID token": a.IDToken, "changed": parts[0] + "." + parts[1] + "." + parts[2][:len(parts[2])-4] + "AAAA", "unsigned": "eyJhbGciOiJub25lIn0." + parts[1] + ".",
			} {
				if p := h.userinfo(not); p.status != http.StatusUnauthorized {
					t.Errorf("%s is taken: %d", name, p.status)
				}
			}
			if i == 0 {
				h.post("/oauth/revoke", trusted(a.AccessToken))
				h.refresh(a.RefreshToken).refused(t, 400, "invalid_grant")
			} else {
				h.refresh(a.RefreshToken).tokens(t)
			}
			if p := h.userinfo(a.AccessToken); p.status != http.StatusUnauthorized {
				t.Errorf("it outlives its end: %d", p.status)
			}
		}
	})
}

func TestJWTAccessTokenOfAClientItself(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.change("robot", func(c *gatehouse.Client) {
		c.Settings.AccessToken, c.Settings.Resources = gatehouse.AccessTokenJWT, []string{"https://a.example"}
	})
	get := func(resource ...string) tokenAnswer {
		return h.post("/oauth/token", url.Values{"grant_type": {request.GrantClient}, "client_id": {"robot"}, "client_secret": {otherSecret}, "resource": resource}).tokens(t)
	}
	if token, _, err := h.op.LiveAccess(t.Context(), get().AccessToken); err != nil || token.Grant.ClientID != "robot" {
		t.Errorf("it is not known here: %v", err)
	}
	if _, _, err := h.op.LiveAccess(t.Context(), get("https://a.example").AccessToken); !errors.Is(err, gatehouse.NotFound) {
		t.Errorf("T10: one that is for another: %v", err)
	}
	a := get(h.url)
	if _, claims := payloadOf(t, a.AccessToken); claims["sub"] != "robot" || claims["aud"] != h.url || claims["auth_time"] != nil {
		t.Errorf("%v", claims)
	}
}

// Lifetimes of a client's own take the place of the installation's.
func TestLifetimesOfAClient(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.change("trusted", func(c *gatehouse.Client) {
			c.Settings.Lifetimes = gatehouse.ClientLifetimes{Access: 10 * time.Minute, ID: time.Hour, Refresh: 3 * time.Hour, RefreshAbsolute: 4 * time.Hour}
		})
		a := h.grant()
		if _, id := payloadOf(t, a.IDToken); a.ExpiresIn != 600 || id["exp"] != float64(h.clock.Now().Add(time.Hour).Unix()) {
			t.Errorf("expires in %d, the ID token at %v", a.ExpiresIn, id["exp"])
		}
		h.clock.add(10 * time.Minute)
		if p := h.userinfo(a.AccessToken); p.status != http.StatusUnauthorized {
			t.Errorf("%d", p.status)
		}
		h.clock.add(2 * time.Hour)
		b := h.refresh(a.RefreshToken).tokens(t)
		h.clock.add(110 * time.Minute) // T7: its absolute end
		h.refresh(b.RefreshToken).refused(t, 400, "invalid_grant")
	})
}

// delegating makes "app" a client that may exchange what "trusted" got.
func (h *house) delegating() {
	h.t.Helper()
	for _, id := range []string{"app", "trusted"} {
		h.change(id, func(c *gatehouse.Client) {
			c.GrantTypes = []string{request.GrantCode, request.GrantRefresh, request.GrantExchange}
			c.Settings.Resources = []string{"https://a.example"}
		})
	}
	h.change("app", func(c *gatehouse.Client) {
		c.Settings.ExchangeFrom, c.Scopes = []string{"trusted"}, []string{"openid", "read_user", "email"}
	})
}

// own exchanges a token for one of "app".
func (h *house) own(token string, changes ...string) page {
	h.t.Helper()
	return h.post("/oauth/token", changed(url.Values{
		"grant_type": {request.GrantExchange}, "subject_token": {token}, "subject_token_type": {accessTokenType},
		"client_id": {"app"}, "client_secret": {appSecret},
	}, changes))
}

// RFC 8693: a service that was called with a token gets one of its own, which
// may no more, lives no longer, and says who acts.
func TestExchangeForOwn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.delegating()
		subject := h.grant()
		h.clock.add(time.Hour)
		got := h.own(subject.AccessToken, "resource", "https://a.example", "requested_token_type", jwtType).tokens(t)
		if got.RefreshToken != "" || got.IDToken != "" || got.ExpiresIn != 3600 || got.Scope != "openid email read_user" || got.IssuedTokenType != jwtType {
			t.Errorf("got %+v", got)
		}
		_, claims := payloadOf(t, got.AccessToken)
		if claims["sub"] != request.Subject(h.alice) || claims["client_id"] != "app" || claims["aud"] != "https://a.example" ||
			!cmp.Equal(claims["act"], map[string]any{"client_id": "app"}) {
			t.Errorf("claims %v", claims)
		}
		opaque := h.own(subject.AccessToken, "scope", "read_user", "audience", "https://a.example").tokens(t)
		if strings.Contains(opaque.AccessToken, ".") || opaque.IssuedTokenType != accessTokenType {
			t.Errorf("got %+v", opaque)
		}
		var told introspection
		if err := json.Unmarshal([]byte(h.post("/oauth/introspect", trusted(opaque.AccessToken, "client_id", "app")).body), &told); err != nil {
			t.Fatal(err)
		}
		if !told.Active || told.Scope != "read_user" || told.Actor == nil || told.Actor.ClientID != "app" || !slices.Equal(told.Audience, []string{"https://a.example"}) {
			t.Errorf("introspected %+v", told)
		}
		if diff := cmp.Diff([]string{"token.exchanged", "token.exchanged"}, h.actions("token.exchanged")); diff != "" {
			t.Error(diff)
		}
		// The one who acts ends only its own.
		h.post("/oauth/revoke", trusted(opaque.AccessToken, "client_id", "app"))
		if h.userinfo(subject.AccessToken).status != http.StatusOK || !h.active(got.AccessToken, "app", appSecret) {
			t.Error("what it came of ended, too")
		}
		// And what it came of ends it.
		h.post("/oauth/revoke", trusted(subject.AccessToken))
		if h.active(got.AccessToken, "app", appSecret) {
			t.Error("it outlives what it came of")
		}
		h.own(subject.AccessToken).refused(t, 400, "invalid_request")
	})
}

func TestT18ExchangeForOwnRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.delegating()
	subject := h.grant()
	h.own(subject.AccessToken).tokens(t)
	foreign := h.redeem(h.code("old"), "client_id", "old", "client_secret", otherSecret).tokens(t)
	for name, c := range map[string]struct {
		p    page
		code string
	}{
		"ForeignClient":    {h.own(foreign.AccessToken), "invalid_request"},
		"RefreshToken":     {h.own(subject.RefreshToken), "invalid_request"},
		"IDToken":          {h.own(subject.IDToken, "subject_token_type", jwtType), "invalid_request"},
		"Garbage":          {h.own("garbage"), "invalid_request"},
		"ScopeGrows":       {h.own(subject.AccessToken, "scope", "api"), "invalid_scope"},
		"ForeignResource":  {h.own(subject.AccessToken, "resource", "https://b.example"), "invalid_target"},
		"NotTheOtherWay":   {h.own(h.own(subject.AccessToken).tokens(t).AccessToken, "client_id", "trusted"), "invalid_request"},
		"NoSuchGrant":      {h.own(subject.AccessToken, "client_id", "old", "client_secret", otherSecret), "unauthorized_client"},
		"UnknownWantedTyp": {h.own(subject.AccessToken, "requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), "invalid_request"},
		"Actor":            {h.own(subject.AccessToken, "actor_token", "x", "actor_token_type", accessTokenType), "invalid_request"},
	} {
		if c.p.refused(t, 400, c.code); t.Failed() {
			t.Fatal(name)
		}
	}
	h.change("phone", func(c *gatehouse.Client) {
		c.GrantTypes, c.Settings.ExchangeFrom = []string{request.GrantExchange}, []string{"trusted"}
	})
	h.own(subject.AccessToken, "client_id", "phone", "client_secret", "").refused(t, 400, "unauthorized_client") // nothing proves who it is
	h.change("trusted", func(c *gatehouse.Client) { c.Enabled = false })
	h.own(subject.AccessToken).refused(t, 400, "invalid_request")
	h.change("trusted", func(c *gatehouse.Client) { c.Enabled = true })
	h.own(subject.AccessToken).tokens(t)
	h.setState(h.alice, gatehouse.UserBlocked)
	h.own(subject.AccessToken).refused(t, 400, "invalid_request")
}
