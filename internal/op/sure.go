package op

import (
	"slices"

	"gatehouse"
)

// How surely a person signed in (acr). There is no common list of such values,
// so these are our own.
const (
	acrOne = "urn:gatehouse:acr:one-factor"  // by a password, a link, or a provider, which does not say how
	acrTwo = "urn:gatehouse:acr:two-factors" // by two proofs of different kinds, or a passkey that asked for the person
)

// sureness is how a session began: its acr, and the methods by RFC 8176.
func sureness(s gatehouse.Session) (acr string, amr []string) {
	acr = acrOne
	switch s.Method {
	case "password":
		amr = []string{"pwd"}
	case "passkey":
		acr, amr = acrTwo, []string{"pop", "user"}
	}
	switch s.Second {
	case "authenticator", "recovery_code":
		acr, amr = acrTwo, append(amr, "otp")
	case "passkey":
		acr, amr = acrTwo, append(amr, "pop")
	}
	if acr == acrTwo && !slices.Contains(amr, "mfa") {
		amr = append(amr, "mfa")
	}
	return acr, amr
}
