package config

import (
	"crypto/sha256"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/clientrules"
)

// Scopes are the scopes that a client may have.
func Scopes() []string {
	return []string{"openid", "profile", "email", "offline_access", "read_user", "read_api", "api", "provider_tokens"}
}

// GrantTypes are the grants that a client may have.
func GrantTypes() []string {
	return []string{"authorization_code", "refresh_token", "client_credentials", clientrules.GrantDevice, clientrules.GrantJWTBearer, "urn:ietf:params:oauth:grant-type:token-exchange"}
}

// shortSecret is where a warning begins: secrets are kept under a fast hash,
// which protects only those that cannot be guessed.
const shortSecret = 24

var visible = regexp.MustCompile(`^[\x21-\x7e]+$`)

func (r *reader) clients(s *section) []gatehouse.Client {
	var all []gatehouse.Client
	taken := map[string]bool{}
	for _, i := range s.list("clients", "clients (maps with id, secret, redirect_uris)") {
		c := r.section(i.value, i.path)
		if c.v != nil {
			all = append(all, r.client(c, taken))
		}
	}
	return all
}

func (r *reader) client(c *section, taken map[string]bool) gatehouse.Client {
	out := gatehouse.Client{
		ID:           r.clientID(c, taken),
		AuthMethod:   r.oneOf(c, "token_endpoint_auth_method", clientrules.AuthMethods()),
		RedirectURIs: c.texts("redirect_uris", redirectURI(r)),
		Scopes:       c.texts("scopes", oneOf(Scopes())),
		GrantTypes:   c.texts("grant_types", grantType),
		RequirePKCE:  c.flag("require_pkce", true),
		Trusted:      c.flag("trusted", false),
		Enabled:      true,
		Managed:      gatehouse.ManagedByFile,
	}
	out.Name = c.text("name", out.ID)
	out.PostLogoutRedirectURIs = c.texts("post_logout_redirect_uris", redirectURI(r))
	out.BackchannelLogoutURI = r.backchannel(c)
	out.SecretHash, out.Secret = r.secret(c, out.AuthMethod)
	out.Settings = r.clientSettings(c, out.AuthMethod)
	clientrules.Settle(&out)
	if c.get("scopes") == nil {
		out.Scopes = []string{"openid", "profile", "email"}
	}
	r.together(c, out)
	c.done()
	return out
}

func (r *reader) clientID(c *section, taken map[string]bool) string {
	t := c.required("id", "the Application ID (client_id) that the app is given")
	v := c.get("id")
	switch {
	case t == "":
	case !visible.MatchString(t) || len(t) > 255:
		r.problem(v, c.at("id"), "expected at most 255 letters, digits and signs of ASCII without spaces, found %s", shown(v))
	case taken[t]:
		r.problem(v, c.at("id"), "is taken by another client before it: %s", shown(v))
	}
	taken[t] = true
	return t
}

func (r *reader) oneOf(c *section, key string, known []string) string {
	t := c.text(key, "")
	if t == "" {
		return ""
	}
	v := c.get(key)
	if problem := oneOf(known)(item{v, c.at(key)}, t); problem != "" {
		r.problem(v, c.at(key), "%s", problem)
		return ""
	}
	return t
}

// minSigning is how long a secret that signs must be (RFC 7518 section 3.2).
const minSigning = 32

