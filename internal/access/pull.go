package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
)

// maxNotes bounds what a pull may remark.
const maxNotes = 50

// pull is the job that reads a connected app whole.
func (s *Service) pull(ctx context.Context, j *jobs.Job[pullArgs]) error {
	if j.Key == "" {
		return nil // it was completed and freed, then its process died before it could end
	}
	if j.Args.Release != "" {
		return s.finish(ctx, j, j.Args.Release, finishing{released: true})
	}
	began := s.Clock.Now()
	p, err := s.begin(ctx, j.Args.ConnectorID)
	if err != nil {
		return err
	}
	var held gatehouse.Note
	err = s.read(ctx, j, &p)
	if err == nil {
		held, err = s.confirm(ctx, j, &p)
	}
	if errors.Is(err, errPaused) {
		return s.rest(ctx, j)
	}
	if err == nil {
		err = s.finish(ctx, j, p.ID, finishing{held: held})
	}
	s.Metrics.Observe("pull", s.Clock.Now().Sub(began), "outcome", outcome(err))
	if err == nil || ctx.Err() != nil { // given back at shutdown: the next run resumes
		return err
	}
	return s.failed(ctx, j, p, err)
}

func outcome(err error) string {
	if err != nil {
		return "failed"
	}
	return "done"
}

// begin resumes the pull that a killed process left, or starts one.
func (s *Service) begin(ctx context.Context, connectorID string) (p gatehouse.Pull, err error) {
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		p, err = tx.LastPull(connectorID)
		if err == nil && p.State == gatehouse.PullRunning {
			return nil
		}
		if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
			return err
		}
		p = gatehouse.Pull{ConnectorID: connectorID, State: gatehouse.PullRunning, StartedAt: tx.Now()}
		if err := tx.SavePull(&p); err != nil {
			return err
		}
		return tx.SetConnectorStatus(connectorID, gatehouse.ConnectorSyncing, gatehouse.Note{})
	})
	return p, err
}

// read stages everything that the app says, page by page, each with the
// checkpoint behind it.
func (s *Service) read(ctx context.Context, j *jobs.Job[pullArgs], p *gatehouse.Pull) error {
	c, connected, err := s.Apps.Connector(ctx, p.ConnectorID)
	if err != nil {
		return err
	}
	if connected.Source == nil {
		return gatehouse.Errorf(gatehouse.Invalid, "Nothing can be read from an app of the kind %s.", c.Kind)
	}
	watch := stopwatch{clock: s.Clock, at: s.Clock.Now()}
	probe, err := connected.Source.Probe(ctx)
	if err != nil {
		return err
	}
	if err := s.sight(ctx, c.ID, probe); err != nil {
		return err
	}
	watch.step(p, integration.Page{Step: stepProbe})
	note(p, probe.Notes)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for page, err := range connected.Source.Pull(ctx, integration.Checkpoint(p.Checkpoint)) {
		if err != nil {
			return err
		}
		watch.step(p, page)
		if err := s.stage(ctx, j, p, page); err != nil {
			return fmt.Errorf("stage a page: %w", err)
		}
	}
	return ctx.Err()
}

// stage keeps one page with its checkpoint: both or neither.
func (s *Service) stage(ctx context.Context, j claim, p *gatehouse.Pull, page integration.Page) error {
	next := *p
	next.Checkpoint = string(page.Next)
	next.Progress.Accounts += int64(len(page.Accounts) + len(page.Seen))
	next.Progress.Resources += int64(len(page.Resources))
	next.Progress.Grants += int64(len(page.Grants))
	next.Progress.Shares += int64(len(page.Shares))
	next.Progress.Requests += page.Requests
	if page.Step != "" {
		next.Progress.Step = page.Step
	}
	note(&next, page.Notes)
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		if err := j.Hold(tx); err != nil {
			return err // another worker took the job over
		}
		if err := stillRunning(tx, p.ID); err != nil {
			return err
		}
		if paused, err := tx.ConnectorPaused(p.ConnectorID); err != nil || paused {
			return errors.Join(err, errPaused)
		}
		if err := tx.Stage(p.ID, store.Staged{
			Accounts: page.Accounts, Resources: page.Resources, Grants: page.Grants, Shares: page.Shares, Gaps: page.Gaps, Seen: page.Seen,
		}); err != nil {
			return err
		}
		return tx.SavePull(&next)
	})
	if err == nil {
		*p = next
	}
	return err
}

