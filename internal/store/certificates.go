package store

import (
	"strconv"

	"gatehouse"
)

const certificateColumns = `connector_id, number, pull_id, digest, body, created_at`

func scanCertificate(r row) (c gatehouse.Certificate, err error) {
	err = r.Scan(&c.ConnectorID, &c.Number, &c.PullID, &c.Digest, &c.Body, at(&c.CreatedAt))
	return c, err
}

// AddCertificate keeps a certificate. Its CreatedAt is filled in. A second one
// of a pull, or of a number, is a Conflict.
func (tx *Tx) AddCertificate(c *gatehouse.Certificate) error {
	_, err := tx.exec(`insert into certificates (`+certificateColumns+`) values ($1, $2, $3, $4, $5, $6)`,
		c.ConnectorID, c.Number, c.PullID, c.Digest, c.Body, tx.now)
	if err == nil {
		c.CreatedAt = tx.now
	}
	return err
}

// LastCertificate finds the newest certificate of a connector.
func (tx *Tx) LastCertificate(connectorID string) (gatehouse.Certificate, error) {
	return one(tx, scanCertificate, `select `+certificateColumns+` from certificates where connector_id = $1
		order by number desc limit 1`, connectorID)
}

// CertificateOf finds the certificate of a pull.
func (tx *Tx) CertificateOf(pullID string) (gatehouse.Certificate, error) {
	return one(tx, scanCertificate, `select `+certificateColumns+` from certificates where pull_id = $1`, pullID)
}

// Certificates lists those of a connector, the oldest first: the order in which
// they are checked.
func (tx *Tx) Certificates(connectorID string, c Cursor) (Page[gatehouse.Certificate], error) {
	key, err := c.key(1)
	if err != nil {
		return Page[gatehouse.Certificate]{}, err
	}
	after := int64(0)
	if key != nil {
		if after, err = strconv.ParseInt(key[0], 10, 64); err != nil {
			return Page[gatehouse.Certificate]{}, gatehouse.Errorf(gatehouse.Invalid, "This page of the list cannot be found. Start again from its first page.").Because(err)
		}
	}
	items, err := all(tx, scanCertificate, `select `+certificateColumns+` from certificates where connector_id = $1 and number > $2
		order by number limit $3`, connectorID, after, c.limit()+1)
	if err != nil {
		return Page[gatehouse.Certificate]{}, err
	}
	return paged(c, items, func(v gatehouse.Certificate) []string { return []string{strconv.FormatInt(v.Number, 10)} }), nil
}

// certificateKey is the one row of its table: who checks certificates has the
// public half, and would have to be told of another.
const certificateKey = "key"

func certificateKeyCell() cell { return cell{"certificate_keys", certificateKey, "seed"} }

// CertificateSeed is what the key for certificates is made from. NotFound: there
// is none yet.
func (tx *Tx) CertificateSeed() ([]byte, error) {
	return one(tx, func(r row) ([]byte, error) {
		var sealed []byte
		if err := r.Scan(&sealed); err != nil {
			return nil, err
		}
		return tx.unseal(sealed, certificateKeyCell())
	}, `select seed_sealed from certificate_keys where id = $1`, certificateKey)
}

// KeepCertificateSeed keeps fresh, sealed, unless there is one already, and
// gives the one that counts.
func (tx *Tx) KeepCertificateSeed(fresh []byte) ([]byte, error) {
	sealed, err := tx.seal(fresh, certificateKeyCell())
	if err != nil {
		return nil, err
	}
	if _, err := tx.exec(`insert into certificate_keys (id, seed_sealed) values ($1, $2) on conflict (id) do nothing`, certificateKey, sealed); err != nil {
		return nil, err
	}
	return tx.CertificateSeed()
}
