package schema_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/schema"
	"gatehouse/internal/twin/gitlab/world"
)

// BenchmarkPages measures what a page of 100 costs in a medium company.
func BenchmarkPages(b *testing.B) {
	w := world.Generated(5000, 500, 2000, 1)
	w.AddToken(world.Token{Value: "root-token", UserID: 1, Scopes: []string{"api"}})
	s := &schema.Server{World: w, Rules: func() caller.Rules { return caller.Rules{Now: now} }}
	for name, text := range map[string]string{"Users": byUser, "Groups": bySource} {
		b.Run(name, func(b *testing.B) {
			raw, err := json.Marshal(map[string]string{"query": text})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/api/graphql", strings.NewReader(string(raw)))
				r.Header.Set("Private-Token", "root-token")
				w := httptest.NewRecorder()
				s.ServeHTTP(w, r)
				if w.Code != http.StatusOK || strings.Contains(w.Body.String(), `"errors"`) {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
