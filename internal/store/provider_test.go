package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestRequests(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		r := gatehouse.Request{
			Handle: "handle", ClientID: "app", BrowserHash: hash("b"), Params: json.RawMessage(`{"state":"\u0000 x"}`),
			Demand:    gatehouse.Demand{After: noon, ACR: []string{"1"}, Hint: "h", Locale: "en", Choose: true},
			CreatedAt: noon, ExpiresAt: noon.Add(time.Minute),
		}
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.SaveRequest(&gatehouse.Request{Handle: "bare", ExpiresAt: noon.Add(time.Hour)}), "")
			is(t, tx.SaveRequest(&r), "")
			got, err := tx.Request("handle")
			is(t, err, "")
			same(t, got, r)
			_, err = tx.Request("")
			is(t, err, gatehouse.NotFound)
			return nil
		})
		move(time.Minute)
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.Request("handle")
			is(t, err, gatehouse.Expired)
			taken, err := tx.TakeRequest("handle")
			if is(t, err, ""); taken {
				t.Error("a request is taken after its end")
			}
			again := gatehouse.Request{Handle: "once", ClientID: "app", ExpiresAt: tx.Now().Add(time.Minute)}
			is(t, tx.SaveRequest(&again), "")
			for _, want := range []bool{true, false} {
				if taken, err = tx.TakeRequest("once"); err != nil || taken != want {
					t.Errorf("taken %v, %v; want %v", taken, err, want)
				}
			}
			is(t, tx.DeleteRequest("bare"), "")
			is(t, tx.DeleteRequest("bare"), "")
			_, err = tx.Request("bare")
			is(t, err, gatehouse.NotFound)
			return nil
		})
	})
}

func grantable(userID, clientID string) gatehouse.Grantable {
	return gatehouse.Grantable{ClientID: clientID, UserID: userID, SessionID: "s", Scopes: []string{"openid", "email"}, Nonce: "n", AuthAt: noon}
}

