package store

import (
	"encoding/json"
	"fmt"
	"time"

	"gatehouse"
)

// attemptSecrets are the parts of an Attempt that are sealed.
type attemptSecrets struct{ Nonce, Verifier, Request string }

func attemptCell(id string) cell { return cell{"attempts", id, "secrets"} }

// SaveAttempt keeps a sign-in under way. Only the SHA-256 of its State is
// stored. ID and CreatedAt are filled in.
func (tx *Tx) SaveAttempt(a *gatehouse.Attempt) error {
	fresh := *a
	if fresh.ID == "" {
		fresh.ID = NewID()
	}
	if fresh.CreatedAt.IsZero() {
		fresh.CreatedAt = tx.now
	}
	secrets, err := tx.seal([]byte(asJSON(attemptSecrets{a.Nonce, a.Verifier, a.Request})), attemptCell(fresh.ID))
	if err != nil {
		return err
	}
	_, err = tx.exec(`insert into attempts (id, connection_id, secrets_sealed, browser_hash, redirect_uri, return_to,
		purpose, user_id, fresh, login_hint, locale, created_at, expires_at, state_hash)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		fresh.ID, fresh.ConnectionID, secrets, fresh.BrowserHash, fresh.RedirectURI, fresh.ReturnTo,
		fresh.Purpose, fresh.UserID, fresh.Fresh, fresh.LoginHint, fresh.Locale, fresh.CreatedAt, fresh.ExpiresAt, gatehouse.Digest(fresh.State))
	if err == nil {
		*a = fresh
	}
	return err
}

const attemptColumns = `id, connection_id, secrets_sealed, browser_hash, redirect_uri, return_to,
	purpose, user_id, fresh, login_hint, locale, created_at, expires_at`

func (tx *Tx) scanAttempt(r row) (a gatehouse.Attempt, err error) {
	var sealed []byte
	if err := r.Scan(&a.ID, &a.ConnectionID, &sealed, &a.BrowserHash, &a.RedirectURI, &a.ReturnTo,
		&a.Purpose, &a.UserID, &a.Fresh, &a.LoginHint, &a.Locale, at(&a.CreatedAt), at(&a.ExpiresAt)); err != nil {
		return a, err
	}
	plain, err := tx.unseal(sealed, attemptCell(a.ID))
	if err != nil {
		return a, err
	}
	var s attemptSecrets
	if err := json.Unmarshal(plain, &s); err != nil {
		return a, fmt.Errorf("read secrets of attempt %s: %w", a.ID, err)
	}
	a.Nonce, a.Verifier, a.Request = s.Nonce, s.Verifier, s.Request
	return a, nil
}

// TakeAttempt reads and removes the attempt with this state: it can be taken
// once. One that is past its end is Expired, and removed; an unknown or taken
// one NotFound. It stays removed only if the Update returns nil, so a caller
// that refuses what it took keeps that error outside of the transaction.
func (tx *Tx) TakeAttempt(state string) (gatehouse.Attempt, error) {
	a, err := one(tx, tx.scanAttempt, `delete from attempts where state_hash = $1 returning `+attemptColumns, gatehouse.Digest(state))
	return tx.liveAttempt(a, state, err)
}

// PeekAttempt reads the attempt with this state without taking it.
func (tx *Tx) PeekAttempt(state string) (gatehouse.Attempt, error) {
	a, err := one(tx, tx.scanAttempt, `select `+attemptColumns+` from attempts where state_hash = $1`, gatehouse.Digest(state))
	return tx.liveAttempt(a, state, err)
}

func (tx *Tx) liveAttempt(a gatehouse.Attempt, state string, err error) (gatehouse.Attempt, error) {
	if err != nil {
		return gatehouse.Attempt{}, err
	}
	a.State = state
	if tx.past(a.ExpiresAt) {
		return a, gatehouse.Errorf(gatehouse.Expired, "This sign-in took too long. Start again.")
	}
	return a, nil
}

// past says whether an end has come. No end never comes.
func (tx *Tx) past(end time.Time) bool { return !end.IsZero() && !tx.now.Before(end) }

// Link is a one-time address (the first administrator's claim, dev's dashboard link).
type Link struct {
	Purpose   string // "claim", "dev"
	UserID    string // whom it signs in, "" = decided when it is taken
	ExpiresAt time.Time
}

func scanLink(r row) (l Link, err error) {
	err = r.Scan(&l.Purpose, &l.UserID, at(&l.ExpiresAt))
	return l, err
}

// SaveLink keeps a one-time link under the SHA-256 of its token.
func (tx *Tx) SaveLink(token string, l Link) error {
	_, err := tx.exec(`insert into links (token_hash, purpose, user_id, expires_at) values ($1, $2, $3, $4)`,
		gatehouse.Digest(token), l.Purpose, l.UserID, l.ExpiresAt)
	return err
}

// TakeLink reads and removes a link: NotFound when unknown or taken, Expired
// when past its end. It stays removed only if the Update returns nil.
func (tx *Tx) TakeLink(purpose, token string) (Link, error) {
	l, err := one(tx, scanLink, `delete from links where token_hash = $1 and purpose = $2
		returning purpose, user_id, expires_at`, gatehouse.Digest(token), purpose)
	if err == nil && tx.past(l.ExpiresAt) {
		err = gatehouse.Errorf(gatehouse.Expired, "This link is too old. Ask for a new one.")
	}
	return l, err
}

// EndLinks removes the links of a purpose that a user has.
func (tx *Tx) EndLinks(purpose, userID string) error {
	_, err := tx.exec(`delete from links where purpose = $1 and user_id = $2`, purpose, userID)
	return err
}
