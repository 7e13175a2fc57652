package credentials

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/credentials/password"
	"gatehouse/internal/store"
)

func TestPassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u := w.admin("olga")
		w.user("li.na", gatehouse.RoleNone)
		for _, name := range []string{"olga", "OLGA", " olga ", "olga@example.com", "Olga@Example.COM"} {
			id, err := w.Password(t.Context(), Try{Name: name, Password: good, Address: "192.0.2.1"})
			if err != nil || id != u.ID {
				t.Errorf("%q: %s, %v", name, id, err)
			}
		}
		for _, name := range []string{"", "olga2", "li.na", "li.na@example.com", "nobody@example.com", "olga\x00", "olga%", fmt.Sprintf("%0999d", 1)} {
			if _, err := w.Password(t.Context(), Try{Name: name, Password: good, Address: "192.0.2.2"}); !errors.Is(err, gatehouse.Invalid) {
				t.Errorf("%q: %v", name, err)
			}
		}
		if err := w.try("olga", good+" "); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("another password: %v", err)
		}
		id, err := w.Password(t.Context(), Try{UserID: u.ID, Name: "li.na", Password: good, Address: "192.0.2.3"})
		if err != nil || id != u.ID {
			t.Errorf("by the user: %s, %v", id, err)
		}
	})
}

// TestH8WhoComesByAProviderHasNoPassword: a row alone lets nobody in.
func TestH8WhoComesByAProviderHasNoPassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u := w.user("li.na", gatehouse.RoleNone)
		w.give(u, good, false)
		if err := w.try("li.na", good); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("a password without a role: %v", err)
		}
		hand := w.user("made.by.hand", gatehouse.RoleNone)
		w.give(hand, good, true)
		if err := w.try("made.by.hand", good); err != nil {
			t.Errorf("one of the operator's: %v", err)
		}
		w.give(hand, "another good one", false) // changed by the person
		if err := w.try("made.by.hand", "another good one"); err != nil {
			t.Errorf("one that was changed since: %v", err)
		}
		w.Rules.Off = true
		if err := w.try("made.by.hand", "another good one"); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("switched off: %v", err)
		}
	})
}

// told is what somebody who tries learns.
type told struct {
	Kind gatehouse.ErrorKind
	Text string
	Hash int // how many were worked out
}

// TestS3NoEnumeration: whoever is named, the same is said and kept, and as much
// is worked out: with a name that nobody has, without a password, with one.
func TestS3NoEnumeration(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.admin("olga")
		w.user("li.na", gatehouse.RoleNone)
		w.user("auditor", gatehouse.RoleAuditor) // has none
		all := map[string][]told{}
		for n, name := range []string{"olga", "olga@example.com", "li.na", "auditor", "nobody", "nobody@example.com"} {
			for i := range 8 {
				before := w.Hasher.Worked()
				_, err := w.Password(t.Context(), Try{Name: name, Password: "wrong one", Address: fmt.Sprintf("192.0.2.%d", n*8+i)})
				var e *gatehouse.Error
				if !errors.As(err, &e) {
					t.Fatalf("%s: %v", name, err)
				}
				all[name] = append(all[name], told{e.Kind, e.Sentence(), w.Hasher.Worked() - before})
			}
		}
		want := all["nobody"]
		if want[0].Kind != gatehouse.Invalid || want[0].Hash != 1 || want[7].Kind != gatehouse.Limited || want[7].Hash != 0 {
			t.Errorf("wrong ones are answered by %+v", want)
		}
		for name, got := range all {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s is told from a name that nobody has:\n%s", name, diff)
			}
		}
	})
}

