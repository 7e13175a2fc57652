// Package storetest gives every test a database of its own, empty and with the
// present schema: a SQLite file, and a PostgreSQL database on the server that
// GATEHOUSE_TEST_POSTGRES names. Without that server the PostgreSQL half is
// skipped on a laptop and fails in CI (CI=true).
package storetest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"gatehouse"
	"gatehouse/internal/seal"
	"gatehouse/internal/store"
)

// Options of the stores that a test gets.
type Options struct {
	Clock gatehouse.Clock // nil: time.Now
	Log   *slog.Logger    // nil: discard
}

// Each runs fn as the parallel subtests "sqlite" and "postgres", each on an
// empty database.
func Each(t *testing.T, fn func(t *testing.T, s *store.Store)) {
	t.Helper()
	EachWith(t, Options{}, fn)
}

// EachWith is Each with options.
func EachWith(t *testing.T, o Options, fn func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, OpenWith(t, o))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		fn(t, OpenPostgres(t, o))
	})
}

// Open opens an empty SQLite store, which is closed at the end of the test.
func Open(t testing.TB) *store.Store {
	t.Helper()
	return OpenWith(t, Options{})
}

// OpenWith is Open with options.
func OpenWith(t testing.TB, o Options) *store.Store {
	t.Helper()
	return open(t, SQLite(t), o)
}

// OpenPostgres opens an empty PostgreSQL store, which is closed and dropped at
// the end of the test. Without a server it ends the test as Postgres does.
func OpenPostgres(t testing.TB, o Options) *store.Store {
	t.Helper()
	return open(t, Postgres(t), o)
}

func open(t testing.TB, address string, o Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), address, store.Options{Seal: box(t), Clock: o.Clock, Log: o.Log})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return s
}

func box(t testing.TB) *seal.Box {
	t.Helper()
	b, err := seal.Ephemeral()
	if err != nil {
		t.Fatalf("make a key: %v", err)
	}
	return b
}

// SQLite gives the address of an empty SQLite database with the present schema.
func SQLite(t testing.TB) string {
	t.Helper()
	b, err := migrated()
	if err != nil {
		t.Fatalf("make a database to copy: %v", err)
	}
	path := filepath.Join(t.TempDir(), "gatehouse.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// migrated is a SQLite file with the present schema, made once in a process.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "gatehouse-storetest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	path := filepath.Join(dir, "empty.db")
	if err := makeEmpty("sqlite:" + path); err != nil {
		return nil, err
	}
	return os.ReadFile(path) //nolint:gosec // our own path
})

// makeEmpty brings a new database to the present schema.
func makeEmpty(address string) error {
	key, err := seal.Ephemeral()
	if err != nil {
		return err
	}
	s, err := store.Open(context.Background(), address, store.Options{Seal: key})
	if err != nil {
		return fmt.Errorf("make an empty database: %w", err)
	}
	return s.Close()
}
