package op

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse"
)

// objects makes "trusted" a client with a key, which signs its requests.
func (h *house) objects(change ...func(*gatehouse.Client)) *signer {
	h.t.Helper()
	s := newSigner(h.t)
	h.change("trusted", func(c *gatehouse.Client) {
		c.Settings.JWKS = s.set()
		for _, fn := range change {
			fn(c)
		}
	})
	return s
}

// object are the claims of a right request object of "trusted".
func (h *house) object(changes ...any) map[string]any {
	c := map[string]any{
		"iss": "trusted", "aud": h.url, "exp": h.clock.Now().Add(time.Minute).Unix(), "client_id": "trusted", "redirect_uri": callback,
		"response_type": "code", "scope": "openid read_user", "state": "signed state", "nonce": "n", "max_age": 3600,
		"code_challenge": challengeOf(verifier), "code_challenge_method": "S256",
	}
	for i := 0; i+1 < len(changes); i += 2 {
		name, _ := changes[i].(string)
		c[name] = changes[i+1]
		if changes[i+1] == nil {
			delete(c, name)
		}
	}
	return c
}

// RFC 9101: what is signed counts, and nothing beside it.
func TestRequestObject(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		s := h.objects()
		ask := func(compact string, beside ...string) page {
			v := changed(url.Values{"client_id": {"trusted"}, "request": {compact}}, beside)
			return h.signedIn(h.alice).get("/oauth/authorize?" + v.Encode())
		}
		got := ask(s.sign("oauth-authz-req+jwt", h.object()), "scope", "api", "state", "unsigned", "response_mode", "form_post").sent(t)
		if got.Get("state") != "signed state" {
			t.Errorf("the answer is %v", got)
		}
		if a := h.redeem(got.Get("code")).tokens(t); a.Scope != "openid read_user" {
			t.Errorf("the scope is %q", a.Scope)
		}
		// It survives the sign-in, and cannot be changed meanwhile (A16).
		b := h.browser()
		if got := b.get("/oauth/authorize?" + url.Values{"client_id": {"trusted"}, "request": {s.sign("", h.object("prompt", "login"))}}.Encode()).sent(t); got.Get("state") != "signed state" {
			t.Errorf("%v", got)
		}
		outer := []string{"redirect_uri", callback, "state", "outer"}
		for name, c := range map[string]struct{ compact, code string }{
			"ForeignKey":       {newSigner(t).sign("", h.object()), "invalid_request_object"},
			"Unsigned":         {"eyJhbGciOiJub25lIn0." + strings.Split(s.sign("", h.object()), ".")[1] + ".", "invalid_request_object"},
			"ClientAssertion":  {s.sign("client-authentication+jwt", h.object()), "invalid_request_object"},
			"OtherAudience":    {s.sign("", h.object("aud", "https://evil.example")), "invalid_request_object"},
			"Expired":          {s.sign("", h.object("exp", h.clock.Now().Add(-time.Hour).Unix())), "invalid_request_object"},
			"NotYet":           {s.sign("", h.object("nbf", h.clock.Now().Add(time.Hour).Unix())), "invalid_request_object"},
			"OtherClient":      {s.sign("", h.object("client_id", "app")), "invalid_request_object"},
			"OtherIssuer":      {s.sign("", h.object("iss", "app")), "invalid_request_object"},
			"NobodysObject":    {s.sign("", h.object("iss", nil, "client_id", nil)), "invalid_request_object"},
			"ObjectInIt":       {s.sign("", h.object("request", "x")), "invalid_request_object"},
			"AddressInIt":      {s.sign("", h.object("request_uri", "https://a.example")), "invalid_request_object"},
			"ExpiryAsText":     {s.sign("", h.object("exp", "never")), "invalid_request_object"},
			"Garbage":          {"x", "invalid_request_object"},
			"WrongParameterIn": {s.sign("", h.object("response_type", "token")), "unsupported_response_type"},
		} {
			got := ask(c.compact, outer...)
			if sent := got.sent(t); sent.Get("error") != c.code || sent.Get("iss") != h.url || (sent.Get("state") != "outer") != (c.code == "unsupported_response_type") {
				t.Errorf("%s: %v", name, sent)
			}
		}
		// Of what an unreadable object says nothing counts, not even where to go; an
		// address beside it that is not the client's is a page.
		if p := ask("x", "redirect_uri", "https://evil.example/"); p.status < 400 || p.header.Get("Location") != "" {
			t.Errorf("A1: %d %q", p.status, p.header.Get("Location"))
		}
		// A redirect_uri in the object is held against those registered like any.
		if p := ask(s.sign("", h.object("redirect_uri", "https://evil.example/")), outer...); p.status < 400 || p.header.Get("Location") != "" {
			t.Errorf("A1: %d %q", p.status, p.header.Get("Location"))
		}
		// Who has no keys has no objects.
		if sent := h.signedIn(h.alice).get(asking("old", "request", "eyJ.e30.")).sent(t); sent.Get("error") != "request_not_supported" {
			t.Errorf("%v", sent)
		}
		h.change("trusted", func(c *gatehouse.Client) { c.Settings.RequireSigned = true })
		if sent := h.signedIn(h.alice).get(asking("trusted")).sent(t); sent.Get("error") != "invalid_request" {
			t.Errorf("an unsigned request of a client that signs: %v", sent)
		}
		ask(s.sign("", h.object())).sent(t)
		h.change("trusted", func(c *gatehouse.Client) { c.Settings.RequestObjectAlg = "RS256" })
		if sent := ask(s.sign("", h.object()), outer...).sent(t); sent.Get("error") != "invalid_request_object" {
			t.Errorf("another algorithm than the registered: %v", sent)
		}
	})
}

