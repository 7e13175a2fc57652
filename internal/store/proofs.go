package store

import (
	"encoding/json"
	"errors"
	"fmt"

	"gatehouse"
)

// proofSecrets are the parts of a Proof that are sealed.
type proofSecrets struct {
	Vouched gatehouse.Vouched
	Request string
}

func proofCell(id string) cell { return cell{"proofs", id, "secrets"} }

const proofColumns = `id, browser_hash, connection_id, user_id, decision, secrets_sealed, return_to, created_at, expires_at`

func (tx *Tx) scanProof(r row) (p gatehouse.Proof, err error) {
	var sealed []byte
	if err := r.Scan(&p.ID, &p.BrowserHash, &p.ConnectionID, &p.UserID, &p.Decision, &sealed, &p.ReturnTo,
		at(&p.CreatedAt), at(&p.ExpiresAt)); err != nil {
		return p, err
	}
	plain, err := tx.unseal(sealed, proofCell(p.ID))
	if err != nil {
		return p, err
	}
	var s proofSecrets
	if err := json.Unmarshal(plain, &s); err != nil {
		return p, fmt.Errorf("read secrets of proof %s: %w", p.ID, err)
	}
	p.Vouched, p.Request = s.Vouched, s.Request
	return p, nil
}

// SaveProof keeps a proof for its browser, in place of the one that the browser
// had: there is one at a time. What was vouched for is sealed. ID and CreatedAt
// are filled in.
func (tx *Tx) SaveProof(p *gatehouse.Proof) error {
	if len(p.BrowserHash) == 0 || p.ConnectionID == "" || p.ExpiresAt.IsZero() {
		return errors.New("save a proof: it has no browser, no connection or no end")
	}
	fresh := *p
	fresh.ID, fresh.CreatedAt = NewID(), p.CreatedAt
	if fresh.CreatedAt.IsZero() {
		fresh.CreatedAt = tx.now
	}
	sealed, err := tx.seal([]byte(asJSON(proofSecrets{p.Vouched, p.Request})), proofCell(fresh.ID))
	if err != nil {
		return err
	}
	if err := tx.DeleteProof(p.BrowserHash); err != nil {
		return err
	}
	_, err = tx.exec(`insert into proofs (`+proofColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		fresh.ID, fresh.BrowserHash, fresh.ConnectionID, fresh.UserID, fresh.Decision, sealed, fresh.ReturnTo,
		fresh.CreatedAt, fresh.ExpiresAt)
	if err == nil {
		*p = fresh
	}
	return err
}

// Proof is the proof that a browser holds: NotFound when there is none, or when
// it is past its end.
func (tx *Tx) Proof(browserHash []byte) (gatehouse.Proof, error) {
	return tx.liveProof(one(tx, tx.scanProof, `select `+proofColumns+` from proofs where browser_hash = $1`, browserHash))
}

// TakeProof reads and removes the proof of a browser if it is still the one
// with this id: it can be taken once. NotFound as of Proof.
func (tx *Tx) TakeProof(browserHash []byte, id string) (gatehouse.Proof, error) {
	return tx.liveProof(one(tx, tx.scanProof, `delete from proofs where browser_hash = $1 and id = $2 returning `+proofColumns,
		browserHash, id))
}

// DeleteProof removes the proof of a browser, if it has one.
func (tx *Tx) DeleteProof(browserHash []byte) error {
	_, err := tx.exec(`delete from proofs where browser_hash = $1`, browserHash)
	return err
}

func (tx *Tx) liveProof(p gatehouse.Proof, err error) (gatehouse.Proof, error) {
	if err != nil {
		return gatehouse.Proof{}, err
	}
	if tx.past(p.ExpiresAt) {
		return gatehouse.Proof{}, gatehouse.NotFound
	}
	return p, nil
}
