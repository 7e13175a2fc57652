package request

import (
	"strconv"

	"gatehouse"
)

// Nameless says why a person has no number at a client that knows people by the
// ids of a GitLab (user_id_from).
type Nameless string

// The reasons.
const (
	NoConnection   Nameless = "no_connection"   // the connection is gone, or none to a GitLab
	NoIdentity     Nameless = "no_identity"     // the person has no account connected there
	ManyIdentities Nameless = "many_identities" // they have several, and it is not clear which is meant
)

// UpstreamNumber is the number by which a client knows a person: the id of their
// account at a GitLab, as that GitLab itself vouched for it. known is the number
// by which it knows them already, which decides between several; 0: by none.
func UpstreamNumber(identities []gatehouse.Identity, connectionID string, known int64) (int64, Nameless) {
	var all []int64
	for _, i := range identities {
		n, err := strconv.ParseInt(i.Subject, 10, 64)
		if i.ConnectionID != connectionID || err != nil || n <= 0 || strconv.FormatInt(n, 10) != i.Subject {
			continue
		}
		if n == known {
			return n, ""
		}
		all = append(all, n)
	}
	switch len(all) {
	case 0:
		return 0, NoIdentity
	case 1:
		return all[0], ""
	}
	return 0, ManyIdentities
}
