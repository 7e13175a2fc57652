package store

import (
	"bytes"
	"slices"
	"time"

	"gatehouse"
)

const tokenColumns = `t.hash, t.kind, t.family, t.client_id, t.user_id, t.session_id, t.scopes, t.nonce, t.auth_at,
	t.created_at, t.expires_at, t.ends_at, t.used_at, t.successor, t.revoked_at, t.details`

func tokenFields(t *gatehouse.Token) []any {
	return []any{
		&t.Hash, &t.Kind, &t.Family, &t.Grant.ClientID, text(&t.Grant.UserID), &t.Grant.SessionID,
		fromJSON(&t.Grant.Scopes), &t.Grant.Nonce, at(&t.Grant.AuthAt), at(&t.CreatedAt), at(&t.ExpiresAt), at(&t.EndsAt),
		at(&t.UsedAt), &t.Successor, at(&t.RevokedAt), details(&t.Grant.Details),
	}
}

func scanToken(r row) (t gatehouse.Token, err error) {
	err = r.Scan(tokenFields(&t)...)
	return t, err
}

var tokenTable = bulk{
	head: `insert into tokens (hash, kind, family, client_id, user_id, session_id, scopes, nonce, auth_at,
		created_at, expires_at, ends_at, used_at, successor, revoked_at, details) values `,
	columns: 16,
}

// SaveTokens inserts tokens, in as few statements as the database likes.
func (tx *Tx) SaveTokens(tokens ...*gatehouse.Token) error {
	rows := make([][]any, len(tokens))
	for i, t := range tokens {
		if t.CreatedAt.IsZero() {
			t.CreatedAt = tx.now
		}
		rows[i] = []any{
			t.Hash, t.Kind, t.Family, t.Grant.ClientID, orNull(t.Grant.UserID), t.Grant.SessionID,
			asJSON(t.Grant.Scopes), t.Grant.Nonce, t.Grant.AuthAt, t.CreatedAt, t.ExpiresAt, t.EndsAt, t.UsedAt,
			t.Successor, t.RevokedAt, asDetails(t.Grant.Details),
		}
	}
	return tx.load(tokenTable, rows)
}

// Token finds a token by the SHA-256 of its value, live or not.
func (tx *Tx) Token(hash []byte) (gatehouse.Token, error) {
	return one(tx, scanToken, `select `+tokenColumns+` from tokens t where t.hash = $1`, hash)
}

type tokenAndUser struct {
	token gatehouse.Token
	user  gatehouse.User
}

func scanTokenAndUser(r row) (v tokenAndUser, err error) {
	err = r.Scan(append(tokenFields(&v.token), userFields(&v.user)...)...)
	return v, err
}

// LiveToken finds a token that is neither revoked nor past its end, together
// with its user as the client knows them (zero for client credentials) in one
// query. The user may be in any state. Else NotFound. A refresh token that was rotated is not live.
func (tx *Tx) LiveToken(hash []byte) (gatehouse.Token, gatehouse.User, error) {
	v, err := one(tx, scanTokenAndUser, `select `+tokenColumns+`, `+knownUser+`
		from tokens t left join users u on u.id = t.user_id
		left join client_numbers n on n.client_id = t.client_id and n.user_id = t.user_id
		where t.hash = $1 and t.revoked_at = 0 and (t.kind <> 'refresh' or t.used_at = 0)
		and (t.expires_at = 0 or t.expires_at > $2) and (t.ends_at = 0 or t.ends_at > $2)`, hash, tx.now)
	return v.token, v.user, err
}

// TokenByHalf finds under what a token is stored by the first half of that, which
// the ID token that came with it has in it (at_hash). NotFound when there is none.
func (tx *Tx) TokenByHalf(half []byte) ([]byte, error) {
	return one(tx, func(r row) (hash []byte, err error) { return hash, r.Scan(&hash) },
		`select hash from tokens where hash >= $1 and hash <= $2 limit 1`, half, append(bytes.Clone(half), bytes.Repeat([]byte{0xff}, len(half))...))
}

// RotateToken marks a refresh token as used with its successor. It reports
// false, and changes nothing, when it was used or revoked already.
func (tx *Tx) RotateToken(hash, successor []byte) (bool, error) {
	n, err := tx.exec(`update tokens set used_at = $2, successor = $3
		where hash = $1 and kind = 'refresh' and used_at = 0 and revoked_at = 0`, hash, tx.now, successor)
	return n == 1, err
}

// RevokeToken revokes one token; nothing happens if it is unknown or revoked.
func (tx *Tx) RevokeToken(hash []byte) error {
	return tx.send(`update tokens set revoked_at = $2 where hash = $1 and revoked_at = 0`, hash, tx.now)
}

// RevokeFamily revokes all tokens that came of one code.
func (tx *Tx) RevokeFamily(family string) error {
	return tx.send(`update tokens set revoked_at = $2 where family = $1 and revoked_at = 0`, family, tx.now)
}

