package op

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"gatehouse"
	"gatehouse/internal/op/request"
)

// prover is a client's key of DPoP proofs.
type prover struct {
	h *house
	s *signer
	n int
}

func (h *house) prover() *prover { return &prover{h: h, s: newSigner(h.t)} }

func (p *prover) thumbprint() string {
	p.h.t.Helper()
	sum, err := (&jose.JSONWebKey{Key: p.s.key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		p.h.t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// proof is a new proof for a request, beside an access token or "".
func (p *prover) proof(method, path, access string) string {
	p.h.t.Helper()
	p.n++
	c := map[string]any{"jti": fmt.Sprint("proof-", p.n), "htm": method, "htu": p.h.url + path, "iat": p.h.clock.Now().Unix()}
	if access != "" {
		c["ath"] = base64.RawURLEncoding.EncodeToString(gatehouse.Digest(access))
	}
	return proofBy(p.h.t, p.s.key, c)
}

func proofBy(t *testing.T, key *ecdsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	by, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := by.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// post sends a form with a proof.
func (p *prover) post(path string, form url.Values) page {
	p.h.t.Helper()
	return p.h.post(path, form, "DPoP", p.proof(http.MethodPost, path, ""))
}

// get asks with a token and a proof.
func (p *prover) get(path, token string) page {
	p.h.t.Helper()
	return p.h.machine().do(http.MethodGet, path, nil, "Authorization", "DPoP "+token, "DPoP", p.proof(http.MethodGet, path, token))
}

func redeeming(client, secret, code string) url.Values {
	v := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}, "client_id": {client}}
	if secret != "" {
		v.Set("client_secret", secret)
	}
	return v
}

// T15: a token that is bound to a key is of use only beside a proof by it, at
// every address.
func TestT15BoundAccessToken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		k, other := h.prover(), h.prover()
		a := k.post("/oauth/token", redeeming("trusted", appSecret, h.code("trusted"))).tokens(t)
		if a.TokenType != "DPoP" {
			t.Errorf("the type is %q", a.TokenType)
		}
		free := h.grant()
		for _, path := range []string{"/oauth/userinfo", "/api/v4/user", "/api/v3/user", "/api/v4/version", "/oauth/token/info"} {
			if p := k.get(path, a.AccessToken); p.status != http.StatusOK {
				t.Errorf("%s: %d %s", path, p.status, p.body)
			}
			once := k.proof(http.MethodGet, path, a.AccessToken)
			ask := func(header ...string) page { return h.machine().do(http.MethodGet, path, nil, header...) }
			if p := ask("Authorization", "dpop "+a.AccessToken, "DPoP", once); p.status != http.StatusOK {
				t.Errorf("%s: %d %s", path, p.status, p.body)
			}
			for name, p := range map[string]page{
				"AsBearer":          ask("Authorization", "Bearer "+a.AccessToken),
				"AsBearerWithProof": ask("Authorization", "Bearer "+a.AccessToken, "DPoP", k.proof(http.MethodGet, path, a.AccessToken)),
				"NoProof":           ask("Authorization", "DPoP "+a.AccessToken),
				"Replayed":          ask("Authorization", "DPoP "+a.AccessToken, "DPoP", once),
				"OtherKey":          other.get(path, a.AccessToken),
				"OtherMethod":       ask("Authorization", "DPoP "+a.AccessToken, "DPoP", k.proof(http.MethodPost, path, a.AccessToken)),
				"OtherAddress":      ask("Authorization", "DPoP "+a.AccessToken, "DPoP", k.proof(http.MethodGet, "/oauth/x", a.AccessToken)),
				"NoTokenInIt":       ask("Authorization", "DPoP "+a.AccessToken, "DPoP", k.proof(http.MethodGet, path, "")),
				"OtherTokenInIt":    ask("Authorization", "DPoP "+a.AccessToken, "DPoP", k.proof(http.MethodGet, path, free.AccessToken)),
				"FreeTokenAsBound":  k.get(path, free.AccessToken),
			} {
				if c := p.header.Get("WWW-Authenticate"); p.status != http.StatusUnauthorized || !strings.HasPrefix(c, "DPoP ") || !strings.Contains(c, "ES256") {
					t.Errorf("%s %s: %d %q %s", path, name, p.status, c, p.body)
				}
			}
		}
		if p := h.machine().get("/api/v4/user?access_token=" + a.AccessToken); p.status != http.StatusUnauthorized {
			t.Errorf("in the address: %d", p.status)
		}
	})
}

