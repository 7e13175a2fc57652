package op

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/op/registration"
	"gatehouse/internal/op/request"
	"gatehouse/internal/store"
)

// Whoever looks after an application can change it while somebody reads what it
// asks for. The button allows what was read, and nothing else.
func TestA12TheButtonAllowsWhatWasRead(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*gatehouse.Client){
		"Scopes":   func(c *gatehouse.Client) { c.Scopes = []string{"openid", "api", "email"} },
		"Name":     func(c *gatehouse.Client) { c.Name = "Payroll" },
		"Redirect": func(c *gatehouse.Client) { c.RedirectURIs = []string{callback, "https://other.example/cb"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, h *house) {
				h.change("app", func(c *gatehouse.Client) { c.Scopes = []string{"email"} })
				b := h.signedIn(h.alice)
				asked := b.get(asking("app", "scope", ""))
				h.change("app", change)
				got := b.decide(asked, "allow")
				if name == "Redirect" { // an address more is no other question
					got.sent(t)
					return
				}
				if got.status != http.StatusOK || !strings.Contains(got.body, `action="/oauth/authorize/consent"`) {
					t.Fatalf("not asked again: %d %q", got.status, got.header.Get("Location"))
				}
				h.view(func(tx *store.Tx) error {
					if _, err := tx.Consent(h.alice.ID, "app"); err == nil {
						t.Error("something was allowed that nobody read")
					}
					return nil
				})
				if b.decide(got, "allow").sent(t).Get("code") == "" {
					t.Error("no code")
				}
			})
		})
	}
}

// A name is what its maker chose. Where no administrator answers for it, the
// person reads that, in front of a browser and for a device.
func TestA12WhoRegisteredItselfIsMarked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.op.Registration = Registration{By: registration.ByAnybody}
		body := `{"redirect_uris":["` + callback + `"],"client_name":"The App","grant_types":["authorization_code","` + request.GrantDevice + `"],"token_endpoint_auth_method":"none"}`
		r := h.json(http.MethodPost, registerPath, body, "").registered(t, http.StatusCreated)
		const warning = "registered itself under this name"
		b := h.signedIn(h.alice)
		if p := b.get(asking(r.ClientID, "scope", "openid")); !strings.Contains(p.body, warning) {
			t.Errorf("no warning: %d\n%s", p.status, p.body)
		}
		w := h.wish("client_id", r.ClientID, "scope", "openid")
		if p := b.do(http.MethodPost, "/oauth/device", url.Values{"user_code": {w.UserCode}}); !strings.Contains(p.body, warning) {
			t.Errorf("no warning for a device: %d\n%s", p.status, p.body)
		}
		if p := b.get(asking("app")); strings.Contains(p.body, warning) {
			t.Error("a client of an administrator has the warning")
		}
	})
}
