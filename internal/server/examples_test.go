package server

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/porttest"
	dingtalktwin "gatehouse/internal/twin/dingtalk"
)

// The apps in examples/ are what the documentation shows. Each is run here as it
// is, with the client that its gatehouse.yml declares, and signs a person in.

const (
	examplesFolder = "../../examples"
	exampleSecret  = "only-for-tests-0123456789abcdef0123456789"
)

// needs skips a test whose outside software is missing, or fails it where the
// software must be there (CI=true).
func needs(t *testing.T, there bool, why string) {
	t.Helper()
	switch {
	case there:
	case os.Getenv("CI") == "true":
		t.Fatal(why)
	default:
		t.Skip(why)
	}
}

func isThere(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func isProgram(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}

// succeeds says whether a program ends well.
func succeeds(t *testing.T, program string, args ...string) bool {
	t.Helper()
	return exec.CommandContext(t.Context(), program, args...).Run() == nil // #nosec G204 -- a program that the test names
}

// exampleClient is the client that an example declares, as dev --clients reads it,
// with its app at another address than the documented one.
func exampleClient(t *testing.T, name, documented, app string) gatehouse.Client {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examplesFolder, name, "gatehouse.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, old := range []string{documented, "${CLIENT_SECRET}"} {
		if !strings.Contains(string(text), old) {
			t.Fatalf("examples/%s/gatehouse.yml does not name %s", name, old)
		}
	}
	path := filepath.Join(t.TempDir(), "gatehouse.yml")
	here := strings.NewReplacer(documented, app, "${CLIENT_SECRET}", exampleSecret)
	if err := os.WriteFile(path, []byte(here.Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	said := &logBook{}
	c := &config.Config{URL: "http://127.0.0.1:8080"}
	d := &dev{DevOptions: DevOptions{Clients: []string{path}, Log: slog.New(slog.NewTextHandler(said, nil))}}
	if err := d.addClients(c); err != nil || len(c.Clients) != 1 || said.String() != "" {
		t.Fatalf("examples/%s/gatehouse.yml: %v, %d clients, %s", name, err, len(c.Clients), said.String())
	}
	return c.Clients[0]
}

// withClient gives a development installation one more client.
func withClient(c gatehouse.Client) func(*dev, *config.Config) {
	return func(_ *dev, all *config.Config) { all.Clients = append(all.Clients, c) }
}

// program is an outside program that a test runs.
type program struct {
	dir, name string
	args      []string
	env       []string
}

func (p program) command(t *testing.T, said *logBook) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.name, p.args...) // #nosec G204 -- a program that the test names
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	cmd.Env = append(cmd.Env, p.env...)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// run waits until the program has ended well.
func (p program) run(t *testing.T) {
	t.Helper()
	said := &logBook{}
	if err := p.command(t, said).Run(); err != nil {
		t.Fatalf("%s %v: %v\n%s", p.name, p.args, err, said.String())
	}
}

// serve runs the program until the test ends, and waits until it listens.
func (p program) serve(t *testing.T, at string) {
	t.Helper()
	said := &logBook{}
	cmd := p.command(t, said)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("%s said:\n%s", p.name, said.String())
		}
	})
	timeout := time.After(time.Minute)
	for {
		if c, err := net.Dial("tcp", at); err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s %v ended before it listened", p.name, p.args)
		case <-timeout:
			t.Fatalf("%s %v does not listen at %s", p.name, p.args, at)
		case <-time.After(20 * time.Millisecond): // ask again
		}
	}
}

// example is an app of examples/ under test.
type example struct {
	name, documented string
	person           string // the path of the page that shows who signed in
	before           func(*gatehouse.Client)
	serve            func(t *testing.T, at string, env []string)
	hears            bool // that somebody signed out at Gatehouse
}

// runExample signs 李娜 in to the example through DingTalk, with each database.
func runExample(t *testing.T, e example) {
	t.Helper()
	onEachDatabase(t, func(t *testing.T, database func(*dev, *config.Config)) { runExampleOn(t, e, database) })
}

