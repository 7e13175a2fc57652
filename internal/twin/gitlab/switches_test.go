package gitlab_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/twin/gitlab"
)

// TestRackAttack is section 2.3 of the wire facts: the headers while there is
// room, and the refusal in plain text.
func TestRackAttack(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 3, 1, 9, 0, 12, 700_000_000, time.UTC)
	twin, srv := start(t, func(c *gitlab.Config) { c.Clock = func() time.Time { return clock } })
	twin.AddToken(gitlab.Token{Value: "bob-second", UserID: 6, Scopes: []string{"api"}})
	twin.Switch(gitlab.Switches{RackAttack: gitlab.RackAttack{Requests: 100, Period: 90 * time.Second, Text: "Slow down"}})
	for i := range 100 {
		got := ask(t, srv, "GET", "/api/v4/version", []string{"bob-token", "bob-second"}[i%2], "")
		h := got.header
		if got.status != 200 || h.Get("RateLimit-Observed") != fmt.Sprint(i+1) || h.Get("RateLimit-Remaining") != fmt.Sprint(99-i) ||
			h.Get("RateLimit-ResetTime") != "" || h.Get("Retry-After") != "" {
			t.Fatalf("request %d: %d %v", i, got.status, h)
		}
	}
	got := ask(t, srv, "POST", "/api/graphql", "bob-token", `{"query":"{ currentUser { id } }"}`)
	want := map[string]string{
		"RateLimit-Name": "throttle_authenticated_api", "RateLimit-Limit": "67", "RateLimit-Observed": "101", "RateLimit-Remaining": "0",
		"RateLimit-Reset": "1772355690", "RateLimit-ResetTime": "Sun, 01 Mar 2026 09:01:30 GMT", "Retry-After": "78", "Content-Type": "text/plain",
	}
	for name, value := range want {
		if got.header.Get(name) != value {
			t.Errorf("%s: %s, want %s", name, got.header.Get(name), value)
		}
	}
	if got.status != http.StatusTooManyRequests || got.body != "Slow down\n" {
		t.Errorf("%d %q", got.status, got.body)
	}
	if got := ask(t, srv, "GET", "/api/v4/version", "root-token", ""); got.status != 200 || got.header.Get("RateLimit-Observed") != "1" {
		t.Errorf("somebody else: %d %v", got.status, got.header)
	}
	if got := ask(t, srv, "GET", "/api/v4/groups", "", ""); got.header.Get("RateLimit-Name") != "throttle_unauthenticated_api" {
		t.Errorf("a stranger: %v", got.header)
	}
	if got := ask(t, srv, "GET", "/oauth/discovery/keys", "", ""); got.header.Get("RateLimit-Name") != "" {
		t.Errorf("sign-in is throttled: %v", got.header)
	}
	clock = clock.Add(78 * time.Second)
	if got := ask(t, srv, "GET", "/api/v4/version", "bob-token", ""); got.status != 200 {
		t.Errorf("the next window: %d", got.status)
	}
}

// TestOwnLimitSaysNothingOfTheOther: an answer of GitLab's own limit carries no
// RateLimit headers, even where the network's throttle is on.
func TestOwnLimitSaysNothingOfTheOther(t *testing.T) {
	t.Parallel()
	twin, srv := start(t, nil)
	twin.Switch(gitlab.Switches{ApplicationLimits: true, RackAttack: gitlab.RackAttack{Requests: 2000}})
	var got answer
	for range 61 {
		got = ask(t, srv, "GET", "/api/v4/groups/13/invited_groups", "root-token", "")
	}
	if got.status != http.StatusTooManyRequests || got.header.Get("Content-Type") != "application/json" || got.header.Get("Retry-After") != "60" {
		t.Errorf("%d %s %v", got.status, got.body, got.header)
	}
	for name := range got.header {
		if strings.HasPrefix(name, "Ratelimit-") {
			t.Errorf("header %s", name)
		}
	}
}

func TestGraphQLIsSwitchedOff(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{http.StatusNotFound: "404: Page not found", http.StatusForbidden: `{"errors":[{"message":"API not accessible for user"}]}`} {
		twin, err := gitlab.New(gitlab.Config{URL: "http://gitlab.test", Switches: gitlab.Switches{GraphQLStatus: status}})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		twin.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/graphql", strings.NewReader(`{"query":"{currentUser{id}}"}`)))
		if w.Code != status || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}
