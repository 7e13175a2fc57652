package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
)

// importPatience is after how long an import that did not end counts as broken
// off: its process was killed.
const importPatience = 30 * time.Minute

// claim is what says that a pull is still ours to write.
type claim interface {
	Hold(tx *store.Tx) error
	Free(tx *store.Tx) error
}

// alone is the claim of an import, which no job stands behind: the pull itself,
// which is looked at in each transaction, is the only one of its connector.
type alone struct{}

// Hold does nothing.
func (alone) Hold(*store.Tx) error { return nil }

// Free does nothing.
func (alone) Free(*store.Tx) error { return nil }

// Import takes what a file tells as a whole pull of a connector that is fed by
// files, with the staging, brake, history and matching of any other, and gives
// the pull as it ended: done, or held for a person. A held one is given up for
// it. Conflict: the connector is not of that kind, disabled or paused, or another
// import is under way.
func (s *Service) Import(ctx context.Context, by gatehouse.Actor, connectorID string, source integration.Source) (gatehouse.Pull, error) {
	probe, err := source.Probe(ctx)
	if err != nil {
		return gatehouse.Pull{}, err
	}
	p, err := s.beginImport(ctx, by, connectorID, probe)
	if err != nil {
		return p, err
	}
	began := s.Clock.Now()
	if err = s.stageAll(ctx, &p, source); err == nil {
		err = s.finish(ctx, alone{}, p.ID, finishing{})
	}
	s.Metrics.Observe("pull", s.Clock.Now().Sub(began), "outcome", outcome(err))
	if err != nil {
		return p, s.endImport(ctx, p, err)
	}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		p, err = tx.Pull(p.ID)
		return err
	})
	return p, err
}

func (s *Service) stageAll(ctx context.Context, p *gatehouse.Pull, source integration.Source) error {
	watch := stopwatch{clock: s.Clock, at: s.Clock.Now()}
	for page, err := range source.Pull(ctx, "") {
		if err != nil {
			return err
		}
		watch.step(p, page)
		if err := s.stage(ctx, alone{}, p, page); err != nil {
			return fmt.Errorf("stage a page: %w", err)
		}
	}
	return ctx.Err()
}

// fed says whether a connector is fed by files.
func (s *Service) fed(c gatehouse.Connector) bool {
	k, ok := s.Apps.Kind(c.Kind)
	return ok && k.FedByFiles
}

func (s *Service) beginImport(ctx context.Context, by gatehouse.Actor, connectorID string, probe integration.Probe) (p gatehouse.Pull, err error) {
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		c, err := tx.Connector(connectorID)
		switch {
		case err != nil:
			return fmt.Errorf("read connector %s: %w", connectorID, err)
		case !s.fed(c):
			return gatehouse.Errorf(gatehouse.Conflict, "The connector %s reads its app by itself, so no file can be imported into it. Name another one.", c.Name)
		case !c.Enabled:
			return gatehouse.Errorf(gatehouse.Conflict, "The connector %s is disabled, so nothing is read from it. Enable it first.", c.Name)
		case !c.PausedAt.IsZero():
			return gatehouse.Errorf(gatehouse.Conflict, "The connector %s is paused, so nothing is read from it. Resume it first.", c.Name)
		}
		last, err := tx.LastPull(connectorID)
		if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
			return err
		}
		if last.State == gatehouse.PullRunning && tx.Now().Sub(last.StartedAt) < importPatience {
			return gatehouse.Errorf(gatehouse.Conflict, "Another file is being imported into %s. Wait until that is done.", c.Name)
		}
		if err := endLast(tx, connectorID); err != nil {
			return err
		}
		p = gatehouse.Pull{ConnectorID: connectorID, State: gatehouse.PullRunning, StartedAt: tx.Now()}
		if err := tx.SavePull(&p); err != nil {
			return err
		}
		if err := tx.SetConnectorStatus(connectorID, gatehouse.ConnectorSyncing, gatehouse.Note{}); err != nil {
			return err
		}
		return tx.Record(gatehouse.Event{
			Actor: by, Action: "connector.file_imported", Target: "connector/" + connectorID,
			Details: map[string]string{"name": c.Name, "key": c.Key, "pull": p.ID, "sync": probe.Actor},
		})
	})
	return p, err
}

// endImport ends a pull whose file was not taken, for a reason that it gives back.
func (s *Service) endImport(ctx context.Context, p gatehouse.Pull, cause error) error {
	if errors.Is(cause, errPaused) {
		cause = gatehouse.Errorf(gatehouse.Conflict, "The connector was paused while the file was imported. Resume it, and import the file again.")
	}
	s.Log.Warn("import", "connector", p.ConnectorID, "pull", p.ID, "error", cause)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		if stillRunning(tx, p.ID) != nil {
			return nil
		}
		now := p
		now.State, now.EndedAt, now.Error = gatehouse.PullFailed, tx.Now(), shown(cause)
		if err := tx.SavePull(&now); err != nil {
			return err
		}
		if err := tx.DropStaged(p.ID); err != nil {
			return err
		}
		if err := tx.SetConnectorStatus(p.ConnectorID, gatehouse.ConnectorFailed, now.Error); err != nil {
			return err
		}
		return tx.Record(event("pull.failed", now, map[string]string{"why": now.Error.Sentence()}))
	})
	return errors.Join(cause, err)
}
