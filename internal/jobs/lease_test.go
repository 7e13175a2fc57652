package jobs

import (
	"context"
	"errors"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// held is work that tells of its begin and waits for the end of its context, or
// of the test.
func held(begun chan<- *Job[greeting]) func(context.Context, *Job[greeting]) error {
	return func(ctx context.Context, j *Job[greeting]) error {
		begun <- j
		return untilEnd(ctx, j)
	}
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	t.Run("JobIsGivenBackAndNotCounted", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			id := b.add(Options{MaxAttempts: 1})
			begun := make(chan *Job[greeting], 1)
			r := b.start(held(begun), HandleOptions{})
			receive(b, begun)
			r.stop()
			r.expect("returned")
			if row := b.job(id); row.State != "waiting" || row.Attempt != 0 || row.LeasedBy != "" || !row.RunAt.Equal(noon) {
				b.Errorf("the job is %+v", row)
			}
			b.start(nothing, HandleOptions{}).expect("done")
		})
	})
	t.Run("WorkThatEndsWellIsDone", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			b.add(Options{})
			begun := make(chan *Job[greeting], 1)
			r := b.start(func(ctx context.Context, j *Job[greeting]) error {
				begun <- j
				<-ctx.Done()
				return nil
			}, HandleOptions{})
			receive(b, begun)
			r.stop()
			r.expect("done")
		})
	})
}

func TestLease(t *testing.T) {
	t.Parallel()
	t.Run("JobOfAKilledProcessIsTakenOverWhenItsLeaseEnds", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			id := b.add(Options{})
			b.leaseAndDie()
			r := b.start(nothing, HandleOptions{})
			b.clock.move(defaultLease - time.Millisecond)
			fresh := b.add(Options{})
			r.expect("done")
			if b.job(fresh).State != "done" || b.job(id).LeasedBy != "dead" {
				b.Fatal("the job was taken over while its lease lasted")
			}
			b.clock.move(time.Millisecond)
			r.Wake()
			r.expect("done")
			if row := b.job(id); row.State != "done" || row.Attempt != 2 {
				b.Errorf("the job is %+v", row)
			}
		})
	})
	t.Run("OneThatKillsItsProcessIsGivenUp", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			id := b.add(Options{MaxAttempts: 2})
			b.leaseAndDie()
			b.clock.move(defaultLease)
			b.leaseAndDie()
			b.clock.move(defaultLease)
			b.start(nothing, HandleOptions{}).expect("failed")
			if row := b.job(id); row.State != "failed" || row.LastError != errAbandoned.Error() {
				b.Errorf("the job is %+v", row)
			}
		})
	})
	t.Run("RunnerThatLostItStopsAndWritesNothing", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			id := b.add(Options{})
			begun, ended := make(chan *Job[greeting], 1), make(chan error, 3)
			hung := b.prepare(func(ctx context.Context, j *Job[greeting]) error {
				begun <- j
				<-ctx.Done()
				ended <- j.Progress(context.WithoutCancel(ctx), "mine")
				ended <- b.store.Update(context.WithoutCancel(ctx), j.Hold)
				ended <- context.Cause(ctx)
				return nil
			}, HandleOptions{})
			hung.Workers = 1 // so that it does not take the job over from itself
			hung.run()
			receive(b, begun)
			b.clock.move(defaultLease) // it hung: nothing was extended
			second := b.start(nothing, HandleOptions{})
			second.expect("done")
			hung.beat <- b.clock.now()
			for range 3 {
				if err := receive(b, ended); !errors.Is(err, ErrLost) {
					b.Errorf("got %v, want ErrLost", err)
				}
			}
			hung.expect("lost")
			if row := b.job(id); row.State != "done" || row.Attempt != 2 || len(row.Progress) != 0 {
				b.Errorf("the job is %+v", row)
			}
		})
	})
	t.Run("RunnerThatTakesItOverFromItselfHasItOnce", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			b.add(Options{})
			begun, ended := make(chan *Job[greeting], 2), make(chan error, 1)
			r := b.start(func(ctx context.Context, j *Job[greeting]) error {
				begun <- j
				if j.Attempt == 1 {
					<-ctx.Done()
					ended <- b.store.Update(context.WithoutCancel(ctx), j.Hold)
				}
				return nil
			}, HandleOptions{})
			receive(b, begun)
			b.clock.move(defaultLease)
			r.Wake()
			receive(b, begun)
			r.expect("done")
			r.beat <- b.clock.now()
			r.expect("lost")
			if err := receive(b, ended); !errors.Is(err, ErrLost) {
				b.Errorf("got %v, want ErrLost", err)
			}
		})
	})
	t.Run("LiveRunnerKeepsIt", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			id := b.add(Options{})
			begun, release := make(chan *Job[greeting], 1), make(chan struct{})
			r := b.start(func(_ context.Context, j *Job[greeting]) error {
				begun <- j
				<-release
				return nil
			}, HandleOptions{})
			receive(b, begun)
			for range 5 {
				b.clock.move(defaultLease / 2)
				r.beat <- b.clock.now()
				r.beat <- b.clock.now() // taken only after the first was done
				if row := b.job(id); !row.LeaseEndsAt.Equal(b.clock.now().Add(defaultLease)) {
					b.Errorf("the lease ends at %v", row.LeaseEndsAt)
				}
			}
			close(release)
			r.expect("done")
		})
	})
}

