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
		return nil, refuseFile(path, err)
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
	writing := address(db.path, o, "_txlock=immediate")
	handle, err := sql.Open("sqlite", writing)
	if err != nil {
		return err
	}
	defer handle.Close() //nolint:errcheck // migrations go through database/sql, all else does not
	handle.SetMaxOpenConns(1)
	if err := migrate(ctx, goose.DialectSQLite3, handle, sqliteDialect()); err != nil {
		return err
	}
	write := opener{handle.Driver(), writing}
	s, err := newSession(write)
	if err != nil {
		return err
	}
	if err := s.assertPragmas(ctx, pragmas(o)); err != nil {
		return errors.Join(err, s.close())
	}
	read := opener{handle.Driver(), address(db.path, o, "_pragma=query_only(1)")}
	readers := newReaders(read, max(4, 2*runtime.GOMAXPROCS(0)))
	reading := pragmas(o)
	reading["query_only"] = "1"
	if err := readers.assertPragmas(ctx, reading); err != nil {
		return errors.Join(err, readers.close(), s.close())
	}
	db.writer, db.readers = newWriter(s, write, db.present), readers
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
func (s *session) assertPragmas(ctx context.Context, wanted map[string]string) error {
	for name, want := range wanted {
		got := ""
		err := s.query(ctx, func(r row) error {
			v, ok := r.(values)
			if ok && len(v) == 1 {
				got = fmt.Sprint(v[0])
			}
			return nil
		}, "pragma "+name, nil)
		if err != nil {
			return fmt.Errorf("pragma %s: %w", name, err)
		}
		if got != want {
			return fmt.Errorf("pragma %s is %q and not %q", name, got, want)
		}
	}
	return nil
}

// assertPragmas looks at the first connection.
func (r *readers) assertPragmas(ctx context.Context, wanted map[string]string) error {
	s, err := r.take(ctx)
	if err != nil {
		return err
	}
	defer r.give(s)
	return s.assertPragmas(ctx, wanted)
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

// update has one writer at a time anyway.
func (db *sqlite) update(ctx context.Context, _ bool, fn func(querier) error) error {
	return db.writer.update(ctx, fn)
}

func (db *sqlite) view(ctx context.Context, fn func(querier) error) error {
	return db.reading(ctx, func(s *session) error {
		if err := s.run("begin"); err != nil {
			return err
		}
		defer s.run("rollback") //nolint:errcheck // nothing was written
		return fn(s)
	})
}

// ask needs no transaction: one statement sees one picture.
func (db *sqlite) ask(ctx context.Context, fn func(querier) error) error {
	return db.reading(ctx, func(s *session) error { return fn(s) })
}

// reading lends a connection that reads. One that was lost is not given back:
// the next reader opens another.
func (db *sqlite) reading(ctx context.Context, fn func(*session) error) (err error) {
	s, err := db.readers.take(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if broken(err) {
			s.close() //nolint:errcheck // it is lost
			s = nil
		}
		db.readers.give(s)
	}()
	return fn(s)
}

// close closes the readers first: the last connection tidies the write-ahead
// log up, and one that may only read cannot.
func (db *sqlite) close() error { return errors.Join(db.readers.close(), db.writer.close()) }
