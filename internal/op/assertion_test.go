package op

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse"
	"gatehouse/internal/op/request"
)

// signer is a key of a client of tests.
type signer struct {
	t   *testing.T
	key *ecdsa.PrivateKey
	n   int
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{t: t, key: k}
}

func (s *signer) set() json.RawMessage {
	s.t.Helper()
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: s.key.Public(), KeyID: "k"}}})
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *signer) sign(typ string, claims map[string]any) string {
	s.t.Helper()
	return signedBy(s.t, jose.SigningKey{Algorithm: jose.ES256, Key: s.key}, typ, claims)
}

func signedBy(t *testing.T, key jose.SigningKey, typ string, claims map[string]any) string {
	t.Helper()
	o := (&jose.SignerOptions{}).WithHeader("kid", "k")
	if typ != "" {
		o = o.WithType(jose.ContentType(typ))
	}
	by, err := jose.NewSigner(key, o)
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

// claims are those of an assertion of a client, fresh each time.
func (s *signer) claims(h *house, client string) map[string]any {
	s.n++
	return map[string]any{
		"iss": client, "sub": client, "aud": h.url + "/oauth/token", "jti": fmt.Sprintf("id-%d", s.n),
		"exp": h.clock.Now().Add(time.Minute).Unix(), "iat": h.clock.Now().Unix(),
	}
}

// keyed makes "robot" a client with a key.
func (h *house) keyed(change ...func(*gatehouse.Client)) *signer {
	h.t.Helper()
	s := newSigner(h.t)
	h.change("robot", func(c *gatehouse.Client) {
		c.SecretHash, c.AuthMethod, c.Settings.JWKS = nil, gatehouse.AuthPrivateKeyJWT, s.set()
		c.GrantTypes = []string{request.GrantClient, request.GrantBearer}
		for _, fn := range change {
			fn(c)
		}
	})
	return s
}

// assert asks for a token by client credentials with an assertion.
func (h *house) assert(compact string, changes ...string) page {
	h.t.Helper()
	form := url.Values{
		"grant_type": {request.GrantClient}, "client_assertion": {compact},
		"client_assertion_type": {jwtBearerAssertion}, "scope": {"read_user"},
	}
	return h.post("/oauth/token", changed(form, changes))
}

func TestT16PrivateKeyJWT(t *testing.T) {
	t.Parallel()
	h := open(t)
	s := h.keyed()
	h.assert(s.sign("", s.claims(h, "robot"))).tokens(t)
	h.assert(s.sign("", s.claims(h, "robot")), "client_id", "robot").tokens(t)
	good := func(change string, value any) string {
		c := s.claims(h, "robot")
		c[change] = value
		return s.sign("", c)
	}
	for name, p := range map[string]page{
		"AudienceIsTheIssuer":  h.assert(good("aud", h.url)),
		"TypeOfItsOwn":         h.assert(s.sign("client-authentication+jwt", s.claims(h, "robot"))),
		"AtIntrospectionToo":   h.post("/oauth/introspect", url.Values{"token": {"x"}, "client_assertion": {good("aud", h.url+"/oauth/introspect")}, "client_assertion_type": {jwtBearerAssertion}}),
		"AtRevocationToo":      h.post("/oauth/revoke", url.Values{"token": {"x"}, "client_assertion": {good("aud", h.url)}, "client_assertion_type": {jwtBearerAssertion}}),
		"NamedByItsIssuerOnly": h.assert(good("x", 1), "client_id", ""),
	} {
		if p.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
	}
	for name, c := range map[string]struct {
		p    page
		code string
	}{
		"AnotherAudience":  {h.assert(good("aud", "https://evil.example")), "invalid_client"},
		"OtherEndpoint":    {h.assert(good("aud", h.url+"/oauth/introspect")), "invalid_client"},
		"TooLong":          {h.assert(good("exp", h.clock.Now().Add(2*time.Hour).Unix())), "invalid_client"},
		"Expired":          {h.assert(good("exp", h.clock.Now().Add(-time.Minute).Unix())), "invalid_client"},
		"NoJTI":            {h.assert(good("jti", "")), "invalid_client"},
		"OtherSubject":     {h.assert(good("sub", "app")), "invalid_client"},
		"ForeignKey":       {h.assert(newSigner(t).sign("", s.claims(h, "robot"))), "invalid_client"},
		"OtherClientID":    {h.assert(good("x", 1), "client_id", "app"), "invalid_client"},
		"UnknownClient":    {h.assert(good("iss", "nobody")), "invalid_client"},
		"UnknownType":      {h.assert(good("x", 1), "client_assertion_type", "urn:other"), "invalid_client"},
		"NoType":           {h.assert(good("x", 1), "client_assertion_type", ""), "invalid_client"},
		"RequestObject":    {h.assert(s.sign("oauth-authz-req+jwt", s.claims(h, "robot"))), "invalid_client"},
		"SecretBesides":    {h.assert(good("x", 1), "client_secret", otherSecret), "invalid_request"},
		"OnlyItsClientID":  {h.post("/oauth/token", url.Values{"grant_type": {request.GrantClient}, "client_id": {"robot"}}), "invalid_client"},
		"ItsOldSecret":     {h.post("/oauth/token", url.Values{"grant_type": {request.GrantClient}, "client_id": {"robot"}, "client_secret": {otherSecret}}), "invalid_client"},
		"MethodOfAnother":  {h.assert(s.sign("", s.claims(h, "trusted"))), "invalid_client"},
		"NotInTheAddress":  {h.post("/oauth/token?client_assertion=x", url.Values{"grant_type": {request.GrantClient}}), "invalid_request"},
		"NotCompactAtAll":  {h.assert("x"), "invalid_client"},
		"NothingIsASecret": {h.assert(signedBy(t, jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("\x00", 32))}, "", s.claims(h, "robot"))), "invalid_client"},
	} {
		want := http.StatusUnauthorized
		if c.code == "invalid_request" {
			want = http.StatusBadRequest
		}
		if c.p.refused(t, want, c.code); t.Failed() {
			t.Fatal(name)
		}
	}
	h.change("robot", func(c *gatehouse.Client) { c.Settings.AuthSigningAlg = "EdDSA" })
	h.assert(good("x", 1)).refused(t, http.StatusUnauthorized, "invalid_client")
	h.change("robot", func(c *gatehouse.Client) { c.Settings.AuthSigningAlg, c.Enabled = "", false })
	h.assert(good("x", 1)).refused(t, http.StatusUnauthorized, "invalid_client")
}

