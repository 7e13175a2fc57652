package store

import "gatehouse"

func scanPassword(r row) (p gatehouse.Password, err error) {
	err = r.Scan(&p.UserID, &p.Hash, &p.ByHand, at(&p.ChangedAt))
	return p, err
}

// Password finds the password of a user.
func (tx *Tx) Password(userID string) (gatehouse.Password, error) {
	return one(tx, scanPassword, `select user_id, hash, by_hand, changed_at from passwords where user_id = $1`, userID)
}

// SavePassword gives a user a password, in place of the one before. ByHand stays
// true once it is; ChangedAt is filled in.
func (tx *Tx) SavePassword(p *gatehouse.Password) error {
	fresh, err := one(tx, scanPassword, `insert into passwords (user_id, hash, by_hand, changed_at) values ($1, $2, $3, $4)
		on conflict (user_id) do update set hash = excluded.hash, by_hand = passwords.by_hand or excluded.by_hand,
			changed_at = excluded.changed_at
		returning user_id, hash, by_hand, changed_at`, p.UserID, p.Hash, p.ByHand, tx.now)
	if err == nil {
		*p = fresh
	}
	return err
}

// DeletePassword takes the password of a user away.
func (tx *Tx) DeletePassword(userID string) error {
	return must(tx.exec(`delete from passwords where user_id = $1`, userID))
}
