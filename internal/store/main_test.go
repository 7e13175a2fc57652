package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// atNoon is each store with a clock that stands still.
func atNoon(t *testing.T, fn func(t *testing.T, s *store.Store)) {
	t.Helper()
	storetest.EachWith(t, storetest.Options{Clock: func() time.Time { return noon }}, fn)
}

func update(t *testing.T, s *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatalf("update: %v", err)
	}
}

func view(t *testing.T, s *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatalf("view: %v", err)
	}
}

// is fails the test unless err is of the kind; "" is no error.
func is(t *testing.T, err error, kind gatehouse.ErrorKind) {
	t.Helper()
	if kind == "" && err != nil || kind != "" && !errors.Is(err, kind) {
		t.Errorf("got error %v, want %q", err, kind)
	}
}

func same[T any](t *testing.T, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("differs (-want +got):\n%s", d)
	}
}

// pages reads a list to its end, two at a time, and gives a word for each item.
func pages[T any](t *testing.T, list func(store.Cursor) (store.Page[T], error), word func(T) string) (words []string) {
	t.Helper()
	c := store.Cursor{Limit: 2}
	for {
		p, err := list(c)
		if err != nil {
			t.Errorf("list: %v", err)
			return nil
		}
		if len(p.Items) > 2 || len(words) > 1000 {
			t.Fatalf("a page has %d items after %d words", len(p.Items), len(words))
		}
		for _, item := range p.Items {
			words = append(words, word(item))
		}
		if p.Next == "" {
			return words
		}
		c.After = p.Next
	}
}

func newUser(t *testing.T, s *store.Store, name string) (u gatehouse.User) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error {
		u = gatehouse.User{Username: name, Name: name, Email: name + "@example.com", State: gatehouse.UserActive}
		return tx.SaveUser(&u)
	})
	return u
}

func newConnection(t *testing.T, s *store.Store, name string) (c gatehouse.Connection) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error {
		c = gatehouse.Connection{Name: name, Kind: name, Enabled: true}
		return tx.SaveConnection(&c)
	})
	return c
}
