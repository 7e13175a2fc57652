package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/seal"
)

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(path string) { os.Remove(path) }

// raw opens a file as another program would.
func raw(t *testing.T, path string, statements ...string) *sql.Conn {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); db.Close() })
	for _, s := range statements {
		if _, err := c.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return c
}

func refused(t *testing.T, address, want string) {
	t.Helper()
	box, err := seal.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(context.Background(), address, Options{Seal: box, busy: time.Millisecond})
	if err == nil {
		s.Close()
		t.Fatal("it was opened")
	}
	var e *gatehouse.Error
	if !errors.As(err, &e) || !strings.Contains(e.Sentence(), want) {
		t.Errorf("got %v, want a sentence with %q", err, want)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	t.Run("MissingDirectory", func(t *testing.T) {
		t.Parallel()
		refused(t, "sqlite:"+filepath.Join(t.TempDir(), "no", "x.db"), "does not exist")
	})
	t.Run("DirectoryInPlaceOfTheFile", func(t *testing.T) {
		t.Parallel()
		refused(t, "sqlite:"+t.TempDir(), "cannot be opened for writing")
	})
	t.Run("FileThatMayNotBeWritten", func(t *testing.T) {
		t.Parallel()
		if os.Geteuid() == 0 {
			t.Skip("the superuser may write everything")
		}
		path := filepath.Join(t.TempDir(), "x.db")
		if err := os.WriteFile(path, nil, 0o400); err != nil {
			t.Fatal(err)
		}
		refused(t, "sqlite:"+path, "cannot be opened for writing")
	})
	t.Run("WhatIsNoDatabase", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "x.db")
		if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, "sqlite:"+path, "is no database")
	})
	t.Run("LockedNewFile", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "x.db")
		raw(t, path, "create table t (x)", "begin exclusive")
		refused(t, "sqlite:"+path, "locked by another program")
	})
	t.Run("LockedOwnFile", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "x.db")
		if err := openBox(t, "sqlite:"+path, Options{}).Close(); err != nil {
			t.Fatal(err)
		}
		raw(t, path, "begin immediate")
		refused(t, "sqlite:"+path, "locked by another program")
	})
	t.Run("NewerSchema", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "x.db")
		if err := openBox(t, "sqlite:"+path, Options{}).Close(); err != nil {
			t.Fatal(err)
		}
		raw(t, path, "insert into goose_db_version (version_id, is_applied) values (9999, true)")
		refused(t, "sqlite:"+path, "written by a newer Gatehouse (its schema is 9999")
	})
	t.Run("Memory", func(t *testing.T) {
		t.Parallel()
		refused(t, "sqlite::memory:", "needs a file")
		refused(t, "sqlite:", "needs a file")
	})
	t.Run("UnknownScheme", func(t *testing.T) {
		t.Parallel()
		refused(t, "mysql://root:geheim@host/db", "begins neither with")
	})
	t.Run("NobodyListens", func(t *testing.T) {
		t.Parallel()
		refused(t, "postgres://u:geheim@127.0.0.1:1/db?sslmode=disable", "cannot be reached")
	})
}

