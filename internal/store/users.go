package store

import "gatehouse"

// User finds a user by id.
func (tx *Tx) User(id string) (gatehouse.User, error) { panic("todo") }

// UserByNumber finds a user by number.
func (tx *Tx) UserByNumber(n int64) (gatehouse.User, error) { panic("todo") }

// UserByUsername finds a user by username, without regard to case.
func (tx *Tx) UserByUsername(name string) (gatehouse.User, error) { panic("todo") }

// UsersByEmail finds the users with a primary address, without regard to case,
// verified by us or not. Two unverified users may have the same address; only one may have it verified.
func (tx *Tx) UsersByEmail(email string) ([]gatehouse.User, error) { panic("todo") }

// UsernameTaken says which of the names are taken, without regard to case.
func (tx *Tx) UsernamesTaken(names []string) (map[string]bool, error) { panic("todo") }

// SaveUser inserts (ID == "": id, number and times are filled in) or updates a
// user. A username or verified address that somebody else has is a Conflict.
func (tx *Tx) SaveUser(u *gatehouse.User) error { panic("todo") }

// UserFilter chooses users.
type UserFilter struct {
	Search string // part of name, username or address
	State  gatehouse.UserState
	Role   gatehouse.AdminRole
}

// Users lists users, the newest first.
func (tx *Tx) Users(f UserFilter, c Cursor) (Page[gatehouse.User], error) { panic("todo") }

// CountUsers counts users by state.
func (tx *Tx) CountUsers() (map[gatehouse.UserState]int64, error) { panic("todo") }

// AnyAdministrator says whether an active super administrator exists.
func (tx *Tx) AnyAdministrator() (bool, error) { panic("todo") }

// Identity finds an identity by its connection and subject, byte for byte.
func (tx *Tx) Identity(connectionID, subject string) (gatehouse.Identity, error) { panic("todo") }

// IdentityByAlias finds an identity by another id of the person at the same connection.
func (tx *Tx) IdentityByAlias(connectionID, kind, value string) (gatehouse.Identity, error) {
	panic("todo")
}

// Identities lists the identities of a user, the oldest first.
func (tx *Tx) Identities(userID string) ([]gatehouse.Identity, error) { panic("todo") }

// SaveIdentity inserts (ID == "") or updates an identity with its aliases. One
// that somebody else has is a Conflict.
func (tx *Tx) SaveIdentity(i *gatehouse.Identity) error { panic("todo") }

// DeleteIdentity removes an identity.
func (tx *Tx) DeleteIdentity(id string) error { panic("todo") }
