package clientrules

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
)

// The grants that rules speak of.
const (
	GrantCode      = "authorization_code"
	GrantRefresh   = "refresh_token"
	GrantMachine   = "client_credentials"
	GrantDevice    = "urn:ietf:params:oauth:grant-type:device_code"
	GrantJWTBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	mostEntries    = 50
	mostKeys       = 20
	longestKeys    = 32 << 10 // bytes
	longestText    = 1000     // bytes
	mostSeconds    = 1<<31 - 1
)

// Settle puts in what follows from other settings: a client that is held to FAPI
// 2.0 gets ID tokens that its profile permits.
func Settle(c *gatehouse.Client) {
	if c.FAPI() && c.Settings.IDTokenAlg == "" {
		c.Settings.IDTokenAlg = "ES256"
	}
}

// Together says which settings of a client contradict each other.
func Together(c gatehouse.Client) Problems {
	var all Problems
	for _, rule := range []func(gatehouse.Client, *Problems){public, keys, signing, frontChannel, profile, subjects, certificate, bearer, lifetimes} {
		rule(c, &all)
	}
	return all
}

// public: a client that keeps no secret may not do what only one with a secret may. One
// whose secret is only to come is not public.
func public(c gatehouse.Client, all *Problems) {
	if c.AuthMethod != gatehouse.AuthNone {
		return
	}
	if slices.Contains(c.GrantTypes, GrantMachine) {
		all.add("grant_types", gatehouse.Errorf(gatehouse.Invalid, "client_credentials needs a client with a secret."))
	}
	if slices.Contains(c.Scopes, "provider_tokens") {
		all.add("scopes", gatehouse.Errorf(gatehouse.Invalid, "provider_tokens needs a client with a secret: whoever takes its name could act for people elsewhere."))
	}
	if !c.RequirePKCE {
		all.add("require_pkce", gatehouse.Errorf(gatehouse.Invalid, "A client without a secret is protected by PKCE alone, so it cannot be switched off."))
	}
}

func hasKeys(c gatehouse.Client) bool { return len(c.Settings.JWKS) > 0 || c.Settings.JWKSURI != "" }

func keys(c gatehouse.Client, all *Problems) {
	s := c.Settings
	if len(s.JWKS) > 0 && s.JWKSURI != "" {
		all.add("jwks", gatehouse.Errorf(gatehouse.Invalid, "jwks and jwks_uri are both there. Take one of the two out."))
	}
	for _, needs := range []struct {
		set         bool
		field, what string
	}{
		{c.AuthMethod == gatehouse.AuthPrivateKeyJWT || c.AuthMethod == gatehouse.AuthSelfSignedTLS, "token_endpoint_auth_method", c.AuthMethod},
		{len(s.RequestURIs) > 0, "request_uris", "request_uris"},
		{s.RequestObjectAlg != "", "request_object_signing_alg", "request_object_signing_alg"},
		{s.RequireSigned, "require_signed_request_object", "require_signed_request_object"},
	} {
		if needs.set && !hasKeys(c) {
			all.add(needs.field, gatehouse.Errorf(gatehouse.Invalid, "%s needs the client's public keys. Name jwks_uri or jwks.", needs.what))
		}
	}
}

func signing(c gatehouse.Client, all *Problems) {
	alg, may := c.Settings.AuthSigningAlg, ChecksByKey()
	switch {
	case alg == "":
		return
	case c.AuthMethod == gatehouse.AuthSecretJWT:
		may = ChecksBySecret()
	case c.AuthMethod != gatehouse.AuthPrivateKeyJWT && c.AuthMethod != gatehouse.AuthSelfSignedTLS:
		all.add("token_endpoint_auth_signing_alg", gatehouse.Errorf(gatehouse.Invalid, "This means nothing without token_endpoint_auth_method: private_key_jwt or client_secret_jwt."))
		return
	}
	if !slices.Contains(may, alg) {
		all.add("token_endpoint_auth_signing_alg", gatehouse.Errorf(gatehouse.Invalid, "%s goes with %s only.", c.AuthMethod, strings.Join(may, ", ")))
	}
}

