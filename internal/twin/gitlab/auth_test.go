package gitlab_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/twin/gitlab"
	"gatehouse/internal/twin/gitlab/world"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	twin, srv := start(t, nil)
	add := func(name string, change func(*gitlab.Token)) string {
		k := gitlab.Token{Value: name, UserID: 6, Scopes: []string{"api"}}
		change(&k)
		twin.AddToken(k)
		return name
	}
	expired := add("expired", func(k *gitlab.Token) { k.ExpiresAt = now })
	revoked := add("revoked", func(k *gitlab.Token) { k.Revoked = true })
	openid := add("openid", func(k *gitlab.Token) { k.Scopes = []string{"openid"} })
	reader := add("reader", func(k *gitlab.Token) { k.Scopes = []string{"read_user"} })
	oauth := add("oauth", func(k *gitlab.Token) { k.Kind, k.ExpiresAt = world.OAuthToken, now.Add(time.Hour) })
	nobody := add("nobody", func(k *gitlab.Token) { k.Kind, k.UserID = world.OAuthToken, 0 })
	for id, name := range map[int64]string{14: "blocked", 15: "deactivated", 16: "banned", 17: "pending"} {
		add(name, func(k *gitlab.Token) { k.UserID = id })
	}
	const unauthorized = `{"message":"401 Unauthorized"}`
	for _, c := range []struct {
		name, path string
		header     http.Header
		status     int
		body       string
	}{
		{"None", "user", nil, 401, unauthorized},
		{"Unknown", "user", http.Header{"Private-Token": {"x"}}, 401, unauthorized},
		{"Expired", "user", http.Header{"Private-Token": {expired}}, 401, `{"error":"invalid_token","error_description":"Token is expired. You can either do re-authorization or token refresh."}`},
		{"Revoked", "user", http.Header{"Authorization": {"Bearer " + revoked}}, 401, `{"error":"invalid_token","error_description":"Token was revoked. You have to re-authorize from the user."}`},
		{"OpenIDAlone", "user", http.Header{"Authorization": {"Bearer " + openid}}, 403, `{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"read_user api read_api"}`},
		{"ReadUserForGroups", "groups", http.Header{"Authorization": {"Bearer " + reader}}, 403, `{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"ai_workflows api read_api"}`},
		{"OAuthAsPrivateToken", "user", http.Header{"Private-Token": {oauth}}, 401, unauthorized},
		{"ClientCredentials", "user", http.Header{"Authorization": {"Bearer " + nobody}}, 401, unauthorized},
		{"Twice", "user?access_token=oauth", http.Header{"Authorization": {"Bearer " + oauth}}, 400, `{"error":"invalid_request","error_description":"Both Authorization header and payload includes access token."}`},
		{"Blocked", "user", http.Header{"Private-Token": {"blocked"}}, 403, `{"message":"403 Forbidden - Your account has been blocked."}`},
		{"Banned", "user", http.Header{"Private-Token": {"banned"}}, 403, `{"message":"403 Forbidden - Your account has been blocked."}`},
		{"Pending", "user", http.Header{"Private-Token": {"pending"}}, 403, `{"message":"403 Forbidden - Your account is pending approval from your administrator and hence blocked."}`},
		{"Deactivated", "user", http.Header{"Private-Token": {"deactivated"}}, 403, `{"message":"403 Forbidden - Your account has been deactivated by your administrator. Please log back in from a web browser to reactivate your account at ` + srv.URL + `"}`},
		{"SudoWithoutRights", "user", http.Header{"Private-Token": {"bob-token"}, "Sudo": {"root"}}, 403, `{"message":"403 Forbidden - Must be admin to use sudo"}`},
		{"SudoUnknown", "user", http.Header{"Private-Token": {"root-token"}, "Sudo": {"x"}}, 404, `{"message":"404 User with ID or username 'x' Not Found"}`},
		{"Sudo", "users/6/associations_count", http.Header{"Private-Token": {"root-token"}, "Sudo": {"bob"}}, 200, `{"groups_count":1,"issues_count":0,"merge_requests_count":0,"projects_count":2}`},
		{"InTheAddress", "users/6/associations_count?access_token=oauth", nil, 200, `{"groups_count":1,"issues_count":0,"merge_requests_count":0,"projects_count":2}`},
		{"SelfWithOAuth", "personal_access_tokens/self", http.Header{"Authorization": {"Bearer " + oauth}}, 400, `{"message":"400 Bad request - This endpoint requires token type to be a personal access token"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/api/v4/"+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header = c.header.Clone()
			if req.Header == nil {
				req.Header = http.Header{}
			}
			res, body := fetchRequest(t, req)
			if res.StatusCode != c.status || body != c.body {
				t.Errorf("%d %s", res.StatusCode, body)
			}
			if challenge := res.Header.Get("WWW-Authenticate"); strings.Contains(c.body, `"insufficient_scope"`) && !strings.HasPrefix(challenge, `Bearer realm="Protected by OAuth 2.0", error="insufficient_scope"`) {
				t.Errorf("challenge %q", challenge)
			}
		})
	}
}

func TestUnblockingBringsTokensBack(t *testing.T) {
	t.Parallel()
	twin, srv := start(t, nil)
	for _, c := range []struct {
		state  world.State
		status int
	}{{world.Blocked, 403}, {world.Active, 200}} {
		if err := twin.World.SetState(6, c.state); err != nil {
			t.Fatal(err)
		}
		if got := ask(t, srv, "GET", "/api/v4/user", "bob-token", ""); got.status != c.status {
			t.Errorf("%s: %d", c.state, got.status)
		}
	}
}

const (
	badGrant  = `{"error":"invalid_grant","error_description":"The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client."}`
	badClient = `{"error":"invalid_client","error_description":"Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method."}`
)

func TestTokenEndpointRefuses(t *testing.T) {
	t.Parallel()
	twin, srv := start(t, nil)
	withApp(twin, nil)
	withApp(twin, func(a *gitlab.Application) { a.ID, a.Secret = "other", "gloas-other" })
	post := func(form url.Values) (*http.Response, string) {
		return fetch(t, browser(t), http.MethodPost, srv.URL+"/oauth/token", form)
	}
	fresh := func(challenge string) string {
		authURL := oauthConfig(srv).AuthCodeURL("s")
		if challenge != "" {
			authURL += "&code_challenge=" + challenge + "&code_challenge_method=plain"
		}
		return code(t, browser(t), srv, authURL, "3").Get("code")
	}
	good := func(change map[string]string) url.Values {
		form := url.Values{"grant_type": {"authorization_code"}, "client_id": {"app"}, "client_secret": {"gloas-secret"}, "redirect_uri": {callback}, "code": {"x"}}
		for k, v := range change {
			form.Set(k, v)
		}
		return form
	}
	for name, c := range map[string]struct {
		form   url.Values
		status int
		body   string
	}{
		"NoGrantType":    {url.Values{}, 400, `{"error":"invalid_request","error_description":"Missing required parameter: grant_type."}`},
		"UnknownGrant":   {url.Values{"grant_type": {"password"}}, 400, `{"error":"unsupported_grant_type","error_description":"The authorization grant type is not supported by the authorization server."}`},
		"NoRedirectURI":  {good(map[string]string{"redirect_uri": ""}), 400, `{"error":"invalid_request","error_description":"Missing required parameter: redirect_uri."}`},
		"WrongSecret":    {good(map[string]string{"client_secret": "x"}), 401, badClient},
		"NoSecret":       {good(map[string]string{"client_secret": ""}), 401, badClient},
		"UnknownCode":    {good(nil), 400, badGrant},
		"OtherClient":    {good(map[string]string{"code": fresh(""), "client_id": "other", "client_secret": "gloas-other"}), 400, badGrant},
		"OtherURI":       {good(map[string]string{"code": fresh(""), "redirect_uri": callback + "/"}), 400, badGrant},
		"NoVerifier":     {good(map[string]string{"code": fresh("abc")}), 400, `{"error":"invalid_request","error_description":"Missing required parameter: code_verifier."}`},
		"WrongVerifier":  {good(map[string]string{"code": fresh("abc"), "code_verifier": "abd"}), 400, badGrant},
		"NoRefreshToken": {url.Values{"grant_type": {"refresh_token"}}, 400, `{"error":"invalid_request","error_description":"Missing required parameter: refresh_token."}`},
		"ScopeTooWide":   {url.Values{"grant_type": {"client_credentials"}, "client_id": {"app"}, "client_secret": {"gloas-secret"}, "scope": {"sudo"}}, 400, `{"error":"invalid_scope","error_description":"The requested scope is invalid, unknown, or malformed."}`},
	} {
		res, body := post(c.form)
		if res.StatusCode != c.status || body != c.body {
			t.Errorf("%s: %d %s", name, res.StatusCode, body)
		}
		if !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), `Bearer realm="Doorkeeper", error="`) || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", name, res.Header)
		}
	}
	if res, body := post(good(map[string]string{"code": fresh("abc"), "code_verifier": "abc"})); res.StatusCode != 200 || !strings.HasPrefix(body, `{"access_token":"`) {
		t.Errorf("plain verifier: %d %s", res.StatusCode, body)
	}
}

