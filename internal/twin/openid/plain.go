package openid

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// The plain provider: OAuth 2.0 without OpenID Connect. It knows no ID token, no
// iss in its answers and no discovery; its clients are the same, and PKCE is
// checked where it is used. Its scopes are account, mail and teams.

func (t *Twin) plainAuthorize(c *call) answer { return t.authorization(c, true) }

func (t *Twin) plainToken(c *call) answer { return t.tokens(c, true) }

func plainScopes() []string { return []string{"account", "mail", "teams", "offline_access"} }

// plainUserinfo has a shape of its own: the person is two levels down, the id is
// a number, an e-mail address is one of a list.
func (t *Twin) plainUserinfo(c *call) answer {
	g, refused := t.bearer(c, true)
	if refused != nil {
		return *refused
	}
	p := t.state.World.Person(g.Sub)
	if p == nil || p.Disabled {
		return *bearerError(http.StatusUnauthorized, "invalid_token", "The person is no more.")
	}
	account := map[string]any{"uid": p.Number, "login": p.Username, "display_name": p.Name}
	if p.Picture {
		account["portrait"] = t.url + "/media/" + p.Sub + ".svg"
	}
	switch {
	case t.flawed(PlainNoID):
		delete(account, "uid")
	case t.flawed(PlainEmptyID):
		account["uid"] = ""
	case t.flawed(PlainFractionID):
		account["uid"] = json.Number("12345.5")
	}
	data := map[string]any{"account": account}
	if slices.Contains(g.Scopes, "mail") {
		mails := []map[string]any{}
		if p.Email != "" {
			mails = append(mails, map[string]any{"address": p.Email, "primary": true, "confirmed": p.EmailVerified == true})
			account["mail"] = p.Email
		}
		data["mails"] = mails
	}
	if slices.Contains(g.Scopes, "teams") {
		teams := []map[string]any{}
		for _, g := range p.Groups {
			teams = append(teams, map[string]any{"slug": g, "path": strings.Split(g, "/")})
		}
		data["teams"] = teams
	}
	return asJSON(http.StatusOK, map[string]any{"code": 0, "message": "ok", "data": data})
}
