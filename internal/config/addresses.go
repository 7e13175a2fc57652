package config

import (
	"cmp"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/clientrules"
)

// baseURL is the address of the installation itself.
func (r *reader) baseURL(s *section) string {
	const meaning = "the address that browsers see, such as https://id.example.com"
	t := s.required("url", meaning)
	if t == "" {
		return ""
	}
	v := s.get("url")
	u, problem := webURL(v, t)
	switch {
	case problem != "":
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery || strings.Contains(t, "#"):
		problem = "has a query or a fragment; expected " + meaning
	case u.Path != "" && u.Path != "/":
		problem = "has a path; Gatehouse takes a host of its own, such as https://id.example.com"
	}
	if problem != "" {
		r.problem(v, "url", "%s", problem)
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// webURL is an absolute https URL, or an http one of a loopback host. The
// problem never quotes credentials.
func webURL(v *value, t string) (*url.URL, string) {
	u, problem := anyWebURL(v, t)
	if problem == "" && u.Scheme == "http" && !clientrules.ThisMachine(u.Hostname()) {
		return nil, "expected https, since http can be read and changed on the way; only localhost and 127.0.0.1 may have http"
	}
	return u, problem
}

// anyWebURL is an absolute http or https URL without credentials.
func anyWebURL(v *value, t string) (*url.URL, string) {
	u, err := url.Parse(t)
	switch {
	case err != nil || strings.ContainsAny(t, " \\\t\r\n"):
		return nil, "is not a URL"
	case u.User != nil:
		return nil, "has a user name or password in it, which would show up in logs"
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, "expected a URL that begins with https://, found " + shown(v)
	case u.Hostname() == "" || u.Opaque != "":
		return nil, "is a URL without a host"
	case badPort(u):
		return nil, "has a port that is not one"
	}
	return u, ""
}

func badPort(u *url.URL) bool {
	if u.Port() == "" {
		return strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.Atoi(u.Port())
	return err != nil || n < 1 || n > 65535
}

// listen is an address to listen at.
func (r *reader) listen(s *section, key, otherwise string) string {
	t := s.text(key, otherwise)
	if t == "" || t == otherwise {
		return t
	}
	host, port, err := net.SplitHostPort(t)
	n, errPort := strconv.Atoi(port)
	if err != nil || errPort != nil || n < 0 || n > 65535 || strings.ContainsAny(host, "/ ") {
		v := s.get(key)
		r.problem(v, s.at(key), `expected HOST:PORT or :PORT, such as "127.0.0.1:8080" or ":8080", found %s`, shown(v))
		return otherwise
	}
	return t
}

func (r *reader) tls(s *section) TLS {
	t := r.section(s.get("tls"), s.at("tls"))
	defer t.done()
	if t.v == nil {
		return TLS{}
	}
	return TLS{
		Cert: r.file(t.required("cert", "the file with the certificate and its chain (PEM)")),
		Key:  r.file(t.required("key", "the file with the certificate's key (PEM)")),
	}
}

// file is a path, seen from the configuration's folder.
func (r *reader) file(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.base, path)
}

// database is never quoted, since it may have a password in it.
func (r *reader) database(s *section) string {
	const expected = "expected sqlite:PATH or postgres://USER@HOST/NAME"
	t := s.text("database", "sqlite:gatehouse.db")
	v := s.get("database")
	if path, ok := strings.CutPrefix(t, "sqlite:"); ok {
		switch {
		case path == "" || path == ":memory:" || strings.HasPrefix(path, "//"):
			r.problem(v, "database", "%s; of SQLite, a file", expected)
		case strings.ContainsAny(path, "?#\x00\n"):
			r.problem(v, "database", "%s; the path may not have ? or # in it", expected)
		}
		return "sqlite:" + r.file(path)
	}
	u, err := url.Parse(t)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || strings.Trim(u.Path, "/") == "" && u.Query().Get("dbname") == "" {
		r.problem(v, "database", "%s", expected)
		return ""
	}
	return t
}

var mailbox = regexp.MustCompile(`^[^\s@<>"(),:;\[\]\\]+@[^\s@<>"(),:;\[\]\\]+$`)

// addresses are e-mail addresses in lower case.
func (r *reader) addresses(s *section, key string) []string {
	all := s.texts(key, func(i item, t string) string {
		if !mailbox.MatchString(t) || len(t) > 254 {
			return "expected an e-mail address, found " + shown(i.value)
		}
		return ""
	})
	for i := range all {
		all[i] = strings.ToLower(all[i])
	}
	return slices.Compact(all)
}

// prefixes are networks (10.0.0.0/8) or single addresses. wide is what it means
// when all addresses are in.
func (r *reader) prefixes(s *section, key, wide string) []netip.Prefix {
	var all []netip.Prefix
	s.texts(key, func(i item, t string) string {
		p, problem := prefix(i, t)
		if problem != "" {
			return problem
		}
		if p.Bits() == 0 {
			r.warn(spot{i.pos, i.path}, "%s is every address there is: %s", p, wide)
		}
		all = append(all, p)
		return ""
	})
	return all
}

func prefix(i item, t string) (netip.Prefix, string) {
	if a, err := netip.ParseAddr(t); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), ""
	}
	p, err := netip.ParsePrefix(t)
	if err != nil {
		return p, "expected a network such as 10.0.0.0/8 or an IP address, found " + shown(i.value)
	}
	if p != p.Masked() {
		return p, "the address has more bits than its mask keeps; write " + p.Masked().String() + " or only the address"
	}
	return p, ""
}

