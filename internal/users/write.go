package users

import (
	"errors"
	"fmt"
	"maps"

	"gatehouse"
	"gatehouse/internal/store"
)

// saveIdentity writes the identity and takes its other ids from identities that
// had them: the provider says now whose they are.
func saveIdentity(tx *store.Tx, q question, v *verdict) error {
	i := v.identity
	if v.act == renew {
		// The subject of an identity never changes, so a new one takes its place.
		if err := tx.DeleteIdentity(i.ID); err != nil {
			return fmt.Errorf("remove identity %s: %w", i.ID, err)
		}
		i.ID, i.Subject = "", q.vouched.Subject
	}
	if v.act == link || v.act == create {
		i = gatehouse.Identity{UserID: v.user.ID, ConnectionID: q.connection.ID, Subject: q.vouched.Subject}
	}
	i.Profile, i.LastUsedAt = q.vouched.Profile, tx.Now()
	aliases := maps.Clone(i.Aliases)
	if aliases == nil {
		aliases = map[string]string{}
	}
	maps.Copy(aliases, q.vouched.Aliases)
	i.Aliases = aliases
	for kind, value := range q.vouched.Aliases {
		if err := takeAlias(tx, i, kind, value); err != nil {
			return err
		}
	}
	if err := tx.SaveIdentity(&i); err != nil {
		return fmt.Errorf("save the identity: %w", err)
	}
	v.identity = i
	return nil
}

func takeAlias(tx *store.Tx, i gatehouse.Identity, kind, value string) error {
	other, err := tx.IdentityByAlias(i.ConnectionID, kind, value)
	if errors.Is(err, gatehouse.NotFound) || err == nil && other.ID == i.ID {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the identity with the same %s: %w", kind, err)
	}
	delete(other.Aliases, kind)
	if err := tx.SaveIdentity(&other); err != nil {
		return fmt.Errorf("take %s from identity %s: %w", kind, other.ID, err)
	}
	return nil
}

// recordAll writes the audit log.
func recordAll(tx *store.Tx, by gatehouse.Actor, before gatehouse.User, v *verdict) error {
	user := v.user
	events := []struct {
		when    bool
		action  string
		details map[string]string
	}{
		{v.act == create, "user.created", map[string]string{"state": string(user.State), "username": user.Username}},
		{v.act == create || v.act == link, "identity.linked", map[string]string{"connection": v.ConnectionID, "subject": v.Subject}},
		{v.act == renew, "identity.renewed", map[string]string{"connection": v.ConnectionID, "subject": v.Subject}},
		{v.act != create && before.State != user.State, "user.approved", map[string]string{"state": string(user.State)}},
		{before.Role != user.Role, "user.role_changed", map[string]string{"from": string(before.Role), "to": string(user.Role)}},
		{
			v.act != create && (before.Email != user.Email || before.EmailVerified != user.EmailVerified), "user.email_changed",
			map[string]string{"from": before.Email, "to": user.Email, "verified": yes(user.EmailVerified)},
		},
	}
	for _, e := range events {
		if !e.when {
			continue
		}
		e.details["rule"], e.details["decision"] = v.Rule, v.ID
		if err := record(tx, by, e.action, user.ID, e.details); err != nil {
			return err
		}
	}
	return nil
}

func record(tx *store.Tx, by gatehouse.Actor, action, userID string, details map[string]string) error {
	if err := tx.Record(gatehouse.Event{Actor: by, Action: action, Target: "user/" + userID, Details: details}); err != nil {
		return fmt.Errorf("record %s: %w", action, err)
	}
	return nil
}
