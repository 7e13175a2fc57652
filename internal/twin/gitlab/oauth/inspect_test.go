package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"gatehouse/internal/twin/gitlab/world"
)

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// expect checks status and body to the letter.
func expect(t *testing.T, w *httptest.ResponseRecorder, status int, body string) {
	t.Helper()
	if w.Code != status || w.Body.String() != body {
		t.Errorf("%d %s, want %d %s", w.Code, w.Body, status, body)
	}
}

func invalidToken(text string) string {
	return `{"error":"invalid_token","error_description":"` + text + `","state":"unauthorized"}`
}

func TestTokenInfo(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.token("live", 3, "read_user")
	b.World.AddToken(world.Token{Kind: world.OAuthToken, Value: "nobody", Scopes: []string{"api"}, Application: "app", CreatedAt: now, ExpiresAt: now.Add(1e9)})
	b.World.AddToken(world.Token{Value: "glpat", UserID: 3, Scopes: []string{"api"}})
	const live = `{"resource_owner_id":3,"scope":["read_user"],"expires_in":3600,"application":{"uid":"app"},"created_at":1772355540,"scopes":["read_user"],"expires_in_seconds":3600}`
	for name, c := range map[string]struct {
		path   string
		header http.Header
		status int
		body   string
	}{
		"InTheAddress":     {"?access_token=live", nil, 200, live},
		"InTheHeader":      {"", bearer("live"), 200, live},
		"AsBearerToken":    {"?bearer_token=live", nil, 200, live},
		"ParameterIsFirst": {"?access_token=live", bearer("x"), 200, live},
		"OfNobody":         {"", bearer("nobody"), 200, `{"resource_owner_id":null,"scope":["api"],"expires_in":1,"application":{"uid":"app"},"created_at":1772355600,"scopes":["api"],"expires_in_seconds":1}`},
		"None":             {"", nil, 401, invalidToken("The access token is invalid")},
		"Personal":         {"", bearer("glpat"), 401, invalidToken("The access token is invalid")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expect(t, b.send(http.MethodGet, "/oauth/token/info"+c.path, nil, c.header), c.status, c.body)
		})
	}
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.token("live", 3, "read_user")
	b.token("asking", 4, "api")
	b.token("blocked", 14, "read_user")
	for value, change := range map[string]func(*world.Token){
		"revoked":  func(k *world.Token) { k.Revoked = true },
		"expired":  func(k *world.Token) { k.ExpiresAt = now },
		"others":   func(k *world.Token) { k.Application = "other" },
		"personal": func(k *world.Token) { k.Kind = world.PersonalToken },
	} {
		k := world.Token{Kind: world.OAuthToken, Value: value, UserID: 3, Application: "app", CreatedAt: now, ExpiresAt: now.Add(1e12)}
		change(&k)
		b.World.AddToken(k)
	}
	const (
		active = `{"active":true,"scope":"read_user","client_id":"app","token_type":"Bearer","exp":1772359200,"iat":1772355540}`
		dead   = `{"active":false}`
	)
	for name, c := range map[string]struct {
		form   url.Values
		header http.Header
		status int
		body   string
	}{
		"ByBasic":           {values("token", "live"), basic("app", "gloas-secret"), 200, active},
		"ByParameters":      {app("token", "live"), nil, 200, active},
		"ByAnotherToken":    {values("token", "live"), bearer("asking"), 200, active},
		"ARefreshToken":     {app("token", "live-refresh"), nil, 200, active},
		"OfABlockedUser":    {app("token", "blocked"), nil, 200, active},
		"Unknown":           {app("token", "x"), nil, 200, dead},
		"Revoked":           {app("token", "revoked"), nil, 200, dead},
		"Expired":           {app("token", "expired"), nil, 200, dead},
		"OfAnotherClient":   {app("token", "others"), nil, 200, dead},
		"Personal":          {app("token", "personal"), nil, 200, dead},
		"ByNobody":          {values("token", "live"), nil, 400, `{"error":"invalid_request","error_description":"Request need to be authorized. Required parameter for authorizing request is missing or invalid."}`},
		"ByUnknownToken":    {values("token", "live"), bearer("x"), 400, `{"error":"invalid_request","error_description":"Request need to be authorized. Required parameter for authorizing request is missing or invalid."}`},
		"WrongSecret":       {values("token", "live"), basic("app", "x"), 401, `{"error":"invalid_client","error_description":"` + clientText + `"}`},
		"ByItself":          {values("token", "live"), bearer("live"), 401, invalidToken("The access token is invalid")},
		"ByTokenOfAnother":  {values("token", "live"), bearer("others"), 401, invalidToken("The access token is invalid")},
		"ByARevokedToken":   {values("token", "live"), bearer("revoked"), 401, invalidToken("The access token was revoked")},
		"ByAnExpiredToken":  {values("token", "live"), bearer("expired"), 401, invalidToken("The access token expired")},
		"ByAPersonalToken":  {values("token", "live"), bearer("personal"), 400, `{"error":"invalid_request","error_description":"Request need to be authorized. Required parameter for authorizing request is missing or invalid."}`},
		"OfNothingByBearer": {values("token", "x"), bearer("asking"), 401, invalidToken("The access token is invalid")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expect(t, b.send(http.MethodPost, "/oauth/introspect", c.form, c.header), c.status, c.body)
		})
	}
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	const refused = `{"error":"unauthorized_client","error_description":"You are not authorized to revoke this token"}`
	for name, c := range map[string]struct {
		form   url.Values
		status int
		body   string
		live   bool // is the token good afterwards
	}{
		"ByItsClient":     {app("token", "t"), 200, `{}`, false},
		"ByRefreshToken":  {app("token", "t-refresh"), 200, `{}`, false},
		"Unknown":         {app("token", "x"), 200, `{}`, true},
		"WrongSecret":     {values("token", "t", "client_id", "app", "client_secret", "x"), 403, refused, true},
		"OtherClient":     {values("token", "t", "client_id", "other", "client_secret", "gloas-other"), 403, refused, true},
		"NoClient":        {values("token", "t"), 403, refused, true},
		"PersonalToken":   {app("token", "glpat"), 200, `{}`, true},
		"PublicByAnybody": {values("token", "public"), 200, `{}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t, nil)
			b.token("t", 3, "read_user")
			b.World.AddToken(world.Token{Value: "glpat", UserID: 3})
			b.World.AddToken(world.Token{Kind: world.OAuthToken, Value: "public", UserID: 3, Application: "open", ExpiresAt: now.Add(1e12)})
			expect(t, b.post("/oauth/revoke", c.form), c.status, c.body)
			if live := b.active("t"); live != c.live {
				t.Errorf("active afterwards: %t", live)
			}
			b.World.Read(func(d *world.Data) {
				if d.Token("glpat").Revoked || d.Token("public").Revoked != (name == "PublicByAnybody") {
					t.Error("a wrong token was revoked")
				}
			})
		})
	}
}