// stillRunning guards against a pull that was ended while it was read.
func stillRunning(tx *store.Tx, pullID string) error {
	now, err := tx.Pull(pullID)
	if err == nil && now.State != gatehouse.PullRunning {
		err = gatehouse.Errorf(gatehouse.Conflict, "This pull was ended by somebody else.")
	}
	return err
}

// note keeps what is remarked, once: a pull that goes on says again what it said.
func note(p *gatehouse.Pull, notes []gatehouse.Note) {
	for _, n := range notes {
		same := func(other gatehouse.Note) bool { return other.Sentence() == n.Sentence() }
		if len(p.Notes) < maxNotes && !slices.ContainsFunc(p.Notes, same) {
			p.Notes = append(slices.Clip(p.Notes), n)
		}
	}
}

// finishing says how a whole pull is finished.
type finishing struct {
	held     gatehouse.Note // why a person must look, as the app's answers have it; empty: need not
	released bool           // a person has looked
}

// finish makes a whole pull the truth, or holds it for a person when more would
// vanish than the brake allows.
func (s *Service) finish(ctx context.Context, j claim, pullID string, as finishing) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		if err := j.Hold(tx); err != nil {
			return err
		}
		p, err := tx.Pull(pullID)
		if err != nil {
			return err
		}
		if p.State != gatehouse.PullRunning && (!as.released || p.State != gatehouse.PullHeld) {
			return nil // finished by another try of the same job, after its answer was lost
		}
		if err := j.Free(tx); err != nil {
			return err
		}
		if err := s.keepReread(tx, p); err != nil {
			return fmt.Errorf("keep what was read afresh: %w", err)
		}
		if !as.released {
			held, err := s.held(tx, p)
			if err != nil {
				return err
			}
			if as.held.Text != "" {
				held = as.held // which says why
			}
			if held.Text != "" {
				return hold(tx, p, held)
			}
		}
		watch := stopwatch{clock: s.Clock, at: s.Clock.Now()}
		p.Written, err = tx.FinishPull(p.ConnectorID, p.ID)
		if err != nil {
			return fmt.Errorf("finish pull %s: %w", p.ID, err)
		}
		if err := tx.DropNotices(p.ConnectorID, p.StartedAt); err != nil { // they are answered
			return err
		}
		watch.step(&p, integration.Page{Step: stepFinish})
		if err := s.count(tx, p.ConnectorID, false, gatehouse.Note{}); err != nil {
			return err
		}
		return done(tx, p, as.released)
	})
}

// held says why a pull must be looked at, or nothing.
func (s *Service) held(tx *store.Tx, p gatehouse.Pull) (gatehouse.Note, error) {
	current, err := tx.CountCurrent(p.ConnectorID)
	if err != nil {
		return gatehouse.Note{}, err
	}
	gone, err := tx.CountVanished(p.ConnectorID, p.ID)
	if err != nil {
		return gatehouse.Note{}, err
	}
	if gone == (store.Counts{}) {
		return gatehouse.Note{}, nil
	}
	trees, err := tx.VanishedByTree(p.ConnectorID, p.ID)
	if err != nil {
		return gatehouse.Note{}, err
	}
	return brakes(s.brake(), current, gone, trees), nil
}

