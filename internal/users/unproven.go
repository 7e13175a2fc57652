package users

import (
	"fmt"
	"slices"

	"gatehouse"
	"gatehouse/internal/store"
)

// Credentials are what users sign in with besides identities.
type Credentials interface {
	// EndAll takes all of them from a user.
	EndAll(tx *store.Tx, by gatehouse.Actor, userID string) error
	// HasWayIn says whether a user can sign in by one of them.
	HasWayIn(tx *store.Tx, userID string) (bool, error)
}

// provesAddress says whether connecting the identity is what first proves that
// the account's address is its owner's.
func (q question) provesAddress(user gatehouse.User) bool {
	p := q.vouched.Profile
	return !user.EmailVerified && user.Email == p.Email && q.vouchedFor() && q.free(user.ID)
}

// endUnproven ends what could get into an account until now, before an identity
// is added that proves its address: anybody may have made the account beforehand
// with an address that was not theirs, to share it with whoever comes. What the
// person has in hand stays: the session by which they connect the identity, and
// a password or passkey if that session began with it.
func (u *Users) endUnproven(tx *store.Tx, by gatehouse.Actor, v *verdict, o EnsureOptions) error {
	id := v.user.ID
	sessions, err := tx.Sessions(id)
	if err != nil {
		return fmt.Errorf("read the sessions of user %s: %w", id, err)
	}
	shown := slices.ContainsFunc(sessions, func(s gatehouse.Session) bool {
		return s.ID == o.SessionID && (s.Method == "password" || s.Method == "passkey")
	})
	if u.Credentials != nil && !shown {
		if err := u.Credentials.EndAll(tx, by, id); err != nil {
			return fmt.Errorf("end the credentials of user %s: %w", id, err)
		}
	}
	if _, err := tx.EndSessions(id, o.SessionID); err != nil {
		return fmt.Errorf("end the sessions of user %s: %w", id, err)
	}
	if err := tx.RevokeUserTokens(id, ""); err != nil {
		return fmt.Errorf("revoke the tokens of user %s: %w", id, err)
	}
	v.Facts["address_was_unproven"] = "yes"
	return record(tx, by, "user.address_proven", id, map[string]string{"decision": v.ID, "credentials_ended": yes(!shown)})
}
