package gatehouse

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// How a client proves who it is (token_endpoint_auth_method, OpenID Connect
// Core section 9).
const (
	AuthBasic         = "client_secret_basic"
	AuthPost          = "client_secret_post"
	AuthSecretJWT     = "client_secret_jwt"
	AuthPrivateKeyJWT = "private_key_jwt"
	AuthTLS           = "tls_client_auth"             // RFC 8705
	AuthSelfSignedTLS = "self_signed_tls_client_auth" // RFC 8705
	AuthNone          = "none"
)

// The formats of access tokens.
const (
	AccessTokenOpaque = ""    // the default: a random text that means something only here
	AccessTokenJWT    = "jwt" // RFC 9068: what a resource can check by itself
)

// ProfileFAPI2 holds a client to the FAPI 2.0 Security Profile.
const ProfileFAPI2 = "fapi2"

// FAPI says whether the client is held to the FAPI 2.0 Security Profile.
func (c Client) FAPI() bool { return c.Settings.Profile == ProfileFAPI2 }

// ClientSettings is what a client has only sometimes. The names in JSON are
// those of its metadata (OpenID Connect Dynamic Client Registration section 2,
// RFC 7591), where there are such.
type ClientSettings struct {
	JWKS           json.RawMessage `json:"jwks,omitempty"`     // its public keys (RFC 7517); nil: see JWKSURI
	JWKSURI        string          `json:"jwks_uri,omitempty"` // where its public keys are; not with JWKS
	AuthSigningAlg string          `json:"token_endpoint_auth_signing_alg,omitempty"`

	IDTokenAlg  string          `json:"id_token_signed_response_alg,omitempty"` // "": RS256
	AccessToken string          `json:"access_token_format,omitempty"`          // AccessTokenOpaque or AccessTokenJWT
	Lifetimes   ClientLifetimes `json:"lifetimes,omitzero"`
	Resources   []string        `json:"resources,omitempty"` // that it may ask for (RFC 8707); the first is the audience of tokens for none
	MaxAge      *int64          `json:"default_max_age,omitempty"`
	ACRValues   []string        `json:"default_acr_values,omitempty"`

	RequestURIs      []string `json:"request_uris,omitempty"` // from which request objects may be fetched
	RequestObjectAlg string   `json:"request_object_signing_alg,omitempty"`
	RequireSigned    bool     `json:"require_signed_request_object,omitempty"` // requests come signed (RFC 9101 section 10.5)

	Profile       string `json:"profile,omitempty"`                               // "" or ProfileFAPI2
	RequirePushed bool   `json:"require_pushed_authorization_requests,omitempty"` // requests come by /oauth/par (RFC 9126 section 6)
	DPoPBound     bool   `json:"dpop_bound_access_tokens,omitempty"`              // it asks for tokens with a proof, always (RFC 9449 section 5.2)

	CertBound bool `json:"tls_client_certificate_bound_access_tokens,omitempty"` // its tokens are bound to its certificate (RFC 8705 section 3)

	// The name in its certificate, with AuthTLS: one of them (RFC 8705 section
	// 2.1.2). The subject is as in RFC 2253.
	TLSSubject string `json:"tls_client_auth_subject_dn,omitempty"`
	TLSDNS     string `json:"tls_client_auth_san_dns,omitempty"`
	TLSURI     string `json:"tls_client_auth_san_uri,omitempty"`
	TLSIP      string `json:"tls_client_auth_san_ip,omitempty"`
	TLSEmail   string `json:"tls_client_auth_san_email,omitempty"`

	// How it is told that a session ended, besides Client.BackchannelLogoutURI.
	FrontchannelLogoutURI string `json:"frontchannel_logout_uri,omitempty"`              // opened in a frame of the page after signing out
	FrontchannelSession   bool   `json:"frontchannel_logout_session_required,omitempty"` // with iss and sid
	SubjectType           string `json:"subject_type,omitempty"`                         // "pairwise": people have a subject there that is no other client's; "": public
	SectorURI             string `json:"sector_identifier_uri,omitempty"`                // whose host is the sector of pairwise subjects; "": that of the redirect URIs
	InitiateLoginURI      string `json:"initiate_login_uri,omitempty"`                   // where a sign-in to it can be begun by others (OpenID Connect Core section 4)

	ExchangeFrom []string          `json:"exchange_from,omitempty"` // clients whose tokens it may exchange, besides its own
	Federated    []FederatedIssuer `json:"federated,omitempty"`     // who else signs assertions for it (RFC 7523 section 2.1)

	GroupsFrom string   `json:"groups_from,omitempty"` // key of the connector whose groups it is told; "": the only one of GitLab; NoGroups: none
	GroupsOnly []string `json:"groups_only,omitempty"` // full paths: only these groups and what lies in them; none: all

	UserIDFrom string `json:"user_id_from,omitempty"`       // name of the GitLab connection by whose ids it knows people; "": by our numbers
	DPoPNonce  bool   `json:"require_dpop_nonce,omitempty"` // its proofs name a nonce of ours (RFC 9449 section 8)

	About ClientAbout `json:"about,omitzero"` // what it says of itself, when it registered itself

	UserinfoAlg string `json:"userinfo_signed_response_alg,omitempty"` // how user-info is signed; "": it is plain JSON
}

