package access

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// shop is an app whose things can be read one by one.
type shop struct {
	*play
	mu        sync.Mutex
	accounts  map[string]gatehouse.Account
	resources map[gatehouse.ResourceID]integration.Contents
	reads     []string
	admin     bool
	fail      error
	hold      chan struct{} // a reading waits for it; nil: none does
	reading   chan string   // told of every reading; nil: nobody
	listen    func(ctx context.Context, deliver func(context.Context, gatehouse.Notice) error) error
}

func (s *shop) Probe(context.Context) (integration.Probe, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return integration.Probe{Admin: s.admin}, nil
}

func (s *shop) read(what string) error {
	s.mu.Lock()
	s.reads = append(s.reads, what)
	hold, reading, err := s.hold, s.reading, s.fail
	s.mu.Unlock()
	if reading != nil {
		reading <- what
	}
	if hold != nil {
		<-hold
	}
	return err
}

func (s *shop) Account(_ context.Context, id string) (gatehouse.Account, []gatehouse.Grant, error) {
	s.mu.Lock()
	a, ok := s.accounts[id]
	var grants []gatehouse.Grant
	for _, c := range s.resources {
		for _, g := range c.Grants {
			if g.AccountID == id && g.Role.Level > 5 {
				grants = append(grants, g)
			}
		}
	}
	s.mu.Unlock()
	if err := s.read("account " + id); err != nil {
		return a, nil, err
	}
	if !ok {
		return a, nil, gatehouse.NotFound
	}
	return a, grants, nil
}

func (s *shop) Resource(_ context.Context, id gatehouse.ResourceID) (integration.Contents, error) {
	s.mu.Lock()
	c, ok := s.resources[id]
	s.mu.Unlock()
	if err := s.read(string(id)); err != nil {
		return c, err
	}
	if !ok {
		return c, gatehouse.NotFound
	}
	return c, nil
}

func (s *shop) Listen(ctx context.Context, deliver func(context.Context, gatehouse.Notice) error) error {
	return s.listen(ctx, deliver)
}

func (s *shop) change(fn func(*shop)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn(s)
}

func (s *shop) asked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.reads, ", ")
}

// newShop is an app with people 1 … n in one group, pulled.
func newShop(t *testing.T, s *store.Store, n int) (*bench, *shop) {
	t.Helper()
	return newShopWith(t, s, n, func(*shop, *integration.Connected) {})
}

// newShopWith is newShop with more before anything asks for it.
func newShopWith(t *testing.T, s *store.Store, n int, more func(*shop, *integration.Connected)) (*bench, *shop) {
	t.Helper()
	app := &shop{
		play: &play{failAt: -1, pages: []integration.Page{people(n)}}, admin: true,
		accounts: map[string]gatehouse.Account{}, resources: map[gatehouse.ResourceID]integration.Contents{},
	}
	page := people(n)
	for _, a := range page.Accounts {
		app.accounts[a.ID] = a
	}
	app.resources["group/1"] = integration.Contents{Resource: page.Resources[0], Grants: page.Grants}
	connected := integration.Connected{Source: app, Resources: app}
	more(app, &connected)
	b := newBenchOf(t, s, app.play, connected)
	if got := b.sync(); got != "done" {
		t.Fatal(got)
	}
	return b, app
}

func (b *bench) hear(notices ...gatehouse.Notice) {
	b.Helper()
	b.update(func(tx *store.Tx) error {
		return b.service.Hear(tx, b.connector, gatehouse.NoticeHook, notices...)
	})
}

// told hears notices and waits until their job has ended.
func (b *bench) told(notices ...gatehouse.Notice) {
	b.Helper()
	b.hear(notices...)
	if got := b.wait("access.refresh"); got != "done" {
		b.Fatal(got)
	}
}

// hasOpen says whether a job of the connector has not ended.
func (b *bench) hasOpen(kind string) (open bool) {
	b.Helper()
	b.update(func(tx *store.Tx) error {
		_, err := tx.OpenJob(kind, b.connector)
		open = err == nil
		if errors.Is(err, gatehouse.NotFound) {
			return nil
		}
		return err
	})
	return open
}

