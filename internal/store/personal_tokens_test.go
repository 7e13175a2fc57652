package store_test

import (
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestPersonalTokens(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
		made := gatehouse.PersonalToken{
			ID: "a-form", UserID: ann.ID, Name: "backup", Hash: hash("one"), Hint: "cdef", Scopes: []string{"read_api", "api"},
			ExpiresAt: noon.Add(time.Hour),
		}
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.AddPersonalToken(&made), "")
			again := made
			again.Hash = hash("two")
			is(t, tx.AddPersonalToken(&again), gatehouse.Conflict)
			got, u, err := tx.PersonalToken(made.Hash)
			is(t, err, "")
			same(t, got, made)
			same(t, u.ID, ann.ID)
			_, _, err = tx.PersonalToken(hash("two"))
			is(t, err, gatehouse.NotFound)
			is(t, tx.RevokePersonalToken(bob.ID, made.ID), gatehouse.NotFound)
			return tx.TouchPersonalToken(made.ID, noon, "192.0.2.1")
		})
		made.LastUsedAt, made.LastUsedAddress = noon, "192.0.2.1"
		move(2 * time.Hour) // past its end it is listed still
		update(t, s, func(tx *store.Tx) error {
			all, err := tx.PersonalTokens(ann.ID)
			is(t, err, "")
			same(t, all, []gatehouse.PersonalToken{made})
			is(t, tx.RevokePersonalToken(ann.ID, made.ID), "")
			is(t, tx.RevokePersonalToken(ann.ID, made.ID), gatehouse.NotFound)
			all, err = tx.PersonalTokens(ann.ID)
			is(t, err, "")
			same(t, len(all), 0)
			got, _, err := tx.PersonalToken(made.Hash)
			is(t, err, "")
			same(t, got.RevokedAt, noon.Add(2*time.Hour))
			_, err = tx.DeleteExpired(100)
			is(t, err, "")
			_, _, err = tx.PersonalToken(made.Hash)
			return err
		})
		move(32 * 24 * time.Hour)
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.DeleteExpired(100)
			is(t, err, "")
			_, _, err = tx.PersonalToken(made.Hash)
			is(t, err, gatehouse.NotFound)
			return nil
		})
	})
}

// TestT13AllTokensOfAUserEnd: what a person made and what providers gave ends
// with the rest, and what belongs to others stays.
func TestT13AllTokensOfAUserEnd(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		ann, bob := newIdentity(t, s, "ann"), newIdentity(t, s, "bob")
		update(t, s, func(tx *store.Tx) error {
			for _, i := range []gatehouse.Identity{ann, bob} {
				is(t, tx.SaveProviderTokens(&gatehouse.ProviderTokens{IdentityID: i.ID, Tokens: gatehouse.Tokens{Access: "a"}}), "")
				is(t, tx.AddPersonalToken(&gatehouse.PersonalToken{UserID: i.UserID, Hash: hash(i.ID), ExpiresAt: noon.Add(time.Hour)}), "")
			}
			is(t, tx.RevokeUserTokens(ann.UserID, "app"), "") // one application's alone
			_, err := tx.ProviderTokens(ann.ID)
			is(t, err, "")
			is(t, tx.RevokeUserTokens(ann.UserID, ""), "")
			_, err = tx.ProviderTokens(ann.ID)
			is(t, err, gatehouse.NotFound)
			_, err = tx.ProviderTokens(bob.ID)
			is(t, err, "")
			p, _, err := tx.PersonalToken(hash(ann.ID))
			is(t, err, "")
			q, _, err := tx.PersonalToken(hash(bob.ID))
			is(t, err, "")
			if p.RevokedAt.IsZero() || !q.RevokedAt.IsZero() {
				t.Errorf("revoked %v and %v", p.RevokedAt, q.RevokedAt)
			}
			return nil
		})
	})
}

func TestClientsWithTokens(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		ann := newUser(t, s, "ann")
		token := func(value, client string, change func(*gatehouse.Token)) *gatehouse.Token {
			k := &gatehouse.Token{
				Hash: hash(value), Kind: gatehouse.AccessToken, Family: value, Grant: gatehouse.Grantable{ClientID: client, UserID: ann.ID},
				CreatedAt: noon.Add(-time.Minute), ExpiresAt: noon.Add(time.Hour),
			}
			if change != nil {
				change(k)
			}
			return k
		}
		update(t, s, func(tx *store.Tx) error {
			return tx.SaveTokens(
				token("1", "b", nil), token("2", "a", nil), token("3", "a", func(k *gatehouse.Token) { k.CreatedAt = noon }),
				token("4", "revoked", func(k *gatehouse.Token) { k.RevokedAt = noon }),
				token("5", "ended", func(k *gatehouse.Token) { k.ExpiresAt = noon }),
				token("6", "rotated", func(k *gatehouse.Token) { k.Kind, k.UsedAt = gatehouse.RefreshToken, noon }),
				token("7", "over", func(k *gatehouse.Token) { k.Kind, k.EndsAt = gatehouse.RefreshToken, noon }),
				token("8", "machine", func(k *gatehouse.Token) { k.Grant.UserID = "" }),
			)
		})
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.ClientsWithTokens(ann.ID)
			is(t, err, "")
			same(t, got, []store.ClientTokens{{ClientID: "a", At: noon}, {ClientID: "b", At: noon.Add(-time.Minute)}})
			return nil
		})
	})
}