// ClientAbout is what a client that registered itself says of itself (RFC 7591
// section 2). Nobody has checked it.
type ClientAbout struct {
	Names           map[string]string `json:"names,omitempty"` // by language (BCP 47)
	Contacts        []string          `json:"contacts,omitempty"`
	URI             string            `json:"client_uri,omitempty"`
	LogoURI         string            `json:"logo_uri,omitempty"` // never loaded: it would hear of each sign-in
	PolicyURI       string            `json:"policy_uri,omitempty"`
	TermsURI        string            `json:"tos_uri,omitempty"`
	SoftwareID      string            `json:"software_id,omitempty"`
	SoftwareVersion string            `json:"software_version,omitempty"`
}

// NameIn is what people read a client by in a language (BCP 47): the name in it,
// else in its first part (zh of zh-CN), else the one for all.
func (c Client) NameIn(language string) string {
	short, _, _ := strings.Cut(language, "-")
	for _, want := range []string{language, short} {
		for tag, name := range c.Settings.About.Names {
			if strings.EqualFold(tag, want) && name != "" {
				return name
			}
		}
	}
	return c.Name
}

// NoGroups in the place of a connector's key means that a client is told of no
// groups.
const NoGroups = "none"

// ClientLifetimes are lifetimes of one client's own. Zero: those of the
// installation.
type ClientLifetimes struct {
	Access          time.Duration `json:"access,omitempty"`
	ID              time.Duration `json:"id,omitempty"`
	Refresh         time.Duration `json:"refresh,omitempty"`
	RefreshAbsolute time.Duration `json:"refresh_absolute,omitempty"`
}

// FederatedIssuer is an outside system (a CI, a cluster) whose signed tokens a
// client may bring in place of a key of its own.
type FederatedIssuer struct {
	Issuer   string `json:"issuer"` // iss, letter by letter
	JWKSURI  string `json:"jwks_uri"`
	Subject  string `json:"subject"`            // sub, letter by letter; a * at its end stands for anything
	Audience string `json:"audience,omitempty"` // aud; "": our issuer
}

// On says whether people may sign in to the client: it is enabled, and whoever's
// own it is may come in themself.
func (c Client) On() bool { return c.Enabled && !c.OwnerAway }

// Public says whether the client has nothing to prove itself by.
func (c Client) Public() bool {
	switch c.AuthMethod {
	case AuthNone:
		return true
	case AuthSecretJWT, AuthPrivateKeyJWT, AuthTLS, AuthSelfSignedTLS:
		return false
	}
	return len(c.SecretHash) == 0
}

// GrantDetails is what a code or a token stands for only sometimes.
type GrantDetails struct {
	Audience   []string `json:"aud,omitempty"`         // the resources that it is for (RFC 8707); none: ourselves
	ACR        string   `json:"acr,omitempty"`         // how surely the person signed in
	AMR        []string `json:"amr,omitempty"`         // by what (RFC 8176)
	IDClaims   []string `json:"id_claims,omitempty"`   // asked for one by one, for the ID token
	UserClaims []string `json:"user_claims,omitempty"` // and for user-info
	JKT        string   `json:"jkt,omitempty"`         // the thumbprint of the key that the token is bound to, or that a code wants (RFC 9449)
	X5T        string   `json:"x5t,omitempty"`         // that of the certificate that the token is bound to (RFC 8705)
	Actors     []string `json:"act,omitempty"`         // the clients that act for whom it stands, the latest first (RFC 8693 section 4.1)
	From       string   `json:"from,omitempty"`        // with Actors: the client to which the person signed in
}

// IsZero says whether there are none.
func (d GrantDetails) IsZero() bool {
	return d.ACR == "" && d.From == "" && d.JKT == "" && d.X5T == "" && !slices.ContainsFunc([][]string{d.Audience, d.AMR, d.IDClaims, d.UserClaims, d.Actors}, func(l []string) bool { return len(l) > 0 })
}

// DeviceState is where a device's wish is.
type DeviceState string

// The states of a device's wish.
const (
	DeviceWaits   DeviceState = "waiting" // for a person
	DeviceAllowed DeviceState = "allowed" // by a person; the tokens were not fetched yet
	DeviceDenied  DeviceState = "denied"
	DeviceDone    DeviceState = "done" // the tokens were fetched
)

// DeviceGrant is what a device without a browser asks for, until a person
// answers it elsewhere (RFC 8628). Of both codes only the SHA-256 is stored.
type DeviceGrant struct {
	Hash         []byte // of the device code
	UserCodeHash []byte
	Grant        Grantable // UserID, SessionID and AuthAt once it is allowed
	Family       string    // of the tokens it gives
	State        DeviceState
	Interval     time.Duration // the device may ask again after it
	PolledAt     time.Time     // zero: it did not ask yet
	CreatedAt    time.Time
	ExpiresAt    time.Time
}

// RegistrationToken is an initial access token, with which clients register
// themselves (RFC 7591 section 3). Only its SHA-256 is stored.
type RegistrationToken struct {
	ID        string
	Name      string // what it is for
	Left      int64  // how many clients may still be registered with it
	CreatedBy string // in words, for lists
	CreatedAt time.Time
	ExpiresAt time.Time
}