func hold(tx *store.Tx, p gatehouse.Pull, why gatehouse.Note) error {
	p.State, p.Error = gatehouse.PullHeld, why
	if err := tx.SavePull(&p); err != nil {
		return err
	}
	if err := tx.SetConnectorStatus(p.ConnectorID, gatehouse.ConnectorPaused, why); err != nil {
		return err
	}
	return tx.Record(event("pull.held", p, map[string]string{"why": why.Sentence()}))
}

func done(tx *store.Tx, p gatehouse.Pull, released bool) error {
	p.State, p.EndedAt, p.Error, p.Checkpoint = gatehouse.PullDone, tx.Now(), gatehouse.Note{}, ""
	if err := tx.SavePull(&p); err != nil {
		return err
	}
	if err := tx.SetConnectorStatus(p.ConnectorID, gatehouse.ConnectorConnected, gatehouse.Note{}); err != nil {
		return err
	}
	if _, err := jobs.Add(tx, matchArgs{ConnectorID: p.ConnectorID}, jobs.Options{Key: p.ConnectorID}); err != nil {
		return err
	}
	proof, err := certificate(tx, p, released)
	if err != nil {
		return fmt.Errorf("certificate of pull %s: %w", p.ID, err)
	}
	return tx.Record(event("pull.done", p, map[string]string{
		"certificate": fmt.Sprintf("%d %s", proof.Number, proof.Digest),
		"accounts":    fmt.Sprint(p.Progress.Accounts), "resources": fmt.Sprint(p.Progress.Resources),
		"grants": fmt.Sprint(p.Progress.Grants), "shares": fmt.Sprint(p.Progress.Shares), "written": fmt.Sprint(p.Written),
	}))
}

func event(action string, p gatehouse.Pull, details map[string]string) gatehouse.Event {
	details["connector"] = p.ConnectorID
	return gatehouse.Event{Actor: gatehouse.Actor{Kind: gatehouse.ActorJob, Name: "pull"}, Action: action, Target: "pull/" + p.ID, Details: details}
}

// failed decides what a failed try means: what a person must mend fails the
// pull at once, what may pass is tried again until the last try.
func (s *Service) failed(ctx context.Context, j *jobs.Job[pullArgs], p gatehouse.Pull, cause error) error {
	final := j.Attempt >= j.MaxAttempts || mustBeMended(cause)
	s.Log.Warn("pull", "connector", p.ConnectorID, "pull", p.ID, "final", final, "error", cause)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		if stillRunning(tx, p.ID) != nil {
			return nil
		}
		now := p
		now.Error = shown(cause)
		if !final {
			if err := tx.SavePull(&now); err != nil {
				return err
			}
			return tx.SetConnectorStatus(p.ConnectorID, gatehouse.ConnectorSyncing, now.Error)
		}
		if err := j.Free(tx); err != nil {
			return err
		}
		now.State, now.EndedAt = gatehouse.PullFailed, tx.Now()
		if err := tx.SavePull(&now); err != nil {
			return err
		}
		if err := tx.DropStaged(p.ID); err != nil {
			return err
		}
		if err := tx.SetConnectorStatus(p.ConnectorID, gatehouse.ConnectorFailed, now.Error); err != nil {
			return err
		}
		if err := s.count(tx, p.ConnectorID, true, now.Error); err != nil {
			return err
		}
		return tx.Record(event("pull.failed", now, map[string]string{"why": now.Error.Sentence()}))
	})
	if err != nil {
		return errors.Join(cause, err)
	}
	if final {
		return fmt.Errorf("%w: %w", jobs.Discard, cause)
	}
	return cause
}

// mustBeMended says whether trying again cannot help.
func mustBeMended(err error) bool {
	k := gatehouse.KindOf(err)
	return k == gatehouse.Unauthorized || k == gatehouse.Forbidden || k == gatehouse.Invalid || k == gatehouse.NotFound
}

// shown is what may be shown of an error.
func shown(err error) gatehouse.Note {
	var e *gatehouse.Error
	if errors.As(err, &e) {
		return e.Note()
	}
	return gatehouse.Notef("Something went wrong inside Gatehouse; the log says more.")
}
