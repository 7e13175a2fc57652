package gitlab

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
)

var keysOfUserPublic = strings.Fields(`id username public_email name state locked avatar_url web_url
	created_at bio location linkedin twitter discord website_url github job_title pronouns organization bot
	work_information followers following is_followed local_time
	last_sign_in_at confirmed_at last_activity_on email theme_id color_scheme_id projects_limit current_sign_in_at
	identities can_create_group can_create_project two_factor_enabled external private_profile commit_email
	preferred_language shared_runners_minutes_limit extra_shared_runners_minutes_limit scim_identities`)

// keys lists the top-level keys of a JSON object in their order.
func keys(t *testing.T, object []byte) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(object)))
	var found []string
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		k, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, k.(string))
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func alice() gatehouse.User {
	return gatehouse.User{
		Number: 1_000_000_001, Username: "alice", Name: "Alice", Email: "alice@example.com", EmailVerified: true,
		Avatar: "https://img.example/a.png", Locale: "zh-CN", State: gatehouse.UserActive,
		CreatedAt:    time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC),
		LastSignInAt: time.Date(2026, 2, 10, 1, 0, 0, 0, time.FixedZone("CST", 8*3600)),
	}
}

func TestUserOf(t *testing.T) {
	t.Parallel()
	t.Run("KeysAndOrderAreGitLabs", func(t *testing.T) {
		t.Parallel()
		b, err := json.Marshal(UserOf(Person{User: alice(), URL: "https://id.example"}))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(keysOfUserPublic, keys(t, b)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("ValuesAreTheUsers", func(t *testing.T) {
		t.Parallel()
		b, err := json.Marshal(UserOf(Person{
			User: alice(), URL: "https://id.example", SignInAt: time.Date(2026, 2, 11, 0, 0, 0, 0, time.UTC),
			Identities: []Identity{{Provider: "dingtalk", ExternUID: "u1"}},
		}))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`"id":1000000001,`, `"state":"active"`, `"web_url":"https://id.example/alice"`, `"avatar_url":"https://img.example/a.png"`,
			`"created_at":"2026-01-02T03:04:05.678Z"`, `"confirmed_at":"2026-01-02T03:04:05.678Z"`,
			`"last_sign_in_at":"2026-02-09T17:00:00.000Z"`, `"last_activity_on":"2026-02-09"`,
			`"current_sign_in_at":"2026-02-11T00:00:00.000Z"`, `"preferred_language":"zh_CN"`,
			`"email":"alice@example.com"`, `"commit_email":"alice@example.com"`,
			`"identities":[{"provider":"dingtalk","extern_uid":"u1","saml_provider_id":null}]`, `"scim_identities":[]`,
		} {
			if !strings.Contains(string(b), want) {
				t.Errorf("no %s in %s", want, b)
			}
		}
	})
	t.Run("UnverifiedAddressIsLeftOut", func(t *testing.T) {
		t.Parallel()
		u := alice()
		u.EmailVerified = false
		b, err := json.Marshal(UserOf(Person{User: u}))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "alice@example.com") || !strings.Contains(string(b), `"confirmed_at":null`) {
			t.Errorf("an unverified address is told: %s", b)
		}
	})
	t.Run("NothingKnownIsNullOrEmpty", func(t *testing.T) {
		t.Parallel()
		b, err := json.Marshal(UserOf(Person{User: gatehouse.User{Number: 7}}))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"avatar_url":null`, `"last_sign_in_at":null`, `"last_activity_on":null`, `"identities":[]`, `"preferred_language":"en"`} {
			if !strings.Contains(string(b), want) {
				t.Errorf("no %s in %s", want, b)
			}
		}
	})
}

func TestState(t *testing.T) {
	t.Parallel()
	want := map[gatehouse.UserState]string{
		gatehouse.UserActive: "active", gatehouse.UserPending: "blocked_pending_approval",
		gatehouse.UserBlocked: "blocked", gatehouse.UserLeft: "deactivated", "new in a later version": "blocked",
	}
	for s, word := range want {
		if got := state(s); got != word {
			t.Errorf("state(%q) = %q, want %q", s, got, word)
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failure *Failure
		status  int
		body    string
	}{
		"none":     {Unauthorized(), http.StatusUnauthorized, `{"message":"401 Unauthorized"}`},
		"expired":  {TokenExpired(), http.StatusUnauthorized, `{"error":"invalid_token","error_description":"Token is expired. You can either do re-authorization or token refresh."}`},
		"revoked":  {TokenRevoked(), http.StatusUnauthorized, `{"error":"invalid_token","error_description":"Token was revoked. You have to re-authorize from the user."}`},
		"scope":    {InsufficientScope("read_user api read_api"), http.StatusForbidden, `{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"read_user api read_api"}`},
		"both":     {TwoTokens(), http.StatusBadRequest, `{"error":"invalid_request","error_description":"Both Authorization header and payload includes access token."}`},
		"blocked":  {Denied(gatehouse.UserBlocked), http.StatusForbidden, `{"message":"403 Forbidden - Your account has been blocked."}`},
		"left":     {Denied(gatehouse.UserLeft), http.StatusForbidden, `{"message":"403 Forbidden - Your account has been blocked."}`},
		"pending":  {Denied(gatehouse.UserPending), http.StatusForbidden, `{"message":"403 Forbidden - Your account is pending approval from your administrator and hence blocked."}`},
		"unknown":  {NotFound(), http.StatusNotFound, `{"error":"404 Not Found"}`},
		"method":   {NotAllowed(), http.StatusMethodNotAllowed, `{"error":"405 Not Allowed"}`},
		"version3": {Gone(), http.StatusGone, `{"error":"API V3 is no longer supported. Use API V4 instead."}`},
	} {
		b, err := json.Marshal(c.failure.Body)
		if err != nil {
			t.Fatal(err)
		}
		if c.failure.Status != c.status || string(b) != c.body {
			t.Errorf("%s: %d %s, want %d %s", name, c.failure.Status, b, c.status, c.body)
		}
	}
	if Denied(gatehouse.UserActive) != nil {
		t.Error("an active user is denied")
	}
}

func TestUserOfTellsWhatPeopleDo(t *testing.T) {
	t.Parallel()
	u := alice()
	u.JobTitle, u.Organization, u.Location = "Smith", "Forge", "Ulm"
	got := UserOf(Person{User: u, URL: "https://id.example"})
	if got.JobTitle != "Smith" || got.Organization != "Forge" || got.Location != "Ulm" {
		t.Errorf("%q %q %q", got.JobTitle, got.Organization, got.Location)
	}
}
