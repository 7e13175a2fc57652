package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"gatehouse/internal/config"
	"gatehouse/internal/op"
)

// openMutualTLS is how clients come with certificates, as the configuration
// says; nil when they do not.
func openMutualTLS(c *config.Config) (*op.MutualTLS, error) {
	m := c.MutualTLS
	if m.URL == "" {
		return nil, nil
	}
	out := &op.MutualTLS{URL: m.URL, Of: ofHandshake}
	if m.Header != "" {
		out.Of = ofProxy(m.Header, c.TrustedProxies)
	}
	if m.CA == "" {
		return out, nil
	}
	text, err := os.ReadFile(m.CA)
	if err != nil {
		return nil, fmt.Errorf("mtls.ca: %w", err)
	}
	out.Authorities = x509.NewCertPool()
	if !out.Authorities.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("mtls.ca: %s has no certificate (PEM) in it", m.CA)
	}
	return out, nil
}

// ofHandshake are the certificates that the client showed us itself.
func ofHandshake(r *http.Request) []*x509.Certificate {
	if r.TLS == nil {
		return nil
	}
	return r.TLS.PeerCertificates
}

// ofProxy is the certificate that a trusted proxy passes on. What others say
// there counts for nothing.
func ofProxy(header string, trusted []netip.Prefix) func(*http.Request) []*x509.Certificate {
	return func(r *http.Request) []*x509.Certificate {
		said := r.Header.Values(header)
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || len(said) != 1 || said[0] == "" {
			return nil
		}
		peer := from.Addr().Unmap().WithZone("")
		if !slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(peer) }) {
			return nil
		}
		c, err := op.CertificateFromHeader(said[0])
		if err != nil {
			return nil
		}
		return []*x509.Certificate{c}
	}
}

// tlsConfig is how we speak TLS. A certificate is asked for only under the name
// of mtls.url, so that no browser at url is, and not required: what it is worth
// is decided for each client.
func (s *Server) tlsConfig() *tls.Config {
	usual := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certificate.get, NextProtos: []string{"h2", "http/1.1"}}
	m := s.config.MutualTLS
	u, err := url.Parse(m.URL)
	if m.URL == "" || m.Header != "" || err != nil {
		return usual
	}
	asking := usual.Clone()
	asking.ClientAuth = tls.RequestClientCert
	usual.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if strings.EqualFold(hello.ServerName, u.Hostname()) {
			return asking, nil
		}
		return nil, nil
	}
	return usual
}
