package access

import (
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// TestFindings: a pull that is done has the findings of its app worked out, after
// its accounts were matched; what is answered stays answered until its time.
func TestFindings(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := newBench(t, s, &play{failAt: -1, pages: []integration.Page{{
			Accounts:  []gatehouse.Account{{ID: "1", Username: "li", Email: "li@company.test", EmailVerified: true, State: "active", Type: gatehouse.AccountPerson}, {ID: "2", Username: "wang", State: "active", Type: gatehouse.AccountPerson}},
			Resources: []gatehouse.Resource{{ID: "group/1", Kind: gatehouse.ResourceGroup, Path: "top"}},
		}}})
		b.update(func(tx *store.Tx) error {
			return tx.SaveUser(&gatehouse.User{Username: "li", Email: "li@company.test", EmailVerified: true, State: gatehouse.UserBlocked})
		})
		b.update(func(tx *store.Tx) error {
			if err := b.service.FindNow(tx, gatehouse.Actor{Kind: gatehouse.ActorUser, Name: "Ann"}, b.connector); gatehouse.KindOf(err) != gatehouse.Conflict {
				t.Errorf("before anything was read: %v", err)
			}
			_, err := b.service.SyncNow(tx, gatehouse.Actor{Kind: gatehouse.ActorUser, Name: "Ann"}, b.connector)
			return err
		})
		if got := b.wait("access.findings"); got != "done" {
			t.Fatal(got)
		}
		list := func(f store.FindingFilter) (found []gatehouse.Finding, words string) {
			t.Helper()
			b.update(func(tx *store.Tx) error {
				page, err := tx.Findings(f, store.Cursor{})
				found = page.Items
				return err
			})
			for _, f := range found {
				words += string(f.Kind) + ":" + f.Subject + " "
			}
			return found, words
		}
		found, words := list(store.FindingFilter{State: store.FindingOpen})
		if len(found) != 3 || !strings.Contains(words, "left:li ") || !strings.Contains(words, "orphaned:wang ") || !strings.Contains(words, "ownerless:top ") {
			t.Fatalf("findings %s", words)
		}
		b.update(func(tx *store.Tx) error {
			by, now := gatehouse.Actor{Kind: gatehouse.ActorUser, Name: "Ann"}, tx.Now()
			for name, try := range map[string]struct {
				reason string
				until  time.Time
			}{
				"without a reason": {" ", now.Add(time.Hour)}, "with a long one": {strings.Repeat("x", LongestReason+1), now.Add(time.Hour)},
				"to the past": {"known", now}, "for ever": {"known", now.Add(LongestAnswer + time.Hour)},
			} {
				if err := b.service.Acknowledge(tx, by, found[0].ID, try.reason, try.until); gatehouse.KindOf(err) != gatehouse.Invalid {
					t.Errorf("acknowledged %s: %v", name, err)
				}
			}
			if err := b.service.Acknowledge(tx, by, "nothing", "known", now.Add(time.Hour)); gatehouse.KindOf(err) != gatehouse.NotFound {
				t.Errorf("a finding that is not there: %v", err)
			}
			return b.service.Acknowledge(tx, by, found[0].ID, "known", now.Add(time.Hour))
		})
		if err := b.service.Find(t.Context(), b.connector); err != nil {
			t.Fatal(err)
		}
		answered, _ := list(store.FindingFilter{State: store.FindingAnswered})
		if len(answered) != 1 || answered[0].ID != found[0].ID || answered[0].Answer.By != "Ann" || answered[0].Answer.Reason != "known" {
			t.Errorf("answered: %+v", answered)
		}
		b.update(func(tx *store.Tx) error {
			return b.service.Reopen(tx, gatehouse.Actor{Kind: gatehouse.ActorUser, Name: "Ann"}, found[0].ID)
		})
		if open, _ := list(store.FindingFilter{State: store.FindingOpen}); len(open) != 3 {
			t.Errorf("%d are open again", len(open))
		}
		b.update(func(tx *store.Tx) error {
			events, err := tx.Events(store.EventFilter{}, store.Cursor{})
			actions := ""
			for _, e := range events.Items {
				actions += e.Action + " "
			}
			if !strings.Contains(actions, "finding.reopened finding.acknowledged ") {
				t.Errorf("audited %s", actions)
			}
			return err
		})
	})
}
