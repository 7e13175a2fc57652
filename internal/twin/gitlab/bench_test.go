package gitlab_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse/internal/twin/gitlab"
)

// BenchmarkPages measures what a page of 100 costs in a medium company.
func BenchmarkPages(b *testing.B) {
	twin, err := gitlab.New(gitlab.Config{URL: "http://gitlab.test", World: gitlab.GeneratedWorld(5000, 500, 2000, 1)})
	if err != nil {
		b.Fatal(err)
	}
	twin.AddToken(gitlab.Token{Value: "root-token", UserID: 1, Scopes: []string{"api"}})
	twin.AddToken(gitlab.Token{Value: "user-token", UserID: 77, Scopes: []string{"api"}})
	for _, c := range []struct{ name, token, path string }{
		{"Users", "root-token", "/api/v4/users?per_page=100&pagination=keyset&order_by=id&sort=asc"},
		{"UsersByName", "root-token", "/api/v4/users?per_page=100&order_by=name&page=20"},
		{"Groups", "root-token", "/api/v4/groups?per_page=100"},
		{"GroupsOfAUser", "user-token", "/api/v4/groups?per_page=100"},
		{"Projects", "root-token", "/api/v4/projects?per_page=100&pagination=keyset&order_by=id"},
		{"Members", "root-token", "/api/v4/groups/5001/members?per_page=100"},
		{"MembersAll", "root-token", "/api/v4/groups/5001/members/all?per_page=100"},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				req := httptest.NewRequestWithContext(b.Context(), http.MethodGet, c.path, nil)
				req.Header.Set("Private-Token", c.token)
				w := httptest.NewRecorder()
				twin.ServeHTTP(w, req)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
