package users

import (
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// TestPreviewWritesNothing: it says what Ensure decides then.
func TestPreviewWritesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s, "gitlab", creating)
		for _, v := range []gatehouse.Vouched{{}, person("7", "alice", "alice@example.com", gatehouse.Verified)} {
			var before gatehouse.Decision
			h.update(func(tx *store.Tx) (err error) {
				before, err = h.Preview(tx, h.c, v)
				if page, _ := tx.Decisions("", store.Cursor{}); len(page.Items) != 0 {
					t.Errorf("a preview was kept: %+v", page.Items)
				}
				if page, _ := tx.Users(store.UserFilter{}, store.Cursor{}); len(page.Items) != 0 {
					t.Errorf("a preview made somebody: %+v", page.Items)
				}
				return err
			})
			if before.Reference != "" || before.Reason == "" {
				t.Errorf("preview %+v", before)
			}
			if v.Subject == "" {
				continue
			}
			if _, d := h.come(v, ""); d.Rule != before.Rule || d.Outcome != before.Outcome || d.Reason != before.Reason {
				t.Errorf("decided %s by %s, previewed %s by %s", d.Outcome, d.Rule, before.Outcome, before.Rule)
			}
		}
	})
}
