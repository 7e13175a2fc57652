package jobs

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock stands until it is moved.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time       { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) move(d time.Duration) { c.ms.Add(d.Milliseconds()) }

var noon = time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)

// greeting is the job of these tests.
type greeting struct {
	Name string `json:"name"`
}

func (greeting) Kind() string { return "test.greeting" }

// bench is a store with a clock of its own.
type bench struct {
	*testing.T
	store *store.Store
	clock *clock
}

// on runs fn on both databases.
func on(t *testing.T, fn func(b *bench)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB, storetest.Options) *store.Store{
		"sqlite": storetest.OpenWith, "postgres": storetest.OpenPostgres,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{}
			c.ms.Store(noon.UnixMilli())
			fn(&bench{T: t, clock: c, store: open(t, storetest.Options{Clock: c.now})})
		})
	}
}

func (b *bench) update(fn func(tx *store.Tx) error) {
	b.Helper()
	if err := b.store.Update(b.Context(), fn); err != nil {
		b.Fatalf("update: %v", err)
	}
}

func (b *bench) add(o Options) (id string) {
	b.Helper()
	b.update(func(tx *store.Tx) (err error) {
		id, err = Add(tx, greeting{"Ann"}, o)
		return err
	})
	return id
}

func (b *bench) job(id string) (row store.JobRow) {
	b.Helper()
	if err := b.store.View(b.Context(), func(tx *store.Tx) (err error) {
		row, err = tx.Job(id)
		return err
	}); err != nil {
		b.Fatalf("read job: %v", err)
	}
	return row
}

// running is a runner under way.
type running struct {
	*Runner
	b        *bench
	outcomes chan string // of every attempt
	beat     chan time.Time
	stop     func() // ends it and waits until it has
}

// start runs a runner whose lease is extended only when the test says so.
func (b *bench) start(work func(context.Context, *Job[greeting]) error, o HandleOptions) *running {
	b.Helper()
	return b.prepare(work, o).run()
}

func (b *bench) prepare(work func(context.Context, *Job[greeting]) error, o HandleOptions) *running {
	r := &running{b: b, outcomes: make(chan string, 100), beat: make(chan time.Time)}
	r.Runner = &Runner{
		Store: b.store, Clock: b.clock.now, Poll: time.Hour,
		Observe: func(_, outcome string, _ time.Duration) { r.outcomes <- outcome },
		pulse:   func(time.Duration) (<-chan time.Time, func()) { return r.beat, func() {} },
	}
	Handle(r.Runner, work, o)
	return r
}

func (r *running) run() *running {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			r.b.Errorf("run: %v", err)
		}
		ended <- nil
	}
	r.b.Cleanup(r.stop)
	return r
}

func (r *running) expect(want string) {
	r.b.Helper()
	if got := receive(r.b, r.outcomes); got != want {
		r.b.Fatalf("the attempt ended as %q, want %q", got, want)
	}
}

// receive waits for what must come; that it takes long is a failure, not a pause.
func receive[T any](b *bench, c <-chan T) T {
	b.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(2 * time.Minute):
		b.Fatal("waited in vain")
		panic("not reached")
	}
}

func nothing(context.Context, *Job[greeting]) error { return nil }

func TestAdd(t *testing.T) {
	t.Parallel()
	on(t, func(b *bench) {
		t := b.T
		first := b.add(Options{Key: "k"})
		if again := b.add(Options{Key: "k", RunAt: noon.Add(time.Hour)}); again != first {
			t.Errorf("an open job with the key was not returned: %s, want %s", again, first)
		}
		if other := b.add(Options{Key: "l"}); other == first {
			t.Error("another key gave the same job")
		}
		if one, two := b.add(Options{}), b.add(Options{}); one == two {
			t.Error("without a key there was one job only")
		}
		row := b.job(first)
		if string(row.Args) != `{"name":"Ann"}` || row.MaxAttempts != 10 || !row.RunAt.Equal(noon) || row.State != "waiting" {
			t.Errorf("the job is %+v", row)
		}
		err := b.store.Update(t.Context(), func(tx *store.Tx) error {
			if _, err := Add(tx, greeting{}, Options{Key: "undone"}); err != nil {
				t.Error(err)
			}
			return errors.New("no")
		})
		if err == nil || err.Error() != "no" {
			t.Errorf("got %v", err)
		}
		b.update(func(tx *store.Tx) error {
			if _, err := tx.OpenJob("test.greeting", "undone"); !errors.Is(err, gatehouse.NotFound) {
				t.Errorf("a job of an update that failed is there: %v", err)
			}
			return nil
		})
	})
}

