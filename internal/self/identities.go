package self

import (
	"fmt"
	"slices"

	"gatehouse"
	"gatehouse/internal/store"
)

// Removable says why an identity cannot be removed from its user: nil when it
// can. What is not the last way in always can.
func (s *Self) Removable(tx *store.Tx, userID, identityID string) error {
	identities, err := tx.Identities(userID)
	if err != nil {
		return fmt.Errorf("read the identities of user %s: %w", userID, err)
	}
	here := false
	others := 0
	for _, i := range identities {
		c, err := tx.Connection(i.ConnectionID)
		if err != nil {
			return fmt.Errorf("read connection %s: %w", i.ConnectionID, err)
		}
		opens := c.Enabled && !c.Rules.LinkOnly
		switch {
		case i.ID != identityID && opens:
			others++
		case i.ID == identityID && !opens:
			return nil // nobody gets in by it anyway
		case i.ID == identityID:
			here = true
		}
	}
	if !here {
		return gatehouse.NotFound
	}
	if others > 0 {
		return nil
	}
	return s.otherwise(tx, userID)
}

func (s *Self) otherwise(tx *store.Tx, userID string) error {
	if s.Credentials != nil {
		in, err := s.Credentials.HasWayIn(tx, userID)
		if err != nil || in {
			return err
		}
	}
	return gatehouse.Errorf(gatehouse.Conflict, "This is the only way to sign in to the account. Connect another one first, or add a passkey where that is possible.")
}

// RemoveIdentity takes an identity from its user, never the last way in: the
// tokens that came by it are forgotten and the sessions that began with it end,
// but the one that is named ("" = all).
func (s *Self) RemoveIdentity(tx *store.Tx, by gatehouse.Actor, userID, identityID, keepSession string) error {
	user, err := find(tx, userID)
	if err != nil {
		return err
	}
	if err := s.Removable(tx, userID, identityID); err != nil {
		return err
	}
	identities, err := tx.Identities(userID)
	if err != nil {
		return fmt.Errorf("read the identities of user %s: %w", userID, err)
	}
	i := identities[slices.IndexFunc(identities, func(i gatehouse.Identity) bool { return i.ID == identityID })]
	c, err := tx.Connection(i.ConnectionID)
	if err != nil {
		return fmt.Errorf("read connection %s: %w", i.ConnectionID, err)
	}
	if err := s.drop(tx, i); err != nil {
		return err
	}
	if err := endSessionsOf(tx, userID, i.ConnectionID, keepSession); err != nil {
		return err
	}
	if err := record(tx, by, "identity.removed", userID, map[string]string{"connection": c.ID, "subject": i.Subject}); err != nil {
		return err
	}
	tx.OnCommit(func() { s.count("identity_removed") })
	return s.warnPrimary(tx, user, gatehouse.Notef("An account was disconnected from yours"),
		gatehouse.Notef("Your %s account can no longer be used to sign in as @%s.", label(c), user.Username))
}

// drop removes an identity with what hangs on it.
func (s *Self) drop(tx *store.Tx, i gatehouse.Identity) error {
	if s.Tokens != nil {
		if err := s.Tokens.Forget(tx, i.ID); err != nil {
			return err
		}
	}
	if err := tx.DeleteIdentity(i.ID); err != nil {
		return fmt.Errorf("remove identity %s: %w", i.ID, err)
	}
	return nil
}

func endSessionsOf(tx *store.Tx, userID, connectionID, keep string) error {
	all, err := tx.Sessions(userID)
	if err != nil {
		return fmt.Errorf("read the sessions of user %s: %w", userID, err)
	}
	for _, session := range all {
		if session.ConnectionID != connectionID || session.ID == keep {
			continue
		}
		if err := tx.EndSession(userID, session.ID); err != nil {
			return fmt.Errorf("end session %s: %w", session.ID, err)
		}
	}
	return nil
}
