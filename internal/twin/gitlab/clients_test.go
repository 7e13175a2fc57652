package gitlab

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Clients that others wrote for GitLab's sign-in, as they are, are to sign in at
// the twin: what satisfies only our own client may be our own mistake twice.

const (
	clientsFolder   = "../../../interop/gitlab"
	clientsCallback = "http://hub.test/auth/gitlab/callback"
)

// missing is what to install for a test that is skipped.
type missing string

// Error is the sentence.
func (m missing) Error() string { return string(m) }

// unmodified runs a program of interop/gitlab against a twin as 张伟 and reads
// what it found. Where the outside software is missing the test is skipped, or
// fails where it must be there (CI=true).
func unmodified(t *testing.T, needs func() error, program string, found any, args ...string) {
	t.Helper()
	if err := needs(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	srv := httptest.NewUnstartedServer(nil)
	tw, err := New(Config{URL: "http://" + srv.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = tw
	srv.Start()
	t.Cleanup(srv.Close)
	tw.AddApplication(Application{
		ID: "app", Secret: "gloas-secret", Name: "Gatehouse", Confidential: true, RedirectURIs: []string{clientsCallback},
		Scopes: []string{"read_user", "openid", "profile", "email"},
	})
	tw.AddToken(Token{Value: "glpat-root", UserID: 1, Scopes: []string{"api"}})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...) // #nosec G204 -- a program of ours
	cmd.Dir = clientsFolder
	cmd.Env = append(os.Environ(), "TWIN="+srv.URL, "APP=app", "SECRET=gloas-secret", "CALLBACK="+clientsCallback, "USER_ID=2", "TOKEN=glpat-root",
		"NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	var out, trouble bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &trouble
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, out.String(), trouble.String())
	}
	if err := json.Unmarshal(out.Bytes(), found); err != nil {
		t.Fatalf("%s %s printed what is no JSON: %v\n%s", program, strings.Join(args, " "), err, out.String())
	}
}

func TestClients_OfNode(t *testing.T) {
	t.Parallel()
	needs := func() error {
		if _, err := exec.LookPath("node"); err != nil {
			return missing("no Node.js, and so none of the clients written for it")
		}
		if _, err := os.Stat(filepath.Join(clientsFolder, "node_modules")); err != nil {
			return missing("the clients are missing: npm ci --prefix interop/gitlab")
		}
		return nil
	}
	type passport struct {
		ID, Username, Name, Email, Page string
		Refresh                         bool
	}
	type openID struct {
		ID, Username, Email string
		Verified, Renewed   bool
		Groups, Direct      []string
		Refusal             string
	}
	var found struct {
		Passport passport
		OpenID   openID
	}
	unmodified(t, needs, "node", &found, "clients.js")
	if !strings.HasSuffix(found.Passport.Page, "/zhang.wei") {
		t.Errorf("passport-gitlab2 found the page %q", found.Passport.Page)
	}
	found.Passport.Page = ""
	if diff := cmp.Diff(passport{ID: "2", Username: "zhang.wei", Name: "张伟", Email: "zhang.wei@example.com", Refresh: true}, found.Passport); diff != "" {
		t.Errorf("passport-gitlab2: %s", diff)
	}
	want := openID{
		ID: "2", Username: "zhang.wei", Email: "zhang.wei@example.com", Verified: true, Renewed: true, Refusal: "invalid_grant",
		Groups: []string{"eng", "eng/platform", "eng/platform/sre", "eng/web", "legacy", "partners"}, Direct: []string{"eng", "legacy", "partners"},
	}
	if diff := cmp.Diff(want, found.OpenID); diff != "" {
		t.Errorf("openid-client: %s", diff)
	}
}

func TestClients_OfGitLabItself(t *testing.T) {
	t.Parallel()
	needs := func() error {
		if err := exec.CommandContext(t.Context(), "ruby", "-e", "require 'omniauth-gitlab'").Run(); err != nil {
			return missing("GitLab's own strategy is missing (Debian: apt-get install ruby-omniauth-gitlab)")
		}
		return nil
	}
	var found struct{ UID, Username, Name, Email string }
	unmodified(t, needs, "ruby", &found, "omniauth.rb")
	want := struct{ UID, Username, Name, Email string }{"2", "zhang.wei", "张伟", "zhang.wei@example.com"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}