func frontChannel(c gatehouse.Client, all *Problems) {
	if c.Settings.FrontchannelSession && c.Settings.FrontchannelLogoutURI == "" {
		all.add("frontchannel_logout_session_required", gatehouse.Errorf(gatehouse.Invalid, "This means nothing without frontchannel_logout_uri."))
	}
}

func byCertificate(method string) bool {
	return method == gatehouse.AuthTLS || method == gatehouse.AuthSelfSignedTLS
}

// profile: what a client is set to does not contradict the profile that it is
// held to: every such request would be refused later.
func profile(c gatehouse.Client, all *Problems) {
	if !c.FAPI() {
		return
	}
	if c.AuthMethod != gatehouse.AuthPrivateKeyJWT && !byCertificate(c.AuthMethod) {
		all.add("token_endpoint_auth_method", gatehouse.Errorf(gatehouse.Invalid, "profile: fapi2 permits token_endpoint_auth_method: private_key_jwt, tls_client_auth or self_signed_tls_client_auth only."))
	}
	if !c.RequirePKCE {
		all.add("require_pkce", gatehouse.Errorf(gatehouse.Invalid, "profile: fapi2 requires PKCE."))
	}
	if slices.ContainsFunc(c.RedirectURIs, func(u string) bool { return !strings.HasPrefix(u, "https://") }) {
		all.add("redirect_uris", gatehouse.Errorf(gatehouse.Invalid, "profile: fapi2 permits https only."))
	}
	strict := []string{"PS256", "ES256", "EdDSA"}
	for _, one := range []struct{ field, algorithm string }{
		{"id_token_signed_response_alg", c.Settings.IDTokenAlg},
		{"token_endpoint_auth_signing_alg", c.Settings.AuthSigningAlg},
		{"request_object_signing_alg", c.Settings.RequestObjectAlg},
		{"userinfo_signed_response_alg", c.Settings.UserinfoAlg},
	} {
		if one.algorithm != "" && !slices.Contains(strict, one.algorithm) {
			all.add(one.field, gatehouse.Errorf(gatehouse.Invalid, "profile: fapi2 permits %s only, not %s.", strings.Join(strict, ", "), one.algorithm))
		}
	}
	if len(c.Settings.Federated) > 0 {
		all.add("federated", gatehouse.Errorf(gatehouse.Invalid, "profile: fapi2 permits keys of the client's own only."))
	}
}

// subjects is what belongs to pairwise subjects (OpenID Connect Core section
// 8.1).
func subjects(c gatehouse.Client, all *Problems) {
	if c.Settings.SubjectType != SubjectPairwise {
		if c.Settings.SectorURI != "" {
			all.add("sector_identifier_uri", gatehouse.Errorf(gatehouse.Invalid, "This means nothing without subject_type: pairwise."))
		}
		return
	}
	if c.Settings.UserIDFrom != "" {
		all.add("user_id_from", gatehouse.Errorf(gatehouse.Invalid, "This tells the number of people at a GitLab, and pairwise subjects hide numbers. Take one of the two out."))
	}
	var hosts []string
	for _, address := range c.RedirectURIs {
		if u, err := url.Parse(address); err == nil && !slices.Contains(hosts, u.Hostname()) {
			hosts = append(hosts, u.Hostname())
		}
	}
	if len(hosts) > 1 && c.Settings.SectorURI == "" {
		all.add("subject_type", gatehouse.Errorf(gatehouse.Invalid, "pairwise needs sector_identifier_uri, since the redirect_uris are of several hosts, and whom each of them knows must not change with their order."))
	}
	for _, scope := range []string{"read_user", "read_api", "api"} {
		if slices.Contains(c.Scopes, scope) {
			all.add("scopes", gatehouse.Errorf(gatehouse.Invalid, "%s tells the number by which every other app knows a person, so pairwise subjects would hide nothing.", scope))
		}
	}
}

