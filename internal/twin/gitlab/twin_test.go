package gitlab_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/twin/gitlab"
)

// now is the time of all tests.
var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// start runs a twin with a token "root-token" of the administrator and one
// "bob-token" of user 6.
func start(t *testing.T, change func(*gitlab.Config)) (*gitlab.Twin, *httptest.Server) {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	c := gitlab.Config{URL: "http://" + srv.Listener.Addr().String(), Clock: func() time.Time { return now }}
	if change != nil {
		change(&c)
	}
	twin, err := gitlab.New(c)
	if err != nil {
		t.Fatal(err)
	}
	twin.AddToken(gitlab.Token{Value: "root-token", UserID: 1, Scopes: []string{"api", "admin_mode", "sudo"}, ExpiresAt: now.AddDate(1, 0, 0)})
	twin.AddToken(gitlab.Token{Value: "bob-token", UserID: 6, Scopes: []string{"api"}})
	srv.Config.Handler = twin
	srv.Start()
	t.Cleanup(func() {
		if err := twin.Close(); err != nil {
			t.Error(err)
		}
		srv.Close()
	})
	return twin, srv
}

type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends one request with a token; body is sent as a form.
func ask(t *testing.T, srv *httptest.Server, method, path, token, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Private-Token", token)
	}
	switch {
	case strings.HasPrefix(body, "{"):
		req.Header.Set("Content-Type", "application/json")
	case body != "":
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(raw)}
}
