package provided

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// due is a house whose person's token is past its end.
func due(t *testing.T, s *store.Store) *house {
	t.Helper()
	h := newHouse(t, s)
	h.provider.good = "r"
	h.keep(gatehouse.Tokens{Access: "past", Refresh: "r", Scopes: []string{"api", "read_user"}, ExpiresAt: time.Now().Add(-time.Minute)})
	return h
}

func TestRenewal(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := due(t, s)
		g, err := h.Give(t.Context(), app(), h.user.ID, "gitlab")
		if err != nil || g.Access != "access1" || g.RefreshedAt.IsZero() || len(g.Scopes) != 1 {
			t.Fatalf("given %q with %v, refreshed %v, %v", g.Access, g.Scopes, g.RefreshedAt, err)
		}
		if k := h.kept(); k.Tokens.Refresh != "r+" || k.Tokens.Access != g.Access {
			t.Errorf("kept %+v", k)
		}
		if _, err := h.Give(t.Context(), app(), h.user.ID, "gitlab"); err != nil || h.provider.times() != 1 {
			t.Errorf("the second time: asked %d times, %v", h.provider.times(), err)
		}
		if len(h.events("provider_token.renewed")) != 1 || len(h.events("provider_token.read")) != 2 {
			t.Errorf("audit: %v", h.events("provider_token"))
		}
	})
}

func TestRenewalFails(t *testing.T) {
	t.Parallel()
	upstream := gatehouse.Errorf(gatehouse.Upstream, "GitLab does not accept this connection's Application ID and secret. Ask an administrator to enter them again.")
	for name, tt := range map[string]struct {
		change  func(*provider)
		kind    gatehouse.ErrorKind
		forGood bool
	}{
		"RefusedForGood":    {func(p *provider) { p.good = "another" }, gatehouse.Conflict, true},
		"Expired":           {func(p *provider) { p.err = gatehouse.Errorf(gatehouse.Expired, "Too old.") }, gatehouse.Conflict, true},
		"CannotRefresh":     {func(p *provider) { p.without = true }, gatehouse.Conflict, true},
		"NotReached":        {func(p *provider) { p.err = gatehouse.Errorf(gatehouse.Unavailable, "Away.") }, gatehouse.Unavailable, false},
		"ConnectionIsWrong": {func(p *provider) { p.err = upstream }, gatehouse.Unavailable, false},
		"Garbage":           {func(p *provider) { p.err = errors.New("<html>") }, gatehouse.Unavailable, false},
		"PastAtBirth":       {func(p *provider) { p.life = -time.Hour }, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := due(t, storetest.Open(t))
			tt.change(h.provider)
			_, err := h.Give(t.Context(), app(), h.user.ID, "gitlab")
			if gatehouse.KindOf(err) != tt.kind || err == nil {
				t.Fatalf("got %v, want %q", err, tt.kind)
			}
			k := h.kept()
			if (k.Failed.Text != "") != tt.forGood || (k.Tokens.Refresh == "") != tt.forGood {
				t.Errorf("kept %+v", k)
			}
			asked := h.provider.times()
			_, again := h.Give(t.Context(), app(), h.user.ID, "gitlab")
			if tt.kind != "" && (gatehouse.KindOf(again) != tt.kind || h.provider.times() != asked) {
				t.Errorf("at once again: %v, the provider was asked %d times more", again, h.provider.times()-asked)
			}
			var no *Refused
			if tt.forGood && (!errors.As(err, &no) || no.Why != Reconnect) {
				t.Errorf("got %v, want %s", err, Reconnect)
			}
			// A new sign-in puts it right.
			h.keep(gatehouse.Tokens{Access: "brought", Refresh: "x", ExpiresAt: time.Now().Add(time.Hour)})
			if g, err := h.Give(t.Context(), app(), h.user.ID, "gitlab"); err != nil || g.Access != "brought" {
				t.Errorf("after a new sign-in: %q, %v", g.Access, err)
			}
		})
	}
}

