package caller_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/world"
)

const (
	unauthorized = `{"message":"401 Unauthorized"}`
	expired      = `{"error":"invalid_token","error_description":"Token is expired. You can either do re-authorization or token refresh."}`
	revoked      = `{"error":"invalid_token","error_description":"Token was revoked. You have to re-authorize from the user."}`
	deactivated  = "Your account has been deactivated by your administrator. Please log back in from a web browser to reactivate your account at https://gitlab.example"
)

var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// tokens is the demo with a token of every kind.
func tokens() *world.World {
	w := world.Demo()
	for _, k := range []world.Token{
		{Value: "bob", UserID: 6, Scopes: []string{"api"}, ExpiresAt: now.Add(1)},
		{Value: "root", UserID: 1, Scopes: []string{"api", "sudo", "admin_mode"}},
		{Value: "root-api", UserID: 1, Scopes: []string{"api"}},
		{Value: "erin", UserID: 11, Scopes: []string{"api"}},
		{Value: "oauth", Kind: world.OAuthToken, UserID: 6, Scopes: []string{"read_user"}, ExpiresAt: now.Add(time.Hour)},
		{Value: "openid", Kind: world.OAuthToken, UserID: 6, Scopes: []string{"openid", "profile", "email"}, ExpiresAt: now.Add(time.Hour)},
		{Value: "nobody", Kind: world.OAuthToken, Scopes: []string{"api"}, ExpiresAt: now.Add(time.Hour)},
		{Value: "expired", UserID: 6, ExpiresAt: now, Revoked: true},
		{Value: "revoked", UserID: 6, Revoked: true},
		{Value: "blocked", UserID: 14, Scopes: []string{"api"}},
		{Value: "deactivated", UserID: 15, Scopes: []string{"api"}},
		{Value: "banned", UserID: 16, Scopes: []string{"api"}},
		{Value: "pending", UserID: 17, Scopes: []string{"api"}},
		{Value: "ldap", UserID: 18, Scopes: []string{"api"}},
		{Value: "blocked-openid", UserID: 14, Scopes: []string{"openid"}},
		{Value: "bot", UserID: 21, Scopes: []string{"api"}},
		{Value: "alert", UserID: 20, Scopes: []string{"api"}},
	} {
		w.AddToken(k)
	}
	return w
}

// identify asks who sends a request with a header (name, value) and address.
func identify(t *testing.T, w *world.World, query string, header [2]string, rules caller.Rules) (c caller.Caller, err error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v4/user?"+query, nil)
	if header[0] != "" {
		r.Header.Set(header[0], header[1])
	}
	rules.URL, rules.Now = "https://gitlab.example", now
	w.Read(func(d *world.Data) {
		c, err = caller.Identify(d, r, r.URL.Query().Get, []string{"read_user", "api", "read_api"}, rules)
	})
	return c, err
}

func bearer(token string) [2]string  { return [2]string{"Authorization", "Bearer " + token} }
func private(token string) [2]string { return [2]string{"Private-Token", token} }

func TestIdentifyRefuses(t *testing.T) {
	t.Parallel()
	w := tokens()
	forbidden := func(why string) string { return `{"message":"403 Forbidden - ` + why + `"}` }
	for name, c := range map[string]struct {
		query  string
		header [2]string
		status int
		body   string
	}{
		"Unknown":                {"", bearer("x"), 401, unauthorized},
		"UnknownPrivate":         {"", private("x"), 401, unauthorized},
		"UnknownParameter":       {"private_token=x", [2]string{}, 401, unauthorized},
		"UnknownJob":             {"", [2]string{"Job-Token", "x"}, 401, unauthorized},
		"OAuthIsNoPrivateToken":  {"", private("oauth"), 401, unauthorized},
		"OAuthIsNoPrivateParam":  {"private_token=oauth", [2]string{}, 401, unauthorized},
		"OfNobody":               {"", bearer("nobody"), 401, unauthorized},
		"ExpiredIsSaidFirst":     {"", private("expired"), 401, expired},
		"Revoked":                {"", bearer("revoked"), 401, revoked},
		"OpenIDAlone":            {"", bearer("openid"), 403, `{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"read_user api read_api"}`},
		"ScopeBeforeState":       {"", private("blocked-openid"), 403, `{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"read_user api read_api"}`},
		"TwoTokens":              {"access_token=bob", bearer("bob"), 400, `{"error":"invalid_request","error_description":"Both Authorization header and payload includes access token."}`},
		"Blocked":                {"", private("blocked"), 403, forbidden("Your account has been blocked.")},
		"Banned":                 {"", private("banned"), 403, forbidden("Your account has been blocked.")},
		"LDAPBlocked":            {"", private("ldap"), 403, forbidden("Your account has been blocked.")},
		"Pending":                {"", private("pending"), 403, forbidden("Your account is pending approval from your administrator and hence blocked.")},
		"Deactivated":            {"", private("deactivated"), 403, forbidden(deactivated)},
		"Internal":               {"", private("alert"), 403, forbidden("This action cannot be performed by internal users")},
		"SudoByOthers":           {"sudo=root", private("bob"), 403, forbidden("Must be admin to use sudo")},
		"SudoWithoutScope":       {"sudo=bob", private("root-api"), 403, `{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"sudo"}`},
		"SudoAsNobody":           {"sudo=x", private("root"), 404, `{"message":"404 User with ID or username 'x' Not Found"}`},
		"SudoAsNobodyByID":       {"sudo=99", private("root"), 404, `{"message":"404 User with ID or username '99' Not Found"}`},
		"SudoRightsBeforeScope":  {"sudo=x", private("erin"), 403, forbidden("Must be admin to use sudo")},
		"AuthorizationWithBasic": {"access_token=x", [2]string{"Authorization", "Basic eDp5"}, 401, unauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := identify(t, w, c.query, c.header, caller.Rules{})
			var f *caller.Failure
			if !errors.As(err, &f) {
				t.Fatalf("no failure but %v", err)
			}
			body, err := json.Marshal(f.Body)
			if err != nil || f.Status != c.status || string(body) != c.body {
				t.Errorf("%d %s (%v), want %d %s", f.Status, body, err, c.status, c.body)
			}
		})
	}
}

