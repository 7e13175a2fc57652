package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"gatehouse/internal/web/ui"
)

// asked sends a request and gives its status, headers and page. It follows no
// redirect.
func asked(t *testing.T, method, address, host string, header map[string]string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	r.Host = host
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(page)
}

// TestS2FormsOfOtherSitesAreRefused: only the endpoints of the protocol take
// what other sites send; sign-in, linking and everything else that changes
// something do not.
func TestS2FormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	s := startServe(t, written(t, t.TempDir(), oneClient))
	foreign := []map[string]string{
		{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"},
	}
	for _, path := range []string{
		"/sign-in/gitlab", "/sign-in/claim", "/sign-out", "/oauth/authorize/consent", "/user/connections/gitlab",
		"/user/sessions/x/end", "/user/sessions/end-others", "/user/applications/demo/withdraw",
		"/admin/users/x/block", "/admin/users/x/unblock", "/admin/users/x/approve", "/admin/users/x/sessions/end",
		"/admin/connectors/x/sync", "/admin/connectors/x/pulls/x/release",
		"/api/v1/users/x/block", "/api/v1/connectors/x/sync", "/no/such/address",
	} {
		for _, header := range foreign {
			if status, _, page := asked(t, http.MethodPost, s.url+path, "", header); status != http.StatusForbidden || !strings.Contains(page, "another site") {
				t.Errorf("POST %s with %v: %d", path, header, status)
			}
		}
		if status, _, _ := asked(t, http.MethodPost, s.url+path, "", map[string]string{"Origin": s.url}); status == http.StatusForbidden {
			t.Errorf("POST %s of our own page is refused", path)
		}
	}
	for _, path := range []string{"/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/userinfo", "/oauth/authorize", "/users/auth/gitlab/callback"} {
		for _, header := range foreign {
			if status, _, _ := asked(t, http.MethodPost, s.url+path, "", header); status == http.StatusForbidden {
				t.Errorf("POST %s with %v is refused, though other sites may send to it", path, header)
			}
		}
	}
}

// TestS4SignInsAreLimitedByAddress: and by no address that a stranger makes up.
func TestS4SignInsAreLimitedByAddress(t *testing.T) {
	t.Parallel()
	s := startServe(t, written(t, t.TempDir(), "trusted_proxies: [127.0.0.0/8]\n"+oneClient))
	for i := range 2 * ui.DefaultBurst {
		// What stands before the address that our proxy added is the stranger's own.
		status, header, _ := asked(t, http.MethodPost, s.url+"/sign-in/nobody", "", map[string]string{"X-Forwarded-For": fmt.Sprintf("192.0.2.%d, 203.0.113.7", i%250)})
		if status == http.StatusTooManyRequests {
			if i < ui.DefaultBurst || header.Get("Retry-After") == "" {
				t.Errorf("limited after %d: %v", i, header)
			}
			return
		}
	}
	t.Error("nothing limits how many sign-ins an address begins")
}

// TestA19HostsOfStrangersChangeNothing: whatever a request says that we are
// called, we stay what the file says.
func TestA19HostsOfStrangersChangeNothing(t *testing.T) {
	t.Parallel()
	s := startServe(t, written(t, t.TempDir(), oneClient))
	lies := map[string]string{
		"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example;proto=https",
		"X-Original-URL": "/evil.example", "X-Rewrite-URL": "/evil.example", "X-HTTP-Method-Override": "DELETE",
	}
	for _, path := range []string{"/", "/admin", "/sign-in", "/.well-known/openid-configuration", "/api/v1/openapi.json", "//evil.example/..", "/no/such/address"} {
		_, header, page := asked(t, http.MethodGet, s.url+path, "evil.example", lies)
		if location := header.Get("Location"); strings.HasPrefix(location, "//") || strings.Contains(location, "://") {
			t.Errorf("%s leads to %q", path, location)
		}
		if strings.Contains(page, "//evil.example") {
			t.Errorf("%s repeats the name:\n%s", path, page)
		}
	}
}