// A14: a request object is fetched from a registered address, and from nowhere
// else.
func TestA14RequestURI(t *testing.T) {
	t.Parallel()
	h := open(t)
	var s *signer
	var asked atomic.Int64
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/big" {
			_, _ = w.Write(make([]byte, 1<<20))
			return
		}
		_, _ = w.Write([]byte(s.sign("", h.object())))
	}))
	t.Cleanup(web.Close)
	h.op.Web = func(gatehouse.Client) *http.Client { return web.Client() }
	s = h.objects(func(c *gatehouse.Client) {
		c.Settings.RequestURIs = []string{web.URL + "/request.jwt", web.URL + "/big"}
	})
	ask := func(address string, changes ...string) url.Values {
		return h.signedIn(h.alice).get(asking("trusted", append(changes, "request_uri", address)...)).sent(t)
	}
	if got := ask(web.URL + "/request.jwt"); got.Get("code") == "" || got.Get("state") != "signed state" {
		t.Errorf("%v", got)
	}
	if got := ask(web.URL + "/request.jwt#version-2"); got.Get("code") == "" {
		t.Errorf("%v", got)
	}
	before := asked.Load()
	for _, address := range []string{
		web.URL + "/other", web.URL + "/request.jwt?x=1", "https://evil.example/request.jwt", "urn:ietf:params:oauth:request_uri:x",
		"http://169.254.169.254/", strings.ToUpper(web.URL) + "/request.jwt",
	} {
		if got := ask(address); got.Get("error") != "invalid_request_uri" {
			t.Errorf("%s: %v", address, got)
		}
	}
	if asked.Load() != before {
		t.Error("an address was asked that is not registered")
	}
	if got := ask(web.URL + "/big"); got.Get("error") != "invalid_request_uri" {
		t.Errorf("too long: %v", got)
	}
	if got := ask(web.URL+"/request.jwt", "request", "x"); got.Get("error") != "invalid_request" {
		t.Errorf("both: %v", got)
	}
	if got := h.signedIn(h.alice).get(asking("old", "request_uri", web.URL+"/request.jwt")).sent(t); got.Get("error") != "request_uri_not_supported" {
		t.Errorf("a client without any: %v", got)
	}
}
