package server

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/porttest"
	openidtwin "gatehouse/internal/twin/openid"
)

// TestTLSJourney signs a person in where everything goes by TLS of our own: a
// browser and openid-client believe our authority, the browser is asked for no
// certificate, and openid-client brings one under the name of mtls.url.
func TestTLSJourney(t *testing.T) {
	t.Parallel()
	needs(t, isProgram("node") && isThere(filepath.Join(openIDClient, "node_modules")), "openid-client is missing: Node.js, and npm ci --prefix interop/openid")
	const callback = "https://app.example/callback"
	dir, own := t.TempDir(), t.TempDir()
	pool := selfSigned(t, dir, 1)
	_ = selfSigned(t, own, 2)
	company, at := startCompany(t), porttest.Keep(t)
	_, port, err := net.SplitHostPort(at)
	if err != nil {
		t.Fatal(err)
	}
	s := startServe(t, written(t, dir, fmt.Sprintf(`url: https://%[1]s
listen: %[1]q
tls: {cert: cert.pem, key: key.pem}
mtls: {url: "https://localhost:%[2]s"}
omniauth:
  allow_single_sign_on: true
  block_auto_created_users: false
  providers:
    - {name: openid_connect, app_id: %[3]s, app_secret: %[4]q, args: {issuer: %[5]q}}
clients:
  - id: careful
    token_endpoint_auth_method: self_signed_tls_client_auth
    tls_client_certificate_bound_access_tokens: true
    jwks: %[6]s
    redirect_uris: [%[7]q]
    post_logout_redirect_uris: [%[7]q]
`, at, port, openidtwin.DemoClientID, openidtwin.DemoClientSecret, company.url, keySetOf(t, own), callback)))
	company.register(t, s.url+"/users/auth/openid_connect/callback")

	asked := false
	v := newVisitor(t)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return &tls.Certificate{}, nil
	}}}
	t.Cleanup(transport.CloseIdleConnections)
	v.client.Transport = transport
	v.client.CheckRedirect = func(q *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(q.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	browse := func(address string) string {
		if v.open(address); v.at.Path == "/sign-in" {
			v.submit(map[string]string{"action": "/sign-in/openid_connect"}).submit(map[string]string{"sub": openidtwin.DemoSub("qin.shu")})
		}
		if !strings.HasPrefix(v.location, callback) && strings.HasPrefix(v.at.String(), company.url) {
			v.submit(map[string]string{"sub": openidtwin.DemoSub("qin.shu"), "consent": "agree"})
		}
		if !strings.HasPrefix(v.location, callback) {
			v.submit(map[string]string{"action": "/oauth/authorize/consent", "decision": "allow"})
		}
		return v.location
	}
	type findings struct {
		Email                              string
		Bound, Refused, Renewed, SignedOut bool
		BothNames                          string
	}
	var found findings
	program{dir: openIDClient, name: "node", args: []string{"tls.js"}, env: []string{
		"ISSUER=" + s.url, "CLIENT_ID=careful", "CALLBACK=" + callback, "NODE_EXTRA_CA_CERTS=" + filepath.Join(dir, "cert.pem"),
		"CERT=" + filepath.Join(own, "cert.pem"), "KEY=" + filepath.Join(own, "key.pem"),
	}}.drive(t, browse, &found)
	want := findings{"qin.shu@qinghe.example.com", true, true, true, true, "127.0.0.1 localhost"}
	if found != want {
		t.Error(cmp.Diff(want, found))
	}
	if asked {
		t.Error("the browser was asked for a certificate")
	}
}

// keySetOf is the key of the certificate in a folder, as a client registers it.
func keySetOf(t *testing.T, dir string) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: leaf.PublicKey, KeyID: "ours", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(set)
}

// companyBeside is a stand-in for a company's OpenID provider that runs beside a node.
type companyBeside struct {
	url  string
	twin *openidtwin.Twin
}

func startCompany(t *testing.T) *companyBeside {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	b := &companyBeside{url: "http://" + server.Listener.Addr().String()}
	var err error
	if b.twin, err = openidtwin.New(openidtwin.Config{URL: b.url}); err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = b.twin
	server.Start()
	t.Cleanup(func() { server.Close(); _ = b.twin.Close() })
	return b
}

func (b *companyBeside) register(t *testing.T, redirectURI string) {
	t.Helper()
	if err := b.twin.AddClient(openidtwin.DemoClient(redirectURI)); err != nil {
		t.Fatal(err)
	}
}
