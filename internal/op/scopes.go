package op

import (
	"slices"
	"strings"

	"gatehouse"
)

// The scopes that mean something here.
const (
	scopeOpenID  = "openid"
	scopeProfile = "profile"
	scopeEmail   = "email"
	scopeOffline = "offline_access"
	scopeUser    = "read_user"
	scopeReadAPI = "read_api"
	scopeAPI     = "api"
)

// The grants that this build has.
const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
	grantClient  = "client_credentials"
)

// Scopes are the scopes that a client may be registered for.
func Scopes() []string {
	return []string{scopeOpenID, scopeProfile, scopeEmail, scopeOffline, scopeUser, scopeReadAPI, scopeAPI}
}

// GrantTypes are the grants that a client may be registered for.
func GrantTypes() []string { return []string{grantCode, grantRefresh, grantClient} }

// mayGrant says whether a client may use a grant. One that names none has the
// code and refresh grants.
func mayGrant(c gatehouse.Client, grant string) bool {
	if c.GrantTypes == nil {
		return grant == grantCode || grant == grantRefresh
	}
	return slices.Contains(c.GrantTypes, grant)
}

// splitScope takes a scope parameter apart: each word once, in its order.
func splitScope(s string) []string {
	var words []string
	for _, w := range strings.Split(s, " ") {
		if w != "" && !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	return words
}

// requestedScopes are the scopes that a request asks for; false when one is
// unknown or the client is not registered for it. Without any, the request
// means read_user if that is registered, as GitLab's clients expect, else all
// that are. offline_access needs no registration but the refresh grant (OpenID
// Connect Core section 11), without which it is ignored.
func requestedScopes(c gatehouse.Client, parameter string) ([]string, bool) {
	asked := splitScope(parameter)
	if len(asked) == 0 {
		asked = defaultScopes(c)
	}
	if !mayGrant(c, grantRefresh) {
		asked = slices.DeleteFunc(asked, func(s string) bool { return s == scopeOffline })
	}
	for _, s := range asked {
		if s != scopeOffline && !slices.Contains(c.Scopes, s) || !slices.Contains(Scopes(), s) {
			return nil, false
		}
	}
	return asked, len(asked) > 0
}

func defaultScopes(c gatehouse.Client) []string {
	if slices.Contains(c.Scopes, scopeUser) {
		return []string{scopeUser}
	}
	return slices.Clone(c.Scopes)
}

// within are those of scopes that are also in bound, in their order.
func within(scopes, bound []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return !slices.Contains(bound, s) })
}

// stillAllowed are the scopes of an old grant that its client may have today.
func stillAllowed(c gatehouse.Client, scopes []string) []string {
	bound := c.Scopes
	if mayGrant(c, grantRefresh) {
		bound = append(slices.Clone(bound), scopeOffline)
	}
	return within(scopes, bound)
}

// covers says whether every scope that is asked for is among those given.
func covers(given, asked []string) bool { return len(within(asked, given)) == len(asked) }
