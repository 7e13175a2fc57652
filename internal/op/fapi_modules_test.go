package op

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/store"
)

// pushedOf is the answer to a request that was pushed.
func pushedOf(t *testing.T, p page) (a pushedAnswer) {
	t.Helper()
	if err := json.Unmarshal([]byte(p.body), &a); err != nil || p.status != http.StatusCreated {
		t.Fatalf("not pushed: %d %s", p.status, p.body)
	}
	return a
}

// redeemed gets tokens for a code with a proof.
func (b *bank) redeemed(code string) page {
	b.h.t.Helper()
	return b.prover.post("/oauth/token", b.redeeming(code))
}

// second is another client that is held to FAPI 2.0, with a key of its own.
func (b *bank) second() *bank {
	b.h.t.Helper()
	b.h.update(func(tx *store.Tx) error {
		c, err := tx.Client("bank")
		if err != nil {
			return err
		}
		c.ID, c.Name = "bank2", "Second bank"
		return tx.SaveClient(&c)
	})
	other := newSigner(b.h.t)
	b.h.change("bank2", func(c *gatehouse.Client) { c.Settings.JWKS = other.set() })
	return &bank{h: b.h, signer: other, prover: b.h.prover()}
}

// as is a form of the bank's under the id of another.
func (b *bank) as(id string, v url.Values) url.Values {
	c := b.signer.claims(b.h, id)
	c["aud"], c["jti"] = b.h.url, gatehouse.NewSecret()
	v.Set("client_assertion", b.signer.sign("", c))
	v.Set("client_assertion_type", jwtBearerAssertion)
	v.Set("client_id", id)
	return v
}

// asserted pushes with an assertion whose claims are changed.
func (b *bank) asserted(change func(map[string]any)) page {
	b.h.t.Helper()
	c := b.signer.claims(b.h, "bank")
	c["aud"] = b.h.url
	change(c)
	return b.push("client_assertion", b.signer.sign("", c))
}

