package jobs

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// run does the job's work under its lease, and writes down what came of it.
func (a *attempt) run(ctx context.Context) {
	begun := a.Clock.Now()
	err := a.refuse()
	if err == nil {
		err = a.work(ctx)
	}
	outcome := "lost"
	if !a.lost.Load() {
		outcome = a.settle(ctx, err)
	}
	if a.Observe != nil {
		a.Observe(a.row.Kind, outcome, a.Clock.Now().Sub(begun))
	}
}

// errAbandoned is the end of a job whose process ended each time it ran.
var errAbandoned = fmt.Errorf("%w: the process ended while it ran, too often", Discard)

// refuse says why a job that another runner left behind is not begun again.
func (a *attempt) refuse() error {
	switch {
	case a.row.Cancel:
		a.canceled.Store(true)
		return ErrCanceled
	case a.row.Attempt > a.row.MaxAttempts:
		return errAbandoned
	}
	return nil
}

// work runs the handler. The lease is extended beside it until it has ended,
// also while it winds up after its context ended.
func (a *attempt) work(ctx context.Context) error {
	working, end := context.WithCancelCause(ctx)
	defer end(nil)
	timed, stop := context.WithTimeout(working, a.handler.timeout)
	defer stop()
	beating, quit := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.keep(beating, end)
	}()
	err := a.protected(timed)
	quit()
	<-ended
	if err != nil && errors.Is(timed.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("not done within %s: %w", a.handler.timeout, err)
	}
	if errors.Is(err, ErrLost) {
		a.lost.Store(true)
	}
	return err
}

// protected makes a panic of the handler an error like others.
func (a *attempt) protected(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			a.log.Error("a job panicked", "kind", a.row.Kind, "job", a.row.ID, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return a.handler.work(ctx, a)
}

// keep extends the lease until ctx ends. It ends the work when the job was
// canceled or is not ours any more.
func (a *attempt) keep(ctx context.Context, end context.CancelCauseFunc) {
	pulse := a.pulse
	if pulse == nil {
		pulse = ticker
	}
	beats, stop := pulse(a.lease() / 3)
	defer stop()
	until := a.row.LeaseEndsAt
	for {
		select {
		case <-ctx.Done():
			return
		case <-beats:
		case <-a.poked:
		}
		extended, canceled, err := a.extend(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, gatehouse.NotFound), err != nil && !a.Clock.Now().Before(until):
			a.log.Warn("a job was lost: its lease ended", "kind", a.row.Kind, "job", a.row.ID, "error", err)
			a.lost.Store(true)
			end(ErrLost)
			return
		case err != nil:
			a.log.Warn("extend the lease of a job", "kind", a.row.Kind, "job", a.row.ID, "error", err)
			continue
		}
		until = extended
		if canceled {
			a.canceled.Store(true)
			end(ErrCanceled)
		}
	}
}

func ticker(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTicker(d)
	return t.C, t.Stop
}

func (a *attempt) extend(ctx context.Context) (until time.Time, canceled bool, err error) {
	ctx, stop := context.WithTimeout(ctx, a.lease()/3)
	defer stop()
	err = a.Store.Update(ctx, func(tx *store.Tx) (err error) {
		until = tx.Now().Add(a.lease())
		canceled, err = tx.ExtendLease(a.row.ID, a.row.LeasedBy, until)
		return err
	})
	return until, canceled, err
}

// settle writes down what came of the job, and says it in a word.
func (a *attempt) settle(ctx context.Context, err error) (outcome string) {
	// Also at shutdown there must be time for this; if not, the lease ends and
	// the job is done again.
	save, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer stop()
	returned := ctx.Err() != nil
	saved := a.Store.Update(save, func(tx *store.Tx) error {
		var row store.JobRow
		row, outcome = a.verdict(tx.Now(), err, returned)
		row.Progress = nil // stays as the work wrote it
		if err := tx.SaveJob(&row, a.row.LeasedBy); err != nil {
			return err
		}
		return a.replan(tx, row)
	})
	if saved != nil {
		a.log.Warn("a job could not be written; it will run again", "kind", a.row.Kind, "job", a.row.ID, "error", saved)
		return "lost"
	}
	a.report(outcome, err)
	return outcome
}

// verdict is the row of the job as it is from now on.
func (a *attempt) verdict(now time.Time, err error, shutdown bool) (row store.JobRow, outcome string) {
	row = a.row
	end := func(state string) (store.JobRow, string) {
		row.State, row.EndedAt = state, now
		return row, state
	}
	again := func(outcome string, after time.Duration) (store.JobRow, string) {
		row.State, row.RunAt = "waiting", now.Add(after)
		return row, outcome
	}
	row.LastError = describe(err)
	var pause *snooze
	switch {
	case err == nil:
		return end("done")
	case a.canceled.Load():
		return end("canceled")
	case errors.As(err, &pause):
		row.LastError = a.row.LastError
		row.Attempt--
		return again("snoozed", pause.d)
	case errors.Is(err, Discard):
		return end("failed")
	case shutdown:
		row.LastError = a.row.LastError
		row.Attempt--
		return again("returned", 0)
	case row.Attempt >= row.MaxAttempts:
		return end("failed")
	}
	return again("retried", a.handler.backoff(row.Attempt))
}

// longestError bounds what is kept of an error, in bytes.
const longestError = 2000

// describe is an error as it is kept for the dashboard.
func describe(err error) string {
	if err == nil {
		return ""
	}
	s := strings.ReplaceAll(strings.ToValidUTF8(err.Error(), "?"), "\x00", "")
	if len(s) > longestError {
		s = strings.ToValidUTF8(s[:longestError], "") + "…"
	}
	return s
}

func (a *attempt) report(outcome string, err error) {
	log := a.log.With("kind", a.row.Kind, "job", a.row.ID, "attempt", a.row.Attempt)
	switch outcome {
	case "failed":
		log.Error("a job failed and is given up", "error", err)
	case "retried":
		log.Warn("a job failed and will be tried again", "error", err)
	default:
		log.Debug("a job ran", "outcome", outcome)
	}
}
