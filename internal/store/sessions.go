package store

import (
	"time"

	"gatehouse"
)

const sessionColumns = `s.id, s.token_hash, s.user_id, s.connection_id, s.method, s.user_agent, s.address,
	s.auth_at, s.created_at, s.seen_at, s.expires_at, s.noticed, s.second`

func sessionFields(s *gatehouse.Session) []any {
	return []any{
		&s.ID, &s.TokenHash, &s.UserID, &s.ConnectionID, &s.Method, &s.UserAgent, &s.Address,
		at(&s.AuthAt), at(&s.CreatedAt), at(&s.SeenAt), at(&s.ExpiresAt), &s.Noticed, &s.Second,
	}
}

func scanSession(r row) (s gatehouse.Session, err error) {
	err = r.Scan(sessionFields(&s)...)
	return s, err
}

// SaveSession inserts a session (ID == "") or updates the times of one.
func (tx *Tx) SaveSession(s *gatehouse.Session) error {
	if s.ID != "" {
		return must(tx.exec(`update sessions set auth_at = $2, seen_at = $3, expires_at = $4 where id = $1`,
			s.ID, s.AuthAt, s.SeenAt, s.ExpiresAt))
	}
	fresh := *s
	fresh.ID = NewID()
	for _, t := range []*time.Time{&fresh.CreatedAt, &fresh.SeenAt, &fresh.AuthAt} {
		if t.IsZero() {
			*t = tx.now
		}
	}
	_, err := tx.exec(`insert into sessions (id, token_hash, user_id, connection_id, method, user_agent, address,
		auth_at, created_at, seen_at, expires_at, noticed, second) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		fresh.ID, fresh.TokenHash, fresh.UserID, fresh.ConnectionID, fresh.Method, fresh.UserAgent, fresh.Address,
		fresh.AuthAt, fresh.CreatedAt, fresh.SeenAt, fresh.ExpiresAt, fresh.Noticed, fresh.Second)
	if err == nil {
		*s = fresh
	}
	return err
}

// RenewSession gives a session a new secret (by its SHA-256) and the time at
// which its user proved who they are. The one before is of no more use.
func (tx *Tx) RenewSession(id string, hash []byte, authAt time.Time) error {
	return must(tx.exec(`update sessions set token_hash = $2, auth_at = $3, seen_at = $4 where id = $1 and expires_at > $4`, id, hash, authAt, tx.now))
}

// StrengthenSession gives a live session of a user a new secret (by its SHA-256)
// and notes what was proved besides. Another's, or an ended one, is NotFound.
func (tx *Tx) StrengthenSession(id, userID string, hash []byte, second string) error {
	return must(tx.exec(`update sessions set token_hash = $3, second = $4, seen_at = $5 where id = $1 and user_id = $2 and expires_at > $5`,
		id, userID, hash, second, tx.now))
}

// sessionAndUser are the columns of a session with its user.
type sessionAndUser struct {
	session gatehouse.Session
	user    gatehouse.User
}

func scanSessionAndUser(r row) (v sessionAndUser, err error) {
	err = r.Scan(append(sessionFields(&v.session), userFields(&v.user)...)...)
	return v, err
}

// SessionByToken finds a live session by the SHA-256 of its cookie, together
// with its user, in one query. An ended one is NotFound. The user may be in any
// state.
func (tx *Tx) SessionByToken(hash []byte) (gatehouse.Session, gatehouse.User, error) {
	v, err := one(tx, scanSessionAndUser, `select `+sessionColumns+`, `+joinedUser+`
		from sessions s join users u on u.id = s.user_id
		where s.token_hash = $1 and s.expires_at > $2`, hash, tx.now)
	return v.session, v.user, err
}

// TouchSession notes that a session was seen.
func (tx *Tx) TouchSession(id string, seen time.Time) error {
	return must(tx.exec(`update sessions set seen_at = $2 where id = $1`, id, seen))
}

// Sessions lists the live sessions of a user, the last seen first.
func (tx *Tx) Sessions(userID string) ([]gatehouse.Session, error) {
	return all(tx, scanSession, `select `+sessionColumns+` from sessions s
		where s.user_id = $1 and s.expires_at > $2 order by s.seen_at desc, s.id desc`, userID, tx.now)
}

// EndSession ends one session of a user; NotFound if it is not theirs. Clients
// that want to hear of it are told by jobs.
func (tx *Tx) EndSession(userID, id string) error {
	if id == "" {
		return gatehouse.NotFound
	}
	if err := tx.tellOfEnd(userID, id, ""); err != nil {
		return err
	}
	return must(tx.exec(`delete from sessions where id = $1 and user_id = $2`, id, userID))
}

// EndSessions ends all sessions of a user but one ("" = all), and says how many.
// Clients that want to hear of it are told by jobs.
func (tx *Tx) EndSessions(userID, except string) (int64, error) {
	if err := tx.tellOfEnd(userID, "", except); err != nil {
		return 0, err
	}
	return tx.exec(`delete from sessions where user_id = $1 and id <> $2`, userID, except)
}
