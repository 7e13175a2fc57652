package store

import (
	"crypto/sha256"

	"gatehouse"
)

func authenticatorCell(userID string) cell { return cell{"authenticators", userID, "secret"} }

func (tx *Tx) scanAuthenticator(r row) (a gatehouse.Authenticator, err error) {
	var sealed []byte
	if err := r.Scan(&a.UserID, &a.Confirmed, &sealed, &a.Step, at(&a.CreatedAt)); err != nil {
		return a, err
	}
	a.Secret, err = tx.unseal(sealed, authenticatorCell(a.UserID))
	return a, err
}

// Authenticator finds the authenticator app of a user: the one that counts, or
// the one that is being set up.
func (tx *Tx) Authenticator(userID string, confirmed bool) (gatehouse.Authenticator, error) {
	return one(tx, tx.scanAuthenticator, `select user_id, confirmed, secret_sealed, step, created_at
		from authenticators where user_id = $1 and confirmed = $2`, userID, confirmed)
}

// SaveAuthenticator keeps an authenticator app, in place of the one before in the
// same state. A confirmed one takes the place of the one that was being set up as well.
func (tx *Tx) SaveAuthenticator(a *gatehouse.Authenticator) error {
	fresh := *a
	if fresh.CreatedAt.IsZero() {
		fresh.CreatedAt = tx.now
	}
	sealed, err := tx.seal(a.Secret, authenticatorCell(a.UserID))
	if err != nil {
		return err
	}
	if _, err = tx.exec(`delete from authenticators where user_id = $1 and (not confirmed or $2)`, a.UserID, a.Confirmed); err != nil {
		return err
	}
	_, err = tx.exec(`insert into authenticators (user_id, confirmed, secret_sealed, step, created_at) values ($1, $2, $3, $4, $5)`,
		a.UserID, a.Confirmed, sealed, a.Step, fresh.CreatedAt)
	if err == nil {
		*a = fresh
	}
	return err
}

// UseStep notes that the code of a step was used, and says whether it may be:
// neither that nor a later one was used before.
func (tx *Tx) UseStep(userID string, step int64) (bool, error) {
	n, err := tx.exec(`update authenticators set step = $2 where user_id = $1 and confirmed and step < $2`, userID, step)
	return n > 0, err
}

// DeleteAuthenticator takes the authenticator app of a user away, with the
// recovery codes that stand in for it, and says whether there was one that counts.
func (tx *Tx) DeleteAuthenticator(userID string) (bool, error) {
	counted, err := one(tx, scanInt, `select count(*) from authenticators where user_id = $1 and confirmed`, userID)
	if err != nil {
		return false, err
	}
	if _, err = tx.exec(`delete from authenticators where user_id = $1`, userID); err != nil {
		return false, err
	}
	_, err = tx.exec(`delete from recovery_codes where user_id = $1`, userID)
	return counted > 0, err
}

// recoveryDigest binds a code to its user: the same code of two people looks
// different.
func recoveryDigest(userID, code string) []byte {
	h := sha256.Sum256([]byte(userID + "\x00" + code))
	return h[:]
}

// SaveRecoveryCodes gives a user recovery codes, in place of all before. Only
// their SHA-256 is stored.
func (tx *Tx) SaveRecoveryCodes(userID string, codes []string) error {
	if _, err := tx.exec(`delete from recovery_codes where user_id = $1`, userID); err != nil {
		return err
	}
	for _, code := range codes {
		if _, err := tx.exec(`insert into recovery_codes (user_id, code_hash, used_at) values ($1, $2, 0)`,
			userID, recoveryDigest(userID, code)); err != nil {
			return err
		}
	}
	return nil
}

// UseRecoveryCode uses a recovery code up, and says whether it could be used.
func (tx *Tx) UseRecoveryCode(userID, code string) (bool, error) {
	n, err := tx.exec(`update recovery_codes set used_at = $3 where user_id = $1 and code_hash = $2 and used_at = 0`,
		userID, recoveryDigest(userID, code), tx.now)
	return n > 0, err
}