func TestErrorsHideThePassword(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"mysql://root:geheim@host/db", "postgres://u:geheim@127.0.0.1:1/db", "postgres://u:geheim@:99999999/db", "://geheim",
		"postgres://u:geheim@host/db?sslmode=nonsense",
	} {
		s, err := Open(t.Context(), address, Options{Seal: &seal.Box{}})
		if err == nil {
			s.Close()
		}
		if err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestOpenMakesAFileOfItsOwn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b?c#d%20.db")
	s := openBox(t, "sqlite:"+path, Options{})
	if err := s.Update(t.Context(), set("k")); err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + end)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path+end, info.Mode())
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	again := openBox(t, "sqlite://"+path, Options{})
	defer again.Close()
	if err := again.View(t.Context(), func(tx *Tx) error {
		if v, err := tx.Setting("k"); v != "k" {
			t.Errorf("got %q, %v", v, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// fault is something that befalls the file while it is open.
func fault(t *testing.T, harm, heal func(s *session, path string), want string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.db")
	s := openBox(t, "sqlite:"+path, Options{busy: time.Millisecond})
	defer s.Close()
	if err := s.Update(t.Context(), set("before")); err != nil {
		t.Fatal(err)
	}
	w := s.db.(*sqlite).writer.session
	harm(w, path)
	err := s.Update(t.Context(), func(tx *Tx) error { return tx.SetSetting("during", strings.Repeat("x", 1<<20)) })
	var e *gatehouse.Error
	if !errors.As(err, &e) || e.Kind != gatehouse.Unavailable || !strings.Contains(e.Sentence(), want) {
		t.Errorf("got %v, want a sentence with %q", err, want)
	}
	if err := s.Ping(t.Context()); want != "disk full" && err == nil {
		t.Error("Ping sees nothing of it")
	}
	heal(w, path)
	if err := s.Update(t.Context(), set("after")); err != nil {
		t.Errorf("after it was mended: %v", err)
	}
	if err := s.View(t.Context(), func(tx *Tx) error {
		for key, want := range map[string]string{"before": "before", "during": "", "after": "after"} {
			if got, err := tx.Setting(key); got != want || err != nil {
				t.Errorf("%s is %.10q, %v", key, got, err)
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestFaultOfTheFile(t *testing.T) {
	t.Parallel()
	run := func(statement string) func(*session, string) {
		return func(s *session, _ string) {
			if err := s.run(statement); err != nil {
				panic(err)
			}
		}
	}
	t.Run("DiskFull", func(t *testing.T) {
		t.Parallel()
		fault(t, run("pragma max_page_count = 1"), run("pragma max_page_count = 100000"), "disk full")
	})
	t.Run("ReadOnly", func(t *testing.T) {
		t.Parallel()
		fault(t, run("pragma query_only = 1"), run("pragma query_only = 0"), "read-only")
	})
	t.Run("Locked", func(t *testing.T) {
		t.Parallel()
		var c *sql.Conn
		fault(t, func(_ *session, path string) { c = raw(t, path, "begin immediate") }, func(*session, string) {
			if _, err := c.ExecContext(t.Context(), "rollback"); err != nil {
				t.Error(err)
			}
		}, "locked by another program")
	})
	t.Run("Gone", func(t *testing.T) {
		t.Parallel()
		move := func(from, to string) func(*session, string) {
			return func(_ *session, path string) {
				if err := os.Rename(path+from, path+to); err != nil {
					t.Error(err)
				}
			}
		}
		fault(t, move("", ".away"), move(".away", ""), "gone or was replaced")
	})
}

func TestReadingGoesOnWhileAnotherProgramWrites(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	s := openBox(t, "sqlite:"+path, Options{})
	defer s.Close()
	raw(t, path, "begin immediate")
	if err := s.View(t.Context(), func(tx *Tx) error {
		_, err := tx.CountUsers()
		return err
	}); err != nil {
		t.Error(err)
	}
}

func TestStatementsAreBounded(t *testing.T) {
	t.Parallel()
	s := openBox(t, "sqlite:"+filepath.Join(t.TempDir(), "x.db"), Options{})
	defer s.Close()
	if err := s.Update(t.Context(), func(tx *Tx) error {
		for i := range mostStatements + 10 {
			if _, err := one(tx, scanInt, "select "+strings.Repeat("1+", i)+"0"); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n := len(s.db.(*sqlite).writer.session.statements); n > mostStatements {
		t.Errorf("%d statements are kept", n)
	}
}

func TestLostConnectionsAreOpenedAnew(t *testing.T) {
	t.Parallel()
	s := openBox(t, "sqlite:"+filepath.Join(t.TempDir(), "x.db"), Options{})
	defer s.Close()
	db := s.db.(*sqlite)
	if err := db.writer.session.close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), set("k")); err != nil {
		t.Errorf("update: %v", err)
	}
	read := func() error { return s.View(t.Context(), func(tx *Tx) error { _, err := tx.Setting("k"); return err }) }
	for range cap(db.readers.free) { // each in its turn
		r, err := db.readers.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := r.close(); err != nil {
			t.Fatal(err)
		}
		db.readers.give(r)
		if err := errors.Join(read(), read()); err != nil && !errors.Is(err, gatehouse.Unavailable) {
			t.Errorf("view: %v", err)
		}
	}
	for range 2 * cap(db.readers.free) {
		if err := read(); err != nil && !errors.Is(err, gatehouse.Unavailable) {
			t.Errorf("view: %v", err)
		}
	}
	if err := read(); err != nil {
		t.Errorf("view: %v", err)
	}
}
