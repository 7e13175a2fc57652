// Package credentials is what people prove themselves by to Gatehouse itself,
// without a provider: passwords, authenticator apps, recovery codes and
// passkeys. Guessing is slowed, nothing is told about who has what, and every
// code and challenge counts once.
package credentials

import (
	"fmt"

	"gatehouse"
	"gatehouse/internal/credentials/password"
	"gatehouse/internal/store"
)

// Credentials keeps and checks what people prove themselves by. It is used by
// pointer and is safe for concurrent use. Store and URL are needed.
type Credentials struct {
	Store   *store.Store
	Clock   gatehouse.Clock
	Metrics gatehouse.Metrics // nil: none
	URL     string            // what browsers see, without a slash at the end; passkeys belong to its host
	Rules   Rules
	Hasher  password.Hasher // the zero value has the usual cost
}

// Rules say who may sign in without a provider. The zero value is the usual:
// administrators and accounts made by hand may, once one of them can.
type Rules struct {
	Off            bool // nobody signs in without a provider
	Always         bool // the sign-in page offers it also when nobody can
	PasskeysForAll bool // everybody may sign in by a passkey
	OneFactor      bool // an administrator's password is enough, without an authenticator app
}

// Ways is what leads a user in without a provider.
type Ways struct{ Password, Passkey bool }

// ways says which of what a user has leads them in. Whoever comes by a provider
// has no password here, or one that is of no use (GitLab CVE-2022-1162).
func (r Rules) ways(u gatehouse.User, has gatehouse.LocalWays) Ways {
	local := u.Role != gatehouse.RoleNone || has.ByHand
	return Ways{
		Password: !r.Off && local && has.Password,
		Passkey:  !r.Off && (local || r.PasskeysForAll) && has.Passkeys > 0,
	}
}

// MayHavePassword says whether a user may set a password.
func (r Rules) MayHavePassword(u gatehouse.User, has gatehouse.LocalWays) bool {
	return !r.Off && (u.Role != gatehouse.RoleNone || has.ByHand)
}

// NeedsSecond says whether the password of a user is not enough.
func (r Rules) NeedsSecond(u gatehouse.User, has gatehouse.LocalWays) bool {
	return has.Authenticator || u.Role != gatehouse.RoleNone && !r.OneFactor
}

// WaysIn says what leads a user in without a provider.
func (c *Credentials) WaysIn(tx *store.Tx, userID string) (Ways, error) {
	user, err := tx.User(userID)
	if err != nil {
		return Ways{}, fmt.Errorf("read user %s: %w", userID, err)
	}
	has, err := tx.LocalWays(userID)
	if err != nil {
		return Ways{}, fmt.Errorf("read the credentials of user %s: %w", userID, err)
	}
	return c.Rules.ways(user, has), nil
}

// HasWayIn says whether a user can sign in without a provider: by a password or
// a passkey. One who cannot must not lose the last identity.
func (c *Credentials) HasWayIn(tx *store.Tx, userID string) (bool, error) {
	w, err := c.WaysIn(tx, userID)
	return w.Password || w.Passkey, err
}

// Offered says whether the sign-in page offers to sign in without a provider.
func (c *Credentials) Offered(tx *store.Tx) (bool, error) {
	if c.Rules.Off || c.Rules.Always {
		return c.Rules.Always, nil
	}
	return tx.AnyLocal(c.Rules.PasskeysForAll)
}

// EndAll takes away whatever a user can prove themselves by here: the account
// goes to somebody who proved it otherwise, or nobody is to use it any more.
func (c *Credentials) EndAll(tx *store.Tx, by gatehouse.Actor, userID string) error {
	some, err := tx.EndCredentials(userID)
	if err != nil {
		return fmt.Errorf("end the credentials of user %s: %w", userID, err)
	}
	if !some {
		return nil
	}
	return record(tx, by, "credentials.ended", userID, nil)
}

func record(tx *store.Tx, by gatehouse.Actor, action, userID string, details map[string]string) error {
	if err := tx.Record(gatehouse.Event{Actor: by, Action: action, Target: "user/" + userID, Details: details}); err != nil {
		return fmt.Errorf("record %s: %w", action, err)
	}
	return nil
}

func (c *Credentials) count(method, outcome string) {
	if c.Metrics != nil {
		c.Metrics.Count("local_proof", "method", method, "outcome", outcome)
	}
}
