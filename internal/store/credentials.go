package store

import "gatehouse"

func scanLocalWays(r row) (w gatehouse.LocalWays, err error) {
	var passwords, withHand, apps, codes, passkeys int64
	err = r.Scan(&passwords, &withHand, &apps, &codes, &passkeys)
	return gatehouse.LocalWays{
		Password: passwords > 0, ByHand: withHand > 0, Authenticator: apps > 0, RecoveryCodes: int(codes), Passkeys: int(passkeys),
	}, err
}

// LocalWays says what a user has to prove themselves to Gatehouse itself. An
// authenticator that is being set up does not count.
func (tx *Tx) LocalWays(userID string) (gatehouse.LocalWays, error) {
	return one(tx, scanLocalWays, `select
		(select count(*) from passwords where user_id = $1),
		(select count(*) from passwords where user_id = $1 and by_hand),
		(select count(*) from authenticators where user_id = $1 and confirmed),
		(select count(*) from recovery_codes where user_id = $1 and used_at = 0),
		(select count(*) from passkeys where user_id = $1)`, userID)
}

// AnyLocal says whether anybody has a password or a passkey that may lead in: an
// administrator, an account made by hand, and with everybody's passkeys anyone.
func (tx *Tx) AnyLocal(everybodysPasskeys bool) (bool, error) {
	n, err := one(tx, scanInt, `select case when
		exists (select 1 from passwords p join users u on u.id = p.user_id where p.by_hand or u.role <> '')
		or exists (select 1 from passkeys k join users u on u.id = k.user_id left join passwords p on p.user_id = u.id
			where $1 or u.role <> '' or coalesce(p.by_hand, false))
		then 1 else 0 end`, everybodysPasskeys)
	return n > 0, err
}

// EndCredentials removes the password, authenticator, recovery codes, passkeys
// and ceremonies of a user, and says whether there were any. The caller records it.
func (tx *Tx) EndCredentials(userID string) (bool, error) {
	var total int64
	for _, table := range []string{"passwords", "authenticators", "recovery_codes", "passkeys", "ceremonies"} {
		n, err := tx.exec(`delete from `+table+` where user_id = $1`, userID)
		if err != nil {
			return false, err
		}
		total += n
	}
	return total > 0, nil
}
