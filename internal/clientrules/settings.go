package clientrules

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
)

// Group is what a setting is about, for forms and lists.
type Group string

// The groups, in the order in which they are shown.
const (
	Proof    Group = "proof"    // how the client proves itself
	Tokens   Group = "tokens"   // what it gets
	Requests Group = "requests" // how it asks
	People   Group = "people"   // how it knows people
	Leaving  Group = "leaving"  // how it is told that a session ended
)

// Groups are all groups.
func Groups() []Group { return []Group{Proof, Tokens, Requests, People, Leaving} }

// Setting is one of the settings of a client's protocol. Its value is read and
// written through what Of points to.
type Setting struct {
	Name    string // in the configuration file, in the REST API and in forms
	Group   Group
	Choices []string // what it may be, besides the usual; nil: anything
	Usual   string   // how the empty value is written, of a setting with choices
	// Of is a *bool, *string, *[]string, **int64, *json.RawMessage or
	// *[]gatehouse.FederatedIssuer of the client.
	Of func(c *gatehouse.Client) any
}

// SignsBy are the algorithms by which Gatehouse signs.
func SignsBy() []string { return []string{"RS256", "ES256", "EdDSA"} }

// ChecksByKey are the algorithms that are checked by a client's public key.
func ChecksByKey() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// ChecksBySecret are the algorithms that are checked by a client's secret.
func ChecksBySecret() []string { return []string{"HS256", "HS384", "HS512"} }

// AuthMethods are the values of token_endpoint_auth_method.
func AuthMethods() []string {
	return []string{gatehouse.AuthBasic, gatehouse.AuthPost, gatehouse.AuthSecretJWT, gatehouse.AuthPrivateKeyJWT, gatehouse.AuthTLS, gatehouse.AuthSelfSignedTLS, gatehouse.AuthNone}
}

// SubjectPairwise is the subject_type of a client that knows people by a subject
// that is no other's.
const SubjectPairwise = "pairwise"

// Settings are the settings of a client's protocol, group by group.
func Settings() []Setting {
	type client = gatehouse.Client
	return slices.Concat(proofSettings(), []Setting{
		{Name: "access_token_format", Group: Tokens, Choices: []string{gatehouse.AccessTokenJWT}, Usual: "opaque", Of: func(c *client) any { return &c.Settings.AccessToken }},
		{Name: "id_token_signed_response_alg", Group: Tokens, Choices: SignsBy(), Of: func(c *client) any { return &c.Settings.IDTokenAlg }},
		{Name: "userinfo_signed_response_alg", Group: Tokens, Choices: SignsBy(), Of: func(c *client) any { return &c.Settings.UserinfoAlg }},
		{Name: "dpop_bound_access_tokens", Group: Tokens, Of: func(c *client) any { return &c.Settings.DPoPBound }},
		{Name: "require_dpop_nonce", Group: Tokens, Of: func(c *client) any { return &c.Settings.DPoPNonce }},
		{Name: "tls_client_certificate_bound_access_tokens", Group: Tokens, Of: func(c *client) any { return &c.Settings.CertBound }},
		{Name: "resources", Group: Tokens, Of: func(c *client) any { return &c.Settings.Resources }},
		{Name: "exchange_from", Group: Tokens, Of: func(c *client) any { return &c.Settings.ExchangeFrom }},

		{Name: "profile", Group: Requests, Choices: []string{gatehouse.ProfileFAPI2}, Of: func(c *client) any { return &c.Settings.Profile }},
		{Name: "require_pushed_authorization_requests", Group: Requests, Of: func(c *client) any { return &c.Settings.RequirePushed }},
		{Name: "require_signed_request_object", Group: Requests, Of: func(c *client) any { return &c.Settings.RequireSigned }},
		{Name: "request_object_signing_alg", Group: Requests, Choices: ChecksByKey(), Of: func(c *client) any { return &c.Settings.RequestObjectAlg }},
		{Name: "request_uris", Group: Requests, Of: func(c *client) any { return &c.Settings.RequestURIs }},
		{Name: "default_max_age", Group: Requests, Of: func(c *client) any { return &c.Settings.MaxAge }},
		{Name: "default_acr_values", Group: Requests, Of: func(c *client) any { return &c.Settings.ACRValues }},

		{Name: "subject_type", Group: People, Choices: []string{SubjectPairwise}, Usual: "public", Of: func(c *client) any { return &c.Settings.SubjectType }},
		{Name: "user_id_from", Group: People, Of: func(c *client) any { return &c.Settings.UserIDFrom }},
		{Name: "sector_identifier_uri", Group: People, Of: func(c *client) any { return &c.Settings.SectorURI }},
		{Name: "initiate_login_uri", Group: People, Of: func(c *client) any { return &c.Settings.InitiateLoginURI }},

		{Name: "backchannel_logout_uri", Group: Leaving, Of: func(c *client) any { return &c.BackchannelLogoutURI }},
		{Name: "frontchannel_logout_uri", Group: Leaving, Of: func(c *client) any { return &c.Settings.FrontchannelLogoutURI }},
		{Name: "frontchannel_logout_session_required", Group: Leaving, Of: func(c *client) any { return &c.Settings.FrontchannelSession }},
	})
}

