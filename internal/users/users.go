// Package users decides how a person comes to be known: who signs in, whose
// account an identity belongs to, when a new account is made and when it has to
// wait for approval. Every decision is kept with the rule that spoke, so that
// the person and the administrator can both read why.
package users

import (
	"log/slog"

	"gatehouse"
	"gatehouse/internal/store"
)

// Users applies the rules for people. It is used by pointer and is safe for
// concurrent use.
type Users struct {
	Store   *store.Store
	Clock   gatehouse.Clock
	Log     *slog.Logger      // nil: discard
	Metrics gatehouse.Metrics // nil: none
	// Admins are the addresses that administer. They count only where the
	// address is verified (see Ensure).
	Admins []string
}

// EnsureOptions is what Ensure should know besides the person.
type EnsureOptions struct {
	Address    string // the browser's IP address, for the decision and the audit log
	LinkUserID string // the signed-in user who connects this identity; "" = a sign-in
}

// Ensure finds, links or makes the user whom a connection vouches for, by the
// connection's rules, and keeps the Decision. A refusal is not an error:
// Decision.Outcome tells it, and the User is the one that was found, if any.
func (u *Users) Ensure(tx *store.Tx, c gatehouse.Connection, v gatehouse.Vouched, o EnsureOptions) (gatehouse.User, gatehouse.Decision, error) {
	panic("todo")
}

// Block keeps a user out: the sessions, tokens and codes of the user end in
// the same transaction.
func (u *Users) Block(tx *store.Tx, by gatehouse.Actor, userID string) error { panic("todo") }

// Unblock lets a blocked user in again.
func (u *Users) Unblock(tx *store.Tx, by gatehouse.Actor, userID string) error { panic("todo") }

// Approve lets a user in who waited for approval.
func (u *Users) Approve(tx *store.Tx, by gatehouse.Actor, userID string) error { panic("todo") }

// MakeAdmin gives a user the role super_administrator.
func (u *Users) MakeAdmin(tx *store.Tx, by gatehouse.Actor, userID string) error { panic("todo") }

// New is an account that is made by hand: no connection vouches for it.
type New struct {
	Username string // wished; a suffix is added when it is taken. Reserved names are allowed
	Name     string
	Role     gatehouse.AdminRole
}

// Make makes an active account by hand.
func (u *Users) Make(tx *store.Tx, by gatehouse.Actor, n New) (gatehouse.User, error) { panic("todo") }
