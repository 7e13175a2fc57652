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

// TestTokensSinceATimeEnd: those of a user that somebody proved for at or after
// it; earlier ones and other people's stay.
func TestTokensSinceATimeEnd(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
		before, later := noon.Add(-time.Millisecond), noon.Add(time.Hour)
		update(t, s, func(tx *store.Tx) error {
			for name, g := range map[string]struct {
				user         gatehouse.User
				proved, made time.Time
			}{
				"since": {ann, noon, noon}, "unproved": {ann, time.Time{}, noon}, "bob": {bob, noon, noon},
				"renewed": {ann, before, noon}, "before": {ann, before, before}, "unproved before": {ann, time.Time{}, before},
			} {
				grant := gatehouse.Grantable{ClientID: "app", UserID: g.user.ID, AuthAt: g.proved}
				is(t, tx.SaveTokens(&gatehouse.Token{Hash: hash(name), Kind: gatehouse.AccessToken, Family: name, Grant: grant, CreatedAt: g.made, ExpiresAt: later}), "")
				is(t, tx.SaveCode(&gatehouse.Code{Hash: hash(name), Family: name, Grant: grant, ExpiresAt: later}), "")
				is(t, tx.SaveDeviceGrant(&gatehouse.DeviceGrant{Hash: hash(name), UserCodeHash: hash("typed " + name), Grant: grant, ExpiresAt: later}), "")
			}
			is(t, tx.AddPersonalToken(&gatehouse.PersonalToken{UserID: ann.ID, Name: "since", Hash: hash("ann"), ExpiresAt: later}), "")
			is(t, tx.AddPersonalToken(&gatehouse.PersonalToken{UserID: bob.ID, Name: "other", Hash: hash("bob"), ExpiresAt: later}), "")
			is(t, tx.RevokeUserTokensSince(ann.ID, noon), "")
			for name, ends := range map[string]bool{"since": true, "unproved": true, "renewed": false, "before": false, "unproved before": false, "bob": false} {
				if _, _, err := tx.LiveToken(hash(name)); (err != nil) != ends {
					t.Errorf("token %s: %v, ends: %t", name, err, ends)
				}
			}
			for name, ends := range map[string]bool{"since": true, "renewed": false, "before": false, "bob": false} {
				if _, err := tx.Code(hash(name)); (err != nil) != ends {
					t.Errorf("code %s: %v, ends: %t", name, err, ends)
				}
				if _, err := tx.DeviceGrant(hash(name)); (err != nil) != ends {
					t.Errorf("device %s: %v, ends: %t", name, err, ends)
				}
			}
			for user, left := range map[string]int{ann.ID: 0, bob.ID: 1} {
				personal, err := tx.PersonalTokens(user)
				if len(personal) != left || err != nil {
					t.Errorf("%d personal tokens, %v, want %d", len(personal), err, left)
				}
			}
			return nil
		})
	})
}
