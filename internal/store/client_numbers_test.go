package store_test

import (
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// A number of an outside system is one person's, at each client.
func TestIntroduceAs(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ann, ben := newUser(t, s, "ann"), newUser(t, s, "ben")
		update(t, s, func(tx *store.Tx) error {
			for _, id := range []string{"app", "other"} {
				is(t, tx.SaveClient(&gatehouse.Client{ID: id, Settings: gatehouse.ClientSettings{UserIDFrom: "gitlab"}}), "")
				is(t, tx.IntroduceAs(id, ann.ID, 42), "")
				is(t, tx.SaveTokens(&gatehouse.Token{Hash: hash(id), Kind: gatehouse.AccessToken, Family: id, ExpiresAt: tx.Now().Add(time.Hour), Grant: gatehouse.Grantable{ClientID: id, UserID: ann.ID}}), "")
			}
			got, err := tx.UserKnownAs("app", 42)
			is(t, err, "")
			if got.ID != ann.ID || got.Number != 42 {
				t.Errorf("42 is %+v", got)
			}
			_, err = tx.UserKnownAs("app", ann.Number)
			is(t, err, gatehouse.NotFound)
			is(t, tx.IntroduceAs("app", ben.ID, 42), "")
			if got, err = tx.UserKnownAs("app", 42); err != nil || got.ID != ben.ID {
				t.Errorf("42 is %+v, %v", got, err)
			}
			_, _, err = tx.LiveToken(hash("app"))
			is(t, err, gatehouse.NotFound)
			_, u, err := tx.LiveToken(hash("other"))
			is(t, err, "")
			if u.Number != 42 {
				t.Errorf("at the other client she is %d", u.Number)
			}
			is(t, tx.SaveClient(&gatehouse.Client{ID: "other", Name: "renamed", Settings: gatehouse.ClientSettings{UserIDFrom: "gitlab"}}), "")
			n, err := tx.KnownTo("other")
			is(t, err, "")
			if n != 1 {
				t.Errorf("%d people are known after a change of the name", n)
			}
			is(t, tx.SaveClient(&gatehouse.Client{ID: "other"}), "")
			if n, err = tx.KnownTo("other"); err != nil || n != 0 {
				t.Errorf("%d people are known by numbers of before, %v", n, err)
			}
			_, _, err = tx.LiveToken(hash("other"))
			is(t, err, gatehouse.NotFound)
			return nil
		})
	})
}
