package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// schedule is work that comes again and again.
type schedule struct {
	args     Args
	interval time.Duration
	key      string
}

// Every has a job done at every interval: the first time at once, then at
// points in time on which all nodes agree, a little apart for different keys so
// that not everything happens on the hour. There is one open job for a key ("":
// the kind) whatever the number of nodes; what was missed while no node ran is
// done once.
func (r *Runner) Every(args Args, interval time.Duration, key string) {
	if interval < time.Second {
		panic("jobs: the interval of " + args.Kind() + " is shorter than a second")
	}
	r.schedules = append(r.schedules, schedule{args: args, interval: interval, key: cmp.Or(key, args.Kind())})
}

// after is the first time of the schedule after now.
func (s schedule) after(now time.Time) time.Time {
	h := fnv.New64a()
	h.Write([]byte(s.args.Kind() + "\x00" + s.key))
	spread := s.interval / 10
	offset := time.Duration(h.Sum64() % uint64(spread+1)).Truncate(time.Millisecond) // as the database keeps times
	at := now.Add(-offset).Truncate(s.interval).Add(offset)
	for !at.After(now) {
		at = at.Add(s.interval)
	}
	return at
}

// replanning is how often a runner sees to it that every schedule has its job.
const replanning = time.Minute

// plan sees to it that every schedule has an open job, not later than its next time.
func (d *dispatcher) plan(ctx context.Context) error {
	now := d.Clock.Now()
	if len(d.schedules) == 0 || !d.planned.IsZero() && now.Sub(d.planned).Abs() < replanning {
		return nil
	}
	for _, s := range d.schedules {
		if err := d.Store.Update(ctx, s.ensure); err != nil {
			return fmt.Errorf("schedule %s: %w", s.args.Kind(), err)
		}
	}
	d.planned = now
	return nil
}

func (s schedule) ensure(tx *store.Tx) error {
	next := s.after(tx.Now())
	last, err := tx.LastJob(s.args.Kind(), s.key)
	switch {
	case errors.Is(err, gatehouse.NotFound):
		next = tx.Now()
	case err != nil:
		return err
	case last.State == "waiting" && last.Attempt == 0 && last.RunAt.After(next):
		return tx.MoveJob(last.ID, next) // the interval became shorter
	case last.State == "waiting", last.State == "running":
		return nil
	}
	_, err = Add(tx, s.args, Options{Key: s.key, RunAt: next})
	return err
}

// replan adds the next job of a schedule in the transaction that ends this one.
func (d *dispatcher) replan(tx *store.Tx, ended store.JobRow) error {
	if ended.EndedAt.IsZero() {
		return nil
	}
	for _, s := range d.schedules {
		if s.args.Kind() == ended.Kind && s.key == ended.Key {
			_, err := Add(tx, s.args, Options{Key: s.key, RunAt: s.after(tx.Now())})
			return err
		}
	}
	return nil
}