func TestT16ClientSecretJWT(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		secret := strings.Repeat("0123456789abcdef", 2)
		h.change("robot", func(c *gatehouse.Client) {
			c.SecretHash, c.Secret, c.AuthMethod = nil, secret, gatehouse.AuthSecretJWT
		})
		s := newSigner(t)
		by := func(secret string) string {
			return signedBy(t, jose.SigningKey{Algorithm: jose.HS256, Key: []byte(secret)}, "", s.claims(h, "robot"))
		}
		h.assert(by(secret)).tokens(t)
		h.assert(by(strings.Repeat("x", 32))).refused(t, http.StatusUnauthorized, "invalid_client")
		h.post("/oauth/token", url.Values{"grant_type": {request.GrantClient}, "client_id": {"robot"}, "client_secret": {secret}}).
			refused(t, http.StatusUnauthorized, "invalid_client")
		if strings.Contains(h.log.String(), secret) {
			t.Error("G7: the secret is in the log")
		}
	})
}

// T16: an assertion is good once, on whatever node, and whatever came of the
// request that brought it.
func TestT16AssertionOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		s := h.keyed()
		nodes := []*house{h, h.node()}
		once := s.sign("", s.claims(h, "robot"))
		var n atomic.Int64
		all := together(20, func() page { return nodes[n.Add(1)%2].assert(once) })
		if len(all[200]) != 1 || len(all[401]) != 19 {
			t.Fatalf("%d were let in, %d refused, of 20", len(all[200]), len(all[401]))
		}
		failed := s.sign("", s.claims(h, "robot"))
		h.assert(failed, "scope", "openid").refused(t, http.StatusBadRequest, "invalid_scope")
		nodes[1].assert(failed).refused(t, http.StatusUnauthorized, "invalid_client")
		looked := s.sign("", s.claims(h, "robot"))
		form := url.Values{"token": {"x"}, "client_assertion": {looked}, "client_assertion_type": {jwtBearerAssertion}}
		if p := h.post("/oauth/introspect", form); p.status != http.StatusOK {
			t.Errorf("introspection: %d %s", p.status, p.body)
		}
		nodes[1].post("/oauth/introspect", form).refused(t, http.StatusUnauthorized, "invalid_client")
	})
}

// node is a second node of the house: another process on the same database.
func (h *house) node() *house {
	h.t.Helper()
	other := &Provider{Store: h.store, UI: h.op.UI, Sessions: h.sessions, Clock: h.clock.Now, Log: h.op.Log, URL: h.op.URL, Web: h.op.Web}
	mux := http.NewServeMux()
	other.Mount(mux)
	server := httptest.NewServer(h.op.UI.Middleware(mux))
	h.t.Cleanup(server.Close)
	return &house{t: h.t, store: h.store, op: other, sessions: h.sessions, clock: h.clock, log: h.log, url: server.URL, alice: h.alice, bob: h.bob}
}

