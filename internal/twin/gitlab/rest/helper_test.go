package rest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/twin/gitlab/rest"
	"gatehouse/internal/twin/gitlab/world"
)

const external = "https://gitlab.example"

// now is the time of all tests.
var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// start makes an API over the demo with a token "root-token" of the administrator
// and one "bob-token" of user 6. The settings are those of the second result.
func start(t *testing.T, change func(*rest.API)) (*rest.API, *rest.Settings) {
	t.Helper()
	var settings rest.Settings
	api := &rest.API{URL: external, Now: func() time.Time { return now }, Settings: func() rest.Settings { return settings }}
	if change != nil {
		change(api)
	}
	if api.World == nil {
		api.World = world.Demo()
	}
	api.World.AddToken(world.Token{Value: "root-token", UserID: 1, Scopes: []string{"api", "admin_mode", "sudo"}, ExpiresAt: now.AddDate(1, 0, 0)})
	api.World.AddToken(world.Token{Value: "bob-token", UserID: 6, Scopes: []string{"api"}})
	return api, &settings
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

// ask sends one request with a token. A body is JSON or else a form.
func ask(t *testing.T, api *rest.API, method, path, token, body string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, external+path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Private-Token", token)
	}
	switch {
	case strings.HasPrefix(body, "{"):
		r.Header.Set("Content-Type", "application/json")
	case body != "":
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return send(api, r)
}

func send(api *rest.API, r *http.Request) answer {
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}
