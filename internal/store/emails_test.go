package store_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func TestEmails(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
		update(t, s, func(tx *store.Tx) error {
			e := gatehouse.Email{UserID: ann.ID, Address: "Two@Example.com"}
			is(t, tx.SaveEmail(&e), "")
			same(t, e, gatehouse.Email{UserID: ann.ID, Address: "two@example.com", CreatedAt: noon})
			is(t, tx.SaveEmail(&gatehouse.Email{UserID: ann.ID, Address: "one@example.com", CreatedAt: noon.Add(-time.Hour)}), "")
			// Two may want the same address until one of them has it verified.
			is(t, tx.SaveEmail(&gatehouse.Email{UserID: bob.ID, Address: "two@example.com", Verified: true}), "")
			e.Verified = true
			is(t, tx.SaveEmail(&e), gatehouse.Conflict)
			is(t, tx.SaveEmail(&gatehouse.Email{UserID: ann.ID, Address: "ANN@example.com"}), gatehouse.Conflict)
			is(t, tx.SaveEmail(&gatehouse.Email{UserID: ann.ID}), gatehouse.Invalid)
			taken := gatehouse.User{Username: "carl", Email: "TWO@example.com", EmailVerified: true}
			is(t, tx.SaveUser(&taken), gatehouse.Conflict)
			taken.EmailVerified = false
			is(t, tx.SaveUser(&taken), "")
			return nil
		})
		view(t, s, func(tx *store.Tx) error {
			found, err := tx.Emails(ann.ID)
			is(t, err, "")
			same(t, found, []gatehouse.Email{
				{UserID: ann.ID, Address: "one@example.com", CreatedAt: noon.Add(-time.Hour)},
				{UserID: ann.ID, Address: "two@example.com", CreatedAt: noon},
			})
			for address, want := range map[string]int{"TWO@example.com": 1, "one@example.com": 0, "ann@example.com": 0, "": 0} {
				holders, err := tx.UsersByVerifiedEmail(address)
				is(t, err, "")
				if len(holders) != want || want > 0 && holders[0].ID != bob.ID {
					t.Errorf("%q is held by %+v", address, holders)
				}
			}
			_, err = tx.Email(ann.ID, "TWO@example.com")
			return err
		})
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.DeleteEmail(ann.ID, "bob@example.com"), gatehouse.NotFound)
			is(t, tx.DeleteEmail(ann.ID, "Two@example.com"), "")
			_, err := tx.Email(ann.ID, "two@example.com")
			is(t, err, gatehouse.NotFound)
			return nil
		})
	})
}

func TestAnAdditionalAddressThatBecomesPrimary(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		for verified, name := range map[bool]string{true: "ann", false: "bob"} {
			u := newUser(t, s, name)
			update(t, s, func(tx *store.Tx) error {
				address := "new-" + name + "@example.com"
				is(t, tx.SaveEmail(&gatehouse.Email{UserID: u.ID, Address: address, Verified: verified}), "")
				u.Email, u.EmailVerified = address, false
				is(t, tx.SaveUser(&u), "")
				if u.EmailVerified != verified {
					t.Errorf("%s: verified is %v", name, u.EmailVerified)
				}
				left, err := tx.Emails(u.ID)
				if len(left) != 0 {
					t.Errorf("it is still an additional one: %+v", left)
				}
				return err
			})
		}
	})
}

// TestAVerifiedAddressHasOneHolder: of many who verify the same address at once,
// some as primary and some as additional, one has it.
func TestAVerifiedAddressHasOneHolder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		people := make([]gatehouse.User, 12)
		for i := range people {
			people[i] = newUser(t, s, fmt.Sprintf("u%d", i))
		}
		var winners atomic.Int64
		race(len(people), func(i int) {
			err := s.Update(t.Context(), func(tx *store.Tx) error {
				if i%2 == 0 {
					return tx.SaveEmail(&gatehouse.Email{UserID: people[i].ID, Address: "wanted@example.com", Verified: true})
				}
				u := people[i]
				u.Email, u.EmailVerified = "wanted@example.com", true
				return tx.SaveUser(&u)
			})
			switch {
			case err == nil:
				winners.Add(1)
			case !errors.Is(err, gatehouse.Conflict):
				t.Errorf("got %v", err)
			}
		})
		view(t, s, func(tx *store.Tx) error {
			holders, err := tx.UsersByVerifiedEmail("wanted@example.com")
			if len(holders) != 1 || winners.Load() != 1 {
				t.Errorf("%d hold it, %d won", len(holders), winners.Load())
			}
			return err
		})
	})
}

func TestEmailProofs(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		ann := newUser(t, s, "ann")
		save := func(token, address string) {
			update(t, s, func(tx *store.Tx) error {
				return tx.SaveEmailProof(token, store.EmailProof{UserID: ann.ID, Address: address, ExpiresAt: tx.Now().Add(time.Hour)})
			})
		}
		take := func(token string, want gatehouse.ErrorKind) {
			t.Helper()
			update(t, s, func(tx *store.Tx) error {
				p, err := tx.TakeEmailProof(token)
				is(t, err, want)
				if want == "" && (p.UserID != ann.ID || p.Address != "a@example.com") {
					t.Errorf("got %+v", p)
				}
				return nil
			})
		}
		save("old", "A@example.com")
		save("other", "b@example.com")
		save("new", "a@example.com")
		take("old", gatehouse.NotFound) // a newer one took its place
		view(t, s, func(tx *store.Tx) error {
			_, err := tx.EmailProof("new") // looking does not use it up
			is(t, err, "")
			last, err := tx.LastEmailProof(ann.ID, "A@example.com")
			if !last.Equal(noon) {
				t.Errorf("made at %v", last)
			}
			return err
		})
		take("new", "")
		take("new", gatehouse.NotFound)
		save("late", "a@example.com")
		move(time.Hour)
		take("late", gatehouse.NotFound)
		take("other", gatehouse.NotFound)
	})
}

func TestEmailProofEndsWithTheAddress(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		ann := newUser(t, s, "ann")
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.SaveEmail(&gatehouse.Email{UserID: ann.ID, Address: "a@x.example"}), "")
			is(t, tx.SaveEmailProof("t", store.EmailProof{UserID: ann.ID, Address: "a@x.example", ExpiresAt: noon.Add(time.Hour)}), "")
			is(t, tx.DeleteEmail(ann.ID, "a@x.example"), "")
			_, err := tx.EmailProof("t")
			is(t, err, gatehouse.NotFound)
			return nil
		})
	})
}