func TestT15BoundTokensSaySo(t *testing.T) {
	t.Parallel()
	h := open(t)
	k := h.prover()
	h.change("trusted", func(c *gatehouse.Client) { c.Settings.AccessToken = gatehouse.AccessTokenJWT })
	a := k.post("/oauth/token", redeeming("trusted", appSecret, h.code("trusted"))).tokens(t)
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(a.AccessToken, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	cnf := `"cnf":{"jkt":"` + k.thumbprint() + `"}`
	if !strings.Contains(string(payload), cnf) {
		t.Errorf("the JWT says %s", payload)
	}
	p := h.post("/oauth/introspect", url.Values{"token": {a.AccessToken}, "client_id": {"trusted"}, "client_secret": {appSecret}})
	if !strings.Contains(p.body, cnf) || !strings.Contains(p.body, `"token_type":"DPoP"`) {
		t.Errorf("introspection says %s", p.body)
	}
	if p := k.get("/oauth/userinfo", a.AccessToken); p.status != http.StatusOK {
		t.Errorf("%d %s", p.status, p.body)
	}
}

// T15: at the token endpoint a proof is good once on all nodes, and a wrong one
// gives nothing.
func TestT15ProofAtTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		k := h.prover()
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"robot"}, "client_secret": {otherSecret}, "scope": {"read_user"}}
		once := k.proof(http.MethodPost, "/oauth/token", "")
		h.post("/oauth/token", form, "DPoP", once).tokens(t)
		h.post("/oauth/token", form, "DPoP", once).refused(t, http.StatusBadRequest, "invalid_dpop_proof")
		refused := k.proof(http.MethodPost, "/oauth/token", "")
		h.post("/oauth/token", changed(url.Values{"grant_type": {"client_credentials"}, "client_id": {"robot"}, "client_secret": {otherSecret}}, []string{"scope", "sudo"}), "DPoP", refused).refused(t, http.StatusBadRequest, "invalid_scope")
		h.post("/oauth/token", form, "DPoP", refused).refused(t, http.StatusBadRequest, "invalid_dpop_proof")
		for name, proof := range map[string]string{
			"OtherAddress": k.proof(http.MethodPost, "/oauth/par", ""),
			"OtherMethod":  k.proof(http.MethodGet, "/oauth/token", ""),
			"Garbage":      "x",
		} {
			t.Run(name, func(t *testing.T) {
				h.post("/oauth/token", form, "DPoP", proof).refused(t, http.StatusBadRequest, "invalid_dpop_proof")
			})
		}
		h.change("robot", func(c *gatehouse.Client) { c.Settings.DPoPBound = true })
		h.post("/oauth/token", form).refused(t, http.StatusBadRequest, "invalid_dpop_proof")
		k.post("/oauth/token", form).tokens(t)

		again := k.proof(http.MethodPost, "/oauth/token", "")
		var won atomic.Int32
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if p := h.post("/oauth/token", form, "DPoP", again); p.status == http.StatusOK {
					won.Add(1)
				} else if p.status >= 500 {
					t.Errorf("%d %s", p.status, p.body)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of 20 used one proof", won.Load())
		}
	})
}

