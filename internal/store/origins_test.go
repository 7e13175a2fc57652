package store_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestOrigins(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		ann := newUser(t, s, "ann")
		save := func(token, connection string, o gatehouse.Origin) (v gatehouse.Session) {
			update(t, s, func(tx *store.Tx) error {
				v = gatehouse.Session{TokenHash: hash(token), UserID: ann.ID, ConnectionID: connection, ExpiresAt: tx.Now().Add(time.Hour)}
				is(t, tx.SaveSession(&v), "")
				return tx.SaveOrigin(v.ID, connection, o)
			})
			return v
		}
		first := save("1", "c", gatehouse.Origin{Subject: "ann", Session: "s1", IDToken: "hidden-id-token"})
		second := save("2", "c", gatehouse.Origin{Subject: "ann", Session: "s2"})
		silent := save("3", "c", gatehouse.Origin{Subject: "ann"})
		other := save("4", "d", gatehouse.Origin{Subject: "ann", Session: "s1"})
		view(t, s, func(tx *store.Tx) error {
			o, err := tx.Origin(first.ID)
			is(t, err, "")
			same(t, o, gatehouse.Origin{Subject: "ann", Session: "s1", IDToken: "hidden-id-token"})
			_, err = tx.Origin("none")
			is(t, err, gatehouse.NotFound)
			for _, test := range []struct {
				connection string
				origin     gatehouse.Origin
				want       []gatehouse.Session
			}{
				{"c", gatehouse.Origin{Subject: "ann"}, []gatehouse.Session{first, second, silent}},
				{"c", gatehouse.Origin{Subject: "ann", Session: "s1"}, []gatehouse.Session{first}},
				{"c", gatehouse.Origin{Session: "s2"}, []gatehouse.Session{second}},
				{"d", gatehouse.Origin{Session: "s1"}, []gatehouse.Session{other}},
				{"c", gatehouse.Origin{Subject: "bob", Session: "s1"}, nil},
				{"c", gatehouse.Origin{Subject: "Ann"}, nil},
				{"c", gatehouse.Origin{}, nil},
			} {
				got, err := tx.SessionsByOrigin(test.connection, test.origin)
				is(t, err, "")
				same(t, got, test.want)
			}
			return nil
		})
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.SaveOrigin(silent.ID, "c", gatehouse.Origin{Subject: strings.Repeat("x", 5000)}), gatehouse.Invalid)
			is(t, tx.EndSession(ann.ID, first.ID), "")
			_, err := tx.Origin(first.ID)
			is(t, err, gatehouse.NotFound)
			return nil
		})
		move(time.Hour)
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.SessionsByOrigin("c", gatehouse.Origin{Subject: "ann"})
			same(t, got, []gatehouse.Session(nil))
			return err
		})
	})
}

func TestLogoutTokensCountOnce(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		use := func(connection, id string, want bool) {
			t.Helper()
			update(t, s, func(tx *store.Tx) error {
				ok, err := tx.UseLogoutToken(connection, id, tx.Now().Add(time.Minute))
				if ok != want {
					t.Errorf("%s %s: %v, want %v", connection, id, ok, want)
				}
				return err
			})
		}
		use("c", "jti", true)
		use("c", "jti", false)
		use("d", "jti", true)
		move(2 * time.Minute)
		update(t, s, func(tx *store.Tx) error {
			n, err := tx.DeleteExpired(10)
			if n != 2 {
				t.Errorf("%d were cleaned away, want 2", n)
			}
			return err
		})
		use("c", "jti", true)
	})
}

func TestTokensOfASession(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, _ func(time.Duration)) {
		ann := newUser(t, s, "ann")
		update(t, s, func(tx *store.Tx) error {
			for name, g := range map[string]gatehouse.Grantable{
				"its own":     {UserID: ann.ID, SessionID: "one", Scopes: []string{"openid"}},
				"offline":     {UserID: ann.ID, SessionID: "one", Scopes: []string{"openid", "offline_access"}},
				"of another":  {UserID: ann.ID, SessionID: "two", Scopes: []string{"openid"}},
				"of a client": {Scopes: []string{"api"}},
			} {
				is(t, tx.SaveTokens(&gatehouse.Token{Hash: hash(name), Kind: gatehouse.RefreshToken, Grant: g, ExpiresAt: tx.Now().Add(time.Hour)}), "")
			}
			is(t, tx.SaveCode(&gatehouse.Code{Hash: hash("code"), Grant: gatehouse.Grantable{UserID: ann.ID, SessionID: "one"}, ExpiresAt: tx.Now().Add(time.Hour)}), "")
			is(t, tx.RevokeSessionTokens(""), "")
			is(t, tx.RevokeSessionTokens("one"), "")
			for name, want := range map[string]gatehouse.ErrorKind{"its own": gatehouse.NotFound, "offline": "", "of another": "", "of a client": ""} {
				_, _, err := tx.LiveToken(hash(name))
				is(t, err, want)
			}
			_, err := tx.TakeCode(hash("code"))
			is(t, err, gatehouse.NotFound)
			return nil
		})
	})
}
