package users

import (
	"strings"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/users/names"
)

// CheckUsername gives the form in which a username that a person chose is kept,
// or says why it cannot be one. Whether somebody else has it, only the store knows.
func CheckUsername(wanted string) (string, error) {
	name := strings.ToLower(strings.TrimSpace(wanted))
	switch {
	case isReserved(name):
		return "", gatehouse.Errorf(gatehouse.Invalid, "The username %s is reserved. Choose another one.", name)
	case name == "" || names.Sanitize(name) != name:
		return "", gatehouse.Errorf(gatehouse.Invalid, "A username has 2 to %d small letters (a to z), digits, _ . or -, with a letter among them and no sign doubled or at an end. Choose another one.", names.Longest)
	}
	return name, nil
}

// MayLeave says whether a user can go without locking everybody out: nil, or a
// Conflict when they are the last administrator.
func (u *Users) MayLeave(tx *store.Tx, user gatehouse.User) error {
	return u.keepsAdministrator(tx, user)
}
