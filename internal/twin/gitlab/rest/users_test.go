package rest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/twin/gitlab/rest"
	"gatehouse/internal/twin/gitlab/world"
)

const (
	detailsTail = `"highest_role":50,"current_sign_in_ip":"192.0.2.10","last_sign_in_ip":"192.0.2.10","sign_in_count":9`
	v3          = `{"error":"API V3 is no longer supported. Use API V4 instead."}`
	stranger    = `{"message":"403 Forbidden - Not authorized to access /api/v4/users"}`
)

func TestWhoSeesWhatOfAUser(t *testing.T) {
	t.Parallel()
	api, _ := start(t, nil)
	api.World.AddToken(world.Token{Value: "auditor", UserID: 11, Scopes: []string{"read_user"}})
	details := strings.TrimSuffix(aliceAdmin, "}") + "," + detailsTail + `,"plan":null,"trial":null}`
	for _, c := range []struct {
		path, token string
		status      int
		body        string
	}{
		{"users/3", "root-token", 200, details},
		{"users/3", "auditor", 200, details},
		{"users/3", "bob-token", 200, "{" + alicePublic + "}"},
		{"users/3", "", 403, `{"message":"403 Forbidden - Not authorized!"}`},
		{"users?username=alice", "root-token", 200, "[" + aliceAdmin + "]"},
		{"users?username=alice", "auditor", 200, "[" + aliceAdmin + "]"},
		{"users?username=alice", "bob-token", 200, "[{" + aliceBasic + "}]"},
		{"users?username=alice", "", 200, "[{" + aliceBasic + "}]"},
		{"users?username=nobody", "", 200, "[]"},
		{"users", "", 403, stranger},
		{"users?search=alice", "", 403, stranger},
		{"users?extern_uid=dUnionLiNa&provider=dingtalk", "bob-token", 403, `{"message":"403 Forbidden"}`},
		{"users/16", "bob-token", 404, `{"message":"404 User Not Found"}`}, // banned
		{"users/99", "bob-token", 404, `{"message":"404 User Not Found"}`},
		{"users/3/memberships", "bob-token", 403, `{"message":"403 Forbidden"}`},
		{"users/3/memberships?type=Group", "root-token", 400, `{"error":"type does not have a valid value"}`},
		{"users/3/memberships?type=Project", "root-token", 200, `[{"source_id":14,"source_name":"dotfiles","source_type":"Project","access_level":50}]`},
		{"user", "", 401, `{"message":"401 Unauthorized"}`},
	} {
		got := ask(t, api, "GET", "/api/v4/"+c.path, c.token, "")
		if got.status != c.status {
			t.Errorf("%s by %q: %d", c.path, c.token, got.status)
		}
		exact(t, got, c.body)
	}
	if got := ask(t, api, "GET", "/api/v4/users?saml_provider_id=1", "root-token", ""); got.status != 403 {
		t.Errorf("saml_provider_id: %d %s", got.status, got.body)
	}
}

func TestRowsOfTheCommunityEdition(t *testing.T) {
	t.Parallel()
	api, _ := start(t, func(a *rest.API) { a.CE = true })
	admin, _, _ := strings.Cut(aliceAdmin, `,"shared_runners_minutes_limit"`)
	_, tail, _ := strings.Cut(aliceAdmin, `"scim_identities":[],`)
	tail, _, _ = strings.Cut(tail, `,"using_license_seat"`)
	exact(t, ask(t, api, "GET", "/api/v4/users/3", "root-token", ""), admin+","+tail+","+detailsTail+"}")
	exact(t, ask(t, api, "GET", "/api/v4/groups/13/members/14", "bob-token", ""), `{"message":"404 Group Not Found"}`)
	got := ask(t, api, "GET", "/api/v4/groups/10/members/3", "root-token", "")
	if !strings.HasSuffix(got.body, `"expires_at":null,"email":"alice@example.com"}`) {
		t.Errorf("a member does not end with what CE has: %s", got.body)
	}
	for _, path := range []string{"member_roles", "groups/10/pending_members"} {
		if got := ask(t, api, "GET", "/api/v4/"+path, "root-token", ""); got.status != 404 || got.body != `{"error":"404 Not Found"}` {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	api, _ := start(t, nil)
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/api/v3/projects", 410, v3},
		{"GET", "/api/v3", 410, v3},
		{"POST", "/api/v3/user", 410, v3},
		{"GET", "/api/v3/users", 410, v3},
		{"GET", "/api/v4/nothing", 404, `{"error":"404 Not Found"}`},
		{"GET", "/api/v5/user", 404, `{"error":"404 Not Found"}`},
		{"GET", "/api/v4/users/alice", 404, `{"error":"404 Not Found"}`},
		{"PATCH", "/api/v4/users", 405, `{"error":"405 Not Allowed"}`},
		{"DELETE", "/api/v4/user", 405, `{"error":"405 Not Allowed"}`},
		{"PUT", "/api/v4/groups/10/members", 405, `{"error":"405 Not Allowed"}`},
		{"GET", "/api/v4/groups/999", 404, `{"message":"404 Group Not Found"}`},
		{"GET", "/api/v4/projects/eng%2Fnothing", 404, `{"message":"404 Project Not Found"}`},
		{"GET", "/api/v4/groups/10/members/99", 404, `{"message":"404 Not found"}`},
	} {
		if got := ask(t, api, c.method, c.path, "root-token", ""); got.status != c.status || got.body != c.body {
			t.Errorf("%s %s: %d %s", c.method, c.path, got.status, got.body)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	api, _ := start(t, nil)
	h := ask(t, api, "GET", "/api/v4/user", "bob-token", "").header
	for name, want := range map[string]string{
		"Cache-Control": "max-age=0, private, must-revalidate", "Vary": "Origin", "X-Content-Type-Options": "nosniff",
		"X-Frame-Options": "SAMEORIGIN", "Content-Type": "application/json",
		"X-Gitlab-Meta": `{"correlation_id":"` + h.Get("X-Request-Id") + `","version":"1"}`,
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if !strings.HasPrefix(h.Get("ETag"), `W/"`) || !strings.HasPrefix(h.Get("X-Runtime"), "0.0") || len(h.Get("X-Request-Id")) != 26 {
		t.Errorf("%v", h)
	}
}

func TestUnmodifiedSince(t *testing.T) {
	t.Parallel()
	api, _ := start(t, nil)
	remove := func(path, since string) answer {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodDelete, "/api/v4/"+path, nil)
		r.Header.Set("Private-Token", "root-token")
		r.Header.Set("If-Unmodified-Since", since)
		return send(api, r)
	}
	for _, path := range []string{"users/7", "groups/12/members/7"} {
		if got := remove(path, "Mon, 01 Jan 2024 00:00:00 GMT"); got.status != http.StatusPreconditionFailed || got.body != `{"message":"412 Precondition Failed"}` {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
		if got := ask(t, api, "GET", "/api/v4/"+path, "root-token", ""); got.status != http.StatusOK {
			t.Errorf("%s was changed all the same: %d", path, got.status)
		}
	}
	if got := remove("groups/12/members/7", "Sun, 01 Mar 2026 00:00:00 GMT"); got.status != http.StatusNoContent || got.body != "" {
		t.Errorf("unmodified: %d %s", got.status, got.body)
	}
}
