package access

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"gatehouse"
	"gatehouse/internal/store"
)

// Matches changes whose accounts are, as people say. The zero value counts nothing.
type Matches struct {
	Metrics gatehouse.Metrics // nil: nobody counts
}

// Matches changes matches and counts that where the service counts.
func (s *Service) Matches() Matches { return Matches{Metrics: s.Metrics} }

func (s Matches) count(tx *store.Tx, kind, action string) {
	if s.Metrics != nil {
		tx.OnCommit(func() { s.Metrics.Count("match_change", "kind", kind, "action", action) })
	}
}

// maxMatchNote bounds what a person says of a match, in characters.
const maxMatchNote = 500

// User finds the user whom a person means for an account: by number, id,
// username or verified address.
func (Matches) User(tx *store.Tx, name string) (u gatehouse.User, err error) {
	name = strings.TrimPrefix(strings.TrimSpace(name), "@")
	number, errNumber := strconv.ParseInt(name, 10, 64)
	switch {
	case errNumber == nil && number >= gatehouse.FirstUserNumber:
		u, err = tx.UserByNumber(number)
	case uuid.Validate(name) == nil:
		u, err = tx.User(strings.ToLower(name))
	case strings.Contains(name, "@"):
		var all []gatehouse.User
		if all, err = tx.UsersByVerifiedEmail(name); err == nil && len(all) != 1 {
			err = gatehouse.NotFound
		} else if err == nil {
			u = all[0]
		}
	default:
		u, err = tx.UserByUsername(name)
	}
	if errors.Is(err, gatehouse.NotFound) {
		return u, gatehouse.Errorf(gatehouse.Invalid, "No user has the username, number, id or verified address %q. Look under Users who there is.", name)
	}
	return u, err
}

// Set says by hand whose an account is, whatever it was before, also for an
// account that is no person's: a bot may have an owner. Pulls leave it so.
func (s Matches) Set(tx *store.Tx, by gatehouse.Actor, connectorID, accountID, userID, note string) error {
	note = strings.TrimSpace(note)
	if utf8.RuneCountInString(note) > maxMatchNote {
		return gatehouse.Errorf(gatehouse.Invalid, "The note is too long: it may have at most %d characters.", maxMatchNote)
	}
	before, err := tx.Account(connectorID, accountID)
	if err != nil {
		return err
	}
	u, err := tx.User(userID)
	if err != nil {
		return err
	}
	if u.State == gatehouse.UserMerged {
		return gatehouse.Errorf(gatehouse.Conflict, "%s was merged into another user. Choose the one who stayed.", u.Username)
	}
	if err := tx.MatchAccount(connectorID, accountID, u.ID, gatehouse.MatchManual); err != nil {
		return err
	}
	if err := tx.NoteMatch(connectorID, accountID, note); err != nil {
		return err
	}
	return s.recordMatch(tx, by, before, "account.match_set", map[string]string{"user": u.ID, "note": note})
}

// Reset forgets whose an account is, and looks for its user anew as for one
// that was just read.
func (s Matches) Reset(tx *store.Tx, by gatehouse.Actor, connectorID, accountID string) error {
	before, err := tx.Account(connectorID, accountID)
	if err != nil {
		return err
	}
	c, err := tx.Connector(connectorID)
	if err != nil {
		return err
	}
	m, err := matchingOf(tx, c)
	if err != nil {
		return err
	}
	if err := tx.MatchAccount(connectorID, accountID, "", ""); err != nil {
		return err
	}
	if err := matchOne(tx, c, m, before); err != nil {
		return err
	}
	after, err := tx.Account(connectorID, accountID)
	if err != nil {
		return err
	}
	return s.recordMatch(tx, by, before, "account.match_reset", map[string]string{"user": after.UserID, "why": after.Match})
}

// ResetAll forgets all matches of a connector, those by hand only if that is
// wanted, and asks for the accounts to be matched anew. It counts what it forgot.
func (s Matches) ResetAll(tx *store.Tx, by gatehouse.Actor, connectorID string, manual bool) (int64, error) {
	c, err := tx.Connector(connectorID)
	if err != nil {
		return 0, err
	}
	whys := []string{gatehouse.MatchIdentity, gatehouse.MatchEmail, gatehouse.MatchRuled}
	if manual {
		whys = append(whys, gatehouse.MatchManual)
	}
	n, err := tx.DropMatches(c.ID, whys)
	if err != nil {
		return 0, err
	}
	if err := rematch(tx, c.ID); err != nil {
		return 0, err
	}
	s.count(tx, c.Kind, "connector.matches_reset")
	return n, tx.Record(gatehouse.Event{
		Actor: by, Action: "connector.matches_reset", Target: "connector/" + c.ID,
		Details: map[string]string{"name": c.Name, "key": c.Key, "forgotten": strconv.FormatInt(n, 10), "by_hand_too": strconv.FormatBool(manual)},
	})
}

// recordMatch tells the audit log of a match that a person changed, under the
// connector, with whose the account was before.
func (s Matches) recordMatch(tx *store.Tx, by gatehouse.Actor, a gatehouse.Account, action string, details map[string]string) error {
	details["account"], details["username"] = a.ID, a.Username
	details["user_before"], details["why_before"] = a.UserID, a.Match
	c, err := tx.Connector(a.ConnectorID)
	if err != nil {
		return err
	}
	s.count(tx, c.Kind, action)
	return tx.Record(gatehouse.Event{Actor: by, Action: action, Target: "connector/" + a.ConnectorID, Details: details})
}
