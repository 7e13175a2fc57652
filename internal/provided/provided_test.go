package provided

import (
	stdcmp "cmp"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// house has a person with an identity of one connection, and an application
// whom they allow to have their tokens.
type house struct {
	*Provided
	t          *testing.T
	provider   *provider
	connection gatehouse.Connection
	user       gatehouse.User
	identity   gatehouse.Identity
}

func newHouse(t *testing.T, s *store.Store) *house {
	t.Helper()
	provider := &provider{}
	h := &house{Provided: &Provided{Store: s, Doors: provider}, provider: provider, t: t}
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
		if err := tx.SaveIdentity(&h.identity); err != nil {
			return err
		}
		if err := tx.SaveClient(&gatehouse.Client{ID: "app", Name: "App", SecretHash: []byte("x"), Enabled: true, Scopes: []string{Scope}}); err != nil {
			return err
		}
		return tx.SaveConsent(store.Consent{UserID: h.user.ID, ClientID: "app", Scopes: []string{"openid", Scope}})
	})
	return h
}

// app is the application that asks.
func app() Asker {
	return Asker{Actor: gatehouse.Actor{Kind: gatehouse.ActorClient, ID: "app", Name: "App"}, ClientID: "app"}
}

// provider is a door whose refresh tokens are good once, as GitLab's are.
type provider struct {
	mu      sync.Mutex
	asked   int
	good    string        // the refresh token that is taken
	err     error         // answered instead
	without bool          // it cannot refresh at all
	begun   chan struct{} // told when somebody asks; nil: nobody
	hold    chan struct{} // waited for before the answer; nil: not
	life    time.Duration // of new tokens; 0: an hour
	now     gatehouse.Clock
}

func (p *provider) Door(context.Context, string) (gatehouse.Connection, integration.Door, error) {
	if p.without {
		return gatehouse.Connection{}, integration.Door{}, nil
	}
	return gatehouse.Connection{}, integration.Door{Refresher: p}, nil
}

func (p *provider) Refresh(ctx context.Context, old gatehouse.Tokens) (gatehouse.Tokens, error) {
	if p.begun != nil {
		p.begun <- struct{}{}
	}
	if p.hold != nil {
		select {
		case <-p.hold:
		case <-ctx.Done():
			return gatehouse.Tokens{}, ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.err != nil {
		return gatehouse.Tokens{}, p.err
	}
	if old.Refresh != p.good {
		return gatehouse.Tokens{}, gatehouse.Errorf(gatehouse.Invalid, "GitLab no longer accepts this sign-in: it took too long or was used before. Start the sign-in again.")
	}
	p.good += "+"
	return gatehouse.Tokens{
		Access: fmt.Sprint("access", p.asked), Refresh: p.good, Scopes: []string{"api"},
		ExpiresAt: p.now.Now().Add(stdcmp.Or(p.life, time.Hour)),
	}, nil
}

func (p *provider) times() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
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
