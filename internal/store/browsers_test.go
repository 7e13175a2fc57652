package store_test

import (
	"fmt"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestBrowsers(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
		know := func(u gatehouse.User, browser string, before bool, others int64) {
			t.Helper()
			move(time.Minute)
			update(t, s, func(tx *store.Tx) error {
				b, n, err := tx.KnowBrowser(u.ID, []byte(browser), 3)
				if b != before || n != others {
					t.Errorf("%s of %s: before %v, %d others; want %v, %d", browser, u.Username, b, n, before, others)
				}
				return err
			})
		}
		know(ann, "a", false, 0)
		know(ann, "a", true, 0)
		know(bob, "a", false, 0) // whose browser it is for others tells nothing of him
		know(ann, "b", false, 1)
		for i := range 3 {
			know(ann, fmt.Sprint(i), false, int64(min(2+i, 3)))
		}
		know(ann, "a", false, 3) // forgotten: there were three later ones
		know(ann, "2", true, 2)
		update(t, s, func(tx *store.Tx) error { return tx.ForgetBrowsers(ann.ID) })
		know(ann, "2", false, 0)
		know(bob, "a", true, 0)
	})
}

func TestNoticeSession(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		ann := newUser(t, s, "ann")
		session := gatehouse.Session{TokenHash: hash("t"), UserID: ann.ID, ExpiresAt: noon.Add(time.Hour)}
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.SaveSession(&session), "")
			found, _, err := tx.SessionByToken(hash("t"))
			if found.Noticed {
				t.Error("a new session was noticed already")
			}
			for _, want := range []bool{true, false} {
				got, err := tx.NoticeSession(session.ID)
				is(t, err, "")
				if got != want {
					t.Errorf("noticed: %v, want %v", got, want)
				}
			}
			found, _, err2 := tx.SessionByToken(hash("t"))
			if !found.Noticed {
				t.Error("it is not kept that it was noticed")
			}
			is(t, err2, "")
			return err
		})
	})
}
