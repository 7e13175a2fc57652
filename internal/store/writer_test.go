package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse"
	"gatehouse/internal/seal"
)

// grouping is a store of which the first writer is held, so that others wait
// behind it.
type grouping struct {
	*Store
	t        *testing.T
	looks    atomic.Int64 // after the file: when a transaction begins, and before it is committed
	inTurn   chan struct{}
	release  chan struct{}
	all      sync.WaitGroup
	firstErr error
}

// onGroup runs fn while the first writer holds its turn. In the bubble of
// synctest, Wait returns when everybody who can wait waits.
func onGroup(t *testing.T, first func(*Tx) error, fn func(g *grouping)) {
	t.Helper()
	t.Parallel()
	address := "sqlite:" + filepath.Join(t.TempDir(), "group.db")
	synctest.Test(t, func(t *testing.T) {
		g := &grouping{Store: openBox(t, address, Options{}), t: t, inTurn: make(chan struct{}), release: make(chan struct{})}
		defer g.Close()
		w := g.db.(*sqlite).writer
		w.longest = time.Hour
		check := w.check
		w.check = func() error {
			g.looks.Add(1)
			return check()
		}
		g.looks.Store(0)
		held := false
		g.all.Go(func() {
			g.firstErr = g.Update(context.Background(), func(tx *Tx) error {
				if !held {
					held = true
					close(g.inTurn)
					<-g.release
				}
				return first(tx)
			})
		})
		<-g.inTurn
		fn(g)
		g.all.Wait()
	})
}

func openBox(t testing.TB, address string, o Options) *Store {
	t.Helper()
	box, err := seal.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	o.Seal = box
	s, err := Open(context.Background(), address, o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

// queue starts an update that waits for its turn.
func (g *grouping) queue(fn func(*Tx) error) *error {
	err := errors.New("not ended")
	g.all.Go(func() { err = g.Update(context.Background(), fn) })
	synctest.Wait()
	return &err
}

// transactions is how many there were, none of which was lost.
func (g *grouping) transactions() int64 { return g.looks.Load() / 2 }

func (g *grouping) letGo() {
	close(g.release)
	g.all.Wait()
}

func set(key string) func(*Tx) error { return func(tx *Tx) error { return tx.SetSetting(key, key) } }

func (g *grouping) has(key string) bool {
	var value string
	if err := g.View(context.Background(), func(tx *Tx) (err error) {
		value, err = tx.Setting(key)
		return err
	}); err != nil {
		g.t.Fatal(err)
	}
	return value != ""
}

func (g *grouping) check(err error, kind gatehouse.ErrorKind, what string) {
	g.t.Helper()
	if kind == "" && err != nil || kind != "" && !errors.Is(err, kind) {
		g.t.Errorf("%s: got %v, want %q", what, err, kind)
	}
}

func TestGroupSharesOneTransaction(t *testing.T) {
	onGroup(t, set("first"), func(g *grouping) {
		var results []*error
		for i := range 10 {
			results = append(results, g.queue(set(strconv.Itoa(i))))
		}
		if g.has("first") {
			t.Error("what is not committed can be seen")
		}
		g.letGo()
		for i, err := range results {
			g.check(*err, "", "queued")
			if !g.has(strconv.Itoa(i)) {
				t.Errorf("what writer %d wrote is not there", i)
			}
		}
		if n := g.transactions(); n != 1 {
			t.Errorf("there were %d transactions, want 1", n)
		}
	})
}

func TestGroupHasABound(t *testing.T) {
	onGroup(t, set("first"), func(g *grouping) {
		for range 2 * groupCallers {
			g.queue(set("k"))
		}
		g.letGo()
		if n := g.transactions(); n != 3 {
			t.Errorf("there were %d transactions, want 3", n)
		}
	})
}

func TestGroupEndsAfterItsTime(t *testing.T) {
	onGroup(t, set("first"), func(g *grouping) {
		g.db.(*sqlite).writer.longest = groupTime
		g.queue(set("k"))
		time.Sleep(groupTime + 1) // in the bubble's own time
		g.letGo()
		if n := g.transactions(); n != 2 {
			t.Errorf("there were %d transactions, want 2", n)
		}
	})
}

func TestErrorOfOneUndoesOnlyItsOwn(t *testing.T) {
	onGroup(t, set("first"), func(g *grouping) {
		refused := g.queue(func(tx *Tx) error { return errors.Join(set("refused")(tx), gatehouse.Forbidden) })
		broken := g.queue(func(tx *Tx) error {
			_, err := tx.exec(`insert into sessions (id) values ('x')`)
			return errors.Join(set("broken")(tx), err)
		})
		after := g.queue(set("after"))
		g.letGo()
		g.check(g.firstErr, "", "first")
		g.check(*refused, gatehouse.Forbidden, "refused")
		g.check(*after, "", "after")
		if *broken == nil || g.has("refused") || g.has("broken") || !g.has("first") || !g.has("after") {
			t.Errorf("broken: %v; not exactly the good ones are there", *broken)
		}
	})
}

func TestCallerThatGivesUpLeavesTheQueue(t *testing.T) {
	onGroup(t, set("first"), func(g *grouping) {
		ctx, cancel := context.WithCancel(context.Background())
		var err error
		left := make(chan struct{})
		go func() {
			defer close(left)
			err = g.Update(ctx, set("left"))
		}()
		synctest.Wait()
		cancel()
		<-left // although the first still holds its turn
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want that it was canceled", err)
		}
		g.letGo()
		if g.has("left") {
			t.Error("what a caller wrote who left is there")
		}
	})
}

func TestPanicHarmsNobodyElse(t *testing.T) {
	onGroup(t, set("first"), func(g *grouping) {
		var caught any
		g.all.Go(func() {
			defer func() { caught = recover() }()
			g.Update(context.Background(), func(tx *Tx) error {
				set("panicked")(tx)
				panic("ouch")
			})
		})
		synctest.Wait()
		g.all.Go(func() {
			g.Update(context.Background(), func(tx *Tx) error {
				set("exited")(tx)
				runtime.Goexit()
				return nil
			})
		})
		synctest.Wait()
		after := g.queue(set("after"))
		g.letGo()
		if caught != "ouch" {
			t.Errorf("the caller caught %v", caught)
		}
		g.check(g.firstErr, "", "first")
		g.check(*after, "", "after")
		if g.has("panicked") || g.has("exited") || !g.has("first") || !g.has("after") {
			t.Error("not exactly the good ones are there")
		}
	})
}

func TestFailedCommitIsToldToAll(t *testing.T) {
	onGroup(t, set("first"), func(g *grouping) {
		dangling := g.queue(func(tx *Tx) error {
			if _, err := tx.exec(`pragma defer_foreign_keys = 1`); err != nil {
				return err
			}
			return tx.SaveConsent(Consent{UserID: "nobody"})
		})
		after := g.queue(set("after"))
		g.letGo()
		for what, err := range map[string]error{"first": g.firstErr, "dangling": *dangling, "after": *after} {
			g.check(err, gatehouse.Conflict, what)
		}
		if g.has("first") || g.has("after") {
			t.Error("something of a failed group is there")
		}
		g.check(g.Update(context.Background(), set("later")), "", "later")
	})
}

func TestGroupHearsThatTheFileIsGone(t *testing.T) {
	onGroup(t, set("first"), func(g *grouping) {
		path := g.db.(*sqlite).path
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		after := g.queue(set("after"))
		g.letGo()
		g.check(g.firstErr, gatehouse.Unavailable, "first")
		g.check(*after, gatehouse.Unavailable, "after")
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}
		if g.has("first") || g.has("after") {
			t.Error("what was refused is there")
		}
		g.check(g.Update(context.Background(), set("later")), "", "later")
	})
}