func (b *bench) counts() (n store.Counts) {
	b.Helper()
	_, _, n = b.look()
	return n
}

func (b *bench) news() (n gatehouse.News) {
	b.Helper()
	b.update(func(tx *store.Tx) (err error) {
		n, err = tx.News(b.connector)
		return err
	})
	return n
}

func ofAccount(id string) gatehouse.Notice {
	return gatehouse.Notice{Kind: gatehouse.NoticeAccount, Subject: id, Event: "changed"}
}

func ofResource(id string) gatehouse.Notice {
	return gatehouse.Notice{Kind: gatehouse.NoticeResource, Subject: id, Event: "changed"}
}

func TestANoticeHasTheAppAskedAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b, app := newShop(t, s, 3)
		t.Run("WhatDiffersIsWritten", func(t *testing.T) {
			app.change(func(s *shop) {
				a := s.accounts["1"]
				a.State = "blocked"
				s.accounts["1"] = a
			})
			b.told(ofAccount("1"))
			b.update(func(tx *store.Tx) error {
				a, err := tx.Account(b.connector, "1")
				if a.State != "blocked" {
					t.Errorf("account %+v", a)
				}
				page, err2 := tx.Events(store.EventFilter{Action: "access.refreshed"}, store.Cursor{})
				if len(page.Items) != 1 || page.Items[0].Details["source"] != "hook" {
					t.Errorf("audit log: %+v", page.Items)
				}
				return errors.Join(err, err2)
			})
			if n := b.news(); n.Received != 1 || n.LastEvent != "changed" || n.Waiting != 0 {
				t.Errorf("news %+v", n)
			}
		})
		t.Run("AMemberNobodyKnowsIsReadToo", func(t *testing.T) {
			app.change(func(s *shop) {
				s.accounts["9"] = gatehouse.Account{ID: "9", Username: "u9", State: "active"}
				c := s.resources["group/1"]
				c.Grants = append(c.Grants, gatehouse.Grant{AccountID: "9", ResourceID: "group/1", Role: gatehouse.Role{Level: 10}})
				s.resources["group/1"] = c
			})
			b.told(ofResource("group/1"))
			if n := b.counts(); n != (store.Counts{Accounts: 4, Resources: 1, Grants: 4}) {
				t.Errorf("current %+v", n)
			}
		})
		t.Run("AGrantThatTheAccountDoesNotTellOfIsLookedForAtItsResource", func(t *testing.T) {
			app.change(func(s *shop) { s.resources["group/1"].Grants[3].Role.Level = 5 })
			b.told(ofAccount("9"))
			b.update(func(tx *store.Tx) error {
				g, err := tx.GrantsOf(b.connector, "9")
				if len(g) != 1 || g[0].Role.Level != 5 {
					t.Errorf("grants %+v", g)
				}
				return err
			})
		})
		t.Run("WhatVanishedIsGoneIfWeSeeEverything", func(t *testing.T) {
			app.change(func(s *shop) { delete(s.accounts, "9"); s.reads = nil; s.admin = false })
			b.told(ofAccount("9"))
			if n := b.counts(); n.Accounts != 4 || app.asked() != "account 9" {
				t.Errorf("taken away on the word of somebody who may not see it: %+v, read %s", n, app.asked())
			}
			app.change(func(s *shop) { s.reads = nil; s.admin = true })
			b.told(ofAccount("9"))
			if n := b.counts(); n.Accounts != 3 || n.Grants != 3 || app.asked() != "account 9, account 9" {
				t.Errorf("current %+v, read %s", n, app.asked())
			}
		})
		t.Run("AGroupThatIsGone", func(t *testing.T) {
			app.change(func(s *shop) { delete(s.resources, "group/1") })
			b.told(ofResource("group/1"))
			if n := b.counts(); n != (store.Counts{Accounts: 3}) {
				t.Errorf("current %+v", n)
			}
		})
		t.Run("WhatNobodyUnderstandsIsDropped", func(t *testing.T) {
			b.told(gatehouse.Notice{Kind: "weather", Subject: "rain"})
			if n := b.news(); n.Waiting != 0 {
				t.Errorf("news %+v", n)
			}
		})
	})
}

