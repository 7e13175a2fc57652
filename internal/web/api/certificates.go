package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/access"
	"gatehouse/internal/store"
)

func (a *API) mountCertificates(h huma.API) {
	serve(a, h, route{path: "/certificate_key", id: "getCertificateKey", tag: "connectors", summary: "The public key by which completeness certificates are checked", may: readers()}, a.getCertificateKey)
	serve(a, h, route{path: "/connectors/{connector}/certificates", id: "listCertificates", tag: "connectors", summary: "The completeness certificates of a connector, the oldest first", may: readers()}, a.listCertificates)
	serve(a, h, route{path: "/pulls/{pull}/certificate", id: "getCertificate", tag: "connectors", summary: "The completeness certificate of a pull, as gatehouse verify takes it", may: readers()}, a.getCertificate)
}

// signedRecord is a certify.Certificate for programs.
type signedRecord struct {
	Statement json.RawMessage `json:"statement" doc:"What is certified"`
	Key       string          `json:"key" doc:"Id of the key that signed it"`
	Signature string          `json:"signature" doc:"Ed25519, in base64"`
}

// certificate is a Certificate with its place among those of its connector.
type certificate struct {
	Number      int64        `json:"number" doc:"1, 2, 3 and so on"`
	Pull        string       `json:"pull" format:"uuid"`
	Digest      string       `json:"digest" doc:"SHA-256 of the statement, which the next certificate names"`
	CreatedAt   time.Time    `json:"created_at"`
	Certificate signedRecord `json:"certificate"`
}

func showCertificate(c gatehouse.Certificate) (certificate, error) {
	v := certificate{Number: c.Number, Pull: c.PullID, Digest: c.Digest, CreatedAt: c.CreatedAt}
	if err := json.Unmarshal([]byte(c.Body), &v.Certificate); err != nil {
		return v, fmt.Errorf("read certificate %d: %w", c.Number, err)
	}
	return v, nil
}

// certificateKey is the public half of the key for certificates.
type certificateKey struct {
	ID        string `json:"id" doc:"SHA-256 of the key, in hexadecimal"`
	PublicKey string `json:"public_key" doc:"In PEM"`
}

func (a *API) getCertificateKey(ctx context.Context, _ caller, _ *none) (certificateKey, error) {
	return view(ctx, a, "certificate key", func(tx *store.Tx) (k certificateKey, err error) {
		k.ID, k.PublicKey, err = access.CertificatePublic(tx)
		return k, err
	})
}

type listCertificatesInput struct {
	OfConnector
	Paging
}

func (a *API) listCertificates(ctx context.Context, _ caller, in *listCertificatesInput) (Page[certificate], error) {
	return view(ctx, a, "certificates", func(tx *store.Tx) (Page[certificate], error) {
		p := Page[certificate]{Items: []certificate{}}
		c, err := in.find(tx)
		if err != nil {
			return p, err
		}
		found, err := tx.Certificates(c.ID, in.cursor())
		if err != nil {
			return p, err
		}
		for _, kept := range found.Items {
			v, err := showCertificate(kept)
			if err != nil {
				return p, err
			}
			p.Items = append(p.Items, v)
		}
		p.Next = found.Next
		return p, nil
	})
}

func (a *API) getCertificate(ctx context.Context, _ caller, in *ofPull) (signedRecord, error) {
	return view(ctx, a, "certificate", func(tx *store.Tx) (signedRecord, error) {
		kept, err := tx.CertificateOf(in.Pull)
		if err != nil {
			return signedRecord{}, err
		}
		v, err := showCertificate(kept)
		return v.Certificate, err
	})
}
