package users

import (
	"fmt"

	"gatehouse"
	"gatehouse/internal/mail"
	"gatehouse/internal/store"
)

// Invitable finds a user to whom a one-time link may be given: an active one who
// has no way to sign in yet. Whoever has one uses that, so that a link is no way
// into somebody else's account: it is a Conflict.
func (u *Users) Invitable(tx *store.Tx, userID string) (gatehouse.User, error) {
	user, err := tx.User(userID)
	if err != nil {
		return user, fmt.Errorf("read user %s: %w", userID, err)
	}
	if user.State != gatehouse.UserActive {
		return user, gatehouse.Errorf(gatehouse.Conflict, "%s cannot sign in now, so a link would be of no use. Open the account first.", user.Name)
	}
	in, err := u.wayIn(tx, userID)
	if err != nil {
		return user, err
	}
	if in {
		return user, gatehouse.Errorf(gatehouse.Conflict, "%s has a way to sign in already, and needs no link.", user.Name)
	}
	return user, nil
}

// MailInvite writes to a user with the address that signs them in once.
func (u *Users) MailInvite(tx *store.Tx, user gatehouse.User, address string) error {
	if user.Email == "" {
		return gatehouse.Errorf(gatehouse.Conflict, "%s has no address to write to. Give them the link another way.", user.Name)
	}
	m := mail.Message{
		To: user.Email, Locale: user.Locale, Link: address,
		Subject: gatehouse.Notef("An account was made for you"),
		Body: []gatehouse.Note{
			gatehouse.Notef("An administrator made the account %s for you.", user.Username),
			gatehouse.Notef("The link signs you in once, within seven days. Connect a way to sign in on the page that it opens."),
		},
		Button: gatehouse.Notef("Open my account"),
	}
	if err := mail.Send(tx, m); err != nil {
		return fmt.Errorf("write to user %s: %w", user.ID, err)
	}
	return nil
}
