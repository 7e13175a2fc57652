package store

import (
	"fmt"

	"gatehouse"
)

// longestChain bounds how often users may have been merged one after another.
const longestChain = 100

const mergeColumns = `id, kept_id, gone_id, moved, at, by_name, split_at, split_by`

func scanMerge(r row) (m gatehouse.Merge, err error) {
	err = r.Scan(&m.ID, &m.KeptID, &m.GoneID, fromJSON(&m.Moved), at(&m.At), &m.By, at(&m.SplitAt), &m.SplitBy)
	return m, err
}

// Kept is the user who has by now what was a user's: themselves, or the last one
// of those into whom they were merged.
func (tx *Tx) Kept(u gatehouse.User) (gatehouse.User, error) {
	for range longestChain {
		if u.MergedInto == "" {
			return u, nil
		}
		var err error
		if u, err = tx.User(u.MergedInto); err != nil {
			return u, err
		}
	}
	return u, fmt.Errorf("user %s was merged in a circle", u.ID)
}

// SaveMerge inserts (ID == "": ID and At are filled in) the record of a merge,
// or updates by whom and when it was undone.
func (tx *Tx) SaveMerge(m *gatehouse.Merge) error {
	if m.ID != "" {
		return must(tx.exec(`update merges set split_at = $2, split_by = $3 where id = $1`, m.ID, m.SplitAt, m.SplitBy))
	}
	fresh := *m
	fresh.ID, fresh.At = NewID(), tx.now
	_, err := tx.exec(`insert into merges (`+mergeColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		fresh.ID, fresh.KeptID, fresh.GoneID, asJSON(fresh.Moved), fresh.At, fresh.By, fresh.SplitAt, fresh.SplitBy)
	if err == nil {
		*m = fresh
	}
	return err
}

// Merge finds the record of a merge.
func (tx *Tx) Merge(id string) (gatehouse.Merge, error) {
	return one(tx, scanMerge, `select `+mergeColumns+` from merges where id = $1`, id)
}

// Merges lists the merges that a user was part of, the newest first, with those
// that were undone.
func (tx *Tx) Merges(userID string) ([]gatehouse.Merge, error) {
	return all(tx, scanMerge, `select `+mergeColumns+` from merges where kept_id = $1 or gone_id = $1 order by id desc`, userID)
}

// ClientNumber is the number by which a client knows a user.
type ClientNumber struct {
	ClientID string
	Number   int64
}

func scanClientNumber(r row) (n ClientNumber, err error) {
	err = r.Scan(&n.ClientID, &n.Number)
	return n, err
}

// Introduce notes the number by which a client knows a user, their own. One that
// knows them already goes on as before.
func (tx *Tx) Introduce(clientID string, u gatehouse.User) error {
	return tx.send(`insert into client_numbers (client_id, user_id, number, merge_id) values ($1, $2, $3, '')
		on conflict (client_id, user_id) do nothing`, clientID, u.ID, u.Number)
}

// UserFor finds a user by id, as a client knows them: after a merge the number
// may be that of the one who is gone.
func (tx *Tx) UserFor(clientID, id string) (gatehouse.User, error) {
	return one(tx, scanUser, `select `+knownUser+` from users u
		left join client_numbers n on n.client_id = $1 and n.user_id = u.id where u.id = $2`, clientID, id)
}

// ClientNumbers lists the clients that know a user, and by which number.
func (tx *Tx) ClientNumbers(userID string) ([]ClientNumber, error) {
	return all(tx, scanClientNumber, `select client_id, number from client_numbers where user_id = $1 order by client_id`, userID)
}

// GiveNumbers lets the clients that know the one who is gone, and not the kept
// one, know the kept one by the number of the other.
func (tx *Tx) GiveNumbers(m gatehouse.Merge) error {
	_, err := tx.exec(`insert into client_numbers (client_id, user_id, number, merge_id)
		select n.client_id, $1, n.number, $2 from client_numbers n where n.user_id = $3
		on conflict (client_id, user_id) do nothing`, m.KeptID, m.ID, m.GoneID)
	return err
}

// TakeNumbers undoes GiveNumbers.
func (tx *Tx) TakeNumbers(mergeID string) error {
	_, err := tx.exec(`delete from client_numbers where merge_id = $1 and merge_id <> ''`, mergeID)
	return err
}