func TestManyNoticesAboutOneThingAreOneReading(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b, app := newShop(t, s, 3)
		hold := make(chan struct{})
		reading := make(chan string, 100)
		app.change(func(s *shop) { s.hold, s.reading, s.reads = hold, reading, nil })
		b.hear(ofAccount("1"))
		<-reading // it is being read
		for range 20 {
			b.hear(ofAccount("1"))
		}
		app.change(func(s *shop) { s.hold = nil })
		close(hold)
		b.wait("access.refresh")
		if app.asked() != "account 1, account 1" { // once more, since something came after the first began
			t.Errorf("read %s", app.asked())
		}
		if n := b.news(); n.Waiting != 0 || n.Received != 21 {
			t.Errorf("news %+v", n)
		}
	})
}

func TestNewsOfAPausedConnectorWait(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b, app := newShop(t, s, 3)
		b.update(func(tx *store.Tx) error {
			return tx.SetConnectorStatus(b.connector, gatehouse.ConnectorPaused, gatehouse.Note{})
		})
		b.hear(ofAccount("1"))
		if app.asked() != "" || b.news().Waiting != 1 {
			t.Errorf("read %s, news %+v", app.asked(), b.news())
		}
		b.update(func(tx *store.Tx) error {
			return errors.Join(tx.SetConnectorStatus(b.connector, gatehouse.ConnectorConnected, gatehouse.Note{}), revive(tx))
		})
		b.wait("access.refresh")
		if app.asked() != "account 1" || b.news().Waiting != 0 {
			t.Errorf("read %s, news %+v", app.asked(), b.news())
		}
	})
}

func TestTooManyNoticesAreAWholePull(t *testing.T) {
	t.Parallel()
	b, app := newShop(t, storetest.Open(t), 3)
	notices := make([]gatehouse.Notice, MostNotices+1)
	for i := range notices {
		notices[i] = ofAccount(fmt.Sprint("x", i))
	}
	b.hear(notices...)
	if got := b.wait("access.pull"); got != "done" || app.asked() != "" {
		t.Errorf("%s, read %s", got, app.asked())
	}
}

func TestWhatWouldTakeAwayTooMuchIsLeftToAPull(t *testing.T) {
	t.Parallel()
	b, app := newShop(t, storetest.Open(t), 30)
	app.change(func(s *shop) {
		c := s.resources["group/1"]
		c.Grants = c.Grants[:10]
		s.resources["group/1"] = c
	})
	b.hear(ofResource("group/1"))
	if got := b.wait("access.pull"); got != "done" {
		t.Error(got)
	}
	if n := b.counts(); n.Grants != 30 { // the pull of this app tells of all still
		t.Errorf("current %+v", n)
	}
}