// RevokeAccessTokens revokes the access tokens of a family (at rotation, GitLab ends the old one).
func (tx *Tx) RevokeAccessTokens(family string) error {
	return tx.send(`update tokens set revoked_at = $2 where family = $1 and kind = 'access' and revoked_at = 0`,
		family, tx.now)
}

// RevokeUserTokens revokes all tokens, codes and allowed devices of a user, of one client or ("")
// of all; then their personal tokens too, and the tokens of their providers are
// forgotten. The codes are gone afterwards.
func (tx *Tx) RevokeUserTokens(userID, clientID string) error {
	if _, err := tx.exec(`update tokens set revoked_at = $3
		where user_id = $1 and ($2 = '' or client_id = $2) and revoked_at = 0`, userID, clientID, tx.now); err != nil {
		return err
	}
	for _, table := range []string{"codes", "device_grants"} {
		if _, err := tx.exec(`delete from `+table+` where user_id = $1 and ($2 = '' or client_id = $2)`, userID, clientID); err != nil {
			return err
		}
	}
	if clientID != "" {
		return tx.RevokeExchanged(userID, clientID, "")
	}
	if _, err := tx.exec(`update personal_tokens set revoked_at = $2 where user_id = $1 and revoked_at = 0`, userID, tx.now); err != nil {
		return err
	}
	_, err := tx.exec(`delete from provider_tokens where identity_id in (select id from identities where user_id = $1)`, userID)
	return err
}

// RevokeExchanged revokes what other clients got in exchange for a client's tokens
// of a user ("": that stand for the client itself), of one family or ("") of all.
func (tx *Tx) RevokeExchanged(userID, clientID, family string) error {
	whose := `user_id = $1`
	if userID == "" {
		whose = `user_id is null and $1 = ''`
	}
	found, err := all(tx, scanToken, `select `+tokenColumns+` from tokens t
		where t.`+whose+` and t.client_id <> $2 and t.revoked_at = 0 and ($3 = '' or t.family = $3)
		and t.family in (select o.family from tokens o where o.client_id = $2 and o.`+whose+`)`, userID, clientID, family)
	if err != nil {
		return err
	}
	for _, t := range found {
		if d := t.Grant.Details; d.From != clientID && !slices.Contains(d.Actors, clientID) {
			continue
		}
		if err := tx.RevokeToken(t.Hash); err != nil {
			return err
		}
	}
	return nil
}

// RevokeUserTokensSince revokes those tokens of a user, for applications and
// personal ones, for which somebody proved to be the user at or after a time, and
// removes such codes and allowed devices. A token without that time goes by when it was made.
func (tx *Tx) RevokeUserTokensSince(userID string, since time.Time) error {
	if _, err := tx.exec(`update tokens set revoked_at = $3 where user_id = $1 and revoked_at = 0
		and (auth_at >= $2 or auth_at = 0 and created_at >= $2)`, userID, since, tx.now); err != nil {
		return err
	}
	for _, table := range []string{"codes", "device_grants"} {
		if _, err := tx.exec(`delete from `+table+` where user_id = $1 and auth_at >= $2`, userID, since); err != nil {
			return err
		}
	}
	_, err := tx.exec(`update personal_tokens set revoked_at = $3 where user_id = $1 and revoked_at = 0 and created_at >= $2`, userID, since, tx.now)
	return err
}

// keepPersonal is how long a personal token is shown after its end, so that its
// owner sees why a program does not work any more.
const keepPersonal = 30 * 24 * time.Hour

// keepCodes is how long a code is known after its end, so that its second use
// is noticed and ends its tokens.
const keepCodes = 24 * time.Hour

// keepDevices is how long a device hears that its code has expired, and not that
// there is none.
const keepDevices = 10 * time.Minute

// DeleteExpired removes up to limit rows each of what is past its end and of no more use
// (attempts, requests, codes, tokens, sessions, links, personal tokens,
// mails), and says how many.
func (tx *Tx) DeleteExpired(limit int) (int64, error) {
	var total int64
	for _, e := range []struct {
		table, key string
		end        time.Time
	}{
		{"attempts", "id", tx.now},
		{"requests", "handle_hash", tx.now},
		{"codes", "hash", tx.now.Add(-keepCodes)},
		{"tokens", "hash", tx.now},
		{"sessions", "id", tx.now},
		{"links", "token_hash", tx.now},
		{"personal_tokens", "id", tx.now.Add(-keepPersonal)},
		{"logout_tokens", "hash", tx.now},
		{"farewells", "hash", tx.now},
		{"registration_tokens", "id", tx.now},
		{"assertions", "hash", tx.now},
		{"device_grants", "hash", tx.now.Add(-keepDevices)},
		{"ceremonies", "token_hash", tx.now},
		{"guesses", "subject", tx.now},
		{"proofs", "id", tx.now},
		{"email_proofs", "token_hash", tx.now},
		{"mails", "id", tx.now},
		{"notices_seen", "hash", tx.now},
	} {
		n, err := tx.exec(`delete from `+e.table+` where `+e.key+` in
			(select `+e.key+` from `+e.table+` where expires_at > 0 and expires_at <= $1 order by expires_at limit $2)`,
			e.end, limit)
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}