// TestS3NamesOfOneAccountAreNotTold: after many wrong tries at one of its names
// nothing is said at another one that would not be said of any name; but it does
// not open either, until the pause is over or an administrator ends it.
func TestS3NamesOfOneAccountAreNotTold(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u := w.admin("olga")
		for range 5 {
			if err := w.try("olga", "wrong"); !errors.Is(err, gatehouse.Invalid) {
				t.Fatal(err)
			}
		}
		if err := w.try("olga", good); !errors.Is(err, gatehouse.Limited) {
			t.Errorf("the name that was tried: %v", err)
		}
		if err := w.try("olga@example.com", good); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("another name of the same account: %v", err)
		}
		w.update(func(tx *store.Tx) error {
			_, err := w.Unlock(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator}, u.ID)
			return err
		})
		for _, name := range []string{"olga", "olga@example.com"} {
			if err := w.try(name, good); err != nil {
				t.Errorf("%s, unlocked: %v", name, err)
			}
		}
		for range 5 {
			_ = w.try("olga@example.com", "wrong")
		}
		w.pass(time.Minute)
		if err := w.try("olga", good); err != nil {
			t.Errorf("after the pause: %v", err)
		}
	})
}

// TestS3GuessingIsSlowed: five wrong ones, then a pause that doubles; what is
// right waits too, and many at once count as many.
func TestS3GuessingIsSlowed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u := w.admin("olga")
		for i := range 4 {
			if err := w.try("olga", "wrong"); !errors.Is(err, gatehouse.Invalid) {
				t.Fatalf("try %d: %v", i, err)
			}
		}
		if err := w.try("olga", good); err != nil {
			t.Fatalf("the right one after four wrong ones: %v", err)
		}
		for i := range 5 {
			if err := w.try("olga", "wrong"); !errors.Is(err, gatehouse.Invalid) {
				t.Fatalf("all is forgotten after a right one, but try %d: %v", i, err)
			}
		}
		if err := w.try("olga", good); !errors.Is(err, gatehouse.Limited) {
			t.Fatalf("the sixth: %v", err)
		}
		for _, pause := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
			w.pass(pause - time.Millisecond)
			if err := w.try("olga", good); !errors.Is(err, gatehouse.Limited) {
				t.Fatalf("before the end of a pause of %s: %v", pause, err)
			}
			w.pass(time.Millisecond)
			if err := w.try("olga", "wrong"); !errors.Is(err, gatehouse.Invalid) {
				t.Fatalf("after a pause of %s: %v", pause, err)
			}
		}
		if got := len(w.events("credentials.paused")); got != 9 {
			t.Errorf("%d pauses are in the audit log", got)
		}
		w.update(func(tx *store.Tx) error {
			until, err := w.PausedUntil(tx, u.ID)
			if !until.Equal(w.clock().Add(time.Hour)) {
				t.Errorf("paused until %s", until)
			}
			return err
		})
		w.pass(25 * time.Hour)
		if err := w.try("olga", good); err != nil {
			t.Errorf("a day later: %v", err)
		}
	})
}

func TestS3ManyAtOnceCountAsMany(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.admin("olga")
		var wrong, paused atomic.Int64
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				_, err := w.Password(context.Background(), Try{Name: "olga", Password: "wrong", Address: fmt.Sprintf("198.51.100.%d", i)})
				switch gatehouse.KindOf(err) {
				case gatehouse.Invalid:
					wrong.Add(1)
				case gatehouse.Limited:
					paused.Add(1)
				default:
					t.Errorf("%v", err)
				}
			})
		}
		all.Wait()
		if wrong.Load() != 5 || paused.Load() != 11 {
			t.Errorf("%d were compared, %d had to wait", wrong.Load(), paused.Load())
		}
	})
}

// TestS3OneAddressIsSlowed: whoever tries many names from one network.
func TestS3OneAddressIsSlowed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.admin("olga")
		for i := range 29 {
			if _, err := w.Password(t.Context(), Try{Name: fmt.Sprintf("name%d", i), Password: "x", Address: fmt.Sprintf("2001:db8::%d", i)}); !errors.Is(err, gatehouse.Invalid) {
				t.Fatalf("try %d: %v", i, err)
			}
		}
		if _, err := w.Password(t.Context(), Try{Name: "olga", Password: good, Address: "2001:db8::ffff"}); err != nil {
			t.Fatalf("a right one takes only itself back: %v", err)
		}
		for i := range 2 {
			_, err := w.Password(t.Context(), Try{Name: fmt.Sprintf("more%d", i), Password: "x", Address: "2001:db8::1"})
			if want := []gatehouse.ErrorKind{gatehouse.Invalid, gatehouse.Limited}[i]; !errors.Is(err, want) {
				t.Errorf("%v, want %s", err, want)
			}
		}
		if _, err := w.Password(t.Context(), Try{Name: "olga", Password: good, Address: "2001:db8:0:1::1"}); err != nil {
			t.Errorf("another network: %v", err)
		}
	})
}

