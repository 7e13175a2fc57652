package server

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/config"
	"gatehouse/internal/seal"
)

// keyFile makes a key file.
func keyFile(t *testing.T, dir, name string) {
	t.Helper()
	if _, err := seal.Open(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// used is a configuration whose database has been served once.
func used(t *testing.T, dir string) *config.Config {
	t.Helper()
	c := written(t, dir, dingtalkOf("http://127.0.0.1:1"))
	if err := startServe(t, c).stop(); err != nil {
		t.Fatal(err)
	}
	return c
}

// dingtalkOf is a connection to what stands in for DingTalk.
func dingtalkOf(address string) string {
	return `omniauth:
  allow_single_sign_on: true
  block_auto_created_users: false
  providers:
    - {name: dingtalk, app_id: an-app, app_secret: a-secret-of-dingtalk, args: {client_options: {login_url: "` + address + `", api_url: "` + address + `", oapi_url: "` + address + `"}}}
`
}

// otherProgram opens the database as another program would, and does something.
func otherProgram(t *testing.T, c *config.Config, statement string) *sql.Conn {
	t.Helper()
	path, _ := sqlitePath(c)
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); db.Close() })
	if _, err := conn.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestServeRefusesDatabase(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, says string
		harm       func(t *testing.T, c *config.Config)
	}{
		{"OfANewerVersion", "written by a newer Gatehouse", func(t *testing.T, c *config.Config) {
			otherProgram(t, c, "insert into goose_db_version (version_id, is_applied) values (9999, true)").Close()
		}},
		{"SealedWithAnotherKey", "is not the one that this database was sealed with", func(t *testing.T, c *config.Config) {
			if err := os.Remove(c.KeyFile); err != nil {
				t.Fatal(err)
			}
			keyFile(t, filepath.Dir(c.KeyFile), filepath.Base(c.KeyFile))
		}},
		{"WhoseKeyFileIsGone", "its secrets can be read with its own key file only", func(t *testing.T, c *config.Config) {
			if err := os.Remove(c.KeyFile); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := used(t, t.TempDir())
			tt.harm(t, c)
			s := tryServe(t, c)
			if s.failed == nil || !strings.Contains(s.failed.Error(), tt.says) {
				t.Errorf("got %v, want a sentence with %q", s.failed, tt.says)
			}
			if tt.name == "WhoseKeyFileIsGone" && exists(c.KeyFile) {
				t.Error("a new key file was made, which opens nothing")
			}
		})
	}
}

// status asks for a page as a browser does, and gives the answer's status.
func (v *visitor) statusOf(address string) int {
	v.Helper()
	return v.open(address).status
}

// badDay is a database that cannot be written for a while: pages say so in a
// sentence, and everything goes on when it can be written again. sentence "":
// no page is asked for meanwhile.
func badDay(t *testing.T, s *serving, sentence string, harm, heal func()) {
	t.Helper()
	v, authorize := newVisitor(t), s.url+oneRequest
	if got := v.statusOf(authorize); got != http.StatusOK || v.at.Path != "/sign-in" {
		t.Fatalf("before: %d at %s", got, v.at)
	}
	harm()
	if got := v.statusOf(s.url + "/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d, want 503", got)
	}
	if got := v.statusOf(s.url + "/healthz"); got != http.StatusOK {
		t.Errorf("/healthz answers %d: the process itself is well", got)
	}
	if sentence != "" {
		if got := v.statusOf(authorize); got != http.StatusServiceUnavailable {
			t.Errorf("/oauth/authorize answers %d, want 503", got)
		}
		v.sees(sentence)
	}
	heal()
	if got := v.statusOf(s.url + "/readyz"); got != http.StatusOK {
		t.Errorf("afterwards /readyz answers %d", got)
	}
	if got := v.statusOf(authorize); got != http.StatusOK || v.at.Path != "/sign-in" {
		t.Errorf("afterwards: %d at %s", got, v.at)
	}
}

// oneClient is a client of the tests, and oneRequest what it asks for.
const (
	oneClient  = "clients: [{id: app, secret: 0123456789abcdef0123456789abcdef, redirect_uris: [\"https://app.example.com/cb\"], scopes: [openid]}]\n"
	oneRequest = "/oauth/authorize?client_id=app&response_type=code&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb&scope=openid&state=1" +
		"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
)

func TestDatabaseFileGoneWhileServing(t *testing.T) {
	t.Parallel()
	s := startServe(t, written(t, t.TempDir(), oneClient))
	path, _ := sqlitePath(s.config)
	move := func(from, to string) func() {
		return func() {
			if err := os.Rename(path+from, path+to); err != nil {
				t.Fatal(err)
			}
		}
	}
	badDay(t, s, "The database file is gone", move("", ".away"), move(".away", ""))
	if err := s.stop(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestDatabaseLockedByAnotherProgramWhileServing(t *testing.T) {
	t.Parallel()
	s := startServe(t, written(t, t.TempDir(), oneClient))
	var other *sql.Conn // a write would wait five seconds for it before its page says so
	badDay(t, s, "", func() { other = otherProgram(t, s.config, "begin immediate") }, func() {
		if _, err := other.ExecContext(context.Background(), "rollback"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestOpenTools(t *testing.T) {
	t.Parallel()
	t.Run("OfARunningServer", func(t *testing.T) {
		t.Parallel()
		s := startServe(t, written(t, t.TempDir(), ""))
		tools, err := OpenTools(t.Context(), Options{Config: s.config})
		if err != nil {
			t.Fatal(err)
		}
		if err := tools.Store.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		if tools.KeyFile() != s.config.KeyFile {
			t.Errorf("key file %s", tools.KeyFile())
		}
		if err := tools.Close(); err != nil {
			t.Error(err)
		}
		if got := newVisitor(t).statusOf(s.url + "/readyz"); got != http.StatusOK {
			t.Errorf("afterwards the server answers %d", got)
		}
	})
	t.Run("MakesNothing", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		c := written(t, dir, "")
		if _, err := OpenTools(t.Context(), Options{Config: c}); err == nil || !strings.Contains(err.Error(), "gatehouse.db is not there") {
			t.Errorf("got %v", err)
		}
		put(t, dir, "gatehouse.db", "", 0o600)
		if _, err := OpenTools(t.Context(), Options{Config: c}); err == nil || !strings.Contains(err.Error(), "gatehouse.key is not there") {
			t.Errorf("got %v", err)
		}
		if exists(c.KeyFile) {
			t.Error("a key file was made")
		}
	})
	t.Run("SealedWithAnotherKey", func(t *testing.T) {
		t.Parallel()
		c := used(t, t.TempDir())
		if err := os.Remove(c.KeyFile); err != nil {
			t.Fatal(err)
		}
		keyFile(t, filepath.Dir(c.KeyFile), filepath.Base(c.KeyFile))
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		if _, err := OpenTools(t.Context(), Options{Config: c, Log: log}); err == nil || !strings.Contains(err.Error(), "is not the one that this database was sealed with") {
			t.Errorf("got %v", err)
		}
	})
}
