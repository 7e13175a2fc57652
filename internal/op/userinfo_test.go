package op

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/op/request"
)

func TestUserinfo(t *testing.T) {
	t.Parallel()
	t.Run("TellsByScope", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		sub := `{"sub":"` + request.Subject(h.alice) + `"`
		profile := `,"name":"Alice","nickname":"alice","preferred_username":"alice"`
		email := `,"email":"alice@example.com","email_verified":true`
		links := `,"profile":"` + h.url + `/alice","picture":"https://img.example/alice.png"`
		for scope, want := range map[string]string{
			"openid":               sub + `}`,
			"openid profile":       sub + profile + links + `}`,
			"openid email":         sub + email + `}`,
			"openid profile email": sub + profile + email + links + `}`,
		} {
			got := h.userinfo(h.grant("scope", scope).AccessToken)
			if got.status != http.StatusOK || got.body != want || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %s, want %s", scope, got.status, got.body, want)
			}
		}
	})
	t.Run("ByPOST", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		token := h.grant().AccessToken
		header := []string{"Authorization", "Bearer " + token}
		for name, got := range map[string]page{
			"HeaderOnly": h.machine().do(http.MethodPost, "/oauth/userinfo", nil, header...),
			"EmptyForm":  h.post("/oauth/userinfo", url.Values{}, header...),
			"Form":       h.post("/oauth/userinfo", url.Values{"access_token": {token}}),
		} {
			if got.status != http.StatusOK {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		}
		h.post("/oauth/userinfo", url.Values{"access_token": {token}}, header...).refused(t, 400, "invalid_request")
	})
	t.Run("T10/NoOtherTokenPasses", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		a := h.grant()
		for name, token := range map[string]string{
			"Refresh": a.RefreshToken, "IDToken": a.IDToken, "Code": h.code("trusted"), "Unknown": "x", "Hostile": strings.Repeat("\xff", 600),
		} {
			got := h.userinfo(token)
			if got.status != http.StatusUnauthorized || !strings.Contains(got.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
				t.Errorf("%s: %d %v", name, got.status, got.header)
			}
		}
		h.machine().get("/oauth/userinfo?access_token="+a.AccessToken).refused(t, 400, "invalid_request")
	})
	t.Run("NoTokenIsAskedForOne", func(t *testing.T) {
		t.Parallel()
		got := open(t).machine().get("/oauth/userinfo")
		if got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") != `Bearer realm="Gatehouse"` {
			t.Errorf("%d %v", got.status, got.header)
		}
	})
	t.Run("WithoutOpenID", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		got := h.userinfo(h.grant("scope", "read_user").AccessToken)
		got.refused(t, http.StatusForbidden, "insufficient_scope")
		if !strings.Contains(got.header.Get("WWW-Authenticate"), `scope="openid"`) {
			t.Errorf("%v", got.header)
		}
	})
	t.Run("PastItsEnd", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, h *house) {
			a := h.grant()
			h.clock.add(2*time.Hour - time.Millisecond)
			if got := h.userinfo(a.AccessToken); got.status != http.StatusOK {
				t.Errorf("before its end: %d", got.status)
			}
			h.clock.add(time.Millisecond)
			if got := h.userinfo(a.AccessToken); got.status != http.StatusUnauthorized {
				t.Errorf("at its end: %d", got.status)
			}
		})
	})
}

func TestClaimsOf(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	u := gatehouse.User{Number: 1_000_000_007, Username: "li", Name: "李雷", Email: "li@example.com"}
	verified := u
	verified.EmailVerified = true
	without := u
	without.Email = ""
	for name, c := range map[string]struct {
		user   gatehouse.User
		scopes []string
		want   claims
	}{
		"Nothing":         {u, []string{"openid", "read_user"}, claims{Subject: "1000000007"}},
		"Profile":         {u, []string{"profile"}, claims{Subject: "1000000007", Name: "李雷", Nickname: "li", PreferredUsername: "li", Profile: "https://id/li"}},
		"UnverifiedEmail": {u, []string{"email"}, claims{Subject: "1000000007", Email: "li@example.com", EmailVerified: &no}},
		"VerifiedEmail":   {verified, []string{"email"}, claims{Subject: "1000000007", Email: "li@example.com", EmailVerified: &yes}},
		"NoEmail":         {without, []string{"email"}, claims{Subject: "1000000007"}},
	} {
		if diff := cmp.Diff(c.want, claimsOf(c.user, c.scopes, nil, "https://id")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
