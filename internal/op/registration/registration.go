// Package registration decides about clients that register themselves (RFC 7591,
// OpenID Connect Dynamic Client Registration 1.0): whether what one says of
// itself is allowed, and what client becomes of it. It is pure: what a sector
// says of its members is asked elsewhere.
package registration

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"gatehouse"
	"gatehouse/internal/clientrules"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
)

// Who may register clients.
const (
	ByNobody  = ""       // the default
	ByToken   = "token"  // who has an initial access token
	ByAnybody = "anyone" // within the policy
)

// Policy is what self-registered clients may be. The zero value lets nobody
// register any.
type Policy struct {
	By      string   // ByNobody, ByToken or ByAnybody
	Scopes  []string // at most; nil: openid, profile, email, offline_access
	Hosts   []string // of https redirect URIs: "app.example.com", "*.example.com"; nil: any
	NoPKCE  bool     // those with a secret need no PKCE
	MaxOpen int64    // registered without token; 0: 1000

	grants []string // at most; nil: those of checkKinds
}

// Max is how many clients may be there that were registered without token.
func (p Policy) Max() int64 {
	if p.MaxOpen > 0 {
		return p.MaxOpen
	}
	return 1000
}

func (p Policy) scopes() []string {
	if p.Scopes != nil {
		return p.Scopes
	}
	return []string{request.ScopeOpenID, request.ScopeProfile, request.ScopeEmail, request.ScopeOffline}
}

// Metadata is what a client says of itself (RFC 7591 section 2, OpenID Connect
// Dynamic Client Registration 1.0 section 2). What is not here is not supported,
// and ignored as section 2 says.
type Metadata struct {
	RedirectURIs    []string        `json:"redirect_uris,omitempty"`
	ClientName      string          `json:"client_name,omitempty"`
	ApplicationType string          `json:"application_type,omitempty"` // web (the default) or native
	GrantTypes      []string        `json:"grant_types,omitempty"`
	ResponseTypes   []string        `json:"response_types,omitempty"`
	AuthMethod      string          `json:"token_endpoint_auth_method,omitempty"`
	AuthSigningAlg  string          `json:"token_endpoint_auth_signing_alg,omitempty"`
	Scope           string          `json:"scope,omitempty"`
	JWKS            json.RawMessage `json:"jwks,omitempty"`
	JWKSURI         string          `json:"jwks_uri,omitempty"`
	SubjectType     string          `json:"subject_type,omitempty"`
	SectorURI       string          `json:"sector_identifier_uri,omitempty"`
	IDTokenAlg      string          `json:"id_token_signed_response_alg,omitempty"`
	MaxAge          *int64          `json:"default_max_age,omitempty"`
	ACRValues       []string        `json:"default_acr_values,omitempty"`
	RequestURIs     []string        `json:"request_uris,omitempty"`
	RequestAlg      string          `json:"request_object_signing_alg,omitempty"`
	RequireSigned   bool            `json:"require_signed_request_object,omitempty"`
	InitiateLogin   string          `json:"initiate_login_uri,omitempty"`
	PostLogoutURIs  []string        `json:"post_logout_redirect_uris,omitempty"`
	BackchannelURI  string          `json:"backchannel_logout_uri,omitempty"`
	BackSession     bool            `json:"backchannel_logout_session_required,omitempty"`
	FrontchannelURI string          `json:"frontchannel_logout_uri,omitempty"`
	FrontSession    bool            `json:"frontchannel_logout_session_required,omitempty"`
	Statement       string          `json:"software_statement,omitempty"`
	Contacts        []string        `json:"contacts,omitempty"`
	ClientURI       string          `json:"client_uri,omitempty"`
	LogoURI         string          `json:"logo_uri,omitempty"`
	PolicyURI       string          `json:"policy_uri,omitempty"`
	TermsURI        string          `json:"tos_uri,omitempty"`
	SoftwareID      string          `json:"software_id,omitempty"`
	SoftwareVersion string          `json:"software_version,omitempty"`
	UserinfoAlg     string          `json:"userinfo_signed_response_alg,omitempty"`

	Names map[string]string `json:"-"` // client_name#LANGUAGE, see Read
}

const (
	most    = 20   // entries of a list
	longest = 2000 // bytes of an address
	maxName = 100  // runes
)

func invalid(description string) *wire.Error {
	return &wire.Error{Code: "invalid_client_metadata", Description: description}
}

func badRedirect(description string) *wire.Error {
	return &wire.Error{Code: "invalid_redirect_uri", Description: description}
}

