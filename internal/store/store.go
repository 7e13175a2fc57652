// Package store keeps everything that Gatehouse knows, in SQLite or PostgreSQL,
// by one SQL text. Reading is View, writing is Update; what is written is
// durable before Update returns. Secrets are sealed before they reach the
// database, tokens and codes are kept as SHA-256 only.
package store

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/seal"
)

// Options of a Store. The zero value is usable but for Seal.
type Options struct {
	Seal  *seal.Box       // seals secret columns; nil: Open fails
	Clock gatehouse.Clock // nil: time.Now
	Log   *slog.Logger    // nil: discard

	// busy is how long SQLite waits for a lock of another program.
	busy time.Duration
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	opts     Options
	dialect  dialect
	db       backend
	watchers watchers
	seldom   seldom
}

// backend is a database under one of the two drivers. Both run fn inside a
// transaction and pass its error on; update may run it more than once.
type backend interface {
	view(ctx context.Context, fn func(querier) error) error
	ask(ctx context.Context, fn func(querier) error) error
	update(ctx context.Context, own bool, fn func(querier) error) error // own: see UpdateOwnRows
	close() error
}

// Open opens "sqlite:PATH" (made with 0600 if absent) or "postgres://…" and brings its
// schema up to date. A file that cannot be written, is locked by a program
// that does not let go, or holds a newer schema is an error that says so.
func Open(ctx context.Context, address string, o Options) (*Store, error) {
	if o.Seal == nil {
		return nil, errors.New("open store: Options.Seal is missing")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.busy == 0 {
		o.busy = 5 * time.Second
	}
	s := &Store{opts: o}
	var err error
	path, isFile := strings.CutPrefix(address, "sqlite:")
	if isFile {
		s.dialect = sqliteDialect()
		s.db, err = openSQLite(ctx, path, o)
	} else if isPostgres(address) {
		s.dialect = postgresDialect()
		s.db, err = openPostgres(ctx, address, o)
	} else {
		err = gatehouse.Errorf(gatehouse.Invalid,
			`The address of the database begins neither with "sqlite:" nor with "postgres://". Write sqlite:PATH for a file, or postgres://USER@HOST/NAME.`)
	}
	if err != nil {
		return nil, err
	}
	if err := s.Ping(ctx); err != nil { // a file that is locked, a server that only reads
		if isFile {
			err = refuseFile(path, err)
		}
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// isPostgres says whether an address is one of PostgreSQL. The address itself
// may hold a password, so nothing of it gets into an error.
func isPostgres(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql")
}

// Close waits for writes under way and closes the database.
func (s *Store) Close() error { return s.db.close() }

// Ping says whether the database can be read and written now; for /readyz.
func (s *Store) Ping(ctx context.Context) error {
	return s.Update(ctx, func(tx *Tx) error {
		_, err := tx.exec(`insert into counters (name, value) values ('ping', $1)
			on conflict (name) do update set value = excluded.value`, tx.now)
		return err
	})
}

// View runs fn on one unchanging picture of the database. fn must not write.
func (s *Store) View(ctx context.Context, fn func(*Tx) error) error {
	err := s.db.view(ctx, func(q querier) error {
		tx := s.begin(ctx, q)
		defer tx.end()
		return tx.outcome(fn(tx))
	})
	return explain(err)
}

// Ask is View for one question: fn reads by one statement. That needs no
// transaction around it, which is dearer than most questions. A second
// statement is an error, and so is one that is no select.
func (s *Store) Ask(ctx context.Context, fn func(*Tx) error) error {
	err := s.db.ask(ctx, func(q querier) error {
		tx := s.begin(ctx, q)
		tx.asks = 1
		defer tx.end()
		return tx.outcome(fn(tx))
	})
	return explain(err)
}

// Update runs fn as if all updates ran one after another, and returns nil only
// when what fn wrote is durable. An error of fn undoes everything it wrote. fn
// may run more than once, so it touches nothing but tx and variables that it
// sets anew each time. fn must not call View or Update itself: on SQLite there
// is one writer, and it would wait for itself.
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error {
	return s.update(ctx, false, fn)
}

// UpdateOwnRows is Update for what depends on rows alone that fn itself changes:
// whoever changes one of them at the same time waits, and then one of the two
// runs again. What fn only reads may change meanwhile, as if fn had read it a
// moment earlier. That spares transactions that have nothing to do with each
// other from running again because their rows lie side by side (docs/adr/0013).
// Where in doubt, use Update.
func (s *Store) UpdateOwnRows(ctx context.Context, fn func(*Tx) error) error {
	return s.update(ctx, true, fn)
}

func (s *Store) update(ctx context.Context, own bool, fn func(*Tx) error) error {
	var after []func()
	err := s.db.update(ctx, own, func(q querier) error {
		tx := s.begin(ctx, q)
		defer tx.end()
		err := tx.outcome(fn(tx))
		after = tx.after
		return err
	})
	if err != nil {
		return explain(err)
	}
	for _, f := range after {
		f()
	}
	return nil
}

func (s *Store) begin(ctx context.Context, q querier) *Tx {
	now := s.opts.Clock.Now().UTC().Truncate(time.Millisecond)
	return &Tx{ctx: ctx, now: now, db: q, store: s}
}