// RFC 9449 section 5: the refresh token of a public client is bound to its key;
// that of a confidential one is bound to the client.
func TestT15RefreshTokens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		k, other := h.prover(), h.prover()
		b := h.signedIn(h.alice)
		p := b.decide(b.get(asking("phone", "redirect_uri", "http://127.0.0.1/callback")), "allow")
		to, err := url.Parse(p.header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		form := redeeming("phone", "", to.Query().Get("code"))
		form.Set("redirect_uri", "http://127.0.0.1/callback")
		a := k.post("/oauth/token", form).tokens(t)
		refresh := url.Values{"grant_type": {request.GrantRefresh}, "refresh_token": {a.RefreshToken}, "client_id": {"phone"}}
		h.post("/oauth/token", refresh).refused(t, http.StatusBadRequest, "invalid_grant")
		other.post("/oauth/token", refresh).refused(t, http.StatusBadRequest, "invalid_grant")
		next := k.post("/oauth/token", refresh).tokens(t)
		if next.TokenType != "DPoP" || next.RefreshToken == "" {
			t.Errorf("%+v", next)
		}

		a = k.post("/oauth/token", redeeming("trusted", appSecret, h.code("trusted"))).tokens(t)
		confidential := url.Values{"grant_type": {request.GrantRefresh}, "refresh_token": {a.RefreshToken}, "client_id": {"trusted"}, "client_secret": {appSecret}}
		next = other.post("/oauth/token", confidential).tokens(t)
		if p := other.get("/oauth/userinfo", next.AccessToken); p.status != http.StatusOK {
			t.Errorf("a new key: %d %s", p.status, p.body)
		}
	})
}

// RFC 9449 section 10: a code may be bound to the key, too, also by a proof that
// is pushed with the request.
func TestT15BoundCode(t *testing.T) {
	t.Parallel()
	h := open(t)
	k, other := h.prover(), h.prover()
	code := h.code("trusted", "dpop_jkt", k.thumbprint())
	form := redeeming("trusted", appSecret, code)
	h.post("/oauth/token", form).refused(t, http.StatusBadRequest, "invalid_grant")
	other.post("/oauth/token", form).refused(t, http.StatusBadRequest, "invalid_grant")
	k.post("/oauth/token", form).tokens(t)
	if got := h.signedIn(h.alice).get(asking("trusted", "dpop_jkt", "short")).sent(t); got.Get("error") != "invalid_request" {
		t.Errorf("%v", got)
	}

	push := url.Values{
		"client_id": {"trusted"}, "client_secret": {appSecret}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"},
		"code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"},
	}
	p := k.post("/oauth/par", push)
	var pushed pushedAnswer
	if err := json.Unmarshal([]byte(p.body), &pushed); err != nil || p.status != http.StatusCreated {
		t.Fatalf("%d %s", p.status, p.body)
	}
	form = redeeming("trusted", appSecret, h.signedIn(h.alice).get(byPushed(pushed.RequestURI)).sent(t).Get("code"))
	other.post("/oauth/token", form).refused(t, http.StatusBadRequest, "invalid_grant")
	k.post("/oauth/token", form).tokens(t)
	push.Set("dpop_jkt", other.thumbprint())
	k.post("/oauth/par", push).refused(t, http.StatusBadRequest, "invalid_dpop_proof")
	h.post("/oauth/par", push, "DPoP", "x").refused(t, http.StatusBadRequest, "invalid_dpop_proof")
}

// A stolen bound token cannot be exchanged for a free one.
func TestT15BoundTokenIsNotExchangedForAFreeOne(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.change("trusted", func(c *gatehouse.Client) {
		c.GrantTypes = []string{request.GrantCode, request.GrantRefresh, request.GrantExchange}
	})
	k := h.prover()
	a := k.post("/oauth/token", redeeming("trusted", appSecret, h.code("trusted"))).tokens(t)
	form := url.Values{
		"grant_type": {request.GrantExchange}, "subject_token": {a.AccessToken}, "subject_token_type": {accessTokenType},
		"client_id": {"trusted"}, "client_secret": {appSecret},
	}
	h.post("/oauth/token", form).refused(t, http.StatusBadRequest, "invalid_request")
	if next := k.post("/oauth/token", form).tokens(t); next.TokenType != "DPoP" {
		t.Errorf("%+v", next)
	}
	if _, _, err := h.op.LiveAccess(t.Context(), a.AccessToken); err == nil {
		t.Error("the administrators' API takes a bound token without its key")
	}
}
