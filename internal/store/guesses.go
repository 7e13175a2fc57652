package store

import (
	"time"

	"gatehouse"
)

func scanGuesses(r row) (g gatehouse.Guesses, err error) {
	var n int64
	err = r.Scan(&n, at(&g.BlockedAt), at(&g.Until), at(&g.LastAt))
	g.Count = int(n)
	return g, err
}

// Guesses reads how often something was tried; the zero value when it was not,
// or long ago.
func (tx *Tx) Guesses(subject string) (gatehouse.Guesses, error) {
	found, err := all(tx, scanGuesses, `select count, blocked_at, until, last_at from guesses
		where subject = $1 and expires_at > $2`, subject, tx.now)
	if err != nil || len(found) == 0 {
		return gatehouse.Guesses{}, err
	}
	return found[0], nil
}

// SaveGuesses keeps how often something was tried, to be forgotten at an end.
func (tx *Tx) SaveGuesses(subject string, g gatehouse.Guesses, expires time.Time) error {
	_, err := tx.exec(`insert into guesses (subject, count, blocked_at, until, last_at, expires_at) values ($1, $2, $3, $4, $5, $6)
		on conflict (subject) do update set count = excluded.count, blocked_at = excluded.blocked_at, until = excluded.until,
			last_at = excluded.last_at, expires_at = excluded.expires_at`,
		subject, int64(g.Count), g.BlockedAt, g.Until, g.LastAt, expires)
	return err
}

// ForgetGuesses forgets how often something was tried, and says whether it was.
func (tx *Tx) ForgetGuesses(subject string) (bool, error) {
	n, err := tx.exec(`delete from guesses where subject = $1`, subject)
	return n > 0, err
}
