package oauth_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// document is section 1.7 of the wire facts, to the letter.
const document = `{"issuer":"URL","authorization_endpoint":"URL/oauth/authorize","token_endpoint":"URL/oauth/token",` +
	`"revocation_endpoint":"URL/oauth/revoke","introspection_endpoint":"URL/oauth/introspect","userinfo_endpoint":"URL/oauth/userinfo",` +
	`"jwks_uri":"URL/oauth/discovery/keys",` +
	`"scopes_supported":["api","read_api","read_user","create_runner","manage_runner","k8s_proxy","self_rotate","mcp","read_repository","write_repository","read_registry","write_registry","read_observability","write_observability","ai_features","sudo","admin_mode","read_service_ping","openid","profile","email","ai_workflows","user:*"],` +
	`"response_types_supported":["code"],"response_modes_supported":["query","fragment","form_post"],` +
	`"grant_types_supported":["authorization_code","password","client_credentials","device_code","refresh_token"],` +
	`"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"],` +
	`"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"],"claim_types_supported":["normal"],` +
	`"claims_supported":["iss","sub","aud","exp","iat","sub_legacy","name","nickname","preferred_username","email","email_verified","website","profile","picture","groups","groups_direct","https://gitlab.org/claims/groups/owner","https://gitlab.org/claims/groups/maintainer","https://gitlab.org/claims/groups/developer","project_path","ci_config_ref_uri","ref_path","sha","environment","jti"],` +
	`"code_challenge_methods_supported":["plain","S256"]`

func TestDiscovery(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	for path, want := range map[string]string{
		"/.well-known/openid-configuration":                   document + "}",
		"/.well-known/oauth-authorization-server":             document + `,"registration_endpoint":"URL/oauth/register"}`,
		"/.well-known/webfinger?resource=acct:a@gitlab.local": `{"subject":"acct:a@gitlab.local","links":[{"rel":"http://openid.net/specs/connect/1.0/issuer","href":"URL"}]}`,
	} {
		w := b.send(http.MethodGet, path, nil, nil)
		if diff := cmp.Diff(strings.ReplaceAll(want, "URL", external), w.Body.String()); diff != "" || w.Code != http.StatusOK {
			t.Errorf("%s: %d (-want +got):\n%s", path, w.Code, diff)
		}
		if got := w.Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
			t.Errorf("%s: Content-Type %s", path, got)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	w := b.send(http.MethodGet, "/oauth/discovery/keys", nil, nil)
	one := `\{"kty":"RSA","kid":"[\w-]{43}","e":"AQAB","n":"[\w-]{342}","use":"sig","alg":"RS256"\}`
	if ok, err := regexp.MatchString(`^\{"keys":\[`+one+`,`+one+`\]\}$`, w.Body.String()); !ok || err != nil {
		t.Errorf("keys %s", w.Body)
	}
	if got := w.Header().Get("Cache-Control"); got != "public, max-age=86400" {
		t.Errorf("Cache-Control %s", got)
	}
	var body struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Keys[0].Kid == body.Keys[1].Kid {
		t.Errorf("two keys of one name: %v %v", body, err)
	}
	if again := b.send(http.MethodGet, "/-/jwks", nil, nil); again.Body.String() != w.Body.String() {
		t.Errorf("/-/jwks differs: %s", again.Body)
	}
}

func TestOtherSitesMayCall(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	const list = "Authorization, X-CSRF-Token, X-Requested-With"
	asking := http.Header{"Origin": {"https://elsewhere.example"}, "Access-Control-Request-Headers": {"x-a"}}
	for path, want := range map[string]struct{ methods, headers string }{
		"/oauth/token":                      {"POST, OPTIONS", list},
		"/oauth/revoke":                     {"POST, OPTIONS", list},
		"/oauth/token/info":                 {"GET, OPTIONS", "x-a"},
		"/oauth/userinfo":                   {"GET, POST, OPTIONS", "x-a"},
		"/oauth/discovery/keys":             {"GET, OPTIONS", "x-a"},
		"/.well-known/openid-configuration": {"GET, OPTIONS", "x-a"},
		"/.well-known/webfinger":            {"GET, OPTIONS", "x-a"},
	} {
		h := b.send(http.MethodOptions, path, nil, asking).Header()
		if h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Methods") != want.methods || h.Get("Access-Control-Allow-Headers") != want.headers {
			t.Errorf("%s: %v", path, h)
		}
	}
	for _, path := range []string{"/oauth/introspect", "/oauth/authorize"} {
		if h := b.send(http.MethodOptions, path, nil, asking).Header(); h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s is open to other sites: %v", path, h)
		}
	}
}