// secret is hashed at once, except where it checks signatures. A client without
// one, or with keys in its place, has none.
func (r *reader) secret(c *section, method string) (hashed []byte, kept string) {
	if clientrules.SecretOf(method) == clientrules.NoSecret {
		if v := c.get("secret"); v != nil {
			r.problem(v, c.at("secret"), "a client with token_endpoint_auth_method: %s has no secret; take one of the two out", method)
		}
		return nil, ""
	}
	t := c.required("secret", "a long random text, or, for an app that cannot keep one, token_endpoint_auth_method: none")
	switch {
	case t == "":
		return nil, ""
	case method == gatehouse.AuthSecretJWT && len(t) < minSigning:
		r.problem(c.get("secret"), c.at("secret"), "is shorter than %d characters, the least that may sign; take a random one, for instance of: openssl rand -hex 32", minSigning)
		return nil, ""
	case method == gatehouse.AuthSecretJWT:
		return nil, t
	case len(t) < shortSecret:
		r.warn(c.spot("secret"), "is shorter than %d characters; take a random one, for instance of: openssl rand -hex 32", shortSecret)
	}
	sum := sha256.Sum256([]byte(t))
	return sum[:], ""
}

// grantType says of the two that everybody knows why they are not there.
func grantType(i item, t string) string {
	if i.from == "" && (t == "password" || t == "implicit") {
		return "the " + t + " grant is not offered, since OAuth 2.0 security practice (RFC 9700) forbids it; use authorization_code"
	}
	return oneOf(GrantTypes())(i, t)
}

// together checks what keys mean for each other.
func (r *reader) together(c *section, out gatehouse.Client) {
	has := func(grant string) bool { return slices.Contains(out.GrantTypes, grant) }
	code := c.get("grant_types") == nil || has("authorization_code")
	if code && c.get("redirect_uris") == nil {
		c.missing("redirect_uris", `the addresses that a code may be sent to, such as ["https://app.example.com/callback"]`)
	}
	if code && len(out.RedirectURIs) == 0 && c.get("redirect_uris") != nil && len(c.get("redirect_uris").items) == 0 && c.get("redirect_uris").shape == list {
		r.problem(c.get("redirect_uris"), c.at("redirect_uris"), "is empty; a code could be sent nowhere")
	}
	r.rules(c, out)
	if has("refresh_token") && !has("authorization_code") && !has(clientrules.GrantDevice) {
		r.warn(c.spot("grant_types"), "refresh_token alone gives nothing, since no other grant of this client gives refresh tokens")
	}
}

func (r *reader) backchannel(c *section) string {
	const key = "backchannel_logout_uri"
	t := c.text(key, "")
	if t == "" {
		return ""
	}
	v := c.get(key)
	u, problem := webURL(v, t)
	if problem == "" && (u.Fragment != "" || strings.Contains(t, "#")) {
		problem = "has a fragment (#…), which never reaches a server"
	}
	if problem != "" {
		r.problem(v, c.at(key), "%s", problem)
		return ""
	}
	return t
}

// redirectURI accepts addresses that a browser may be sent to. An app's own
// scheme that is not made of a domain is only warned about, since whoever writes
// the file may know the devices.
func redirectURI(r *reader) func(item, string) string {
	return func(i item, t string) string {
		u, err := url.Parse(t)
		scheme := ""
		if err == nil {
			scheme = u.Scheme
		}
		switch clientrules.RedirectURI(t) {
		case clientrules.NoURL:
			return "is not a URL"
		case clientrules.NotWhole:
			return "expected an absolute URL such as https://app.example.com/callback, found " + shown(i.value)
		case clientrules.BadScheme:
			return "expected https, found the scheme " + scheme + ", to which no answer may be sent"
		case clientrules.HasFragment:
			return "has a fragment (#…), which RFC 6749 section 3.1.2 forbids"
		case clientrules.HasPassword:
			return "has a user name or password in it, which would show up in logs"
		case clientrules.HasStar:
			return "has a * in it; addresses are compared letter by letter, so write each of them"
		case clientrules.NoHost, clientrules.ReadOnTheWay:
			_, problem := webURL(i.value, t)
			return problem
		case clientrules.SchemeOfAnybody:
			r.warn(spot{i.pos, i.path}, "any app on a device can claim the scheme %s; RFC 8252 wants one made of a domain, such as com.example.app", scheme)
		case clientrules.Right:
		}
		return ""
	}
}
