package registration

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"gatehouse/internal/op/wire"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	policy := Policy{By: ByAnybody, Hosts: []string{"app.example", "*.apps.example"}}
	for name, c := range map[string]struct{ metadata, code string }{
		"Least":                              {`{"redirect_uris":["https://app.example/cb"]}`, ""},
		"Subdomain":                          {`{"redirect_uris":["https://x.apps.example/cb"]}`, ""},
		"PolicyOfHosts":                      {`{"redirect_uris":["https://evil.example/cb"]}`, "invalid_redirect_uri"},
		"HostThatEndsLikeOne":                {`{"redirect_uris":["https://evilapp.example/cb"]}`, "invalid_redirect_uri"},
		"BareDomainOfWildcard":               {`{"redirect_uris":["https://apps.example/cb"]}`, "invalid_redirect_uri"},
		"UserInfo":                           {`{"redirect_uris":["https://app.example@evil.example/cb"]}`, "invalid_redirect_uri"},
		"None":                               {`{}`, "invalid_redirect_uri"},
		"JavaScript":                         {`{"redirect_uris":["javascript:alert(1)"]}`, "invalid_redirect_uri"},
		"Fragment":                           {`{"redirect_uris":["https://app.example/cb#x"]}`, "invalid_redirect_uri"},
		"Wildcard":                           {`{"redirect_uris":["https://app.example/*"]}`, "invalid_redirect_uri"},
		"HTTP":                               {`{"redirect_uris":["http://app.example/cb"]}`, "invalid_redirect_uri"},
		"WebOnLoopback":                      {`{"redirect_uris":["http://127.0.0.1/cb"]}`, "invalid_redirect_uri"},
		"WebOnLocalhostHTTPS":                {`{"redirect_uris":["https://localhost/cb"]}`, "invalid_redirect_uri"},
		"NativeOnLoopback":                   {`{"application_type":"native","redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none"}`, ""},
		"NativeScheme":                       {`{"application_type":"native","redirect_uris":["com.example.app:/cb"],"token_endpoint_auth_method":"none"}`, ""},
		"NativeSchemeOfAnybody":              {`{"application_type":"native","redirect_uris":["app:/cb"]}`, "invalid_redirect_uri"},
		"NativeHTTPElsewhere":                {`{"application_type":"native","redirect_uris":["http://app.example/cb"]}`, "invalid_redirect_uri"},
		"TooMany":                            {`{"redirect_uris":["https://app.example/cb"` + strings.Repeat(`,"https://app.example/cb"`, 20) + `]}`, "invalid_redirect_uri"},
		"Implicit":                           {`{"redirect_uris":["https://app.example/cb"],"grant_types":["implicit"]}`, "invalid_client_metadata"},
		"ClientCredentials":                  {`{"redirect_uris":["https://app.example/cb"],"grant_types":["client_credentials"]}`, "invalid_client_metadata"},
		"RefreshAlone":                       {`{"grant_types":["refresh_token"]}`, "invalid_client_metadata"},
		"ResponseTypeToken":                  {`{"redirect_uris":["https://app.example/cb"],"response_types":["token"]}`, "invalid_client_metadata"},
		"SoftwareStatement":                  {`{"redirect_uris":["https://app.example/cb"],"software_statement":"e30.e30."}`, "unapproved_software_statement"},
		"KeysTwice":                          {`{"redirect_uris":["https://app.example/cb"],"jwks_uri":"https://app.example/k","jwks":{"keys":[{"kty":"RSA"}]}}`, "invalid_client_metadata"},
		"PrivateKey":                         {`{"redirect_uris":["https://app.example/cb"],"jwks":{"keys":[{"kty":"EC","d":"x"}]}}`, "invalid_client_metadata"},
		"SymmetricKey":                       {`{"redirect_uris":["https://app.example/cb"],"jwks":{"keys":[{"kty":"oct","k":"x"}]}}`, "invalid_client_metadata"},
		"PrivateKeyJWTWithout":               {`{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"private_key_jwt"}`, "invalid_client_metadata"},
		"oidcc-3rd_party-init-login-nohttps": {`{"redirect_uris":["https://app.example/cb"],"initiate_login_uri":"http://app.example/in"}`, "invalid_client_metadata"},
		"AlgNone":                            {`{"redirect_uris":["https://app.example/cb"],"id_token_signed_response_alg":"none"}`, "invalid_client_metadata"},
		"RequestAlgNone":                     {`{"redirect_uris":["https://app.example/cb"],"jwks_uri":"https://app.example/k","request_object_signing_alg":"none"}`, "invalid_client_metadata"},
		"AlgOfSecretWithKeys":                {`{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_signing_alg":"HS256"}`, "invalid_client_metadata"},
		"JWKSOverHTTP":                       {`{"redirect_uris":["https://app.example/cb"],"jwks_uri":"http://169.254.169.254/"}`, "invalid_client_metadata"},
		"LogoutOverHTTP":                     {`{"redirect_uris":["https://app.example/cb"],"backchannel_logout_uri":"http://app.example/out"}`, "invalid_client_metadata"},
		"PostLogoutElsewhere":                {`{"redirect_uris":["https://app.example/cb"],"post_logout_redirect_uris":["https://evil.example/"]}`, "invalid_client_metadata"},
		"PairwiseOfTwoHosts":                 {`{"redirect_uris":["https://app.example/cb","https://x.apps.example/cb"],"subject_type":"pairwise"}`, "invalid_client_metadata"},
		"PairwiseWithSector":                 {`{"redirect_uris":["https://app.example/cb","https://x.apps.example/cb"],"subject_type":"pairwise","sector_identifier_uri":"https://app.example/s"}`, ""},
		"ScopesThatNobodyGets":               {`{"redirect_uris":["https://app.example/cb"],"scope":"api provider_tokens"}`, "invalid_client_metadata"},
		"NegativeMaxAge":                     {`{"redirect_uris":["https://app.example/cb"],"default_max_age":-1}`, "invalid_client_metadata"},
		"UnknownMethod":                      {`{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"tls_client_auth"}`, "invalid_client_metadata"},
		"UnknownMemberIsIgnored":             {`{"redirect_uris":["https://app.example/cb"],"id_token_encrypted_response_alg":"RSA-OAEP","x":1}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m Metadata
			if err := json.Unmarshal([]byte(c.metadata), &m); err != nil {
				t.Fatal(err)
			}
			got, err := Decide(policy, m)
			var e *wire.Error
			switch {
			case c.code == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.code != "" && (!errors.As(err, &e) || e.Code != c.code):
				t.Errorf("got %v, want %s", err, c.code)
			case c.code == "" && (got.Trusted || !got.Enabled || !got.RequirePKCE || len(got.Scopes) == 0):
				t.Errorf("T21: the client is %+v", got)
			}
		})
	}
}

func TestNameIsOneBoundedLine(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"Good\u202eApp\n": "GoodApp", "": "app.example", " \x00 ": "app.example", strings.Repeat("ü", 200): strings.Repeat("ü", 100),
	} {
		if got := name(Metadata{ClientName: said, RedirectURIs: []string{"https://app.example/cb"}}); got != want {
			t.Errorf("name of %q is %q, want %q", said, got, want)
		}
	}
}

func FuzzDecide(f *testing.F) {
	f.Add([]byte(`{"redirect_uris":["https://app.example/cb"],"jwks":{"keys":[{"kty":"EC"}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m Metadata
		if json.Unmarshal(raw, &m) != nil {
			return
		}
		c, err := Decide(Policy{By: ByAnybody}, m)
		if err == nil && (c.Trusted || len(c.Scopes) == 0 || len(c.RedirectURIs) > most) {
			t.Errorf("%+v", c)
		}
	})
}