func runExampleOn(t *testing.T, e example, database func(*dev, *config.Config)) {
	t.Helper()
	at := porttest.Keep(t)
	app := "http://" + at
	client := exampleClient(t, e.name, e.documented, app)
	if e.before != nil {
		e.before(&client)
	}
	r := startDev(t, t.TempDir(), withClient(client), database)
	e.serve(t, at, []string{"GATEHOUSE_URL=" + r.hub, "CLIENT_ID=" + client.ID, "CLIENT_SECRET=" + exampleSecret, "APP_URL=" + app})
	v := newVisitor(t).into(app).atDingTalk(r, "lina").agree(r).sees("Hello, 李娜")
	if v.at.Host != at || v.element("sub") != "1000000002" || v.element("email") != "li.na@example.com" {
		t.Errorf("%s shows %s %s", v.at, v.element("sub"), v.element("email"))
	}
	if strings.Contains(r.log.String(), exampleSecret) {
		t.Error("the log has the client's secret")
	}
	if e.hears {
		e.endsWithGatehouse(t, r, app)
	}
	if v.open(app + e.person); len(v.forms()) == 0 {
		v.follow("Sign out")
	}
	if v.at.Host == at && len(v.forms()) > 0 { // its button, or its page that asks whether it is meant
		v.press(nil)
	}
	if v.sees("Sign in"); v.at.Host != at {
		t.Errorf("the sign-out ends at %s", v.at)
	}
	v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // Gatehouse still knows who it is
	if v.open(app + e.person); strings.Contains(text(v.doc), "李娜") {
		t.Errorf("%s still knows who it is after the sign-out", v.at)
	}
}

// into begins a sign-in at an app.
func (v *visitor) into(app string) *visitor {
	v.Helper()
	v.open(app).follow("Sign in")
	if strings.HasPrefix(v.at.String(), app) && len(v.forms()) > 0 { // its page with a button, where it has one
		v.press(nil)
	}
	return v
}

// endsWithGatehouse: who signs out at Gatehouse is signed out of the app.
func (e example) endsWithGatehouse(t *testing.T, r *running, app string) {
	t.Helper()
	v := newVisitor(t).into(app).atDingTalk(r, "lina").agree(r).sees("Hello, 李娜")
	v.open(r.hub + "/sign-out").submit(map[string]string{"action": "/sign-out"})
	v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	deadline := time.Now().Add(20 * time.Second) // it is told by a job
	for strings.Contains(text(v.open(app+e.person).doc), "李娜") {
		if time.Now().After(deadline) {
			t.Fatalf("the session at the app lives on:\n%s", r.log.String())
		}
		<-time.After(20 * time.Millisecond)
	}
}

// atDingTalk signs a person in through DingTalk, from the page to which an app
// sent the browser.
func (v *visitor) atDingTalk(r *running, userID string) *visitor {
	v.Helper()
	v.submit(map[string]string{"action": "/sign-in/dingtalk"}).sees("DingTalk (stand-in)")
	v.submit(map[string]string{"union_id": dingtalktwin.DemoUnionID(userID)})
	if strings.HasPrefix(v.at.String(), r.dingtalk) {
		v.submit(map[string]string{"union_id": dingtalktwin.DemoUnionID(userID), "consent": "agree"})
	}
	return v
}

// agree lets an app have what it asks for, if that is asked.
func (v *visitor) agree(r *running) *visitor {
	v.Helper()
	if strings.HasPrefix(v.at.String(), r.hub+"/oauth/") {
		v.submit(map[string]string{"action": "/oauth/authorize/consent", "decision": "allow"})
	}
	return v
}

func TestExampleGo(t *testing.T) {
	t.Parallel()
	needs(t, isProgram("go"), "there is no go command to build the example with")
	built := filepath.Join(t.TempDir(), "example")
	program{name: "go", args: []string{"build", "-o", built, "gatehouse/examples/go"}}.run(t)
	runExample(t, example{name: "go", documented: "http://127.0.0.1:9001", person: "/", serve: func(t *testing.T, at string, env []string) {
		t.Helper()
		program{name: built, env: env}.serve(t, at)
	}})
}

func TestExampleNode(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(examplesFolder, "node")
	needs(t, isProgram("node") && isThere(filepath.Join(dir, "node_modules")), "Auth.js is missing: Node.js, and npm ci --prefix examples/node")
	runExample(t, example{name: "node", documented: "http://127.0.0.1:9002", person: "/", serve: func(t *testing.T, at string, env []string) {
		t.Helper()
		program{dir: dir, name: "node", args: []string{"app.js"}, env: append(env, "AUTH_SECRET="+exampleSecret)}.serve(t, at)
	}})
}

