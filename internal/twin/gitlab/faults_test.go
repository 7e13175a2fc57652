package gitlab_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/oauth2"

	"gatehouse/internal/twin/gitlab"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// try sends a request that may fail.
func try(ctx context.Context, srv *httptest.Server, path string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+path, nil)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Private-Token", "root-token")
	res, err := srv.Client().Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	return res.StatusCode, string(raw), err
}

func TestFaults(t *testing.T) {
	t.Parallel()
	t.Run("StatusSoManyTimes", func(t *testing.T) {
		t.Parallel()
		twin, srv := start(t, nil)
		twin.SetFaults(gitlab.Faults{Rules: []gitlab.Fault{{Method: "GET", Path: "/api/v4/users", After: 1, Times: 2, Status: 502, Body: "x"}}})
		var got []int
		for range 4 {
			status, _, err := try(t.Context(), srv, "/api/v4/users")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, status)
		}
		if got[0] != 200 || got[1] != 502 || got[2] != 502 || got[3] != 200 {
			t.Errorf("answers %v", got)
		}
		if n := twin.Requests()["GET /users"]; n != 4 {
			t.Errorf("%d requests counted", n)
		}
	})
	t.Run("Truncated", func(t *testing.T) {
		t.Parallel()
		twin, srv := start(t, nil)
		twin.SetFaults(gitlab.Faults{Rules: []gitlab.Fault{{Path: "/api/v4/user", Truncate: 10}}})
		_, body, err := try(t.Context(), srv, "/api/v4/user")
		if !errors.Is(err, io.ErrUnexpectedEOF) || body != `{"id":1,"u` {
			t.Errorf("%q: %v", body, err)
		}
	})
	t.Run("Reset", func(t *testing.T) {
		t.Parallel()
		twin, srv := start(t, nil)
		// A fresh connection is not retried by the client.
		twin.SetFaults(gitlab.Faults{Hook: func(*http.Request) *gitlab.Fault {
			if twin.Requests()["GET /user"] == 0 {
				t.Error("the request is not counted when the hook is asked")
			}
			return &gitlab.Fault{Reset: true}
		}})
		if status, _, err := try(t.Context(), srv, "/api/v4/user"); err == nil {
			t.Errorf("an answer: %d", status)
		}
	})
	t.Run("Hangs", func(t *testing.T) {
		t.Parallel()
		twin, srv := start(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		twin.SetFaults(gitlab.Faults{Hook: func(*http.Request) *gitlab.Fault { cancel(); return &gitlab.Fault{Hang: true} }})
		if _, _, err := try(ctx, srv, "/api/v4/user"); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
	t.Run("HTML", func(t *testing.T) {
		t.Parallel()
		twin, srv := start(t, nil)
		twin.SetFaults(gitlab.Faults{Rules: []gitlab.Fault{{HTML: true}}})
		if status, body, err := try(t.Context(), srv, "/api/v4/user"); err != nil || status != 502 || !strings.Contains(body, "<h1>502 Bad Gateway</h1>") {
			t.Errorf("%d %s %v", status, body, err)
		}
	})
	t.Run("Latency", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			twin, err := gitlab.New(gitlab.Config{URL: "http://gitlab.test"})
			if err != nil {
				t.Fatal(err)
			}
			twin.SetFaults(gitlab.Faults{Latency: 40 * time.Millisecond})
			began := time.Now()
			twin.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v4/user", nil))
			if waited := time.Since(began); waited != 40*time.Millisecond {
				t.Errorf("waited %v", waited)
			}
		})
	})
}

func TestStateOutlivesTheTwin(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	keep := func(c *gitlab.Config) { c.State = file }
	first, srv := start(t, keep)
	withApp(first, nil)
	keys := ask(t, srv, "GET", "/oauth/discovery/keys", "", "").body
	if got := ask(t, srv, "POST", "/api/v4/users/7/block", "root-token", ""); got.status != 201 {
		t.Fatal(got.body)
	}
	before := ask(t, srv, "GET", "/api/v4/groups/10/members/all", "root-token", "")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, srv2 := start(t, func(c *gitlab.Config) {
		keep(c)
		c.Seed = func(*gitlab.World) { t.Error("a world that was read is seeded again") }
	})
	if got := ask(t, srv2, "GET", "/api/v4/users/7", "root-token", ""); !strings.Contains(got.body, `"state":"blocked"`) {
		t.Error(got.body)
	}
	if got := ask(t, srv2, "GET", "/oauth/discovery/keys", "", "").body; got != keys {
		t.Error("the signing key changed")
	}
	after := ask(t, srv2, "GET", "/api/v4/groups/10/members/all", "root-token", "")
	if strings.ReplaceAll(after.body, srv2.URL, "") != strings.ReplaceAll(before.body, srv.URL, "") {
		t.Errorf("members changed:\n%s\n%s", before.body, after.body)
	}
	second.World.Read(func(d *gitlab.Data) {
		if d.Application("app") == nil {
			t.Error("the application is gone")
		}
	})
}

