package op

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse"
	"gatehouse/internal/op/request"
)

// The modules of the OpenID Foundation's conformance suite restated: what each
// demands, by the section of the specification that it rests on. Core is OpenID
// Connect Core 1.0, Discovery is OpenID Connect Discovery 1.0, FormPost is OAuth
// 2.0 Form Post Response Mode.

// module is one module of a plan.
type module struct {
	name, section string
	run           func(t *testing.T, s *suite)
}

// suite is a house with the client of the suite: confidential, without PKCE.
type suite struct {
	*house
	mode string // response_mode; "" for the usual one
}

const suiteClient = "old"

func conforms(t *testing.T, mode string, modules []module) {
	t.Helper()
	for _, m := range modules {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			m.run(t, &suite{house: open(t), mode: mode})
		})
	}
}

// ask sends an authorization request and gives what comes back to the client.
func (s *suite) ask(b *browser, changes ...string) url.Values {
	s.t.Helper()
	p := b.get(s.address(changes...))
	if strings.Contains(p.body, `action="/oauth/authorize/consent"`) {
		p = b.decide(p, "allow")
	}
	return s.back(p)
}

func (s *suite) address(changes ...string) string {
	return asking(suiteClient, append([]string{"code_challenge", "", "code_challenge_method", "", "response_mode", s.mode, "scope", "openid"}, changes...)...)
}

// back reads an answer by redirect or, with form_post, of the page that leads to
// the client by itself.
func (s *suite) back(p page) url.Values {
	s.t.Helper()
	if s.mode != request.ModeFormPost {
		return p.sent(s.t)
	}
	if p.status != http.StatusOK || !strings.Contains(p.body, `<form method="post" action="`+html.EscapeString(callback)+`">`) || !strings.Contains(p.body, "<script>") {
		s.t.Fatalf("no form that leads to the client: %d\n%s", p.status, p.body)
	}
	v := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(p.body, -1) {
		v.Set(m[1], html.UnescapeString(m[2]))
	}
	return v
}

