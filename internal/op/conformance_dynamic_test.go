package op

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/op/keys"
	"gatehouse/internal/op/registration"
)

// newcomer is a client of the suite that registered itself, with a key of its own.
type newcomer struct {
	registered
	key *signer
}

// registers has the suite register a client that proves itself by a key, with
// more metadata, written as JSON after a comma.
func (s *suite) registers(t *testing.T, more string) newcomer {
	t.Helper()
	s.op.Registration = Registration{By: registration.ByAnybody, NoPKCE: true}
	n := newcomer{key: newSigner(t)}
	body := `{"redirect_uris":["` + callback + `"],"token_endpoint_auth_method":"private_key_jwt","grant_types":["authorization_code","refresh_token"],"jwks":` + string(n.key.set()) + more + `}`
	if strings.Contains(more, `"jwks`) || strings.Contains(more, `"redirect_uris"`) {
		body = "{" + strings.TrimPrefix(more, ",") + "}"
	}
	n.registered = s.json(http.MethodPost, registerPath, body, "").registered(t, http.StatusCreated)
	return n
}

// proves is a form with an assertion of the newcomer.
func (n newcomer) proves(s *suite, v url.Values) url.Values {
	c := n.key.claims(s.house, n.ClientID)
	c["jti"] = gatehouse.NewSecret()
	v.Set("client_assertion", n.key.sign("", c))
	v.Set("client_assertion_type", jwtBearerAssertion)
	return v
}

// tokens goes the whole way, with consent.
func (n newcomer) tokens(s *suite, t *testing.T, changes ...string) tokenAnswer {
	t.Helper()
	b := s.signedIn(s.alice)
	p := b.get(asking(n.ClientID, append([]string{"code_challenge", "", "code_challenge_method", "", "scope", "openid profile"}, changes...)...))
	code := b.decide(p, "allow").sent(t).Get("code")
	return s.post("/oauth/token", n.proves(s, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}})).tokens(t)
}

// isPage says that a request ends here, with no redirect.
func isPage(t *testing.T, p page) {
	t.Helper()
	if p.status < 400 || p.header.Get("Location") != "" {
		t.Errorf("%d %q", p.status, p.header.Get("Location"))
	}
}

// withQuery is the metadata of a newcomer whose redirect URI has a query.
const withQuery = `,"redirect_uris":["https://app.example/cb?foo=bar"],"token_endpoint_auth_method":"client_secret_basic"`

func dynamicModules() []module {
	bare := []string{"code_challenge", "", "code_challenge_method", "", "scope", "openid"}
	return []module{
		{"oidcc-server-registered", "Registration 3.1", func(t *testing.T, s *suite) {
			_, id := payloadOf(t, s.registers(t, "").tokens(s, t).IDToken)
			if id["iss"] != s.url || id["sub"] == "" {
				t.Errorf("%v", id)
			}
		}},
		{"oidcc-idtoken-rs256", "Core 15.2", func(t *testing.T, s *suite) {
			header, _ := payloadOf(t, s.registers(t, `,"id_token_signed_response_alg":"RS256"`).tokens(s, t).IDToken)
			if header["alg"] != "RS256" || header["kid"] == "" {
				t.Errorf("%v", header)
			}
		}},
		{"oidcc-idtoken-unsigned", "Core 2", func(t *testing.T, s *suite) { // not supported, and said so: the module is skipped
			s.op.Registration = Registration{By: registration.ByAnybody}
			s.json(http.MethodPost, registerPath, `{"redirect_uris":["`+callback+`"],"id_token_signed_response_alg":"none"}`, "").refused(t, 400, "invalid_client_metadata")
		}},
		{"oidcc-userinfo-rs256", "Core 5.3.2", func(t *testing.T, s *suite) {
			n := s.registers(t, `,"userinfo_signed_response_alg":"RS256"`)
			p := s.userinfo(n.tokens(s, t).AccessToken)
			payload, err := s.op.keys().Verify(t.Context(), p.body, keys.TypeUserinfo)
			var told map[string]any
			if err != nil || json.Unmarshal(payload, &told) != nil || p.header.Get("Content-Type") != "application/jwt" {
				t.Fatalf("%v %v %s", err, p.header, p.body)
			}
			if told["iss"] != s.url || told["aud"] != n.ClientID || told["name"] != "Alice" || told["sub"] == "" || told["nonce"] != nil {
				t.Errorf("%v", told)
			}
			if header, _ := payloadOf(t, p.body); header["alg"] != "RS256" {
				t.Errorf("%v", header)
			}
			if _, err := s.op.keys().Verify(t.Context(), p.body, keys.TypeJWT); err == nil {
				t.Error("it passes for an ID token")
			}
		}},
		{"oidcc-ensure-redirect-uri-in-authorization-request", "Core 3.1.2.1", func(t *testing.T, s *suite) {
			n := s.registers(t, "")
			isPage(t, s.signedIn(s.alice).get(asking(n.ClientID, append(bare, "redirect_uri", "")...)))
		}},
		{"oidcc-redirect-uri-query-OK", "RFC 6749 3.1.2", func(t *testing.T, s *suite) {
			n := s.registers(t, withQuery)
			b := s.signedIn(s.alice)
			p := b.decide(b.get(asking(n.ClientID, append(bare, "redirect_uri", "https://app.example/cb?foo=bar")...)), "allow")
			if to := p.header.Get("Location"); !strings.HasPrefix(to, "https://app.example/cb?foo=bar&code=") {
				t.Errorf("leads to %q", to)
			}
		}},
		{"oidcc-redirect-uri-query-mismatch", "RFC 6749 3.1.2", func(t *testing.T, s *suite) {
			n := s.registers(t, withQuery)
			isPage(t, s.signedIn(s.alice).get(asking(n.ClientID, append(bare, "redirect_uri", "https://app.example/cb?bar=foo")...)))
		}},
		{"oidcc-redirect-uri-query-added", "RFC 6749 3.1.2", func(t *testing.T, s *suite) {
			n := s.registers(t, "")
			isPage(t, s.signedIn(s.alice).get(asking(n.ClientID, append(bare, "redirect_uri", callback+"&foo=bar")...)))
		}},
		{"oidcc-redirect-uri-regfrag", "RFC 6749 3.1.2", func(t *testing.T, s *suite) {
			s.op.Registration = Registration{By: registration.ByAnybody}
			s.json(http.MethodPost, registerPath, `{"redirect_uris":["https://app.example/cb#foo=bar"]}`, "").refused(t, 400, "invalid_redirect_uri")
		}},
		{"oidcc-registration-jwks-uri", "Registration 2", func(t *testing.T, s *suite) {
			n := newcomer{key: newSigner(t)}
			web := s.serving(t, func(string) string { return string(n.key.set()) })
			n.registered = s.registers(t, `,"redirect_uris":["`+callback+`"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"`+web+`/keys"`).registered
			n.tokens(s, t)
		}},
		{"oidcc-refresh-token-rp-key-rotation", "Core 10.1.1", func(t *testing.T, s *suite) {
			n := newcomer{key: newSigner(t)}
			web := s.serving(t, func(string) string { return string(n.key.set()) })
			n.registered = s.registers(t, `,"redirect_uris":["`+callback+`"],"token_endpoint_auth_method":"private_key_jwt","grant_types":["authorization_code","refresh_token"],"jwks_uri":"`+web+`/keys"`).registered
			a := n.tokens(s, t, "scope", "openid offline_access", "prompt", "consent")
			n.key = newSigner(t)
			s.clock.add(11 * time.Minute) // a set is kept for ten
			s.post("/oauth/token", n.proves(s, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.RefreshToken}})).tokens(t)
			_ = 0
		}},
		{"oidcc-server-rotate-keys", "Core 10.1.1", func(t *testing.T, s *suite) {
			before, _ := payloadOf(t, s.registers(t, "").tokens(s, t).IDToken)
			if _, _, err := s.op.RotateKey(t.Context(), gatehouse.Actor{Kind: gatehouse.ActorOperator}, "RS256", true); err != nil {
				t.Fatal(err)
			}
			s.clock.add(25 * time.Hour)
			if after, _ := payloadOf(t, s.registers(t, "").tokens(s, t).IDToken); before["kid"] == after["kid"] {
				t.Errorf("the key stays %v", after["kid"])
			}
		}},
		{"oidcc-request-uri-unsigned", "Core 6.2, 15.2", func(t *testing.T, s *suite) { s.byRequestURI(t, false) }},
		{"oidcc-request-uri-signed-rs256", "Core 6.2", func(t *testing.T, s *suite) { s.byRequestURI(t, true) }},
		{"oidcc-ensure-client-assertion-with-iss-aud-succeeds", "RFC 7523 3", func(t *testing.T, s *suite) {
			s.registers(t, "").tokens(s, t) // whose assertions have the issuer as aud
		}},
	}
}

