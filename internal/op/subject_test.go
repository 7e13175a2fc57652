package op

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/op/request"
)

// OpenID Connect Core section 8: one subject a sector, the same everywhere that
// it is told, and never the public one.
func TestPairwiseSubjects(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		for _, id := range []string{"trusted", "post", "short"} {
			h.change(id, func(c *gatehouse.Client) {
				c.Settings.SubjectType, c.Settings.AccessToken = request.SubjectPairwise, gatehouse.AccessTokenJWT
			})
		}
		h.change("short", func(c *gatehouse.Client) { c.Settings.SectorURI = "https://sector.example/uris" })
		a := h.grant("scope", "openid")
		sub, _ := claimsIn(t, a.IDToken)["sub"].(string)
		if len(sub) != 43 || sub == request.Subject(h.alice) {
			t.Fatalf("sub %q", sub)
		}
		var info struct {
			Subject string `json:"sub"`
		}
		if err := json.Unmarshal([]byte(h.userinfo(a.AccessToken).body), &info); err != nil || info.Subject != sub {
			t.Errorf("user-info: %q, %v", info.Subject, err)
		}
		if got := claimsIn(t, a.AccessToken)["sub"]; got != sub {
			t.Errorf("access token: %v", got)
		}
		p := h.post("/oauth/introspect", url.Values{"token": {a.AccessToken}, "client_id": {"trusted"}, "client_secret": {appSecret}})
		if !strings.Contains(p.body, `"sub":"`+sub+`"`) {
			t.Errorf("introspection: %s", p.body)
		}
		if p := h.machine().do(http.MethodGet, "/oauth/token/info", nil, "Authorization", "Bearer "+a.AccessToken); !strings.Contains(p.body, `"resource_owner_id":null`) {
			t.Errorf("token info: %s", p.body)
		}
		other := func(client string) any {
			return claimsIn(t, h.redeem(h.code(client, "scope", "openid"), "client_id", client, "client_secret", otherSecret).tokens(t).IDToken)["sub"]
		}
		if got := other("post"); got != sub {
			t.Errorf("another client of the sector: %v", got)
		}
		if got := other("short"); got == sub {
			t.Error("another sector has the same subject")
		}
		again := &Provider{Store: h.store, Clock: h.clock.Now} // another node
		if err := again.EnsureKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		c := gatehouse.Client{RedirectURIs: []string{callback}, Settings: gatehouse.ClientSettings{SubjectType: request.SubjectPairwise}}
		if got := again.subject(c, h.alice); got != sub {
			t.Errorf("another node: %q", got)
		}
		b := h.signedIn(h.alice)
		if got := b.get(asking("trusted", "prompt", "none", "id_token_hint", a.IDToken)).sent(t); got.Get("code") == "" {
			t.Errorf("its hint is not known: %v", got)
		}
		b.enter(h.bob)
		if got := b.get(asking("trusted", "prompt", "none", "id_token_hint", a.IDToken)).sent(t); got.Get("error") != "login_required" {
			t.Errorf("its hint is taken for somebody else: %v", got)
		}
	})
}
