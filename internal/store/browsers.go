package store

// NoticeSession marks that it was looked at with which browser a session began.
// It reports false when that was done before, or the session is gone.
func (tx *Tx) NoticeSession(id string) (bool, error) {
	n, err := tx.exec(`update sessions set noticed = true where id = $1 and not noticed`, id)
	return n == 1, err
}

// KnowBrowser keeps that a user signed in with a browser, known by the SHA-256 of
// its lasting cookie. It says whether they did so before, and with how many other
// browsers. Only the most lately used ones are kept, up to most.
func (tx *Tx) KnowBrowser(userID string, hash []byte, most int) (before bool, others int64, err error) {
	n, err := tx.exec(`update browsers set last_at = $3 where user_id = $1 and hash = $2`, userID, hash, tx.now)
	if err != nil {
		return false, 0, err
	}
	others, err = one(tx, scanInt, `select count(*) from browsers where user_id = $1 and hash <> $2`, userID, hash)
	if err != nil || n == 1 {
		return n == 1, others, err
	}
	if _, err := tx.exec(`insert into browsers (user_id, hash, first_at, last_at) values ($1, $2, $3, $3)`, userID, hash, tx.now); err != nil {
		return false, others, err
	}
	_, err = tx.exec(`delete from browsers where user_id = $1 and hash not in
		(select hash from browsers where user_id = $1 order by last_at desc, hash limit $2)`, userID, most)
	return false, others, err
}

// ForgetBrowsers removes the browsers that are known of a user.
func (tx *Tx) ForgetBrowsers(userID string) error {
	_, err := tx.exec(`delete from browsers where user_id = $1`, userID)
	return err
}