// serving is an address of the suite from which the house may fetch.
func (s *suite) serving(t *testing.T, answer func(path string) string) string {
	t.Helper()
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(answer(r.URL.Path))) }))
	t.Cleanup(web.Close)
	s.op.Web = func(gatehouse.Client) *http.Client { return web.Client() }
	return web.URL
}

// byRequestURI has the request be at an address that the client registered, signed
// or not.
func (s *suite) byRequestURI(t *testing.T, signed bool) {
	t.Helper()
	var object atomic.Value
	web := s.serving(t, func(string) string { return object.Load().(string) })
	n := s.registers(t, `,"request_uris":["`+web+`/request#a-hash"]`)
	claims := map[string]any{
		"client_id": n.ClientID, "redirect_uri": callback, "response_type": "code", "scope": "openid profile", "state": "of the object", "nonce": "n",
	}
	object.Store(n.key.sign("", claims))
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
	if !signed {
		object.Store(none)
	}
	ask := func(changes ...string) page {
		b := s.signedIn(s.alice)
		p := b.get(asking(n.ClientID, append([]string{"code_challenge", "", "code_challenge_method", "", "scope", "openid", "state", "beside", "request_uri", web + "/request#a-hash"}, changes...)...))
		if strings.Contains(p.body, `action="/oauth/authorize/consent"`) {
			p = b.decide(p, "allow")
		}
		return p
	}
	if got := ask().sent(t); got.Get("code") == "" || got.Get("state") != "of the object" {
		t.Errorf("%v", got)
	}
	if signed {
		return
	}
	if got := ask("request_uri", "", "request", none).sent(t); got.Get("code") != "" {
		t.Errorf("by value: %v", got)
	}
	object.Store(none + "x")
	if got := ask().sent(t); got.Get("error") != "invalid_request_object" {
		t.Errorf("one that has a signature: %v", got)
	}
	object.Store(none)
	s.change(n.ClientID, func(c *gatehouse.Client) { c.Settings.RequireSigned = true })
	if got := ask().sent(t); got.Get("code") != "" {
		t.Errorf("of a client that signs: %v", got)
	}
	s.change(n.ClientID, func(c *gatehouse.Client) { c.Settings.RequireSigned, c.Settings.RequestObjectAlg = false, "ES256" })
	if got := ask().sent(t); got.Get("error") != "invalid_request_object" {
		t.Errorf("of a client with an algorithm: %v", got)
	}
}

// The Dynamic profile: clients that register themselves.
func TestConformanceDynamic(t *testing.T) {
	t.Parallel()
	conforms(t, "", dynamicModules())
}
