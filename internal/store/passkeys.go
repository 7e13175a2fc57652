package store

import (
	"encoding/json"

	"gatehouse"
)

const passkeyColumns = `id, user_id, credential_id, name, record, created_at, last_used_at`

func scanPasskey(r row) (p gatehouse.Passkey, err error) {
	var record string
	err = r.Scan(&p.ID, &p.UserID, &p.CredentialID, &p.Name, &record, at(&p.CreatedAt), at(&p.LastUsedAt))
	p.Record = json.RawMessage(record)
	return p, err
}

// Passkeys lists the passkeys of a user, the oldest first.
func (tx *Tx) Passkeys(userID string) ([]gatehouse.Passkey, error) {
	return all(tx, scanPasskey, `select `+passkeyColumns+` from passkeys where user_id = $1 order by id`, userID)
}

// PasskeyByCredential finds a passkey by the id that its device gave it.
func (tx *Tx) PasskeyByCredential(id []byte) (gatehouse.Passkey, error) {
	return one(tx, scanPasskey, `select `+passkeyColumns+` from passkeys where credential_id = $1`, id)
}

// SavePasskey inserts a passkey (ID == "") or updates its name, record and last
// use. One that is known already is a Conflict.
func (tx *Tx) SavePasskey(p *gatehouse.Passkey) error {
	if p.ID != "" {
		return must(tx.exec(`update passkeys set name = $3, record = $4, last_used_at = $5 where id = $1 and user_id = $2`,
			p.ID, p.UserID, p.Name, string(p.Record), p.LastUsedAt))
	}
	known, err := one(tx, scanInt, `select count(*) from passkeys where credential_id = $1`, p.CredentialID)
	if err != nil {
		return err
	}
	if known > 0 {
		return gatehouse.Errorf(gatehouse.Conflict, "This passkey is known already.")
	}
	fresh := *p
	fresh.ID, fresh.CreatedAt = NewID(), tx.now
	_, err = tx.exec(`insert into passkeys (`+passkeyColumns+`) values ($1, $2, $3, $4, $5, $6, $7)`,
		fresh.ID, fresh.UserID, fresh.CredentialID, fresh.Name, string(fresh.Record), fresh.CreatedAt, fresh.LastUsedAt)
	if err == nil {
		*p = fresh
	}
	return err
}

// DeletePasskey removes a passkey of a user; NotFound if it is not theirs.
func (tx *Tx) DeletePasskey(userID, id string) error {
	return must(tx.exec(`delete from passkeys where id = $1 and user_id = $2`, id, userID))
}