func (r *reader) smtp(s *section) SMTP {
	v := s.get("smtp")
	m := r.section(v, "smtp")
	defer m.done()
	if m.v == nil {
		return SMTP{}
	}
	out := SMTP{
		Host:     m.required("host", "the mail server's name"),
		Username: m.text("username", ""),
		Password: m.text("password", ""),
		From:     m.required("from", "the sender's address, such as Gatehouse <id@example.com>"),
		TLS:      r.mailTLS(m),
	}
	port := map[string]int{SMTPStartTLS: 587, SMTPImplicitTLS: 465, SMTPNoTLS: 25}[out.TLS]
	out.Port = m.number("port", port, 1, 65535)
	if strings.ContainsAny(out.Host, ":/@ ") && !isIP(out.Host) {
		r.problem(m.get("host"), m.at("host"), "expected a name or IP address without a port")
	}
	if _, err := mail.ParseAddress(out.From); err != nil && out.From != "" {
		r.problem(m.get("from"), m.at("from"), "expected an address such as Gatehouse <id@example.com>")
	}
	if (out.Username == "") != (out.Password == "") {
		r.problem(v, m.path, "username and password go together; one of them is missing")
	}
	if out.TLS == SMTPNoTLS && out.Password != "" && !clientrules.ThisMachine(out.Host) {
		r.warn(m.spot("tls"), "the password goes over the network in clear")
	}
	return out
}

func isIP(t string) bool {
	_, err := netip.ParseAddr(t)
	return err == nil
}

// mailTLS takes true for the usual one, too.
func (r *reader) mailTLS(m *section) string {
	v := m.get("tls")
	if v == nil || v.bad {
		return SMTPStartTLS
	}
	if b, ok := asFlag(v); ok {
		if b {
			return SMTPImplicitTLS
		}
		return SMTPNoTLS
	}
	all := []string{SMTPStartTLS, SMTPImplicitTLS, SMTPNoTLS}
	if v.shape != text {
		r.wrong(v, m.at("tls"), strings.Join(all, ", ")+", true or false")
		return SMTPStartTLS
	}
	if problem := oneOf(all)(item{v, m.at("tls")}, v.text); problem != "" {
		r.problem(v, m.at("tls"), "%s", problem)
		return SMTPStartTLS
	}
	return v.text
}

const (
	longCode   = time.Minute // OAuth 2.0 security practice
	maxCode    = 10 * time.Minute
	maxRefresh = 5 * 365 * 24 * time.Hour
)

// minAnnounce is longer than clients keep the keys that they have read.
const minAnnounce = 2 * time.Hour

func (r *reader) signingKeys(s *section) SigningKeys {
	k := r.section(s.get("signing_keys"), "signing_keys")
	defer k.done()
	out := SigningKeys{
		RotateEvery: k.duration("rotate_every", 2160*time.Hour),
		Announce:    k.duration("announce", 24*time.Hour),
	}
	switch {
	case out.Announce < minAnnounce:
		r.problem(k.get("announce"), k.at("announce"), "is shorter than %s: apps keep the keys that they have read for an hour, and would not know the new one", minAnnounce)
	case out.RotateEvery < 2*out.Announce:
		r.problem(cmp.Or(k.get("rotate_every"), k.get("announce")), k.at("rotate_every"), "is shorter than twice announce (%s against %s)", out.RotateEvery, out.Announce)
	}
	return out
}

func (r *reader) lifetimes(s *section) Lifetimes {
	l := r.section(s.get("lifetimes"), "lifetimes")
	out := Lifetimes{
		Code:            l.duration("code", time.Minute),
		Access:          l.duration("access", 2*time.Hour),
		ID:              l.duration("id", 2*time.Minute),
		Refresh:         l.duration("refresh", 720*time.Hour),
		RefreshAbsolute: l.duration("refresh_absolute", 4320*time.Hour),
	}
	l.done()
	if out.Code > maxCode {
		r.problem(l.get("code"), l.at("code"), "is longer than %s, the most that RFC 6749 section 4.1.2 allows", maxCode)
	} else if out.Code > longCode {
		r.warn(l.spot("code"), "a code is redeemed within seconds; longer than %s only helps whoever stole one", longCode)
	}
	if out.RefreshAbsolute < out.Refresh {
		at := cmp.Or(l.get("refresh_absolute"), l.get("refresh"))
		r.problem(at, l.at("refresh_absolute"), "is shorter than refresh (%s against %s), so that no refresh token lives as long as it says", out.RefreshAbsolute, out.Refresh)
	}
	if out.RefreshAbsolute > maxRefresh || out.Access > maxRefresh || out.ID > maxRefresh {
		r.problem(l.v, l.path, "nothing may live longer than five years")
	}
	return out
}
