package schema_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/schema"
	"gatehouse/internal/twin/gitlab/world"
)

// now is the time of all tests.
var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// start makes a server over a world (nil: the demo) with a token "root-token" of
// the administrator and one "bob-token" of user 6.
func start(t *testing.T, w *world.World, rules caller.Rules) *schema.Server {
	t.Helper()
	if w == nil {
		w = world.Demo()
	}
	w.AddToken(world.Token{Value: "root-token", UserID: 1, Scopes: []string{"read_api"}})
	w.AddToken(world.Token{Value: "bob-token", UserID: 6, Scopes: []string{"api"}})
	rules.URL, rules.Now = "https://gitlab.example", now
	return &schema.Server{World: w, Rules: func() caller.Rules { return rules }}
}

type answer struct {
	status int
	header http.Header
	body   string
}

// decode reads the body as JSON.
func (a answer) decode(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatalf("decode %q: %v", a.body, err)
	}
}

// query asks for one thing.
func query(t *testing.T, s *schema.Server, token, text string, variables map[string]any) answer {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"query": text, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	return send(t, s, http.MethodPost, token, string(raw))
}

func send(t *testing.T, s *schema.Server, method, token, body string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/api/graphql", strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

// messages are the texts of the errors of an answer.
func messages(t *testing.T, a answer) []string {
	t.Helper()
	var body struct{ Errors []struct{ Message string } }
	a.decode(t, &body)
	var all []string
	for _, e := range body.Errors {
		all = append(all, e.Message)
	}
	return all
}
