package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
)

// errPaused ends the reading of a connector that a person paused meanwhile. What
// was staged stays, and the pull goes on from there.
var errPaused = errors.New("the connector was paused")

// Pause keeps a connector from reading until it is resumed. Nothing is lost: a
// pull that is under way stops where it is. One that is paused already stays so.
func (s *Service) Pause(tx *store.Tx, by gatehouse.Actor, connectorID string) error {
	c, err := tx.Connector(connectorID)
	if err != nil {
		return fmt.Errorf("read connector %s: %w", connectorID, err)
	}
	if !c.PausedAt.IsZero() {
		return nil
	}
	if !c.Enabled {
		return gatehouse.Errorf(gatehouse.Conflict, "The connector %s is disabled, so nothing is read from it. Enable it first.", c.Name)
	}
	if err := tx.PauseConnector(c.ID, tx.Now(), gatehouse.ConnectorPaused); err != nil {
		return err
	}
	job, err := tx.OpenJob(pullArgs{}.Kind(), c.ID)
	if err == nil && job.State == "waiting" {
		err = jobs.Cancel(tx, job.ID)
	}
	if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
		return err
	}
	return s.recordConnector(tx, by, c, "paused")
}

// Resume lets a paused connector read again: a pull that was stopped goes on, one
// that was held still waits for a person. One that is not paused stays as it is.
func (s *Service) Resume(tx *store.Tx, by gatehouse.Actor, connectorID string) error {
	c, err := tx.Connector(connectorID)
	if err != nil {
		return fmt.Errorf("read connector %s: %w", connectorID, err)
	}
	if c.PausedAt.IsZero() {
		return nil
	}
	last, err := tx.LastPull(c.ID)
	if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
		return err
	}
	err = tx.PauseConnector(c.ID, time.Time{}, resumed(c, last))
	if err != nil {
		return err
	}
	switch last.State {
	case gatehouse.PullRunning:
		if s.fed(c) {
			break // an import that was broken off is begun again with its file
		}
		_, err = jobs.Add(tx, pullArgs{ConnectorID: c.ID}, jobs.Options{Key: c.ID, MaxAttempts: 5})
	case gatehouse.PullHeld, gatehouse.PullFailed:
		err = tx.SetConnectorStatus(c.ID, resumed(c, last), last.Error)
	case gatehouse.PullDone, gatehouse.PullCanceled:
	}
	if err != nil {
		return err
	}
	return s.recordConnector(tx, by, c, "resumed")
}

// resumed is the status of a connector that is paused no more.
func resumed(c gatehouse.Connector, last gatehouse.Pull) gatehouse.ConnectorStatus {
	switch last.State {
	case gatehouse.PullRunning:
		return gatehouse.ConnectorSyncing
	case gatehouse.PullHeld:
		return gatehouse.ConnectorPaused
	case gatehouse.PullFailed:
		return gatehouse.ConnectorFailed
	case gatehouse.PullDone, gatehouse.PullCanceled:
	}
	if c.PulledAt.IsZero() {
		return gatehouse.ConnectorNotConfigured
	}
	return gatehouse.ConnectorConnected
}

// rest ends the job of a paused connector, so that resuming can add another one.
func (s *Service) rest(ctx context.Context, j *jobs.Job[pullArgs]) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error { return j.Free(tx) })
}

func (s *Service) recordConnector(tx *store.Tx, by gatehouse.Actor, c gatehouse.Connector, action string) error {
	tx.OnCommit(func() { s.Metrics.Count("connector_change", "kind", c.Kind, "action", action) })
	return tx.Record(gatehouse.Event{
		Actor: by, Action: "connector." + action, Target: "connector/" + c.ID, Details: map[string]string{"name": c.Name, "key": c.Key},
	})
}
