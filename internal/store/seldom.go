package store

import (
	"context"
	"sync"
	"time"

	"gatehouse"
)

// seldom keeps what nearly every request needs and what changes seldom: clients,
// and the connectors that groups are told of. Its end is precise. What an
// Update of this Store changes is forgotten before that Update returns; what
// anybody else changes (another node, a command) is used for seldomFresh at the
// longest, since each such change counts a number up in the database, and that
// is looked at again by then. The zero value is ready to use.
type seldom struct {
	mu     sync.Mutex
	values map[string]any
	epoch  int64     // how often this Store has changed something
	count  int64     // the number in the database when it was looked at
	looked time.Time // when that was begun
}

const (
	seldomFresh = 500 * time.Millisecond
	seldomMost  = 4096 // values; more than that many clients are read as before
)

// get gives a value that is still good, and the epoch that put needs.
func (s *seldom) get(key string, now time.Time) (v any, epoch int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := now.Sub(s.looked); age < 0 || age >= seldomFresh {
		return nil, s.epoch, false
	}
	v, ok = s.values[key]
	return v, s.epoch, ok
}

// put keeps a value that was read, with the number, in a transaction begun at a
// time in an epoch; not if this Store has changed something meanwhile. keep is
// false for a value that must be read each time.
func (s *seldom) put(key string, v any, keep bool, epoch, count int64, began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if epoch != s.epoch {
		return
	}
	if s.values == nil || count != s.count || len(s.values) >= seldomMost {
		s.values = map[string]any{}
	}
	if s.count, s.looked = count, began; keep {
		s.values[key] = v
	}
}

func (s *seldom) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	s.values = nil
}

// kept gives what read reads, or what it read shortly before.
func kept[T any](ctx context.Context, s *Store, key string, read func(*Tx) (T, bool, error)) (T, error) {
	began := s.opts.Clock.Now()
	found, epoch, ok := s.seldom.get(key, began)
	if ok {
		return found.(T), nil //nolint:forcetypeassert // each key has one type
	}
	var (
		v     T
		keep  bool
		count int64
	)
	err := s.View(ctx, func(tx *Tx) (err error) {
		if count, err = tx.seldomCount(); err == nil {
			v, keep, err = read(tx)
		}
		return err
	})
	if err == nil {
		s.seldom.put(key, v, keep, epoch, count, began)
	}
	return v, err
}

// seldomCounter is the number that counts changes of what is kept.
const seldomCounter = "seldom_changed"

func (tx *Tx) seldomCount() (int64, error) {
	found, err := all(tx, scanInt, `select value from counters where name = $1`, seldomCounter)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0], nil
}

// seldomChanged tells all nodes that something of what is kept has changed.
func (tx *Tx) seldomChanged() error {
	tx.OnCommit(tx.store.seldom.forget)
	_, err := tx.exec(`insert into counters (name, value) values ($1, 1)
		on conflict (name) do update set value = counters.value + 1`, seldomCounter)
	return err
}

// Client is Tx.Client for what asks at every request: mostly from memory. What
// changes through this Store is seen at once, what others change within half a
// second. What it holds must not be changed. (A client that a person owns is
// read each time, since whether it is on depends on that person.)
func (s *Store) Client(ctx context.Context, id string) (gatehouse.Client, error) {
	return kept(ctx, s, "client "+id, func(tx *Tx) (gatehouse.Client, bool, error) {
		c, err := tx.Client(id)
		return c, c.OwnerID == "", err
	})
}

// ConnectorsOf is Tx.ConnectorsOf for what asks at every request, in the same
// way as Client.
func (s *Store) ConnectorsOf(ctx context.Context, kind string) ([]gatehouse.Connector, error) {
	return kept(ctx, s, "connectors "+kind, func(tx *Tx) ([]gatehouse.Connector, bool, error) {
		all, err := tx.ConnectorsOf(kind)
		return all, true, err
	})
}
