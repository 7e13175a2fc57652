package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/porttest"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
	gitlabtwin "gatehouse/internal/twin/gitlab"
	"gatehouse/internal/users"
)

// TestMain sees that no command leaves anything running.
func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// said is what a command did.
type said struct {
	code     int
	out, err string
}

// place is a folder with a configuration, as an operator has it.
type place struct {
	t   *testing.T
	dir string
	env map[string]string
}

func newPlace(t *testing.T, text string) *place {
	t.Helper()
	p := &place{t: t, dir: t.TempDir(), env: map[string]string{}}
	p.write("gatehouse.yml", text)
	p.env["GATEHOUSE_CONFIG"] = p.path("gatehouse.yml")
	return p
}

func (p *place) path(name string) string { return filepath.Join(p.dir, name) }

func (p *place) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(p.path(name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) lookup(name string) (string, bool) {
	v, ok := p.env[name]
	return v, ok
}

// lockedBuffer can be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// run runs a command to its end.
func (p *place) run(args ...string) said {
	p.t.Helper()
	var out, errs lockedBuffer
	code := run(p.t.Context(), args, streams{in: strings.NewReader(""), out: &out, err: &errs}, p.lookup)
	return said{code, out.String(), errs.String()}
}

// does runs a command that must succeed and say these things.
func (p *place) does(args string, wants ...string) said {
	p.t.Helper()
	s := p.run(strings.Fields(args)...)
	if s.code != exitOK || s.err != "" {
		p.t.Fatalf("gatehouse %s ended with %d: %s", args, s.code, s.err)
	}
	for _, want := range wants {
		if !strings.Contains(s.out, want) {
			p.t.Errorf("gatehouse %s does not say %q:\n%s", args, want, s.out)
		}
	}
	return s
}

// fails runs a command that must not succeed, and says why on standard error.
func (p *place) fails(args string, code int, wants ...string) {
	p.t.Helper()
	s := p.run(strings.Fields(args)...)
	if s.code != code || s.out != "" {
		p.t.Errorf("gatehouse %s ended with %d, want %d, and said %q", args, s.code, code, s.out)
	}
	for _, want := range wants {
		if !strings.Contains(s.err, want) {
			p.t.Errorf("gatehouse %s does not say %q:\n%s", args, want, s.err)
		}
	}
}

// decoded runs a command with --json and reads what it prints.
func decoded[T any](p *place, args string) T {
	p.t.Helper()
	var v T
	d := json.NewDecoder(strings.NewReader(p.does(args + " --json").out))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		p.t.Fatalf("gatehouse %s --json: %v", args, err)
	}
	return v
}

// tools opens the place's installation, which is made when there is none.
func (p *place) tools() *server.Tools {
	p.t.Helper()
	c, _, err := config.Load(p.env["GATEHOUSE_CONFIG"], p.lookup)
	if err != nil {
		p.t.Fatal(err)
	}
	s, err := server.Open(p.t.Context(), server.Options{Config: c})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		p.t.Fatal(err)
	}
	t, err := server.OpenTools(p.t.Context(), server.Options{Config: c})
	if err != nil {
		p.t.Fatal(err)
	}
	return t
}

// update changes the installation's data.
func (p *place) update(do func(tx *store.Tx, u *users.Users) error) {
	p.t.Helper()
	t := p.tools()
	defer t.Close()
	if err := t.Store.Update(p.t.Context(), func(tx *store.Tx) error { return do(tx, t.Users) }); err != nil {
		p.t.Fatal(err)
	}
}

