package store

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"gatehouse"
)

// Tx is a transaction. Its methods use the context of the View or Update that
// made it, and it must not be kept beyond it, nor used by two goroutines at
// once. Methods that look for one thing return gatehouse.NotFound when there is
// none. After an error of the database itself nothing more can be done with a
// Tx, and its Update fails even if fn returns nil.
type Tx struct {
	ctx    context.Context
	now    time.Time
	db     querier
	store  *Store
	failed error // the first error of the database
	over   atomic.Bool
	after  []func()
	asks   int // of an Ask: 1 before its question, 2 after; 0: this is none
}

// querier is what a Tx needs of a driver's transaction.
type querier interface {
	// exec runs a statement and says how many rows it touched.
	exec(ctx context.Context, query string, args []any) (int64, error)
	// send is exec for a statement of which only the effect matters. It may run as
	// late as with the next one, or with the commit, which then has its error.
	send(ctx context.Context, query string, args []any) error
	// query runs a statement and calls each for every row.
	query(ctx context.Context, each func(row) error, query string, args []any) error
}

// Now is the time of the transaction, to the millisecond: the same at every call.
func (tx *Tx) Now() time.Time { return tx.now }

// Context is the context of the View or Update.
func (tx *Tx) Context() context.Context { return tx.ctx }

// OnCommit has fn called once after what the Update wrote is durable, before
// Update returns; never after a rollback, and never for a run of the update
// that is repeated. Functions are called in the order they were given. In a
// View it does nothing.
func (tx *Tx) OnCommit(fn func()) { tx.after = append(tx.after, fn) }

// NewID returns a new UUIDv7: ids of rows grow with time.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

func (tx *Tx) end() { tx.over.Store(true) }

// outcome is the error that the transaction ends with. An error of the database
// counts even when fn swallowed it (the transaction is broken by then), and one
// that calls for another run counts whatever fn made of it.
func (tx *Tx) outcome(err error) error {
	if tx.failed != nil && (err == nil || again(tx.failed)) {
		return tx.failed
	}
	return err
}

// exec runs a statement and says how many rows it touched.
func (tx *Tx) exec(query string, args ...any) (int64, error) {
	args, err := tx.ready(args)
	if err != nil {
		return 0, err
	}
	if tx.asks > 0 {
		return 0, errAsksMore
	}
	n, err := tx.db.exec(tx.ctx, query, args)
	if err != nil {
		return 0, tx.fail(err)
	}
	return n, nil
}

// send runs a statement of which only the effect matters, at the latest when
// the Update ends. Its error may be that of a later statement, or of the Update.
func (tx *Tx) send(query string, args ...any) error {
	args, err := tx.ready(args)
	if err != nil {
		return err
	}
	if tx.asks > 0 {
		return errAsksMore
	}
	if err := tx.db.send(tx.ctx, query, args); err != nil {
		return tx.fail(err)
	}
	return nil
}

// query runs a statement and calls each for every row.
func (tx *Tx) query(each func(row) error, query string, args ...any) error {
	args, err := tx.ready(args)
	if err != nil {
		return err
	}
	if tx.asks > 0 {
		if tx.asks++; tx.asks > 2 || !strings.HasPrefix(query, "select ") {
			return errAsksMore
		}
	}
	if err := tx.db.query(tx.ctx, each, query, args); err != nil {
		return tx.fail(err)
	}
	return nil
}

func (tx *Tx) fail(err error) error {
	err = explain(err)
	if tx.failed == nil {
		tx.failed = err
	}
	return err
}

var (
	errOver     = errors.New("store: a transaction was used after its end")
	errAsksMore = errors.New("store: an Ask is one question that reads; use View or Update")
	errBadText  = gatehouse.Errorf(gatehouse.Invalid, "A text holds characters that cannot be stored. Remove what is not a letter, and try again.")
)

// ready checks that the transaction can go on and turns arguments into what
// both drivers take: times are Unix milliseconds, texts are plain strings
// without what PostgreSQL cannot keep (NUL, broken UTF-8).
func (tx *Tx) ready(args []any) ([]any, error) {
	if tx.over.Load() {
		return nil, errOver
	}
	if tx.failed != nil {
		return nil, tx.failed
	}
	if err := tx.ctx.Err(); err != nil {
		return nil, err
	}
	for i, a := range args {
		switch v := a.(type) {
		case time.Time:
			args[i] = millis(v)
		case string:
			if !storable(v) {
				return nil, errBadText
			}
		default:
			if r := reflect.ValueOf(a); r.Kind() == reflect.String {
				if !storable(r.String()) {
					return nil, errBadText
				}
				args[i] = r.String()
			}
		}
	}
	return args, nil
}

func storable(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// one reads the only row of a query; gatehouse.NotFound when there is none.
func one[T any](tx *Tx, scan func(row) (T, error), query string, args ...any) (T, error) {
	var found T
	n := 0
	err := tx.query(func(r row) (err error) {
		n++
		found, err = scan(r)
		return err
	}, query, args...)
	if err == nil && n == 0 {
		err = gatehouse.NotFound
	}
	return found, err
}

// all reads all rows of a query.
func all[T any](tx *Tx, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	var found []T
	err := tx.query(func(r row) error {
		v, err := scan(r)
		found = append(found, v)
		return err
	}, query, args...)
	if err != nil {
		return nil, err
	}
	return found, nil
}

// must says NotFound when a statement touched nothing.
func must(n int64, err error) error {
	if err == nil && n == 0 {
		return gatehouse.NotFound
	}
	return err
}
