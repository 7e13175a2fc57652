package store_test

import (
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func newIdentity(t *testing.T, s *store.Store, name string) (i gatehouse.Identity) {
	t.Helper()
	u, c := newUser(t, s, name), newConnection(t, s, name)
	update(t, s, func(tx *store.Tx) error {
		i = gatehouse.Identity{UserID: u.ID, ConnectionID: c.ID, Subject: name}
		return tx.SaveIdentity(&i)
	})
	return i
}

func TestProviderTokens(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		i := newIdentity(t, s, "ann")
		kept := gatehouse.ProviderTokens{
			IdentityID: i.ID,
			Tokens:     gatehouse.Tokens{Access: "a1", Refresh: "r1", Scopes: []string{"read_user", "api"}, ExpiresAt: noon.Add(time.Hour)},
		}
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.ProviderTokens(i.ID)
			is(t, err, gatehouse.NotFound)
			is(t, tx.SaveProviderTokens(&kept), "")
			got, err := tx.ProviderTokens(i.ID)
			is(t, err, "")
			same(t, got, kept)
			return nil
		})
		lease := func(version int64, owner string) (won bool) {
			t.Helper()
			update(t, s, func(tx *store.Tx) (err error) {
				won, err = tx.LeaseProviderTokens(i.ID, version, owner, tx.Now().Add(time.Minute))
				return err
			})
			return won
		}
		settle := func(p gatehouse.ProviderTokens, owner string) (done bool) {
			t.Helper()
			update(t, s, func(tx *store.Tx) (err error) {
				done, err = tx.SettleProviderTokens(p, owner)
				return err
			})
			return done
		}
		if lease(kept.Version+1, "one") || !lease(kept.Version, "one") || lease(kept.Version, "two") {
			t.Fatal("a lease of another version, or two at a time")
		}
		move(time.Minute)
		if !lease(kept.Version, "two") {
			t.Fatal("a lease that ended is not given")
		}
		fresh := kept
		fresh.Tokens = gatehouse.Tokens{Access: "a2", Refresh: "r2", Scopes: []string{"read_user"}, ExpiresAt: noon.Add(2 * time.Hour)}
		fresh.RefreshedAt, fresh.RetryAt = noon.Add(time.Minute), noon.Add(time.Hour)
		fresh.Failed, fresh.FailedAt = gatehouse.Notef("%s says no.", "GitLab"), noon
		if settle(fresh, "one") || !settle(fresh, "two") || settle(fresh, "two") {
			t.Fatal("who has no lease settles, or who has it does not")
		}
		fresh.Version++
		update(t, s, func(tx *store.Tx) error {
			got, err := tx.ProviderTokens(i.ID)
			is(t, err, "")
			same(t, got, fresh)
			return nil
		})
		if !lease(fresh.Version, "three") {
			t.Fatal("the lease was not given back")
		}
		update(t, s, func(tx *store.Tx) error { return tx.SaveProviderTokens(&kept) }) // a sign-in meanwhile
		if settle(fresh, "three") {
			t.Error("what came late took the place of what a sign-in brought")
		}
		update(t, s, func(tx *store.Tx) error {
			got, err := tx.ProviderTokens(i.ID)
			is(t, err, "")
			same(t, got, kept)
			return tx.DeleteIdentity(i.ID)
		})
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.ProviderTokens(i.ID)
			is(t, err, gatehouse.NotFound)
			return tx.DeleteProviderTokens(i.ID)
		})
	})
}
