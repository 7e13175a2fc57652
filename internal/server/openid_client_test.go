package server

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/config"
)

const openIDClient = "../../interop/openid"

// keyedClient is a client that proves itself by a key, declared as an operator
// would declare it.
func keyedClient(t *testing.T, callback string) (c gatehouse.Client, key string) {
	t.Helper()
	key, set := clientKey(t)
	jwks, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "clients.yml")
	text := fmt.Sprintf(`clients:
  - id: keyed
    name: A careful app
    token_endpoint_auth_method: private_key_jwt
    jwks: %s
    redirect_uris: [%q]
    post_logout_redirect_uris: [%q]
    scopes: [openid, profile, email, read_api]
    grant_types: [authorization_code, refresh_token, client_credentials, "urn:ietf:params:oauth:grant-type:device_code"]
`, jwks, callback, callback)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	all := &config.Config{URL: "http://127.0.0.1:8080"}
	d := &dev{DevOptions: DevOptions{Clients: []string{path}, Log: slog.New(slog.DiscardHandler)}}
	if err := d.addClients(all); err != nil {
		t.Fatal(err)
	}
	return all.Clients[0], key
}

// TestOpenIDClient has openid-client sign 李娜 in, in every way that it knows.
func TestOpenIDClient(t *testing.T) {
	t.Parallel()
	needs(t, isProgram("node") && isThere(filepath.Join(openIDClient, "node_modules")), "openid-client is missing: Node.js, and npm ci --prefix interop/openid")
	onEachDatabase(t, openIDClientJourney)
}

func openIDClientJourney(t *testing.T, database func(*dev, *config.Config)) {
	const callback = "http://127.0.0.1:9/callback"
	client, key := keyedClient(t, callback)
	r := startDev(t, t.TempDir(), withClient(client), database, func(_ *dev, c *config.Config) { c.Registration.By = "anyone" })
	v := newVisitor(t)
	journey := stopping(v, r, "127.0.0.1:9")
	browse := func(address string) string {
		switch {
		case strings.HasPrefix(address, r.hub+"/oauth/device"):
			v.open(address)
			v.submit(map[string]string{"action": "/oauth/device"}).submit(map[string]string{"action": "/oauth/device/confirm", "decision": "allow"}).sees("Your device is connected")
			return address
		case strings.HasPrefix(address, r.hub+"/oauth/logout"):
			if v.open(address); len(v.forms()) > 0 && !strings.HasPrefix(v.location, callback) {
				v.press(nil)
			}
			return v.location
		default:
			return journey(address)
		}
	}
	type person struct{ Sub, Username, Email, Type string }
	type findings struct {
		Pushed, Signed, Bound, Registered        person
		Renewed, Active, Revoked, Own, SignedOut bool
		Device                                   string
	}
	var found findings
	program{dir: openIDClient, name: "node", args: []string{"client.js"}, env: []string{
		"ISSUER=" + r.hub, "CLIENT_ID=keyed", "CALLBACK=" + callback, "KEY=" + key,
	}}.drive(t, browse, &found)
	lina := person{"1000000002", "nana", "li.na@example.com", "bearer"}
	bound := lina
	bound.Type = "dpop"
	want := findings{Pushed: lina, Signed: lina, Bound: bound, Registered: lina, Renewed: true, Active: true, Revoked: true, Own: true, SignedOut: true, Device: lina.Sub}
	if found != want {
		t.Error(cmp.Diff(want, found))
	}
}
