// Package store keeps everything that Gatehouse knows, in SQLite or PostgreSQL,
// by one SQL text. Reading is View, writing is Update; what is written is
// durable before Update returns. Secrets are sealed before they reach the
// database, tokens and codes are kept as SHA-256 only.
package store

import (
	"context"
	"log/slog"
	"time"

	"gatehouse"
	"gatehouse/internal/seal"
)

// Options of a Store. The zero value is usable but for Seal.
type Options struct {
	Seal  *seal.Box       // seals secret columns; nil: Open fails
	Clock gatehouse.Clock // nil: time.Now
	Log   *slog.Logger    // nil: discard
}

// Store is an open database. It is safe for concurrent use.
type Store struct{ opts Options }

// Open opens "sqlite:PATH" (made with 0600 if absent) or "postgres://…" and brings its
// schema up to date. A file that cannot be written, is locked by a program
// that does not let go, or holds a newer schema is an error that says so.
func Open(ctx context.Context, url string, o Options) (*Store, error) { panic("todo") }

// Close waits for writes under way and closes the database.
func (s *Store) Close() error { panic("todo") }

// Ping says whether the database can be read and written now; for /readyz.
func (s *Store) Ping(ctx context.Context) error { panic("todo") }

// View runs fn on one unchanging picture of the database. fn must not write.
func (s *Store) View(ctx context.Context, fn func(*Tx) error) error { panic("todo") }

// Update runs fn as if all updates ran one after another, and returns nil only
// when what fn wrote is durable. An error of fn undoes everything it wrote. fn
// may run more than once, so it touches nothing but tx and variables that it
// sets anew each time.
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error { panic("todo") }

// Tx is a transaction. Its methods use the context of the View or Update that
// made it, and it must not be kept beyond it. Methods that look for one thing
// return gatehouse.NotFound when there is none.
type Tx struct {
	ctx context.Context
	now time.Time
}

// Now is the time of the transaction, to the millisecond: the same at every call.
func (tx *Tx) Now() time.Time { return tx.now }

// Context is the context of the View or Update.
func (tx *Tx) Context() context.Context { return tx.ctx }

// NewID returns a new UUIDv7: ids of rows grow with time.
func NewID() string { panic("todo") }

// Cursor asks for a page of a list: at most Limit rows (0: 50, at most 200)
// after the one that After names ("" = from the start). After is opaque: it is
// the Next of the page before.
type Cursor struct {
	After string
	Limit int
}

// Page is a page of a list. Next is "" at the end.
type Page[T any] struct {
	Items []T
	Next  string
}
