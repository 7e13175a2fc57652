package store

import (
	"encoding/json"
	"time"

	"gatehouse"
)

// SaveRequest keeps an authorization request under the SHA-256 of its handle.
func (tx *Tx) SaveRequest(r *gatehouse.Request) error {
	created := r.CreatedAt
	if created.IsZero() {
		created = tx.now
	}
	params := r.Params
	if params == nil {
		params = json.RawMessage("null")
	}
	_, err := tx.exec(`insert into requests (handle_hash, client_id, browser_hash, params, demand, created_at, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (handle_hash) do update set params = excluded.params, demand = excluded.demand,
		expires_at = excluded.expires_at`,
		gatehouse.Digest(r.Handle), r.ClientID, r.BrowserHash, string(params), asJSON(r.Demand), created, r.ExpiresAt)
	if err == nil {
		r.CreatedAt = created
	}
	return err
}

func scanRequest(r row) (q gatehouse.Request, err error) {
	var params string
	err = r.Scan(&q.ClientID, &q.BrowserHash, &params, fromJSON(&q.Demand), at(&q.CreatedAt), at(&q.ExpiresAt))
	q.Params = json.RawMessage(params)
	return q, err
}

// Request finds an authorization request; Expired when past its end.
func (tx *Tx) Request(handle string) (gatehouse.Request, error) {
	q, err := one(tx, scanRequest, `select client_id, browser_hash, params, demand, created_at, expires_at
		from requests where handle_hash = $1`, gatehouse.Digest(handle))
	if err != nil {
		return gatehouse.Request{}, err
	}
	q.Handle = handle
	if tx.past(q.ExpiresAt) {
		return q, gatehouse.Errorf(gatehouse.Expired, "This sign-in took too long. Go back to the app and start again.")
	}
	return q, nil
}

// DeleteRequest removes an authorization request.
func (tx *Tx) DeleteRequest(handle string) error {
	return tx.send(`delete from requests where handle_hash = $1`, gatehouse.Digest(handle))
}

// TakeRequest removes an authorization request. It reports false when there is
// none, since somebody else was quicker or it never was.
func (tx *Tx) TakeRequest(handle string) (bool, error) {
	n, err := tx.exec(`delete from requests where handle_hash = $1 and expires_at > $2`, gatehouse.Digest(handle), tx.now)
	return n == 1, err
}

// SaveCode inserts an authorization code.
func (tx *Tx) SaveCode(c *gatehouse.Code) error {
	return tx.send(`insert into codes (`+codeColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		c.Hash, c.Family, c.Grant.ClientID, orNull(c.Grant.UserID), c.Grant.SessionID, asJSON(c.Grant.Scopes), c.Grant.Nonce,
		c.Grant.AuthAt, c.RedirectURI, c.Challenge, c.HasNoRedirect, c.ExpiresAt, orNoTime(c.UsedAt), asDetails(c.Grant.Details))
}

const codeColumns = `hash, family, client_id, user_id, session_id, scopes, nonce, auth_at, redirect_uri, challenge,
	has_no_redirect, expires_at, used_at, details`

func scanCode(r row) (c gatehouse.Code, err error) {
	err = r.Scan(&c.Hash, &c.Family, &c.Grant.ClientID, text(&c.Grant.UserID), &c.Grant.SessionID, fromJSON(&c.Grant.Scopes),
		&c.Grant.Nonce, at(&c.Grant.AuthAt), &c.RedirectURI, &c.Challenge, &c.HasNoRedirect, at(&c.ExpiresAt), at(&c.UsedAt),
		details(&c.Grant.Details))
	return c, err
}

// TakeCode marks a code as used and returns it as it was before: UsedAt is zero
// for the one caller that took it, and tells when for a later one. Expired
// codes are returned too (the caller compares ExpiresAt with tx.Now). NotFound when unknown.
func (tx *Tx) TakeCode(hash []byte) (gatehouse.Code, error) {
	c, err := one(tx, scanCode, `update codes set used_at = $2 where hash = $1 and used_at is null
		returning `+codeColumns, hash, tx.now)
	if err == gatehouse.NotFound { //nolint:errorlint // exactly what one returns
		return tx.Code(hash)
	}
	c.UsedAt = time.Time{}
	return c, err
}

