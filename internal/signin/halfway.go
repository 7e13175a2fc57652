package signin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"gatehouse"
	"gatehouse/internal/credentials"
	"gatehouse/internal/store"
)

// setupMark tells one authenticator app that is being set up from another,
// without its secret: there is one of a user at a time, whoever began it.
func setupMark(s credentials.Setup) string {
	sum := sha256.Sum256([]byte(s.Key))
	return hex.EncodeToString(sum[:])
}

// stillProved says whether the first proof of a sign-in that waits for more
// still counts: what the person proved themselves by may have been changed or
// taken away while they looked for their telephone.
func (s *Service) stillProved(tx *store.Tx, at gatehouse.Ceremony, e entering) (bool, error) {
	if e.ConnectionID != "" {
		return stillVouched(tx, at.UserID, e.ConnectionID)
	}
	if e.Method == methodLink {
		_, err := s.Users.Invitable(tx, at.UserID)
		if errors.Is(err, gatehouse.Conflict) {
			return false, nil
		}
		return err == nil, err
	}
	ways, err := s.Local.WaysIn(tx, at.UserID)
	if err != nil || !ways.Password {
		return false, err
	}
	p, err := tx.Password(at.UserID)
	if err != nil {
		return false, fmt.Errorf("read the password of user %s: %w", at.UserID, err)
	}
	if p.ChangedAt.After(at.CreatedAt) || at.Purpose != purposeEnroll {
		return !p.ChangedAt.After(at.CreatedAt), nil
	}
	// Who has something to be asked for by now is asked for that: the password
	// alone puts no app in its place.
	user, err := tx.User(at.UserID)
	if err != nil {
		return false, fmt.Errorf("read user %s: %w", at.UserID, err)
	}
	owed, err := s.owes(tx, user, e)
	return owed == purposeEnroll, err
}

// stillVouched says whether a user can still come by a connection.
func stillVouched(tx *store.Tx, userID, connectionID string) (bool, error) {
	c, err := tx.Connection(connectionID)
	if errors.Is(err, gatehouse.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the connection: %w", err)
	}
	identities, err := tx.Identities(userID)
	if err != nil {
		return false, fmt.Errorf("read the identities of user %s: %w", userID, err)
	}
	has := slices.ContainsFunc(identities, func(i gatehouse.Identity) bool { return i.ConnectionID == c.ID })
	return c.Enabled && has, nil
}
