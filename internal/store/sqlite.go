package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver

	"gatehouse"
)

// sqlite is one file with one writer and several readers, each on a connection
// of its own. The readers see the last committed state and never wait.
type sqlite struct {
	path    string
	opened  fs.FileInfo // the file as it was opened, to notice when it is replaced
	log     *slog.Logger
	write   *sql.DB
	read    *sql.DB
	writer  *writer
	readers *readers
}

func openSQLite(ctx context.Context, path string, o Options) (*sqlite, error) {
	path = strings.TrimPrefix(path, "//")
	db := &sqlite{path: path, log: o.Log}
	if err := db.prepareFile(); err != nil {
		return nil, err
	}
	if err := db.connect(ctx, o); err != nil {
		return nil, errors.Join(refuseFile(path, err), db.closeHandles())
	}
	return db, nil
}

// prepareFile makes the file with mode 0600 if there is none. SQLite gives its
// side files (-wal, -shm) the mode of the file.
func (db *sqlite) prepareFile() error {
	if db.path == "" || strings.HasPrefix(db.path, ":memory:") {
		return gatehouse.Errorf(gatehouse.Invalid, "The database needs a file that stays. Write sqlite:PATH.")
	}
	if dir := filepath.Dir(db.path); !isDir(dir) {
		return gatehouse.Errorf(gatehouse.Unavailable,
			"The database file %s cannot be opened: the directory %s does not exist. Make it, or correct the path.", db.path, dir)
	}
	f, err := os.OpenFile(db.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return gatehouse.Errorf(gatehouse.Unavailable,
			"The database file %s cannot be opened for writing. Let the user that runs Gatehouse read and write it.", db.path).Because(err)
	}
	info, err := f.Stat()
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("look at %s: %w", db.path, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		db.log.Warn("others may read the database file; chmod 600 it", "path", db.path, "mode", info.Mode().String())
	}
	db.opened = info
	return nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (db *sqlite) connect(ctx context.Context, o Options) (err error) {
	if db.write, err = sql.Open("sqlite", address(db.path, o, "_txlock=immediate")); err != nil {
		return err
	}
	db.write.SetMaxOpenConns(1)
	if err := assertPragmas(ctx, db.write, pragmas(o)); err != nil {
		return err
	}
	if err := migrate(ctx, goose.DialectSQLite3, db.write, sqliteDialect()); err != nil {
		return err
	}
	if db.read, err = sql.Open("sqlite", address(db.path, o, "_pragma=query_only(1)")); err != nil {
		return err
	}
	reading := pragmas(o)
	reading["query_only"] = "1"
	if err := assertPragmas(ctx, db.read, reading); err != nil {
		return err
	}
	s, err := newSession(ctx, db.write)
	if err != nil {
		return err
	}
	db.writer = newWriter(s, db.write, db.present)
	db.readers = newReaders(db.read, max(4, 2*runtime.GOMAXPROCS(0)))
	return nil
}

// pragmas is how every connection is set up. Full synchronous writes make what
// a caller was told survive a power cut.
func pragmas(o Options) map[string]string {
	return map[string]string{
		"busy_timeout":       fmt.Sprint(o.busy.Milliseconds()),
		"foreign_keys":       "1",
		"journal_mode":       "wal",
		"journal_size_limit": "67108864",
		"synchronous":        "2",
		"trusted_schema":     "0",
	}
}

// address is the data source name. mode=rw: a connection that is opened while
// the file is away must fail, and not make an empty one in its place.
func address(path string, o Options, more ...string) string {
	var b strings.Builder
	b.WriteString("file:" + (&url.URL{Path: path}).EscapedPath() + "?mode=rw&" + strings.Join(more, "&"))
	for name, value := range pragmas(o) {
		fmt.Fprintf(&b, "&_pragma=%s(%s)", name, value)
	}
	return b.String()
}

// assertPragmas reads the settings back: a driver that does not understand one
// ignores it silently, and then commits would not be durable.
func assertPragmas(ctx context.Context, db *sql.DB, wanted map[string]string) error {
	for name, want := range wanted {
		var got string
		if err := db.QueryRowContext(ctx, "pragma "+name).Scan(&got); err != nil {
			return fmt.Errorf("pragma %s: %w", name, err)
		}
		if got != want {
			return fmt.Errorf("pragma %s is %q and not %q", name, got, want)
		}
	}
	return nil
}

// present says whether the file is still the one that was opened. Linux lets a
// program write for ever to a file that is not there any more.
func (db *sqlite) present() error {
	info, err := os.Stat(db.path)
	if err == nil && os.SameFile(info, db.opened) {
		return nil
	}
	return gatehouse.Errorf(gatehouse.Unavailable,
		"The database file is gone or was replaced while Gatehouse runs. Put it back, and start Gatehouse again.").Because(
		errors.Join(fmt.Errorf("database file %s", db.path), err))
}

func (db *sqlite) update(ctx context.Context, fn func(querier) error) error {
	return db.writer.update(ctx, fn)
}

func (db *sqlite) view(ctx context.Context, fn func(querier) error) error {
	s, err := db.readers.take(ctx)
	if err != nil {
		return err
	}
	if err := s.run("begin"); err != nil {
		if broken(err) { // the next one opens another
			s.close() //nolint:errcheck // it is lost
			s = nil
		}
		db.readers.give(s)
		return err
	}
	defer db.readers.give(s)
	defer s.run("rollback") //nolint:errcheck // nothing was written
	return fn(s)
}

func (db *sqlite) close() error {
	return errors.Join(db.writer.close(), db.readers.close(), db.closeHandles())
}

func (db *sqlite) closeHandles() error {
	var errs []error
	for _, h := range []*sql.DB{db.read, db.write} { // the writer last: it tidies the write-ahead log up
		if h != nil {
			errs = append(errs, h.Close())
		}
	}
	return errors.Join(errs...)
}
