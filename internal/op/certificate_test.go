package op

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse"
	"gatehouse/internal/op/mtls"
)

// issuer makes certificates; its own is the authority's.
type issuer struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{t: t}
	i.cert, i.key = i.make("Authority", true)
	return i
}

// make makes a certificate for a client, of the authority if there is one yet.
func (i *issuer) make(name string, authority bool) (*x509.Certificate, *ecdsa.PrivateKey) {
	i.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name, Organization: []string{"Example"}}, DNSNames: []string{"client.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: authority, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	parent, by := i.cert, i.key
	if parent == nil {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
	if err != nil {
		i.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		i.t.Fatal(err)
	}
	return made, key
}

// mutual lets clients of a house come with the certificate that a header of
// tests names.
func (h *house) mutual(i *issuer, known map[string]*x509.Certificate) {
	pool := x509.NewCertPool()
	pool.AddCert(i.cert)
	h.op.MutualTLS = &MutualTLS{URL: "https://mtls.example", Authorities: pool, Of: func(r *http.Request) []*x509.Certificate {
		if c := known[r.Header.Get("X-Test-Certificate")]; c != nil {
			return []*x509.Certificate{c}
		}
		return nil
	}}
}

// RFC 8705: a certificate proves its client, by its authority and name or by its
// key, and tokens are of use only beside it.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		i := newIssuer(t)
		own, key := i.make("robot", false)
		foreign, _ := newIssuer(t).make("robot", false)
		other, _ := i.make("other", false)
		h.mutual(i, map[string]*x509.Certificate{"own": own, "foreign": foreign, "other": other})
		set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public()}}})
		if err != nil {
			t.Fatal(err)
		}
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"robot"}, "scope": {"read_user"}}
		ask := func(certificate string, changes ...string) page {
			v := url.Values{}
			for name := range form {
				v.Set(name, form.Get(name))
			}
			return h.post("/oauth/token", changed(v, changes), "X-Test-Certificate", certificate)
		}
		for method, settings := range map[string]gatehouse.ClientSettings{
			gatehouse.AuthTLS:           {TLSSubject: "CN=robot,O=Example", CertBound: true},
			gatehouse.AuthSelfSignedTLS: {JWKS: set, CertBound: true},
		} {
			h.change("robot", func(c *gatehouse.Client) { c.SecretHash, c.AuthMethod, c.Settings = nil, method, settings })
			a := ask("own").tokens(t)
			for _, wrong := range []page{ask(""), ask("foreign"), ask("other"), ask("own", "client_secret", otherSecret)} {
				wrong.refused(t, http.StatusUnauthorized, "invalid_client")
			}
			if a.TokenType != "Bearer" {
				t.Errorf("the type is %q", a.TokenType)
			}
			told := h.post("/oauth/introspect", url.Values{"token": {a.AccessToken}, "client_id": {"robot"}}, "X-Test-Certificate", "own")
			if !strings.Contains(told.body, `"cnf":{"x5t#S256":"`+mtls.Thumbprint(own)+`"}`) {
				t.Errorf("introspection says %s", told.body)
			}
			info := func(certificate string) int {
				return h.machine().do(http.MethodGet, "/oauth/token/info", nil, "Authorization", "Bearer "+a.AccessToken, "X-Test-Certificate", certificate).status
			}
			if info("own") != http.StatusOK || info("") != http.StatusUnauthorized || info("other") != http.StatusUnauthorized {
				t.Errorf("own %d, none %d, other %d", info("own"), info(""), info("other"))
			}
		}
		m := h.machine().get("/.well-known/openid-configuration").body
		for _, said := range []string{`"mtls_endpoint_aliases":{`, `"token_endpoint":"https://mtls.example/oauth/token"`, `"tls_client_certificate_bound_access_tokens":true`, `"tls_client_auth","self_signed_tls_client_auth"`} {
			if !strings.Contains(m, said) {
				t.Errorf("the metadata does not say %s", said)
			}
		}
		h.op.MutualTLS = nil
		ask("own").refused(t, http.StatusUnauthorized, "invalid_client")
	})
}

func TestMutualTLSNames(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	pool := x509.NewCertPool()
	pool.AddCert(i.cert)
	c, _ := i.make("robot", false)
	for name, tt := range map[string]struct {
		settings gatehouse.ClientSettings
		at       time.Time
		right    bool
	}{
		"Subject":      {gatehouse.ClientSettings{TLSSubject: "CN=robot,O=Example"}, time.Now(), true},
		"OtherSubject": {gatehouse.ClientSettings{TLSSubject: "CN=robot"}, time.Now(), false},
		"DNS":          {gatehouse.ClientSettings{TLSDNS: "Client.example"}, time.Now(), true},
		"OtherDNS":     {gatehouse.ClientSettings{TLSDNS: "example"}, time.Now(), false},
		"IP":           {gatehouse.ClientSettings{TLSIP: "127.0.0.1"}, time.Now(), false},
		"URI":          {gatehouse.ClientSettings{TLSURI: "urn:x"}, time.Now(), false},
		"Email":        {gatehouse.ClientSettings{TLSEmail: "a@b"}, time.Now(), false},
		"NoName":       {gatehouse.ClientSettings{}, time.Now(), false},
		"PastItsEnd":   {gatehouse.ClientSettings{TLSDNS: "client.example"}, time.Now().Add(2 * time.Hour), false},
	} {
		if err := mtls.Proves(c, nil, tt.settings, pool, tt.at); (err == nil) != tt.right {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := mtls.Proves(c, nil, gatehouse.ClientSettings{TLSDNS: "client.example"}, nil, time.Now()); err == nil {
		t.Error("without an authority everybody passes")
	}
}
