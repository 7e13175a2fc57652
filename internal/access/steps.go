package access

import (
	"context"
	"slices"
	"time"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
)

// The steps of a pull around what its source names itself.
const (
	stepProbe  = "probe"
	stepFinish = "finish"
)

// stopwatch tells how long each step of a pull takes: the time since the last
// page, the staging of it included, is that of the page's step. Where several
// are read at once, each has its share.
type stopwatch struct {
	clock gatehouse.Clock
	at    time.Time
}

// step adds a page, and the time it took, to the steps of a pull.
func (w *stopwatch) step(p *gatehouse.Pull, page integration.Page) {
	now := w.clock.Now()
	took := now.Sub(w.at).Milliseconds()
	w.at = now
	name := page.Step
	if name == "" {
		name = p.Progress.Step
	}
	p.Steps = slices.Clone(p.Steps) // what was saved before is not touched
	i := slices.IndexFunc(p.Steps, func(s gatehouse.PullStep) bool { return s.Name == name })
	if i < 0 {
		i = len(p.Steps)
		p.Steps = append(p.Steps, gatehouse.PullStep{Name: name})
	}
	s := &p.Steps[i]
	s.Accounts += int64(len(page.Accounts) + len(page.Seen))
	s.Resources += int64(len(page.Resources))
	s.Grants += int64(len(page.Grants))
	s.Shares += int64(len(page.Shares))
	s.Requests += page.Requests
	s.Millis += max(took, 0)
	if name != stepProbe && name != stepFinish { // in which no page is read
		s.Pages++
	}
}

// sight keeps what the probe before a pull found.
func (s *Service) sight(ctx context.Context, connectorID string, p integration.Probe) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error { return tx.NoteSighting(connectorID, apps.Sighting(p, tx.Now())) })
}
