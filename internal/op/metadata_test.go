package op

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMetadata(t *testing.T) {
	t.Parallel()
	h := open(t)
	m := h.machine()
	got := m.get("/.well-known/openid-configuration")
	var told map[string]any
	if err := json.Unmarshal([]byte(got.body), &told); err != nil {
		t.Fatal(err)
	}
	list := func(words ...string) []any {
		var all []any
		for _, w := range words {
			all = append(all, w)
		}
		return all
	}
	signing := list("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512")
	want := map[string]any{
		"issuer": h.url, "authorization_endpoint": h.url + "/oauth/authorize", "token_endpoint": h.url + "/oauth/token",
		"revocation_endpoint": h.url + "/oauth/revoke", "introspection_endpoint": h.url + "/oauth/introspect",
		"device_authorization_endpoint":         h.url + "/oauth/authorize_device",
		"pushed_authorization_request_endpoint": h.url + "/oauth/par", "require_pushed_authorization_requests": false,
		"userinfo_endpoint": h.url + "/oauth/userinfo", "jwks_uri": h.url + "/oauth/discovery/keys",
		"scopes_supported":         list("openid", "profile", "email", "offline_access", "read_user", "read_api", "api", "provider_tokens"),
		"response_types_supported": list("code"), "response_modes_supported": list("query", "form_post"),
		"grant_types_supported":                                    list("authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:token-exchange"),
		"token_endpoint_auth_methods_supported":                    list("client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"),
		"revocation_endpoint_auth_methods_supported":               list("client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"),
		"introspection_endpoint_auth_methods_supported":            list("client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"),
		"token_endpoint_auth_signing_alg_values_supported":         signing,
		"revocation_endpoint_auth_signing_alg_values_supported":    signing,
		"introspection_endpoint_auth_signing_alg_values_supported": signing,
		"subject_types_supported":                                  list("public", "pairwise"),
		"id_token_signing_alg_values_supported":                    list("RS256", "ES256", "EdDSA"),
		"claim_types_supported":                                    list("normal"),
		"claims_supported":                                         list("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid", "name", "nickname", "preferred_username", "email", "email_verified", "profile", "picture", "groups", "groups_direct", "https://gitlab.org/claims/groups/owner", "https://gitlab.org/claims/groups/maintainer", "https://gitlab.org/claims/groups/developer", "groups_omitted"),
		"ui_locales_supported":                                     list("en", "zh-CN"),
		"prompt_values_supported":                                  list("none", "login", "consent", "select_account"),
		"code_challenge_methods_supported":                         list("S256"),
		"authorization_response_iss_parameter_supported":           true,
		"claims_parameter_supported":                               true, "request_parameter_supported": true, "request_uri_parameter_supported": true,
		"require_request_uri_registration": true, "userinfo_signing_alg_values_supported": []any{"RS256", "ES256", "EdDSA"},
		"request_object_signing_alg_values_supported": list("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"),
		"end_session_endpoint":                        h.url + "/oauth/logout", "check_session_iframe": h.url + "/oauth/session/check",
		"backchannel_logout_supported": true, "backchannel_logout_session_supported": true,
		"frontchannel_logout_supported": true, "frontchannel_logout_session_supported": true,
		"dpop_signing_alg_values_supported":          list("ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"),
		"tls_client_certificate_bound_access_tokens": false,
		"acr_values_supported":                       list("urn:gatehouse:acr:one-factor", "urn:gatehouse:acr:two-factors"), "display_values_supported": list("page"),
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
	if other := m.get("/.well-known/oauth-authorization-server"); other.body != got.body {
		t.Errorf("RFC 8414 says something else: %s", other.body)
	}
	for name := range told {
		if address, ok := told[name].(string); ok && strings.HasSuffix(name, "_endpoint") {
			if p := m.get(strings.TrimPrefix(address, h.url)); p.status == http.StatusNotFound {
				t.Errorf("A4: %s is announced and not there", name)
			}
		}
	}
}

func TestT19KeysAreThere(t *testing.T) {
	t.Parallel()
	h := open(t)
	got := h.machine().get("/oauth/discovery/keys")
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal([]byte(got.body), &set); err != nil || len(set.Keys) != 3 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	k := set.Keys[0]
	if k["kty"] != "RSA" || k["use"] != "sig" || k["alg"] != "RS256" || k["kid"] == "" || k["n"] == "" || k["d"] != "" {
		t.Errorf("the key is %v", k)
	}
	if got.header.Get("Cache-Control") != "public, max-age=3600" {
		t.Errorf("%v", got.header)
	}
	if again := h.machine().do(http.MethodGet, "/oauth/discovery/keys", nil, "If-None-Match", got.header.Get("ETag")); again.status != http.StatusNotModified {
		t.Errorf("who has the keys hears %d", again.status)
	}
}

func TestT22CORS(t *testing.T) {
	t.Parallel()
	h := open(t)
	origin := []string{"Origin", "https://spa.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization"}
	for path, open := range map[string]bool{
		"/.well-known/openid-configuration": true, "/.well-known/oauth-authorization-server": true, "/oauth/discovery/keys": true,
		"/oauth/token": true, "/oauth/par": true, "/oauth/authorize_device": true, "/oauth/userinfo": true, "/oauth/revoke": true, "/oauth/token/info": true,
		"/oauth/authorize": false, "/oauth/authorize/consent": false, "/oauth/introspect": false, "/api/v4/user": false,
	} {
		got := h.machine().do(http.MethodOptions, path, nil, origin...)
		if allowed := got.status == http.StatusNoContent && got.header.Get("Access-Control-Allow-Origin") == "*"; allowed != open {
			t.Errorf("%s: %d %v", path, got.status, got.header)
		}
		if got.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s lets cookies along", path)
		}
	}
	if got := h.machine().do(http.MethodGet, "/oauth/userinfo", nil, origin...); got.header.Get("Access-Control-Expose-Headers") != "WWW-Authenticate, DPoP-Nonce" {
		t.Errorf("%v", got.header)
	}
}
