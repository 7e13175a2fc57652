package gitlab_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/twin/gitlab"
	"gatehouse/internal/twin/gitlab/world"
)

func oauthToken(twin *gitlab.Twin, value string, user int64, scopes ...string) {
	twin.AddToken(gitlab.Token{
		Kind: world.OAuthToken, Value: value, UserID: user, Scopes: scopes, Application: "app",
		CreatedAt: now.Add(-time.Minute), ExpiresAt: now.Add(time.Hour),
	})
}

func TestUserinfo(t *testing.T) {
	t.Parallel()
	twin, srv := start(t, nil)
	withApp(twin, nil)
	oauthToken(twin, "carol", 9, "openid")
	oauthToken(twin, "carol-mail", 9, "openid", "email")
	oauthToken(twin, "api-only", 9, "api")
	info := func(token string) (int, string) {
		res, body := fetch(t, browser(t), http.MethodGet, srv.URL+"/oauth/userinfo?access_token="+token, nil)
		return res.StatusCode, body
	}
	const groups = `"groups":["eng/platform/sre","finance","finance/payroll"],"https://gitlab.org/claims/groups/owner":["finance"]}`
	_, body := info("carol")
	if !strings.HasPrefix(body, `{"sub":"9","sub_legacy":"`) || !strings.HasSuffix(body, groups) || strings.Contains(body, `"email`) {
		t.Errorf("without the scope email: %s", body)
	}
	_, body = info("carol-mail")
	if !strings.Contains(body, `"name":"Carol Ndiaye","nickname":"carol","preferred_username":"carol","email":"carol@example.com","email_verified":true,"profile":"`+srv.URL+`/carol","picture":"https://www.gravatar.com/`) {
		t.Errorf("with the scope email: %s", body)
	}
	if status, body := info("api-only"); status != 403 || body != "" {
		t.Errorf("without openid: %d %s", status, body)
	}
	if status, body := info("nonsense"); status != 401 || body != "" {
		t.Errorf("bad token: %d %s", status, body)
	}
	res, body := fetch(t, browser(t), http.MethodGet, srv.URL+"/oauth/token/info?access_token=carol", nil)
	want := `{"resource_owner_id":9,"scope":["openid"],"expires_in":3600,"application":{"uid":"app"},"created_at":1772355540,"scopes":["openid"],"expires_in_seconds":3600}`
	if body != want || res.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("token info %s, want %s", body, want)
	}
}

func TestIDTokenClaims(t *testing.T) {
	t.Parallel()
	twin, srv := start(t, nil)
	withApp(twin, nil)
	got := code(t, browser(t), srv, oauthConfig(srv).AuthCodeURL("s")+"&nonce=n", "9").Get("code")
	_, body := fetch(t, browser(t), http.MethodPost, srv.URL+"/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {got}, "redirect_uri": {callback}, "client_id": {"app"}, "client_secret": {"gloas-secret"},
	})
	var tok struct {
		IDToken   string `json:"id_token"`
		TokenType string `json:"token_type"`
		ExpiresIn int    `json:"expires_in"`
		CreatedAt int64  `json:"created_at"`
	}
	answer{body: body}.decode(t, &tok)
	if tok.TokenType != "Bearer" || tok.ExpiresIn != 7200 || tok.CreatedAt != now.Unix() {
		t.Errorf("answer %s", body)
	}
	parts := strings.Split(tok.IDToken, ".")
	var header, claims map[string]any
	for i, into := range []*map[string]any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	if header["alg"] != "RS256" || header["typ"] != "JWT" || len(header["kid"].(string)) != 43 {
		t.Errorf("header %v", header)
	}
	unix := float64(now.Unix())
	for k, want := range map[string]any{
		"iss": srv.URL, "aud": "app", "sub": "9", "nonce": "n", "iat": unix, "exp": unix + 120, "auth_time": unix,
		"groups_direct": []any{"eng/platform/sre", "finance"}, "groups": nil, "email": "carol@example.com", "preferred_username": "carol",
	} {
		if diff := cmp.Diff(want, claims[k]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", k, diff)
		}
	}
}

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
