package apps

import (
	"net/url"

	"gatehouse"
	"gatehouse/internal/clientrules"
)

// CheckRedirectURI says why people cannot be sent to an address with a code; nil
// when they can: https, http to this machine (RFC 8252 section 7.3), or an app's
// own scheme that is made of a domain (7.1).
func CheckRedirectURI(address string) *gatehouse.Error {
	shown := clip(address)
	switch clientrules.RedirectURI(address) {
	case clientrules.NoURL:
		return gatehouse.Errorf(gatehouse.Invalid, "%s is not a URL that can be used. Write it as the app sends it, such as https://app.example.com/callback.", shown)
	case clientrules.NotWhole:
		return gatehouse.Errorf(gatehouse.Invalid, "%s is not a whole URL. Write it with https:// in front.", shown)
	case clientrules.BadScheme:
		return gatehouse.Errorf(gatehouse.Invalid, "No answer may be sent to an address of the scheme %s. Use https.", schemeOf(address))
	case clientrules.HasFragment:
		return gatehouse.Errorf(gatehouse.Invalid, "%s has a fragment (#…), which OAuth forbids. Take it out.", shown)
	case clientrules.HasPassword:
		return gatehouse.Errorf(gatehouse.Invalid, "The address has a user name or password in it. Take it out.")
	case clientrules.HasStar:
		return gatehouse.Errorf(gatehouse.Invalid, "%s has a * in it. Addresses are compared letter by letter, so write each of them.", shown)
	case clientrules.NoHost:
		return gatehouse.Errorf(gatehouse.Invalid, "%s has no host that can be used. Write it as the app sends it, such as https://app.example.com/callback.", shown)
	case clientrules.ReadOnTheWay:
		return gatehouse.Errorf(gatehouse.Invalid, "%s must begin with https, since http can be read and changed on the way. Only localhost and 127.0.0.1 may have http.", shown)
	case clientrules.SchemeOfAnybody:
		return gatehouse.Errorf(gatehouse.Invalid, "Any app on a device can claim the scheme %s. Use one made of a domain of yours, such as com.example.app.", schemeOf(address))
	case clientrules.Right:
	}
	return nil
}

func schemeOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme
}