// Code finds an authorization code without taking it.
func (tx *Tx) Code(hash []byte) (gatehouse.Code, error) {
	return one(tx, scanCode, `select `+codeColumns+` from codes where hash = $1`, hash)
}

// DeleteCode forgets an authorization code. Nothing happens if it is unknown.
func (tx *Tx) DeleteCode(hash []byte) error {
	return tx.send(`delete from codes where hash = $1`, hash)
}

// Consent is the scopes that a user allowed a client.
type Consent = gatehouse.Consent

func scanConsent(r row) (c Consent, err error) {
	err = r.Scan(&c.UserID, &c.ClientID, fromJSON(&c.Scopes), at(&c.At))
	return c, err
}

// Consent finds what a user allowed a client.
func (tx *Tx) Consent(userID, clientID string) (Consent, error) {
	return one(tx, scanConsent, `select user_id, client_id, scopes, at from consents
		where user_id = $1 and client_id = $2`, userID, clientID)
}

// Consents lists what a user allowed, the newest first.
func (tx *Tx) Consents(userID string) ([]Consent, error) {
	return all(tx, scanConsent, `select user_id, client_id, scopes, at from consents
		where user_id = $1 order by at desc, client_id`, userID)
}

// SaveConsent keeps what a user allowed a client, in place of what was. A zero
// At is now.
func (tx *Tx) SaveConsent(c Consent) error {
	if c.At.IsZero() {
		c.At = tx.now
	}
	return tx.send(`insert into consents (user_id, client_id, scopes, at) values ($1, $2, $3, $4)
		on conflict (user_id, client_id) do update set scopes = excluded.scopes, at = excluded.at`,
		c.UserID, c.ClientID, asJSON(c.Scopes), c.At)
}

// DeleteConsent takes it back. Nothing happens if there is none.
func (tx *Tx) DeleteConsent(userID, clientID string) error {
	_, err := tx.exec(`delete from consents where user_id = $1 and client_id = $2`, userID, clientID)
	return err
}

func (tx *Tx) scanSigningKey(r row) (k gatehouse.SigningKey, err error) {
	var private []byte
	if err := r.Scan(&k.ID, &k.Algorithm, &private, at(&k.CreatedAt), at(&k.ActiveAt), at(&k.RetireAt)); err != nil {
		return k, err
	}
	k.Private, err = tx.unseal(private, cell{"signing_keys", k.ID, "private"})
	return k, err
}

// SigningKeys lists the provider's keys that are not past RetireAt, the newest first.
func (tx *Tx) SigningKeys() ([]gatehouse.SigningKey, error) {
	return all(tx, tx.scanSigningKey, `select id, algorithm, private_sealed, created_at, active_at, retire_at from signing_keys
		where retire_at = 0 or retire_at > $1 order by created_at desc, id`, tx.now)
}

// SaveSigningKey inserts or updates a key. Its private part is sealed.
func (tx *Tx) SaveSigningKey(k *gatehouse.SigningKey) error {
	if k.ID == "" || len(k.Private) == 0 {
		return gatehouse.Errorf(gatehouse.Invalid, "The signing key has no id or no private part.")
	}
	private, err := tx.seal(k.Private, cell{"signing_keys", k.ID, "private"})
	if err != nil {
		return err
	}
	created := k.CreatedAt
	if created.IsZero() {
		created = tx.now
	}
	k.CreatedAt, err = one(tx, scanTime, `insert into signing_keys (id, algorithm, private_sealed, created_at, active_at, retire_at)
		values ($1, $2, $3, $4, $5, $6)
		on conflict (id) do update set private_sealed = excluded.private_sealed, active_at = excluded.active_at,
		retire_at = excluded.retire_at returning created_at`,
		k.ID, k.Algorithm, private, created, k.ActiveAt, k.RetireAt)
	return err
}
