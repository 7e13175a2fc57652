package access

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
)

// Listening to apps.
const (
	feedLook     = 10 * time.Second // how often to see who is to be listened to
	feedLease    = 45 * time.Second // a node that is not heard of loses its feeds after this
	firstRestart = time.Second
	lastRestart  = 5 * time.Minute
	// feedSteady is how long a feed has to have gone well for its next break to
	// be the first.
	feedSteady = 5 * time.Minute
)

// Listen keeps listening to the apps that tell of changes by themselves, until
// ctx ends: one node to each, another one when it dies. A feed that breaks off is
// begun again, later and later. News of a paused connector are kept until it is
// resumed; nobody listens to one that is disabled.
func (s *Service) Listen(ctx context.Context) error {
	f := &feeds{Service: s, running: map[string]*listening{}}
	defer f.all.Wait()
	defer f.stop()
	for {
		if err := f.look(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("see which apps to listen to", "error", err)
		}
		if pause(ctx, cmp.Or(s.FeedLook, feedLook)) != nil {
			return nil
		}
	}
}

// pause waits, or returns the context's error.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// feeds are what this node listens to.
type feeds struct {
	*Service
	all     sync.WaitGroup
	running map[string]*listening // by connector; only Listen's own goroutine looks at it
}

// listening is one feed of this node.
type listening struct {
	connector gatehouse.Connector
	holder    string
	cancel    context.CancelFunc
	done      chan struct{}
}

func (f *feeds) stop() {
	for _, l := range f.running {
		l.cancel()
	}
}

// look begins and ends feeds, and keeps the right to those that go on.
func (f *feeds) look(ctx context.Context) error {
	var connectors []gatehouse.Connector
	err := f.Store.View(ctx, func(tx *store.Tx) (err error) {
		connectors, err = tx.Connectors()
		return err
	})
	if err != nil {
		return err
	}
	wanted := map[string]gatehouse.Connector{}
	for _, c := range connectors {
		if c.Enabled {
			wanted[c.ID] = c
		}
	}
	for id, l := range f.running {
		if c, ok := wanted[id]; !ok || !c.UpdatedAt.Equal(l.connector.UpdatedAt) || !f.hold(ctx, l) {
			l.cancel()
			<-l.done
			delete(f.running, id)
		}
	}
	for id, c := range wanted {
		if f.running[id] == nil {
			f.begin(ctx, c)
		}
	}
	return nil
}

func (f *feeds) hold(ctx context.Context, l *listening) bool {
	held := false
	err := f.Store.Update(ctx, func(tx *store.Tx) (err error) {
		held, err = tx.HoldFeed(l.connector.ID, l.holder, tx.Now().Add(feedLease))
		return err
	})
	return err == nil && held
}

// begin listens to an app, if it has a feed and no other node listens.
func (f *feeds) begin(ctx context.Context, c gatehouse.Connector) {
	_, connected, err := f.Apps.Connector(ctx, c.ID)
	if err != nil || connected.Feed == nil {
		return
	}
	l := &listening{connector: c, holder: store.NewID(), done: make(chan struct{})}
	if !f.hold(ctx, l) {
		return
	}
	ctx, l.cancel = context.WithCancel(ctx)
	f.running[c.ID] = l
	f.all.Go(func() {
		defer close(l.done)
		f.run(ctx, l, connected.Feed)
	})
}

// run listens until ctx ends, again and again.
func (f *feeds) run(ctx context.Context, l *listening, feed integration.Feed) {
	deliver := func(ctx context.Context, n gatehouse.Notice) error {
		return f.Store.Update(ctx, func(tx *store.Tx) error { return f.Hear(tx, l.connector.ID, gatehouse.NoticeFeed, n) })
	}
	for breaks := 0; ctx.Err() == nil; breaks++ {
		f.mark(ctx, l, gatehouse.FeedListening, gatehouse.Note{})
		began := f.Clock.Now()
		err := feed.Listen(ctx, deliver)
		if ctx.Err() != nil {
			break
		}
		if f.Clock.Now().Sub(began) >= feedSteady {
			breaks = 0
		}
		if err == nil {
			err = errEnded
		}
		f.Metrics.Count("feed_broken", "kind", l.connector.Kind)
		f.Log.Warn("listening to an app broke off", "connector", l.connector.Key, "breaks", breaks+1, "error", err)
		f.mark(ctx, l, gatehouse.FeedBroken, shown(err))
		if pause(ctx, restart(breaks)) != nil {
			break
		}
	}
	f.mark(context.WithoutCancel(ctx), l, gatehouse.FeedNone, gatehouse.Note{})
}

var errEnded = gatehouse.Errorf(gatehouse.Upstream, "The app ended the connection. It is opened again.")

// restart is how long to wait after a break; never quite the same.
func restart(breaks int) time.Duration {
	d := min(firstRestart<<min(breaks, 20), lastRestart)
	return d/2 + rand.N(d/2+1)
}

// mark keeps how it stands with a feed; FeedNone gives it up.
func (f *feeds) mark(ctx context.Context, l *listening, s gatehouse.FeedState, why gatehouse.Note) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := f.Store.Update(ctx, func(tx *store.Tx) error {
		return none(tx.SetFeed(l.connector.ID, l.holder, s, why, s == gatehouse.FeedNone))
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		f.Log.Error("keep how it stands with a feed", "connector", l.connector.Key, "error", err)
	}
}
