package provided

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// house has a person with an identity of one connection.
type house struct {
	*Provided
	t          *testing.T
	connection gatehouse.Connection
	user       gatehouse.User
	identity   gatehouse.Identity
}

func newHouse(t *testing.T, s *store.Store) *house {
	t.Helper()
	h := &house{Provided: &Provided{Store: s}, t: t}
	h.update(func(tx *store.Tx) error {
		h.connection = gatehouse.Connection{Name: "gitlab", Kind: "gitlab", Label: "GitLab", Enabled: true}
		if err := tx.SaveConnection(&h.connection); err != nil {
			return err
		}
		h.user = gatehouse.User{Username: "ann", State: gatehouse.UserActive}
		if err := tx.SaveUser(&h.user); err != nil {
			return err
		}
		h.identity = gatehouse.Identity{UserID: h.user.ID, ConnectionID: h.connection.ID, Subject: "7"}
		return tx.SaveIdentity(&h.identity)
	})
	return h
}

func (h *house) update(fn func(tx *store.Tx) error) {
	h.t.Helper()
	if err := h.Store.Update(h.t.Context(), fn); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) keep(tokens gatehouse.Tokens) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error { return h.Keep(tx, h.identity, &tokens) })
}

func (h *house) kept() (k gatehouse.ProviderTokens) {
	h.t.Helper()
	h.update(func(tx *store.Tx) (err error) {
		k, err = tx.ProviderTokens(h.identity.ID)
		return err
	})
	return k
}

func TestKeep(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		h.update(func(tx *store.Tx) error { return h.Keep(tx, h.identity, nil) })
		first := gatehouse.Tokens{Access: "a1", Refresh: "r1", ID: "not kept", Scopes: []string{"read_user", "api"}, ExpiresAt: noon}
		h.keep(first)
		first.ID = ""
		if diff := cmp.Diff(first, h.kept().Tokens); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
		// Scopes that shrink are kept as told; a refresh token that is given only
		// once stays.
		second := gatehouse.Tokens{Access: "a2", Scopes: []string{"read_user"}}
		h.keep(second)
		second.Refresh = "r1"
		if diff := cmp.Diff(second, h.kept().Tokens); diff != "" {
			t.Errorf("kept at the second sign-in (-want +got):\n%s", diff)
		}
		h.connection.Rules.ForgetTokens = true
		h.update(func(tx *store.Tx) error { return tx.SaveConnection(&h.connection) })
		h.keep(first)
		h.update(func(tx *store.Tx) error {
			if _, err := tx.ProviderTokens(h.identity.ID); gatehouse.KindOf(err) != gatehouse.NotFound {
				t.Errorf("forget_tokens: %v, want NotFound", err)
			}
			return nil
		})
	})
}
