package config

import "strings"

// MutualTLS is how clients come with certificates. URL is "" when they do not.
type MutualTLS struct {
	URL    string // another name of Gatehouse, where they are asked for one; without a slash at the end
	CA     string // absolute; the authorities of tls_client_auth (PEM); "": none
	Header string // in which a trusted proxy passes the certificate on; "": Gatehouse itself asks
}

func (r *reader) mutualTLS(s *section) MutualTLS {
	m := r.section(s.get("mtls"), s.at("mtls"))
	defer m.done()
	if m.v == nil {
		return MutualTLS{}
	}
	out := MutualTLS{CA: r.file(m.text("ca", "")), Header: m.text("header", "")}
	out.URL = strings.TrimSuffix(m.required("url", "another address of Gatehouse, such as https://mtls.id.example.com, so that browsers are not asked for certificates"), "/")
	if v := m.get("url"); out.URL != "" {
		if u, problem := webURL(v, out.URL); problem != "" || u.Scheme != "https" || u.Path != "" || u.RawQuery != "" {
			r.problem(v, m.at("url"), "expected https and a host, without a path, found %s", shown(v))
		}
	}
	switch {
	case out.Header == "" && s.get("tls") == nil:
		r.problem(m.v, m.path, "needs tls:, or the header in which a trusted proxy passes certificates on")
	case out.Header != "" && s.get("trusted_proxies") == nil:
		r.problem(m.get("header"), m.at("header"), "needs trusted_proxies: whoever connects could say any certificate to be theirs")
	case out.Header != "" && !visible.MatchString(out.Header):
		r.problem(m.get("header"), m.at("header"), "expected the name of a header, such as Client-Cert")
	}
	return out
}