// Decide says what client becomes of metadata, without its id and secret, or why
// none. When it has a SectorURI, that must still be asked (see InSector).
func Decide(p Policy, m Metadata) (gatehouse.Client, error) {
	if m.Statement != "" {
		return gatehouse.Client{}, &wire.Error{Code: "unapproved_software_statement", Description: "Software statements are not taken here. Send the metadata without software_statement."}
	}
	c := gatehouse.Client{
		Name: name(m), RedirectURIs: m.RedirectURIs, PostLogoutRedirectURIs: m.PostLogoutURIs, BackchannelLogoutURI: m.BackchannelURI,
		AuthMethod: m.AuthMethod, GrantTypes: m.GrantTypes, Enabled: true, Managed: gatehouse.ManagedByDashboard,
		Settings: gatehouse.ClientSettings{
			JWKS: m.JWKS, JWKSURI: m.JWKSURI, AuthSigningAlg: m.AuthSigningAlg, IDTokenAlg: m.IDTokenAlg, MaxAge: m.MaxAge,
			ACRValues: m.ACRValues, RequestURIs: m.RequestURIs, RequestObjectAlg: m.RequestAlg, RequireSigned: m.RequireSigned,
			UserinfoAlg: m.UserinfoAlg, InitiateLoginURI: m.InitiateLogin, FrontchannelLogoutURI: m.FrontchannelURI, FrontchannelSession: m.FrontSession, SectorURI: m.SectorURI,
		},
	}
	if c.AuthMethod == "" {
		c.AuthMethod = gatehouse.AuthBasic // section 2
	}
	if c.GrantTypes == nil {
		c.GrantTypes = []string{request.GrantCode}
	}
	c.RequirePKCE = !p.NoPKCE || c.AuthMethod == gatehouse.AuthNone
	if m.SubjectType == request.SubjectPairwise {
		c.Settings.SubjectType = request.SubjectPairwise
	}
	for _, check := range []func(Policy, Metadata, *gatehouse.Client) error{checkAbout, checkKinds, checkRedirects, checkAddresses, checkKeys, checkScopes} {
		if err := check(p, m, &c); err != nil {
			return gatehouse.Client{}, err
		}
	}
	return c, nil
}

// name is what people read: what the client says, in one line, else the host
// that it leads to.
func name(m Metadata) string {
	if said := oneLine(m.ClientName); said != "" {
		return said
	}
	for _, address := range m.RedirectURIs {
		if u, err := url.Parse(address); err == nil && u.Hostname() != "" {
			return u.Hostname()
		}
	}
	return "Application"
}

// oneLine is a text without hidden signs, short enough for a page.
func oneLine(text string) string {
	said := []rune(strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))))
	return string(said[:min(len(said), maxName)])
}

func checkKinds(p Policy, m Metadata, c *gatehouse.Client) error {
	methods := []string{gatehouse.AuthBasic, gatehouse.AuthPost, gatehouse.AuthSecretJWT, gatehouse.AuthPrivateKeyJWT, gatehouse.AuthNone}
	grants := []string{request.GrantCode, request.GrantRefresh, request.GrantDevice}
	signs := []string{"", "RS256", "ES256", "EdDSA"}
	switch {
	case !slices.Contains(methods, c.AuthMethod):
		return invalid("token_endpoint_auth_method is none that is supported.")
	case !request.Covers(grants, c.GrantTypes) || len(c.GrantTypes) == 0:
		return invalid("grant_types may have authorization_code, refresh_token and the device grant only.")
	case p.grants != nil && !request.Covers(p.grants, c.GrantTypes):
		return invalid("grant_types has one that the client was not registered for.")
	case slices.Contains(c.GrantTypes, request.GrantRefresh) && len(c.GrantTypes) == 1:
		return invalid("grant_types has refresh_token alone, which gives nothing.")
	case m.ResponseTypes != nil && !slices.Equal(m.ResponseTypes, []string{"code"}):
		return invalid("response_types may be code only.")
	case m.ApplicationType != "" && m.ApplicationType != "web" && m.ApplicationType != "native":
		return invalid("application_type is web or native.")
	case m.SubjectType != "" && m.SubjectType != request.SubjectPublic && m.SubjectType != request.SubjectPairwise:
		return invalid("subject_type is public or pairwise.")
	case !slices.Contains(signs, m.IDTokenAlg):
		return invalid("id_token_signed_response_alg is RS256, ES256 or EdDSA.")
	case !slices.Contains(signs, m.UserinfoAlg):
		return invalid("userinfo_signed_response_alg is RS256, ES256 or EdDSA, or not there for plain JSON.")
	case m.MaxAge != nil && (*m.MaxAge < 0 || *m.MaxAge > 1<<31-1):
		return invalid("default_max_age is no number of seconds.")
	case len(m.ACRValues) > most:
		return invalid("default_acr_values has too many entries.")
	}
	return nil
}

