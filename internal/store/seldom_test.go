package store_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/seal"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// nodes are two stores on one database, with a clock that the test moves.
func nodes(t *testing.T, fn func(t *testing.T, here, there *store.Store, move func(time.Duration))) {
	t.Helper()
	for name, address := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box, err := seal.Ephemeral()
			if err != nil {
				t.Fatal(err)
			}
			var passed atomic.Int64
			clock := func() time.Time { return noon.Add(time.Duration(passed.Load())) }
			at := address(t)
			open := func() *store.Store {
				s, err := store.Open(t.Context(), at, store.Options{Seal: box, Clock: clock})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
				return s
			}
			fn(t, open(), open(), func(d time.Duration) { passed.Add(int64(d)) })
		})
	}
}

// TestClientIsForgottenWhenItChanges: a client that is switched off is off at
// once on the node that did it, and within a second on every other.
func TestClientIsForgottenWhenItChanges(t *testing.T) {
	t.Parallel()
	nodes(t, func(t *testing.T, here, there *store.Store, move func(time.Duration)) {
		c := gatehouse.Client{ID: "app", Name: "App", Enabled: true}
		save := func(s *store.Store) {
			t.Helper()
			update(t, s, func(tx *store.Tx) error { return tx.SaveClient(&c) })
		}
		isOn := func(s *store.Store, want bool) {
			t.Helper()
			got, err := s.Client(t.Context(), "app")
			if err != nil || got.Enabled != want {
				t.Errorf("the client is on: %t, %v; want %t", got.Enabled, err, want)
			}
		}
		save(here)
		isOn(here, true)
		isOn(there, true)
		for range 3 {
			c.Enabled = !c.Enabled
			save(here)
			isOn(here, c.Enabled)
			isOn(there, !c.Enabled) // so that this test would notice if nothing were kept
			move(time.Second)
			isOn(there, c.Enabled)
		}
		update(t, there, func(tx *store.Tx) error { return tx.DeleteClient("app") })
		if _, err := there.Client(t.Context(), "app"); !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("after it was deleted: %v", err)
		}
		move(time.Second)
		if _, err := here.Client(t.Context(), "app"); !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("after it was deleted there: %v", err)
		}
	})
}

// TestChangeThatIsUndoneChangesNothing: what is kept stays when an Update fails.
func TestChangeThatIsUndoneChangesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := gatehouse.Client{ID: "app", Name: "App", Enabled: true}
		update(t, s, func(tx *store.Tx) error { return tx.SaveClient(&c) })
		undone := errors.New("undone")
		err := s.Update(t.Context(), func(tx *store.Tx) error {
			off := c
			off.Enabled = false
			return errors.Join(tx.SaveClient(&off), undone)
		})
		if !errors.Is(err, undone) {
			t.Fatal(err)
		}
		if got, err := s.Client(t.Context(), "app"); err != nil || !got.Enabled {
			t.Errorf("the client is on: %t, %v", got.Enabled, err)
		}
	})
}

// TestOwnedClientFollowsItsOwner: whether somebody's own client is on depends on
// them, so that it is read each time.
func TestOwnedClientFollowsItsOwner(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ann := newUser(t, s, "ann")
		update(t, s, func(tx *store.Tx) error {
			return tx.SaveClient(&gatehouse.Client{ID: "own", Name: "Own", Enabled: true, OwnerID: ann.ID})
		})
		for _, state := range []gatehouse.UserState{gatehouse.UserActive, gatehouse.UserBlocked, gatehouse.UserActive} {
			ann.State = state
			update(t, s, func(tx *store.Tx) error { return tx.SaveUser(&ann) })
			got, err := s.Client(t.Context(), "own")
			if err != nil || got.On() != (state == gatehouse.UserActive) {
				t.Errorf("owner %s: on is %t, %v", state, got.On(), err)
			}
		}
	})
}

// TestConnectorsAreForgottenWhenTheyChange: a pause or the end of a pull is seen
// at once here, and within a second elsewhere.
func TestConnectorsAreForgottenWhenTheyChange(t *testing.T) {
	t.Parallel()
	nodes(t, func(t *testing.T, here, there *store.Store, move func(time.Duration)) {
		pulled := func(s *store.Store, want bool) {
			t.Helper()
			all, err := s.ConnectorsOf(t.Context(), "gitlab")
			if err != nil || len(all) != 1 || all[0].PulledAt.IsZero() == want {
				t.Errorf("got %+v, %v; want pulled %t", all, err, want)
			}
		}
		if all, err := here.ConnectorsOf(t.Context(), "gitlab"); err != nil || len(all) != 0 {
			t.Errorf("got %+v, %v; want none", all, err)
		}
		c := gatehouse.Connector{Key: "gitlab", Kind: "gitlab", Enabled: true}
		update(t, here, func(tx *store.Tx) error { return tx.SaveConnector(&c) })
		pulled(here, false)
		pulled(there, false)
		update(t, here, func(tx *store.Tx) error {
			return tx.SetConnectorStatus(c.ID, gatehouse.ConnectorConnected, gatehouse.Note{})
		})
		pulled(here, true)
		move(time.Second)
		pulled(there, true)
	})
}
