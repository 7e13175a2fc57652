package store

import (
	"time"

	"gatehouse"
)

// UseAssertion notes that an assertion of a client was used, by its jti. It
// reports false when it was used before, on whatever node. Until then it is
// known.
func (tx *Tx) UseAssertion(issuer, id string, until time.Time) (bool, error) {
	n, err := tx.exec(`insert into assertions (hash, expires_at) values ($1, $2) on conflict (hash) do nothing`,
		gatehouse.Digest(issuer+" "+id), until)
	return n == 1, err
}
