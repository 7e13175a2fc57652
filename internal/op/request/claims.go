package request

import (
	"encoding/json"
	"slices"
)

// maxClaims bounds a claims parameter, in bytes.
const maxClaims = 4096

// askedClaims is what a claims parameter asks for (OpenID Connect Core section
// 5.5), as far as we can tell it. Anything else in it is passed over.
type askedClaims struct {
	id, user     []string // names of claims
	acr          []string // values, the best first
	acrEssential bool
	subject      string // who must be signed in; "" for anybody
}

// readClaims reads a claims parameter; false when it is none.
func readClaims(parameter string) (askedClaims, bool) {
	if parameter == "" {
		return askedClaims{}, true
	}
	type wish struct {
		Essential bool              `json:"essential"`
		Value     json.RawMessage   `json:"value"`
		Values    []json.RawMessage `json:"values"`
	}
	var raw struct {
		ID   map[string]*wish `json:"id_token"`
		User map[string]*wish `json:"userinfo"`
	}
	if len(parameter) > maxClaims || !plain(parameter) || json.Unmarshal([]byte(parameter), &raw) != nil {
		return askedClaims{}, false
	}
	var a askedClaims
	for _, name := range Claims() {
		if _, ok := raw.ID[name]; ok {
			a.id = append(a.id, name)
		}
		if _, ok := raw.User[name]; ok {
			a.user = append(a.user, name)
		}
	}
	if w := raw.ID["acr"]; w != nil {
		a.acrEssential = w.Essential
		for _, v := range append(w.Values, w.Value) {
			var value string
			if json.Unmarshal(v, &value) == nil && value != "" && len(a.acr) < 10 {
				a.acr = append(a.acr, value)
			}
		}
	}
	if w := raw.ID["sub"]; w != nil && w.Value != nil {
		if json.Unmarshal(w.Value, &a.subject) != nil || a.subject == "" {
			a.subject = UnknownSubject
		}
	}
	return a, true
}

// Claims are the names of the claims that can be asked for one by one.
func Claims() []string {
	return []string{"name", "nickname", "preferred_username", "profile", "picture", "email", "email_verified"}
}

// scopeOf is the scope that a claim belongs to (OpenID Connect Core section
// 5.4): whoever is not registered for it cannot have the claim either.
func scopeOf(claim string) string {
	if claim == "email" || claim == "email_verified" {
		return ScopeEmail
	}
	return ScopeProfile
}

// registered are those of some claims that a client may have.
func registered(scopes, claims []string) []string {
	return slices.DeleteFunc(slices.Clone(claims), func(c string) bool { return !slices.Contains(scopes, scopeOf(c)) })
}
