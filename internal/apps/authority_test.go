package apps

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// TestPrivateAuthority: a provider with a certificate of a company's own
// authority is spoken to by the connection that names it, and by no other.
func TestPrivateAuthority(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(server.Close)
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	o := newOffice(t, storetest.Open(t))
	o.Kinds[0].ConnectionHosts = func(gatehouse.Connection) []string { return []string{server.URL} }
	o.Kinds[0].ConnectionAuthority = func(c gatehouse.Connection) (string, error) {
		if c.Args["ca"] == "wrong" {
			return "", gatehouse.Errorf(gatehouse.Invalid, "args.ca is wrong.")
		}
		ca, _ := c.Args["ca"].(string)
		return ca, nil
	}
	o.Kinds[0].OpenConnection = func(_ gatehouse.Connection, env integration.Env) (integration.Door, error) {
		o.fake.begin = func(ctx context.Context, _ gatehouse.Attempt) (string, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
			if err != nil {
				return "", err
			}
			resp, err := env.HTTP.Do(req)
			if err != nil {
				return "", err
			}
			return server.URL, resp.Body.Close()
		}
		return integration.Door{Provider: o.fake}, nil
	}
	c := o.connection()
	begin := func(ca string) error {
		c.Managed, c.Args = gatehouse.ManagedByFile, map[string]any{"ca": ca}
		o.update(func(tx *store.Tx) error { return tx.SaveConnection(&c) })
		_, d, err := o.Door(t.Context(), c.ID)
		if err != nil {
			return err
		}
		_, err = d.Provider.Begin(t.Context(), gatehouse.Attempt{})
		return err
	}
	if err := begin(""); err == nil {
		t.Error("a certificate of nobody was believed")
	}
	if err := begin(certificate); err != nil {
		t.Errorf("with the authority: %v", err)
	}
	if err := begin("wrong"); !errors.Is(err, gatehouse.Invalid) {
		t.Errorf("a setting that is wrong: %v", err)
	}
	if err := begin(""); err == nil {
		t.Error("the authority of one connection counted for another")
	}
}
