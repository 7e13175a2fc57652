package access

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"gatehouse"
	"gatehouse/internal/certify"
	"gatehouse/internal/store"
)

// certificate makes the completeness certificate of a pull that has ended well,
// and keeps it behind those before it.
func certificate(tx *store.Tx, p gatehouse.Pull, released bool) (gatehouse.Certificate, error) {
	var made gatehouse.Certificate
	c, err := tx.Connector(p.ConnectorID)
	if err != nil {
		return made, err
	}
	known, err := tx.CountCurrent(c.ID)
	if err != nil {
		return made, err
	}
	gaps, err := gapsOf(tx, c.ID)
	if err != nil {
		return made, err
	}
	former, err := tx.LastCertificate(c.ID)
	if err != nil && !errors.Is(err, gatehouse.NotFound) {
		return made, err
	}
	key, err := CertificateKey(tx)
	if err != nil {
		return made, err
	}
	s := statement(c, p, known)
	s.Released, s.Gaps, s.Number, s.Former = released, gaps, former.Number+1, former.Digest
	signed, err := certify.Sign(key, s)
	if err != nil {
		return made, err
	}
	body, err := json.Marshal(signed)
	if err != nil {
		return made, fmt.Errorf("write the certificate: %w", err)
	}
	made = gatehouse.Certificate{ConnectorID: c.ID, Number: s.Number, PullID: p.ID, Digest: signed.Digest(), Body: string(body)}
	return made, tx.AddCertificate(&made)
}

// statement is what is certified of a pull, without its gaps and its place in
// the chain.
func statement(c gatehouse.Connector, p gatehouse.Pull, known store.Counts) certify.Statement {
	s := certify.Statement{
		Connector: certify.Connector{ID: c.ID, Key: c.Key, Name: c.Name, Kind: c.Kind, URL: c.URL},
		Pull:      p.ID, BeganAt: p.StartedAt.UTC(), EndedAt: p.EndedAt.UTC(),
		App:   certify.App{Version: c.Seen.Version, Edition: c.Seen.Edition, Actor: c.Seen.Actor, Admin: c.Seen.Admin, Scopes: c.Seen.Scopes},
		Read:  certify.Counts{Accounts: p.Progress.Accounts, Resources: p.Progress.Resources, Grants: p.Progress.Grants, Shares: p.Progress.Shares},
		Known: certify.Counts{Accounts: known.Accounts, Resources: known.Resources, Grants: known.Grants, Shares: known.Shares},
		Steps: []certify.Step{}, Notes: []string{}, Written: p.Written,
	}
	for _, step := range p.Steps {
		s.Steps = append(s.Steps, certify.Step{
			Name: step.Name, Pages: step.Pages, Requests: step.Requests,
			Counts: certify.Counts{Accounts: step.Accounts, Resources: step.Resources, Grants: step.Grants, Shares: step.Shares},
		})
	}
	for _, n := range p.Notes {
		s.Notes = append(s.Notes, n.Sentence())
	}
	return s
}

func gapsOf(tx *store.Tx, connectorID string) (certify.Gaps, error) {
	var list certify.GapList
	for c := (store.Cursor{Limit: 200}); ; {
		page, err := tx.Gaps(connectorID, c)
		if err != nil {
			return certify.Gaps{}, err
		}
		for _, g := range page.Items {
			list.Add(g)
		}
		if page.Next == "" {
			return list.Gaps(), nil
		}
		c.After = page.Next
	}
}

// CertificateKey is the installation's key for certificates; one is made at the
// first time, so the transaction must be one that may write.
func CertificateKey(tx *store.Tx) (ed25519.PrivateKey, error) {
	seed, err := tx.CertificateSeed()
	if errors.Is(err, gatehouse.NotFound) {
		fresh := make([]byte, ed25519.SeedSize)
		if _, err := rand.Read(fresh); err != nil {
			return nil, fmt.Errorf("make a key for certificates: %w", err)
		}
		seed, err = tx.KeepCertificateSeed(fresh)
	}
	if err != nil {
		return nil, fmt.Errorf("key for certificates: %w", err)
	}
	if len(seed) != ed25519.SeedSize {
		return nil, errors.New("key for certificates: what is kept is none")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// CertificatePublic is the public half of the key, by which certificates are
// checked, in PEM. NotFound: there is no certificate yet.
func CertificatePublic(tx *store.Tx) (keyID, text string, err error) {
	seed, err := tx.CertificateSeed()
	if err != nil {
		return "", "", err
	}
	if len(seed) != ed25519.SeedSize {
		return "", "", errors.New("key for certificates: what is kept is none")
	}
	public := ed25519.PublicKey(ed25519.NewKeyFromSeed(seed)[ed25519.SeedSize:])
	text, err = certify.PublicPEM(public)
	return certify.KeyID(public), text, err
}