func proofSettings() []Setting {
	type client = gatehouse.Client
	return []Setting{
		{Name: "token_endpoint_auth_method", Group: Proof, Choices: AuthMethods(), Of: func(c *client) any { return &c.AuthMethod }},
		{Name: "token_endpoint_auth_signing_alg", Group: Proof, Choices: slices.Concat(ChecksByKey(), ChecksBySecret()), Of: func(c *client) any { return &c.Settings.AuthSigningAlg }},
		{Name: "jwks_uri", Group: Proof, Of: func(c *client) any { return &c.Settings.JWKSURI }},
		{Name: "jwks", Group: Proof, Of: func(c *client) any { return &c.Settings.JWKS }},
		{Name: "federated", Group: Proof, Of: func(c *client) any { return &c.Settings.Federated }},
		{Name: "tls_client_auth_subject_dn", Group: Proof, Of: func(c *client) any { return &c.Settings.TLSSubject }},
		{Name: "tls_client_auth_san_dns", Group: Proof, Of: func(c *client) any { return &c.Settings.TLSDNS }},
		{Name: "tls_client_auth_san_uri", Group: Proof, Of: func(c *client) any { return &c.Settings.TLSURI }},
		{Name: "tls_client_auth_san_ip", Group: Proof, Of: func(c *client) any { return &c.Settings.TLSIP }},
		{Name: "tls_client_auth_san_email", Group: Proof, Of: func(c *client) any { return &c.Settings.TLSEmail }},
	}
}

// Named finds a setting; false when there is none of that name.
func Named(name string) (Setting, bool) {
	all := Settings()
	i := slices.IndexFunc(all, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		return Setting{}, false
	}
	return all[i], true
}

// Text is the value of the setting as a form shows it: "" when it is not set,
// "true" for a flag that is on, entries of a list on lines of their own, JSON for
// what is made of parts.
func (s Setting) Text(c gatehouse.Client) string {
	switch v := s.Of(&c).(type) {
	case *bool:
		if *v {
			return "true"
		}
	case *string:
		return *v
	case *[]string:
		return strings.Join(*v, "\n")
	case **int64:
		if *v != nil {
			return strconv.FormatInt(**v, 10)
		}
	case *json.RawMessage:
		return string(*v)
	case *[]gatehouse.FederatedIssuer:
		if len(*v) > 0 {
			text, _ := json.MarshalIndent(*v, "", "  ") // of texts alone
			return string(text)
		}
	}
	return ""
}

// Set reads what was entered for the setting, as Text writes it, into the client.
// An error says what it should be; then the client is as it was. Whether the
// value may be had, Check says.
func (s Setting) Set(c *gatehouse.Client, entered string) *gatehouse.Error {
	text := strings.TrimSpace(entered)
	switch v := s.Of(c).(type) {
	case *bool:
		if text != "" && text != "true" && text != "false" {
			return gatehouse.Errorf(gatehouse.Invalid, "This is true or false.")
		}
		*v = text == "true"
	case *string:
		if *v = text; text == s.Usual {
			*v = ""
		}
	case *[]string:
		*v = nil
		if all := strings.Fields(text); len(all) > 0 {
			*v = all
		}
	case **int64:
		return setNumber(v, text)
	case *json.RawMessage:
		if text == "" {
			*v = nil
		} else if !json.Valid([]byte(text)) {
			return gatehouse.Errorf(gatehouse.Invalid, "This is no JSON. Copy it again, from the first brace to the last.")
		} else {
			*v = json.RawMessage(text)
		}
	case *[]gatehouse.FederatedIssuer:
		return setIssuers(v, text)
	}
	return nil
}

func setNumber(v **int64, text string) *gatehouse.Error {
	if text == "" {
		*v = nil
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return gatehouse.Errorf(gatehouse.Invalid, "This is a whole number of seconds; empty means that there is none.")
	}
	*v = &n
	return nil
}

func setIssuers(v *[]gatehouse.FederatedIssuer, text string) *gatehouse.Error {
	if text == "" {
		*v = nil
		return nil
	}
	var all []gatehouse.FederatedIssuer
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil || d.More() {
		return gatehouse.Errorf(gatehouse.Invalid, "Write a list of issuers as JSON, each with issuer, subject, jwks_uri and perhaps audience.")
	}
	*v = all
	return nil
}

// SecretKind is how the secret of a client is kept.
type SecretKind int

// The kinds.
const (
	NoSecret     SecretKind = iota // it has none
	HashedSecret                   // as a digest
	SealedSecret                   // sealed, since it checks signatures
)

// SecretOf says how a client of a token_endpoint_auth_method keeps its secret.
func SecretOf(method string) SecretKind {
	switch method {
	case gatehouse.AuthNone, gatehouse.AuthPrivateKeyJWT, gatehouse.AuthTLS, gatehouse.AuthSelfSignedTLS:
		return NoSecret
	case gatehouse.AuthSecretJWT:
		return SealedSecret
	}
	return HashedSecret
}

// Common are the other settings of a client, by their names in the configuration
// file: those that each surface has in a form of its own. How a client is called
// (id) and its secret are none.
func Common() []string {
	return []string{"name", "redirect_uris", "post_logout_redirect_uris", "scopes", "grant_types", "require_pkce", "trusted", "lifetimes", "groups_from", "groups_only"}
}
