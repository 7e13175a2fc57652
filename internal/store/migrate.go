package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"io/fs"
	"regexp"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"gatehouse"
	"gatehouse/internal/store/migrations"
)

// migrate brings the schema up to date. Several nodes may do so at once: on
// PostgreSQL they wait for each other.
func migrate(ctx context.Context, kind goose.Dialect, db *sql.DB, d dialect) error {
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger())}
	if kind == goose.DialectPostgres {
		l, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120), lock.WithUnlockTimeout(1, 10))
		if err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		options = append(options, goose.WithSessionLocker(l))
	}
	p, err := goose.NewProvider(kind, db, schema{migrations.Files, d}, options...)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the schema: %w", err)
	}
	if have > want {
		return gatehouse.Errorf(gatehouse.Unavailable,
			"The database was written by a newer Gatehouse (its schema is %d, this program knows %d). Start that version, or restore a backup of before.", have, want)
	}
	if have == want {
		return nil
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring the schema up to date: %w", err)
	}
	return nil
}

// schema is the migrations as one of the databases wants them. There is one SQL
// text; only the type of texts has another name.
type schema struct {
	fs.ReadDirFS
	dialect dialect
}

// textType finds the type, and not the columns whose names end in it.
var textType = regexp.MustCompile(`\btext\b`)

// Open gives a file with its texts made the database's own.
func (s schema) Open(name string) (fs.File, error) {
	f, err := s.ReadDirFS.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return f, err
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	b = textType.ReplaceAll(b, []byte(s.dialect.text))
	return file{File: f, content: bytes.NewReader(b)}, nil
}

// file is an embedded file with another content.
type file struct {
	fs.File
	content io.Reader
}

// Read is the changed content's.
func (f file) Read(p []byte) (int, error) { return f.content.Read(p) }
