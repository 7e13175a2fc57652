package op

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/op/registration"
	"gatehouse/internal/op/request"
)

// Two clients with pairwise subjects must not know from the name of the session
// that theirs is the same person. Each is told the end of it by its own name.
func TestPairwiseClientsKnowSessionsByNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		e := newEar(t)
		h.op.Web = func(gatehouse.Client) *http.Client { return e.Client() }
		for id, sector := range map[string]string{"trusted": "https://a.example/s", "post": "https://b.example/s"} {
			h.change(id, func(c *gatehouse.Client) {
				c.Settings.SubjectType, c.Settings.SectorURI = request.SubjectPairwise, sector
				c.Settings.FrontchannelLogoutURI, c.Settings.FrontchannelSession = "https://app.example/front/"+id, true
				c.BackchannelLogoutURI = e.URL
			})
		}
		b := h.signedIn(h.alice)
		sid := func(client, secret string) string {
			code := b.get(asking(client, "scope", "openid")).sent(t).Get("code")
			said, _ := claimsIn(t, h.redeem(code, "client_id", client, "client_secret", secret).tokens(t).IDToken)["sid"].(string)
			if said == "" {
				t.Fatal("no sid")
			}
			return said
		}
		one, two, plain := sid("trusted", appSecret), sid("post", otherSecret), sid("old", otherSecret)
		if one == two || one == plain || two == plain {
			t.Errorf("the session has one name: %q, %q, %q", one, two, plain)
		}
		if again := sid("trusted", appSecret); again != one {
			t.Errorf("one client knows it by two names: %q, %q", one, again)
		}
		p := b.get("/oauth/logout")
		form := url.Values{"decision": {"sign_out"}}
		for _, m := range hidden.FindAllStringSubmatch(p.body, -1) {
			form.Set(m[1], m[2])
		}
		p = b.do(http.MethodPost, "/oauth/logout/confirm", form)
		for client, name := range map[string]string{"trusted": one, "post": two} {
			if !strings.Contains(p.body, "/front/"+client+"?iss="+url.QueryEscape(h.url)+"&amp;sid="+name+`"`) {
				t.Errorf("front channel: %s is not told its own name\n%s", client, p.body)
			}
		}
		h.work(t)
		told := map[any]any{}
		for _, token := range e.heard {
			c := claimsIn(t, token)
			told[c["aud"]] = c["sid"]
		}
		if told["trusted"] != one || told["post"] != two {
			t.Errorf("back channel: %v", told)
		}
	})
}

// A sector must be proved by something that is sent to it. Devices get their
// tokens without any address, and every app on a device has the loopback.
func TestPairwiseSectorsAreNobodyElses(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.op.Registration = Registration{By: registration.ByAnybody}
	body := `{"redirect_uris":["` + callback + `"],"subject_type":"pairwise","grant_types":["authorization_code","` + request.GrantDevice + `"]}`
	h.json(http.MethodPost, registerPath, body, "").refused(t, http.StatusBadRequest, "invalid_client_metadata")
	for _, address := range []string{"http://127.0.0.1/cb", "http://[::1]/cb", "http://localhost:80/cb", "com.example.app://callback", "com.example.app:/cb"} {
		a, b := gatehouse.Client{ID: "a", RedirectURIs: []string{address}}, gatehouse.Client{ID: "b", RedirectURIs: []string{address}}
		if request.Sector(a) == request.Sector(b) {
			t.Errorf("%s: two apps are one sector %q", address, request.Sector(a))
		}
	}
	if got := request.Sector(gatehouse.Client{RedirectURIs: []string{"https://App.Example/cb"}}); got != "app.example" {
		t.Errorf("sector %q", got)
	}
}

// A client that somebody allowed nothing must not find out who is in front of it
// by asking, without a page, for one person after the other.
func TestA16NobodyIsFoundOutByTrying(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.signedIn(h.alice)
	for _, u := range []gatehouse.User{h.alice, h.bob} {
		claims := `{"id_token":{"sub":{"value":"` + request.Subject(u) + `"}}}`
		if got := b.get(asking("app", "prompt", "none", "claims", claims)).sent(t).Get("error"); got != "consent_required" {
			t.Errorf("%s: %q", u.Username, got)
		}
	}
}
