package config

import (
	"encoding/json"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/clientrules"
)

// clientSettings are the keys of a client that only some have.
func (r *reader) clientSettings(c *section, method string) gatehouse.ClientSettings {
	signing := clientrules.ChecksByKey()
	if method == gatehouse.AuthSecretJWT {
		signing = clientrules.ChecksBySecret()
	}
	out := gatehouse.ClientSettings{
		JWKS:             r.keySet(c),
		JWKSURI:          r.fetched(c, "jwks_uri"),
		AuthSigningAlg:   r.oneOf(c, "token_endpoint_auth_signing_alg", signing),
		IDTokenAlg:       r.oneOf(c, "id_token_signed_response_alg", clientrules.SignsBy()),
		Lifetimes:        r.clientLifetimes(c),
		Resources:        c.texts("resources", resource),
		ACRValues:        c.texts("default_acr_values", anyText),
		RequestURIs:      c.texts("request_uris", fetchedURL),
		RequestObjectAlg: r.oneOf(c, "request_object_signing_alg", clientrules.ChecksByKey()),
		RequireSigned:    c.flag("require_signed_request_object", false),
		Profile:          r.oneOf(c, "profile", []string{gatehouse.ProfileFAPI2}),
		CertBound:        c.flag("tls_client_certificate_bound_access_tokens", false),
		TLSSubject:       c.text("tls_client_auth_subject_dn", ""),
		TLSDNS:           c.text("tls_client_auth_san_dns", ""),
		TLSURI:           c.text("tls_client_auth_san_uri", ""),
		TLSIP:            c.text("tls_client_auth_san_ip", ""),
		TLSEmail:         c.text("tls_client_auth_san_email", ""),
		DPoPBound:        c.flag("dpop_bound_access_tokens", false),
		DPoPNonce:        c.flag("require_dpop_nonce", false),
		RequirePushed:    c.flag("require_pushed_authorization_requests", false),
		ExchangeFrom:     c.texts("exchange_from", anyText),
		Federated:        r.federated(c),
		GroupsFrom:       c.text("groups_from", ""),
		GroupsOnly:       c.texts("groups_only", groupPath),
		UserIDFrom:       c.text("user_id_from", ""),
		UserinfoAlg:      r.oneOf(c, "userinfo_signed_response_alg", clientrules.SignsBy()),
		// Browsers open these, Gatehouse does not.
		FrontchannelLogoutURI: r.fetched(c, "frontchannel_logout_uri"),
		FrontchannelSession:   c.flag("frontchannel_logout_session_required", false),
		InitiateLoginURI:      r.fetched(c, "initiate_login_uri"),
		SectorURI:             r.fetched(c, "sector_identifier_uri"),
	}
	if r.oneOf(c, "access_token_format", []string{"opaque", "jwt"}) == "jwt" {
		out.AccessToken = gatehouse.AccessTokenJWT
	}
	if r.oneOf(c, "subject_type", []string{"public", clientrules.SubjectPairwise}) == clientrules.SubjectPairwise {
		out.SubjectType = clientrules.SubjectPairwise
	}
	if c.get("default_max_age") != nil {
		seconds := int64(c.number("default_max_age", 0, 0, 1<<31-1))
		out.MaxAge = &seconds
	}
	return out
}

// keySet is a set of public keys, as JSON.
func (r *reader) keySet(c *section) json.RawMessage {
	v := c.get("jwks")
	if v == nil || v.bad {
		return nil
	}
	const expected = "expected a set of public keys, such as {keys: [{kty: EC, crv: P-256, x: …, y: …}]}"
	keys := v.find("keys")
	if v.shape != dict || keys == nil || keys.value.shape != list || len(keys.value.items) == 0 {
		r.problem(v, c.at("jwks"), "%s", expected)
		return nil
	}
	for _, k := range keys.value.items {
		switch {
		case k.shape != dict || k.find("kty") == nil:
			r.problem(k, c.at("jwks.keys"), "%s", expected)
			return nil
		case k.find("d") != nil || k.find("k") != nil:
			r.problem(k, c.at("jwks.keys"), "has a private key in it, which is not a secret any more; make a new one, and name only its public half here")
			return nil
		}
	}
	set, err := json.Marshal(plain(v))
	if err != nil {
		r.problem(v, c.at("jwks"), "%s", expected)
		return nil
	}
	return set
}

