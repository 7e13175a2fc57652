package server

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/porttest"
)

// Clients that others wrote sign a person in at Gatehouse as they are, most of
// them as if it were a GitLab: passport-gitlab2, openid-client, omniauth-gitlab,
// and the gem by which GitLab itself signs people in.

const gitlabClients = "../../interop/gitlab"

// drive runs a program of interop/gitlab that asks for a browser by printing
// "go ADDRESS" and reads where the browser came back to. Its last line, JSON, is
// what it found.
func (p program) drive(t *testing.T, browse func(address string) string, found any) {
	t.Helper()
	said := &logBook{}
	cmd := p.command(t, said)
	cmd.Stdout = nil
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var last string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		last = lines.Text()
		if address, asks := strings.CutPrefix(last, "go "); asks {
			if _, err := in.Write([]byte(browse(address) + "\n")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s %v: %v\n%s", p.name, p.args, err, said.String())
	}
	if err := json.Unmarshal([]byte(last), found); err != nil {
		t.Fatalf("%s %v printed what is no JSON: %v\n%s", p.name, p.args, err, last)
	}
}

// returning is a browser in which 李娜 signs in through DingTalk, and goes no
// further than back to the client's host.
func returning(t *testing.T, r *running, client string) func(address string) string {
	t.Helper()
	return stopping(newVisitor(t), r, client)
}

// stopping is the journey of a browser, from an address of the authorization
// endpoint back to the client's host, where it stops and gives the address.
func stopping(v *visitor, r *running, client string) func(address string) string {
	v.client.CheckRedirect = func(q *http.Request, _ []*http.Request) error {
		if q.URL.Host == client {
			return http.ErrUseLastResponse
		}
		return nil
	}
	back := func() bool {
		u, err := url.Parse(v.location)
		return err == nil && u.Host == client
	}
	return func(address string) string {
		if v.open(address); v.at.Path == "/sign-in" {
			v.atDingTalk(r, "lina")
		}
		if !back() {
			v.agree(r)
		}
		if !back() {
			v.Fatalf("the browser is at %s (%d), and is sent to %q:\n%s", v.at, v.status, v.location, excerptOf(text(v.doc)))
		}
		return v.location
	}
}

// oldApp is a client that only knows GitLab: no PKCE, and the scopes that GitLab's
// own documentation names.
func oldApp(callback string) gatehouse.Client {
	return gatehouse.Client{
		ID: "app", Name: "An app", SecretHash: gatehouse.Digest(exampleSecret), RedirectURIs: []string{callback},
		Scopes: []string{"read_user", "openid", "profile", "email"}, Enabled: true, Managed: gatehouse.ManagedByFile,
	}
}

func TestClientsOfGitLab_OfNode(t *testing.T) {
	t.Parallel()
	needs(t, isProgram("node") && isThere(filepath.Join(gitlabClients, "node_modules")), "the clients are missing: Node.js, and npm ci --prefix interop/gitlab")
	const callback = "http://app.test/auth/gitlab/callback"
	r := startDev(t, t.TempDir(), withClient(oldApp(callback)))
	type passport struct {
		ID, Username, Name, Email, Page string
		Refresh                         bool
	}
	type openID struct {
		ID, Username, Email string
		Verified, Renewed   bool
		Refusal             string
	}
	var found struct {
		Passport passport
		OpenID   openID
	}
	program{dir: gitlabClients, name: "node", args: []string{"clients.js"}, env: []string{
		"TWIN=" + r.hub, "APP=app", "SECRET=" + exampleSecret, "CALLBACK=" + callback,
	}}.drive(t, returning(t, r, "app.test"), &found)
	if want := (passport{ID: "1000000002", Username: "nana", Name: "李娜", Email: "li.na@example.com", Page: r.hub + "/nana", Refresh: true}); found.Passport != want {
		t.Errorf("passport-gitlab2: %s", cmp.Diff(want, found.Passport))
	}
	if want := (openID{ID: "1000000002", Username: "nana", Email: "li.na@example.com", Verified: true, Renewed: true, Refusal: "invalid_grant"}); found.OpenID != want {
		t.Errorf("openid-client: %s", cmp.Diff(want, found.OpenID))
	}
}

func TestClientsOfGitLab_OmniAuth(t *testing.T) {
	t.Parallel()
	needs(t, succeeds(t, "ruby", "-e", "require 'omniauth-gitlab'"), "the strategy is missing: apt-get install ruby-omniauth-gitlab")
	const callback = "http://app.test/auth/gitlab/callback"
	for _, pkce := range []bool{false, true} {
		t.Run("PKCE="+strconv.FormatBool(pkce), func(t *testing.T) {
			t.Parallel()
			client := oldApp(callback)
			client.RequirePKCE = pkce
			r := startDev(t, t.TempDir(), withClient(client))
			type person struct{ UID, Username, Name, Email string }
			var found person
			program{dir: gitlabClients, name: "ruby", args: []string{"omniauth.rb"}, env: []string{
				"TWIN=" + r.hub, "APP=app", "SECRET=" + exampleSecret, "CALLBACK=" + callback, "PKCE=" + strconv.FormatBool(pkce),
			}}.drive(t, returning(t, r, "app.test"), &found)
			if want := (person{"1000000002", "nana", "李娜", "li.na@example.com"}); found != want {
				t.Error(cmp.Diff(want, found))
			}
		})
	}
}

// TestExampleGitLab: a GitLab that is set up as examples/gitlab says signs people
// in through Gatehouse, with DingTalk behind it, in the way of either file.
func TestExampleGitLab(t *testing.T) {
	t.Parallel()
	needs(t, succeeds(t, "ruby", "-e", "require 'omniauth_openid_connect'"), "GitLab's gem is missing: apt-get install ruby-omniauth-openid-connect")
	const documented = "https://gitlab.example.com"
	gitlab := porttest.Keep(t)
	r := startDev(t, t.TempDir(), withClient(exampleClient(t, "gitlab", documented, "http://"+gitlab)))
	for _, file := range []string{"gitlab.rb", "gitlab.yml"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(examplesFolder, "gitlab", file))
			if err != nil {
				t.Fatal(err)
			}
			stanza := filepath.Join(t.TempDir(), file)
			here := strings.NewReplacer(documented, "http://"+gitlab, "https://id.example.com", r.hub, "'CLIENT_SECRET'", "'"+exampleSecret+"'", "secret: CLIENT_SECRET", "secret: "+exampleSecret)
			if err := os.WriteFile(stanza, []byte(here.Replace(string(text))), 0o600); err != nil {
				t.Fatal(err)
			}
			type person struct {
				Provider, UID, Username, Name, Email string
				Verified                             bool
			}
			var found person
			program{dir: gitlabClients, name: "ruby", args: []string{"openid_connect.rb"}, env: []string{"STANZA=" + stanza}}.drive(t, returning(t, r, gitlab), &found)
			if want := (person{"openid_connect", "1000000002", "nana", "李娜", "li.na@example.com", true}); found != want {
				t.Error(cmp.Diff(want, found))
			}
		})
	}
}
