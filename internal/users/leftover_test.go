package users

import (
	"errors"
	"slices"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// TestAccountsThatNobodyApprovedGo: only those, only when all their requests ran
// out a day ago, and whoever comes again is a newcomer with another number.
func TestAccountsThatNobodyApprovedGo(t *testing.T) {
	t.Parallel()
	clocked(t, func(t *testing.T, s *store.Store, now *time.Time) {
		h := newHouse(t, s, "gitlab", waiting)
		h.ApprovalTime = time.Hour
		ann, _ := h.come(person("1", "ann", "ann@x.org", ""), "")
		late, _ := h.come(person("2", "late", "", ""), "")
		asking, _ := h.come(person("3", "asking", "", ""), "")
		denied, _ := h.come(person("4", "denied", "", ""), "")
		waits := func(u gatehouse.User) {
			h.update(func(tx *store.Tx) error {
				return h.AskApproval(tx, u, h.c, "")
			})
		}
		forget := func() (n int) {
			h.update(func(tx *store.Tx) (err error) {
				if _, err = h.ExpireApprovals(tx, 10); err == nil {
					n, err = h.RemoveLeftovers(tx, 10)
				}
				return err
			})
			return n
		}
		h.update(func(tx *store.Tx) error { return h.Deny(tx, operator, denied.ID, Answer{}) })
		*now = now.Add(time.Hour)
		if n := forget(); n != 0 {
			t.Errorf("%d went as soon as their requests ran out", n)
		}
		h.update(func(tx *store.Tx) error { return h.Approve(tx, operator, late.ID, Answer{}) })
		*now = now.Add(LeftoverTime - time.Minute)
		waits(asking)
		*now = now.Add(time.Minute)
		if n, again := forget(), forget(); n != 1 || again != 0 {
			t.Errorf("%d went, then %d; want ann alone", n, again)
		}
		err := s.View(t.Context(), func(tx *store.Tx) error {
			if _, err := tx.User(ann.ID); !errors.Is(err, gatehouse.NotFound) {
				t.Errorf("ann: %v", err)
			}
			if _, err := tx.Identity(h.c.ID, "1"); !errors.Is(err, gatehouse.NotFound) {
				t.Errorf("her identity: %v", err)
			}
			for _, u := range []gatehouse.User{late, asking, denied} {
				if _, err := tx.User(u.ID); err != nil {
					t.Errorf("%s: %v", u.Username, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := h.actions(ann.ID); !slices.Contains(got, "user.removed") || !slices.Contains(got, "approval.expired") {
			t.Errorf("audit: %v", got)
		}
		again, d := h.come(person("1", "ann", "ann@x.org", ""), "")
		if d.Outcome != gatehouse.OutcomePending || again.ID == ann.ID || again.Number <= denied.Number {
			t.Errorf("ann comes again: %s, number %d", d.Outcome, again.Number)
		}
		*now = now.Add(time.Hour + LeftoverTime)
		forget()
		if got := h.stored(late.ID).State; got != gatehouse.UserActive {
			t.Errorf("who was approved late is %s", got)
		}
	})
}
