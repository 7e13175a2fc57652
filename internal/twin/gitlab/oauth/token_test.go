package oauth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/twin/gitlab/oauth"
	"gatehouse/internal/twin/gitlab/world"
)

const (
	grantText  = "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client."
	clientText = "Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method."
	scopeText  = "The requested scope is invalid, unknown, or malformed."
)

func TestTokenRefuses(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.code("good", nil)
	b.code("ran-out", func(c *world.Code) { c.ExpiresAt = now })
	b.code("others", func(c *world.Code) { c.Application = "other" })
	b.code("plain", func(c *world.Code) { c.Challenge, c.Method = "abc", "plain" })
	b.token("live", 3, "read_user")
	b.World.AddToken(world.Token{Kind: world.OAuthToken, Value: "dead", Refresh: "dead-refresh", UserID: 3, Revoked: true, Application: "app"})
	redeem := func(code string, more ...string) url.Values {
		return app(append(more, "grant_type", "authorization_code", "code", code, "redirect_uri", callback)...)
	}
	renew := func(more ...string) url.Values { return values(append(more, "grant_type", "refresh_token")...) }
	for name, c := range map[string]struct {
		form       url.Values
		status     int
		code, text string
	}{
		"NoGrantType":          {app(), 400, "invalid_request", "Missing required parameter: grant_type."},
		"UnknownGrant":         {app("grant_type", "implicit"), 400, "unsupported_grant_type", "The authorization grant type is not supported by the authorization server."},
		"Password":             {app("grant_type", "password", "username", "alice", "password", "x"), 400, "unsupported_grant_type", "The authorization grant type is not supported by the authorization server."},
		"NoCode":               {app("grant_type", "authorization_code"), 400, "invalid_request", "Missing required parameter: code."},
		"NoRedirectURI":        {app("grant_type", "authorization_code", "code", "good"), 400, "invalid_request", "Missing required parameter: redirect_uri."},
		"NoVerifierComesFirst": {app("grant_type", "authorization_code", "code", "plain"), 400, "invalid_request", "Missing required parameter: code_verifier."},
		"WrongVerifier":        {redeem("plain", "code_verifier", "abd"), 400, "invalid_grant", grantText},
		"NeedlessVerifier":     {redeem("good", "code_verifier", "abc"), 400, "invalid_grant", grantText},
		"UnknownCode":          {redeem("x"), 400, "invalid_grant", grantText},
		"CodeRanOut":           {redeem("ran-out"), 400, "invalid_grant", grantText},
		"CodeOfAnother":        {redeem("others"), 400, "invalid_grant", grantText},
		"OtherRedirectURI":     {app("grant_type", "authorization_code", "code", "good", "redirect_uri", callback+"?a=1"), 400, "invalid_grant", grantText},
		"NoClient":             {values("grant_type", "authorization_code", "code", "good", "redirect_uri", callback), 401, "invalid_client", clientText},
		"WrongSecret":          {values("grant_type", "authorization_code", "code", "good", "redirect_uri", callback, "client_id", "app", "client_secret", "x"), 401, "invalid_client", clientText},
		"NoSecret":             {values("grant_type", "authorization_code", "code", "good", "redirect_uri", callback, "client_id", "app"), 401, "invalid_client", clientText},
		"NoRefreshToken":       {renew(), 400, "invalid_request", "Missing required parameter: refresh_token."},
		"UnknownRefreshToken":  {renew("refresh_token", "x", "client_id", "app", "client_secret", "wrong"), 400, "invalid_grant", grantText},
		"OldRefreshToken":      {renew("refresh_token", "dead-refresh", "client_id", "app", "client_secret", "gloas-secret"), 400, "invalid_grant", grantText},
		"RefreshWrongSecret":   {renew("refresh_token", "live-refresh", "client_id", "app", "client_secret", "wrong"), 401, "invalid_client", clientText},
		"RefreshNoClient":      {renew("refresh_token", "live-refresh"), 400, "invalid_grant", grantText},
		"RefreshByAnother":     {renew("refresh_token", "live-refresh", "client_id", "other", "client_secret", "gloas-other"), 400, "invalid_grant", grantText},
		"RefreshTooWide":       {renew("refresh_token", "live-refresh", "scope", "api", "client_id", "app", "client_secret", "gloas-secret"), 400, "invalid_scope", scopeText},
		"CredentialsTooWide":   {app("grant_type", "client_credentials", "scope", "sudo"), 400, "invalid_scope", scopeText},
		"CredentialsNoSecret":  {values("grant_type", "client_credentials", "client_id", "app"), 401, "invalid_client", clientText},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := b.post("/oauth/token", c.form)
			if want := fmt.Sprintf(`{"error":%q,"error_description":%q}`, c.code, c.text); w.Code != c.status || w.Body.String() != want {
				t.Errorf("%d %s, want %d %s", w.Code, w.Body, c.status, want)
			}
			challenge := fmt.Sprintf(`Bearer realm="Doorkeeper", error=%q, error_description=%q`, c.code, c.text)
			if got := w.Header().Get("WWW-Authenticate"); got != challenge {
				t.Errorf("challenge %s, want %s", got, challenge)
			}
		})
	}
}

type pair struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Scope   string `json:"scope"`
	IDToken string `json:"id_token"`
}

func (b bench) pair(form url.Values) (p pair) {
	b.t.Helper()
	w := b.post("/oauth/token", form)
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusOK || p.Access == "" {
		b.t.Fatalf("%v: %d %s", form, w.Code, w.Body)
	}
	return p
}

// active asks whether a token of the application "app" is good.
func (b bench) active(token string) bool {
	b.t.Helper()
	return strings.HasPrefix(b.post("/oauth/introspect", app("token", token)).Body.String(), `{"active":true,`)
}

