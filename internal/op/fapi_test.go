package op

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/store"
)

// bank is a client that is held to FAPI 2.0, with its two keys.
type bank struct {
	h      *house
	signer *signer
	prover *prover
}

func (h *house) bank(change ...func(*gatehouse.Client)) *bank {
	h.t.Helper()
	s := newSigner(h.t)
	c := gatehouse.Client{
		ID: "bank", Name: "Bank", Enabled: true, Trusted: true, RequirePKCE: true, RedirectURIs: []string{callback},
		Scopes: []string{"openid", "profile", "email", "read_user"}, AuthMethod: gatehouse.AuthPrivateKeyJWT,
		Settings: gatehouse.ClientSettings{JWKS: s.set(), Profile: gatehouse.ProfileFAPI2, IDTokenAlg: "ES256"},
	}
	h.update(func(tx *store.Tx) error { return tx.SaveClient(&c) })
	for _, fn := range change {
		h.change("bank", fn)
	}
	return &bank{h: h, signer: s, prover: h.prover()}
}

// form is a form with the bank's assertion; changes as of asking.
func (b *bank) form(v url.Values, changes ...string) url.Values {
	c := b.signer.claims(b.h, "bank")
	c["aud"] = b.h.url
	v.Set("client_assertion", b.signer.sign("", c))
	v.Set("client_assertion_type", jwtBearerAssertion)
	return changed(v, changes)
}

func (b *bank) push(changes ...string) page {
	b.h.t.Helper()
	return b.h.post("/oauth/par", b.form(url.Values{
		"redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid read_user"}, "state": {"s"},
		"code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"},
	}, changes...))
}

// code is a code of a whole journey.
func (b *bank) code(changes ...string) url.Values {
	b.h.t.Helper()
	p := b.push(changes...)
	var a pushedAnswer
	if err := json.Unmarshal([]byte(p.body), &a); err != nil || p.status != http.StatusCreated {
		b.h.t.Fatalf("not pushed: %d %s", p.status, p.body)
	}
	return b.h.signedIn(b.h.alice).get(byPushed(a.RequestURI, "client_id", "bank")).sent(b.h.t)
}

func (b *bank) redeeming(code string, changes ...string) url.Values {
	return b.form(url.Values{"grant_type": {request.GrantCode}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}, changes...)
}