func TestChallenges(t *testing.T) {
	t.Parallel()
	w := tokens()
	for token, want := range map[string]string{
		"revoked": `Bearer realm="Protected by OAuth 2.0", error="invalid_token", error_description="Token was revoked. You have to re-authorize from the user."`,
		"openid":  `Bearer realm="Protected by OAuth 2.0", error="insufficient_scope", error_description="The request requires higher privileges than provided by the access token.", scope="read_user api read_api"`,
	} {
		_, err := identify(t, w, "", bearer(token), caller.Rules{})
		var f *caller.Failure
		if !errors.As(err, &f) || f.Header.Get("WWW-Authenticate") != want {
			t.Errorf("%s: %v %v", token, err, f)
		}
	}
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	w := tokens()
	for name, c := range map[string]struct {
		query          string
		header         [2]string
		rules          caller.Rules
		user           int64 // 0: anonymous
		admin, readAll bool
	}{
		"Nobody":                   {},
		"Bearer":                   {header: bearer("bob"), user: 6},
		"BearerInAnyCase":          {header: [2]string{"Authorization", "bearer bob"}, user: 6},
		"AccessToken":              {query: "access_token=oauth", user: 6},
		"PrivateToken":             {header: private("bob"), user: 6},
		"PrivateTokenParam":        {query: "private_token=bob", user: 6},
		"Bot":                      {header: private("bot"), user: 21},
		"Administrator":            {header: private("root-api"), user: 1, admin: true, readAll: true},
		"AdminModeHidesSilently":   {header: private("root-api"), rules: caller.Rules{AdminMode: true}, user: 1},
		"AdminModeWithScope":       {header: private("root"), rules: caller.Rules{AdminMode: true}, user: 1, admin: true, readAll: true},
		"Auditor":                  {header: private("erin"), user: 11, readAll: true},
		"NoAuditorsInTheCommunity": {header: private("erin"), rules: caller.Rules{CE: true}, user: 11},
		"SudoByName":               {query: "sudo=Bob", header: private("root"), user: 6},
		"SudoByID":                 {query: "sudo=11", header: private("root"), user: 11, readAll: true},
		"SudoInHeader":             {query: "private_token=root", header: [2]string{"Sudo", "6"}, user: 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := identify(t, w, c.query, c.header, c.rules)
			if err != nil {
				t.Fatal(err)
			}
			var user int64
			if got.User != nil {
				user = got.User.ID
			}
			if user != c.user || got.Viewer.User != got.User || got.Viewer.Admin != c.admin || got.Viewer.ReadAll != c.readAll {
				t.Errorf("user %d, %+v", user, got.Viewer)
			}
		})
	}
}

// TestUnblockingBringsTokensBack: blocking touches no token.
func TestUnblockingBringsTokensBack(t *testing.T) {
	t.Parallel()
	w := tokens()
	for state, refused := range map[world.State]bool{world.Blocked: true, world.Active: false} {
		if err := w.SetState(6, state); err != nil {
			t.Fatal(err)
		}
		if _, err := identify(t, w, "", private("bob"), caller.Rules{}); (err != nil) != refused {
			t.Errorf("%s: %v", state, err)
		}
	}
}

func TestLimitedNamesTheUser(t *testing.T) {
	t.Parallel()
	w := tokens()
	for name, c := range map[string]struct {
		query  string
		header [2]string
		who    string
		known  bool
	}{
		"TwoTokensOfOne": {"", private("bob"), "user 6", true},
		"TheOther":       {"", bearer("openid"), "user 6", true},
		"InTheAddress":   {"access_token=oauth", [2]string{}, "user 6", true},
		"Nobody":         {"", [2]string{}, "192.0.2.1", false},
		"Unknown":        {"", private("x"), "192.0.2.1", false},
		"Application":    {"", bearer("nobody"), "192.0.2.1", false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v4/user?"+c.query, nil)
		if c.header[0] != "" {
			r.Header.Set(c.header[0], c.header[1])
		}
		w.Read(func(d *world.Data) {
			if who, known := caller.Limited(d, r); who != c.who || known != c.known {
				t.Errorf("%s: %s %t", name, who, known)
			}
		})
	}
}