// leaseAndDie is a runner that takes a job and is not heard of again.
func (b *bench) leaseAndDie() {
	b.Helper()
	b.update(func(tx *store.Tx) error {
		_, err := tx.LeaseJob([]string{"test.greeting"}, "dead", tx.Now().Add(defaultLease))
		return err
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	t.Run("WaitingJobEndsAtOnce", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			id := b.add(Options{})
			b.update(func(tx *store.Tx) error { return Cancel(tx, id) })
			if row := b.job(id); row.State != "canceled" || !row.EndedAt.Equal(noon) {
				b.Errorf("the job is %+v", row)
			}
			for id, want := range map[string]gatehouse.ErrorKind{id: gatehouse.Conflict, "nobody": gatehouse.NotFound} {
				if err := b.store.Update(b.Context(), func(tx *store.Tx) error { return Cancel(tx, id) }); !errors.Is(err, want) {
					b.Errorf("got %v, want %s", err, want)
				}
			}
		})
	})
	t.Run("RunningJobIsToldAtOnce", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			id := b.add(Options{})
			begun := make(chan *Job[greeting], 1)
			r := b.start(held(begun), HandleOptions{})
			j := receive(b, begun)
			b.update(func(tx *store.Tx) error { return Cancel(tx, id) })
			r.expect("canceled")
			if !j.Canceled() {
				b.Error("the job does not know that it was canceled")
			}
			if row := b.job(id); row.State != "canceled" || row.LastError != ErrCanceled.Error() {
				b.Errorf("the job is %+v", row)
			}
		})
	})
	t.Run("OneThatADeadRunnerHadIsNotBegunAgain", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			id := b.add(Options{})
			b.leaseAndDie()
			b.update(func(tx *store.Tx) error { return Cancel(tx, id) })
			b.clock.move(defaultLease)
			b.start(func(context.Context, *Job[greeting]) error {
				b.Error("it was begun")
				return nil
			}, HandleOptions{}).expect("canceled")
		})
	})
}

func TestProgress(t *testing.T) {
	t.Parallel()
	on(t, func(b *bench) {
		id := b.add(Options{})
		r := b.start(func(ctx context.Context, j *Job[greeting]) error {
			if j.Attempt == 1 {
				return errors.Join(errors.New("again"), j.Progress(ctx, map[string]int{"read": 7}))
			}
			if string(j.Before) != `{"read":7}` {
				b.Errorf("the second attempt finds %q", j.Before)
			}
			return nil
		}, HandleOptions{Backoff: func(int) time.Duration { return 0 }})
		r.expect("retried")
		r.expect("done")
		if row := b.job(id); string(row.Progress) != `{"read":7}` {
			b.Errorf("the job is %+v", row)
		}
	})
}