func TestCodes(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		ann := newUser(t, s, "ann")
		c := gatehouse.Code{
			Hash: hash("code"), Family: "f", Grant: grantable(ann.ID, "app"), RedirectURI: "https://a/cb", Challenge: "ch",
			HasNoRedirect: true, ExpiresAt: noon.Add(time.Minute),
		}
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.SaveCode(&c), "")
			got, err := tx.Code(c.Hash)
			is(t, err, "")
			same(t, got, c)
			return nil
		})
		move(time.Hour) // expired codes are returned too
		update(t, s, func(tx *store.Tx) error {
			got, err := tx.TakeCode(c.Hash)
			is(t, err, "")
			same(t, got, c)
			return nil
		})
		move(time.Hour)
		update(t, s, func(tx *store.Tx) error {
			got, err := tx.TakeCode(c.Hash)
			is(t, err, "")
			if !got.UsedAt.Equal(noon.Add(time.Hour)) {
				t.Errorf("the second taker is told that it was used at %v", got.UsedAt)
			}
			_, err = tx.TakeCode(hash("other"))
			is(t, err, gatehouse.NotFound)
			is(t, tx.DeleteCode(c.Hash), "")
			is(t, tx.DeleteCode(c.Hash), "")
			_, err = tx.TakeCode(c.Hash)
			is(t, err, gatehouse.NotFound)
			return nil
		})
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		ann := newUser(t, s, "ann")
		access := gatehouse.Token{
			Hash: hash("access"), Kind: gatehouse.AccessToken, Family: "f", Grant: grantable(ann.ID, "app"),
			CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
		}
		refresh := gatehouse.Token{
			Hash: hash("refresh"), Kind: gatehouse.RefreshToken, Family: "f", Grant: grantable(ann.ID, "app"),
			CreatedAt: noon, EndsAt: noon.Add(2 * time.Hour),
		}
		machine := gatehouse.Token{Hash: hash("machine"), Kind: gatehouse.AccessToken, Family: "g", Grant: grantable("", "app"), CreatedAt: noon}
		live := func(want string, tokens ...gatehouse.Token) {
			t.Helper()
			view(t, s, func(tx *store.Tx) error {
				for i, token := range tokens {
					_, _, err := tx.LiveToken(token.Hash)
					kind := gatehouse.ErrorKind("")
					if want[i] != '+' {
						kind = gatehouse.NotFound
					}
					is(t, err, kind)
				}
				return nil
			})
		}
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.SaveTokens(), "")
			is(t, tx.SaveTokens(&access, &refresh, &machine), "")
			got, user, err := tx.LiveToken(access.Hash)
			is(t, err, "")
			same(t, got, access)
			same(t, user, ann)
			got, user, err = tx.LiveToken(machine.Hash)
			is(t, err, "")
			same(t, got, machine)
			same(t, user, gatehouse.User{})
			_, err = tx.Token(hash("none"))
			is(t, err, gatehouse.NotFound)
			return nil
		})
		live("+++-", access, refresh, machine, gatehouse.Token{Hash: hash("none")})
		move(time.Hour)
		live("-++", access, refresh, machine)
		update(t, s, func(tx *store.Tx) error {
			for _, c := range []struct {
				hash []byte
				want bool
			}{{access.Hash, false}, {hash("none"), false}, {refresh.Hash, true}, {refresh.Hash, false}} {
				if ok, err := tx.RotateToken(c.hash, hash("next")); ok != c.want || err != nil {
					t.Errorf("rotated: %v, %v", ok, err)
				}
			}
			got, err := tx.Token(refresh.Hash)
			refresh.UsedAt, refresh.Successor = noon.Add(time.Hour), hash("next")
			same(t, got, refresh)
			is(t, err, "")
			next := gatehouse.Token{Hash: hash("next"), Kind: gatehouse.RefreshToken, Family: "f", Grant: grantable(ann.ID, "app"), EndsAt: noon.Add(2 * time.Hour)}
			return tx.SaveTokens(&next)
		})
		live("-+", refresh, gatehouse.Token{Hash: hash("next")})
		move(time.Hour) // the end of the family
		live("-", gatehouse.Token{Hash: hash("next")})
	})
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	tokens := []string{"fa", "fr", "ga", "x"} // f and g: families of ann's with app, x: hers with another
	for name, c := range map[string]struct {
		revoke func(tx *store.Tx, userID string) error
		live   string
		codes  int
	}{
		"token":           {func(tx *store.Tx, _ string) error { return tx.RevokeToken(hash("fa")) }, "frgax", 2},
		"unknown token":   {func(tx *store.Tx, _ string) error { return tx.RevokeToken(hash("none")) }, "fafrgax", 2},
		"family":          {func(tx *store.Tx, _ string) error { return tx.RevokeFamily("f") }, "gax", 2},
		"access":          {func(tx *store.Tx, _ string) error { return tx.RevokeAccessTokens("f") }, "frgax", 2},
		"user and client": {func(tx *store.Tx, u string) error { return tx.RevokeUserTokens(u, "app") }, "x", 1},
		"user":            {func(tx *store.Tx, u string) error { return tx.RevokeUserTokens(u, "") }, "", 0},
		"other user":      {func(tx *store.Tx, _ string) error { return tx.RevokeUserTokens("nobody", "") }, "fafrgax", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			atNoon(t, func(t *testing.T, s *store.Store) {
				ann := newUser(t, s, "ann")
				update(t, s, func(tx *store.Tx) error {
					for _, name := range tokens {
						token := gatehouse.Token{Hash: hash(name), Kind: gatehouse.AccessToken, Family: name[:1], Grant: grantable(ann.ID, "app"), ExpiresAt: noon.Add(time.Hour)}
						if name == "fr" {
							token.Kind = gatehouse.RefreshToken
						}
						if name == "x" {
							token.Grant.ClientID = "other"
						}
						is(t, tx.SaveTokens(&token), "")
					}
					is(t, tx.SaveCode(&gatehouse.Code{Hash: hash("1"), Grant: grantable(ann.ID, "app"), ExpiresAt: noon.Add(time.Hour)}), "")
					is(t, tx.SaveCode(&gatehouse.Code{Hash: hash("2"), Grant: grantable(ann.ID, "other"), ExpiresAt: noon.Add(time.Hour)}), "")
					return c.revoke(tx, ann.ID)
				})
				update(t, s, func(tx *store.Tx) error {
					live, codes := "", 0
					for _, name := range tokens {
						if _, _, err := tx.LiveToken(hash(name)); err == nil {
							live += name
						}
						_, err := tx.Token(hash(name))
						is(t, err, "")
					}
					for _, name := range []string{"1", "2"} {
						if _, err := tx.Code(hash(name)); err == nil {
							codes++
						}
					}
					if live != c.live || codes != c.codes {
						t.Errorf("%q and %d codes live, want %q and %d", live, codes, c.live, c.codes)
					}
					if ok, err := tx.RotateToken(hash("fr"), hash("n")); ok != (len(live) > 3) || err != nil {
						t.Errorf("a revoked token was rotated: %v, %v", ok, err)
					}
					return nil
				})
			})
		})
	}
}

