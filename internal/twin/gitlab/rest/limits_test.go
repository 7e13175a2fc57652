package rest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"gatehouse/internal/twin/gitlab/rest"
	"gatehouse/internal/twin/gitlab/world"
)

// TestLimits holds every limit of GitLab's own against its number.
func TestLimits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, token string
		limit               int
		period              time.Duration
	}{
		"Groups":         {"GET", "groups?per_page=1", "root-token", 200, time.Minute},
		"Group":          {"GET", "groups/10?with_projects=false", "root-token", 400, time.Minute},
		"GroupProjects":  {"GET", "groups/10/projects?per_page=1", "root-token", 600, time.Minute},
		"InvitedGroups":  {"GET", "groups/13/invited_groups", "root-token", 60, time.Minute},
		"SharedGroups":   {"GET", "groups/14/groups/shared", "root-token", 60, time.Minute},
		"Projects":       {"GET", "projects?per_page=1", "root-token", 2000, 10 * time.Minute},
		"Project":        {"GET", "projects/1", "root-token", 400, time.Minute},
		"MembersAll":     {"GET", "projects/1/members/all?per_page=1", "root-token", 200, time.Minute},
		"DeleteMember":   {"DELETE", "groups/10/members/99", "root-token", 60, time.Minute},
		"UserByOthers":   {"GET", "users/3", "bob-token", 300, 10 * time.Minute},
		"UserProjects":   {"GET", "users/3/projects", "root-token", 300, time.Minute},
		"GroupOfNobody":  {"GET", "groups/open?with_projects=false", "", 400, time.Minute},
		"ProjectMissing": {"GET", "projects/999", "root-token", 400, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := now
			api, _ := start(t, func(a *rest.API) { a.Limiter, a.Now = &rest.Limiter{}, func() time.Time { return clock } })
			api.Limiter.Switch(true)
			for i := range c.limit {
				if got := ask(t, api, c.method, "/api/v4/"+c.path, c.token, ""); got.status == http.StatusTooManyRequests {
					t.Fatalf("request %d of %d is refused", i+1, c.limit)
				}
			}
			clock = clock.Add(500 * time.Millisecond)
			got := ask(t, api, c.method, "/api/v4/"+c.path, c.token, "")
			if got.status != http.StatusTooManyRequests || got.body != `{"message":{"error":"This endpoint has been requested too many times. Try again later."}}` ||
				got.header.Get("Retry-After") != fmt.Sprint(c.period.Seconds()) || got.header["Ratelimit-Limit"] != nil || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("one too many: %d %s %v", got.status, got.body, got.header)
			}
			clock = now.Add(c.period)
			if got := ask(t, api, c.method, "/api/v4/"+c.path, c.token, ""); got.status == http.StatusTooManyRequests {
				t.Error("the next window is refused, too")
			}
		})
	}
}

func TestWhatLimitsSpare(t *testing.T) {
	t.Parallel()
	api, _ := start(t, func(a *rest.API) { a.Limiter = &rest.Limiter{} })
	api.World.AddToken(world.Token{Value: "second", UserID: 1, Scopes: []string{"api"}})
	api.World.AddToken(world.Token{Value: "erin", UserID: 11, Scopes: []string{"api"}})
	api.Limiter.Switch(true)
	use := func(n int, method, path, token string) int {
		t.Helper()
		status := 0
		for range n {
			status = ask(t, api, method, "/api/v4/"+path, token, "").status
		}
		return status
	}
	for _, path := range []string{"users?per_page=1", "users/6/memberships", "groups/10/members?per_page=1"} {
		if got := use(700, "GET", path, "root-token"); got != http.StatusOK {
			t.Errorf("%s has a limit: %d", path, got)
		}
	}
	for _, token := range []string{"root-token", "erin"} {
		if got := use(301, "GET", "users/3", token); got != http.StatusOK {
			t.Errorf("users/3 by %s: %d", token, got)
		}
	}
	use(100, "GET", "groups/10/members/all?per_page=1", "root-token")
	use(100, "GET", "projects/1/members/all?per_page=1", "second")
	if got := use(1, "GET", "groups/11/members/all?per_page=1", "root-token"); got != http.StatusTooManyRequests {
		t.Errorf("groups and projects, and the tokens of one user, do not count together: %d", got)
	}
	use(60, "DELETE", "groups/10/members/99", "root-token")
	if got := use(1, "DELETE", "groups/eng/members/99", "root-token"); got != http.StatusTooManyRequests {
		t.Errorf("a group by its path counts apart: %d", got)
	}
	if got := use(1, "DELETE", "groups/11/members/99", "root-token"); got != http.StatusNotFound {
		t.Errorf("another group counts together: %d", got)
	}
	for port := range 400 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v4/groups/open?with_projects=false", nil)
		r.RemoteAddr = fmt.Sprintf("192.0.2.7:%d", 1024+port)
		send(api, r)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v4/groups/open?with_projects=false", nil)
	if r.RemoteAddr = "192.0.2.7:80"; send(api, r).status != http.StatusTooManyRequests {
		t.Error("the ports of one address count apart")
	}
}
