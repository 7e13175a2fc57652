package users

import (
	"fmt"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/users/names"
)

// Block keeps a user out: the sessions, tokens and codes of the user end in the
// same transaction (ASVS 7.4.2). Nobody blocks himself, nor the last
// administrator. Blocking a blocked user does nothing.
func (u *Users) Block(tx *store.Tx, by gatehouse.Actor, userID string) error {
	user, err := tx.User(userID)
	if err != nil {
		return fmt.Errorf("read user %s: %w", userID, err)
	}
	switch {
	case user.State == gatehouse.UserBlocked:
		return nil
	case user.State == gatehouse.UserLeft:
		return gatehouse.Errorf(gatehouse.Conflict, "%s has left, and cannot get in anyway.", user.Name)
	case user.State == gatehouse.UserMerged:
		return merged(user)
	case by.Kind == gatehouse.ActorUser && by.ID == userID:
		return gatehouse.Errorf(gatehouse.Forbidden, "You cannot block yourself. Ask another administrator.")
	}
	if err := u.keepsAdministrator(tx, user); err != nil {
		return err
	}
	if err := setState(tx, by, user, gatehouse.UserBlocked, "user.blocked"); err != nil {
		return err
	}
	if err := settle(tx, by, userID, gatehouse.VerdictDenied); err != nil {
		return err
	}
	return endAccess(tx, userID)
}

// endAccess ends what a user holds to get in with: sessions, tokens, codes.
func endAccess(tx *store.Tx, userID string) error {
	if _, err := tx.EndSessions(userID, ""); err != nil {
		return fmt.Errorf("end the sessions of user %s: %w", userID, err)
	}
	if err := tx.RevokeUserTokens(userID, ""); err != nil {
		return fmt.Errorf("revoke the tokens of user %s: %w", userID, err)
	}
	return nil
}

// keepsAdministrator refuses to take the last one who could put things right.
func (u *Users) keepsAdministrator(tx *store.Tx, user gatehouse.User) error {
	if user.Role != gatehouse.RoleSuperAdministrator || user.State != gatehouse.UserActive {
		return nil
	}
	admins, err := administrators(tx)
	if err != nil {
		return err
	}
	if len(admins) < 2 {
		return gatehouse.Errorf(gatehouse.Conflict, "%s is the only administrator. Make somebody else administrator first.", user.Name)
	}
	return nil
}

