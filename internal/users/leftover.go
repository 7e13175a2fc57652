package users

import (
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// LeftoverTime is how long an account whose request for approval ran out is
// kept after that: the person can still see what became of it, and an
// administrator can still approve them.
const LeftoverTime = 24 * time.Hour

// RemoveLeftovers removes up to limit accounts that were never approved and whose
// requests ran out at least LeftoverTime ago, and says how many. Nothing of them
// is kept but the audit log and the decisions; the number is never given again.
// Whoever comes once more is a newcomer.
func (u *Users) RemoveLeftovers(tx *store.Tx, limit int) (int, error) {
	all, err := tx.UnansweredUsers(tx.Now().Add(-LeftoverTime), limit)
	if err != nil {
		return 0, fmt.Errorf("read the accounts that nobody approved: %w", err)
	}
	by := gatehouse.Actor{Kind: gatehouse.ActorJob, Name: "users.forget"}
	for _, user := range all {
		if err := tx.DeleteUser(user.ID); err != nil {
			return 0, fmt.Errorf("remove user %s: %w", user.ID, err)
		}
		if err := record(tx, by, "user.removed", user.ID, map[string]string{"username": user.Username, "reason": "never approved"}); err != nil {
			return 0, err
		}
	}
	tx.OnCommit(func() {
		for range all {
			u.count("user_removed")
		}
	})
	return len(all), nil
}
