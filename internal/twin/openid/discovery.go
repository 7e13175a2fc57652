package openid

import (
	"net/http"

	"gatehouse/internal/twin/openid/jws"
)

// Where everything is, below the issuer.
const (
	pathDiscovery = "/.well-known/openid-configuration"
	pathKeys      = "/jwks"
	pathAuthorize = "/authorize"
	pathToken     = "/token"
	pathUserinfo  = "/userinfo"
	pathLogout    = "/logout"

	pathPlainAuthorize = "/plain/authorize"
	pathPlainToken     = "/plain/token"
	pathPlainUserinfo  = "/plain/userinfo"
)

// discovery is the metadata (OpenID Connect Discovery, 3; RFC 8414; RFC 9207;
// OpenID Connect RP-Initiated and Back-Channel Logout).
func (t *Twin) discovery(*call) answer {
	issuer := t.url
	if t.flawed(DiscoveryIssuer) {
		issuer = otherIssuer
	}
	return asJSON(http.StatusOK, map[string]any{
		"issuer":                                           issuer,
		"authorization_endpoint":                           t.url + pathAuthorize,
		"token_endpoint":                                   t.url + pathToken,
		"userinfo_endpoint":                                t.url + pathUserinfo,
		"jwks_uri":                                         t.url + pathKeys,
		"end_session_endpoint":                             t.url + pathLogout,
		"scopes_supported":                                 supportedScopes(),
		"response_types_supported":                         []string{"code"},
		"response_modes_supported":                         []string{"query", "form_post"},
		"grant_types_supported":                            []string{"authorization_code", "refresh_token"},
		"subject_types_supported":                          []string{"public"},
		"id_token_signing_alg_values_supported":            jws.Algorithms(),
		"userinfo_signing_alg_values_supported":            jws.Algorithms(),
		"token_endpoint_auth_methods_supported":            []string{AuthBasic, AuthPost, AuthPrivateKey, AuthNone},
		"token_endpoint_auth_signing_alg_values_supported": jws.Algorithms(),
		"code_challenge_methods_supported":                 []string{"S256", "plain"},
		"prompt_values_supported":                          []string{"none", "login", "consent", "select_account"},
		"claims_supported": []string{
			"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "amr",
			"name", "given_name", "family_name", "nickname", "preferred_username", "picture", "locale", "title",
			"email", "email_verified", "phone_number", "groups",
		},
		"claims_parameter_supported":                     false,
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
		"authorization_response_iss_parameter_supported": true,
		"backchannel_logout_supported":                   true,
		"backchannel_logout_session_supported":           true,
	})
}

func supportedScopes() []string {
	return []string{"openid", "profile", "email", "phone", "groups", "offline_access"}
}
