package access

import (
	"context"
	"time"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
)

// Save adds a connector or changes one, as apps.SaveConnector does, and has it
// read its app at once when it is new or reads otherwise than before.
func (s *Service) Save(tx *store.Tx, by gatehouse.Actor, c gatehouse.Connector) (gatehouse.Connector, error) {
	var old gatehouse.Connector
	if c.ID != "" {
		var err error
		if old, err = tx.Connector(c.ID); err != nil {
			return c, err
		}
	}
	saved, err := s.Apps.SaveConnector(tx, by, c)
	if err != nil || s.fed(saved) || !apps.ReadsOtherwise(old, saved) || !saved.Enabled || !saved.PausedAt.IsZero() {
		return saved, err
	}
	if _, err := s.SyncNow(tx, by, saved.ID); err != nil {
		return saved, err
	}
	return tx.Connector(saved.ID)
}

// Put is Save for somebody who waits: where or with what the connector reads is
// tried first, which takes no part in a transaction.
func (s *Service) Put(ctx context.Context, by gatehouse.Actor, c gatehouse.Connector) (saved gatehouse.Connector, err error) {
	if c.Seen, err = s.Apps.TryChange(ctx, c); err != nil {
		return c, err
	}
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		saved, err = s.Save(tx, by, c)
		return err
	})
	return saved, err
}

// Remove disconnects a connector's app, or deletes the connector with all that
// was read (apps.RemoveConnector). A pull that is under way ends.
func (s *Service) Remove(tx *store.Tx, by gatehouse.Actor, connectorID string, seen time.Time, forget bool) error {
	if err := s.Apps.RemoveConnector(tx, by, connectorID, seen, forget); err != nil {
		return err
	}
	job, err := tx.OpenJob(pullArgs{}.Kind(), connectorID)
	if err == nil {
		err = jobs.Cancel(tx, job.ID)
	}
	if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
		return err
	}
	return endLast(tx, connectorID)
}

// endLast ends the pull of a connector that was disconnected in the middle of it.
func endLast(tx *store.Tx, connectorID string) error {
	p, err := tx.LastPull(connectorID)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil
	}
	if err != nil || p.State != gatehouse.PullRunning && p.State != gatehouse.PullHeld {
		return err
	}
	p.State, p.EndedAt = gatehouse.PullCanceled, tx.Now()
	if err := tx.SavePull(&p); err != nil {
		return err
	}
	return tx.DropStaged(p.ID)
}
