// Package jobs does work that must not be lost: a job is added in the same
// transaction as what it follows from, and is carried out at least once, by one
// node at a time, also when a process is killed in the middle. A job that fails
// is tried again, later and later, until it is given up and shows as failed.
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// Args are what a job is told, kept as JSON: never a secret. Kind is a constant
// of the type ("access.pull") and may be asked of its zero value.
type Args interface{ Kind() string }

// Options of one job. The zero value is good for most.
type Options struct {
	Key         string    // at most one open job of a kind has a key; "": any number
	RunAt       time.Time // not before; zero: at once
	MaxAttempts int       // how often it is begun before it is given up; 0: 10
}

const defaultAttempts = 10

// Add adds a job in the caller's transaction and returns its id; once that is
// committed, runners of this process begin at once. When an open job has its
// kind and key already, nothing is added and that job's id is returned.
func Add(tx *store.Tx, args Args, o Options) (id string, err error) {
	b, err := json.Marshal(args)
	if err != nil {
		return "", fmt.Errorf("write args of job %s: %w", args.Kind(), err)
	}
	if o.MaxAttempts <= 0 {
		o.MaxAttempts = defaultAttempts
	}
	row := store.JobRow{Kind: args.Kind(), Key: o.Key, Args: b, RunAt: o.RunAt, MaxAttempts: o.MaxAttempts}
	added, err := tx.AddJob(&row)
	if err != nil {
		return "", fmt.Errorf("add job %s: %w", args.Kind(), err)
	}
	if !added {
		row, err = tx.OpenJob(args.Kind(), o.Key)
		if err != nil {
			return "", fmt.Errorf("find open job %s: %w", args.Kind(), err)
		}
	}
	return row.ID, nil
}

// Cancel asks a job to end. A waiting one is canceled at once; the context of a
// running one ends. One that ended already is a Conflict.
func Cancel(tx *store.Tx, id string) error { return tx.CancelJob(id) }

// Hurry makes a waiting job due now, as when a person asks for what waits to be
// tried again.
func Hurry(tx *store.Tx, id string) error { return tx.MoveJob(id, tx.Now()) }

// What a job's work may return besides other errors, which have it tried again.
var (
	// Discard, wrapped, ends a job as failed: trying again will not help.
	Discard = errors.New("discarded") //nolint:staticcheck // reads as what to do: return jobs.Discard
	// ErrCanceled is the cause of the end of a job's context when somebody
	// canceled it, and ErrLost when another runner may have it by now.
	ErrCanceled = errors.New("job canceled")
	ErrLost     = errors.New("job lost: its lease ended")
)

// Snooze has the job run again after a while, without counting this attempt.
func Snooze(d time.Duration) error { return &snooze{d} }

type snooze struct{ d time.Duration }

// Error is for error.
func (s *snooze) Error() string { return "again in " + s.d.String() }

// Job is what work is given.
type Job[A Args] struct {
	ID          string
	Key         string
	Args        A
	Attempt     int // 1 at the first
	MaxAttempts int
	CreatedAt   time.Time
	// Before is what the last Progress of an earlier attempt wrote; nil: nothing.
	Before json.RawMessage

	store    *store.Store
	holder   string // of the lease
	canceled *atomic.Bool
}

// Progress keeps what there is to show about the job while it runs, as JSON. It
// writes every time; to call it not too often is the caller's. ErrLost when the
// job is another runner's by now.
func (j *Job[A]) Progress(ctx context.Context, progress any) error {
	b, err := json.Marshal(progress)
	if err != nil {
		return fmt.Errorf("write progress of job %s: %w", j.ID, err)
	}
	return lost(j.store.Update(ctx, func(tx *store.Tx) error {
		return tx.SetJobProgress(j.ID, j.holder, b)
	}))
}

// Hold fails with ErrLost, and so ends the transaction, when the job is another
// runner's by now. Work that writes calls it first in its Updates, so that
// nothing is written twice.
func (j *Job[A]) Hold(tx *store.Tx) error { return lost(tx.HoldsJob(j.ID, j.holder)) }

// Free lets another job of this one's kind and key be added from now on. Work
// calls it in the Update that completes its effect: what is asked for after that
// must not be taken for done by a job that is only about to end. The job that
// was freed has no Key when it is run again after its process died. ErrLost as
// Hold.
func (j *Job[A]) Free(tx *store.Tx) error { return lost(tx.FreeJob(j.ID, j.holder)) }

// Canceled says whether somebody asked the job to end. Its context ends too.
func (j *Job[A]) Canceled() bool { return j.canceled.Load() }

func lost(err error) error {
	if errors.Is(err, gatehouse.NotFound) {
		return ErrLost
	}
	return err
}
