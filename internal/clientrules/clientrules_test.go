package clientrules

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
)

// full is a client of which every setting is set.
func full() gatehouse.Client {
	var c gatehouse.Client
	n := int64(300)
	for _, s := range Settings() {
		switch v := s.Of(&c).(type) {
		case *bool:
			*v = true
		case *string:
			if *v = "https://a.example/" + s.Name; s.Choices != nil {
				*v = s.Choices[0]
			}
		case *[]string:
			*v = []string{"https://a.example/1", "https://a.example/2"}
		case **int64:
			*v = &n
		case *json.RawMessage:
			*v = json.RawMessage(`{"keys":[{"kty":"EC"}]}`)
		case *[]gatehouse.FederatedIssuer:
			*v = []gatehouse.FederatedIssuer{{Issuer: "https://ci.example", Subject: "a:*", JWKSURI: "https://ci.example/keys"}}
		default:
			panic(s.Name + " is of a kind that nothing here reads")
		}
	}
	return c
}

// TestEverySettingHasAPlace: what a client can have stands in Settings or in
// Common, so that no surface forgets it.
func TestEverySettingHasAPlace(t *testing.T) {
	t.Parallel()
	named := Common()
	for _, s := range Settings() {
		named = append(named, s.Name)
		if !slices.Contains(Groups(), s.Group) {
			t.Errorf("%s is of no group that is shown", s.Name)
		}
	}
	for f := range reflect.TypeFor[gatehouse.ClientSettings]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "about" { // the client's own words, which nobody else sets
			continue
		}
		if !slices.Contains(named, name) {
			t.Errorf("%s (%s) of a client has no place in Settings or Common", name, f.Name)
		}
	}
	values := map[string]bool{}
	for f := range reflect.TypeFor[Values]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		values[name] = true
	}
	for _, s := range Settings() {
		if !values[s.Name] {
			t.Errorf("%s is not among the Values", s.Name)
		}
	}
	if len(values) != len(Settings()) {
		t.Errorf("Values has %d fields for %d settings", len(values), len(Settings()))
	}
}

func TestWhatIsToldCanBeSet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]gatehouse.Client{"Full": full(), "Empty": {}} {
		var byValues, byText gatehouse.Client
		if err := Tell(c).Over(&byValues); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, s := range Settings() {
			if err := s.Set(&byText, s.Text(c)); err != nil {
				t.Errorf("%s, %s: %v", name, s.Name, err)
			}
		}
		if diff := cmp.Diff(c, byValues); diff != "" {
			t.Errorf("%s by values (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(c, byText); diff != "" {
			t.Errorf("%s by texts (-want +got):\n%s", name, diff)
		}
		cleared := full()
		for _, s := range Settings() {
			if err := s.Set(&cleared, ""); err != nil || s.Text(cleared) != "" {
				t.Errorf("%s cannot be taken away: %v", s.Name, err)
			}
		}
	}
	if s, ok := Named("jwks"); !ok || s.Set(new(gatehouse.Client), "{") == nil {
		t.Error("what is no JSON is taken")
	}
	if s, ok := Named("federated"); !ok || s.Set(new(gatehouse.Client), `[{"issuer":"x","secret":"y"}]`) == nil {
		t.Error("what is no issuer is taken")
	}
	if _, ok := Named("client_secret"); ok {
		t.Error("a secret is no setting")
	}
}

func fields(all Problems) []string {
	named := map[string]bool{}
	for _, p := range all {
		named[p.Field] = true
	}
	return slices.Sorted(maps.Keys(named))
}

