package access

import (
	"errors"
	"testing"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// fedBench is a bench whose connector is fed by files.
func fedBench(t *testing.T, s *store.Store) *bench {
	t.Helper()
	b := newBenchOf(t, s, nil, integration.Connected{})
	b.service.Apps.Kinds[0].FedByFiles = true
	return b
}

func (b *bench) imports(page integration.Page) (gatehouse.Pull, error) {
	b.Helper()
	return b.service.Import(b.Context(), gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "test"}, b.connector, &play{failAt: -1, pages: []integration.Page{page}})
}

func TestAnImportIsAWholePull(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := fedBench(t, s)
		p, err := b.imports(people(20))
		c, _, n := b.look()
		if err != nil || p.State != gatehouse.PullDone || n.Accounts != 20 || n.Grants != 20 || c.Status != gatehouse.ConnectorConnected {
			t.Fatalf("imported %+v, %v; there is %+v of %s", p, err, n, c.Status)
		}
		if got := b.wait("access.match"); got != "done" {
			t.Errorf("matching ended %s", got)
		}
		if p, err = b.imports(people(20)); err != nil || p.Written != 0 {
			t.Errorf("the same again wrote %d rows, %v", p.Written, err)
		}
		if p, err = b.imports(people(10)); err != nil || p.State != gatehouse.PullHeld {
			t.Fatalf("half of it gone: %+v, %v; want it held", p, err)
		}
		if _, _, n := b.look(); n.Accounts != 20 {
			t.Errorf("%d accounts while the import is held, want 20", n.Accounts)
		}
		b.update(func(tx *store.Tx) error {
			return b.service.Release(tx, gatehouse.Actor{Kind: gatehouse.ActorUser, Name: "test"}, p.ID)
		})
		if got := b.wait("access.pull"); got != "done" {
			t.Fatalf("the release ended %s", got)
		}
		if _, _, n := b.look(); n.Accounts != 10 {
			t.Errorf("%d accounts after the release, want 10", n.Accounts)
		}
	})
}

func TestAnImportThatCannotBeChangesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := fedBench(t, s)
		if _, err := b.imports(people(20)); err != nil {
			t.Fatal(err)
		}
		broken := &play{failAt: 1, fail: errors.New("torn"), pages: []integration.Page{people(3), people(4)}}
		if _, err := b.service.Import(t.Context(), gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "test"}, b.connector, broken); err == nil {
			t.Error("a torn file was imported")
		}
		if c, p, n := b.look(); n.Accounts != 20 || p.State != gatehouse.PullFailed || c.Status != gatehouse.ConnectorFailed {
			t.Errorf("after it: %d accounts, pull %s, connector %s", n.Accounts, p.State, c.Status)
		}
		b.update(func(tx *store.Tx) error {
			running := gatehouse.Pull{ConnectorID: b.connector, State: gatehouse.PullRunning, StartedAt: tx.Now()}
			return tx.SavePull(&running)
		})
		if _, err := b.imports(people(20)); gatehouse.KindOf(err) != gatehouse.Conflict {
			t.Errorf("beside another import: %v, want Conflict", err)
		}
		b.update(func(tx *store.Tx) error {
			_, err := b.service.SyncNow(tx, gatehouse.Actor{Kind: gatehouse.ActorUser, Name: "test"}, b.connector)
			if gatehouse.KindOf(err) != gatehouse.Conflict {
				t.Errorf("sync now: %v, want Conflict", err)
			}
			return nil
		})
		b.service.Apps.Kinds[0].FedByFiles = false
		if _, err := b.imports(people(20)); gatehouse.KindOf(err) != gatehouse.Conflict {
			t.Errorf("into a connector that reads by itself: %v, want Conflict", err)
		}
	})
}