// TestATokenThatEndsSoonIsGivenWhenTheProviderIsAway: nobody waits for what is
// still good.
func TestATokenThatEndsSoonIsGivenWhenTheProviderIsAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.Open(t))
	h.provider.err = gatehouse.Errorf(gatehouse.Unavailable, "Away.")
	h.keep(gatehouse.Tokens{Access: "soon", Refresh: "r", ExpiresAt: time.Now().Add(30 * time.Second)})
	if g, err := h.Give(t.Context(), app(), h.user.ID, "gitlab"); err != nil || g.Access != "soon" {
		t.Errorf("given %q, %v", g.Access, err)
	}
}

// TestTheAnswerIsKeptThoughTheCallerLeft: GitLab's old refresh token is good no
// more by then.
func TestTheAnswerIsKeptThoughTheCallerLeft(t *testing.T) {
	t.Parallel()
	h := due(t, storetest.Open(t))
	h.provider.begun, h.provider.hold = make(chan struct{}), make(chan struct{})
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := h.Give(ctx, app(), h.user.ID, "gitlab")
		left <- err
	}()
	<-h.provider.begun
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller heard %v", err)
	}
	close(h.provider.hold)
	h.Wait()
	if k := h.kept(); k.Tokens.Access != "access1" || k.Tokens.Refresh != "r+" {
		t.Errorf("kept %q", k.Tokens.Access)
	}
}

// TestASignInMeanwhileWins: what a renewal brings late takes nothing's place.
func TestASignInMeanwhileWins(t *testing.T) {
	t.Parallel()
	h := due(t, storetest.Open(t))
	h.provider.begun, h.provider.hold = make(chan struct{}), make(chan struct{})
	given := make(chan Given, 1)
	go func() {
		g, err := h.Give(context.Background(), app(), h.user.ID, "gitlab")
		if err != nil {
			t.Error(err)
		}
		given <- g
	}()
	<-h.provider.begun
	h.keep(gatehouse.Tokens{Access: "brought", Refresh: "x", ExpiresAt: time.Now().Add(time.Hour)})
	close(h.provider.hold)
	if g := <-given; g.Access != "brought" {
		t.Errorf("given %q", g.Access)
	}
}

// TestALeaseOfACrashedNodeEnds: another node takes over.
func TestALeaseOfACrashedNodeEnds(t *testing.T) {
	t.Parallel()
	at := noon
	var mu sync.Mutex
	clock := gatehouse.Clock(func() time.Time { mu.Lock(); defer mu.Unlock(); return at })
	h := newHouse(t, storetest.OpenWith(t, storetest.Options{Clock: clock}))
	h.Clock, h.provider.now, h.provider.good = clock, clock, "r"
	h.keep(gatehouse.Tokens{Access: "past", Refresh: "r", ExpiresAt: noon})
	h.update(func(tx *store.Tx) error {
		won, err := tx.LeaseProviderTokens(h.identity.ID, 1, "crashed", noon.Add(leaseLife))
		if !won {
			t.Error("no lease")
		}
		return err
	})
	mu.Lock()
	at = noon.Add(leaseLife)
	mu.Unlock()
	if g, err := h.Give(t.Context(), app(), h.user.ID, "gitlab"); err != nil || g.Access != "access1" {
		t.Errorf("given %q, %v", g.Access, err)
	}
}

// TestOneRenewerOfAll: 20 callers on two nodes with one database ask the
// provider once.
func TestOneRenewerOfAll(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(testing.TB) string{
		"sqlite": storetest.SQLite, "postgres": func(t testing.TB) string { return storetest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &provider{}
			nodes := twoNodes(t, address(t), p)
			h := newHouse(t, nodes[0].Store)
			p.good = "r"
			h.keep(gatehouse.Tokens{Access: "past", Refresh: "r", ExpiresAt: time.Now().Add(-time.Minute)})
			var all sync.WaitGroup
			for i := range 20 {
				all.Go(func() {
					g, err := nodes[i%2].Give(t.Context(), app(), h.user.ID, "gitlab")
					if err != nil || g.Access != "access1" {
						t.Errorf("caller %d was given %q, %v", i, g.Access, err)
					}
				})
			}
			all.Wait()
			if n := p.times(); n != 1 {
				t.Errorf("the provider was asked %d times", n)
			}
		})
	}
}