// TestKilledTwinLosesNothing never closes the first twin: what it answered with is
// in the file all the same.
func TestKilledTwinLosesNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	srv := httptest.NewUnstartedServer(nil)
	c := gitlab.Config{URL: "http://" + srv.Listener.Addr().String(), State: file, Clock: func() time.Time { return now }}
	boot := func() {
		twin, err := gitlab.New(c)
		if err != nil {
			t.Fatal(err)
		}
		withApp(twin, nil)
		srv.Config.Handler = twin
	}
	boot()
	first, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(first), "RSA PRIVATE KEY") {
		t.Fatalf("the signing key is not in the file from the start: %v", err)
	}
	srv.Start()
	defer srv.Close()
	b := browser(t)
	config := oauthConfig(srv)
	got := code(t, b, srv, config.AuthCodeURL("s"), "3")
	keys := ask(t, srv, "GET", "/oauth/discovery/keys", "", "").body
	boot()
	tok, err := config.Exchange(t.Context(), got.Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	boot()
	if got := ask(t, srv, "GET", "/oauth/discovery/keys", "", "").body; got != keys {
		t.Error("the signing key changed")
	}
	if _, err := config.TokenSource(t.Context(), &oauth2.Token{RefreshToken: tok.RefreshToken}).Token(); err != nil {
		t.Errorf("refresh: %v", err)
	}
	if _, page := fetch(t, b, http.MethodGet, srv.URL+"/", nil); !strings.Contains(page, "Signed in as Alice Turner") {
		t.Errorf("the browser is not signed in any more: %s", page)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]gitlab.Config{
		"NoURL":          {},
		"RelativeURL":    {URL: "/gitlab"},
		"UnknownEdition": {URL: "http://x", Edition: "jh"},
		"BrokenState":    {URL: "http://x", State: "faults_test.go"},
	} {
		if _, err := gitlab.New(c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestBelowAPath(t *testing.T) {
	t.Parallel()
	_, srv := start(t, func(c *gitlab.Config) { c.URL += "/gitlab" })
	if got := ask(t, srv, "GET", "/gitlab/api/v4/groups/eng%2Fplatform", "root-token", ""); got.status != 200 || !strings.Contains(got.body, srv.URL+"/gitlab/groups/eng/platform") {
		t.Errorf("%d %s", got.status, got.body)
	}
	for _, path := range []string{"/api/v4/user", "/gitlabx/api/v4/user", "/"} {
		if got := ask(t, srv, "GET", path, "root-token", ""); got.status != 404 {
			t.Errorf("%s is answered: %d", path, got.status)
		}
	}
	got := ask(t, srv, "GET", "/gitlab/.well-known/openid-configuration", "", "")
	if !strings.HasPrefix(got.body, `{"issuer":"`+srv.URL+`/gitlab","authorization_endpoint"`) {
		t.Error(got.body)
	}
	b := browser(t)
	res, _ := fetch(t, b, http.MethodGet, srv.URL+"/gitlab/oauth/authorize?client_id=x", nil)
	if res.Request.URL.Path != "/gitlab/users/sign_in" {
		t.Errorf("sent to %s", res.Request.URL)
	}
}

func TestCommunityEdition(t *testing.T) {
	t.Parallel()
	_, srv := start(t, func(c *gitlab.Config) { c.Edition = gitlab.CE })
	for path, without := range map[string]string{
		"users/3": "using_license_seat", "groups/10/members/3": "membership_state", "groups/13": "member_role_id", "projects/6": "approvals_before_merge",
	} {
		got := ask(t, srv, "GET", "/api/v4/"+path, "root-token", "")
		if got.status != 200 || strings.Contains(got.body, without) {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := ask(t, srv, "GET", "/api/v4/member_roles", "root-token", ""); got.status != 404 {
		t.Errorf("custom roles: %d", got.status)
	}
	if got := ask(t, srv, "GET", "/api/v4/version", "root-token", ""); !strings.HasPrefix(got.body, `{"version":"18.9.0",`) || !strings.HasSuffix(got.body, `"enterprise":false}`) {
		t.Error(got.body)
	}
}
