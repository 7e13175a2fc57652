package store_test

import (
	"crypto/sha256"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func hash(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// movable is each store with a clock that the test moves.
func movable(t *testing.T, fn func(t *testing.T, s *store.Store, move func(time.Duration))) {
	t.Helper()
	for name, open := range map[string]func(testing.TB, storetest.Options) *store.Store{
		"sqlite": storetest.OpenWith, "postgres": storetest.OpenPostgres,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var passed atomic.Int64
			s := open(t, storetest.Options{Clock: func() time.Time { return noon.Add(time.Duration(passed.Load())) }})
			fn(t, s, func(d time.Duration) { passed.Add(int64(d)) })
		})
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
		save := func(u gatehouse.User, token string) (v gatehouse.Session) {
			update(t, s, func(tx *store.Tx) error {
				v = gatehouse.Session{
					TokenHash: hash(token), UserID: u.ID, ConnectionID: "c", Method: "federated", UserAgent: "UA",
					Address: "192.0.2.1", ExpiresAt: tx.Now().Add(time.Hour),
				}
				return tx.SaveSession(&v)
			})
			return v
		}
		one, two, bobs := save(ann, "one"), save(ann, "two"), save(bob, "bobs")
		update(t, s, func(tx *store.Tx) error {
			got, user, err := tx.SessionByToken(hash("one"))
			is(t, err, "")
			same(t, got, one)
			same(t, user, ann)
			if !one.AuthAt.Equal(noon) || !one.CreatedAt.Equal(noon) || !one.SeenAt.Equal(noon) {
				t.Errorf("times are not filled in: %+v", one)
			}
			_, _, err = tx.SessionByToken(hash("three"))
			is(t, err, gatehouse.NotFound)
			is(t, tx.TouchSession(one.ID, noon.Add(time.Minute)), "")
			is(t, tx.TouchSession("none", noon), gatehouse.NotFound)
			list, err := tx.Sessions(ann.ID)
			is(t, err, "")
			one.SeenAt = noon.Add(time.Minute)
			same(t, list, []gatehouse.Session{one, two})
			two.AuthAt, two.ExpiresAt = noon.Add(time.Second), noon.Add(2*time.Hour)
			is(t, tx.SaveSession(&two), "")
			is(t, tx.EndSession(ann.ID, bobs.ID), gatehouse.NotFound)
			is(t, tx.EndSession(bob.ID, bobs.ID), "")
			_, _, err = tx.SessionByToken(hash("bobs"))
			is(t, err, gatehouse.NotFound)
			return nil
		})
		move(time.Hour) // to the end of one
		update(t, s, func(tx *store.Tx) error {
			_, _, err := tx.SessionByToken(hash("one"))
			is(t, err, gatehouse.NotFound)
			list, err := tx.Sessions(ann.ID)
			same(t, list, []gatehouse.Session{two})
			return err
		})
		save(ann, "four")
		update(t, s, func(tx *store.Tx) error {
			n, err := tx.EndSessions(ann.ID, two.ID)
			if n != 2 || err != nil {
				t.Errorf("ended %d, %v", n, err)
			}
			n, err = tx.EndSessions(ann.ID, "")
			if n != 1 || err != nil {
				t.Errorf("ended %d, %v", n, err)
			}
			return nil
		})
	})
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		var a gatehouse.Attempt
		update(t, s, func(tx *store.Tx) error {
			a = gatehouse.Attempt{
				ConnectionID: "c", State: "state-1", Nonce: "nonce", Verifier: "verifier", BrowserHash: hash("b"),
				RedirectURI: "https://g/cb", Request: "handle", ReturnTo: "/user", Purpose: gatehouse.ForLink, UserID: "u", Fresh: true, LoginHint: "h", Locale: "en",
				ExpiresAt: noon.Add(time.Minute),
			}
			is(t, tx.SaveAttempt(&gatehouse.Attempt{State: "state-2", ExpiresAt: noon.Add(time.Minute)}), "")
			return tx.SaveAttempt(&a)
		})
		update(t, s, func(tx *store.Tx) error {
			got, err := tx.PeekAttempt("state-1")
			is(t, err, "")
			same(t, got, a)
			got, err = tx.TakeAttempt("state-1")
			is(t, err, "")
			same(t, got, a)
			for _, gone := range []string{"state-1", "", "state"} {
				_, err = tx.TakeAttempt(gone)
				is(t, err, gatehouse.NotFound)
				_, err = tx.PeekAttempt(gone)
				is(t, err, gatehouse.NotFound)
			}
			return nil
		})
		move(time.Minute)
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.PeekAttempt("state-2")
			is(t, err, gatehouse.Expired)
			_, err = tx.TakeAttempt("state-2")
			is(t, err, gatehouse.Expired)
			_, err = tx.TakeAttempt("state-2")
			is(t, err, gatehouse.NotFound)
			return nil
		})
	})
}

