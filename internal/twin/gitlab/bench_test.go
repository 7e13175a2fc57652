package gitlab_test

import (
	"bytes"
	"encoding/json"
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
	for _, c := range []struct{ name, token, path, query string }{
		{"Users", "root-token", "/api/v4/users?per_page=100&pagination=keyset&order_by=id&sort=asc", ""},
		{"UsersByName", "root-token", "/api/v4/users?per_page=100&order_by=name&page=20", ""},
		{"Groups", "root-token", "/api/v4/groups?per_page=100", ""},
		{"GroupsOfAUser", "user-token", "/api/v4/groups?per_page=100", ""},
		{"Projects", "root-token", "/api/v4/projects?per_page=100&pagination=keyset&order_by=id", ""},
		{"Members", "root-token", "/api/v4/groups/5001/members?per_page=100", ""},
		{"MembersAll", "root-token", "/api/v4/groups/5001/members/all?per_page=100", ""},
		{"GraphQLUsers", "root-token", "/api/graphql", byUser},
		{"GraphQLGroups", "root-token", "/api/graphql", bySource},
	} {
		b.Run(c.name, func(b *testing.B) {
			method, body := http.MethodGet, []byte(nil)
			if c.query != "" {
				method = http.MethodPost
				body, _ = json.Marshal(map[string]string{"query": c.query})
			}
			for b.Loop() {
				req := httptest.NewRequestWithContext(b.Context(), method, c.path, bytes.NewReader(body))
				req.Header.Set("Private-Token", c.token)
				w := httptest.NewRecorder()
				twin.ServeHTTP(w, req)
				if w.Code != http.StatusOK || bytes.Contains(w.Body.Bytes(), []byte(`"errors"`)) {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
