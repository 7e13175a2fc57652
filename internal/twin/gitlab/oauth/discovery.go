package oauth

import (
	"net/http"
	"strings"
)

type discoveryBody struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	IntrospectionEndpoint string   `json:"introspection_endpoint"`
	UserinfoEndpoint      string   `json:"userinfo_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	ScopesSupported       []string `json:"scopes_supported"`
	ResponseTypes         []string `json:"response_types_supported"`
	ResponseModes         []string `json:"response_modes_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	TokenAuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	SubjectTypes          []string `json:"subject_types_supported"`
	IDTokenAlgs           []string `json:"id_token_signing_alg_values_supported"`
	ClaimTypes            []string `json:"claim_types_supported"`
	ClaimsSupported       []string `json:"claims_supported"`
	CodeChallengeMethods  []string `json:"code_challenge_methods_supported"`
	RegistrationEndpoint  string   `json:"registration_endpoint,omitempty"`
}

func (s *Server) document() discoveryBody {
	at := func(path string) string { return s.URL + path }
	return discoveryBody{
		Issuer: s.URL, AuthorizationEndpoint: at("/oauth/authorize"), TokenEndpoint: at("/oauth/token"),
		RevocationEndpoint: at("/oauth/revoke"), IntrospectionEndpoint: at("/oauth/introspect"),
		UserinfoEndpoint: at("/oauth/userinfo"), JWKSURI: at("/oauth/discovery/keys"),
		ScopesSupported: strings.Fields("api read_api read_user create_runner manage_runner k8s_proxy self_rotate mcp read_repository write_repository " +
			"read_registry write_registry read_observability write_observability ai_features sudo admin_mode read_service_ping openid profile email ai_workflows user:*"),
		ResponseTypes: []string{"code"}, ResponseModes: []string{"query", "fragment", "form_post"},
		GrantTypes:       []string{"authorization_code", "password", "client_credentials", "device_code", "refresh_token"},
		TokenAuthMethods: []string{"client_secret_basic", "client_secret_post"},
		SubjectTypes:     []string{"public"}, IDTokenAlgs: []string{"RS256"}, ClaimTypes: []string{"normal"},
		ClaimsSupported: strings.Fields("iss sub aud exp iat sub_legacy name nickname preferred_username email email_verified website profile picture " +
			"groups groups_direct https://gitlab.org/claims/groups/owner https://gitlab.org/claims/groups/maintainer https://gitlab.org/claims/groups/developer " +
			"project_path ci_config_ref_uri ref_path sha environment jti"),
		CodeChallengeMethods: []string{"plain", "S256"},
	}
}

// discovery answers GET /.well-known/openid-configuration.
func (s *Server) discovery(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.document())
}

// metadata answers GET /.well-known/oauth-authorization-server. The endpoint for
// registration is named, as GitLab names it, but does not exist here.
func (s *Server) metadata(w http.ResponseWriter, _ *http.Request) {
	d := s.document()
	d.RegistrationEndpoint = s.URL + "/oauth/register"
	writeJSON(w, http.StatusOK, d)
}

type webfingerBody struct {
	Subject string          `json:"subject"`
	Links   []webfingerLink `json:"links"`
}

type webfingerLink struct {
	Rel  string `json:"rel"`
	Href string `json:"href"`
}

func (s *Server) webfinger(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, webfingerBody{
		Subject: r.URL.Query().Get("resource"),
		Links:   []webfingerLink{{"http://openid.net/specs/connect/1.0/issuer", s.URL}},
	})
}