func TestLinks(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		l := store.Link{Purpose: "claim", UserID: "u", ExpiresAt: noon.Add(time.Minute)}
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.SaveLink("one", l), "")
			is(t, tx.SaveLink("two", l), "")
			_, err := tx.TakeLink("dev", "one")
			is(t, err, gatehouse.NotFound)
			got, err := tx.TakeLink("claim", "one")
			is(t, err, "")
			same(t, got, l)
			_, err = tx.TakeLink("claim", "one")
			is(t, err, gatehouse.NotFound)
			return nil
		})
		move(time.Minute)
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.TakeLink("claim", "two")
			is(t, err, gatehouse.Expired)
			return nil
		})
	})
}

func TestDeleteOldDecisions(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		update(t, s, func(tx *store.Tx) error {
			long := tx.Now().Add(-time.Hour)
			for _, d := range []gatehouse.Decision{
				{Reference: "OLD1", At: long}, {Reference: "OLD2", At: long}, {Reference: "USER", At: long, UserID: "u"}, {Reference: "NEW"},
			} {
				is(t, tx.SaveDecision(&d), "")
			}
			for _, want := range []int64{1, 1, 0} {
				n, err := tx.DeleteOldDecisions(tx.Now().Add(-time.Minute), 1)
				if is(t, err, ""); n != want {
					t.Errorf("%d are gone, want %d", n, want)
				}
			}
			left, err := tx.Decisions("", store.Cursor{})
			if len(left.Items) != 2 || left.Items[0].Reference != "NEW" || left.Items[1].Reference != "USER" {
				t.Errorf("left: %v", left.Items)
			}
			return err
		})
	})
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		var d gatehouse.Decision
		update(t, s, func(tx *store.Tx) error {
			d = gatehouse.Decision{
				Reference: "AB12-CD", ConnectionID: "c", Subject: "s", UserID: "u", Outcome: gatehouse.OutcomeRefused, Rule: "r",
				Reason: "No %s.", Args: []string{"way"}, Facts: map[string]string{"email": "a@b"}, Address: "192.0.2.1",
			}
			is(t, tx.SaveDecision(&gatehouse.Decision{Reference: "OTHER", UserID: "v"}), "")
			is(t, tx.SaveDecision(&d), "")
			for _, by := range []string{d.ID, "AB12-CD", "ab12-cd"} {
				got, err := tx.Decision(by)
				is(t, err, "")
				same(t, got, d)
			}
			for _, by := range []string{"", "nobody", "AB12"} {
				_, err := tx.Decision(by)
				is(t, err, gatehouse.NotFound)
			}
			d.Outcome = gatehouse.OutcomeCreated
			is(t, tx.SaveDecision(&d), "")
			got, err := tx.Decision(d.ID)
			same(t, got, d)
			return err
		})
		view(t, s, func(tx *store.Tx) error {
			for user, want := range map[string]string{"": "AB12-CD OTHER", "v": "OTHER", "w": ""} {
				got := pages(t, func(c store.Cursor) (store.Page[gatehouse.Decision], error) { return tx.Decisions(user, c) },
					func(d gatehouse.Decision) string { return d.Reference })
				if strings.Join(got, " ") != want {
					t.Errorf("decisions of %q are %v, want %s", user, got, want)
				}
			}
			return nil
		})
	})
}
