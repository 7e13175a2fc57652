package store

import (
	"bytes"
	"encoding/hex"
	"errors"

	"gatehouse"
)

func ceremonyCell(hash []byte) cell { return cell{"ceremonies", hex.EncodeToString(hash), "data"} }

// SaveCeremony keeps a proof under way, or what has changed of it since. Only the
// SHA-256 of its token is stored.
func (tx *Tx) SaveCeremony(token string, c *gatehouse.Ceremony) error {
	hash := gatehouse.Digest(token)
	data, err := tx.seal(c.Data, ceremonyCell(hash))
	if err != nil {
		return err
	}
	fresh := *c
	if fresh.CreatedAt.IsZero() {
		fresh.CreatedAt = tx.now
	}
	_, err = tx.exec(`insert into ceremonies (token_hash, purpose, user_id, browser_hash, data_sealed, created_at, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (token_hash) do update set data_sealed = excluded.data_sealed, expires_at = excluded.expires_at`,
		hash, fresh.Purpose, fresh.UserID, fresh.BrowserHash, data, fresh.CreatedAt, fresh.ExpiresAt)
	if err == nil {
		*c = fresh
	}
	return err
}

// Ceremony reads a proof under way: of this purpose, begun in this browser, and
// not past its end. Anything else is NotFound.
func (tx *Tx) Ceremony(purpose, token string, browserHash []byte) (gatehouse.Ceremony, error) {
	hash := gatehouse.Digest(token)
	scan := func(r row) (c gatehouse.Ceremony, err error) {
		var sealed []byte
		if err := r.Scan(&c.Purpose, &c.UserID, &c.BrowserHash, &sealed, at(&c.CreatedAt), at(&c.ExpiresAt)); err != nil {
			return c, err
		}
		c.Data, err = tx.unseal(sealed, ceremonyCell(hash))
		return c, err
	}
	c, err := one(tx, scan, `select purpose, user_id, browser_hash, data_sealed, created_at, expires_at
		from ceremonies where token_hash = $1 and purpose = $2 and expires_at > $3`, hash, purpose, tx.now)
	if err == nil && (len(browserHash) == 0 || !bytes.Equal(c.BrowserHash, browserHash)) {
		return gatehouse.Ceremony{}, gatehouse.NotFound
	}
	return c, err
}

// TakeCeremony is Ceremony and removes it: it can be taken once. It stays
// removed only if the Update returns nil.
func (tx *Tx) TakeCeremony(purpose, token string, browserHash []byte) (gatehouse.Ceremony, error) {
	c, err := tx.Ceremony(purpose, token, browserHash)
	if err != nil {
		return c, err
	}
	err = must(tx.exec(`delete from ceremonies where token_hash = $1`, gatehouse.Digest(token)))
	return c, err
}

// EndCeremony removes a proof under way, if it is still there.
func (tx *Tx) EndCeremony(token string) error {
	err := must(tx.exec(`delete from ceremonies where token_hash = $1`, gatehouse.Digest(token)))
	if errors.Is(err, gatehouse.NotFound) {
		return nil
	}
	return err
}
