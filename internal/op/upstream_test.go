package op

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/store"
)

// fromGitLab has "trusted" know people by their ids at a GitLab.
func (h *house) fromGitLab() (c gatehouse.Connection) {
	h.t.Helper()
	c = gatehouse.Connection{Name: "gitlab", Kind: "gitlab", Label: "Our GitLab", Enabled: true, AppID: "x"}
	h.update(func(tx *store.Tx) error { return tx.SaveConnection(&c) })
	h.change("trusted", func(c *gatehouse.Client) { c.Settings.UserIDFrom = "gitlab" })
	return c
}

// vouch connects an account of a connection.
func (h *house) vouch(u gatehouse.User, c gatehouse.Connection, subject string) (i gatehouse.Identity) {
	h.t.Helper()
	i = gatehouse.Identity{UserID: u.ID, ConnectionID: c.ID, Subject: subject}
	h.update(func(tx *store.Tx) error { return tx.SaveIdentity(&i) })
	return i
}

// Design part 7: an app that was moved from a GitLab sees that GitLab's ids,
// wherever it is told who somebody is.
func TestUserIDFrom(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		c := h.fromGitLab()
		h.change("trusted", func(c *gatehouse.Client) { c.Settings.AccessToken = gatehouse.AccessTokenJWT })
		h.vouch(h.alice, c, "42")
		a := h.grant()
		for what, token := range map[string]string{"ID token": a.IDToken, "access token": a.AccessToken} {
			if got := claimsIn(t, token)["sub"]; got != "42" {
				t.Errorf("%s: sub %v", what, got)
			}
		}
		h.change("trusted", func(c *gatehouse.Client) { c.Settings.AccessToken = "" })
		a = h.grant()
		for path, want := range map[string]string{"/oauth/userinfo": `"sub":"42"`, "/api/v4/user": `"id":42,`, "/oauth/token/info": `"resource_owner_id":42,`} {
			if p := h.machine().do(http.MethodGet, path, nil, "Authorization", "Bearer "+a.AccessToken); !strings.Contains(p.body, want) {
				t.Errorf("%s: %d %s", path, p.status, p.body)
			}
		}
		p := h.post("/oauth/introspect", url.Values{"token": {a.AccessToken}, "client_id": {"trusted"}, "client_secret": {appSecret}})
		if !strings.Contains(p.body, `"sub":"42"`) {
			t.Errorf("introspection: %s", p.body)
		}
		again := h.refresh(a.RefreshToken).tokens(t)
		if got := claimsIn(t, again.IDToken)["sub"]; got != "42" {
			t.Errorf("refreshed: %v", got)
		}
		b := h.signedIn(h.alice)
		if got := b.get(asking("trusted", "prompt", "none", "id_token_hint", a.IDToken)).sent(t); got.Get("code") == "" {
			t.Errorf("its hint is not known: %v", got)
		}
		if got := b.get(asking("old", "code_challenge", "", "code_challenge_method", "")).sent(t); got.Get("code") == "" {
			t.Errorf("another client: %v", got)
		}
	})
}

// Nobody is signed in to such an app without a number of their own there.
func TestUserIDFromWithoutAccount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		c := h.fromGitLab()
		h.vouch(h.alice, c, "not-a-number")
		b := h.signedIn(h.alice)
		p := b.get(asking("trusted"))
		if p.status != http.StatusForbidden || !strings.Contains(p.body, "Connect your account at Our GitLab first") || !strings.Contains(p.body, `href="/user"`) {
			t.Fatalf("%d %s", p.status, p.body)
		}
		if got := h.signedIn(h.alice).get(asking("trusted", "prompt", "none")).sent(t); got.Get("error") != "interaction_required" {
			t.Errorf("prompt=none: %v", got)
		}
		h.vouch(h.alice, c, "42")
		_, after, _ := strings.Cut(p.body, "/oauth/authorize?request=")
		handle, _, _ := strings.Cut(after, `"`)
		if got := b.get("/oauth/authorize?request=" + handle).sent(t); got.Get("code") == "" {
			t.Errorf("the request did not wait: %v", got)
		}
		h.vouch(h.alice, c, "43")
		p = h.signedIn(h.alice).get(asking("trusted"))
		if p.status != http.StatusForbidden || !strings.Contains(p.body, "Several accounts") {
			t.Errorf("several: %d %s", p.status, p.body)
		}
		h.change("trusted", func(c *gatehouse.Client) { c.Settings.UserIDFrom = "gone" })
		if p = h.signedIn(h.alice).get(asking("trusted")); p.status != http.StatusForbidden || !strings.Contains(p.body, "is not connected here any more") {
			t.Errorf("no connection: %d %s", p.status, p.body)
		}
	})
}

// One number is never two people, and never another one unseen.
func TestUserIDFromIsOnePerson(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		c := h.fromGitLab()
		mine := h.vouch(h.alice, c, "42")
		a := h.grant()
		h.update(func(tx *store.Tx) error { return tx.DeleteIdentity(mine.ID) })
		if p := h.refresh(a.RefreshToken); p.status != http.StatusBadRequest || !strings.Contains(p.body, "invalid_grant") {
			t.Errorf("refreshed without the account: %d %s", p.status, p.body)
		}
		h.vouch(h.alice, c, "77")
		if p := h.refresh(a.RefreshToken); !strings.Contains(p.body, "invalid_grant") {
			t.Errorf("refreshed as somebody else: %d %s", p.status, p.body)
		}
		h.vouch(h.bob, c, "42")
		bob := h.signedIn(h.bob).get(asking("trusted")).sent(t).Get("code")
		got := h.redeem(bob).tokens(t)
		if sub := claimsIn(t, got.IDToken)["sub"]; sub != "42" {
			t.Fatalf("bob is %v", sub)
		}
		if p := h.userinfo(a.AccessToken); p.status != http.StatusUnauthorized {
			t.Errorf("two people are 42: %d %s", p.status, p.body)
		}
		if sub := claimsIn(t, h.grant().IDToken)["sub"]; sub != "77" {
			t.Errorf("alice is %v", sub)
		}
		// Changing the setting ends what the app has.
		h.change("trusted", func(c *gatehouse.Client) { c.Settings.UserIDFrom = "" })
		if p := h.userinfo(got.AccessToken); p.status != http.StatusUnauthorized {
			t.Errorf("a token of before the change: %d %s", p.status, p.body)
		}
		if sub := claimsIn(t, h.grant().IDToken)["sub"]; sub != request.Subject(h.alice) {
			t.Errorf("alice is %v", sub)
		}
	})
}

func TestUserIDFromOnDevices(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.fromGitLab()
	h.television()
	h.change("phone", func(c *gatehouse.Client) { c.Settings.UserIDFrom = "gitlab" })
	d := h.wish()
	b := h.signedIn(h.alice)
	if p := b.answerWish(d.UserCode, "allow"); p.status != http.StatusForbidden || !strings.Contains(p.body, "Our GitLab") {
		t.Fatalf("%d %s", p.status, p.body)
	}
	h.vouch(h.alice, c, "42")
	if p := b.answerWish(d.UserCode, "allow"); !strings.Contains(p.body, "Your device is connected") {
		t.Fatalf("%d %s", p.status, p.body)
	}
	var a tokenAnswer
	if err := json.Unmarshal([]byte(h.poll(d.DeviceCode).body), &a); err != nil || claimsIn(t, a.IDToken)["sub"] != "42" {
		t.Errorf("%+v, %v", a, err)
	}
}