// fetched is an address that Gatehouse itself asks.
func (r *reader) fetched(c *section, key string) string {
	t := c.text(key, "")
	if t == "" {
		return ""
	}
	if problem := fetchedURL(item{c.get(key), c.at(key)}, t); problem != "" {
		r.problem(c.get(key), c.at(key), "%s", problem)
		return ""
	}
	return t
}

func fetchedURL(i item, t string) string {
	u, problem := webURL(i.value, t)
	if problem == "" && (u.Fragment != "" || strings.Contains(t, "#")) {
		problem = "has a fragment (#…), which never reaches a server"
	}
	return problem
}

// resource is the name of a resource (RFC 8707 section 2).
func resource(i item, t string) string {
	if !clientrules.Resource(t) {
		return "expected an absolute URI without fragment, such as https://api.example.com, found " + shown(i.value)
	}
	return ""
}

func (r *reader) clientLifetimes(c *section) gatehouse.ClientLifetimes {
	l := r.section(c.get("lifetimes"), c.at("lifetimes"))
	defer l.done()
	const unset = time.Duration(0)
	out := gatehouse.ClientLifetimes{
		Access: l.duration("access", unset), ID: l.duration("id", unset),
		Refresh: l.duration("refresh", unset), RefreshAbsolute: l.duration("refresh_absolute", unset),
	}
	if max(out.Access, out.ID, out.Refresh, out.RefreshAbsolute) > maxRefresh {
		r.problem(l.v, l.path, "nothing may live longer than five years")
	}
	if out.RefreshAbsolute > 0 && out.RefreshAbsolute < out.Refresh {
		r.problem(l.get("refresh_absolute"), l.at("refresh_absolute"), "is shorter than refresh (%s against %s), so that no refresh token lives as long as it says", out.RefreshAbsolute, out.Refresh)
	}
	return out
}

func (r *reader) federated(c *section) []gatehouse.FederatedIssuer {
	var all []gatehouse.FederatedIssuer
	for _, i := range c.list("federated", "issuers (maps with issuer, jwks_uri, subject)") {
		f := r.section(i.value, i.path)
		if f.v == nil {
			continue
		}
		out := gatehouse.FederatedIssuer{
			Issuer:   f.required("issuer", "the iss of the tokens, letter by letter"),
			Subject:  f.required("subject", "the sub of the tokens; a * at its end stands for anything"),
			Audience: f.text("audience", ""),
			JWKSURI:  r.fetched(f, "jwks_uri"),
		}
		if out.JWKSURI == "" && f.get("jwks_uri") == nil {
			f.missing("jwks_uri", "the address of the issuer's public keys")
		}
		if out.Subject == "*" {
			r.problem(f.get("subject"), f.at("subject"), "would let in everybody whom the issuer knows; name whom, such as project_path:team/app:*")
		}
		f.done()
		all = append(all, out)
	}
	return all
}

// rules reports which settings contradict each other. What stands there and was
// refused already counts as being there.
func (r *reader) rules(c *section, out gatehouse.Client) {
	if c.get("jwks") != nil && out.Settings.JWKS == nil {
		out.Settings.JWKS = json.RawMessage("{}")
	}
	for key, to := range map[string]*string{"jwks_uri": &out.Settings.JWKSURI, "frontchannel_logout_uri": &out.Settings.FrontchannelLogoutURI} {
		if v := c.get(key); v != nil && *to == "" {
			*to = key
		}
	}
	if c.get("federated") != nil && out.Settings.Federated == nil {
		out.Settings.Federated = []gatehouse.FederatedIssuer{{}}
	}
	for _, p := range clientrules.Together(out) {
		key, v := p.Field, c.get(p.Field)
		if v == nil && out.FAPI() {
			key, v = "profile", c.get("profile")
		}
		if p.Field != "lifetimes" { // said where it stands
			r.problem(v, c.at(key), "%s", strings.TrimSuffix(p.Err.Sentence(), "."))
		}
	}
}
