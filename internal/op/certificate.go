package op

import (
	"crypto/x509"
	"errors"
	"net/http"

	"gatehouse"
	"gatehouse/internal/op/assertion"
	"gatehouse/internal/op/mtls"
)

// MutualTLS is how clients come with certificates (RFC 8705). nil: they do not.
type MutualTLS struct {
	// URL is where they come: another name of ours, without a slash at the end,
	// so that browsers are not asked for certificates.
	URL string
	// Authorities vouch for clients of tls_client_auth; nil: nobody does.
	Authorities *x509.CertPool
	// Of gives the certificate of a request and those between it and its
	// authority; nil when it has none.
	Of func(*http.Request) []*x509.Certificate
}

// certificates are those of the client of a request, its own first; nil: none.
func (p *Provider) certificates(r *http.Request) []*x509.Certificate {
	if p.MutualTLS == nil {
		return nil
	}
	return p.MutualTLS.Of(r)
}

// thumbprint is that of the certificate of a request; "" when it has none.
func (p *Provider) thumbprint(r *http.Request) string {
	all := p.certificates(r)
	if len(all) == 0 {
		return ""
	}
	return mtls.Thumbprint(all[0])
}

func isTLSMethod(method string) bool {
	return method == gatehouse.AuthTLS || method == gatehouse.AuthSelfSignedTLS
}

// byCertificate says why the certificate of a request does not prove that it is
// the client (RFC 8705 section 2); nil when it does.
func (p *Provider) byCertificate(r *http.Request, c gatehouse.Client, pr presented) error {
	all := p.certificates(r)
	switch {
	case !c.Enabled:
		return errors.New("the client is switched off")
	case pr.method != gatehouse.AuthNone:
		return errors.New("the client is registered for another method")
	case len(all) == 0:
		return errors.New("the request has no certificate")
	case c.AuthMethod == gatehouse.AuthTLS:
		return mtls.Proves(all[0], all[1:], c.Settings, p.MutualTLS.Authorities, p.Clock.Now())
	}
	return p.sets().Knows(r.Context(), assertion.Of(c, p.web(c), ""), all[0].PublicKey)
}

// aliases are the addresses where clients come with certificates (RFC 8705
// section 5).
func (p *Provider) aliases() map[string]string {
	if p.MutualTLS == nil {
		return nil
	}
	all := map[string]string{}
	for name, path := range map[string]string{
		"token_endpoint": "/oauth/token", "revocation_endpoint": "/oauth/revoke", "introspection_endpoint": "/oauth/introspect",
		"pushed_authorization_request_endpoint": "/oauth/par", "device_authorization_endpoint": "/oauth/authorize_device",
		"userinfo_endpoint": "/oauth/userinfo",
	} {
		all[name] = p.MutualTLS.URL + path
	}
	return all
}

// certificateMethods are the ways to prove oneself by a certificate that are open.
func (p *Provider) certificateMethods() []string {
	switch {
	case p.MutualTLS == nil:
		return nil
	case p.MutualTLS.Authorities == nil:
		return []string{gatehouse.AuthSelfSignedTLS}
	}
	return []string{gatehouse.AuthTLS, gatehouse.AuthSelfSignedTLS}
}

// CertificateFromHeader reads a certificate that a proxy passes on: base64 of
// DER between colons (RFC 9440), or PEM escaped as in addresses.
func CertificateFromHeader(value string) (*x509.Certificate, error) { return mtls.FromHeader(value) }