func TestAFailureIsTriedAgainLater(t *testing.T) {
	t.Parallel()
	b, app := newShop(t, storetest.Open(t), 3)
	app.change(func(s *shop) { s.fail = errors.New("broken off") })
	b.told(ofAccount("1"))
	var waiting []gatehouse.Heard
	b.update(func(tx *store.Tx) error {
		next, err := tx.NextNotice(b.connector)
		if !next.After(tx.Now()) {
			t.Errorf("next at %v", next)
		}
		job, err2 := tx.OpenJob("access.refresh", b.connector)
		if !job.RunAt.Equal(next) {
			t.Errorf("the job runs at %v", job.RunAt)
		}
		waiting, _ = tx.DueNotices(b.connector, 10)
		return errors.Join(err, err2)
	})
	if len(waiting) != 0 {
		t.Errorf("due: %+v", waiting)
	}
	app.change(func(s *shop) { s.fail = nil })
	b.told(ofAccount("1")) // more of it came: now
	if n := b.news(); n.Waiting != 0 {
		t.Errorf("news %+v", n)
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	for tries, want := range map[int64]time.Duration{0: 2 * time.Second, 1: 4 * time.Second, 5: 64 * time.Second, 20: longestDelay, 1000: longestDelay} {
		if got := delay(tries); got != want {
			t.Errorf("after %d tries %v, want %v", tries, got, want)
		}
	}
}

func TestNewHookSecret(t *testing.T) {
	t.Parallel()
	b, _ := newShop(t, storetest.Open(t), 1)
	by := gatehouse.Actor{Kind: gatehouse.ActorUser, Name: "test"}
	b.update(func(tx *store.Tx) error {
		one, err := b.service.NewHookSecret(tx, by, b.connector)
		two, err2 := b.service.NewHookSecret(tx, by, b.connector)
		c, err3 := tx.Connector(b.connector)
		if one == two || c.HookSecret != two || len(two) < 32 {
			t.Errorf("secrets %q, %q, kept %q", one, two, c.HookSecret)
		}
		c.Managed = gatehouse.ManagedByFile
		err4 := tx.SaveConnector(&c)
		if _, err := b.service.NewHookSecret(tx, by, b.connector); !errors.Is(err, gatehouse.Conflict) {
			t.Errorf("one of the file: %v", err)
		}
		return errors.Join(err, err2, err3, err4)
	})
}

func TestListen(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b, app := newShop(t, s, 3)
		calls := make(chan int, 10)
		n := 0
		app.listen = func(ctx context.Context, deliver func(context.Context, gatehouse.Notice) error) error {
			n++
			calls <- n
			if n == 1 {
				return errors.New("broken off")
			}
			if err := deliver(ctx, gatehouse.Notice{ID: "e1", Kind: gatehouse.NoticeAccount, Subject: "1", Event: "moved"}); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		}
		b.service.Apps.Kinds[0].OpenConnector = func(gatehouse.Connector, integration.Env) (integration.Connected, error) {
			return integration.Connected{Source: app, Resources: app, Feed: app}, nil
		}
		b.update(func(tx *store.Tx) error { // so that it is opened anew
			c, err := tx.Connector(b.connector)
			c.Name = "Other"
			return errors.Join(err, tx.SaveConnector(&c))
		})
		b.service.FeedLook = 10 * time.Millisecond
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 2)
		go func() { done <- b.service.Listen(ctx) }()
		other := *b.service // another node
		<-calls
		go func() { done <- other.Listen(ctx) }()
		<-calls // after its break it was begun again
		if got := b.wait("access.refresh"); got != "done" || app.asked() != "account 1" {
			t.Errorf("%s, read %s", got, app.asked())
		}
		if now := b.news(); now.Feed != gatehouse.FeedListening || now.LastSource != gatehouse.NoticeFeed || now.Received != 1 {
			t.Errorf("news %+v", now)
		}
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if now := b.news(); now.Feed != gatehouse.FeedNone {
			t.Errorf("after the end: %+v", now)
		}
		if len(calls) != 0 {
			t.Error("two nodes listened")
		}
	})
}

// Glance finds what the test says.
func (s *shop) Glance(_ context.Context, mark string) (integration.Glance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts["1"]
	a.State = "banned"
	return integration.Glance{
		Accounts: []gatehouse.Account{a, s.accounts["2"], {ID: "77", Username: "new"}}, Notices: []gatehouse.Notice{ofResource("group/1")}, Next: mark + "x",
	}, s.fail
}

func TestAQuickLookBetweenPulls(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b, _ := newShopWith(t, s, 3, func(app *shop, connected *integration.Connected) {
			app.accounts["77"] = gatehouse.Account{ID: "77", Username: "new"}
			connected.Glancer = app
		})
		b.update(func(tx *store.Tx) error {
			c, err := tx.Connector(b.connector)
			return errors.Join(err, glances(tx, []gatehouse.Connector{c})) // unless the schedule did
		})
		for b.counts().Accounts != 4 || b.news().Waiting > 0 || b.hasOpen("access.glance") {
			<-b.outcomes
		}
		b.update(func(tx *store.Tx) error {
			a, err := tx.Account(b.connector, "1")
			if a.State != "banned" {
				t.Errorf("account %+v", a)
			}
			c, err2 := tx.Connector(b.connector)
			return errors.Join(err, err2, glances(tx, []gatehouse.Connector{c}))
		})
		if b.hasOpen("access.glance") {
			t.Error("it looks again at once")
		}
		if n := b.news(); n.Mark != "x" || n.GlancedAt.IsZero() {
			t.Errorf("news %+v", n)
		}
	})
}
