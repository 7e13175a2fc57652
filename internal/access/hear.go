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

// What is kept of news.
const (
	// remembered is how long the id of a notice is known, so that one which comes
	// again counts once.
	remembered = 48 * time.Hour
	// MostNotices bounds what waits for one connector. When more is heard of, the
	// app is read whole instead.
	MostNotices = 1000
)

// refreshArgs are of the job that looks into what was heard of a connector's app.
type refreshArgs struct {
	ConnectorID string `json:"connector_id"`
}

// Kind names the job.
func (refreshArgs) Kind() string { return "access.refresh" }

// Hear keeps what an app told, and the job that looks into it, in the caller's
// transaction: after it is committed the app may be told that we have it. What
// was told before under the same id is dropped. Of a connector that is paused it
// is kept until it is resumed.
func (s *Service) Hear(tx *store.Tx, connectorID string, source gatehouse.NoticeSource, notices ...gatehouse.Notice) error {
	kept, last := 0, ""
	for _, n := range notices {
		fresh, err := tx.Hear(connectorID, source, n, remembered)
		if err != nil {
			return fmt.Errorf("keep a notice: %w", err)
		}
		if fresh {
			kept, last = kept+1, n.Event
		}
	}
	if kept == 0 {
		return nil
	}
	if err := bound(tx, connectorID, source); err != nil {
		return err
	}
	if err := tx.CountReceived(connectorID, source, last, kept); err != nil {
		return err
	}
	c, err := tx.Connector(connectorID)
	if err != nil || !listens(c) {
		return err
	}
	id, err := jobs.Add(tx, refreshArgs{ConnectorID: connectorID}, jobs.Options{Key: connectorID})
	if err != nil {
		return err
	}
	return jobs.Hurry(tx, id) // it may wait for what failed before
}

// bound has everything read when too much waits to be looked at one by one.
func bound(tx *store.Tx, connectorID string, source gatehouse.NoticeSource) error {
	n, err := tx.CountNotices(connectorID)
	if err != nil || n <= MostNotices {
		return err
	}
	if err := tx.DropNotices(connectorID, tx.Now().Add(time.Hour)); err != nil {
		return err
	}
	_, err = tx.Hear(connectorID, source, gatehouse.Notice{Kind: gatehouse.NoticeAll, Event: "too many notices"}, remembered)
	return err
}

// NewHookSecret gives a connector a new secret for /hooks/{key}, and returns it.
// The one before is good no more.
func (s *Service) NewHookSecret(tx *store.Tx, by gatehouse.Actor, connectorID string) (string, error) {
	c, err := tx.Connector(connectorID)
	if err != nil {
		return "", err
	}
	if c.Managed == gatehouse.ManagedByFile {
		return "", gatehouse.Errorf(gatehouse.Conflict, "The connector %s is in the configuration file, so its secret for hooks is changed there: hook_secret.", c.Name)
	}
	c.HookSecret = gatehouse.NewHexSecret()
	if err := tx.SaveConnector(&c); err != nil {
		return "", err
	}
	return c.HookSecret, tx.Record(gatehouse.Event{
		Actor: by, Action: "connector.hook_secret_changed", Target: "connector/" + c.ID, Details: map[string]string{"name": c.Name},
	})
}

// refusalsTold is how often the audit log may say that deliveries are refused.
const refusalsTold = time.Hour

// Refused counts deliveries of a connector's app, or of somebody who says to be
// it, that were refused. The audit log tells of them at most once an hour.
func (s *Service) Refused(ctx context.Context, connectorID string, by gatehouse.Actor, deliveries int64, why gatehouse.Note) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		before, err := tx.CountRefused(connectorID, deliveries, why)
		if err != nil || tx.Now().Before(before.Add(refusalsTold)) {
			return err
		}
		return tx.Record(gatehouse.Event{
			Actor: by, Action: "hook.refused", Target: "connector/" + connectorID, Details: map[string]string{"why": why.Sentence()},
		})
	})
}

// revive sees to it that notices which wait have their job: those of a connector
// that was resumed, or whose job was given up.
func revive(tx *store.Tx) error {
	ids, err := tx.ConnectorsWithNotices()
	if err != nil {
		return err
	}
	for _, id := range ids {
		c, err := tx.Connector(id)
		if err != nil {
			return err
		}
		if !listens(c) {
			continue
		}
		if _, err := jobs.Add(tx, refreshArgs{ConnectorID: id}, jobs.Options{Key: id}); err != nil {
			return err
		}
	}
	return nil
}

// listens says whether what is heard of a connector's app may be looked into
// now. One that a person paused, or whose pull waits for a person, keeps it.
func listens(c gatehouse.Connector) bool {
	return c.Enabled && c.PausedAt.IsZero() && c.Status != gatehouse.ConnectorPaused
}

// keepReread lets what was read afresh while a pull was under way stand against
// what the pull has, and asks the app once more where the two differ.
func (s *Service) keepReread(tx *store.Tx, p gatehouse.Pull) error {
	doubts, err := tx.KeepReread(p.ConnectorID, p.ID)
	if err != nil {
		return err
	}
	for i := range doubts {
		doubts[i].Event = "two readings differ"
	}
	return s.Hear(tx, p.ConnectorID, gatehouse.NoticeDoubt, doubts...)
}

// none makes NotFound no error.
func none(err error) error {
	if errors.Is(err, gatehouse.NotFound) {
		return nil
	}
	return err
}