// The requirements of the FAPI 2.0 Security Profile for the authorization
// server, each by its section. What holds for every client (no password grant,
// no open redirector, no 307, codes once, short request_uri, iss) has tests of
// its own besides.
func TestFAPI2(t *testing.T) {
	t.Parallel()
	for name, holds := range map[string]func(t *testing.T, h *house){
		"5.3.2.1/ConfidentialClientsOnly": func(t *testing.T, h *house) {
			h.bank(func(c *gatehouse.Client) { c.AuthMethod = gatehouse.AuthNone })
			h.post("/oauth/token", redeeming("bank", "", "x")).refused(t, 401, "invalid_client")
		},
		"5.3.2.1/NoSecrets": func(t *testing.T, h *house) {
			h.bank(func(c *gatehouse.Client) { c.AuthMethod, c.SecretHash = "", gatehouse.Digest(otherSecret) })
			h.post("/oauth/token", redeeming("bank", otherSecret, "x")).refused(t, 401, "invalid_client")
		},
		"5.3.2.1/SenderConstrainedOnly": func(t *testing.T, h *house) {
			b := h.bank()
			code := b.code().Get("code")
			h.post("/oauth/token", b.redeeming(code)).refused(t, 400, "invalid_dpop_proof")
			if a := b.prover.post("/oauth/token", b.redeeming(code)).tokens(t); a.TokenType != "DPoP" {
				t.Errorf("%+v", a)
			}
		},
		"5.3.2.1/AudienceOfAssertionsIsTheIssuerAsText": func(t *testing.T, h *house) {
			b := h.bank()
			for _, audience := range []any{h.url + "/oauth/token", h.url + "/oauth/par", []string{h.url}} {
				c := b.signer.claims(h, "bank")
				c["aud"] = audience
				if p := b.push("client_assertion", b.signer.sign("", c)); p.status != http.StatusUnauthorized {
					t.Errorf("%v: %d %s", audience, p.status, p.body)
				}
			}
		},
		"5.3.2.1/NoRefreshTokenRotation": func(t *testing.T, h *house) {
			b := h.bank()
			a := b.prover.post("/oauth/token", b.redeeming(b.code().Get("code"))).tokens(t)
			for range 3 {
				next := b.prover.post("/oauth/token", b.form(url.Values{"grant_type": {request.GrantRefresh}, "refresh_token": {a.RefreshToken}})).tokens(t)
				if next.RefreshToken != "" || next.TokenType != "DPoP" {
					t.Errorf("%+v", next)
				}
				h.clock.add(time.Minute)
			}
		},
		"5.3.2.1/CodesLiveAMinuteAtMost": func(t *testing.T, h *house) {
			h.op.Lifetimes.Code = 10 * time.Minute
			b := h.bank()
			code := b.code().Get("code")
			h.clock.add(time.Minute)
			b.prover.post("/oauth/token", b.redeeming(code)).refused(t, 400, "invalid_grant")
		},
		"5.3.2.1/CodeBoundToTheKey": func(t *testing.T, h *house) {
			b := h.bank()
			form := b.redeeming(b.code("dpop_jkt", b.prover.thumbprint()).Get("code"))
			h.prover().post("/oauth/token", form).refused(t, 400, "invalid_grant")
		},
		"5.3.2.1/ClocksMayDifferByTenSeconds": func(t *testing.T, h *house) {
			b := h.bank()
			for ahead, want := range map[time.Duration]int{10 * time.Second: http.StatusCreated, 61 * time.Second: http.StatusUnauthorized} {
				c := b.signer.claims(h, "bank")
				c["aud"], c["iat"], c["nbf"] = h.url, h.clock.Now().Add(ahead).Unix(), h.clock.Now().Add(ahead).Unix()
				c["exp"] = h.clock.Now().Add(2 * time.Minute).Unix()
				if p := b.push("client_assertion", b.signer.sign("", c)); p.status != want {
					t.Errorf("%v ahead: %d %s", ahead, p.status, p.body)
				}
			}
		},
		"5.3.2.2/PushedRequestsOnly": func(t *testing.T, h *house) {
			h.bank()
			if got := h.signedIn(h.alice).get(asking("bank")).sent(t); got.Get("error") != "invalid_request" {
				t.Errorf("%v", got)
			}
		},
		"5.3.2.2/PushNeedsClientAuthentication": func(t *testing.T, h *house) {
			b := h.bank()
			b.push("client_assertion", "", "client_assertion_type", "", "client_id", "bank").refused(t, 401, "invalid_client")
		},
		"5.3.2.2/CodeOnly": func(t *testing.T, h *house) {
			h.bank().push("response_type", "code id_token").refused(t, 400, "unsupported_response_type")
		},
		"5.3.2.2/PKCEByS256": func(t *testing.T, h *house) {
			b := h.bank(func(c *gatehouse.Client) { c.RequirePKCE = false })
			b.push("code_challenge", "", "code_challenge_method", "").refused(t, 400, "invalid_request")
			b.push("code_challenge_method", "plain").refused(t, 400, "invalid_request")
		},
		"5.3.2.2/RedirectURIIsNamed": func(t *testing.T, h *house) {
			h.bank().push("redirect_uri", "", "scope", "read_user").refused(t, 400, "invalid_request")
		},
		"5.3.2.2/RedirectURIByHTTPS": func(t *testing.T, h *house) {
			b := h.bank(func(c *gatehouse.Client) { c.RedirectURIs = append(c.RedirectURIs, "http://app.example/cb") })
			b.push("redirect_uri", "http://app.example/cb").refused(t, 400, "invalid_request")
		},
		"5.3.2.2/IssuerInTheAnswer": func(t *testing.T, h *house) {
			if got := h.bank().code(); got.Get("iss") != h.url || got.Get("state") != "s" {
				t.Errorf("%v", got)
			}
		},
		"5.3.2.2/CodeOnce": func(t *testing.T, h *house) {
			b := h.bank()
			code := b.code().Get("code")
			a := b.prover.post("/oauth/token", b.redeeming(code)).tokens(t)
			b.prover.post("/oauth/token", b.redeeming(code)).refused(t, 400, "invalid_grant")
			if p := b.prover.get("/oauth/userinfo", a.AccessToken); p.status != http.StatusUnauthorized {
				t.Errorf("%d %s", p.status, p.body)
			}
		},
		"5.3.4/NoTokenInTheAddress": func(t *testing.T, h *house) {
			b := h.bank()
			a := b.prover.post("/oauth/token", b.redeeming(b.code().Get("code"))).tokens(t)
			if p := h.machine().get("/api/v4/user?access_token=" + a.AccessToken); p.status != http.StatusUnauthorized {
				t.Errorf("%d %s", p.status, p.body)
			}
		},
		"5.4.1/AlgorithmsOfAssertions": func(t *testing.T, h *house) {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				t.Fatal(err)
			}
			set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k"}}})
			if err != nil {
				t.Fatal(err)
			}
			b := h.bank(func(c *gatehouse.Client) { c.Settings.JWKS = set })
			for algorithm, want := range map[jose.SignatureAlgorithm]int{jose.PS256: http.StatusCreated, jose.RS256: http.StatusUnauthorized, jose.PS512: http.StatusUnauthorized} {
				c := b.signer.claims(h, "bank")
				c["aud"] = h.url
				if p := b.push("client_assertion", signedBy(t, jose.SigningKey{Algorithm: algorithm, Key: key}, "", c)); p.status != want {
					t.Errorf("%s: %d %s", algorithm, p.status, p.body)
				}
			}
		},
		"5.4.1/AlgorithmsOfTokens": func(t *testing.T, h *house) {
			b := h.bank()
			a := b.prover.post("/oauth/token", b.redeeming(b.code().Get("code"))).tokens(t)
			if head, _, _ := strings.Cut(a.IDToken, "."); !strings.Contains(decoded(t, head), `"ES256"`) {
				t.Errorf("%s", decoded(t, head))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			holds(t, open(t))
		})
	}
}

func decoded(t *testing.T, part string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