func TestTogether(t *testing.T) {
	t.Parallel()
	type client = gatehouse.Client
	withKeys := func(c *client) { c.Settings.JWKSURI = "https://a.example/keys" }
	for name, tt := range map[string]struct {
		change func(c *client)
		want   []string
	}{
		"Right":                {func(*client) {}, nil},
		"PublicWithoutPKCE":    {func(c *client) { c.AuthMethod, c.RequirePKCE = gatehouse.AuthNone, false }, []string{"require_pkce"}},
		"PublicMachine":        {func(c *client) { c.AuthMethod, c.GrantTypes = gatehouse.AuthNone, []string{GrantMachine} }, []string{"grant_types"}},
		"PublicProviderTokens": {func(c *client) { c.AuthMethod, c.Scopes = gatehouse.AuthNone, []string{"provider_tokens"} }, []string{"scopes"}},
		"BothKeys": {func(c *client) {
			withKeys(c)
			c.Settings.JWKS = json.RawMessage(`{}`)
		}, []string{"jwks"}},
		"KeysMissing": {func(c *client) {
			c.AuthMethod, c.Settings.RequestURIs, c.Settings.RequireSigned, c.Settings.RequestObjectAlg = gatehouse.AuthPrivateKeyJWT, []string{"https://a.example"}, true, "ES256"
		}, []string{"request_object_signing_alg", "request_uris", "require_signed_request_object", "token_endpoint_auth_method"}},
		"AlgorithmOfSecrets": {func(c *client) {
			withKeys(c)
			c.AuthMethod, c.Settings.AuthSigningAlg = gatehouse.AuthPrivateKeyJWT, "HS256"
		}, []string{"token_endpoint_auth_signing_alg"}},
		"AlgorithmOfKeys":    {func(c *client) { c.AuthMethod, c.Settings.AuthSigningAlg = gatehouse.AuthSecretJWT, "ES256" }, []string{"token_endpoint_auth_signing_alg"}},
		"AlgorithmOfNothing": {func(c *client) { c.Settings.AuthSigningAlg = "ES256" }, []string{"token_endpoint_auth_signing_alg"}},
		"FrontWithoutURI":    {func(c *client) { c.Settings.FrontchannelSession = true }, []string{"frontchannel_logout_session_required"}},
		"Profile": {func(c *client) {
			c.Settings.Profile, c.RequirePKCE, c.RedirectURIs, c.Settings.IDTokenAlg = gatehouse.ProfileFAPI2, false, []string{"com.example.app:/cb"}, "RS256"
		}, []string{"id_token_signed_response_alg", "redirect_uris", "require_pkce", "token_endpoint_auth_method"}},
		"SectorWithoutPairwise": {func(c *client) { c.Settings.SectorURI = "https://a.example" }, []string{"sector_identifier_uri"}},
		"PairwiseTellsNumber":   {func(c *client) { c.Settings.SubjectType, c.Scopes = SubjectPairwise, []string{"api"} }, []string{"scopes"}},
		"PairwiseManyHosts": {func(c *client) {
			c.Settings.SubjectType, c.RedirectURIs = SubjectPairwise, []string{"https://a.example", "https://b.example"}
		}, []string{"subject_type"}},
		"CertificateWithoutName": {func(c *client) { c.AuthMethod = gatehouse.AuthTLS }, []string{"token_endpoint_auth_method"}},
		"NameWithoutCertificate": {func(c *client) { c.Settings.TLSIP = "10.0.0.1" }, []string{"tls_client_auth_san_ip"}},
		"BearerWithoutKeys":      {func(c *client) { c.GrantTypes = []string{GrantJWTBearer} }, []string{"grant_types"}},
		"FederatedWithoutBearer": {func(c *client) { c.Settings.Federated = []gatehouse.FederatedIssuer{{}} }, []string{"federated"}},
		"ShortAbsolute": {func(c *client) {
			c.Settings.Lifetimes = gatehouse.ClientLifetimes{Refresh: 2 * time.Hour, RefreshAbsolute: time.Hour}
		}, []string{"lifetimes"}},
	} {
		c := client{RedirectURIs: []string{"https://a.example/cb"}, Scopes: []string{"openid"}, RequirePKCE: true, SecretHash: []byte("x")}
		tt.change(&c)
		if diff := cmp.Diff(tt.want, fields(Together(c))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	fapi := client{AuthMethod: gatehouse.AuthPrivateKeyJWT, RequirePKCE: true, Settings: gatehouse.ClientSettings{Profile: gatehouse.ProfileFAPI2, JWKSURI: "https://a.example/keys"}}
	Settle(&fapi)
	if p := Together(fapi); len(p) != 0 || fapi.Settings.IDTokenAlg != "ES256" {
		t.Errorf("a right one: %v, %q", p, fapi.Settings.IDTokenAlg)
	}
}

func TestEach(t *testing.T) {
	t.Parallel()
	for setting, values := range map[string]map[string]bool{
		"token_endpoint_auth_method":   {"private_key_jwt": true, "magic": false},
		"jwks_uri":                     {"https://a.example/keys": true, "http://localhost/keys": true, "http://a.example/keys": false, "https://u:p@a.example": false, "javascript:x": false, "https://a.example/#x": false},
		"jwks":                         {`{"keys":[{"kty":"EC"}]}`: true, `{"keys":[]}`: false, `[]`: false, `{"keys":[{"kty":"EC","d":"x"}]}`: false, `{"keys":[{"kty":"oct","k":"x"}]}`: false, `{"keys":[{"x":"y"}]}`: false},
		"tls_client_auth_san_ip":       {"10.0.0.1": true, "ten": false},
		"tls_client_auth_san_dns":      {"a.example": true, strings.Repeat("a", 2000): false},
		"tls_client_auth_san_uri":      {"spiffe://a.example/x": true},
		"resources":                    {"https://api.example urn:x:y": true, "api": false, "https://a.example/#x": false, "https://a.example https://a.example": false, strings.Repeat("urn:x ", 60): false},
		"request_uris":                 {"https://a.example/r": true, "ftp://a.example": false},
		"default_max_age":              {"300": true, "-1": false, "99999999999": false},
		"id_token_signed_response_alg": {"EdDSA": true, "none": false, "HS256": false},
		"subject_type":                 {"pairwise": true, "public": true, "private": false},
		"federated": {
			`[{"issuer":"https://ci.example","subject":"a*","jwks_uri":"https://ci.example/k"}]`: true,
			`[{"issuer":"https://ci.example","subject":"*","jwks_uri":"https://ci.example/k"}]`:  false,
			`[{"issuer":"https://ci.example","subject":"a"}]`:                                    false,
		},
	} {
		s, ok := Named(setting)
		if !ok {
			t.Fatalf("there is no setting %s", setting)
		}
		for value, good := range values {
			var c gatehouse.Client
			if err := s.Set(&c, value); err != nil {
				t.Errorf("%s %q: %v", setting, value, err)
				continue
			}
			if p := Each(c); (len(p) == 0) != good {
				t.Errorf("%s %q: %v", setting, value, p)
			}
		}
	}
}
