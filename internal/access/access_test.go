package access

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/integration"
	"gatehouse/internal/jobs"
	"gatehouse/internal/outgoing"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// play is a Source that says what a test tells it to.
type play struct {
	mu     sync.Mutex
	probe  error
	pages  []integration.Page
	failAt int   // the page before which the pull fails, once; -1: never
	fail   error // how
	froms  []integration.Checkpoint
	before func(page int) // what happens before a page is given; nil: nothing
}

func (p *play) Probe(context.Context) (integration.Probe, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return integration.Probe{Notes: []gatehouse.Note{{Text: "a note of the probe"}}}, p.probe
}

// Pull gives the pages from a checkpoint on; the checkpoint is the page's number.
func (p *play) Pull(_ context.Context, from integration.Checkpoint) iter.Seq2[integration.Page, error] {
	p.mu.Lock()
	p.froms = append(p.froms, from)
	start := 0
	_, _ = fmt.Sscan(string(from), &start)
	pages, failAt, before := p.pages, p.failAt, p.before
	p.mu.Unlock()
	return func(yield func(integration.Page, error) bool) {
		for i := start; i < len(pages); i++ {
			if i == failAt {
				p.mu.Lock()
				p.failAt = -1
				p.mu.Unlock()
				yield(integration.Page{}, p.fail)
				return
			}
			if before != nil {
				before(i)
			}
			page := pages[i]
			page.Next = integration.Checkpoint(fmt.Sprint(i + 1))
			if !yield(page, nil) {
				return
			}
		}
	}
}

func (p *play) Account(context.Context, string) (gatehouse.Account, []gatehouse.Grant, error) {
	return gatehouse.Account{}, nil, gatehouse.NotFound
}

func (p *play) set(fn func(*play)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn(p)
}

// bench is a service over a fake app, with its jobs running.
type bench struct {
	*testing.T
	service   *Service
	source    *play
	connector string
	outcomes  chan string
}

func newBench(t *testing.T, s *store.Store, source *play) *bench {
	t.Helper()
	return newBenchOf(t, s, source, integration.Connected{Source: source})
}

