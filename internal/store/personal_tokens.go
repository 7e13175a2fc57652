package store

import (
	"time"

	"gatehouse"
)

const personalTokenColumns = `p.id, p.user_id, p.name, p.token_hash, p.hint, p.scopes, p.created_at, p.expires_at, p.last_used_at,
	p.last_used_address, p.revoked_at`

func personalTokenFields(t *gatehouse.PersonalToken) []any {
	return []any{
		&t.ID, &t.UserID, &t.Name, &t.Hash, &t.Hint, fromJSON(&t.Scopes), at(&t.CreatedAt), at(&t.ExpiresAt), at(&t.LastUsedAt),
		&t.LastUsedAddress, at(&t.RevokedAt),
	}
}

func scanPersonalToken(r row) (t gatehouse.PersonalToken, err error) {
	err = r.Scan(personalTokenFields(&t)...)
	return t, err
}

type personalTokenAndUser struct {
	token gatehouse.PersonalToken
	user  gatehouse.User
}

func scanPersonalTokenAndUser(r row) (v personalTokenAndUser, err error) {
	err = r.Scan(append(personalTokenFields(&v.token), userFields(&v.user)...)...)
	return v, err
}

// AddPersonalToken inserts a token that somebody made. An id that is there
// already is a Conflict, so that a form that is sent twice makes one token. An
// empty ID and CreatedAt are filled in.
func (tx *Tx) AddPersonalToken(t *gatehouse.PersonalToken) error {
	fresh := *t
	if fresh.ID == "" {
		fresh.ID = NewID()
	}
	if fresh.CreatedAt.IsZero() {
		fresh.CreatedAt = tx.now
	}
	n, err := tx.exec(`insert into personal_tokens (id, user_id, name, token_hash, hint, scopes, created_at, expires_at,
		last_used_at, last_used_address, revoked_at) values ($1, $2, $3, $4, $5, $6, $7, $8, 0, '', 0)
		on conflict (id) do nothing`,
		fresh.ID, fresh.UserID, fresh.Name, fresh.Hash, fresh.Hint, asJSON(fresh.Scopes), fresh.CreatedAt, fresh.ExpiresAt)
	if err == nil && n == 0 {
		err = gatehouse.Errorf(gatehouse.Conflict, "This token was made already. It is shown only once; if you did not keep it, revoke it and make another one.")
	}
	if err == nil {
		*t = fresh
	}
	return err
}

// PersonalToken finds a token by the SHA-256 of its value together with its
// user, in one query: live or not, and the user in any state.
func (tx *Tx) PersonalToken(hash []byte) (gatehouse.PersonalToken, gatehouse.User, error) {
	v, err := one(tx, scanPersonalTokenAndUser, `select `+personalTokenColumns+`, `+joinedUser+`
		from personal_tokens p join users u on u.id = p.user_id where p.token_hash = $1`, hash)
	return v.token, v.user, err
}

// PersonalTokens lists the tokens of a user that are not revoked, the newest
// first, those past their end too.
func (tx *Tx) PersonalTokens(userID string) ([]gatehouse.PersonalToken, error) {
	return all(tx, scanPersonalToken, `select `+personalTokenColumns+` from personal_tokens p
		where p.user_id = $1 and p.revoked_at = 0 order by p.created_at desc, p.id desc`, userID)
}

// RevokePersonalToken revokes a token of a user; NotFound if it is not theirs,
// or revoked already.
func (tx *Tx) RevokePersonalToken(userID, id string) error {
	return must(tx.exec(`update personal_tokens set revoked_at = $3 where id = $1 and user_id = $2 and revoked_at = 0`,
		id, userID, tx.now))
}

// TouchPersonalToken notes that a token was used.
func (tx *Tx) TouchPersonalToken(id string, used time.Time, address string) error {
	return must(tx.exec(`update personal_tokens set last_used_at = $2, last_used_address = $3 where id = $1`, id, used, address))
}

// ClientTokens are the live tokens that a client has for a user, as one line.
type ClientTokens struct {
	ClientID string
	At       time.Time // of the newest
}

func scanClientTokens(r row) (c ClientTokens, err error) {
	err = r.Scan(&c.ClientID, at(&c.At))
	return c, err
}

// ClientsWithTokens lists the clients that have live tokens for a user, by id.
func (tx *Tx) ClientsWithTokens(userID string) ([]ClientTokens, error) {
	return all(tx, scanClientTokens, `select client_id, max(created_at) from tokens
		where user_id = $1 and revoked_at = 0 and (kind <> 'refresh' or used_at = 0)
		and (expires_at = 0 or expires_at > $2) and (ends_at = 0 or ends_at > $2)
		group by client_id order by client_id`, userID, tx.now)
}
