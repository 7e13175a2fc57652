package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// Runner carries out the jobs of the kinds that it was given a Handle for. Set
// its fields and give it its handles and schedules, then call Run, once. Several
// runners, on several nodes, may share a PostgreSQL database.
type Runner struct {
	Store   *store.Store
	Log     *slog.Logger    // nil: discard
	Clock   gatehouse.Clock // nil: time.Now; the same as the Store's
	Workers int             // jobs at a time; 0: 4
	// Lease is how long a job stays with a runner that is not heard of any more;
	// 0: 30 s. A runner that lives extends it three times as often.
	Lease time.Duration
	// Poll is how often to look for jobs that other nodes added; 0: 5 s.
	Poll time.Duration
	// Observe is told of every attempt: outcome is "done", "retried", "failed",
	// "canceled", "snoozed", "returned" (at shutdown) or "lost". nil: nobody.
	Observe func(kind, outcome string, took time.Duration)

	kinds     map[string]handler
	schedules []schedule
	once      sync.Once
	woken     chan struct{}
	pulse     func(time.Duration) (<-chan time.Time, func()) // nil: a ticker; for tests
}

// HandleOptions of a kind of job.
type HandleOptions struct {
	Timeout time.Duration                   // of one attempt; 0: 10 minutes
	Backoff func(attempt int) time.Duration // before the attempt after this one; nil: 5 s, doubled each time, at most 1 h
}

const (
	defaultWorkers = 4
	defaultLease   = 30 * time.Second
	defaultPoll    = 5 * time.Second
	defaultTimeout = 10 * time.Minute
)

// handler is a kind of job without its type.
type handler struct {
	timeout time.Duration
	backoff func(attempt int) time.Duration
	work    func(ctx context.Context, a *attempt) error
}

// Handle says how the jobs of a kind are done. Work may run more than once for a
// job, and ends soon after its ctx does: at shutdown, when the job is canceled,
// out of time, or lost to another runner. A kind is handled once; the second
// time is a fault of the program, and panics.
func Handle[A Args](r *Runner, work func(ctx context.Context, j *Job[A]) error, o HandleOptions) {
	var zero A
	kind := zero.Kind()
	if _, has := r.kinds[kind]; has {
		panic("jobs: two handlers of " + kind)
	}
	if r.kinds == nil {
		r.kinds = map[string]handler{}
	}
	h := handler{timeout: cmp.Or(o.Timeout, defaultTimeout), backoff: o.Backoff}
	if h.backoff == nil {
		h.backoff = backoff
	}
	h.work = func(ctx context.Context, a *attempt) error {
		j := &Job[A]{
			ID: a.row.ID, Key: a.row.Key, Attempt: a.row.Attempt, MaxAttempts: a.row.MaxAttempts, CreatedAt: a.row.CreatedAt,
			store: r.Store, holder: a.row.LeasedBy, canceled: &a.canceled,
		}
		if len(a.row.Progress) > 0 {
			j.Before = a.row.Progress
		}
		if err := json.Unmarshal(a.row.Args, &j.Args); err != nil {
			return fmt.Errorf("%w: read its args: %w", Discard, err)
		}
		return work(ctx, j)
	}
	r.kinds[kind] = h
}

// backoff waits longer each time, and never quite the same.
func backoff(attempt int) time.Duration {
	const first, most = 5 * time.Second, time.Hour
	d := min(first<<min(attempt-1, 20), most)
	return d*9/10 + rand.N(d/5)
}

// Wake has the runner look for work now. Jobs that were added in this process
// wake it by themselves.
func (r *Runner) Wake() {
	select {
	case r.wakeups() <- struct{}{}:
	default: // it is about to look anyway
	}
}

func (r *Runner) wakeups() chan struct{} {
	r.once.Do(func() { r.woken = make(chan struct{}, 1) })
	return r.woken
}

