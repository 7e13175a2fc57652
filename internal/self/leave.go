package self

import (
	"fmt"

	"gatehouse"
	"gatehouse/internal/store"
)

// Leave closes an account for good, in one transaction: sessions, tokens,
// consents, identities, credentials and addresses go; name, picture and language
// are forgotten. What stays is the number and the username, so that nobody else
// is ever taken for this person, and the audit log. The last administrator cannot
// leave, and nobody can where the operator does not want it. A user who has left
// already is left alone.
//
// Whoever signs in later with the same outside account is a newcomer.
func (s *Self) Leave(tx *store.Tx, by gatehouse.Actor, userID string) error {
	user, err := tx.User(userID)
	if err != nil {
		return fmt.Errorf("read user %s: %w", userID, err)
	}
	if user.State == gatehouse.UserLeft {
		return nil
	}
	if err := s.MayLeave(tx, user); err != nil {
		return err
	}
	// The mail is written before the address is forgotten.
	if err := s.goodbye(tx, user); err != nil {
		return err
	}
	if err := s.endAll(tx, by, userID); err != nil {
		return err
	}
	from := user.State
	user.State, user.Role = gatehouse.UserLeft, gatehouse.RoleNone
	user.Name, user.Avatar, user.Locale = user.Username, "", ""
	user.JobTitle, user.Organization, user.Location = "", "", ""
	user.Email, user.EmailVerified = "", false
	if err := tx.SaveUser(&user); err != nil {
		return fmt.Errorf("save user %s: %w", userID, err)
	}
	tx.OnCommit(func() { s.count("user_left") })
	return record(tx, by, "user.left", userID, map[string]string{"from": string(from)})
}

// MayLeave says whether a user may delete their account: nil, Forbidden where
// people do not do that themselves, or a Conflict with what is to be done first.
func (s *Self) MayLeave(tx *store.Tx, user gatehouse.User) error {
	if s.KeepAccounts {
		return gatehouse.Errorf(gatehouse.Forbidden, "People do not delete their accounts themselves here. Ask an administrator.")
	}
	return s.Users.MayLeave(tx, user)
}

func (s *Self) goodbye(tx *store.Tx, user gatehouse.User) error {
	return s.warnPrimary(tx, user, gatehouse.Notef("Your account was deleted"),
		gatehouse.Notef("The account @%s was deleted as you asked. You are signed out everywhere, and no application may act for you any more.", user.Username))
}

// endAll ends everything by which the account could be used or the person found.
func (s *Self) endAll(tx *store.Tx, by gatehouse.Actor, userID string) error {
	if _, err := tx.EndSessions(userID, ""); err != nil {
		return fmt.Errorf("end the sessions of user %s: %w", userID, err)
	}
	if err := tx.ForgetBrowsers(userID); err != nil {
		return fmt.Errorf("forget the browsers of user %s: %w", userID, err)
	}
	if err := tx.RevokeUserTokens(userID, ""); err != nil {
		return fmt.Errorf("revoke the tokens of user %s: %w", userID, err)
	}
	consents, err := tx.Consents(userID)
	if err != nil {
		return fmt.Errorf("read the consents of user %s: %w", userID, err)
	}
	for _, c := range consents {
		if err := tx.DeleteConsent(userID, c.ClientID); err != nil {
			return fmt.Errorf("delete a consent of user %s: %w", userID, err)
		}
	}
	if s.Credentials != nil {
		if err := s.Credentials.EndAll(tx, by, userID); err != nil {
			return err
		}
	}
	identities, err := tx.Identities(userID)
	if err != nil {
		return fmt.Errorf("read the identities of user %s: %w", userID, err)
	}
	for _, i := range identities {
		if err := s.drop(tx, i); err != nil {
			return err
		}
	}
	return forgetAddresses(tx, userID)
}

func forgetAddresses(tx *store.Tx, userID string) error {
	emails, err := tx.Emails(userID)
	if err != nil {
		return fmt.Errorf("read the addresses of user %s: %w", userID, err)
	}
	for _, e := range emails {
		if err := tx.DeleteEmail(userID, e.Address); err != nil {
			return fmt.Errorf("remove an address of user %s: %w", userID, err)
		}
	}
	return nil
}
