package clientrules

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// LongestAddress bounds an address of a client, in bytes.
const LongestAddress = 2048

// ThisMachine says whether a host is the person's own machine, by RFC 6761 and
// RFC 8252.
func ThisMachine(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// Dangerous says whether a scheme is one that a browser carries out, opens, or
// hands to a program that is not the app's. No answer is sent there.
func Dangerous(scheme string) bool {
	return slices.Contains([]string{
		"javascript", "data", "vbscript", "file", "filesystem", "blob", "about", "view-source", "jar", "chrome", "resource",
		"ftp", "ws", "wss", "mailto", "tel", "sms", "urn", "intent", "ms-msdt", "search-ms",
	}, strings.ToLower(scheme))
}

// Plain says whether an address is made of the signs that one may be made of: a
// host in another script must be written as browsers send it.
func Plain(address string) bool {
	return address != "" && !strings.ContainsFunc(address, func(r rune) bool { return r <= 0x20 || r >= 0x7f }) && !strings.ContainsAny(address, "\\<>\"`{}|^")
}

// Fault is what is wrong with a redirect URI.
type Fault int

// The faults, in the order in which they are looked for.
const (
	Right           Fault = iota
	NoURL                 // is none, is too long, or has signs that none has
	NotWhole              // has no scheme
	BadScheme             // see Dangerous
	HasFragment           // RFC 6749 section 3.1.2
	HasPassword           // CVE-2024-8883
	HasStar               // addresses are compared letter by letter
	NoHost                // of https or http
	ReadOnTheWay          // http to another machine
	SchemeOfAnybody       // an own scheme that is not made of a domain (RFC 8252 section 7.1)
)

// RedirectURI says what is wrong with an address to which people are to be sent
// with a code: right are https, http to the person's own machine (RFC 8252
// section 7.3), and an app's own scheme that is made of a domain (7.1). Addresses
// are compared letter by letter, so nothing is put right here.
func RedirectURI(address string) Fault {
	u, err := url.Parse(address)
	switch {
	case err != nil || len(address) > LongestAddress || !Plain(address):
		return NoURL
	case !u.IsAbs():
		return NotWhole
	case Dangerous(u.Scheme):
		return BadScheme
	case strings.Contains(address, "#"):
		return HasFragment
	case u.User != nil:
		return HasPassword
	case strings.Contains(address, "*"):
		return HasStar
	case u.Scheme == "https" || u.Scheme == "http":
		return webFault(u)
	case !strings.Contains(u.Scheme, "."):
		return SchemeOfAnybody
	}
	return Right
}

func webFault(u *url.URL) Fault {
	switch {
	case u.Hostname() == "" || u.Opaque != "" || !goodPort(u):
		return NoHost
	case u.Scheme == "http" && !ThisMachine(u.Hostname()):
		return ReadOnTheWay
	}
	return Right
}

func goodPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.Atoi(u.Port())
	return err == nil && n > 0 && n <= 65535
}

// Web says whether an address is one that Gatehouse or a browser can ask for a
// client: https, or http to this machine, without a password and a fragment.
func Web(address string) bool {
	u, err := url.Parse(address)
	return err == nil && len(address) <= LongestAddress && Plain(address) && (u.Scheme == "https" || u.Scheme == "http") &&
		u.User == nil && !strings.Contains(address, "#") && webFault(u) == Right
}
