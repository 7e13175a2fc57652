package access

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
)

// How notices are looked into.
const (
	refreshBatch = 12 // notices at once
	refreshTries = 8  // of one notice, before it is left to the next pull
	refreshRuns  = 200
	firstDelay   = 2 * time.Second
	longestDelay = 10 * time.Minute
	// refreshBrake is the share of the grants on one resource that a notice may
	// end. More than that is left to a whole pull, which has a brake of its own.
	refreshBrake = 0.5
	// mostBelow is how much may lie below a group that was moved to be read piece
	// by piece.
	mostBelow = 200
)

// refresh is the job that reads afresh what an app told of. A notice is a hint:
// what is written is what the app says when it is asked. There is one such job
// for a connector at a time, so that of two readings of one thing the later one
// is written last.
func (s *Service) refresh(ctx context.Context, j *jobs.Job[refreshArgs]) error {
	if j.Key == "" {
		return nil // it had come to its end
	}
	for range refreshRuns {
		c, batch, err := s.nextNotices(ctx, j)
		if err != nil || len(batch) == 0 {
			return err
		}
		_, connected, err := s.Apps.Connector(ctx, c.ID)
		if err == nil && connected.Source == nil {
			err = gatehouse.Errorf(gatehouse.Invalid, "Nothing can be read from an app of the kind %s.", c.Kind)
		}
		r := &rereader{Service: s, job: j, connector: c, app: connected}
		if err != nil {
			r.broken(ctx, batch, err)
			continue
		}
		if err := r.look(ctx, batch); err != nil {
			return err
		}
	}
	return jobs.Snooze(time.Second)
}

// nextNotices gives what is to be looked into now. When there is nothing, the job
// is free to be added again.
func (s *Service) nextNotices(ctx context.Context, j *jobs.Job[refreshArgs]) (c gatehouse.Connector, batch []gatehouse.Heard, err error) {
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		batch = nil
		if err := j.Hold(tx); err != nil {
			return err
		}
		if c, err = tx.Connector(j.Args.ConnectorID); none(err) != nil {
			return err
		}
		if err == nil && listens(c) {
			if batch, err = tx.DueNotices(c.ID, refreshBatch); err != nil || len(batch) > 0 {
				return err
			}
		}
		if err := j.Free(tx); err != nil || c.ID == "" || !listens(c) {
			return err
		}
		next, err := tx.NextNotice(c.ID)
		if err != nil {
			return none(err)
		}
		_, err = jobs.Add(tx, refreshArgs{ConnectorID: c.ID}, jobs.Options{Key: c.ID, RunAt: next})
		return err
	})
	return c, batch, err
}

// rereader reads what some notices of one connector are about.
type rereader struct {
	*Service
	job       *jobs.Job[refreshArgs]
	connector gatehouse.Connector
	app       integration.Connected

	once  sync.Once // asks what we may see, when something seems to be gone
	probe integration.Probe
	err   error
}

