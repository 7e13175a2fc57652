package store

import (
	"strings"
	"time"

	"gatehouse"
)

const emailColumns = `user_id, address, verified, created_at`

func scanEmail(r row) (e gatehouse.Email, err error) {
	err = r.Scan(&e.UserID, &e.Address, &e.Verified, at(&e.CreatedAt))
	return e, err
}

// Emails lists the additional addresses of a user, the oldest first.
func (tx *Tx) Emails(userID string) ([]gatehouse.Email, error) {
	return all(tx, scanEmail, `select `+emailColumns+` from emails where user_id = $1 order by created_at, address`, userID)
}

// Email finds an additional address of a user, without regard to case.
func (tx *Tx) Email(userID, address string) (gatehouse.Email, error) {
	return one(tx, scanEmail, `select `+emailColumns+` from emails where user_id = $1 and address = $2`,
		userID, strings.ToLower(address))
}

// SaveEmail inserts or updates an additional address of a user; CreatedAt of one
// that is there stays. One that is the user's primary address, or is verified
// for somebody else (as primary or additional), is a Conflict.
func (tx *Tx) SaveEmail(e *gatehouse.Email) error {
	fresh := *e
	fresh.Address = strings.ToLower(e.Address)
	if fresh.Address == "" || len(fresh.Address) > longestKey {
		return gatehouse.Errorf(gatehouse.Invalid, "The address is missing or too long.")
	}
	if fresh.CreatedAt.IsZero() {
		fresh.CreatedAt = tx.now
	}
	primary, err := one(tx, scanInt, `select count(*) from users where id = $1 and lower(email) = $2`, fresh.UserID, fresh.Address)
	if err != nil {
		return err
	}
	if primary > 0 {
		return gatehouse.Errorf(gatehouse.Conflict, "%s is the primary address of this account already.", fresh.Address)
	}
	if fresh.Verified {
		if err := tx.addressIsFree(fresh.UserID, fresh.Address); err != nil {
			return err
		}
	}
	stored, err := one(tx, scanEmail, `insert into emails (`+emailColumns+`) values ($1, $2, $3, $4)
		on conflict (user_id, address) do update set verified = excluded.verified returning `+emailColumns,
		fresh.UserID, fresh.Address, fresh.Verified, fresh.CreatedAt)
	if err == nil {
		*e = stored
	}
	return err
}

// DeleteEmail removes an additional address of a user; NotFound if it is none.
// Links to verify it are of no use any more.
func (tx *Tx) DeleteEmail(userID, address string) error {
	address = strings.ToLower(address)
	if _, err := tx.exec(`delete from email_proofs where user_id = $1 and address = $2`, userID, address); err != nil {
		return err
	}
	return must(tx.exec(`delete from emails where user_id = $1 and address = $2`, userID, address))
}

// UsersByVerifiedEmail finds the one user for whom an address is verified, be it
// the primary or an additional one, without regard to case. Nobody is an empty
// list.
func (tx *Tx) UsersByVerifiedEmail(address string) ([]gatehouse.User, error) {
	if address == "" {
		return nil, nil
	}
	return all(tx, scanUser, `select `+userColumns+` from users where lower(email) = $1 and email_verified
		or id in (select user_id from emails where address = $1 and verified) order by id`, strings.ToLower(address))
}

// addressIsFree is a Conflict when an address is verified for somebody else. It
// looks at both places, since no index can; that two who do so at once do not
// both find it free is what serializable transactions are for.
func (tx *Tx) addressIsFree(userID, address string) error {
	n, err := one(tx, scanInt, `select
		(select count(*) from users where id <> $1 and lower(email) = $2 and email_verified) +
		(select count(*) from emails where user_id <> $1 and address = $2 and verified)`, userID, strings.ToLower(address))
	if err == nil && n > 0 {
		return gatehouse.Errorf(gatehouse.Conflict, "The address %s belongs to another account. Use another one, or sign in to that account.", address)
	}
	return err
}

// takeOver makes an additional address that becomes the primary one leave the
// list. What was verified stays so: it is the same address of the same person.
func (tx *Tx) takeOver(u *gatehouse.User) error {
	if u.ID == "" || u.Email == "" {
		return nil
	}
	found, err := all(tx, scanBool, `delete from emails where user_id = $1 and address = $2 returning verified`, u.ID, u.Email)
	if err == nil && len(found) > 0 && found[0] {
		u.EmailVerified = true
	}
	return err
}

// EmailProof is what a mailed link stands for: whoever holds it reads the mail
// of the address.
type EmailProof struct {
	UserID    string // whose address it is to be
	Address   string
	CreatedAt time.Time
	ExpiresAt time.Time
}

func scanEmailProof(r row) (p EmailProof, err error) {
	err = r.Scan(&p.UserID, &p.Address, at(&p.CreatedAt), at(&p.ExpiresAt))
	return p, err
}

// SaveEmailProof keeps the proof under the SHA-256 of its token. One that was
// made before for the same user and address is of no use any more.
func (tx *Tx) SaveEmailProof(token string, p EmailProof) error {
	p.Address = strings.ToLower(p.Address)
	if _, err := tx.exec(`delete from email_proofs where user_id = $1 and address = $2`, p.UserID, p.Address); err != nil {
		return err
	}
	_, err := tx.exec(`insert into email_proofs (token_hash, user_id, address, created_at, expires_at) values ($1, $2, $3, $4, $5)`,
		gatehouse.Digest(token), p.UserID, p.Address, tx.now, p.ExpiresAt)
	return err
}

// EmailProof reads a proof without using it up: NotFound when it is unknown,
// used or past its end.
func (tx *Tx) EmailProof(token string) (EmailProof, error) {
	return one(tx, scanEmailProof, `select user_id, address, created_at, expires_at from email_proofs
		where token_hash = $1 and expires_at > $2`, gatehouse.Digest(token), tx.now)
}

// TakeEmailProof reads and removes a proof, as EmailProof finds it. It stays
// removed only if the Update returns nil.
func (tx *Tx) TakeEmailProof(token string) (EmailProof, error) {
	return one(tx, scanEmailProof, `delete from email_proofs where token_hash = $1 and expires_at > $2
		returning user_id, address, created_at, expires_at`, gatehouse.Digest(token), tx.now)
}

// LastEmailProof is when a link to verify an address was last made for a user;
// zero when none is open.
func (tx *Tx) LastEmailProof(userID, address string) (time.Time, error) {
	return one(tx, scanTime, `select max(created_at) from email_proofs where user_id = $1 and address = $2 and expires_at > $3`,
		userID, strings.ToLower(address), tx.now)
}
