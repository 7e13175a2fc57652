// Package mtls looks at the certificates by which clients prove themselves, and
// to which their tokens are bound (RFC 8705). That the client holds the key of
// its certificate, the TLS handshake has shown: here, or at a proxy that passes
// the certificate on.
package mtls

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse"
)

// maxHeader bounds a certificate that a proxy passes on, in bytes.
const maxHeader = 16 << 10

// Thumbprint is the x5t#S256 of a certificate (RFC 8705 section 3.1).
func Thumbprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// FromHeader reads a certificate as proxies pass it on: base64 of DER between
// colons (RFC 9440), or PEM that is escaped as in addresses.
func FromHeader(value string) (*x509.Certificate, error) {
	if len(value) > maxHeader {
		return nil, errors.New("the certificate is too long")
	}
	der, err := decode(strings.TrimSpace(value))
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	return c, nil
}

func decode(value string) ([]byte, error) {
	if inner, ok := strings.CutPrefix(value, ":"); ok {
		return base64.StdEncoding.DecodeString(strings.TrimSuffix(inner, ":"))
	}
	text, err := url.PathUnescape(value)
	if err != nil {
		return nil, errors.New("the certificate is not escaped well")
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("there is no certificate in it")
	}
	return block.Bytes, nil
}

// Proves says why a certificate is not the one of a client that is known by the
// name in it (tls_client_auth, RFC 8705 section 2.1): it must be of an authority
// of ours, in time, and say exactly the name that was registered.
func Proves(c *x509.Certificate, between []*x509.Certificate, s gatehouse.ClientSettings, authorities *x509.CertPool, now time.Time) error {
	if authorities == nil {
		return errors.New("no authority is configured")
	}
	pool := x509.NewCertPool()
	for _, i := range between {
		pool.AddCert(i)
	}
	if _, err := c.Verify(x509.VerifyOptions{
		Roots: authorities, Intermediates: pool, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}); err != nil {
		return fmt.Errorf("the certificate is not of an authority that is trusted here: %w", err)
	}
	if !named(c, s) {
		return errors.New("the certificate says another name")
	}
	return nil
}

// named says whether a certificate has the one name that was registered.
func named(c *x509.Certificate, s gatehouse.ClientSettings) bool {
	switch {
	case s.TLSSubject != "":
		return c.Subject.String() == s.TLSSubject
	case s.TLSDNS != "":
		return slices.ContainsFunc(c.DNSNames, func(n string) bool { return strings.EqualFold(n, s.TLSDNS) })
	case s.TLSURI != "":
		return slices.ContainsFunc(c.URIs, func(u *url.URL) bool { return u.String() == s.TLSURI })
	case s.TLSIP != "":
		ip := net.ParseIP(s.TLSIP)
		return ip != nil && slices.ContainsFunc(c.IPAddresses, ip.Equal)
	case s.TLSEmail != "":
		return slices.Contains(c.EmailAddresses, s.TLSEmail)
	}
	return false
}