// events are the installation's audit events of an action.
func (p *place) events(action string) []gatehouse.Event {
	p.t.Helper()
	t := p.tools()
	defer t.Close()
	var found store.Page[gatehouse.Event]
	err := t.Store.View(p.t.Context(), func(tx *store.Tx) (err error) {
		found, err = tx.Events(store.EventFilter{Action: action}, store.Cursor{})
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return found.Items
}

// plain is the least configuration, with a port that is kept for it.
func plain(t *testing.T) string {
	t.Helper()
	at := porttest.Keep(t)
	return fmt.Sprintf("url: http://%s\nlisten: %q\n", at, at)
}

// gitLab is a stand-in with the demo's people, and the configuration of a
// connector to it.
func gitLab(t *testing.T, token string) (*gitlabtwin.Twin, string) {
	t.Helper()
	at := httptest.NewUnstartedServer(nil)
	twin, err := gitlabtwin.New(gitlabtwin.Config{URL: "http://" + at.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	at.Config.Handler = twin
	at.Start()
	t.Cleanup(func() {
		_ = twin.Close()
		at.Close()
	})
	twin.AddToken(gitlabtwin.Token{Value: "glpat-of-an-administrator", UserID: 1, Name: "Gatehouse", Scopes: []string{"read_api"}})
	twin.AddToken(gitlabtwin.Token{Value: "glpat-without-the-scope", UserID: 1, Name: "Gatehouse", Scopes: []string{"read_user"}})
	return twin, fmt.Sprintf("connectors: [{name: GitLab, kind: gitlab, url: %q, personal_access_token: %q}]\n", at.URL, token)
}

// serves runs `gatehouse serve` beside the commands until the test ends.
func (p *place) serves() {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var out, errs lockedBuffer
	ready, ended := make(chan struct{}), make(chan int, 1)
	said := sync.OnceFunc(func() { close(ready) })
	listens := writerFunc(func(b []byte) (int, error) {
		n, err := out.Write(b)
		if strings.Contains(out.String(), "ready ") {
			said()
		}
		return n, err
	})
	go func() {
		defer close(ended)
		ended <- run(ctx, []string{"serve", "--log-level", "error"}, streams{in: strings.NewReader(""), out: listens, err: &errs}, p.lookup)
	}()
	p.t.Cleanup(func() {
		cancel()
		if code := <-ended; code != exitOK {
			p.t.Errorf("serve ended with %d: %s", code, errs.String())
		}
	})
	select {
	case <-ready:
	case code := <-ended:
		p.t.Fatalf("serve ended with %d before it was ready: %s%s", code, out.String(), errs.String())
	case <-time.After(2 * time.Minute):
		p.t.Fatalf("not ready: %s%s", out.String(), errs.String())
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	p := newPlace(t, plain(t))
	p.tools().Close()
	for args, want := range map[string]string{
		"nonsense":                        `no command "nonsense"`,
		"connector list":                  "did you mean connectors?",
		"users blok":                      "did you mean block?",
		"serve now":                       "takes no argument",
		"users list now":                  "takes no argument",
		"users show":                      "needs USER",
		"users show a b":                  "needs USER",
		"users list --nonsense":           "unknown flag: --nonsense",
		"users list --state gone":         "--state gone is not one of",
		"users list --log-level loud":     "--log-level loud is not one of",
		"access who":                      "needs PATH",
		"decisions show":                  "needs REFERENCE",
		"connectors sync":                 "needs KEY",
		"users list --config no/such.yml": "no/such.yml",
		"serve --config no/such.yml":      "no/such.yml",
		"check --config no/such.yml":      "no/such.yml",
	} {
		p.fails(args, exitUsage, want)
	}
}

func TestHelpHasAnExample(t *testing.T) {
	t.Parallel()
	p := newPlace(t, plain(t))
	for _, command := range []string{
		"dev", "serve", "reload", "check", "version", "import", "import gitlab", "users", "users list", "users show", "users block", "users unblock", "users approve",
		"users create", "users reset-password", "users unlock", "users deny", "users role", "users invite", "users merge", "users split",
		"users end-sessions", "users disconnect", "users verify-email", "users applications", "users withdraw", "approvals", "approvals list",
		"connections", "connections list", "connections enable", "connections disable",
		"connectors", "connectors list", "connectors show", "connectors sync", "access", "access who", "access of", "access findings",
		"decisions", "decisions show", "keys", "keys rotate-seal", "keys rotate-signing", "tokens", "tokens create", "tokens list", "tokens revoke",
	} {
		p.does(command+" --help", "Usage:", "Examples:\n  gatehouse "+command)
	}
	p.does("", "Available Commands:", "connectors")
	p.does("version", "gatehouse ", "go1.")
}

func TestConfigurationErrorsHaveLineAndColumn(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "url: http://127.0.0.1:1\nlissen: \":8080\"\nadmins: alice\nclients: [{id: a, secret: \"${NOT_SET}\"}]\n")
	for _, command := range []string{"serve", "check", "users list"} {
		p.fails(command, exitUsage,
			"gatehouse.yml:2:1: ", "did you mean listen?", "gatehouse.yml:3:9: ", "gatehouse.yml:4:27: ", "NOT_SET", "redirect_uris")
	}
	if _, err := os.Stat(p.path("gatehouse.db")); err == nil {
		t.Error("a database was made")
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	_, connector := gitLab(t, "glpat-of-an-administrator")
	p := newPlace(t, plain(t)+connector)
	p.does("check", "The configuration is in order: 0 connections, 0 clients, 1 connectors.")
	p.write("gatehouse.yml", plain(t)+"connectors: [{name: Wiki, kind: wiki, url: https://wiki.example.com, personal_access_token: x}]\n")
	p.fails("check", exitUsage, `Wiki is of the kind "wiki", which this build does not know`)
}

func TestServeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	p := newPlace(t, fmt.Sprintf("url: http://127.0.0.1:1\nlisten: %q\n", taken.Addr()))
	p.fails("serve", exitFailed, "is in use by another program; end it, or change listen")
}

func TestCommandsNeedAnInstallation(t *testing.T) {
	t.Parallel()
	p := newPlace(t, plain(t))
	for _, command := range []string{"users list", "connections list", "connectors list", "decisions show X", "keys rotate-seal"} {
		p.fails(command, exitFailed, "gatehouse.db is not there; the first gatehouse serve makes it")
	}
	for _, name := range []string{"gatehouse.db", "gatehouse.key"} {
		if _, err := os.Stat(p.path(name)); err == nil {
			t.Errorf("%s was made", name)
		}
	}
}

func TestConfigurationIsFoundByFlagThenEnvironmentThenHere(t *testing.T) {
	t.Parallel()
	p := newPlace(t, plain(t))
	p.write("other.yml", "nonsense: 1\n")
	c := &cli{env: p.lookup, configPath: p.path("other.yml")}
	log := slog.New(slog.DiscardHandler)
	if _, err := c.load(log); err == nil || !strings.Contains(err.Error(), "other.yml") {
		t.Errorf("--config: %v", err)
	}
	c.configPath = ""
	if read, err := c.load(log); err != nil || read.KeyFile != p.path("gatehouse.key") {
		t.Errorf("GATEHOUSE_CONFIG: %v", err)
	}
	c.env = func(string) (string, bool) { return "", false }
	if _, err := c.load(log); err == nil || !strings.Contains(err.Error(), "open gatehouse.yml") {
		t.Errorf("without either: %v", err)
	}
}