func fapiModules() map[string]func(t *testing.T, b *bank) {
	ok := func(changes ...string) func(*testing.T, *bank) {
		return func(t *testing.T, b *bank) { b.redeemed(b.code(changes...).Get("code")).tokens(t) }
	}
	proofAt := func(ahead time.Duration) func(*testing.T, *bank) {
		return func(t *testing.T, b *bank) {
			proof := func(method, path, access string) string {
				c := map[string]any{"jti": gatehouse.NewSecret(), "htm": method, "htu": b.h.url + path, "iat": b.h.clock.Now().Add(ahead).Unix()}
				c["nbf"], c["exp"] = b.h.clock.Now().Add(min(0, ahead)).Unix(), b.h.clock.Now().Add(time.Minute).Unix()
				if access != "" {
					c["ath"] = base64.RawURLEncoding.EncodeToString(gatehouse.Digest(access))
				}
				return proofBy(t, b.prover.s.key, c)
			}
			code := b.code().Get("code")
			a := b.h.post("/oauth/token", b.redeeming(code), "DPoP", proof(http.MethodPost, "/oauth/token", "")).tokens(t)
			p := b.h.machine().do(http.MethodGet, "/oauth/userinfo", nil, "Authorization", "DPoP "+a.AccessToken, "DPoP", proof(http.MethodGet, "/oauth/userinfo", a.AccessToken))
			if p.status != http.StatusOK {
				t.Errorf("%d %s", p.status, p.body)
			}
		}
	}
	// pushedWith pushes with a proof, and says how the code is redeemed by whom.
	pushedWith := func(jkt func(*bank) string, by func(*bank) *prover, status int) func(*testing.T, *bank) {
		return func(t *testing.T, b *bank) {
			form := b.form(url.Values{
				"redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"}, "code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"},
			})
			if jkt != nil {
				form.Set("dpop_jkt", jkt(b))
			}
			p := b.prover.post("/oauth/par", form)
			if by == nil {
				p.refused(t, status, "invalid_dpop_proof")
				return
			}
			a := pushedOf(t, p)
			code := b.h.signedIn(b.h.alice).get(byPushed(a.RequestURI, "client_id", "bank")).sent(t).Get("code")
			if p := by(b).post("/oauth/token", b.redeeming(code)); p.status != status {
				t.Errorf("%d %s", p.status, p.body)
			}
		}
	}
	own, foreign := func(b *bank) *prover { return b.prover }, func(b *bank) *prover { return b.h.prover() }
	return map[string]func(*testing.T, *bank){
		"ensure-authorization-request-without-nonce-success":         ok("nonce", ""),
		"ensure-other-scope-order-succeeds":                          ok("scope", "read_user openid"),
		"check-dpop-proof-nbf-exp":                                   proofAt(0),
		"ensure-dpopproof-with-iat-10seconds-before-succeeds":        proofAt(-10 * time.Second),
		"ensure-dpopproof-with-iat-10seconds-after-succeeds":         proofAt(10 * time.Second),
		"ensure-dpopproof-at-par-endpoint-binding-success":           pushedWith(nil, own, http.StatusOK),
		"ensure-dpop-auth-code-binding-success":                      pushedWith(func(b *bank) string { return b.prover.thumbprint() }, own, http.StatusOK),
		"ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt": pushedWith(nil, foreign, http.StatusBadRequest),
		"ensure-token-endpoint-fails-with-mismatched-dpop-jkt":       pushedWith(func(b *bank) string { return b.prover.thumbprint() }, foreign, http.StatusBadRequest),
		"ensure-mismatched-dpop-jkt-fails":                           pushedWith(func(b *bank) string { return b.h.prover().thumbprint() }, nil, http.StatusBadRequest),
		"ensure-authorization-request-without-state-success": func(t *testing.T, b *bank) {
			if got := b.code("state", ""); got.Get("code") == "" || got.Has("state") {
				t.Errorf("%v", got)
			}
		},
		"ensure-authorization-request-with-64-char-nonce-success": func(t *testing.T, b *bank) { b.nonce(t, 64) },
		"ensure-authorization-request-with-long-nonce":            func(t *testing.T, b *bank) { b.nonce(t, 384) },
		"ensure-authorization-request-with-long-state": func(t *testing.T, b *bank) {
			long := strings.Repeat("s", 1000)
			if got := b.code("state", long); got.Get("state") != long {
				t.Errorf("%v", got)
			}
		},
		"test-claims-parameter-identity-claims": func(t *testing.T, b *bank) {
			a := b.redeemed(b.code("scope", "openid", "claims", `{"userinfo":{"name":null,"email":null},"id_token":{"name":null}}`).Get("code")).tokens(t)
			if _, id := payloadOf(t, a.IDToken); id["name"] != "Alice" {
				t.Errorf("%v", id)
			}
			if p := b.prover.get("/oauth/userinfo", a.AccessToken); !strings.Contains(p.body, `"email":"alice@example.com"`) {
				t.Errorf("%d %s", p.status, p.body)
			}
		},
		"ensure-client-id-in-token-endpoint": func(t *testing.T, b *bank) {
			code, _ := b.code().Get("code"), b.second()
			b.prover.post("/oauth/token", b.as("bank2", b.redeeming(code))).refused(t, 401, "invalid_client")
		},
		"ensure-authorization-code-is-bound-to-client": func(t *testing.T, b *bank) {
			code, other := b.code().Get("code"), b.second()
			other.prover.post("/oauth/token", other.as("bank2", other.redeeming(code))).refused(t, 400, "invalid_grant")
		},
		"ensure-client-assertion-in-token-endpoint": func(t *testing.T, b *bank) {
			form := b.redeeming(b.code().Get("code"), "client_assertion", "", "client_assertion_type", "", "client_id", "bank")
			b.prover.post("/oauth/token", form).refused(t, 401, "invalid_client")
		},
		"ensure-client-assertion-with-exp-is-5-minutes-in-past-fails": func(t *testing.T, b *bank) {
			b.asserted(func(c map[string]any) { c["exp"] = b.h.clock.Now().Add(-5 * time.Minute).Unix() }).refused(t, 401, "invalid_client")
		},
		"ensure-client-assertion-with-no-sub-fails": func(t *testing.T, b *bank) {
			b.asserted(func(c map[string]any) { delete(c, "sub") }).refused(t, 401, "invalid_client")
		},
		"ensure-client-assertion-with-wrong-aud-fails": func(t *testing.T, b *bank) {
			b.asserted(func(c map[string]any) { c["aud"] = "https://other.example" }).refused(t, 401, "invalid_client")
		},
		"refresh-token": func(t *testing.T, b *bank) {
			a := b.redeemed(b.code().Get("code")).tokens(t)
			refresh := func() url.Values {
				return url.Values{"grant_type": {request.GrantRefresh}, "refresh_token": {a.RefreshToken}}
			}
			b.prover.post("/oauth/token", refresh()).refused(t, 401, "invalid_client")
			b.h.post("/oauth/token", b.form(refresh())).refused(t, 400, "invalid_dpop_proof")
			other := b.second()
			other.prover.post("/oauth/token", other.as("bank2", refresh())).refused(t, 400, "invalid_grant")
			b.prover.post("/oauth/token", b.form(refresh())).tokens(t)
		},
		"ensure-pkce-code-verifier-required": func(t *testing.T, b *bank) {
			b.prover.post("/oauth/token", b.redeeming(b.code().Get("code"), "code_verifier", "")).refused(t, 400, "invalid_grant")
		},
		"incorrect-pkce-code-verifier-rejected": func(t *testing.T, b *bank) {
			b.prover.post("/oauth/token", b.redeeming(b.code().Get("code"), "code_verifier", strings.Repeat("x", 43))).refused(t, 400, "invalid_grant")
		},
		"user-rejects-authentication": func(t *testing.T, b *bank) {
			b.h.change("bank", func(c *gatehouse.Client) { c.Trusted = false })
			a := pushedOf(t, b.push())
			person := b.h.signedIn(b.h.alice)
			if got := person.decide(person.get(byPushed(a.RequestURI, "client_id", "bank")), "deny").sent(t); got.Get("error") != "access_denied" || got.Get("state") != "s" {
				t.Errorf("%v", got)
			}
		},
		"access-token-type-header-case-sensitivity": func(t *testing.T, b *bank) {
			a := b.redeemed(b.code().Get("code")).tokens(t)
			for _, scheme := range []string{"DPoP", "dpop", "DPOP"} {
				proof := b.prover.proof(http.MethodGet, "/oauth/userinfo", a.AccessToken)
				if p := b.h.machine().do(http.MethodGet, "/oauth/userinfo", nil, "Authorization", scheme+" "+a.AccessToken, "DPoP", proof); p.status != http.StatusOK {
					t.Errorf("%s: %d", scheme, p.status)
				}
			}
		},
		"ensure-response-type-token-fails": func(t *testing.T, b *bank) {
			b.push("response_type", "token").refused(t, 400, "unsupported_response_type")
		},
	}
}

// nonce asks with one of a length, and wants it back.
func (b *bank) nonce(t *testing.T, length int) {
	t.Helper()
	long := strings.Repeat("n", length)
	a := b.redeemed(b.code("nonce", long).Get("code")).tokens(t)
	if _, id := payloadOf(t, a.IDToken); id["nonce"] != long {
		t.Errorf("%v", id["nonce"])
	}
}

// The modules of the plan for FAPI 2.0 that TestFAPI2 and the tests of pushed
// requests and of proofs do not restate by other names, with DPoP and
// private_key_jwt.
func TestConformanceFAPI2(t *testing.T) {
	t.Parallel()
	for name, run := range fapiModules() {
		t.Run("fapi2-security-profile-final-"+name, func(t *testing.T) {
			t.Parallel()
			run(t, open(t).bank())
		})
	}
}
