package apps

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
)

const longestRedirect = 2048

// CheckRedirectURI says why people cannot be sent to an address with a code; nil
// when they can: https, http to this machine (RFC 8252 section 7.3), or an app's
// own scheme that is made of a domain (7.1). Addresses are compared letter by
// letter, so nothing is put right here.
func CheckRedirectURI(address string) *gatehouse.Error {
	u, err := url.Parse(address)
	switch {
	case err != nil || len(address) > longestRedirect || !isPlain(address):
		return gatehouse.Errorf(gatehouse.Invalid, "%s is not a URL that can be used. Write it as the app sends it, such as https://app.example.com/callback.", clip(address))
	case !u.IsAbs():
		return gatehouse.Errorf(gatehouse.Invalid, "%s is not a whole URL. Write it with https:// in front.", clip(address))
	case slices.Contains(dangerousSchemes(), u.Scheme):
		return gatehouse.Errorf(gatehouse.Invalid, "No answer may be sent to an address of the scheme %s. Use https.", u.Scheme)
	case strings.Contains(address, "#"):
		return gatehouse.Errorf(gatehouse.Invalid, "%s has a fragment (#…), which OAuth forbids. Take it out.", clip(address))
	case u.User != nil:
		return gatehouse.Errorf(gatehouse.Invalid, "The address has a user name or password in it. Take it out.")
	case strings.Contains(address, "*"):
		return gatehouse.Errorf(gatehouse.Invalid, "%s has a * in it. Addresses are compared letter by letter, so write each of them.", clip(address))
	case u.Scheme == "https" || u.Scheme == "http":
		return checkWebRedirect(u, address)
	case !strings.Contains(u.Scheme, "."):
		return gatehouse.Errorf(gatehouse.Invalid, "Any app on a device can claim the scheme %s. Use one made of a domain of yours, such as com.example.app.", u.Scheme)
	}
	return nil
}

func checkWebRedirect(u *url.URL, address string) *gatehouse.Error {
	switch {
	case u.Hostname() == "" || u.Opaque != "" || strings.HasSuffix(u.Host, ":"):
		return gatehouse.Errorf(gatehouse.Invalid, "%s has no host that can be used. Write it as the app sends it, such as https://app.example.com/callback.", clip(address))
	case u.Scheme == "http" && !isThisMachine(u.Hostname()):
		return gatehouse.Errorf(gatehouse.Invalid, "%s must begin with https, since http can be read and changed on the way. Only localhost and 127.0.0.1 may have http.", clip(address))
	}
	return nil
}

// isPlain says whether an address is made of the signs that one may be made of:
// a host in another script must be written as browsers send it.
func isPlain(address string) bool {
	return address != "" && !strings.ContainsFunc(address, func(r rune) bool { return r <= 0x20 || r >= 0x7f }) && !strings.ContainsAny(address, "\\<>\"`{}|^")
}

func isThisMachine(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// dangerousSchemes are those that a browser carries out, opens, or hands to a
// program that is not the app's.
func dangerousSchemes() []string {
	return []string{
		"javascript", "data", "vbscript", "file", "filesystem", "blob", "about", "view-source", "jar", "chrome", "resource",
		"ftp", "ws", "wss", "mailto", "tel", "sms", "urn", "intent", "ms-msdt", "search-ms",
	}
}
