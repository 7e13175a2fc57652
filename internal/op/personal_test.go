package op

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/pats"
	"gatehouse/internal/store"
)

// TestPersonalTokens: they open what is GitLab's API, as GitLab's do, and pass
// for an access token nowhere else (T10).
func TestPersonalTokens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.op.Personal = &pats.Tokens{Store: h.store}
		by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: h.alice.ID}
		var secret string
		var made gatehouse.PersonalToken
		h.update(func(tx *store.Tx) (err error) {
			secret, made, err = h.op.Personal.Make(tx, by, h.alice.ID, pats.New{Name: "x", Scopes: []string{pats.ReadUser}, Life: time.Hour})
			return err
		})
		get := func(path string, headers ...string) page {
			return h.machine().do(http.MethodGet, path, nil, headers...)
		}
		for name, headers := range map[string][]string{
			"Private": {"PRIVATE-TOKEN", secret}, "Bearer": {"Authorization", "Bearer " + secret},
			"Both": {"Authorization", "Bearer " + secret, "PRIVATE-TOKEN", secret},
		} {
			p := get("/api/v4/user", headers...)
			var u struct{ Username string }
			if err := json.Unmarshal([]byte(p.body), &u); err != nil || p.status != http.StatusOK || u.Username != "alice" {
				t.Errorf("%s: %d %s", name, p.status, p.body)
			}
		}
		if p := get("/api/v4/version", "PRIVATE-TOKEN", secret); p.status != http.StatusOK {
			t.Errorf("version: %d", p.status)
		}
		access := h.grant("scope", "openid read_user").AccessToken
		for name, tt := range map[string]struct {
			path    string
			headers []string
			status  int
		}{
			"TwoTokens":                  {"/api/v4/user", []string{"PRIVATE-TOKEN", secret, "Authorization", "Bearer " + access}, http.StatusBadRequest},
			"AccessTokenAsPrivate":       {"/api/v4/user", []string{"PRIVATE-TOKEN", access}, http.StatusUnauthorized},
			"Unknown":                    {"/api/v4/user", []string{"PRIVATE-TOKEN", strings.Replace(secret, secret[5:6], "g", 1)}, http.StatusUnauthorized},
			"T10 Userinfo":               {"/oauth/userinfo", []string{"Authorization", "Bearer " + secret}, http.StatusUnauthorized},
			"T10 TokenInfo":              {"/oauth/token/info", []string{"Authorization", "Bearer " + secret}, http.StatusUnauthorized},
			"T10 UserinfoByGitLabHeader": {"/oauth/userinfo", []string{"PRIVATE-TOKEN", secret}, http.StatusUnauthorized},
		} {
			if p := get(tt.path, tt.headers...); p.status != tt.status || strings.Contains(p.body, secret) {
				t.Errorf("%s: %d %s, want %d", name, p.status, p.body, tt.status)
			}
		}
		inactive := h.post("/oauth/introspect", url.Values{"token": {secret}, "client_id": {"trusted"}, "client_secret": {appSecret}})
		if !strings.Contains(inactive.body, `"active":false`) {
			t.Errorf("introspection: %s", inactive.body)
		}
		h.setState(h.alice, gatehouse.UserBlocked)
		if p := get("/api/v4/user", "PRIVATE-TOKEN", secret); p.status != http.StatusForbidden {
			t.Errorf("blocked: %d %s", p.status, p.body)
		}
		h.setState(h.alice, gatehouse.UserActive)
		h.clock.add(time.Hour)
		if p := get("/api/v4/user", "PRIVATE-TOKEN", secret); p.status != http.StatusUnauthorized || !strings.Contains(p.body, "expired") {
			t.Errorf("past its end: %d %s", p.status, p.body)
		}
		h.update(func(tx *store.Tx) error { return h.op.Personal.Revoke(tx, by, h.alice.ID, made.ID) })
		if p := get("/api/v4/user", "PRIVATE-TOKEN", secret); p.status != http.StatusUnauthorized || !strings.Contains(p.body, "revoked") {
			t.Errorf("revoked: %d %s", p.status, p.body)
		}
	})
}

// TestApplications: what acts for a person is listed whether they were asked or
// not, and all of it can be taken back.
func TestApplications(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		trusted := h.grant() // without being asked
		b := h.signedIn(h.alice)
		asked := h.redeem(b.decide(b.get(asking("app")), "allow").sent(t).Get("code"), "client_id", "app").tokens(t)
		h.exchanging(h.clock.Now().Add(time.Hour))
		list := func() (all []Application) {
			h.view(func(tx *store.Tx) (err error) {
				all, err = Applications(tx, h.alice.ID)
				return err
			})
			return all
		}
		all := list()
		if len(all) != 2 {
			t.Fatalf("%d applications, want 2: %+v", len(all), all)
		}
		for _, a := range all {
			if !a.Tokens || a.At.IsZero() || (a.Scopes == nil) != (a.Client.ID == "trusted") || a.Client.Name == "" {
				t.Errorf("%+v", a)
			}
		}
		by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: h.alice.ID, Name: "alice"}
		for _, id := range []string{"trusted", "app"} {
			h.update(func(tx *store.Tx) error { return Withdraw(tx, by, h.alice.ID, id) })
		}
		for _, token := range []string{trusted.AccessToken, asked.AccessToken} {
			if p := h.userinfo(token); p.status != http.StatusUnauthorized {
				t.Errorf("a token lives after it was withdrawn: %d", p.status)
			}
		}
		h.refresh(trusted.RefreshToken).refused(t, http.StatusBadRequest, "invalid_grant")
		if left := list(); len(left) != 0 {
			t.Errorf("left: %+v", left)
		}
		for _, id := range []string{"app", "nosuch", ""} {
			if err := h.store.Update(t.Context(), func(tx *store.Tx) error { return Withdraw(tx, by, h.alice.ID, id) }); gatehouse.KindOf(err) != gatehouse.NotFound {
				t.Errorf("%q, which may do nothing: %v", id, err)
			}
		}
	})
}

func TestAllowTokens(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.exchanging(h.clock.Now().Add(time.Hour))
	by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: h.alice.ID, Name: "alice"}
	askers := func() (ids []string) {
		h.view(func(tx *store.Tx) error {
			all, err := Askers(tx, h.alice.ID)
			for _, c := range all {
				ids = append(ids, c.ID)
			}
			return err
		})
		return ids
	}
	if got := askers(); len(got) != 2 {
		t.Errorf("asking: %v", got)
	}
	h.update(func(tx *store.Tx) error { return AllowTokens(tx, by, "app") })
	if got := askers(); len(got) != 1 || got[0] != "trusted" {
		t.Errorf("still asking: %v", got)
	}
	for _, id := range []string{"old", "phone", "nosuch", ""} {
		if err := h.store.Update(t.Context(), func(tx *store.Tx) error { return AllowTokens(tx, by, id) }); gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Errorf("%q, which does not ask: %v", id, err)
		}
	}
}
