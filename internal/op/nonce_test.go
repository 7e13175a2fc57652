package op

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/op/dpop"
)

// with is a proof that names a nonce.
func (p *prover) with(nonce, method, path, access string) string {
	p.n++
	c := map[string]any{"jti": fmt.Sprint("nonce-", p.n), "htm": method, "htu": p.h.url + path, "iat": p.h.clock.Now().Unix(), "nonce": nonce}
	if access != "" {
		c["ath"] = base64.RawURLEncoding.EncodeToString(gatehouse.Digest(access))
	}
	return proofBy(p.h.t, p.s.key, c)
}

// RFC 9449 sections 8 and 9: a client that must name nonces gets no token and
// opens nothing without one, is told which, and all nodes agree.
func TestT15Nonces(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.change("trusted", func(c *gatehouse.Client) { c.Settings.DPoPNonce = true })
	p := h.prover()
	form := redeeming("trusted", appSecret, h.code("trusted"))
	said := p.post("/oauth/token", form)
	said.refused(t, http.StatusBadRequest, "use_dpop_nonce")
	nonce := said.header.Get("DPoP-Nonce")
	if nonce == "" || said.header.Get("Access-Control-Expose-Headers") != "WWW-Authenticate, DPoP-Nonce" {
		t.Fatalf("no nonce is told: %v", said.header)
	}
	h.post("/oauth/token", form, "DPoP", p.with("mine", http.MethodPost, "/oauth/token", "")).refused(t, http.StatusBadRequest, "use_dpop_nonce")
	got := h.post("/oauth/token", form, "DPoP", p.with(nonce, http.MethodPost, "/oauth/token", ""))
	a := got.tokens(t)
	if got.header.Get("DPoP-Nonce") == "" {
		t.Error("an answer has no nonce for the next time")
	}
	again := &Provider{Store: h.store, Clock: h.clock.Now} // another node
	if err := again.EnsureKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	nonce = again.nonces().Now(h.clock.Now())
	for _, path := range []string{"/oauth/userinfo", "/api/v4/user", "/oauth/token/info"} {
		without := p.get(path, a.AccessToken)
		if without.status != http.StatusUnauthorized || without.header.Get("DPoP-Nonce") == "" {
			t.Errorf("%s without a nonce: %d %v", path, without.status, without.header)
		}
		if w := without.header.Get("WWW-Authenticate"); len(w) < 5 || w[:5] != "DPoP " || !strings.Contains(w, `error="use_dpop_nonce"`) {
			t.Errorf("%s: %s", path, w)
		}
		ask := func() page {
			return h.machine().do(http.MethodGet, path, nil, "Authorization", "DPoP "+a.AccessToken, "DPoP", p.with(nonce, http.MethodGet, path, a.AccessToken))
		}
		if with := ask(); with.status != http.StatusOK || with.header.Get("DPoP-Nonce") == "" {
			t.Errorf("%s with one: %d %s", path, with.status, with.body)
		}
	}
	pushed := url.Values{"client_id": {"trusted"}, "client_secret": {appSecret}, "redirect_uri": {callback}, "response_type": {"code"}, "code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"}}
	p.post("/oauth/par", pushed).refused(t, http.StatusBadRequest, "use_dpop_nonce")
	h.clock.add(2 * dpop.NonceLife)
	h.post("/oauth/par", pushed, "DPoP", p.with(nonce, http.MethodPost, "/oauth/par", "")).refused(t, http.StatusBadRequest, "use_dpop_nonce")
	if sent := h.post("/oauth/par", pushed, "DPoP", p.with(again.nonces().Now(h.clock.Now()), http.MethodPost, "/oauth/par", "")); sent.status != http.StatusCreated {
		t.Errorf("pushed with a nonce: %d %s", sent.status, sent.body)
	}
	if other := h.prover().post("/oauth/token", redeeming("post", otherSecret, h.code("post"))); other.status != http.StatusOK || other.header.Get("DPoP-Nonce") != "" {
		t.Errorf("a client that need not: %d %v", other.status, other.header)
	}
}
