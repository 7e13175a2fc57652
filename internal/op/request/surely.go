package request

import (
	"slices"

	"gatehouse"
)

// unmet is the error for a client whose demand for an acr nobody met (OpenID
// Connect Core Error Code unmet_authentication_requirements 1.0).
const unmet = "unmet_authentication_requirements"

// verdict is what is thought of how surely somebody signed in.
type verdict int

const (
	sure       verdict = iota
	askForMore         // a second proof may make them so
	tooWeak            // and they have been asked, or must not be
)

// surely decides about acr (OpenID Connect Core section 5.5.1.1). What is
// essential must be met; what is only wished for is asked for once, and told as
// it is. Where no page may be shown nobody is asked.
func surely(a Authorization, s Situation) verdict {
	switch {
	case len(a.ACR) == 0 || meets(a.ACR, s.ACR):
		return sure
	case a.ACREssential && (a.None || s.Resumed):
		return tooWeak
	case a.ACREssential:
		return askForMore
	case a.None || s.Resumed || !reachable(a.ACR):
		return sure
	}
	return askForMore
}

// meets says whether somebody who signed in as has signed in as surely as asked:
// who gave two proofs also gave one.
func meets(asked []string, has string) bool {
	return slices.Contains(asked, has) || has == gatehouse.ACRTwoFactors && slices.Contains(asked, gatehouse.ACROneFactor)
}

// reachable says whether any of some values can be met here by anybody.
func reachable(asked []string) bool {
	return slices.Contains(asked, gatehouse.ACROneFactor) || slices.Contains(asked, gatehouse.ACRTwoFactors)
}

// ACR is what a client is told of how surely a person signed in who signed in as
// has. A client for which certain values are essential is told one of them, which
// is as true.
func ACR(a Authorization, has string) string {
	if a.ACREssential && !slices.Contains(a.ACR, has) && meets(a.ACR, has) {
		return gatehouse.ACROneFactor
	}
	return has
}
