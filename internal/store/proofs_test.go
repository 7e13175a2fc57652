package store_test

import (
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func proof(browser string) gatehouse.Proof {
	return gatehouse.Proof{
		ConnectionID: "c", BrowserHash: hash(browser), UserID: "u", Decision: "d", Request: "handle", ReturnTo: "/user",
		Vouched: gatehouse.Vouched{
			Subject: "s", Aliases: map[string]string{"openid": "o"},
			Profile: gatehouse.Profile{Email: "ann@example.com", Verified: gatehouse.Verified, Groups: []string{"g"}},
			Tokens:  &gatehouse.Tokens{Access: "a", Refresh: "r", ID: "i", Scopes: []string{"read_user"}, ExpiresAt: noon},
		},
		ExpiresAt: noon.Add(15 * time.Minute),
	}
}

func TestProofs(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		first, second := proof("mine"), proof("mine")
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.Proof(hash("mine"))
			is(t, err, gatehouse.NotFound)
			is(t, tx.SaveProof(&first), "")
			got, err := tx.Proof(hash("mine"))
			is(t, err, "")
			same(t, got, first)
			if !first.CreatedAt.Equal(noon) || first.ID == "" {
				t.Errorf("not filled in: %+v", first)
			}
			_, err = tx.Proof(hash("another's"))
			is(t, err, gatehouse.NotFound)
			_, err = tx.TakeProof(hash("another's"), first.ID)
			is(t, err, gatehouse.NotFound)
			is(t, tx.SaveProof(&second), "") // takes the place of the first
			_, err = tx.TakeProof(hash("mine"), first.ID)
			is(t, err, gatehouse.NotFound)
			got, err = tx.TakeProof(hash("mine"), second.ID)
			is(t, err, "")
			same(t, got, second)
			_, err = tx.TakeProof(hash("mine"), second.ID) // once
			is(t, err, gatehouse.NotFound)
			is(t, tx.SaveProof(&first), "")
			return nil
		})
		move(15 * time.Minute)
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.Proof(hash("mine"))
			is(t, err, gatehouse.NotFound)
			n, err := tx.DeleteExpired(10)
			if n != 1 {
				t.Errorf("%d rows were cleared away, want 1", n)
			}
			return err
		})
	})
}

func TestProofNeedsABrowserAndAnEnd(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		nobodys, endless := proof("mine"), proof("mine")
		nobodys.BrowserHash, endless.ExpiresAt = nil, time.Time{}
		update(t, s, func(tx *store.Tx) error {
			if tx.SaveProof(&nobodys) == nil || tx.SaveProof(&endless) == nil {
				t.Error("a proof that is nobody's, or has no end, was kept")
			}
			_, err := tx.Proof(nil)
			is(t, err, gatehouse.NotFound)
			return nil
		})
	})
}

func TestUsersByVerifiedEmail(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		holds := gatehouse.User{Username: "holds", Email: "ann@example.com", EmailVerified: true, State: gatehouse.UserActive}
		says := gatehouse.User{Username: "says", Email: "ann@example.com", State: gatehouse.UserActive}
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.SaveUser(&says), "")
			for want, address := range []string{"ann@example.com", "ANN@example.com"} {
				got, err := tx.UsersByVerifiedEmail(address)
				is(t, err, "")
				if len(got) != 0 {
					t.Errorf("%d: an unverified address is held: %v", want, got)
				}
			}
			is(t, tx.SaveUser(&holds), "")
			got, err := tx.UsersByVerifiedEmail("ANN@example.com")
			is(t, err, "")
			same(t, got, []gatehouse.User{holds})
			got, err = tx.UsersByVerifiedEmail("")
			is(t, err, "")
			same(t, got, []gatehouse.User(nil))
			return nil
		})
	})
}
