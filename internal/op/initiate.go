package op

import (
	"net/url"

	"gatehouse"
	"gatehouse/internal/op/logout"
)

// StartLink is where a person begins a sign-in to a client that lets others begin
// it (OpenID Connect Core section 4); "" = it does not. issuer is our own address.
func StartLink(c gatehouse.Client, issuer string) string {
	if c.Settings.InitiateLoginURI == "" || !c.On() || issuer == "" {
		return ""
	}
	return logout.WithQuery(c.Settings.InitiateLoginURI, url.Values{"iss": {issuer}})
}
