package gatehouse

import "slices"

// How surely a person signed in: the values of acr (OpenID Connect Core section
// 2). There is no common list of such values, so these are our own.
const (
	ACROneFactor  = "urn:gatehouse:acr:one-factor"  // by a password, a link, or a provider that does not say how, or is not believed
	ACRTwoFactors = "urn:gatehouse:acr:two-factors" // by two proofs of different kinds, or a passkey that asked for the person
)

// SecondByProvider is Session.Second of whoever gave both proofs to a provider
// that is believed about it.
const SecondByProvider = "provider"

// TwoFactors says whether the person of a session gave two proofs.
func (s Session) TwoFactors() bool { return s.Method == "passkey" || s.Second != "" }

// TwoFactors says whether a sign-in for the demand is to ask for two proofs: the
// app names them, and would not take one as well.
func (d Demand) TwoFactors() bool {
	return slices.Contains(d.ACR, ACRTwoFactors) && !slices.Contains(d.ACR, ACROneFactor)
}
