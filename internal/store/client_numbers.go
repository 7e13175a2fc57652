package store

import (
	"errors"

	"gatehouse"
)

// IntroduceAs notes the number of an outside system by which a client knows a
// user (user_id_from). Whoever else was known to it by that number is so no more:
// their tokens, codes and devices of that client end, so that no number ever
// means two people.
func (tx *Tx) IntroduceAs(clientID, userID string, number int64) error {
	others, err := all(tx, scanString, `select user_id from client_numbers where client_id = $1 and number = $2 and user_id <> $3`, clientID, number, userID)
	if err != nil {
		return err
	}
	for _, other := range others {
		if err := tx.forget(clientID, other); err != nil {
			return err
		}
	}
	_, err = tx.exec(`insert into client_numbers (client_id, user_id, number, merge_id) values ($1, $2, $3, '')
		on conflict (client_id, user_id) do update set number = excluded.number`, clientID, userID, number)
	return err
}

// forget ends what a client has of a user, and by which number it knows them.
func (tx *Tx) forget(clientID, userID string) error {
	if err := tx.RevokeUserTokens(userID, clientID); err != nil {
		return err
	}
	if _, err := tx.exec(`delete from session_clients where client_id = $1 and session_id in (select id from sessions where user_id = $2)`, clientID, userID); err != nil {
		return err
	}
	_, err := tx.exec(`delete from client_numbers where client_id = $1 and user_id = $2`, clientID, userID)
	return err
}

// KnownTo counts the users whom a client knows.
func (tx *Tx) KnownTo(clientID string) (int64, error) {
	return one(tx, scanInt, `select count(*) from client_numbers where client_id = $1`, clientID)
}

// UserKnownAs finds the user whom a client knows by a number.
func (tx *Tx) UserKnownAs(clientID string, number int64) (gatehouse.User, error) {
	ids, err := all(tx, scanString, `select n.user_id from client_numbers n join users u on u.id = n.user_id
		where n.client_id = $1 and n.number = $2 and u.state <> 'merged'`, clientID, number)
	if err != nil || len(ids) != 1 {
		return gatehouse.User{}, errors.Join(err, gatehouse.NotFound)
	}
	return tx.UserFor(clientID, ids[0])
}

// forgetNumbers has a client know nobody any more, since people have other
// numbers there from now on: a token of before would show the old one. Its
// tokens, codes and devices end.
func (tx *Tx) forgetNumbers(clientID string) error {
	if _, err := tx.exec(`update tokens set revoked_at = $2 where client_id = $1 and revoked_at = 0`, clientID, tx.now); err != nil {
		return err
	}
	for _, table := range []string{"codes", "device_grants", "session_clients", "client_numbers"} {
		if _, err := tx.exec(`delete from `+table+` where client_id = $1`, clientID); err != nil {
			return err
		}
	}
	return nil
}