func checkRedirects(p Policy, m Metadata, c *gatehouse.Client) error {
	if len(c.RedirectURIs) == 0 && slices.Contains(c.GrantTypes, request.GrantCode) {
		return badRedirect("redirect_uris is needed: a code could be sent nowhere.")
	}
	if len(c.RedirectURIs) > most {
		return badRedirect("redirect_uris has too many entries.")
	}
	for _, address := range c.RedirectURIs {
		if why := redirect(p, m.ApplicationType == "native", address); why != "" {
			return badRedirect("redirect_uris: " + why)
		}
	}
	if len(c.PostLogoutRedirectURIs) > most {
		return invalid("post_logout_redirect_uris has too many entries.")
	}
	for _, address := range c.PostLogoutRedirectURIs {
		if why := redirect(p, m.ApplicationType == "native", address); why != "" {
			return invalid("post_logout_redirect_uris: " + why)
		}
	}
	if request.Pairwise(*c) && slices.Contains(c.GrantTypes, request.GrantDevice) && c.Settings.SectorURI == "" {
		// Nothing is sent to a device's redirect URIs, so they could be anybody's.
		return invalid("Pairwise subjects with the device grant need sector_identifier_uri.")
	}
	if request.Pairwise(*c) && !request.OneSector(*c) {
		return invalid("Pairwise subjects with redirect URIs of several hosts need sector_identifier_uri.")
	}
	return nil
}

// redirect says why an address may not be registered; "" = it may. Addresses on
// the person's own machine, and schemes of an app, are for native clients (RFC
// 8252 section 7, OpenID Connect Dynamic Client Registration section 2).
func redirect(p Policy, native bool, address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || len(address) > longest || !request.Usable(address) || strings.ContainsAny(address, "\\<>\"`{}|^*"):
		return "an entry is no address that a browser may be sent to."
	case u.Scheme == "https" && clientrules.ThisMachine(u.Hostname()):
		return "an entry leads to the person's own machine."
	case u.Scheme == "https" && !hostAllowed(p.Hosts, u.Hostname()):
		return "an entry leads to a host that may not be registered here."
	case u.Scheme == "https":
		return ""
	case !native:
		return "an entry is not https. Only native applications have other addresses."
	case u.Scheme == "http" && !clientrules.ThisMachine(u.Hostname()):
		return "an entry is http, which is for the person's own machine only."
	case u.Scheme != "http" && !strings.Contains(u.Scheme, "."):
		return "an entry has a scheme that is not made of a domain, such as com.example.app."
	}
	return ""
}

func hostAllowed(allowed []string, host string) bool {
	host = strings.ToLower(host)
	return len(allowed) == 0 || slices.ContainsFunc(allowed, func(a string) bool {
		a = strings.ToLower(a)
		suffix, wild := strings.CutPrefix(a, "*")
		return host == a || wild && strings.HasSuffix(host, suffix) && len(host) > len(suffix)
	})
}

func checkAddresses(_ Policy, m Metadata, _ *gatehouse.Client) error {
	asked := map[string]string{
		"jwks_uri": m.JWKSURI, "sector_identifier_uri": m.SectorURI, "initiate_login_uri": m.InitiateLogin,
		"backchannel_logout_uri": m.BackchannelURI, "frontchannel_logout_uri": m.FrontchannelURI,
	}
	if len(m.RequestURIs) > most {
		return invalid("request_uris has too many entries.")
	}
	for _, address := range m.RequestURIs {
		bare, _, _ := strings.Cut(address, "#") // which tells versions of the object apart (OpenID Connect Core section 6.2)
		if !https(bare) || len(address) > longest {
			return invalid("request_uris: an entry is no https address.")
		}
	}
	for name, address := range asked {
		if address != "" && !https(address) {
			return invalid(name + " is no https address without fragment.")
		}
	}
	return nil
}

func https(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Host != "" && len(address) <= longest && request.Usable(address)
}