// redeemed gets tokens for a code by basic authentication.
func (s *suite) redeemed(code string) page {
	s.t.Helper()
	return s.post("/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}},
		"Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(suiteClient+":"+otherSecret)))
}

// whole goes through the flow with a browser and gives the tokens and the claims
// of the ID token.
func (s *suite) whole(t *testing.T, b *browser, changes ...string) (tokenAnswer, map[string]any) {
	t.Helper()
	got := s.ask(b, changes...)
	if got.Get("code") == "" || got.Get("state") != "the state" || got.Get("iss") != s.url {
		t.Fatalf("the answer is %v", got)
	}
	a := s.redeemed(got.Get("code")).tokens(t)
	_, id := payloadOf(t, a.IDToken)
	if id["iss"] != s.url || id["aud"] != suiteClient || id["sub"] == "" || id["exp"] == nil || id["iat"] == nil {
		t.Errorf("the ID token has %v", id)
	}
	return a, id
}

func (s *suite) info(t *testing.T, p page) map[string]any {
	t.Helper()
	var told map[string]any
	if err := json.Unmarshal([]byte(p.body), &told); err != nil || p.status != http.StatusOK || !strings.HasPrefix(p.header.Get("Content-Type"), "application/json") {
		t.Fatalf("user-info: %d %s", p.status, p.body)
	}
	return told
}

// scoped says which claims a scope brings at user-info.
func scoped(scope string, names ...string) func(*testing.T, *suite) {
	return func(t *testing.T, s *suite) {
		a, _ := s.whole(t, s.signedIn(s.alice), "scope", scope)
		told := s.info(t, s.userinfo(a.AccessToken))
		for _, n := range names {
			if told[n] == nil {
				t.Errorf("no %s in %v", n, told)
			}
		}
	}
}

// notOffered says that discovery does not name a scope, so that the module is
// skipped, and that asking for it all the same is told.
func notOffered(scope string) func(*testing.T, *suite) {
	return func(t *testing.T, s *suite) {
		p := s.machine().get("/.well-known/openid-configuration")
		var told struct {
			Scopes []string `json:"scopes_supported"`
		}
		if err := json.Unmarshal([]byte(p.body), &told); err != nil || slices.Contains(told.Scopes, "address") || slices.Contains(told.Scopes, "phone") {
			t.Errorf("%v %v", told.Scopes, err)
		}
		if got := s.ask(s.signedIn(s.alice), "scope", scope); got.Get("error") != "invalid_scope" {
			t.Errorf("%v", got)
		}
	}
}

// succeeds says that a request with additions is answered like one without.
func succeeds(changes ...string) func(*testing.T, *suite) {
	return func(t *testing.T, s *suite) { s.whole(t, s.browser(), changes...) }
}

func basicModules() []module {
	return []module{
		{"oidcc-server", "Core 3.1", func(t *testing.T, s *suite) {
			a, id := s.whole(t, s.browser())
			if id["nonce"] != "the nonce" || id["at_hash"] != atHash("RS256", a.AccessToken) {
				t.Errorf("%v", id)
			}
			if told := s.info(t, s.userinfo(a.AccessToken)); told["sub"] != id["sub"] {
				t.Errorf("user-info is about %v", told["sub"])
			}
		}},
		{"oidcc-response-type-missing", "RFC 6749 3.1.1", func(t *testing.T, s *suite) {
			if got := s.ask(s.signedIn(s.alice), "response_type", ""); got.Get("error") != "invalid_request" || got.Get("state") != "the state" {
				t.Errorf("%v", got)
			}
		}},
		{"oidcc-userinfo-get", "Core 5.3.1", func(t *testing.T, s *suite) {
			a, id := s.whole(t, s.signedIn(s.alice))
			if told := s.info(t, s.userinfo(a.AccessToken)); told["sub"] != id["sub"] {
				t.Errorf("%v", told)
			}
		}},
		{"oidcc-userinfo-post-header", "Core 5.3.1", func(t *testing.T, s *suite) {
			a, id := s.whole(t, s.signedIn(s.alice))
			if told := s.info(t, s.post("/oauth/userinfo", nil, "Authorization", "Bearer "+a.AccessToken)); told["sub"] != id["sub"] {
				t.Errorf("%v", told)
			}
		}},
		{"oidcc-userinfo-post-body", "RFC 6750 2.2", func(t *testing.T, s *suite) {
			a, id := s.whole(t, s.signedIn(s.alice))
			if told := s.info(t, s.post("/oauth/userinfo", url.Values{"access_token": {a.AccessToken}})); told["sub"] != id["sub"] {
				t.Errorf("%v", told)
			}
		}},
		{"oidcc-ensure-request-without-nonce-succeeds-for-code-flow", "Core 3.1.2.1", func(t *testing.T, s *suite) {
			if _, id := s.whole(t, s.signedIn(s.alice), "nonce", ""); id["nonce"] != nil {
				t.Errorf("%v", id)
			}
		}},
		{"oidcc-scope-profile", "Core 5.4", scoped("openid profile", "name", "nickname", "preferred_username", "profile", "picture")},
		{"oidcc-scope-email", "Core 5.4", scoped("openid email", "email", "email_verified")},
		{"oidcc-scope-address", "Core 5.4", notOffered("openid address")},
		{"oidcc-scope-phone", "Core 5.4", notOffered("openid phone")},
		{"oidcc-scope-all", "Core 5.4", notOffered("openid profile email address phone")},
		{"oidcc-idtoken-signature", "Core 2, 10.1", func(t *testing.T, s *suite) {
			a, _ := s.whole(t, s.signedIn(s.alice))
			header, _ := payloadOf(t, a.IDToken)
			var set jose.JSONWebKeySet
			if err := json.Unmarshal([]byte(s.machine().get("/oauth/discovery/keys").body), &set); err != nil {
				t.Fatal(err)
			}
			signed, err := jose.ParseSignedCompact(a.IDToken, []jose.SignatureAlgorithm{jose.RS256})
			if err != nil {
				t.Fatal(err)
			}
			kid, _ := header["kid"].(string)
			if found := set.Key(kid); len(found) != 1 {
				t.Errorf("%d keys are called %q", len(found), kid)
			} else if _, err := signed.Verify(found[0]); err != nil {
				t.Error(err)
			}
		}},
		{"oidcc-alternate-happy-flow", "RFC 6749 3.3", func(t *testing.T, s *suite) {
			path, query, _ := strings.Cut(s.address("scope", "email openid"), "?")
			parts := strings.Split(query, "&")
			slices.Reverse(parts)
			if got := s.back(s.signedIn(s.alice).get(path + "?" + strings.Join(parts, "&"))); got.Get("code") == "" {
				t.Errorf("%v", got)
			}
		}},
		{"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported", "Core 6.2", func(t *testing.T, s *suite) {
			if got := s.ask(s.signedIn(s.alice), "request_uri", "https://suite.example/request#x"); got.Get("error") != "request_uri_not_supported" || got.Get("state") != "the state" {
				t.Errorf("%v", got)
			}
		}},
		{"oidcc-ensure-other-scope-order-succeeds", "RFC 6749 3.3", scoped("email profile openid", "email", "name")},
		{"oidcc-display-page", "Core 3.1.2.1", succeeds("display", "page")},
		{"oidcc-display-popup", "Core 3.1.2.1", succeeds("display", "popup")},
		{"oidcc-prompt-login", "Core 3.1.2.1", func(t *testing.T, s *suite) {
			b := s.browser()
			_, first := s.whole(t, b)
			s.clock.add(time.Second)
			_, second := s.whole(t, b, "prompt", "login")
			if s.visits != 2 || second["sub"] != first["sub"] || !later(first["auth_time"], second["auth_time"]) {
				t.Errorf("%d visits of the sign-in, at %v and %v", s.visits, first["auth_time"], second["auth_time"])
			}
		}},
		{"oidcc-prompt-none-not-logged-in", "Core 3.1.2.6", func(t *testing.T, s *suite) {
			if got := s.ask(s.browser(), "prompt", "none"); got.Get("error") != "login_required" || got.Get("state") != "the state" {
				t.Errorf("%v", got)
			}
		}},
		{"oidcc-prompt-none-logged-in", "Core 3.1.2.1", func(t *testing.T, s *suite) {
			b := s.browser()
			_, first := s.whole(t, b)
			_, second := s.whole(t, b, "prompt", "none")
			if first["auth_time"] != second["auth_time"] || first["sub"] != second["sub"] || s.visits != 1 {
				t.Errorf("%v, then %v", first, second)
			}
		}},
		{"oidcc-max-age-1", "Core 3.1.2.1", func(t *testing.T, s *suite) {
			b := s.browser()
			_, first := s.whole(t, b)
			s.clock.add(2 * time.Second)
			_, second := s.whole(t, b, "max_age", "1")
			if s.visits != 2 || !later(first["auth_time"], second["auth_time"]) {
				t.Errorf("%d visits, at %v and %v", s.visits, first["auth_time"], second["auth_time"])
			}
		}},
		{"oidcc-max-age-10000", "Core 3.1.2.1", func(t *testing.T, s *suite) {
			b := s.browser()
			_, first := s.whole(t, b)
			s.clock.add(time.Minute)
			_, second := s.whole(t, b, "max_age", "10000")
			if s.visits != 1 || first["auth_time"] != second["auth_time"] {
				t.Errorf("%d visits, at %v and %v", s.visits, first["auth_time"], second["auth_time"])
			}
		}},
		{"oidcc-ensure-request-with-unknown-parameter-succeeds", "Core 3.1.2.1", succeeds("extra", "foobar")},
		{"oidcc-id-token-hint", "Core 3.1.2.1", func(t *testing.T, s *suite) {
			b := s.browser()
			a, first := s.whole(t, b)
			s.clock.add(time.Hour) // a hint may have expired
			if _, second := s.whole(t, b, "prompt", "none", "id_token_hint", a.IDToken); second["sub"] != first["sub"] {
				t.Errorf("%v, then %v", first, second)
			}
		}},
		{"oidcc-login-hint", "Core 3.1.2.1", succeeds("login_hint", "buffy@example.com")},
		{"oidcc-ui-locales", "Core 3.1.2.1", succeeds("ui_locales", "se")},
		{"oidcc-claims-locales", "Core 5.2", succeeds("claims_locales", "se")},
		{"oidcc-ensure-request-with-acr-values-succeeds", "Core 3.1.2.1", func(t *testing.T, s *suite) {
			if _, id := s.whole(t, s.browser(), "acr_values", acrTwo+" "+acrOne); id["acr"] != acrOne {
				t.Errorf("acr is %v", id["acr"])
			}
		}},
		{"oidcc-codereuse", "RFC 6749 4.1.2", func(t *testing.T, s *suite) { s.reuse(t, 0) }},
		{"oidcc-codereuse-30seconds", "RFC 6749 4.1.2", func(t *testing.T, s *suite) { s.reuse(t, 30*time.Second) }},
		{"oidcc-ensure-registered-redirect-uri", "Core 3.1.2.1", func(t *testing.T, s *suite) {
			if p := s.signedIn(s.alice).get(s.address("redirect_uri", callback+"/other")); p.status < 400 || p.header.Get("Location") != "" {
				t.Errorf("%d %q", p.status, p.header.Get("Location"))
			}
		}},
		{"oidcc-ensure-post-request-succeeds", "Core 3.1.2.1", func(t *testing.T, s *suite) {
			path, query, _ := strings.Cut(s.address(), "?")
			v, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.back(s.browser().do(http.MethodPost, path, v)); got.Get("code") == "" || got.Get("state") != "the state" {
				t.Errorf("%v", got)
			}
		}},
		{"oidcc-server-client-secret-post", "Core 9", func(t *testing.T, s *suite) {
			code := s.ask(s.browser()).Get("code")
			s.post("/oauth/token", url.Values{
				"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "client_id": {suiteClient}, "client_secret": {otherSecret},
			}).tokens(t)
		}},
		{"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", "Core 6.1", func(t *testing.T, s *suite) {
			object := "eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString([]byte(`{"client_id":"`+suiteClient+`","state":"other"}`)) + "."
			if got := s.ask(s.signedIn(s.alice), "request", object); got.Get("error") != "request_not_supported" || got.Get("state") != "the state" {
				t.Errorf("%v", got)
			}
		}},
		{"oidcc-claims-essential", "Core 5.5.1", func(t *testing.T, s *suite) {
			a, _ := s.whole(t, s.signedIn(s.alice), "claims", `{"userinfo":{"name":{"essential":true}}}`)
			if told := s.info(t, s.userinfo(a.AccessToken)); told["name"] != "Alice" {
				t.Errorf("%v", told)
			}
		}},
		{"oidcc-ensure-request-object-with-redirect-uri", "Core 6.1", func(t *testing.T, s *suite) {
			k := newSigner(t)
			s.change(suiteClient, func(c *gatehouse.Client) { c.Settings.JWKS = k.set() })
			o := s.object("iss", suiteClient, "client_id", suiteClient, "state", "the state", "code_challenge", nil, "code_challenge_method", nil)
			if s.mode != "" {
				o["response_mode"] = s.mode
			}
			got := s.ask(s.signedIn(s.alice), "request", k.sign("", o), "redirect_uri", "")
			if got.Get("code") == "" || got.Get("state") != "the state" {
				t.Errorf("%v", got)
			}
		}},
		{"oidcc-refresh-token", "Core 12", func(t *testing.T, s *suite) {
			a, first := s.whole(t, s.browser(), "scope", "openid offline_access", "prompt", "consent login")
			as := []string{"client_id", suiteClient, "client_secret", otherSecret}
			b := s.refresh(a.RefreshToken, as...).tokens(t)
			_, second := payloadOf(t, b.IDToken)
			for _, name := range []string{"iss", "sub", "aud", "auth_time"} {
				if first[name] != second[name] {
					t.Errorf("%s changed from %v to %v", name, first[name], second[name])
				}
			}
			s.refresh(b.RefreshToken, "client_id", "basic", "client_secret", otherSecret).refused(t, 401, "invalid_client")
			s.refresh(b.RefreshToken, "client_id", "post", "client_secret", otherSecret).refused(t, 400, "invalid_grant") // of another client
		}},
		{"oidcc-ensure-request-with-valid-pkce-succeeds", "RFC 7636 4", func(t *testing.T, s *suite) {
			code := s.ask(s.browser(), "code_challenge", challengeOf(verifier), "code_challenge_method", "S256").Get("code")
			s.redeem(code, "client_id", suiteClient, "client_secret", otherSecret).tokens(t)
		}},
	}
}

// reuse redeems a code a second time, some time later.
func (s *suite) reuse(t *testing.T, after time.Duration) {
	t.Helper()
	code := s.ask(s.browser()).Get("code")
	a := s.redeemed(code).tokens(t)
	s.clock.add(after)
	s.redeemed(code).refused(t, http.StatusBadRequest, "invalid_grant")
	if p := s.userinfo(a.AccessToken); p.status != http.StatusUnauthorized {
		t.Errorf("what the code gave is still good: %d", p.status)
	}
}

func later(a, b any) bool {
	x, okX := a.(float64)
	y, okY := b.(float64)
	return okX && okY && y > x
}

func TestConformanceBasic(t *testing.T) {
	t.Parallel()
	conforms(t, "", basicModules())
}

func TestConformanceFormPost(t *testing.T) {
	t.Parallel()
	conforms(t, request.ModeFormPost, basicModules())
}

// The Config profile: what discovery says is there and right.
func TestConformanceConfig(t *testing.T) {
	t.Parallel()
	h := open(t)
	p := h.machine().get("/.well-known/openid-configuration")
	var told map[string]any
	if err := json.Unmarshal([]byte(p.body), &told); err != nil || p.status != http.StatusOK || !strings.HasPrefix(p.header.Get("Content-Type"), "application/json") {
		t.Fatalf("Discovery 4.2: %d %v", p.status, p.header)
	}
	has := func(name, value string) bool {
		all, _ := told[name].([]any)
		return slices.Contains(all, any(value))
	}
	if told["issuer"] != h.url {
		t.Errorf("Discovery 4.3: the issuer is %v", told["issuer"])
	}
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"} {
		if address, _ := told[name].(string); !strings.HasPrefix(address, h.url+"/") {
			t.Errorf("Discovery 3: %s is %q", name, address)
		}
	}
	for _, c := range [][2]string{
		{"response_types_supported", "code"},
		{"subject_types_supported", "public"},
		{"id_token_signing_alg_values_supported", "RS256"},
		{"scopes_supported", "openid"},
		{"claims_supported", "sub"},
		{"claims_supported", "iss"},
		{"claims_supported", "auth_time"},
		{"claims_supported", "acr"},
		{"response_modes_supported", "form_post"},
		{"grant_types_supported", "authorization_code"},
		{"token_endpoint_auth_methods_supported", "client_secret_basic"},
		{"token_endpoint_auth_methods_supported", "private_key_jwt"},
	} {
		if !has(c[0], c[1]) {
			t.Errorf("Discovery 3: %s has no %s: %v", c[0], c[1], told[c[0]])
		}
	}
	if has("id_token_signing_alg_values_supported", "none") || has("request_object_signing_alg_values_supported", "none") {
		t.Error("alg none is announced")
	}
	for _, name := range []string{"claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported"} {
		if told[name] != true {
			t.Errorf("Discovery 3: %s is %v", name, told[name])
		}
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(h.machine().get("/oauth/discovery/keys").body), &set); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, k := range set.Keys {
		if !k.Valid() || !k.IsPublic() || ids[k.KeyID] || k.Use != "sig" {
			t.Errorf("Core 10.1, RFC 7517: a key is %+v", k)
		}
		ids[k.KeyID] = true
		if !has("id_token_signing_alg_values_supported", k.Algorithm) {
			t.Errorf("a key is for %s", k.Algorithm)
		}
	}
}