// certificate: what a client says of its certificate (RFC 8705 section 2.1.2).
func certificate(c gatehouse.Client, all *Problems) {
	s, names := c.Settings, 0
	for _, one := range []struct{ field, name string }{
		{"subject_dn", s.TLSSubject}, {"san_dns", s.TLSDNS}, {"san_uri", s.TLSURI}, {"san_ip", s.TLSIP}, {"san_email", s.TLSEmail},
	} {
		if one.name == "" {
			continue
		}
		if names++; c.AuthMethod != gatehouse.AuthTLS {
			all.add("tls_client_auth_"+one.field, gatehouse.Errorf(gatehouse.Invalid, "This means nothing without token_endpoint_auth_method: tls_client_auth."))
		}
	}
	if c.AuthMethod == gatehouse.AuthTLS && names != 1 {
		all.add("token_endpoint_auth_method", gatehouse.Errorf(gatehouse.Invalid, "tls_client_auth needs one name in the certificate: tls_client_auth_subject_dn, _san_dns, _san_uri, _san_ip or _san_email."))
	}
}

func bearer(c gatehouse.Client, all *Problems) {
	may := slices.Contains(c.GrantTypes, GrantJWTBearer)
	switch {
	case may && !hasKeys(c) && len(c.Settings.Federated) == 0:
		all.add("grant_types", gatehouse.Errorf(gatehouse.Invalid, "%s needs keys that sign the assertions: jwks_uri, jwks or federated.", GrantJWTBearer))
	case !may && len(c.Settings.Federated) > 0:
		all.add("federated", gatehouse.Errorf(gatehouse.Invalid, "This means nothing without the grant %s.", GrantJWTBearer))
	}
}

func lifetimes(c gatehouse.Client, all *Problems) {
	if l := c.Settings.Lifetimes; l.RefreshAbsolute > 0 && l.RefreshAbsolute < l.Refresh {
		all.add("lifetimes", gatehouse.Errorf(gatehouse.Invalid, "refresh_absolute is shorter than refresh (%s against %s), so that no refresh token lives as long as it says.", l.RefreshAbsolute.String(), l.Refresh.String()))
	}
}

// Each says which settings of a client's protocol are not what such a setting
// may be. The file says so where it reads them.
func Each(c gatehouse.Client) Problems {
	var all Problems
	for _, s := range Settings() {
		switch v := s.Of(&c).(type) {
		case *string:
			text(s, *v, &all)
		case *[]string:
			list(s, *v, &all)
		}
	}
	if n := c.Settings.MaxAge; n != nil && (*n < 0 || *n > mostSeconds) {
		all.add("default_max_age", gatehouse.Errorf(gatehouse.Invalid, "This is a whole number of seconds; empty means that there is none."))
	}
	if set := c.Settings.JWKS; len(set) > 0 {
		publicKeys(set, &all)
	}
	issuers(c.Settings.Federated, &all)
	return all
}

// isAddress says whether the entries of a setting are addresses that are asked.
func isAddress(name string) bool {
	return strings.HasSuffix(name, "_uri") || name == "request_uris"
}

func text(s Setting, v string, all *Problems) {
	switch {
	case v == "":
	case s.Choices != nil && !slices.Contains(s.Choices, v):
		all.add(s.Name, gatehouse.Errorf(gatehouse.Invalid, "Choose one of those that are offered: %s.", strings.Join(s.Choices, ", ")))
	case s.Name == "tls_client_auth_san_uri":
		oneLine(s.Name, v, all)
	case isAddress(s.Name) && !Web(v):
		all.add(s.Name, gatehouse.Errorf(gatehouse.Invalid, "This is no address that can be used. It begins with https:// and has no fragment; only localhost and 127.0.0.1 may have http."))
	case s.Name == "tls_client_auth_san_ip":
		if _, err := netip.ParseAddr(v); err != nil {
			all.add(s.Name, gatehouse.Errorf(gatehouse.Invalid, "This is no IP address."))
		}
	default:
		oneLine(s.Name, v, all)
	}
}

