// Package access keeps connected apps in order. Today it reads them: a pull
// stages what an app says in small steps, goes on where it stood after a crash,
// takes nothing away before it has seen everything, and is held for a person
// when more would vanish than the brake allows. Accounts are then matched to
// people.
package access

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
)

// DefaultEvery is how often a connector is pulled that has no schedule of its own.
const DefaultEvery = time.Hour

// DefaultBrake is the share of the accounts, resources, grants or shares that
// may vanish in one pull without a person looking at it.
const DefaultBrake = 0.2

// brakeFloor is how many rows of a kind there must be before the brake judges a
// share of them: in a handful, one is already a fifth.
const brakeFloor = 10

// Service reads connected apps. The fields up to Metrics are needed.
type Service struct {
	Store   *store.Store
	Apps    *apps.Apps
	Jobs    *jobs.Runner
	Clock   gatehouse.Clock
	Log     *slog.Logger
	Metrics gatehouse.Metrics

	Brake float64       // 0: DefaultBrake
	Every time.Duration // 0: DefaultEvery

	// Quick carries out what people wait for, so that it does not stand behind
	// pulls, which take long. nil: Jobs.
	Quick    *jobs.Runner
	FeedLook time.Duration // how often to see which apps to listen to; 0: 10 s
}

// pullArgs are of the job that pulls a connector, or lets a held pull through.
type pullArgs struct {
	ConnectorID string `json:"connector_id"`
	Release     string `json:"release,omitempty"` // id of a held pull
}

// Kind names the job.
func (pullArgs) Kind() string { return "access.pull" }

// scheduleArgs are of the job that starts the pulls which are due.
type scheduleArgs struct{}

// Kind names the job.
func (scheduleArgs) Kind() string { return "access.schedule" }

// Register tells the runner of the jobs of this package.
func (s *Service) Register() {
	jobs.Handle(s.Jobs, s.pull, jobs.HandleOptions{Timeout: 2 * time.Hour})
	jobs.Handle(s.Jobs, s.schedule, jobs.HandleOptions{Timeout: time.Minute})
	jobs.Handle(s.Jobs, s.matchThenFind, jobs.HandleOptions{Timeout: 10 * time.Minute})
	jobs.Handle(s.Jobs, s.matchUser, jobs.HandleOptions{Timeout: time.Minute})
	jobs.Handle(s.Jobs, s.warnOfTokens, jobs.HandleOptions{Timeout: time.Minute})
	quick := s.Jobs
	if s.Quick != nil {
		quick = s.Quick
	}
	jobs.Handle(quick, s.refresh, jobs.HandleOptions{Timeout: 10 * time.Minute})
	jobs.Handle(quick, s.glance, jobs.HandleOptions{Timeout: 3 * time.Minute})
	s.Jobs.Every(scheduleArgs{}, time.Minute, "schedule")
	s.Jobs.Every(tokensArgs{}, time.Hour, "tokens")
	s.registerFindings()
}

// SyncNow asks for a pull of a connector, in the caller's transaction, and
// returns the id of its job. One that is already asked for or under way is not
// begun twice. A pull that was held is given up for it.
func (s *Service) SyncNow(tx *store.Tx, by gatehouse.Actor, connectorID string) (string, error) {
	c, err := tx.Connector(connectorID)
	if err != nil {
		return "", fmt.Errorf("read connector %s: %w", connectorID, err)
	}
	if s.fed(c) {
		return "", gatehouse.Errorf(gatehouse.Conflict, "%s is told of by files, so there is nothing to read. Import a new file: gatehouse import c1z FILE --connector %s.", c.Name, c.Key)
	}
	if !c.Enabled {
		return "", gatehouse.Errorf(gatehouse.Conflict, "The connector %s is disabled, so nothing is read from it. Enable it first.", c.Name)
	}
	if !c.PausedAt.IsZero() {
		return "", gatehouse.Errorf(gatehouse.Conflict, "The connector %s is paused, so nothing is read from it. Resume it first.", c.Name)
	}
	if err := giveUpHeld(tx, connectorID); err != nil {
		return "", err
	}
	id, err := jobs.Add(tx, pullArgs{ConnectorID: connectorID}, jobs.Options{Key: connectorID, MaxAttempts: 5})
	if err != nil {
		return "", err
	}
	if err := tx.SetConnectorStatus(connectorID, gatehouse.ConnectorSyncing, gatehouse.Note{}); err != nil {
		return "", err
	}
	return id, tx.Record(gatehouse.Event{Actor: by, Action: "connector.sync_requested", Target: "connector/" + connectorID})
}

