package op

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/op/registration"
)

// What an administrator takes from a client is taken from the tokens that it has
// already.
func TestT14ScopesThatWereTakenAwayAreGoneAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		a := h.grant("scope", "openid email api")
		ask := func(path string) page {
			return h.machine().do(http.MethodGet, path, nil, "Authorization", "Bearer "+a.AccessToken)
		}
		if got := ask("/api/v4/user").status; got != http.StatusOK {
			t.Fatalf("before: %d", got)
		}
		h.change("trusted", func(c *gatehouse.Client) { c.Scopes = []string{"openid"} })
		if got := ask("/api/v4/user").status; got != http.StatusForbidden {
			t.Errorf("the API: %d", got)
		}
		if p := ask("/oauth/userinfo"); p.status != http.StatusOK || strings.Contains(p.body, "alice@example.com") {
			t.Errorf("user-info: %d %s", p.status, p.body)
		}
		var told introspection
		if err := json.Unmarshal([]byte(h.post("/oauth/introspect", trusted(a.AccessToken)).body), &told); err != nil || told.Scope != "openid" {
			t.Errorf("introspection: %q, %v", told.Scope, err)
		}
	})
}

// A client that removed itself is unknown from then on, whatever is remembered of
// it: it gets nothing, and nobody is sent to it.
func TestT21RemovedClientIsUnknownAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.op.Registration = Registration{By: registration.ByAnybody}
		r := h.json(http.MethodPost, registerPath, wish, "").registered(t, http.StatusCreated)
		ask := func() page {
			basic := base64.StdEncoding.EncodeToString([]byte(r.ClientID + ":" + r.ClientSecret))
			return h.post("/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {"x"}}, "Authorization", "Basic "+basic)
		}
		ask().refused(t, http.StatusBadRequest, "invalid_grant")
		if p := h.json(http.MethodDelete, registerPath+"/"+r.ClientID, "", r.Token); p.status != http.StatusNoContent {
			t.Fatalf("%d %s", p.status, p.body)
		}
		ask().refused(t, http.StatusUnauthorized, "invalid_client")
	})
}

// An ID token of a client that was switched off signs nobody out unasked.
func TestS9SwitchedOffClientSignsNobodyOut(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.signedIn(h.alice)
	hint := h.redeem(b.get(asking("trusted")).sent(t).Get("code")).tokens(t).IDToken
	h.change("trusted", func(c *gatehouse.Client) { c.Enabled = false })
	if p := b.get("/oauth/logout?id_token_hint=" + url.QueryEscape(hint)); p.status != http.StatusOK || !strings.Contains(p.body, `action="/oauth/logout/confirm"`) {
		t.Errorf("not asked: %d %s", p.status, p.at)
	}
}

// What a grant is carried out with is a secret: in an address it would be in the
// logs of every proxy, so that a client which sends it there is told.
func TestT8GrantsAreNotInAddresses(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, name := range []string{"code", "refresh_token", "device_code", "assertion", "client_assertion", "subject_token", "code_verifier", "client_secret"} {
		p := h.post("/oauth/token?"+name+"=x", url.Values{"grant_type": {"authorization_code"}, "client_id": {"trusted"}, "client_secret": {appSecret}})
		if p.refused(t, http.StatusBadRequest, "invalid_request"); !strings.Contains(p.body, name+" must be in the body") {
			t.Errorf("%s: %s", name, p.body)
		}
	}
}
