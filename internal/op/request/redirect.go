package request

import (
	"net/url"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/internal/clientrules"
)

// MatchRedirect says whether a redirect URI is one that the client registered:
// the same text, byte for byte, and nothing cleverer (RFC 9700 section 2.1).
// The one exception is the port of a loopback address of a public client, which
// an app on somebody's own computer cannot know before (RFC 8252 section 7.3).
func MatchRedirect(c gatehouse.Client, asked string) bool {
	if !Usable(asked) {
		return false
	}
	for _, registered := range c.RedirectURIs {
		if registered == asked || c.Public() && sameLoopback(registered, asked) {
			return true
		}
	}
	return false
}

// Usable says whether a browser may be sent to an address at all, registered or
// not: never to what is no address, has a fragment, or whose scheme runs or shows
// what it carries.
func Usable(s string) bool {
	if s == "" || len(s) > 2048 || strings.ContainsFunc(s, func(r rune) bool { return r <= 0x20 || r >= 0x7f }) {
		return false
	}
	u, err := url.Parse(s)
	if err != nil || !u.IsAbs() || strings.Contains(s, "#") || u.User != nil {
		return false
	}
	if scheme := strings.ToLower(u.Scheme); scheme == "http" || scheme == "https" {
		return u.Host != ""
	}
	return !clientrules.Dangerous(u.Scheme)
}

// sameLoopback says whether two addresses are the same but for the port, and on
// a loopback IP. The name localhost is none: it may be made to mean another
// host.
func sameLoopback(registered, asked string) bool {
	a, okA := afterLoopback(registered)
	b, okB := afterLoopback(asked)
	return okA && okB && a == b
}

// afterLoopback cuts "http://127.0.0.1:8080" off an address. What is left keeps
// the host, so that the two loopback addresses stay different.
func afterLoopback(s string) (rest string, ok bool) {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]"} {
		after, found := strings.CutPrefix(s, host)
		if !found {
			continue
		}
		if port, isPort := strings.CutPrefix(after, ":"); isPort {
			digits := port[:len(port)-len(strings.TrimLeft(port, "0123456789"))]
			n, err := strconv.ParseUint(digits, 10, 16)
			if err != nil || n == 0 {
				return "", false
			}
			after = port[len(digits):]
		}
		if after == "" || after[0] == '/' || after[0] == '?' {
			return host + after, true
		}
	}
	return "", false
}
