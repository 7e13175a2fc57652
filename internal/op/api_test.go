package op

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/store"
)

func (h *house) api(path, token string) page {
	h.t.Helper()
	return h.machine().do(http.MethodGet, path, nil, "Authorization", "Bearer "+token)
}

func TestAPIUser(t *testing.T) {
	t.Parallel()
	t.Run("IsThePerson", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, h *house) {
			h.update(func(tx *store.Tx) error {
				c := gatehouse.Connection{Name: "dingtalk", Kind: "dingtalk", Enabled: true}
				if err := tx.SaveConnection(&c); err != nil {
					return err
				}
				return tx.SaveIdentity(&gatehouse.Identity{UserID: h.alice.ID, ConnectionID: c.ID, Subject: "union-1"})
			})
			token := h.grant("scope", "read_user").AccessToken
			for name, got := range map[string]page{
				"v4": h.api("/api/v4/user", token), "v3": h.api("/api/v3/user", token),
				"T10/v4ByAddress": h.machine().get("/api/v4/user?access_token=" + token), "T10/v3ByAddress": h.machine().get("/api/v3/user?access_token=" + token),
			} {
				for _, want := range []string{
					`{"id":` + request.Subject(h.alice) + `,"username":"alice","public_email":null,"name":"Alice","state":"active","locked":false,`,
					`"web_url":"` + h.url + `/alice"`, `"email":"alice@example.com"`, `"identities":[{"provider":"dingtalk","extern_uid":"union-1","saml_provider_id":null}]`,
					`"current_sign_in_at":"` + h.clock.Now().UTC().Format("2006-01-02T15:04:05.000Z") + `"`,
				} {
					if got.status != http.StatusOK || !strings.Contains(got.body, want) {
						t.Errorf("%s: %d %s has no %s", name, got.status, got.body, want)
					}
				}
				if got.header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s: %v", name, got.header)
				}
			}
		})
	})
	t.Run("AnyOfThreeScopes", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		if got := h.api("/api/v4/user", h.grant("scope", "api").AccessToken); got.status != http.StatusOK {
			t.Errorf("api: %d", got.status)
		}
		got := h.api("/api/v4/user", h.grant("scope", "openid profile email").AccessToken)
		want := `{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"read_user api read_api"}`
		if got.status != http.StatusForbidden || got.body != want || !strings.Contains(got.header.Get("WWW-Authenticate"), `error="insufficient_scope"`) {
			t.Errorf("openid: %d %s %v", got.status, got.body, got.header)
		}
	})
}

func TestAPIFailsAsGitLabDoes(t *testing.T) {
	t.Parallel()
	h := open(t)
	a := h.grant()
	unauthorized := `{"message":"401 Unauthorized"}`
	robot := h.post("/oauth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"robot"}, "client_secret": {otherSecret}}).tokens(t)
	check := func(name string, got page, status int, body string) {
		t.Helper()
		if got.status != status || got.body != body {
			t.Errorf("%s: %d %s, want %d %s", name, got.status, got.body, status, body)
		}
		if status == http.StatusUnauthorized && !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: RFC 6750 section 3: no challenge", name)
		}
	}
	m := h.machine()
	check("None", m.get("/api/v4/user"), 401, unauthorized)
	check("Unknown", h.api("/api/v4/user", "x"), 401, unauthorized)
	check("Hostile", h.api("/api/v4/user", strings.Repeat("\xff", 600)), 401, unauthorized)
	check("T10/Refresh", h.api("/api/v4/user", a.RefreshToken), 401, unauthorized)
	check("T10/IDToken", h.api("/api/v4/user", a.IDToken), 401, unauthorized)
	check("Robot", h.api("/api/v4/user", robot.AccessToken), 401, unauthorized)
	check("PrivateToken", m.do(http.MethodGet, "/api/v4/user", nil, "PRIVATE-TOKEN", a.AccessToken), 401, unauthorized)
	check("T10/VersionByAddress", m.get("/api/v4/version?access_token="+a.AccessToken), 401, unauthorized)
	both := `{"error":"invalid_request","error_description":"Both Authorization header and payload includes access token."}`
	check("Both", h.api("/api/v4/user?access_token="+a.AccessToken, a.AccessToken), 400, both)
	check("Twice", m.get("/api/v4/user?access_token=a&access_token=b"), 400, both)
	check("Version", h.api("/api/v4/version", a.AccessToken), 200, `{"version":"18.9.0","revision":"gatehouse"}`)
	check("Route", h.api("/api/v4/nothing/here", a.AccessToken), 404, `{"error":"404 Not Found"}`)
	check("Root", m.get("/api/v4/"), 404, `{"error":"404 Not Found"}`)
	check("Method", m.do(http.MethodPost, "/api/v4/user", url.Values{}), 405, `{"error":"405 Not Allowed"}`)
	check("v3", m.get("/api/v3/projects"), 410, `{"error":"API V3 is no longer supported. Use API V4 instead."}`)

	h.setState(h.alice, gatehouse.UserBlocked)
	check("T13/Blocked", h.api("/api/v4/user", a.AccessToken), 403, `{"message":"403 Forbidden - Your account has been blocked."}`)
	h.setState(h.alice, gatehouse.UserPending)
	check("Pending", h.api("/api/v4/user", a.AccessToken), 403, `{"message":"403 Forbidden - Your account is pending approval from your administrator and hence blocked."}`)
	h.setState(h.alice, gatehouse.UserActive)

	h.change("trusted", func(c *gatehouse.Client) { c.Enabled = false })
	check("DisabledClient", h.api("/api/v4/user", a.AccessToken), 401, unauthorized)
	h.change("trusted", func(c *gatehouse.Client) { c.Enabled = true })

	h.post("/oauth/revoke", trusted(a.AccessToken))
	check("Revoked", h.api("/api/v4/user", a.AccessToken), 401,
		`{"error":"invalid_token","error_description":"Token was revoked. You have to re-authorize from the user."}`)
	b := h.grant()
	h.clock.add(2 * time.Hour)
	check("Expired", h.api("/api/v4/user", b.AccessToken), 401,
		`{"error":"invalid_token","error_description":"Token is expired. You can either do re-authorization or token refresh."}`)
}

// A person whose address nobody verified must not seem to own it in apps that
// believe GitLab.
func TestAPIUserHidesUnverifiedAddress(t *testing.T) {
	t.Parallel()
	h := open(t)
	code := h.signedIn(h.bob).get(asking("trusted")).sent(t).Get("code")
	got := h.api("/api/v4/user", h.redeem(code).tokens(t).AccessToken)
	if strings.Contains(got.body, "bob@example.com") || !strings.Contains(got.body, `"email":null`) {
		t.Errorf("%s", got.body)
	}
}