func TestRun(t *testing.T) {
	t.Parallel()
	t.Run("JobThatIsAddedStartsAtOnce", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			names := make(chan string, 1)
			r := b.start(func(_ context.Context, j *Job[greeting]) error {
				names <- j.Args.Name
				return nil
			}, HandleOptions{})
			id := b.add(Options{Key: "k"})
			r.expect("done")
			if name := receive(b, names); name != "Ann" {
				b.Errorf("the job was told %q", name)
			}
			if row := b.job(id); row.State != "done" || row.Attempt != 1 || !row.EndedAt.Equal(noon) || row.LeasedBy != "" {
				b.Errorf("the job is %+v", row)
			}
			if b.add(Options{Key: "k"}) == id {
				b.Error("the key of an ended job is still taken")
			}
			r.expect("done")
		})
	})
	t.Run("NotBeforeItsTime", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			b.add(Options{RunAt: noon.Add(time.Hour)})
			early := b.add(Options{})
			ids := make(chan string, 2)
			r := b.start(func(_ context.Context, j *Job[greeting]) error {
				ids <- j.ID
				return nil
			}, HandleOptions{})
			r.expect("done")
			if got := receive(b, ids); got != early {
				b.Error("the job that is not due came first")
			}
			b.clock.move(time.Hour)
			r.Wake()
			r.expect("done")
		})
	})
	t.Run("KindsWithoutHandlerStay", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			var id string
			b.update(func(tx *store.Tx) (err error) {
				id, err = Add(tx, other{}, Options{})
				return err
			})
			b.add(Options{})
			b.start(nothing, HandleOptions{}).expect("done")
			if row := b.job(id); row.State != "waiting" {
				b.Errorf("the job is %s", row.State)
			}
		})
	})
}

type other struct{}

func (other) Kind() string { return "test.other" }

func TestFailure(t *testing.T) {
	t.Parallel()
	t.Run("RetriedLaterAndLaterThenFailed", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			id := b.add(Options{MaxAttempts: 3})
			r := b.start(func(_ context.Context, j *Job[greeting]) error {
				if j.Attempt == 2 {
					panic("ouch")
				}
				return errors.New("no\x00pe")
			}, HandleOptions{Backoff: func(n int) time.Duration { return time.Duration(n) * time.Minute }})
			r.expect("retried")
			if row := b.job(id); row.State != "waiting" || row.LastError != "nope" || !row.RunAt.Equal(noon.Add(time.Minute)) {
				b.Errorf("after one attempt the job is %+v", row)
			}
			b.clock.move(time.Minute)
			r.Wake()
			r.expect("retried")
			if row := b.job(id); row.LastError != "panic: ouch" || !row.RunAt.Equal(b.clock.now().Add(2*time.Minute)) {
				b.Errorf("after two attempts the job is %+v", row)
			}
			b.clock.move(2 * time.Minute)
			r.Wake()
			r.expect("failed")
			if row := b.job(id); row.State != "failed" || row.Attempt != 3 {
				b.Errorf("after three attempts the job is %+v", row)
			}
		})
	})
	t.Run("DiscardEndsWithoutRetry", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			id := b.add(Options{})
			b.start(func(context.Context, *Job[greeting]) error {
				return errors.Join(Discard, errors.New("wrong"))
			}, HandleOptions{}).expect("failed")
			if row := b.job(id); row.State != "failed" || row.Attempt != 1 || !strings.Contains(row.LastError, "wrong") {
				b.Errorf("the job is %+v", row)
			}
		})
	})
	t.Run("ArgsThatCannotBeReadAreDiscarded", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			b.update(func(tx *store.Tx) error {
				_, err := tx.AddJob(&store.JobRow{Kind: "test.greeting", Args: []byte("{"), MaxAttempts: 3})
				return err
			})
			b.start(nothing, HandleOptions{}).expect("failed")
		})
	})
	t.Run("SnoozeIsNoAttempt", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			id := b.add(Options{MaxAttempts: 1})
			slept := false
			r := b.start(func(_ context.Context, j *Job[greeting]) error {
				if !slept {
					slept = true
					return Snooze(time.Hour)
				}
				return nil
			}, HandleOptions{})
			r.expect("snoozed")
			if row := b.job(id); row.State != "waiting" || row.Attempt != 0 || !row.RunAt.Equal(noon.Add(time.Hour)) {
				b.Errorf("the job is %+v", row)
			}
			b.clock.move(time.Hour)
			r.Wake()
			r.expect("done")
		})
	})
	t.Run("HurryMakesItDueNow", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			id := b.add(Options{RunAt: noon.Add(time.Hour)})
			r := b.start(nothing, HandleOptions{})
			b.update(func(tx *store.Tx) error { return Hurry(tx, id) })
			r.expect("done")
		})
	})
	t.Run("OutOfTimeIsAFailure", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			id := b.add(Options{})
			b.start(untilEnd, HandleOptions{Timeout: time.Millisecond}).expect("retried")
			if row := b.job(id); !strings.HasPrefix(row.LastError, "not done within 1ms") {
				b.Errorf("the error is %q", row.LastError)
			}
		})
	})
}

// untilEnd works until it is told to end.
func untilEnd(ctx context.Context, _ *Job[greeting]) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for attempt := 1; attempt <= 100; attempt++ {
		want := min(5*time.Second<<min(attempt-1, 30), time.Hour)
		for range 20 {
			if d := backoff(attempt); d < want*9/10 || d > want*11/10 {
				t.Fatalf("after attempt %d the pause is %v, want about %v", attempt, d, want)
			}
		}
	}
}