func newBenchOf(t *testing.T, s *store.Store, source *play, connected integration.Connected) *bench {
	t.Helper()
	out, err := outgoing.New(outgoing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	kind := integration.Kind{
		Name: "gitlab", Title: "Play",
		OpenConnector: func(gatehouse.Connector, integration.Env) (integration.Connected, error) {
			return connected, nil
		},
	}
	b := &bench{T: t, source: source, outcomes: make(chan string, 100)}
	runner := &jobs.Runner{Store: s, Log: slog.New(slog.DiscardHandler), Observe: func(kind, outcome string, _ time.Duration) {
		b.outcomes <- kind + " " + outcome
	}}
	b.service = &Service{
		Store:   s,
		Apps:    &apps.Apps{Store: s, Kinds: []integration.Kind{kind}, Outgoing: out, Log: slog.New(slog.DiscardHandler), Metrics: gatehouse.NoMetrics{}},
		Jobs:    runner,
		Log:     slog.New(slog.DiscardHandler),
		Metrics: gatehouse.NoMetrics{},
	}
	c := gatehouse.Connector{Key: "gitlab", Name: "GitLab", Kind: "gitlab", URL: "https://gitlab.test", Enabled: true, Status: gatehouse.ConnectorPaused}
	b.update(func(tx *store.Tx) error { return tx.SaveConnector(&c) })
	b.connector = c.ID
	b.service.Register()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = runner.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return b
}

func (b *bench) update(fn func(*store.Tx) error) {
	b.Helper()
	if err := b.service.Store.Update(b.Context(), fn); err != nil {
		b.Fatal(err)
	}
}

// sync asks for a pull and waits for the outcome of its last try.
func (b *bench) sync() string {
	b.Helper()
	b.update(func(tx *store.Tx) error {
		_, err := b.service.SyncNow(tx, gatehouse.Actor{Kind: gatehouse.ActorUser, Name: "test"}, b.connector)
		return err
	})
	return b.wait("access.pull")
}

func (b *bench) wait(kind string) string {
	b.Helper()
	for {
		select {
		case o := <-b.outcomes:
			if rest, ok := cutKind(o, kind); ok {
				return rest
			}
		case <-time.After(30 * time.Second):
			b.Fatal("the job did not end")
		}
	}
}

func cutKind(o, kind string) (string, bool) {
	if len(o) > len(kind) && o[:len(kind)] == kind {
		return o[len(kind)+1:], true
	}
	return "", false
}

func (b *bench) look() (c gatehouse.Connector, p gatehouse.Pull, n store.Counts) {
	b.Helper()
	err := b.service.Store.View(b.Context(), func(tx *store.Tx) (err error) {
		if c, err = tx.Connector(b.connector); err != nil {
			return err
		}
		if p, err = tx.LastPull(b.connector); err != nil {
			return err
		}
		n, err = tx.CountCurrent(b.connector)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return c, p, n
}

// people are accounts 1 … n, all members of one group.
func people(n int) integration.Page {
	page := integration.Page{Step: "accounts", Requests: 1, Resources: []gatehouse.Resource{{ID: "group/1", Kind: gatehouse.ResourceGroup, Path: "g", Name: "G"}}}
	for i := 1; i <= n; i++ {
		id := fmt.Sprint(i)
		page.Accounts = append(page.Accounts, gatehouse.Account{ID: id, Username: "u" + id, Name: "U" + id, State: "active", Type: gatehouse.AccountPerson})
		page.Grants = append(page.Grants, gatehouse.Grant{AccountID: id, ResourceID: "group/1", Role: gatehouse.Role{Level: 30}})
	}
	return page
}

func TestPull(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := newBench(t, s, &play{failAt: -1, pages: []integration.Page{people(20), {Step: "shares", Notes: []gatehouse.Note{gatehouse.Notef("%d gaps", 2), gatehouse.Notef("%d gaps", 2), gatehouse.Notef("%d gaps", 3)}}}})
		if got := b.sync(); got != "done" {
			t.Fatal(got)
		}
		c, p, n := b.look()
		if c.Status != gatehouse.ConnectorConnected || c.PulledAt.IsZero() || p.State != gatehouse.PullDone {
			t.Errorf("connector %+v, pull %+v", c, p)
		}
		if want := (store.Counts{Accounts: 20, Resources: 1, Grants: 20}); n != want || p.Written != 41 {
			t.Errorf("current %+v, written %d", n, p.Written)
		}
		if diff := cmp.Diff([]gatehouse.Note{{Text: "a note of the probe"}, gatehouse.Notef("%d gaps", 2), gatehouse.Notef("%d gaps", 3)}, p.Notes); diff != "" {
			t.Error(diff)
		}
		t.Run("ASecondPullWithNothingChangedWritesNothing", func(t *testing.T) {
			if got := b.sync(); got != "done" {
				t.Fatal(got)
			}
			if _, p, _ := b.look(); p.Written != 0 {
				t.Errorf("wrote %d rows", p.Written)
			}
		})
		t.Run("WhatVanishesEnds", func(t *testing.T) {
			b.source.set(func(p *play) { p.pages = []integration.Page{people(19)} })
			if got := b.sync(); got != "done" {
				t.Fatal(got)
			}
			if _, p, n := b.look(); n.Accounts != 19 || n.Grants != 19 || p.Written != 2 {
				t.Errorf("current %+v, written %d", n, p.Written)
			}
		})
		t.Run("MoreThanTheBrakeAllowsIsHeldForAPerson", func(t *testing.T) {
			b.source.set(func(p *play) { p.pages = []integration.Page{people(10)} })
			if got := b.sync(); got != "done" {
				t.Fatal(got)
			}
			c, p, n := b.look()
			if c.Status != gatehouse.ConnectorPaused || p.State != gatehouse.PullHeld || n.Accounts != 19 || p.Error.Sentence() != "9 of 19 accounts would vanish" || c.StatusText.Sentence() != p.Error.Sentence() {
				t.Errorf("connector %+v, pull %+v, current %+v", c, p, n)
			}
			b.update(func(tx *store.Tx) error {
				return b.service.Release(tx, gatehouse.Actor{Kind: gatehouse.ActorUser, Name: "test"}, p.ID)
			})
			if got := b.wait("access.pull"); got != "done" {
				t.Fatal(got)
			}
			if c, p, n := b.look(); c.Status != gatehouse.ConnectorConnected || p.State != gatehouse.PullDone || n.Accounts != 10 {
				t.Errorf("after release: connector %+v, pull %+v, current %+v", c, p, n)
			}
		})
		t.Run("AHeldPullIsGivenUpForANewOne", func(t *testing.T) {
			b.source.set(func(p *play) { p.pages = []integration.Page{people(1)} })
			b.sync()
			_, held, _ := b.look()
			b.source.set(func(p *play) { p.pages = []integration.Page{people(10)} })
			b.sync()
			c, p, n := b.look()
			if held.State != gatehouse.PullHeld || p.State != gatehouse.PullDone || p.ID == held.ID || n.Accounts != 10 || c.Status != gatehouse.ConnectorConnected {
				t.Errorf("held %+v, then %+v, current %+v", held, p, n)
			}
			err := s.Update(t.Context(), func(tx *store.Tx) error { return b.service.Release(tx, gatehouse.Actor{}, held.ID) })
			if !errors.Is(err, gatehouse.Conflict) {
				t.Errorf("releasing it then: %v", err)
			}
		})
	})
}

func TestAPullThatFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken off")
	t.Run("ResumesAtItsCheckpoint", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			source := &play{failAt: 2, fail: broken, pages: []integration.Page{people(5), {Step: "b"}, {Step: "c"}}}
			b := newBench(t, s, source)
			if got := b.sync(); got != "retried" {
				t.Fatal(got)
			}
			c, p, n := b.look()
			if p.State != gatehouse.PullRunning || p.Checkpoint != "2" || n.Accounts != 0 || c.Status != gatehouse.ConnectorSyncing {
				t.Errorf("connector %+v, pull %+v, current %+v", c, p, n)
			}
			b.update(func(tx *store.Tx) error {
				j, err := tx.OpenJob("access.pull", b.connector)
				if err != nil {
					return err
				}
				return jobs.Hurry(tx, j.ID)
			})
			b.service.Jobs.Wake()
			if got := b.wait("access.pull"); got != "done" {
				t.Fatal(got)
			}
			if diff := cmp.Diff([]integration.Checkpoint{"", "2"}, source.froms); diff != "" {
				t.Errorf("where it was read from: %s", diff)
			}
			if _, again, n := b.look(); again.ID != p.ID || n.Accounts != 5 {
				t.Errorf("pull %+v, current %+v", again, n)
			}
		})
	})
	wrong := []struct {
		name string
		err  *gatehouse.Error
	}{
		{"AWrongToken", gatehouse.Errorf(gatehouse.Unauthorized, "The token is not accepted.")},
		{"AMissingScope", gatehouse.Errorf(gatehouse.Forbidden, "The scope api is missing.")},
	}
	for _, tt := range wrong {
		t.Run("AtOnceAndTakesNothingAway/"+tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, storetest.Open(t), &play{failAt: -1, pages: []integration.Page{people(3)}})
			b.sync()
			b.source.set(func(p *play) { p.probe = tt.err })
			if got := b.sync(); got != "failed" {
				t.Fatal(got)
			}
			c, p, n := b.look()
			if c.Status != gatehouse.ConnectorFailed || c.StatusText.Sentence() != tt.err.Message || p.State != gatehouse.PullFailed || n.Accounts != 3 {
				t.Errorf("connector %+v, pull %+v, current %+v", c, p, n)
			}
		})
	}
	t.Run("MidwayTakesNothingAway", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, storetest.Open(t), &play{failAt: -1, pages: []integration.Page{people(3)}})
		b.sync()
		b.source.set(func(p *play) {
			p.pages, p.failAt, p.fail = []integration.Page{{Step: "empty"}, {Step: "empty"}}, 1, gatehouse.Errorf(gatehouse.Forbidden, "Not any more.")
		})
		b.sync()
		if _, _, n := b.look(); n.Accounts != 3 {
			t.Errorf("current %+v", n)
		}
	})
}

// TestAPullThatWasCompletedIsNotReadAgain: its process died between the end of
// the pull and the end of the job.
func TestAPullThatWasCompletedIsNotReadAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.Open(t), &play{failAt: -1})
	if err := b.service.pull(t.Context(), &jobs.Job[pullArgs]{Args: pullArgs{ConnectorID: b.connector}}); err != nil {
		t.Fatal(err)
	}
	if len(b.source.froms) != 0 {
		t.Error("the app was read")
	}
}

func TestADisabledConnectorIsNotRead(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.Open(t), &play{failAt: -1})
	b.update(func(tx *store.Tx) error {
		c, err := tx.Connector(b.connector)
		c.Enabled = false
		return errors.Join(err, tx.SaveConnector(&c))
	})
	err := b.service.Store.Update(t.Context(), func(tx *store.Tx) error {
		_, err := b.service.SyncNow(tx, gatehouse.Actor{}, b.connector)
		return err
	})
	if !errors.Is(err, gatehouse.Conflict) {
		t.Errorf("got %v", err)
	}
}
