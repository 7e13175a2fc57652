package request

import (
	"net/url"
	"slices"
	"strings"

	"gatehouse"
)

// maxResources bounds how many resources one request may name.
const maxResources = 10

// Resources are the resources that a request names (RFC 8707 section 2); false
// when the client may not have one of them. parameter has them separated by
// spaces, which no resource has in it. Ourselves is what every token is for that
// names none, so issuer may always be named.
func Resources(c gatehouse.Client, parameter, issuer string) ([]string, bool) {
	asked := SplitScope(parameter)
	if len(asked) > maxResources {
		return nil, false
	}
	for _, r := range asked {
		u, err := url.Parse(r)
		if err != nil || !u.IsAbs() || strings.Contains(r, "#") {
			return nil, false
		}
		ours := issuer != "" && (r == issuer || strings.HasPrefix(r, issuer+"/"))
		if !ours && !slices.Contains(c.Settings.Resources, r) {
			return nil, false
		}
	}
	return asked, true
}
