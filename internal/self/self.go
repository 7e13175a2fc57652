// Package self is what people do with their own user: the addresses that mail
// reaches them by, their name, the accounts elsewhere that they sign in with, and
// leaving. What is decided here is done at once and stands in the audit log;
// whoever could be harmed by it gets a mail.
package self

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/internal/mail"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// Credentials are what users sign in with besides identities: credentials.Credentials.
type Credentials interface {
	// HasWayIn says whether the user can sign in by them.
	HasWayIn(tx *store.Tx, userID string) (bool, error)
	// EndAll takes all of them from a user.
	EndAll(tx *store.Tx, by gatehouse.Actor, userID string) error
}

// Tokens are what providers gave to act for people: provided.Provided.
type Tokens interface {
	Forget(tx *store.Tx, identityID string) error
}

// Self does what people ask for themselves. All fields are needed but those that
// say otherwise. That a sensitive act needs a fresh session is the pages' to ask.
type Self struct {
	Users       *users.Users
	Credentials Credentials // nil: nobody has any
	Tokens      Tokens      // nil: none are kept
	URL         string      // what browsers see, without a slash at the end
	// MayHave says whether an address may be added: nil, or an error with the
	// reason. nil: any.
	MayHave func(tx *store.Tx, address string) error
	// KeepAccounts is the operator's word that nobody deletes their own account.
	KeepAccounts bool
	Metrics      gatehouse.Metrics // nil: none
}

func (s *Self) count(name string, labels ...string) {
	if s.Metrics != nil {
		s.Metrics.Count(name, labels...)
	}
}

func record(tx *store.Tx, by gatehouse.Actor, action, userID string, details map[string]string) error {
	if err := tx.Record(gatehouse.Event{Actor: by, Action: action, Target: "user/" + userID, Details: details}); err != nil {
		return fmt.Errorf("record %s: %w", action, err)
	}
	return nil
}

// find reads a user; one who has left can do nothing any more.
func find(tx *store.Tx, userID string) (gatehouse.User, error) {
	user, err := tx.User(userID)
	if err != nil {
		return user, fmt.Errorf("read user %s: %w", userID, err)
	}
	if user.State == gatehouse.UserLeft || user.State == gatehouse.UserMerged {
		return user, gatehouse.Errorf(gatehouse.Conflict, "This account is closed. Nothing of it can be changed any more.")
	}
	return user, nil
}

// warn writes to an address of a user about what happened to the account, in case
// it was somebody else.
func (s *Self) warn(tx *store.Tx, user gatehouse.User, to string, subject gatehouse.Note, body ...gatehouse.Note) error {
	m := mail.Message{
		To: to, Locale: user.Locale, Subject: subject,
		Body: append(body, gatehouse.Notef("If that was not you, sign in, end the other sessions, and tell an administrator.")),
		Link: s.URL + "/user/security", Button: gatehouse.Notef("Look at your account"),
	}
	err := mail.Send(tx, m)
	if errors.Is(err, gatehouse.Invalid) {
		return nil // an address of old that no mail can go to
	}
	if err != nil {
		return fmt.Errorf("write to user %s: %w", user.ID, err)
	}
	return nil
}

// warnPrimary is warn to the primary address, if it is known to be theirs.
func (s *Self) warnPrimary(tx *store.Tx, user gatehouse.User, subject gatehouse.Note, body ...gatehouse.Note) error {
	if !user.EmailVerified || user.Email == "" {
		return nil
	}
	return s.warn(tx, user, user.Email, subject, body...)
}

// label is what people read of a connection.
func label(c gatehouse.Connection) string { return cmp.Or(c.Label, c.Name) }

// countRecent counts what an actor did of late by the audit log, up to most.
func countRecent(tx *store.Tx, userID, action string, within time.Duration, most int) (int, error) {
	page, err := tx.Events(store.EventFilter{Target: "user/" + userID, Action: action}, store.Cursor{Limit: most})
	if err != nil {
		return 0, fmt.Errorf("read the audit log of user %s: %w", userID, err)
	}
	n := 0
	for _, e := range page.Items {
		if e.At.After(tx.Now().Add(-within)) {
			n++
		}
	}
	return n, nil
}
