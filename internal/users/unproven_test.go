package users

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// ended notes whose credentials were ended.
type ended struct{ users []string }

func (*ended) HasWayIn(*store.Tx, string) (bool, error) { return false, nil }

func (e *ended) EndAll(_ *store.Tx, _ gatehouse.Actor, userID string) error {
	e.users = append(e.users, userID)
	return nil
}

// trap is an account with an address that nobody verified, somebody's session
// and tokens on it, and the session of who connects an identity.
func trap(t *testing.T, h *house, method string) (user gatehouse.User, mine, theirs []byte, session string) {
	t.Helper()
	user = saved(t, h.Store, gatehouse.User{Username: "alice", Email: "alice@corp.example", State: gatehouse.UserActive})
	sum := func(s string) []byte { b := sha256.Sum256([]byte(s)); return b[:] }
	mine, theirs = sum("mine"), sum("theirs")
	own := gatehouse.Session{TokenHash: mine, UserID: user.ID, Method: method, ExpiresAt: time.Now().Add(time.Hour)}
	h.update(func(tx *store.Tx) error {
		c := gatehouse.Client{ID: "app", Name: "App", Enabled: true}
		return errors.Join(tx.SaveClient(&c), tx.SaveSession(&own),
			tx.SaveSession(&gatehouse.Session{TokenHash: theirs, UserID: user.ID, Method: "password", ExpiresAt: time.Now().Add(time.Hour)}),
			tx.SaveTokens(&gatehouse.Token{
				Hash: theirs, Kind: gatehouse.AccessToken, Family: "f", ExpiresAt: time.Now().Add(time.Hour),
				Grant: gatehouse.Grantable{ClientID: "app", UserID: user.ID},
			}))
	})
	return user, mine, theirs, own.ID
}

// TestPreRegisteredAccountIsNoTrap: an account that somebody made with an
// address that is not theirs gets nobody in who proves the address, and what
// could get into it ends when its owner proves it.
func TestPreRegisteredAccountIsNoTrap(t *testing.T) {
	t.Parallel()
	rules := gatehouse.ConnectionRules{AllowSingleSignOn: true, TrustedDomains: []string{"corp.example"}}
	proven := person("7", "alice", "alice@corp.example", gatehouse.Verified)

	t.Run("SigningInDoesNotLeadThere", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			h := newHouse(t, s, "gitlab", rules)
			trapped, _, _, _ := trap(t, h, "password")
			u, d := h.come(proven, "")
			if u.ID == trapped.ID || d.Outcome != gatehouse.OutcomeCreated || !h.stored(u.ID).EmailVerified {
				t.Errorf("%+v got %+v", d, u)
			}
			if got := h.stored(trapped.ID); got.EmailVerified || len(h.identities(trapped.ID)) != 0 {
				t.Errorf("the trap became %+v", got)
			}
		})
	})
	for method, keeps := range map[string]bool{"federated": false, "link": false, "password": true, "passkey": true} {
		t.Run("ConnectingEndsTheRest/"+method, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				h := newHouse(t, s, "gitlab", rules)
				e := &ended{}
				h.Credentials = e
				u, mine, theirs, session := trap(t, h, method)
				var d gatehouse.Decision
				h.update(func(tx *store.Tx) (err error) {
					e.users = nil
					_, d, err = h.Ensure(tx, h.c, proven, EnsureOptions{LinkUserID: u.ID, SessionID: session})
					return err
				})
				if d.Outcome != gatehouse.OutcomeLinked || !h.stored(u.ID).EmailVerified || d.Facts["address_was_unproven"] != "yes" {
					t.Fatalf("%+v", d)
				}
				if (len(e.users) == 0) != keeps {
					t.Errorf("credentials ended: %v, want that they stay to be %t", e.users, keeps)
				}
				h.update(func(tx *store.Tx) error {
					if _, _, err := tx.SessionByToken(theirs); !errors.Is(err, gatehouse.NotFound) {
						t.Errorf("the other session lives: %v", err)
					}
					if _, _, err := tx.LiveToken(theirs); !errors.Is(err, gatehouse.NotFound) {
						t.Errorf("the token lives: %v", err)
					}
					_, _, err := tx.SessionByToken(mine)
					return err
				})
			})
		})
	}
	t.Run("AnAccountWhoseAddressWasProvenKeepsAll", func(t *testing.T) {
		t.Parallel()
		s := storetest.Open(t)
		h := newHouse(t, s, "gitlab", rules)
		e := &ended{}
		h.Credentials = e
		u, _, theirs, session := trap(t, h, "federated")
		u.EmailVerified = true
		saved(t, s, u)
		h.update(func(tx *store.Tx) error {
			_, _, err := h.Ensure(tx, h.c, proven, EnsureOptions{LinkUserID: u.ID, SessionID: session})
			return err
		})
		h.update(func(tx *store.Tx) error {
			_, _, err := tx.SessionByToken(theirs)
			return err
		})
		if len(e.users) != 0 {
			t.Errorf("credentials ended: %v", e.users)
		}
	})
	t.Run("AnUntrustedConnectionProvesNothing", func(t *testing.T) {
		t.Parallel()
		s := storetest.Open(t)
		h := newHouse(t, s, "gitlab", creating)
		u, _, theirs, session := trap(t, h, "federated")
		h.update(func(tx *store.Tx) error {
			_, _, err := h.Ensure(tx, h.c, proven, EnsureOptions{LinkUserID: u.ID, SessionID: session})
			return err
		})
		if h.stored(u.ID).EmailVerified {
			t.Error("the address counts as verified")
		}
		h.update(func(tx *store.Tx) error {
			_, _, err := tx.SessionByToken(theirs)
			return err
		})
	})
}