// administrators lists the active super administrators.
func administrators(tx *store.Tx) ([]gatehouse.User, error) {
	var all []gatehouse.User
	for c := (store.Cursor{Limit: 200}); ; {
		page, err := tx.Users(store.UserFilter{State: gatehouse.UserActive, Role: gatehouse.RoleSuperAdministrator}, c)
		if err != nil {
			return nil, fmt.Errorf("read the administrators: %w", err)
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		c.After = page.Next
	}
}

// Unblock lets a blocked user in again. Another user who is not blocked stays
// as they are.
func (u *Users) Unblock(tx *store.Tx, by gatehouse.Actor, userID string) error {
	user, err := tx.User(userID)
	if err != nil {
		return fmt.Errorf("read user %s: %w", userID, err)
	}
	switch user.State {
	case gatehouse.UserActive:
		return nil
	case gatehouse.UserBlocked:
		return setState(tx, by, user, gatehouse.UserActive, "user.unblocked")
	case gatehouse.UserPending, gatehouse.UserLeft, gatehouse.UserMerged:
	}
	return notOpened(user)
}

// notOpened says why an account is not opened this way.
func notOpened(user gatehouse.User) error {
	switch user.State {
	case gatehouse.UserPending:
		return gatehouse.Errorf(gatehouse.Conflict, "%s is not blocked, but waits for approval. Approve the account instead.", user.Name)
	case gatehouse.UserBlocked:
		return gatehouse.Errorf(gatehouse.Conflict, "%s does not wait for approval, but was blocked in the meantime. Unblock the account instead.", user.Name)
	case gatehouse.UserMerged:
		return merged(user)
	case gatehouse.UserActive, gatehouse.UserLeft:
	}
	return gatehouse.Errorf(gatehouse.Conflict, "%s has left. An account of somebody who left is not opened again this way.", user.Name)
}

func merged(user gatehouse.User) error {
	return gatehouse.Errorf(gatehouse.Conflict, "%s was merged into another account. Choose that one, or split the two first.", user.Name)
}

func setState(tx *store.Tx, by gatehouse.Actor, user gatehouse.User, to gatehouse.UserState, action string) error {
	from := user.State
	user.State = to
	if err := tx.SaveUser(&user); err != nil {
		return fmt.Errorf("save user %s: %w", user.ID, err)
	}
	return record(tx, by, action, user.ID, map[string]string{"from": string(from), "to": string(to)})
}

// New is an account that is made by hand: no connection vouches for it.
type New struct {
	Username string // wished; a suffix is added when it is taken. Reserved names are allowed
	Exactly  bool   // the username as it is, or a Conflict
	Name     string // "": the username
	Email    string // "": none
	// EmailVerified says that whoever makes the account vouches for the address:
	// then a connection that may link by address finds the account by it.
	EmailVerified bool
	Role          gatehouse.AdminRole
}

// Make makes an active account by hand. It has no identity; its owner connects
// one, or is given a password. An address that cannot be one is Invalid, one that is verified for
// somebody else a Conflict.
func (u *Users) Make(tx *store.Tx, by gatehouse.Actor, n New) (gatehouse.User, error) {
	wanted := names.Sanitize(n.Username)
	if wanted == "" {
		return gatehouse.User{}, gatehouse.Errorf(gatehouse.Invalid, "The username %q cannot be used. Use letters, digits, _, . and -, with a letter among them.", n.Username)
	}
	username, err := wanted, error(nil)
	if !n.Exactly {
		username, err = pickUsername(wanted, wanted, tx.UsernamesTaken)
	} else if wanted != n.Username {
		err = gatehouse.Errorf(gatehouse.Invalid, "The username %q cannot be used as it is. Take %s, or another one of small letters, digits, _, . and -.", n.Username, wanted)
	}
	if err != nil {
		return gatehouse.User{}, fmt.Errorf("find a username: %w", err)
	}
	if !knownRole(n.Role) {
		return gatehouse.User{}, gatehouse.Errorf(gatehouse.Invalid, "There is no role %s. Choose one of the list.", n.Role)
	}
	email := cleanEmail(n.Email)
	if email == "" && n.Email != "" {
		return gatehouse.User{}, gatehouse.Errorf(gatehouse.Invalid, "The address %q cannot be used. Check it for mistakes.", n.Email)
	}
	user := gatehouse.User{
		Username: username, Name: cleanText(n.Name), Email: email, EmailVerified: n.EmailVerified && email != "",
		Role: n.Role, State: gatehouse.UserActive,
	}
	if user.Name == "" {
		user.Name = username
	}
	if err := tx.SaveUser(&user); err != nil {
		return gatehouse.User{}, fmt.Errorf("save the new user: %w", err)
	}
	return user, record(tx, by, "user.created", user.ID, map[string]string{"username": username, "role": string(n.Role), "by_hand": "yes"})
}

// Stranded says whether nobody could get to the dashboard by signing in: there
// is no active super administrator, or none of them has an identity, a password
// or a passkey that lets people in. Then one who can read the console may claim it. The user is an
// administrator who was made by hand before and would otherwise be locked out;
// zero when there is none.
func (u *Users) Stranded(tx *store.Tx) (bool, gatehouse.User, error) {
	admins, err := administrators(tx)
	if err != nil {
		return false, gatehouse.User{}, err
	}
	var local gatehouse.User
	for _, a := range admins {
		in, err := u.wayIn(tx, a.ID)
		if err != nil || in {
			return false, gatehouse.User{}, err
		}
		if a.Provenance == "" {
			local = a
		}
	}
	return true, local, nil
}

func (u *Users) wayIn(tx *store.Tx, userID string) (bool, error) {
	if u.Credentials != nil {
		if in, err := u.Credentials.HasWayIn(tx, userID); err != nil || in {
			return in, err
		}
	}
	identities, err := tx.Identities(userID)
	if err != nil {
		return false, fmt.Errorf("read the identities of user %s: %w", userID, err)
	}
	for _, i := range identities {
		c, err := tx.Connection(i.ConnectionID)
		if err != nil {
			return false, fmt.Errorf("read connection %s: %w", i.ConnectionID, err)
		}
		if c.Enabled && !c.Rules.LinkOnly {
			return true, nil
		}
	}
	return false, nil
}
