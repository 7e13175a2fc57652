// Package credentials is what people prove themselves by to Gatehouse itself,
// without a provider: passwords, authenticator apps, recovery codes and
// passkeys. Guessing is slowed, nothing is told about who has what, and every
// code and challenge counts once.
package credentials

import (
	"fmt"

	"gatehouse"
	"gatehouse/internal/store"
)

// Credentials keeps and checks what people prove themselves by. It is used by
// pointer and is safe for concurrent use.
type Credentials struct {
	Store *store.Store
	Clock gatehouse.Clock
}

// HasWayIn says whether a user can sign in without a provider: by a password or
// a passkey. A user who may not is never without it the last way in.
func (c *Credentials) HasWayIn(tx *store.Tx, userID string) (bool, error) {
	user, err := tx.User(userID)
	if err != nil {
		return false, fmt.Errorf("read user %s: %w", userID, err)
	}
	ways, err := tx.LocalWays(userID)
	if err != nil {
		return false, fmt.Errorf("read the credentials of user %s: %w", userID, err)
	}
	return user.Role != gatehouse.RoleNone && (ways.Password || ways.Passkeys > 0) || ways.ByHand, nil
}

// EndAll takes away whatever a user can prove themselves by here: the account
// goes to somebody who proved it otherwise, or nobody is to use it any more.
func (c *Credentials) EndAll(tx *store.Tx, by gatehouse.Actor, userID string) error {
	any, err := tx.EndCredentials(userID)
	if err != nil {
		return fmt.Errorf("end the credentials of user %s: %w", userID, err)
	}
	if !any {
		return nil
	}
	if err := tx.Record(gatehouse.Event{Actor: by, Action: "credentials.ended", Target: "user/" + userID}); err != nil {
		return fmt.Errorf("record credentials.ended: %w", err)
	}
	return nil
}