// TestExampleDjango runs with the older django-allauth that Debian has, which
// speaks no PKCE, and with that of requirements.txt where somebody installed it.
func TestExampleDjango(t *testing.T) {
	t.Parallel()
	dir, err := filepath.Abs(filepath.Join(examplesFolder, "django"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, python, why string
		pkce              bool
	}{
		{"Newest", filepath.Join(dir, ".venv/bin/python"), "python3 -m venv examples/django/.venv && examples/django/.venv/bin/pip install -r examples/django/requirements.txt", true},
		{"Debian", "/usr/bin/python3", "apt-get install python3-django-allauth", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			there := isProgram(tt.python) && succeeds(t, tt.python, "-c", "import allauth")
			if tt.pkce && !there {
				t.Skip("django-allauth is missing: " + tt.why)
			}
			needs(t, there, "django-allauth is missing: "+tt.why)
			runExample(t, example{
				name: "django", documented: "http://127.0.0.1:9003", person: "/",
				before: func(c *gatehouse.Client) { c.RequirePKCE = tt.pkce },
				serve: func(t *testing.T, at string, env []string) {
					t.Helper()
					env = append(env, "DJANGO_SECRET_KEY="+exampleSecret, "DATABASE="+filepath.Join(t.TempDir(), "example.db"), "PYTHONDONTWRITEBYTECODE=1")
					program{dir: dir, name: tt.python, args: []string{"app.py", "migrate", "--verbosity=0"}, env: env}.run(t)
					program{dir: dir, name: tt.python, args: []string{"app.py", "runserver", "--noreload", at}, env: env}.serve(t, at)
				},
			})
		})
	}
}

// apacheModules are what the example needs of Apache besides its core.
func apacheModules() []string {
	return []string{"mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc", "dir", "mime", "include"}
}

// apacheSite is the least Apache that serves the example from a folder.
func apacheSite(folder, modules, at string) string {
	var b strings.Builder
	for _, m := range apacheModules() {
		fmt.Fprintf(&b, "LoadModule %s_module %s/mod_%[1]s.so\n", m, modules)
	}
	fmt.Fprintf(&b, `ServerRoot %[1]s
ServerName 127.0.0.1
Listen %[2]s
PidFile %[1]s/apache.pid
ErrorLog /dev/stderr
DocumentRoot %[1]s/htdocs
DirectoryIndex index.html index.shtml
AddType text/html .html .shtml
AddDefaultCharset utf-8
TypesConfig /dev/null
<Directory %[1]s/htdocs>
  Options +Includes
  AddOutputFilter INCLUDES .shtml
</Directory>
Include %[1]s/gatehouse.conf
`, folder, at)
	if os.Getuid() == 0 {
		b.WriteString("User www-data\nGroup www-data\n")
	}
	return b.String()
}

func TestExampleApache(t *testing.T) {
	t.Parallel()
	const modules = "/usr/lib/apache2/modules"
	needs(t, isProgram("/usr/sbin/apache2") && isThere(modules+"/mod_auth_openidc.so"), "mod_auth_openidc is missing: apt-get install apache2-bin libapache2-mod-auth-openidc")
	runExample(t, example{name: "apache", documented: "http://127.0.0.1:9004", person: "/app/", hears: true, serve: func(t *testing.T, at string, env []string) {
		t.Helper()
		folder := openFolder(t)
		if err := os.CopyFS(folder, os.DirFS(filepath.Join(examplesFolder, "apache"))); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "site.conf"), []byte(apacheSite(folder, modules, at)), 0o644); err != nil { // #nosec G306 -- read by www-data
			t.Fatal(err)
		}
		program{dir: folder, name: "/usr/sbin/apache2", args: []string{"-X", "-f", folder + "/site.conf"}, env: append(env, "PASSPHRASE="+exampleSecret)}.serve(t, at)
	}})
}

// openFolder is a folder that the user of a web server may read, too.
func openFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "gatehouse-example-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil { // #nosec G302 -- that is the purpose
		t.Fatal(err)
	}
	return folder
}

// TestExamplesAreWhatTheDocsShow: what stands in a README is what runs here.
func TestExamplesAreWhatTheDocsShow(t *testing.T) {
	t.Parallel()
	for name, shown := range map[string][]string{
		"go":     {"gatehouse.yml"},
		"node":   {"gatehouse.yml"},
		"django": {"gatehouse.yml"},
		"apache": {"gatehouse.yml", "gatehouse.conf"},
		"gitlab": {"gatehouse.yml", "gitlab.rb"},
	} {
		readme, err := os.ReadFile(filepath.Join(examplesFolder, name, "README.md"))
		if err != nil {
			t.Error(err)
			continue
		}
		blocks := strings.Split(string(readme), "```")
		for _, file := range shown {
			text, err := os.ReadFile(filepath.Join(examplesFolder, name, file))
			if err != nil {
				t.Error(err)
				continue
			}
			if !slices.ContainsFunc(blocks, func(b string) bool { return strings.HasSuffix(b, "\n"+string(text)) }) {
				t.Errorf("examples/%s/README.md does not show %s as it is", name, file)
			}
		}
	}
}
