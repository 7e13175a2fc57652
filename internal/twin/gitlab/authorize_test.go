package gitlab_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/internal/twin/gitlab"
)

func TestAuthorize(t *testing.T) {
	t.Parallel()
	twin, srv := start(t, nil)
	withApp(twin, nil)
	withApp(twin, func(a *gitlab.Application) { a.ID, a.Trusted = "trusted", true })
	at := func(change ...string) string {
		q := url.Values{"client_id": {"app"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"}}
		for i := 0; i < len(change); i += 2 {
			q.Set(change[i], change[i+1])
		}
		return srv.URL + "/oauth/authorize?" + q.Encode()
	}
	signedIn := browser(t)
	fetch(t, signedIn, http.MethodPost, srv.URL+"/users/sign_in", url.Values{"user_id": {"3"}})

	t.Run("TrustedApplicationGetsAPageWithAScript", func(t *testing.T) {
		t.Parallel()
		res, body := fetch(t, signedIn, http.MethodGet, at("client_id", "trusted"), nil)
		if res.StatusCode != 200 || !strings.Contains(body, "window.location = ") || !strings.Contains(body, `<a href="`+callback+"?code=") {
			t.Errorf("%d %s", res.StatusCode, body)
		}
	})
	t.Run("PromptNone", func(t *testing.T) {
		t.Parallel()
		res, _ := fetch(t, browser(t), http.MethodGet, at("prompt", "none"), nil)
		if got := res.Header.Get("Location"); !strings.HasPrefix(got, callback+"?error=login_required&") {
			t.Errorf("stranger: %s", got)
		}
		res, _ = fetch(t, signedIn, http.MethodGet, at("prompt", "none"), nil)
		if got := res.Header.Get("Location"); !strings.HasPrefix(got, callback+"?error=consent_required&") {
			t.Errorf("without consent: %s", got)
		}
	})
	t.Run("BlockedPeopleAreRefused", func(t *testing.T) {
		t.Parallel()
		for user, want := range map[string]string{
			"14": "Your account has been blocked. Please contact your GitLab administrator if you think this is an error.",
			"17": "Your account is pending approval from your GitLab administrator and hence blocked.",
			"19": "Invalid login or password.",
		} {
			_, body := fetch(t, browser(t), http.MethodPost, srv.URL+"/users/sign_in", url.Values{"user_id": {user}})
			if !strings.Contains(body, want) {
				t.Errorf("user %s: no %q", user, want)
			}
		}
	})
	t.Run("AnotherAccount", func(t *testing.T) {
		t.Parallel()
		b := browser(t)
		fetch(t, b, http.MethodPost, srv.URL+"/users/sign_in", url.Values{"user_id": {"4"}})
		_, body := fetch(t, b, http.MethodGet, at(), nil)
		_, rest, ok := strings.Cut(body, `<a href="/users/sign_out?return_to=`)
		link, _, _ := strings.Cut(rest, `"`)
		if !ok {
			t.Fatal(body)
		}
		_, body = fetch(t, b, http.MethodGet, srv.URL+"/users/sign_out?return_to="+strings.ReplaceAll(link, "&amp;", "&"), nil)
		if !strings.Contains(body, "Pick who you want to be") {
			t.Fatal(body)
		}
		_, body = fetch(t, b, http.MethodPost, srv.URL+"/users/sign_in", url.Values{"username": {"bob"}})
		if !strings.Contains(body, "Hub is requesting access") || !strings.Contains(body, "@bob") {
			t.Error(body)
		}
	})
	t.Run("ReturnLeadsNowhereElse", func(t *testing.T) {
		t.Parallel()
		for _, to := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`} {
			b := browser(t)
			fetch(t, b, http.MethodGet, srv.URL+"/users/sign_out?return_to="+url.QueryEscape(to), nil)
			res, _ := fetch(t, b, http.MethodPost, srv.URL+"/users/sign_in", url.Values{"user_id": {"3"}})
			if res.Request.URL.String() != srv.URL+"/" {
				t.Errorf("%s leads to %s", to, res.Request.URL)
			}
		}
	})
}
