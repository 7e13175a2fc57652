package store

// pairwiseSalt is the one row of its table: more could never be told apart in
// what clients have stored.
const pairwiseSalt = "salt"

// PairwiseSalt is what pairwise subjects are made with, sealed: the one that is
// there, else fresh, which is kept.
func (tx *Tx) PairwiseSalt(fresh []byte) ([]byte, error) {
	where := cell{"pairwise", pairwiseSalt, "salt"}
	sealed, err := tx.seal(fresh, where)
	if err != nil {
		return nil, err
	}
	if _, err := tx.exec(`insert into pairwise (id, salt_sealed) values ($1, $2) on conflict (id) do nothing`, pairwiseSalt, sealed); err != nil {
		return nil, err
	}
	return one(tx, func(r row) ([]byte, error) {
		var kept []byte
		if err := r.Scan(&kept); err != nil {
			return nil, err
		}
		return tx.unseal(kept, where)
	}, `select salt_sealed from pairwise where id = $1`, pairwiseSalt)
}