func TestLostTransactionIsRunAgain(t *testing.T) {
	runs := 0
	onGroup(t, func(tx *Tx) error {
		runs++
		return set("first")(tx)
	}, func(g *grouping) {
		lost := g.queue(func(tx *Tx) error {
			_, err := tx.exec(`rollback`) // as a full disk may do
			return errors.Join(err, gatehouse.Unavailable)
		})
		after := g.queue(set("after"))
		g.letGo()
		g.check(g.firstErr, "", "first")
		g.check(*lost, gatehouse.Unavailable, "lost")
		g.check(*after, "", "after")
		if runs != 2 || !g.has("first") || !g.has("after") {
			t.Errorf("the first ran %d times; it and the one behind must be there", runs)
		}
	})
}

func TestCloseWaitsForTheWriter(t *testing.T) {
	onGroup(t, set("first"), func(g *grouping) {
		closed := make(chan error, 1)
		go func() { closed <- g.Close() }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("it closed under a write")
		default:
		}
		g.letGo()
		if err := <-closed; err != nil {
			t.Errorf("close: %v", err)
		}
		g.check(g.firstErr, "", "first")
		g.check(g.Update(context.Background(), set("late")), gatehouse.Unavailable, "late write")
		g.check(g.View(context.Background(), func(*Tx) error { return nil }), gatehouse.Unavailable, "late read")
	})
}

func TestCommittedSurvivesLossOfTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openBox(t, "sqlite:"+filepath.Join(dir, "one.db"), Options{})
	defer s.Close()
	for i := range 20 {
		if err := s.Update(t.Context(), set(strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
		// What is in the files when Update returns is what a killed process leaves behind.
		for _, end := range []string{"", "-wal"} {
			copyFile(t, filepath.Join(dir, "one.db"+end), filepath.Join(dir, "copy.db"+end))
		}
		db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "copy.db"))
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := db.QueryRow(`select count(*) from settings`).Scan(&n); err != nil || n != i+1 {
			t.Errorf("after %d updates a copy holds %d: %v", i+1, n, err)
		}
		db.Close()
		for _, end := range []string{"", "-wal", "-shm"} {
			remove(filepath.Join(dir, "copy.db"+end))
		}
	}
}
