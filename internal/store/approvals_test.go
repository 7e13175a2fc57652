package store_test

import (
	"slices"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestApprovals(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
		first := gatehouse.Approval{
			UserID: ann.ID, ConnectionID: "c", Message: "Guten Tag\n你好", ExpiresAt: noon.Add(time.Hour),
		}
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.Approval(ann.ID)
			is(t, err, gatehouse.NotFound)
			is(t, tx.SaveApproval(&first), "")
			is(t, tx.SaveApproval(&gatehouse.Approval{UserID: ann.ID}), gatehouse.Conflict)
			is(t, tx.SaveApproval(&gatehouse.Approval{ID: "none", UserID: bob.ID}), gatehouse.NotFound)
			return nil
		})
		if first.ID == "" || !first.RequestedAt.Equal(noon) {
			t.Errorf("not filled in: %+v", first)
		}
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.Approval(ann.ID)
			same(t, got, first)
			return err
		})
		update(t, s, func(tx *store.Tx) error {
			first.Verdict, first.Reason, first.DecidedBy, first.DecidedAt = gatehouse.VerdictDenied, "no", "boss", noon.Add(time.Minute)
			is(t, tx.SaveApproval(&first), "")
			again := gatehouse.Approval{UserID: ann.ID, RequestedAt: noon.Add(time.Second)}
			is(t, tx.SaveApproval(&again), "")
			got, err := tx.Approval(ann.ID)
			same(t, got, again)
			return err
		})
	})
}

func TestApprovalsByVerdict(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		names := map[string]string{}
		for name, a := range map[string]gatehouse.Approval{
			"waits":        {ExpiresAt: noon.Add(time.Millisecond)},
			"endless":      {},
			"over":         {ExpiresAt: noon},
			"marked":       {Verdict: gatehouse.VerdictExpired, ExpiresAt: noon.Add(-time.Hour)},
			"approved":     {Verdict: gatehouse.VerdictApproved},
			"denied":       {Verdict: gatehouse.VerdictDenied, ExpiresAt: noon.Add(-time.Hour)},
			"long ago":     {Verdict: gatehouse.VerdictApproved, RequestedAt: noon.Add(-2 * time.Hour)},
			"an hour over": {ExpiresAt: noon.Add(-time.Hour)},
		} {
			u := newUser(t, s, "u-"+name[:4]+name[len(name)-1:])
			names[u.ID] = name
			update(t, s, func(tx *store.Tx) error {
				a.UserID = u.ID
				return tx.SaveApproval(&a)
			})
		}
		view(t, s, func(tx *store.Tx) error {
			for _, c := range []struct {
				filter store.ApprovalFilter
				want   []string
			}{
				{store.ApprovalFilter{}, []string{"endless", "waits"}},
				{store.ApprovalFilter{Verdict: gatehouse.VerdictExpired}, []string{"an hour over", "marked", "over"}},
				{store.ApprovalFilter{Verdict: gatehouse.VerdictApproved}, []string{"approved", "long ago"}},
				{store.ApprovalFilter{Verdict: gatehouse.VerdictDenied}, []string{"denied"}},
			} {
				got := pages(t, func(c2 store.Cursor) (store.Page[gatehouse.Approval], error) { return tx.Approvals(c.filter, c2) },
					func(a gatehouse.Approval) string { return names[a.UserID] })
				same(t, sorted(got), c.want)
			}
			n, err := tx.CountApprovals()
			same(t, n, 2)
			is(t, err, "")
			n, err = tx.CountApprovalsSince(noon.Add(-time.Hour))
			same(t, n, 7)
			is(t, err, "")
			overdue, err := tx.OverdueApprovals(1)
			if len(overdue) != 1 || names[overdue[0].UserID] != "an hour over" {
				t.Errorf("the longest overdue is %+v", overdue)
			}
			return err
		})
	})
}

func sorted(words []string) []string {
	slices.Sort(words)
	return words
}

// TestUnansweredUsers: pending, and every request of theirs ran out by then.
func TestUnansweredUsers(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		asked := func(name string, state gatehouse.UserState, verdicts ...gatehouse.Verdict) gatehouse.User {
			u := newUser(t, s, name)
			u.State = state
			update(t, s, func(tx *store.Tx) error {
				for i, v := range verdicts {
					at := noon.Add(time.Duration(i-len(verdicts)) * time.Hour)
					if err := tx.SaveApproval(&gatehouse.Approval{UserID: u.ID, Verdict: v, RequestedAt: at, DecidedAt: at}); err != nil {
						return err
					}
				}
				return tx.SaveUser(&u)
			})
			return u
		}
		const expired = gatehouse.VerdictExpired
		gone := asked("gone", gatehouse.UserPending, expired, expired)
		asked("active", gatehouse.UserActive, expired)
		asked("answered", gatehouse.UserPending, gatehouse.VerdictApproved, expired)
		asked("open", gatehouse.UserPending, expired, gatehouse.VerdictOpen)
		asked("silent", gatehouse.UserPending)
		update(t, s, func(tx *store.Tx) error {
			for before, want := range map[time.Time]int{noon: 1, noon.Add(-90 * time.Minute): 0} {
				found, err := tx.UnansweredUsers(before, 10)
				if len(found) != want || want == 1 && found[0].ID != gone.ID {
					t.Errorf("before %s: %+v", before, found)
				}
				if err != nil {
					return err
				}
			}
			is(t, tx.DeleteUser(gone.ID), "")
			is(t, tx.DeleteUser(gone.ID), gatehouse.NotFound)
			_, err := tx.Approval(gone.ID)
			is(t, err, gatehouse.NotFound)
			return nil
		})
	})
}