func TestPublicKeysAreFetchedByTheClientsOwnGuard(t *testing.T) {
	t.Parallel()
	h := open(t)
	s := h.keyed()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(s.set()) }))
	t.Cleanup(web.Close)
	h.change("robot", func(c *gatehouse.Client) { c.Settings.JWKS, c.Settings.JWKSURI = nil, web.URL })
	h.assert(s.sign("", s.claims(h, "robot"))).refused(t, http.StatusUnauthorized, "invalid_client") // nobody may ask
	h.clock.add(time.Minute)
	h.op.Web = func(c gatehouse.Client) *http.Client {
		if c.ID != "robot" {
			t.Errorf("asked for %s", c.ID)
		}
		return web.Client()
	}
	h.assert(s.sign("", s.claims(h, "robot"))).tokens(t)
	// A14: what the assertion itself names is never asked.
	foreign := newSigner(t)
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("asked") }))
	t.Cleanup(thief.Close)
	by, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: foreign.key}, (&jose.SignerOptions{EmbedJWK: true}).WithHeader("jku", thief.URL))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(s.claims(h, "robot"))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := by.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	h.assert(compact).refused(t, http.StatusUnauthorized, "invalid_client")
}

func TestJWTBearer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		s := h.keyed()
		bring := func(compact string, changes ...string) page {
			form := url.Values{"grant_type": {request.GrantBearer}, "assertion": {compact}, "scope": {"read_user"}}
			return h.post("/oauth/token", changed(form, changes))
		}
		got := bring(s.sign("", s.claims(h, "robot"))).tokens(t)
		if got.RefreshToken != "" || got.IDToken != "" || got.Scope != "read_user" {
			t.Errorf("got %+v", got)
		}
		if token, user, err := h.op.LiveAccess(t.Context(), got.AccessToken); err != nil || token.Grant.ClientID != "robot" || user.ID != "" {
			t.Errorf("it stands for %+v, %v", token.Grant, err)
		}
		once := s.sign("", s.claims(h, "robot"))
		bring(once, "client_id", "robot").tokens(t)
		bring(once).refused(t, 400, "invalid_grant")
		h.assert(once).refused(t, 401, "invalid_client") // nor is it good for anything else
		bring("").refused(t, 401, "invalid_client")
		bring("", "client_id", "robot").refused(t, 400, "invalid_request")
		bring(newSigner(t).sign("", s.claims(h, "robot"))).refused(t, 400, "invalid_grant")
		bring(s.sign("", s.claims(h, "robot")), "scope", "openid").refused(t, 400, "invalid_scope")
		bring(s.sign("", s.claims(h, "robot")), "client_id", "app").refused(t, 400, "unauthorized_client")
		bring(s.sign("", s.claims(h, "robot")), "client_id", "off").refused(t, 401, "invalid_client")
		c := s.claims(h, "robot")
		c["sub"] = request.Subject(h.alice)
		bring(s.sign("", c)).refused(t, 400, "invalid_grant") // nobody stands for a person

		// Who authenticates besides must do it right, and both are good once.
		both := []string{"client_assertion", s.sign("", s.claims(h, "robot")), "client_assertion_type", jwtBearerAssertion}
		bring(s.sign("", s.claims(h, "robot")), both...).tokens(t)
		bring(s.sign("", s.claims(h, "robot")), both...).refused(t, 401, "invalid_client")
	})
}

// A CI or a cluster signs for a client that it was registered for, and its
// programs keep one token as long as it is good.
func TestJWTBearerOfAnOutsideSystem(t *testing.T) {
	t.Parallel()
	h := open(t)
	ci := newSigner(t)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(ci.set()) }))
	t.Cleanup(web.Close)
	h.op.Web = func(gatehouse.Client) *http.Client { return web.Client() }
	h.keyed(func(c *gatehouse.Client) {
		c.Settings.JWKS = nil
		c.Settings.Federated = []gatehouse.FederatedIssuer{
			{Issuer: "https://ci.example", JWKSURI: web.URL, Subject: "project_path:team/app:*"},
			{Issuer: "https://k8s.example", JWKSURI: web.URL, Subject: "system:serviceaccount:a:b", Audience: "gatehouse"},
		}
	})
	token := func(iss, sub, aud string) string {
		return ci.sign("", map[string]any{"iss": iss, "sub": sub, "aud": aud, "exp": h.clock.Now().Add(10 * time.Hour).Unix()})
	}
	bring := func(compact string) page {
		return h.post("/oauth/token", url.Values{"grant_type": {request.GrantBearer}, "assertion": {compact}, "client_id": {"robot"}})
	}
	good := token("https://ci.example", "project_path:team/app:ref:main", h.url)
	bring(good).tokens(t)
	bring(good).tokens(t)
	bring(token("https://k8s.example", "system:serviceaccount:a:b", "gatehouse")).tokens(t)
	for name, bad := range map[string]string{
		"Subject":         token("https://ci.example", "project_path:team/other:ref:main", h.url),
		"Issuer":          token("https://evil.example", "project_path:team/app:x", h.url),
		"Audience":        token("https://ci.example", "project_path:team/app:x", "gatehouse"),
		"AudienceOfOther": token("https://k8s.example", "system:serviceaccount:a:b", h.url),
		"SubjectOfOther":  token("https://k8s.example", "project_path:team/app:x", "gatehouse"),
	} {
		if bring(bad).refused(t, 400, "invalid_grant"); t.Failed() {
			t.Fatal(name)
		}
	}
}