// giveUpHeld ends a held pull of a connector, if there is one.
func giveUpHeld(tx *store.Tx, connectorID string) error {
	p, err := tx.LastPull(connectorID)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil
	}
	if err != nil || p.State != gatehouse.PullHeld {
		return err
	}
	p.State, p.EndedAt = gatehouse.PullCanceled, tx.Now()
	if err := tx.SavePull(&p); err != nil {
		return err
	}
	return tx.DropStaged(p.ID)
}

// Release lets a held pull through: what it did not see is taken as gone.
func (s *Service) Release(tx *store.Tx, by gatehouse.Actor, pullID string) error {
	p, err := tx.Pull(pullID)
	if err != nil {
		return err
	}
	if p.State != gatehouse.PullHeld {
		return gatehouse.Errorf(gatehouse.Conflict, "This pull is not held, so there is nothing to let through.")
	}
	if _, err := jobs.Add(tx, pullArgs{ConnectorID: p.ConnectorID, Release: p.ID}, jobs.Options{Key: p.ConnectorID}); err != nil {
		return err
	}
	if err := tx.SetConnectorStatus(p.ConnectorID, gatehouse.ConnectorSyncing, gatehouse.Note{}); err != nil {
		return err
	}
	return tx.Record(gatehouse.Event{
		Actor: by, Action: "pull.released", Target: "pull/" + p.ID,
		Details: map[string]string{"connector": p.ConnectorID, "held_because": p.Error.Sentence()},
	})
}

// schedule starts the pulls that are due.
func (s *Service) schedule(ctx context.Context, _ *jobs.Job[scheduleArgs]) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		all, err := tx.Connectors()
		if err != nil {
			return err
		}
		for _, c := range all {
			if s.fed(c) || !due(c, tx.Now(), s.every()) {
				continue
			}
			last, err := tx.LastPull(c.ID)
			if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
				return err
			}
			if recently(last, tx.Now(), scheduleOf(c, s.every()).Every()) {
				continue
			}
			if _, err := s.SyncNow(tx, gatehouse.Actor{Kind: gatehouse.ActorJob, Name: "schedule"}, c.ID); err != nil {
				return err
			}
		}
		if err := glances(tx, all); err != nil {
			return err
		}
		return revive(tx)
	})
}

// due says whether a connector is to be pulled now by its schedule. One that a
// person paused, or whose pull waits for a person, is not.
func due(c gatehouse.Connector, now time.Time, every time.Duration) bool {
	switch c.Status {
	case gatehouse.ConnectorPaused:
		return false
	case gatehouse.ConnectorNotConfigured:
		if c.Token == "" {
			return false
		}
	case gatehouse.ConnectorSyncing, gatehouse.ConnectorConnected, gatehouse.ConnectorFailed:
	}
	return c.Enabled && (c.PulledAt.IsZero() || !now.Before(scheduleOf(c, every).Next(c.PulledAt)))
}

func (s *Service) every() time.Duration {
	if s.Every > 0 {
		return s.Every
	}
	return DefaultEvery
}

func (s *Service) brake() float64 {
	if s.Brake > 0 {
		return s.Brake
	}
	return DefaultBrake
}