func TestConsents(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		ann := newUser(t, s, "ann")
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.SaveConsent(store.Consent{UserID: ann.ID, ClientID: "a", Scopes: []string{"openid"}, At: noon.Add(-time.Hour)}), "")
			is(t, tx.SaveConsent(store.Consent{UserID: ann.ID, ClientID: "b"}), "")
			is(t, tx.SaveConsent(store.Consent{UserID: ann.ID, ClientID: "a", Scopes: []string{"openid", "email"}, At: noon.Add(time.Hour)}), "")
			got, err := tx.Consents(ann.ID)
			is(t, err, "")
			same(t, got, []store.Consent{
				{UserID: ann.ID, ClientID: "a", Scopes: []string{"openid", "email"}, At: noon.Add(time.Hour)},
				{UserID: ann.ID, ClientID: "b", At: noon},
			})
			is(t, tx.DeleteConsent(ann.ID, "a"), "")
			is(t, tx.DeleteConsent(ann.ID, "a"), "")
			_, err = tx.Consent(ann.ID, "a")
			is(t, err, gatehouse.NotFound)
			_, err = tx.Consent(ann.ID, "b")
			return err
		})
	})
}

func TestSigningKeys(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		old := gatehouse.SigningKey{ID: "old", Algorithm: "RS256", Private: []byte("secret"), CreatedAt: noon.Add(-time.Hour), ActiveAt: noon}
		young := gatehouse.SigningKey{ID: "young", Algorithm: "ES256", Private: []byte("other"), ActiveAt: noon.Add(time.Hour)}
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.SaveSigningKey(&old), "")
			is(t, tx.SaveSigningKey(&young), "")
			is(t, tx.SaveSigningKey(&gatehouse.SigningKey{ID: "empty"}), gatehouse.Invalid)
			old.RetireAt = noon.Add(time.Minute)
			is(t, tx.SaveSigningKey(&old), "")
			got, err := tx.SigningKeys()
			young.CreatedAt = noon
			same(t, got, []gatehouse.SigningKey{young, old})
			return err
		})
		move(time.Minute)
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.SigningKeys()
			same(t, got, []gatehouse.SigningKey{young})
			return err
		})
	})
}

func TestDeleteExpired(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		ann := newUser(t, s, "ann")
		update(t, s, func(tx *store.Tx) error {
			end := noon.Add(time.Hour)
			for _, name := range []string{"1", "2", "3"} {
				is(t, tx.SaveAttempt(&gatehouse.Attempt{State: name, ExpiresAt: end}), "")
				is(t, tx.SaveRequest(&gatehouse.Request{Handle: name, ExpiresAt: end}), "")
				is(t, tx.SaveCode(&gatehouse.Code{Hash: hash(name), ExpiresAt: end}), "")
				is(t, tx.SaveTokens(&gatehouse.Token{Hash: hash(name), ExpiresAt: end}), "")
				is(t, tx.SaveSession(&gatehouse.Session{TokenHash: hash(name), UserID: ann.ID, ExpiresAt: end}), "")
				is(t, tx.SaveLink(name, store.Link{ExpiresAt: end}), "")
				is(t, tx.SaveEmailProof(name, store.EmailProof{UserID: ann.ID, Address: name, ExpiresAt: end}), "")
				is(t, tx.AddMail(&store.MailRow{ExpiresAt: end}), "")
				end = end.Add(time.Hour)
			}
			return tx.SaveTokens(&gatehouse.Token{Hash: hash("endless")})
		})
		expect := func(limit int, want int64) {
			t.Helper()
			update(t, s, func(tx *store.Tx) error {
				n, err := tx.DeleteExpired(limit)
				if n != want {
					t.Errorf("%d rows were removed, want %d", n, want)
				}
				return err
			})
		}
		expect(10, 0)
		move(2 * time.Hour)
		expect(1, 7) // of all but the codes, which are known for a day longer
		expect(10, 7)
		expect(10, 0)
		move(24 * time.Hour)
		expect(10, 7+2) // the third of each, and two codes
		view(t, s, func(tx *store.Tx) error {
			_, err := tx.Token(hash("endless"))
			return err
		})
	})
}
