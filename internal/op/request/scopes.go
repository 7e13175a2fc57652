package request

import (
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/provided"
)

// The scopes that mean something here.
const (
	ScopeOpenID   = "openid"
	ScopeProfile  = "profile"
	ScopeEmail    = "email"
	ScopeOffline  = "offline_access"
	ScopeReadUser = "read_user"
	ScopeReadAPI  = "read_api"
	ScopeAPI      = "api"
	ScopeProvider = provided.Scope
)

// The grants that this build has.
const (
	GrantCode    = "authorization_code"
	GrantRefresh = "refresh_token"
	GrantClient  = "client_credentials"
	// GrantExchange is token exchange (RFC 8693): here, an access token of ours
	// for one of a provider that the person signs in with.
	GrantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	GrantDevice   = "urn:ietf:params:oauth:grant-type:device_code"
	GrantBearer   = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// Scopes are the scopes that a client may be registered for.
func Scopes() []string {
	return []string{ScopeOpenID, ScopeProfile, ScopeEmail, ScopeOffline, ScopeReadUser, ScopeReadAPI, ScopeAPI, ScopeProvider}
}

// GrantTypes are the grants that a client may be registered for.
func GrantTypes() []string {
	return []string{GrantCode, GrantRefresh, GrantClient, GrantDevice, GrantBearer, GrantExchange}
}

// MayGrant says whether a client may use a grant. One that names none has the
// code and refresh grants.
func MayGrant(c gatehouse.Client, grant string) bool {
	if c.GrantTypes == nil {
		return grant == GrantCode || grant == GrantRefresh
	}
	return slices.Contains(c.GrantTypes, grant)
}

// SplitScope takes a scope parameter apart: each word once, in its order.
func SplitScope(s string) []string {
	var words []string
	for _, w := range strings.Split(s, " ") {
		if w != "" && !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	return words
}

// Requested are the scopes that a request asks for; false when one is
// unknown or the client is not registered for it. Without any, the request
// means read_user if that is registered, as GitLab's clients expect, else all
// that are. offline_access needs no registration but the refresh grant (OpenID
// Connect Core section 11), without which it is ignored.
func Requested(c gatehouse.Client, parameter string) ([]string, bool) {
	asked := SplitScope(parameter)
	if len(asked) == 0 {
		asked = defaultScopes(c)
	}
	if !MayGrant(c, GrantRefresh) {
		asked = slices.DeleteFunc(asked, func(s string) bool { return s == ScopeOffline })
	}
	for _, s := range asked {
		if s != ScopeOffline && !slices.Contains(c.Scopes, s) || !slices.Contains(Scopes(), s) || s == ScopeProvider && c.Public() {
			return nil, false
		}
	}
	return asked, len(asked) > 0
}

func defaultScopes(c gatehouse.Client) []string {
	if slices.Contains(c.Scopes, ScopeReadUser) {
		return []string{ScopeReadUser}
	}
	// What lets an application act elsewhere, nobody is asked for by accident.
	return slices.DeleteFunc(slices.Clone(c.Scopes), func(s string) bool { return s == ScopeProvider })
}

// Within are those of scopes that are also in bound, in their order.
func Within(scopes, bound []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return !slices.Contains(bound, s) })
}

// StillAllowed are the scopes of an old grant that its client may have today.
func StillAllowed(c gatehouse.Client, scopes []string) []string {
	bound := c.Scopes
	if MayGrant(c, GrantRefresh) {
		bound = append(slices.Clone(bound), ScopeOffline)
	}
	return Within(scopes, bound)
}

// Covers says whether every scope that is asked for is among those given.
func Covers(given, asked []string) bool { return len(Within(asked, given)) == len(asked) }
