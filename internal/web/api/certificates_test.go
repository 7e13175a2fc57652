package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"gatehouse"
	"gatehouse/internal/access"
	"gatehouse/internal/certify"
	"gatehouse/internal/store"
)

// certified keeps a certificate of a pull, the first of its connector.
func certified(tx *store.Tx, p gatehouse.Pull) error {
	key, err := access.CertificateKey(tx)
	if err != nil {
		return err
	}
	c, err := certify.Sign(key, certify.Statement{Connector: certify.Connector{ID: p.ConnectorID, Key: "gitlab", Name: "A & <b>"}, Number: 1, Pull: p.ID})
	if err != nil {
		return err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return tx.AddCertificate(&gatehouse.Certificate{ConnectorID: p.ConnectorID, Number: 1, PullID: p.ID, Digest: c.Digest(), Body: string(body)})
}

func TestCertificatesAreGivenOutAsTheyAreChecked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if got := h.do("auditor", http.MethodGet, prefix+"/certificate_key", ""); got.status != http.StatusNotFound {
		t.Errorf("the key before there is one: %d", got.status)
	}
	f := h.fill()
	public, err := certify.ParsePublic([]byte(want[certificateKey](h, "/certificate_key").PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	got := h.do("auditor", http.MethodGet, prefix+"/pulls/"+f.pull.ID+"/certificate", "")
	r, err := certify.Verify(bytes.NewReader([]byte(got.body)), public)
	if err != nil || r.Last[0].Pull != f.pull.ID || r.Last[0].Connector.Name != "A & <b>" {
		t.Fatalf("%v: %s", err, got.body)
	}
	list := want[Page[certificate]](h, "/connectors/gitlab/certificates")
	if len(list.Items) != 1 || list.Items[0].Digest != r.Chains[0].Digest || list.Items[0].Certificate.Key != r.Key {
		t.Errorf("%+v", list)
	}
	other := gatehouse.Pull{ConnectorID: f.connector.ID}
	h.update(func(tx *store.Tx) error { return tx.SavePull(&other) })
	if got := h.do("auditor", http.MethodGet, prefix+"/pulls/"+other.ID+"/certificate", ""); got.status != http.StatusNotFound {
		t.Errorf("of a pull that has none: %d", got.status)
	}
}
