package gitlab_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/twin/gitlab"
)

func TestWaysBack(t *testing.T) {
	t.Parallel()
	at := func(base string, change ...string) string {
		q := url.Values{"client_id": {"app"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"}, "state": {`a"<b>&c`}}
		for i := 0; i < len(change); i += 2 {
			q.Set(change[i], change[i+1])
		}
		return base + "/oauth/authorize?" + q.Encode()
	}
	begin := func(t *testing.T, change func(*gitlab.Config)) (string, *http.Client) {
		twin, srv := start(t, change)
		withApp(twin, func(a *gitlab.Application) { a.Trusted = true })
		b := browser(t)
		fetch(t, b, http.MethodPost, srv.URL+"/users/sign_in", url.Values{"user_id": {"3"}})
		return srv.URL, b
	}
	t.Run("FormPostEscapes", func(t *testing.T) {
		t.Parallel()
		base, b := begin(t, nil)
		_, body := fetch(t, b, http.MethodGet, at(base, "response_mode", "form_post"), nil)
		if !strings.Contains(body, `<form method="post" action="`+callback+`">`) || !strings.Contains(body, `name="state" value="a&#34;&lt;b&gt;&amp;c"`) {
			t.Error(body)
		}
	})
	t.Run("Fragment", func(t *testing.T) {
		t.Parallel()
		base, b := begin(t, func(c *gitlab.Config) { c.PlainRedirect = true })
		res, _ := fetch(t, b, http.MethodGet, at(base, "response_mode", "fragment"), nil)
		if got := res.Header.Get("Location"); res.StatusCode != 302 || !strings.HasPrefix(got, callback+"#code=") {
			t.Errorf("%d %s", res.StatusCode, got)
		}
	})
	t.Run("AskAlways", func(t *testing.T) {
		t.Parallel()
		base, b := begin(t, func(c *gitlab.Config) { c.AskAlways = true })
		_, body := fetch(t, b, http.MethodGet, at(base), nil)
		if !strings.Contains(body, "Continue as Alice Turner") || !strings.Contains(body, "Use another account") || strings.Contains(body, "<script") {
			t.Error(body)
		}
	})
	t.Run("LoginAgain", func(t *testing.T) {
		t.Parallel()
		base, b := begin(t, nil)
		res, _ := fetch(t, b, http.MethodGet, at(base, "prompt", "login"), nil)
		if res.Request.URL.Path != "/users/sign_in" {
			t.Fatalf("sent to %s", res.Request.URL)
		}
		_, body := fetch(t, b, http.MethodPost, base+"/users/sign_in", url.Values{"user_id": {"4"}})
		if !strings.Contains(body, "window.location = ") {
			t.Errorf("the request does not go on after it: %s", body)
		}
	})
	t.Run("LoginTypeForcesReadUser", func(t *testing.T) {
		t.Parallel()
		twin, srv := start(t, nil)
		withApp(twin, func(a *gitlab.Application) { a.Scopes = []string{"api"} })
		b := browser(t)
		fetch(t, b, http.MethodPost, srv.URL+"/users/sign_in", url.Values{"user_id": {"3"}})
		_, body := fetch(t, b, http.MethodGet, at(srv.URL, "scope", "api", "gl_auth_type", "login"), nil)
		if !strings.Contains(body, `name="scope" value="read_user"`) {
			t.Error(body)
		}
		allow := url.Values{"client_id": {"app"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"read_user"}}
		if res, body := fetch(t, b, http.MethodPost, srv.URL+"/oauth/authorize", allow); res.StatusCode != 302 {
			t.Errorf("allowed: %d %s", res.StatusCode, body)
		}
	})
	t.Run("OldSignInIsTooOld", func(t *testing.T) {
		t.Parallel()
		clock := now
		base, b := begin(t, func(c *gitlab.Config) { c.Clock = func() time.Time { return clock } })
		clock = clock.Add(time.Minute)
		if res, _ := fetch(t, b, http.MethodGet, at(base, "max_age", "60"), nil); res.Request.URL.Path == "/users/sign_in" {
			t.Error("a minute is too old for a minute")
		}
		clock = clock.Add(time.Second)
		if res, _ := fetch(t, b, http.MethodGet, at(base, "max_age", "60"), nil); res.Request.URL.Path != "/users/sign_in" {
			t.Error("61 seconds are not too old for a minute")
		}
	})
	t.Run("SignInIsNotForOtherSites", func(t *testing.T) {
		t.Parallel()
		_, srv := start(t, nil)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/users/sign_in", strings.NewReader("user_id=1"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		if res, _ := fetchRequest(t, req); res.StatusCode != http.StatusForbidden {
			t.Errorf("%d", res.StatusCode)
		}
	})
}
