package store

import (
	"maps"

	"gatehouse"
)

const identityColumns = `id, user_id, connection_id, subject, aliases, profile, created_at, last_used_at`

func scanIdentity(r row) (i gatehouse.Identity, err error) {
	err = r.Scan(&i.ID, &i.UserID, &i.ConnectionID, &i.Subject, fromJSON(&i.Aliases), fromJSON(&i.Profile),
		at(&i.CreatedAt), at(&i.LastUsedAt))
	return i, err
}

// Identity finds an identity by its connection and subject, byte for byte.
func (tx *Tx) Identity(connectionID, subject string) (gatehouse.Identity, error) {
	return one(tx, scanIdentity, `select `+identityColumns+` from identities where connection_id = $1 and subject = $2`,
		connectionID, subject)
}

// IdentityByAlias finds an identity by another id of the person at the same connection.
func (tx *Tx) IdentityByAlias(connectionID, kind, value string) (gatehouse.Identity, error) {
	return one(tx, scanIdentity, `select `+identityColumns+` from identities where id =
		(select identity_id from identity_aliases where connection_id = $1 and kind = $2 and value = $3)`,
		connectionID, kind, value)
}

// Identities lists the identities of a user, the oldest first.
func (tx *Tx) Identities(userID string) ([]gatehouse.Identity, error) {
	return all(tx, scanIdentity, `select `+identityColumns+` from identities where user_id = $1 order by id`, userID)
}

// ConnectionIdentities lists the identities of a connection, those used last
// first, at most limit.
func (tx *Tx) ConnectionIdentities(connectionID string, limit int) ([]gatehouse.Identity, error) {
	return all(tx, scanIdentity, `select `+identityColumns+` from identities where connection_id = $1
		order by last_used_at desc, id limit $2`, connectionID, limit)
}

// SaveIdentity inserts (ID == "") or updates an identity with its aliases. One
// that somebody else has is a Conflict. Connection, subject and CreatedAt never
// change; empty aliases are left out.
func (tx *Tx) SaveIdentity(i *gatehouse.Identity) error {
	if i.Subject == "" || i.ConnectionID == "" {
		return gatehouse.Errorf(gatehouse.Invalid, "The identity has no connection or no subject.")
	}
	longest := len(i.Subject)
	for _, value := range i.Aliases {
		longest = max(longest, len(value))
	}
	if longest > longestKey {
		return gatehouse.Errorf(gatehouse.Invalid, "The provider's id of the person is too long.")
	}
	if err := tx.identityIsFree(i); err != nil {
		return err
	}
	fresh := *i
	if fresh.CreatedAt.IsZero() {
		fresh.CreatedAt = tx.now
	}
	var err error
	if i.ID == "" {
		fresh.ID = NewID()
		_, err = tx.exec(`insert into identities (`+identityColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
			fresh.ID, fresh.UserID, fresh.ConnectionID, fresh.Subject, asJSON(fresh.Aliases), asJSON(fresh.Profile),
			fresh.CreatedAt, fresh.LastUsedAt)
	} else {
		err = must(tx.exec(`update identities set user_id = $2, aliases = $3, profile = $4, last_used_at = $5 where id = $1`,
			fresh.ID, fresh.UserID, asJSON(fresh.Aliases), asJSON(fresh.Profile), fresh.LastUsedAt))
	}
	if err == nil {
		err = tx.saveAliases(&fresh)
	}
	if err == nil {
		*i = fresh
	}
	return err
}

// identityIsFree looks before writing, so that a conflict leaves the
// transaction usable; the indexes stand behind it.
func (tx *Tx) identityIsFree(i *gatehouse.Identity) error {
	n, err := one(tx, scanInt, `select count(*) from identities where connection_id = $1 and subject = $2 and id <> $3`,
		i.ConnectionID, i.Subject, i.ID)
	if err != nil {
		return err
	}
	for kind, value := range i.Aliases {
		if n > 0 || value == "" {
			continue
		}
		n, err = one(tx, scanInt, `select count(*) from identity_aliases
			where connection_id = $1 and kind = $2 and value = $3 and identity_id <> $4`, i.ConnectionID, kind, value, i.ID)
		if err != nil {
			return err
		}
	}
	if n > 0 {
		return gatehouse.Errorf(gatehouse.Conflict, "That outside account is connected to another account already. Disconnect it there first.")
	}
	return nil
}

func (tx *Tx) saveAliases(i *gatehouse.Identity) error {
	before, err := tx.aliases(i.ID)
	if err != nil {
		return err
	}
	wanted := maps.Clone(i.Aliases)
	maps.DeleteFunc(wanted, func(_, value string) bool { return value == "" })
	if maps.Equal(before, wanted) {
		return nil
	}
	if _, err := tx.exec(`delete from identity_aliases where identity_id = $1`, i.ID); err != nil {
		return err
	}
	for kind, value := range wanted {
		if _, err := tx.exec(`insert into identity_aliases (connection_id, kind, value, identity_id) values ($1, $2, $3, $4)`,
			i.ConnectionID, kind, value, i.ID); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) aliases(identityID string) (map[string]string, error) {
	aliases := map[string]string{}
	err := tx.query(func(r row) error {
		var kind, value string
		err := r.Scan(&kind, &value)
		aliases[kind] = value
		return err
	}, `select kind, value from identity_aliases where identity_id = $1`, identityID)
	return aliases, err
}

// DeleteIdentity removes an identity.
func (tx *Tx) DeleteIdentity(id string) error {
	return must(tx.exec(`delete from identities where id = $1`, id))
}
