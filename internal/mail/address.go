package mail

import (
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
)

// maxAddress bounds an address, in bytes (RFC 5321, 4.5.3.1.3).
const maxAddress = 254

// CleanAddress is the one form in which addresses are kept, compared and written
// to: lower case, the domain in its ASCII form. What is no address, and what has
// other than ASCII letters before the @, is "": such letters become others when
// a database makes them small, and two people would have one address (Django
// CVE-2019-19844).
func CleanAddress(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 4*maxAddress {
		return ""
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Address != s || parsed.Name != "" {
		return ""
	}
	at := strings.LastIndexByte(s, '@')
	local, domain := s[:at], s[at+1:]
	if strings.ContainsFunc(local, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"(),:;<>[\]@`, r) }) {
		return ""
	}
	domain, err = idna.Lookup.ToASCII(domain)
	if err != nil || domain == "" {
		return ""
	}
	address := strings.ToLower(local + "@" + domain)
	if len(address) > maxAddress {
		return ""
	}
	return address
}