func checkKeys(_ Policy, m Metadata, c *gatehouse.Client) error {
	keys := m.JWKSURI != "" || len(m.JWKS) > 0
	var set struct {
		Keys []map[string]json.RawMessage `json:"keys"`
	}
	switch {
	case m.JWKSURI != "" && len(m.JWKS) > 0:
		return invalid("jwks and jwks_uri must not be there both.")
	case len(m.JWKS) > 0 && (json.Unmarshal(m.JWKS, &set) != nil || len(set.Keys) == 0 || len(set.Keys) > most):
		return invalid("jwks is no set of public keys.")
	case c.AuthMethod == gatehouse.AuthPrivateKeyJWT && !keys:
		return invalid("private_key_jwt needs jwks or jwks_uri.")
	case (len(m.RequestURIs) > 0 || m.RequireSigned || m.RequestAlg != "") && m.RequestAlg != "none" && !keys:
		return invalid("Signed requests need jwks or jwks_uri.")
	}
	for _, k := range set.Keys {
		if k["d"] != nil || k["k"] != nil || k["kty"] == nil || bytes.Equal(k["kty"], []byte(`"oct"`)) {
			return invalid("jwks has a key that is no public one.")
		}
	}
	public := []string{"", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
	signing := public
	if c.AuthMethod == gatehouse.AuthSecretJWT {
		signing = []string{"", "HS256", "HS384", "HS512"}
	}
	switch {
	case !slices.Contains(signing, m.AuthSigningAlg):
		return invalid("token_endpoint_auth_signing_alg does not go with the method.")
	case !slices.Contains(public, m.RequestAlg):
		return invalid("request_object_signing_alg is none that is supported.")
	}
	return nil
}

// checkScopes gives the client what it asks for of what the policy has, or all of
// that when it does not say.
func checkScopes(p Policy, m Metadata, c *gatehouse.Client) error {
	may := slices.DeleteFunc(slices.Clone(p.scopes()), func(s string) bool {
		tells := s == request.ScopeReadUser || s == request.ScopeReadAPI || s == request.ScopeAPI
		return tells && request.Pairwise(*c) || s == request.ScopeProvider && c.AuthMethod == gatehouse.AuthNone
	})
	c.Scopes = may
	if asked := request.SplitScope(m.Scope); len(asked) > 0 {
		c.Scopes = request.Within(asked, may)
	}
	if len(c.Scopes) == 0 {
		return invalid("None of the scopes may be had by clients that register themselves.")
	}
	return nil
}

// InSector says whether what is at a sector_identifier_uri has all redirect URIs
// of a client (OpenID Connect Core section 8.1).
func InSector(document []byte, c gatehouse.Client) bool {
	var members []string
	return json.Unmarshal(document, &members) == nil && request.Covers(members, c.RedirectURIs)
}

// Of is the metadata of a client, as it stands.
func Of(c gatehouse.Client) Metadata {
	s := c.Settings
	m := Metadata{
		RedirectURIs: c.RedirectURIs, ClientName: c.Name, GrantTypes: c.GrantTypes, AuthMethod: c.AuthMethod, AuthSigningAlg: s.AuthSigningAlg,
		Scope: strings.Join(c.Scopes, " "), JWKS: s.JWKS, JWKSURI: s.JWKSURI, SubjectType: request.SubjectPublic, SectorURI: s.SectorURI,
		IDTokenAlg: s.IDTokenAlg, UserinfoAlg: s.UserinfoAlg, MaxAge: s.MaxAge, ACRValues: s.ACRValues, RequestURIs: s.RequestURIs, RequestAlg: s.RequestObjectAlg,
		RequireSigned: s.RequireSigned, InitiateLogin: s.InitiateLoginURI, PostLogoutURIs: c.PostLogoutRedirectURIs,
		BackchannelURI: c.BackchannelLogoutURI, BackSession: c.BackchannelLogoutURI != "", FrontchannelURI: s.FrontchannelLogoutURI, FrontSession: s.FrontchannelSession,
	}
	a := s.About
	m.Names, m.Contacts, m.ClientURI, m.LogoURI, m.PolicyURI, m.TermsURI = a.Names, a.Contacts, a.URI, a.LogoURI, a.PolicyURI, a.TermsURI
	m.SoftwareID, m.SoftwareVersion = a.SoftwareID, a.SoftwareVersion
	if slices.Contains(c.GrantTypes, request.GrantCode) {
		m.ResponseTypes = []string{"code"}
	}
	if s.SubjectType != "" {
		m.SubjectType = s.SubjectType
	}
	if m.IDTokenAlg == "" {
		m.IDTokenAlg = "RS256"
	}
	return m
}
