package access

import (
	"context"
	"errors"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
)

// GlanceEvery is how often an app is looked at between two pulls.
const GlanceEvery = 5 * time.Minute

// glanceArgs are of the job that has a quick look at an app.
type glanceArgs struct {
	ConnectorID string `json:"connector_id"`
}

// Kind names the job.
func (glanceArgs) Kind() string { return "access.glance" }

// glances asks for the quick looks that are due: at apps that were read whole
// once, and are not being read now.
func glances(tx *store.Tx, connectors []gatehouse.Connector) error {
	for _, c := range connectors {
		if !listens(c) || c.Status != gatehouse.ConnectorConnected || c.PulledAt.IsZero() {
			continue
		}
		n, err := tx.News(c.ID)
		if err != nil {
			return err
		}
		if tx.Now().Before(n.GlancedAt.Add(GlanceEvery)) {
			continue
		}
		if _, err := jobs.Add(tx, glanceArgs{ConnectorID: c.ID}, jobs.Options{Key: c.ID, MaxAttempts: 1}); err != nil {
			return err
		}
	}
	return nil
}

// glance is the job that has a quick look. What it misses, the next pull finds.
func (s *Service) glance(ctx context.Context, j *jobs.Job[glanceArgs]) error {
	c, connected, err := s.Apps.Connector(ctx, j.Args.ConnectorID)
	if err != nil || !listens(c) {
		return err
	}
	var n gatehouse.News
	err = s.Store.View(ctx, func(tx *store.Tx) (err error) {
		n, err = tx.News(c.ID)
		return err
	})
	if err != nil {
		return err
	}
	began := s.Clock.Now()
	found := integration.Glance{Next: gatehouse.NoGlance}
	if connected.Glancer != nil {
		found, err = connected.Glancer.Glance(ctx, n.Mark)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failed := err
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		if failed != nil {
			return tx.SetGlance(c.ID, "", shown(failed))
		}
		return s.glanced(tx, c, began, found)
	})
	return errors.Join(failed, err)
}

// glanced writes what a quick look found, and has read afresh what it named.
func (s *Service) glanced(tx *store.Tx, c gatehouse.Connector, began time.Time, found integration.Glance) error {
	last, err := tx.LastPull(c.ID)
	if none(err) != nil {
		return err
	}
	if last.State == gatehouse.PullDone && last.EndedAt.After(began) {
		return nil // what was read before it ended may be older: the next look will tell
	}
	for _, a := range found.Accounts {
		if err := s.glancedAccount(tx, c, began, a); err != nil {
			return err
		}
	}
	if err := s.Hear(tx, c.ID, gatehouse.NoticeGlance, found.Notices...); err != nil {
		return err
	}
	return tx.SetGlance(c.ID, found.Next, gatehouse.Note{})
}

func (s *Service) glancedAccount(tx *store.Tx, c gatehouse.Connector, began time.Time, a gatehouse.Account) error {
	_, err := tx.Account(c.ID, a.ID)
	if errors.Is(err, gatehouse.NotFound) { // with its grants
		return s.Hear(tx, c.ID, gatehouse.NoticeGlance, gatehouse.Notice{Kind: gatehouse.NoticeAccount, Subject: a.ID, Event: "new"})
	}
	if err != nil {
		return err
	}
	written, err := tx.RefreshAccountRow(c.ID, store.Rereading{By: gatehouse.NoticeGlance, BeganAt: began}, a)
	if err != nil || written == 0 {
		return err
	}
	return tx.Record(gatehouse.Event{
		Actor: gatehouse.Actor{Kind: gatehouse.ActorJob, Name: "glance"}, Action: "access.refreshed", Target: "connector/" + c.ID,
		Details: map[string]string{"about": "account " + a.ID, "source": string(gatehouse.NoticeGlance)},
	})
}
