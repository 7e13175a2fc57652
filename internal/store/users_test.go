package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

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

func newUser(t *testing.T, s *store.Store, name string) gatehouse.User {
	t.Helper()
	u := gatehouse.User{Username: name, Name: name, Email: name + "@example.com", State: gatehouse.UserActive}
	update(t, s, func(tx *store.Tx) error {
		u.ID = ""
		return tx.SaveUser(&u)
	})
	return u
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestSaveUser(t *testing.T) {
	t.Parallel()
	storetest.EachWith(t, storetest.Options{Clock: func() time.Time { return noon }}, func(t *testing.T, s *store.Store) {
		u := gatehouse.User{
			Username: "Zhang.San", Name: "张三", Email: "Zhang@Example.com", EmailVerified: true, Avatar: "https://a/b",
			Locale: "zh-CN", State: gatehouse.UserActive, Role: gatehouse.RoleAuditor, External: true, Provenance: "d1",
			LastSignInAt: noon.Add(-time.Hour),
		}
		update(t, s, func(tx *store.Tx) error { return tx.SaveUser(&u) })
		if u.ID == "" || u.Number != gatehouse.FirstUserNumber || !u.CreatedAt.Equal(noon) || u.Email != "zhang@example.com" {
			t.Errorf("not filled in: %+v", u)
		}
		view(t, s, func(tx *store.Tx) error {
			for name, find := range map[string]func() (gatehouse.User, error){
				"id":       func() (gatehouse.User, error) { return tx.User(u.ID) },
				"number":   func() (gatehouse.User, error) { return tx.UserByNumber(u.Number) },
				"username": func() (gatehouse.User, error) { return tx.UserByUsername("zhang.san") },
				"email": func() (gatehouse.User, error) {
					found, err := tx.UsersByEmail("ZHANG@example.COM")
					return append(found, gatehouse.User{})[0], err
				},
			} {
				got, err := find()
				if err != nil {
					t.Errorf("by %s: %v", name, err)
				}
				same(t, got, u)
			}
			return nil
		})
	})
}