// Run carries out jobs until ctx ends, and returns nil when all of them have
// stopped. Those that were not finished wait again, as if not begun.
func (r *Runner) Run(ctx context.Context) error {
	d := &dispatcher{
		Runner: r, log: r.Log, kinds: slices.Sorted(maps.Keys(r.kinds)),
		free: make(chan struct{}, cmp.Or(r.Workers, defaultWorkers)), running: map[*attempt]bool{},
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	changed, stop := r.Store.WatchJobs()
	defer stop()
	defer d.all.Wait()
	for ctx.Err() == nil {
		next := d.dispatch(ctx)
		d.wait(ctx, next, changed)
	}
	return nil
}

// dispatcher is a Runner while it runs.
type dispatcher struct {
	*Runner
	log     *slog.Logger
	kinds   []string
	free    chan struct{} // holds one for each job under way
	all     sync.WaitGroup
	planned time.Time // when the schedules were looked after

	mu      sync.Mutex
	running map[*attempt]bool
}

func (d *dispatcher) lease() time.Duration { return cmp.Or(d.Lease, defaultLease) }
func (d *dispatcher) poll() time.Duration  { return cmp.Or(d.Poll, defaultPoll) }

// dispatch begins all jobs that are due, as far as there are workers, and says
// when the next one will be.
func (d *dispatcher) dispatch(ctx context.Context) (next time.Time) {
	if err := d.plan(ctx); err != nil {
		d.complain(ctx, "plan jobs", err)
		return time.Time{}
	}
	for {
		select {
		case d.free <- struct{}{}:
		default:
			return time.Time{} // a job that ends wakes us
		}
		row, next, err := d.claim(ctx)
		if err != nil || row.ID == "" {
			<-d.free
			d.complain(ctx, "look for jobs", err)
			return next
		}
		d.begin(ctx, row)
	}
}

func (d *dispatcher) complain(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		d.log.Error(what, "error", err)
	}
}

// claim leases a job that is due; else it says when the next one will be. Each
// lease has a holder of its own: an attempt that lost its job cannot write to it
// even if this very runner has it again.
func (d *dispatcher) claim(ctx context.Context) (row store.JobRow, next time.Time, err error) {
	if len(d.kinds) == 0 {
		return row, next, nil
	}
	err = d.Store.Update(ctx, func(tx *store.Tx) (err error) {
		row, err = tx.LeaseJob(d.kinds, store.NewID(), tx.Now().Add(d.lease()))
		if errors.Is(err, gatehouse.NotFound) {
			row = store.JobRow{}
			next, err = tx.NextJobAt(d.kinds)
		}
		return err
	})
	return row, next, err
}

// wait returns when there may be something to do.
func (d *dispatcher) wait(ctx context.Context, next time.Time, changed <-chan struct{}) {
	pause := d.poll()
	if !next.IsZero() {
		// Not less than a moment: another node may be about to take it.
		pause = min(pause, max(next.Sub(d.Clock.Now()), 20*time.Millisecond))
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-d.wakeups():
	case <-changed:
		d.poke()
	}
}

// poke has the jobs under way look whether they were canceled.
func (d *dispatcher) poke() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for a := range d.running {
		select {
		case a.poked <- struct{}{}:
		default:
		}
	}
}

// begin starts a job that was leased.
func (d *dispatcher) begin(ctx context.Context, row store.JobRow) {
	a := &attempt{dispatcher: d, row: row, handler: d.Runner.kinds[row.Kind], poked: make(chan struct{}, 1)}
	d.mu.Lock()
	d.running[a] = true
	d.mu.Unlock()
	d.all.Go(func() {
		defer func() {
			d.mu.Lock()
			delete(d.running, a)
			d.mu.Unlock()
			<-d.free
			d.Wake()
		}()
		a.run(ctx)
	})
}

// attempt is one run of one job.
type attempt struct {
	*dispatcher
	row      store.JobRow
	handler  handler
	poked    chan struct{}
	canceled atomic.Bool // somebody asked it to end
	lost     atomic.Bool // another runner may have it
}