func TestPasswordIsKeptAnewWithThePresentCost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u := w.admin("olga")
		kept := func() (hash string) {
			w.update(func(tx *store.Tx) error {
				p, err := tx.Password(u.ID)
				hash = p.Hash
				return err
			})
			return hash
		}
		before := kept()
		if err := w.try("olga", good); err != nil || kept() != before {
			t.Errorf("with the same cost it stays: %v", err)
		}
		dearer := &Credentials{Store: w.Store, Clock: w.clock, URL: w.URL, Hasher: password.Hasher{Cost: password.Cost{Memory: 128, Passes: 1}}}
		if _, err := dearer.Password(t.Context(), Try{Name: "olga", Password: good}); err != nil {
			t.Fatal(err)
		}
		if kept() == before || w.try("olga", good) != nil {
			t.Error("it is not kept anew, or not the same password")
		}
	})
}

func TestNewPassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u := w.admin("olga.petrova")
		for _, bad := range []string{"short", "password1", "xx OLGA.Petrova xx"} {
			if _, err := w.NewPassword(t.Context(), u, bad); !errors.Is(err, gatehouse.Invalid) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		w.update(func(tx *store.Tx) error {
			if err := w.RemovePassword(tx, operator(), u.ID); err != nil {
				return err
			}
			if err := w.RemovePassword(tx, operator(), u.ID); !errors.Is(err, gatehouse.NotFound) {
				t.Errorf("again: %v", err)
			}
			return nil
		})
		if err := w.try("olga.petrova", good); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("removed: %v", err)
		}
		if len(w.events("password.set")) != 1 || len(w.events("password.removed")) != 1 {
			t.Error("the audit log lacks it")
		}
	})
}

// TestNext holds the pace against what it says.
func TestNext(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := pace{free: 2, first: time.Minute, longest: 3 * time.Minute, forget: time.Hour}
	for name, tt := range map[string]struct {
		before  gatehouse.Guesses
		may     bool
		count   int
		blocked time.Duration
	}{
		"First":       {gatehouse.Guesses{}, true, 1, 0},
		"Second":      {gatehouse.Guesses{Count: 1, LastAt: at}, true, 2, time.Minute},
		"Third":       {gatehouse.Guesses{Count: 2, LastAt: at}, true, 3, 2 * time.Minute},
		"Longest":     {gatehouse.Guesses{Count: 3, LastAt: at}, true, 4, 3 * time.Minute},
		"NoOverflow":  {gatehouse.Guesses{Count: 1 << 30, LastAt: at}, true, 1<<30 + 1, 3 * time.Minute},
		"InThePause":  {gatehouse.Guesses{Count: 2, LastAt: at, Until: at.Add(time.Millisecond)}, false, 2, time.Millisecond},
		"AtItsEnd":    {gatehouse.Guesses{Count: 2, LastAt: at, Until: at}, true, 3, 2 * time.Minute},
		"LongAgo":     {gatehouse.Guesses{Count: 9, LastAt: at.Add(-time.Hour)}, true, 1, 0},
		"NotLongAgo":  {gatehouse.Guesses{Count: 2, LastAt: at.Add(-time.Hour + 1)}, true, 3, 2 * time.Minute},
		"LongAgoBut…": {gatehouse.Guesses{Count: 9, LastAt: at.Add(-time.Hour), Until: at.Add(1)}, false, 9, 1},
	} {
		after, may := p.next(tt.before, at)
		left := time.Duration(0)
		if after.Until.After(at) {
			left = after.Until.Sub(at)
		}
		if may != tt.may || after.Count != tt.count || left != tt.blocked {
			t.Errorf("%s: %t, %+v", name, may, after)
		}
	}
}