func TestTokenAnswers(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.code("c", func(c *world.Code) { c.Scopes = []string{"openid", "email"} })
	w := b.post("/oauth/token", app("grant_type", "authorization_code", "code", "c", "redirect_uri", callback))
	want := `^\{"access_token":"[0-9a-f]{64}","token_type":"Bearer","expires_in":7200,"refresh_token":"[0-9a-f]{64}","scope":"openid email","created_at":1772355600,"id_token":"[\w-]+\.[\w-]+\.[\w-]+"\}$`
	if ok, err := regexp.MatchString(want, w.Body.String()); !ok || err != nil || w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	h := w.Header()
	if h.Get("Content-Type") != "application/json; charset=utf-8" || h.Get("Cache-Control") != "no-store" || h.Get("Pragma") != "no-cache" {
		t.Errorf("headers %v", h)
	}
	w = b.post("/oauth/token", app("grant_type", "client_credentials"))
	if ok, err := regexp.MatchString(`^\{"access_token":"[0-9a-f]{64}","token_type":"Bearer","expires_in":7200,"scope":"api","created_at":1772355600\}$`, w.Body.String()); !ok || err != nil {
		t.Errorf("client credentials: %s", w.Body)
	}
}

func TestClientMayAuthenticate(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.code("c", nil)
	form := values("grant_type", "authorization_code", "code", "c", "redirect_uri", callback, "client_id", "other", "client_secret", "x")
	if w := b.send(http.MethodPost, "/oauth/token", form, basic("app", "gloas-secret")); w.Code != http.StatusOK {
		t.Errorf("Basic does not come first: %d %s", w.Code, w.Body)
	}
	b.code("d", func(c *world.Code) { c.Application = "open" })
	p := b.pair(values("grant_type", "authorization_code", "code", "d", "redirect_uri", callback, "client_id", "open"))
	if p = b.pair(values("grant_type", "refresh_token", "refresh_token", p.Refresh, "client_id", "open", "redirect_uri", "ignored")); p.Refresh == "" {
		t.Error("a public application got no refresh token")
	}
}

func TestCodeIsGoodForOneUse(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.code("c", nil)
	form := app("grant_type", "authorization_code", "code", "c", "redirect_uri", callback)
	first := b.pair(form)
	if w := b.post("/oauth/token", form); w.Code != http.StatusBadRequest {
		t.Errorf("again: %d %s", w.Code, w.Body)
	}
	if !b.active(first.Access) {
		t.Error("the replay ended the first token")
	}
}

func TestRefreshRotates(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.token("first", 3, "openid", "read_user")
	renew := func(token string, more ...string) url.Values {
		return app(append(more, "grant_type", "refresh_token", "refresh_token", token)...)
	}
	second := b.pair(renew("first-refresh", "scope", "openid"))
	if second.Scope != "openid" || second.IDToken == "" || b.active("first") {
		t.Errorf("refreshed to %+v, the old token is active: %t", second, b.active("first"))
	}
	if w := b.post("/oauth/token", renew("first-refresh")); w.Code != http.StatusBadRequest {
		t.Errorf("the old refresh token: %d %s", w.Code, w.Body)
	}
	if !b.active(second.Access) || b.pair(renew(second.Refresh)).Access == "" {
		t.Error("the replay ended the family")
	}
}

func TestOfTwoRefreshesOneWins(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.token("first", 3, "read_user")
	var statuses sync.Map
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			statuses.LoadOrStore(b.post("/oauth/token", app("grant_type", "refresh_token", "refresh_token", "first-refresh")).Body.String(), true)
		})
	}
	all.Wait()
	won := 0
	statuses.Range(func(body, _ any) bool {
		if strings.HasPrefix(body.(string), `{"access_token"`) {
			won++
		}
		return true
	})
	if won != 1 {
		t.Errorf("%d won", won)
	}
}

func TestTokensRunOut(t *testing.T) {
	t.Parallel()
	clock := now
	b := open(t, func(c *oauth.Config) { c.Now = func() time.Time { return clock } })
	b.code("c", func(c *world.Code) { c.ExpiresAt = now.Add(10 * time.Minute) })
	clock = now.Add(10*time.Minute - time.Second)
	p := b.pair(app("grant_type", "authorization_code", "code", "c", "redirect_uri", callback))
	clock = clock.Add(2*time.Hour - time.Second)
	if !b.active(p.Access) {
		t.Error("a token ends early")
	}
	clock = clock.Add(time.Second)
	if b.active(p.Access) {
		t.Error("a token lives longer than two hours")
	}
	if next := b.pair(app("grant_type", "refresh_token", "refresh_token", p.Refresh)); !b.active(next.Access) {
		t.Error("a refresh token ends with its access token")
	}
}

// TestBlockedPeopleGetNoIDToken plays what GitLab's code says: it looks for the
// person among active ones and fails.
func TestBlockedPeopleGetNoIDToken(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.token("t", 3, "openid")
	b.token("u", 3, "openid")
	if err := b.World.SetState(3, world.Blocked); err != nil {
		t.Fatal(err)
	}
	if w := b.post("/oauth/token", app("grant_type", "refresh_token", "refresh_token", "t-refresh")); w.Code != http.StatusInternalServerError {
		t.Errorf("refresh: %d %s", w.Code, w.Body)
	}
	if w := b.send(http.MethodGet, "/oauth/userinfo?access_token=u", nil, nil); w.Code != http.StatusInternalServerError || w.Body.Len() != 0 {
		t.Errorf("userinfo: %d %s", w.Code, w.Body)
	}
	if !b.active("u") {
		t.Error("introspection looks at the person, not only at the token")
	}
}
