package op

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/op/assertion"
	"gatehouse/internal/op/dpop"
	"gatehouse/internal/op/gitlab"
	"gatehouse/internal/op/keys"
	"gatehouse/internal/op/registration"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/web/ui"
)

// metadataLife is how long clients may keep the metadata and the keys, in
// seconds. A new key is published at least so long before it signs.
const metadataLife = 3600

// metadata is what the provider says of itself (OpenID Connect Discovery 1.0,
// RFC 8414): exactly what is there.
type metadata struct {
	Issuer                        string            `json:"issuer"`
	AuthorizationEndpoint         string            `json:"authorization_endpoint"`
	TokenEndpoint                 string            `json:"token_endpoint"`
	DeviceEndpoint                string            `json:"device_authorization_endpoint"`
	PushedEndpoint                string            `json:"pushed_authorization_request_endpoint"`
	RequirePushed                 bool              `json:"require_pushed_authorization_requests"`
	RevocationEndpoint            string            `json:"revocation_endpoint"`
	IntrospectionEndpoint         string            `json:"introspection_endpoint"`
	UserinfoEndpoint              string            `json:"userinfo_endpoint"`
	JWKSURI                       string            `json:"jwks_uri"`
	ScopesSupported               []string          `json:"scopes_supported"`
	ResponseTypesSupported        []string          `json:"response_types_supported"`
	ResponseModesSupported        []string          `json:"response_modes_supported"`
	GrantTypesSupported           []string          `json:"grant_types_supported"`
	TokenAuthMethods              []string          `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgorithms           []string          `json:"token_endpoint_auth_signing_alg_values_supported"`
	RevocationAuthMethods         []string          `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAuthAlgorithms      []string          `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAuthMethods      []string          `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAuthAlgorithms   []string          `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	SubjectTypesSupported         []string          `json:"subject_types_supported"`
	IDTokenSigningAlgValues       []string          `json:"id_token_signing_alg_values_supported"`
	ClaimTypesSupported           []string          `json:"claim_types_supported"`
	ClaimsSupported               []string          `json:"claims_supported"`
	UILocalesSupported            []string          `json:"ui_locales_supported"`
	PromptValuesSupported         []string          `json:"prompt_values_supported"`
	CodeChallengeMethodsSupported []string          `json:"code_challenge_methods_supported"`
	IssParameter                  bool              `json:"authorization_response_iss_parameter_supported"`
	ClaimsParameter               bool              `json:"claims_parameter_supported"`
	RequestParameter              bool              `json:"request_parameter_supported"`
	RequestURIParameter           bool              `json:"request_uri_parameter_supported"`
	RegistrationEndpoint          string            `json:"registration_endpoint,omitempty"`
	EndSessionEndpoint            string            `json:"end_session_endpoint"`
	CheckSessionIframe            string            `json:"check_session_iframe"`
	BackchannelLogout             bool              `json:"backchannel_logout_supported"`
	BackchannelLogoutSession      bool              `json:"backchannel_logout_session_supported"`
	FrontchannelLogout            bool              `json:"frontchannel_logout_supported"`
	FrontchannelLogoutSession     bool              `json:"frontchannel_logout_session_supported"`
	RequireRequestURIs            bool              `json:"require_request_uri_registration"`
	RequestAlgorithms             []string          `json:"request_object_signing_alg_values_supported"`
	UserinfoAlgorithms            []string          `json:"userinfo_signing_alg_values_supported"`
	ProofAlgorithms               []string          `json:"dpop_signing_alg_values_supported"`
	CertificateBound              bool              `json:"tls_client_certificate_bound_access_tokens"`
	Aliases                       map[string]string `json:"mtls_endpoint_aliases,omitempty"`
	ACRValuesSupported            []string          `json:"acr_values_supported"`
	DisplayValuesSupported        []string          `json:"display_values_supported"`
}

func (p *Provider) describeSelf() metadata {
	at := func(path string) string { return p.issuer() + path }
	confidential := []string{gatehouse.AuthBasic, gatehouse.AuthPost, gatehouse.AuthSecretJWT, gatehouse.AuthPrivateKeyJWT}
	confidential = slices.Clip(append(confidential, p.certificateMethods()...))
	signing := append(assertion.PublicKeyAlgorithms(), assertion.SecretAlgorithms()...)
	var languages []string
	for _, l := range i18n.Langs() {
		languages = append(languages, string(l))
	}
	told := metadata{
		Issuer:                        p.issuer(),
		AuthorizationEndpoint:         at("/oauth/authorize"),
		TokenEndpoint:                 at("/oauth/token"),
		DeviceEndpoint:                at("/oauth/authorize_device"),
		PushedEndpoint:                at("/oauth/par"),
		RequirePushed:                 p.RequirePushed,
		RevocationEndpoint:            at("/oauth/revoke"),
		IntrospectionEndpoint:         at("/oauth/introspect"),
		UserinfoEndpoint:              at("/oauth/userinfo"),
		JWKSURI:                       at("/oauth/discovery/keys"),
		ScopesSupported:               Scopes(),
		ResponseTypesSupported:        []string{"code"},
		ResponseModesSupported:        []string{request.ModeQuery, request.ModeFormPost},
		GrantTypesSupported:           GrantTypes(),
		TokenAuthMethods:              append(confidential, gatehouse.AuthNone),
		TokenAuthAlgorithms:           signing,
		RevocationAuthMethods:         append(confidential, gatehouse.AuthNone),
		RevocationAuthAlgorithms:      signing,
		IntrospectionAuthMethods:      confidential,
		IntrospectionAuthAlgorithms:   signing,
		SubjectTypesSupported:         []string{request.SubjectPublic, request.SubjectPairwise},
		IDTokenSigningAlgValues:       keys.Algorithms(),
		ClaimTypesSupported:           []string{"normal"},
		ClaimsSupported:               append([]string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid", "name", "nickname", "preferred_username", "email", "email_verified", "profile", "picture"}, gitlab.ClaimNames()...),
		UILocalesSupported:            languages,
		PromptValuesSupported:         []string{"none", "login", "consent", "select_account"},
		CodeChallengeMethodsSupported: []string{"S256"},
		IssParameter:                  true,
		EndSessionEndpoint:            at(leavePath),
		CheckSessionIframe:            at(checkPath),
		BackchannelLogout:             true,
		BackchannelLogoutSession:      true,
		FrontchannelLogout:            true,
		FrontchannelLogoutSession:     true,
		ClaimsParameter:               true,
		RequestParameter:              true,
		RequestURIParameter:           true,
		RequireRequestURIs:            true,
		RequestAlgorithms:             assertion.PublicKeyAlgorithms(),
		UserinfoAlgorithms:            keys.Algorithms(),
		ProofAlgorithms:               dpop.Algorithms(),
		CertificateBound:              p.MutualTLS != nil,
		Aliases:                       p.aliases(),
		ACRValuesSupported:            []string{acrOne, acrTwo},
		DisplayValuesSupported:        []string{"page"},
	}
	if p.Registration.By != registration.ByNobody {
		told.RegistrationEndpoint = at(registerPath)
	}
	return told
}

// metadata answers both well-known addresses. What a provider is made of never
// changes, so what it says of itself is written once.
func (p *Provider) metadata() ui.Handler {
	written := sync.OnceValues(func() (wire.Document, error) {
		body, err := json.Marshal(p.describeSelf())
		return wire.NewDocument(body), err
	})
	return func(w http.ResponseWriter, r *http.Request) error {
		d, err := written()
		if err != nil {
			return err
		}
		wire.Public(w, r, metadataLife, d)
		return nil
	}
}

// jwks answers /oauth/discovery/keys.
func (p *Provider) jwks(w http.ResponseWriter, r *http.Request) error {
	body, err := p.keys().JWKS(r.Context())
	if err != nil {
		return err
	}
	wire.Public(w, r, metadataLife, wire.NewDocument(body))
	return nil
}