func TestRefreshRotatesAndReplayIsHarmless(t *testing.T) {
	t.Parallel()
	twin, srv := start(t, nil)
	withApp(twin, nil)
	b := browser(t)
	post := func(path string, form url.Values) (int, string) {
		res, body := fetch(t, b, http.MethodPost, srv.URL+path, form)
		return res.StatusCode, body
	}
	var first, second struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
	client := url.Values{"client_id": {"app"}, "client_secret": {"gloas-secret"}}
	with := func(pairs ...string) url.Values {
		form := url.Values{}
		for k, v := range client {
			form[k] = v
		}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return form
	}
	got := code(t, b, srv, oauthConfig(srv).AuthCodeURL("s"), "3").Get("code")
	redeem := with("grant_type", "authorization_code", "code", got, "redirect_uri", callback)
	_, body := post("/oauth/token", redeem)
	answer{body: body}.decode(t, &first)
	if status, body := post("/oauth/token", redeem); status != 400 || body != badGrant {
		t.Errorf("the code again: %d %s", status, body)
	}
	_, body = post("/oauth/token", with("grant_type", "refresh_token", "refresh_token", first.RefreshToken))
	answer{body: body}.decode(t, &second)
	if status, body := post("/oauth/token", with("grant_type", "refresh_token", "refresh_token", first.RefreshToken)); status != 400 || body != badGrant {
		t.Errorf("the old refresh token: %d %s", status, body)
	}
	for token, want := range map[string]string{first.AccessToken: `{"active":false}`, second.AccessToken: `{"active":true,"scope":"openid email","client_id":"app",`} {
		if _, body := post("/oauth/introspect", with("token", token)); !strings.HasPrefix(body, want) {
			t.Errorf("introspection: %s, want %s", body, want)
		}
	}
	if status, body := post("/oauth/revoke", url.Values{"token": {second.AccessToken}, "client_id": {"app"}, "client_secret": {"x"}}); status != 403 || body != `{"error":"unauthorized_client","error_description":"You are not authorized to revoke this token"}` {
		t.Errorf("revoked by a stranger: %d %s", status, body)
	}
	if status, body := post("/oauth/revoke", with("token", second.AccessToken)); status != 200 || body != `{}` {
		t.Errorf("revoked: %d %s", status, body)
	}
	res, body := fetch(t, b, http.MethodGet, srv.URL+"/oauth/token/info?access_token="+second.AccessToken, nil)
	if res.StatusCode != 401 || body != `{"error":"invalid_token","error_description":"The access token is invalid","state":"unauthorized"}` {
		t.Errorf("token info: %d %s", res.StatusCode, body)
	}
	if status, body := post("/oauth/introspect", url.Values{"token": {"x"}}); status != 400 || !strings.Contains(body, "Request need to be authorized.") {
		t.Errorf("introspection by nobody: %d %s", status, body)
	}
}

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

	t.Run("ErrorsArePagesNotRedirects", func(t *testing.T) {
		t.Parallel()
		for param, value := range map[string]string{"client_id": "x", "redirect_uri": "https://evil.example/", "scope": "sudo", "response_type": "token", "response_mode": "x"} {
			res, body := fetch(t, signedIn, http.MethodGet, at(param, value), nil)
			if res.StatusCode != 200 || !strings.Contains(body, "<pre>") || res.Request.URL.Host != strings.TrimPrefix(srv.URL, "http://") {
				t.Errorf("%s=%s: %d %s", param, value, res.StatusCode, res.Request.URL)
			}
		}
	})
	t.Run("Deny", func(t *testing.T) {
		t.Parallel()
		form := url.Values{"_method": {"delete"}, "client_id": {"app"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"}}
		res, _ := fetch(t, signedIn, http.MethodPost, srv.URL+"/oauth/authorize", form)
		want := callback + "?error=access_denied&error_description=The+resource+owner+or+authorization+server+denied+the+request.&state=s"
		if got := res.Header.Get("Location"); res.StatusCode != 302 || got != want {
			t.Errorf("%d %s", res.StatusCode, got)
		}
	})
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
