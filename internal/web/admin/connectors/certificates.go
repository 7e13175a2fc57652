package connectors

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"gatehouse"
	"gatehouse/internal/access"
	"gatehouse/internal/store"
)

// certificate gives out the completeness certificate of a sync, as a file.
func (a *Connectors) certificate(w http.ResponseWriter, r *http.Request, _ gatehouse.User) error {
	var c gatehouse.Connector
	var kept gatehouse.Certificate
	err := a.Read(r, "the certificate", func(tx *store.Tx) (err error) {
		if c, err = Of(tx, r); err != nil {
			return err
		}
		kept, err = tx.CertificateOf(r.PathValue("pull"))
		if err == nil && kept.ConnectorID != c.ID {
			err = gatehouse.NotFound
		}
		return err
	})
	if err != nil {
		return err
	}
	asFile(w, "application/json", "certificate-"+strconv.FormatInt(kept.Number, 10)+".json")
	_, err = io.WriteString(w, kept.Body+"\n")
	return err
}

// certificates gives out all of a connector, the oldest first, each on a line.
func (a *Connectors) certificates(w http.ResponseWriter, r *http.Request, _ gatehouse.User) error {
	var c gatehouse.Connector
	for page := (store.Cursor{Limit: 200}); ; {
		var found store.Page[gatehouse.Certificate]
		err := a.Read(r, "the certificates", func(tx *store.Tx) (err error) {
			if c, err = Of(tx, r); err != nil {
				return err
			}
			found, err = tx.Certificates(c.ID, page)
			return err
		})
		if err != nil {
			return err
		}
		if page.After == "" {
			if len(found.Items) == 0 {
				return gatehouse.NotFound
			}
			asFile(w, "application/jsonl", "certificates.jsonl")
		}
		for _, kept := range found.Items {
			if _, err := io.WriteString(w, kept.Body+"\n"); err != nil {
				return err
			}
		}
		if found.Next == "" {
			return nil
		}
		page.After = found.Next
	}
}

// certificateKey gives out the public key by which certificates are checked.
func (a *Connectors) certificateKey(w http.ResponseWriter, r *http.Request, _ gatehouse.User) error {
	var text string
	err := a.Read(r, "the key for certificates", func(tx *store.Tx) (err error) {
		_, text, err = access.CertificatePublic(tx)
		return err
	})
	if err != nil {
		return err
	}
	asFile(w, "application/x-pem-file", "gatehouse-certificates.pem")
	_, err = io.WriteString(w, text)
	return err
}

// asFile has the browser keep the answer.
func asFile(w http.ResponseWriter, kind, name string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

// certificateOf is the certificate of a pull, nil when there is none.
func certificateOf(tx *store.Tx, pullID string) (*gatehouse.Certificate, error) {
	kept, err := tx.CertificateOf(pullID)
	if errors.Is(err, gatehouse.NotFound) {
		return nil, nil //nolint:nilnil // most pages have one, and those that have none say so
	}
	return &kept, err
}