// look reads what the notices are about: several things of a kind at once, whose
// parts of the history do not touch, and one kind after the other.
func (r *rereader) look(ctx context.Context, batch []gatehouse.Heard) error {
	for _, kind := range []gatehouse.NoticeKind{gatehouse.NoticeAll, gatehouse.NoticeResource, gatehouse.NoticeAccount, ""} {
		g, ctx := errgroup.WithContext(ctx)
		for _, h := range batch {
			if kindOf(h, r.app) == kind {
				g.Go(func() error { return r.one(ctx, h) })
			}
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// kindOf is what a notice leads to; "": nothing.
func kindOf(h gatehouse.Heard, app integration.Connected) gatehouse.NoticeKind {
	switch h.Notice.Kind {
	case gatehouse.NoticeResource:
		if app.Resources == nil {
			return gatehouse.NoticeAll
		}
		return gatehouse.NoticeResource
	case gatehouse.NoticeAccount, gatehouse.NoticeAll:
		return h.Notice.Kind
	}
	return ""
}

// one looks into one notice. An error is one that ends the job; what the app
// does wrong is kept with the notice.
func (r *rereader) one(ctx context.Context, h gatehouse.Heard) error {
	began, outcome := r.Clock.Now(), "done"
	var err error
	switch kindOf(h, r.app) {
	case gatehouse.NoticeAll:
		err = r.everything(ctx, h)
	case gatehouse.NoticeResource:
		err = r.resource(ctx, h)
	case gatehouse.NoticeAccount:
		err = r.account(ctx, h)
	default:
		outcome = "unknown"
		err = r.Store.Update(ctx, func(tx *store.Tx) error { return tx.DropNotice(h) })
	}
	if err != nil {
		outcome = "failed"
	}
	r.Metrics.Observe("notice", r.Clock.Now().Sub(began), "source", string(h.Source), "outcome", outcome)
	if err == nil || ctx.Err() != nil || errors.Is(err, jobs.ErrLost) {
		return err
	}
	r.broken(ctx, []gatehouse.Heard{h}, err)
	return nil
}

// broken puts notices off that could not be looked into. After several times
// they are left to the next pull.
func (r *rereader) broken(ctx context.Context, batch []gatehouse.Heard, cause error) {
	r.Log.Warn("look into news of an app", "connector", r.connector.Key, "notices", len(batch), "about", batch[0].Notice.Subject, "tries", batch[0].Tries+1, "error", cause)
	err := r.Store.Update(ctx, func(tx *store.Tx) error {
		for _, h := range batch {
			err := tx.DelayNotice(h, tx.Now().Add(delay(h.Tries)))
			if h.Tries+1 >= refreshTries {
				err = tx.DropNotice(h)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.Log.Error("put news of an app off", "connector", r.connector.Key, "error", err)
	}
}

// delay grows with each try.
func delay(tries int64) time.Duration {
	return min(firstDelay<<min(tries, 20), longestDelay)
}

// everything asks for a whole pull. One under way may have read past what
// changed, so another follows it.
func (r *rereader) everything(ctx context.Context, h gatehouse.Heard) error {
	return r.Store.Update(ctx, func(tx *store.Tx) error {
		if err := r.job.Hold(tx); err != nil {
			return err
		}
		last, err := tx.LastPull(r.connector.ID)
		if none(err) != nil {
			return err
		}
		if last.State == gatehouse.PullRunning {
			return tx.DelayNotice(h, tx.Now().Add(firstDelay))
		}
		if err := tx.DropNotice(h); err != nil {
			return err
		}
		_, err = r.SyncNow(tx, gatehouse.Actor{Kind: gatehouse.ActorJob, Name: "refresh"}, r.connector.ID)
		return err
	})
}

// write writes what was read afresh in one transaction, unless a pull that is as
// new became the truth meanwhile: then it is read again.
func (r *rereader) write(ctx context.Context, h gatehouse.Heard, began time.Time, fn func(*store.Tx, store.Rereading) (int64, error)) error {
	return r.Store.Update(ctx, func(tx *store.Tx) error {
		if err := r.job.Hold(tx); err != nil {
			return err
		}
		last, err := tx.LastPull(r.connector.ID)
		if none(err) != nil {
			return err
		}
		if last.State == gatehouse.PullDone && !last.EndedAt.Before(began) {
			return nil // the notice stays
		}
		written, err := fn(tx, store.Rereading{By: h.Source, BeganAt: began})
		if err != nil {
			return fmt.Errorf("write what was read afresh: %w", err)
		}
		if err := tx.DropNotice(h); err != nil || written == 0 {
			return err
		}
		return tx.Record(gatehouse.Event{
			Actor: gatehouse.Actor{Kind: gatehouse.ActorJob, Name: "refresh"}, Action: "access.refreshed", Target: "connector/" + r.connector.ID,
			Details: map[string]string{
				"about": string(h.Notice.Kind) + " " + h.Notice.Subject, "event": h.Notice.Event, "source": string(h.Source), "written": fmt.Sprint(written),
			},
		})
	})
}

// seesAll says whether what the app does not show us is not there. It is asked
// between two readings, so that the second is a moment later.
func (r *rereader) seesAll(ctx context.Context) (bool, error) {
	r.once.Do(func() { r.probe, r.err = r.app.Source.Probe(ctx) })
	return r.probe.Admin, r.err
}

// twice reads something, and once more if it seems to be gone. gone: the app says
// so both times to somebody who sees everything.
func twice[T any](ctx context.Context, r *rereader, read func() (T, error)) (v T, gone bool, err error) {
	if v, err = read(); !errors.Is(err, gatehouse.NotFound) {
		return v, false, err
	}
	all, err := r.seesAll(ctx)
	if err == nil && !all {
		err = errUnseen
	}
	if err != nil {
		return v, false, err
	}
	if v, err = read(); errors.Is(err, gatehouse.NotFound) {
		return v, true, nil
	}
	return v, false, err
}

// errUnseen: it is gone, or we may not see it. The next pull decides.
var errUnseen = errors.New("not to be seen")

// unseen drops a notice about what cannot be seen.
func (r *rereader) unseen(ctx context.Context, h gatehouse.Heard) error {
	return r.Store.Update(ctx, func(tx *store.Tx) error { return tx.DropNotice(h) })
}