func oneLine(field, v string, all *Problems) {
	if len(v) > longestText || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		all.add(field, gatehouse.Errorf(gatehouse.Invalid, "Use one line of at most %d characters.", longestText))
	}
}

func list(s Setting, v []string, all *Problems) {
	if len(v) > mostEntries {
		all.add(s.Name, gatehouse.Errorf(gatehouse.Invalid, "Name at most %d.", mostEntries))
		return
	}
	for i, one := range v {
		switch {
		case slices.Contains(v[:i], one):
			all.add(s.Name, gatehouse.Errorf(gatehouse.Invalid, "%s is in the list twice.", clip(one)))
		case isAddress(s.Name) && !Web(one):
			all.add(s.Name, gatehouse.Errorf(gatehouse.Invalid, "%s is no address that can be used. It begins with https:// and has no fragment.", clip(one)))
		case s.Name == "resources" && !Resource(one):
			all.add(s.Name, gatehouse.Errorf(gatehouse.Invalid, "%s is no absolute URI without fragment, such as https://api.example.com.", clip(one)))
		default:
			oneLine(s.Name, one, all)
		}
	}
}

// Resource says whether a text can be the name of a resource (RFC 8707 section
// 2).
func Resource(name string) bool {
	u, err := url.Parse(name)
	return err == nil && u.IsAbs() && !strings.Contains(name, "#") && len(name) <= LongestAddress &&
		!strings.ContainsFunc(name, func(r rune) bool { return r <= 0x20 || r >= 0x7f })
}

// publicKeys checks a set of keys (RFC 7517) for being public and bounded.
func publicKeys(raw json.RawMessage, all *Problems) {
	var set struct {
		Keys []map[string]json.RawMessage `json:"keys"`
	}
	if len(raw) > longestKeys || json.Unmarshal(raw, &set) != nil || len(set.Keys) == 0 || len(set.Keys) > mostKeys {
		all.add("jwks", gatehouse.Errorf(gatehouse.Invalid, `This is no set of at most %d public keys, such as {"keys": [{"kty": "EC", "crv": "P-256", "x": "…", "y": "…"}]}.`, mostKeys))
		return
	}
	for _, k := range set.Keys {
		switch {
		case k["kty"] == nil:
			all.add("jwks", gatehouse.Errorf(gatehouse.Invalid, `This is no set of at most %d public keys, such as {"keys": [{"kty": "EC", "crv": "P-256", "x": "…", "y": "…"}]}.`, mostKeys))
			return
		case k["d"] != nil || k["k"] != nil:
			all.add("jwks", gatehouse.Errorf(gatehouse.Invalid, "There is a private key in it, which is not a secret any more. Make a new one, and name only its public half here."))
			return
		}
	}
}

func issuers(federated []gatehouse.FederatedIssuer, all *Problems) {
	if len(federated) > mostKeys {
		all.add("federated", gatehouse.Errorf(gatehouse.Invalid, "Name at most %d.", mostKeys))
		return
	}
	for _, f := range federated {
		switch {
		case f.Issuer == "" || f.Subject == "" || !Web(f.JWKSURI) || max(len(f.Issuer), len(f.Subject), len(f.Audience)) > longestText:
			all.add("federated", gatehouse.Errorf(gatehouse.Invalid, "Each issuer needs issuer, subject and an https address as jwks_uri."))
		case f.Subject == "*":
			all.add("federated", gatehouse.Errorf(gatehouse.Invalid, "The subject * would let in everybody whom the issuer knows. Name whom, such as project_path:team/app:*."))
		}
	}
}

// clip is what was entered, short enough to be said again.
func clip(text string) string {
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	return text
}
