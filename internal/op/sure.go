package op

import (
	"slices"

	"gatehouse"
)

const (
	acrOne = gatehouse.ACROneFactor
	acrTwo = gatehouse.ACRTwoFactors
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
	case gatehouse.SecondByProvider: // it did not say to us which
		acr = acrTwo
	}
	if acr == acrTwo && !slices.Contains(amr, "mfa") {
		amr = append(amr, "mfa")
	}
	return acr, amr
}
