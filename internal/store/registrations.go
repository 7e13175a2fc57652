package store

import (
	"time"

	"gatehouse"
)

const registrationTokenColumns = `id, name, left_over, created_by, created_at, expires_at`

func scanRegistrationToken(r row) (t gatehouse.RegistrationToken, err error) {
	err = r.Scan(&t.ID, &t.Name, &t.Left, &t.CreatedBy, at(&t.CreatedAt), at(&t.ExpiresAt))
	return t, err
}

// SaveRegistrationToken inserts an initial access token, of which the SHA-256 is
// kept. ID and CreatedAt are filled in.
func (tx *Tx) SaveRegistrationToken(t *gatehouse.RegistrationToken, hash []byte) error {
	fresh := *t
	fresh.ID, fresh.CreatedAt = NewID(), tx.now
	_, err := tx.exec(`insert into registration_tokens (`+registrationTokenColumns+`, hash) values ($1, $2, $3, $4, $5, $6, $7)`,
		fresh.ID, fresh.Name, fresh.Left, fresh.CreatedBy, fresh.CreatedAt, fresh.ExpiresAt, hash)
	if err == nil {
		*t = fresh
	}
	return err
}

// RegistrationTokens lists those that are good for something, the newest first.
func (tx *Tx) RegistrationTokens() ([]gatehouse.RegistrationToken, error) {
	return all(tx, scanRegistrationToken, `select `+registrationTokenColumns+` from registration_tokens
		where left_over > 0 and expires_at > $1 order by id desc`, tx.now)
}

// HasRegistrationToken says whether an initial access token is good for
// something.
func (tx *Tx) HasRegistrationToken(hash []byte) (bool, error) {
	n, err := one(tx, scanInt, `select count(*) from registration_tokens where hash = $1 and left_over > 0 and expires_at > $2`, hash, tx.now)
	return n > 0, err
}

// UseRegistrationToken takes one use of an initial access token. NotFound when it
// is unknown, past its end or used up.
func (tx *Tx) UseRegistrationToken(hash []byte) (gatehouse.RegistrationToken, error) {
	return one(tx, scanRegistrationToken, `update registration_tokens set left_over = left_over - 1
		where hash = $1 and left_over > 0 and expires_at > $2 returning `+registrationTokenColumns, hash, tx.now)
}

// DeleteRegistrationToken ends an initial access token; NotFound when unknown.
// The clients that were registered by it stay.
func (tx *Tx) DeleteRegistrationToken(id string) (gatehouse.RegistrationToken, error) {
	return one(tx, scanRegistrationToken, `delete from registration_tokens where id = $1 returning `+registrationTokenColumns, id)
}

// SaveRegistration keeps by the SHA-256 of which token a client manages itself,
// in place of the one before. tokenID is the initial access token that it came
// by, "" = none; it never changes.
func (tx *Tx) SaveRegistration(clientID string, hash []byte, tokenID string) error {
	_, err := tx.exec(`insert into registrations (client_id, hash, token_id, created_at) values ($1, $2, $3, $4)
		on conflict (client_id) do update set hash = excluded.hash`, clientID, hash, tokenID, tx.now)
	return err
}

// Registration is the SHA-256 of the token by which a client manages itself;
// NotFound when it did not register itself.
func (tx *Tx) Registration(clientID string) ([]byte, error) {
	return one(tx, func(r row) (hash []byte, err error) {
		err = r.Scan(&hash)
		return hash, err
	}, `select hash from registrations where client_id = $1`, clientID)
}

// OpenRegistrations counts the clients that registered without a token.
func (tx *Tx) OpenRegistrations() (int64, error) {
	return one(tx, scanInt, `select count(*) from registrations where token_id = ''`)
}

// DropClient removes a client with what people allowed it. Its tokens are good
// for nothing without it. NotFound when unknown.
func (tx *Tx) DropClient(id string) error {
	for _, table := range []string{"consents", "codes", "device_grants", "session_clients", "requests"} {
		if _, err := tx.exec(`delete from `+table+` where client_id = $1`, id); err != nil {
			return err
		}
	}
	if _, err := tx.exec(`update tokens set revoked_at = $2 where client_id = $1 and revoked_at = 0`, id, tx.now); err != nil {
		return err
	}
	if err := must(tx.exec(`delete from clients where id = $1`, id)); err != nil {
		return err
	}
	return tx.seldomChanged()
}

// RegistrationLife is how long an initial access token is good unless its maker
// says otherwise, and at most.
const (
	RegistrationLife    = 7 * 24 * time.Hour
	MaxRegistrationLife = 365 * 24 * time.Hour
)
