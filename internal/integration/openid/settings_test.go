package openid_test

import (
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/openid"
	twin "gatehouse/internal/twin/openid"
)

// gitlabs is the section that GitLab's documentation gives (administration/auth/oidc.md,
// "self-compiled"), with the addresses put in.
const gitlabs = `
url: https://hub.example
omniauth:
  allow_single_sign_on: ['openid_connect']
  providers:
    - { name: 'openid_connect', # do not change this parameter
        label: 'Provider name', # optional label for login button, defaults to "Openid Connect"
        icon: 'https://hub.example/icon.png',
        args: {
          name: 'openid_connect',
          scope: ['openid','profile','email'],
          response_type: 'code',
          issuer: 'ISSUER',
          discovery: true,
          client_auth_method: 'query',
          uid_field: 'preferred_username',
          send_scope_to_token_endpoint: 'false',
          pkce: true,
          client_options: {
            identifier: 'gatehouse',
            secret: 'SECRET',
            redirect_uri: 'https://gitlab.example.com/users/auth/openid_connect/callback'
          }
        }
      }
`

func TestSettings_SectionOfAGitLab(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	text := strings.NewReplacer("ISSUER", c.url, "SECRET", twin.DemoClientSecret).Replace(gitlabs)
	parsed, _, err := config.Parse("gitlab.yml", []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	c.conn = parsed.Connections()[0]
	if c.conn.Kind != "openid_connect" {
		t.Fatalf("the section is of kind %q", c.conn.Kind)
	}
	if v := mustSignIn(t, c.open(t), twin.DemoSub("nora")); v.Subject != "nora" || v.Profile.Email != "nora@qinghe.example.com" {
		t.Errorf("%+v", v)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	options := func(m map[string]any) map[string]any { return map[string]any{"client_options": m} }
	for name, test := range map[string]struct {
		args  map[string]any
		names string // what the sentence must name; "" = the settings are good
	}{
		"Good":             {},
		"NoIssuer":         {map[string]any{"issuer": nil}, "args.issuer"},
		"IssuerWithoutTLS": {map[string]any{"issuer": "http://id.example.com"}, "args.issuer"},
		"IssuerWithQuery":  {map[string]any{"issuer": "https://id.example.com?a=b"}, "args.issuer"},
		"IssuerIsNoURL":    {map[string]any{"issuer": "id.example.com"}, "args.issuer"},
		"IssuerWithUser":   {map[string]any{"issuer": "https://u:p@id.example.com"}, "args.issuer"},
		"HybridFlow":       {map[string]any{"response_type": "code id_token"}, "args.response_type"},
		"FragmentMode":     {map[string]any{"response_mode": "fragment"}, "args.response_mode"},
		"SharedSecretAlg":  {map[string]any{"client_signing_alg": "HS256"}, "args.client_signing_alg"},
		"NoAlg":            {map[string]any{"client_signing_alg": "none"}, "args.client_signing_alg"},
		"MutualTLS":        {map[string]any{"client_auth_method": "mtls"}, "args.client_auth_method"},
		"KeyIsNoKey":       {map[string]any{"client_auth_method": "jwt_bearer"}, "private key"},
		"PKCEIsNoFlag":     {map[string]any{"pkce": "maybe"}, "args.pkce"},
		"ScopeIsATable":    {map[string]any{"scope": map[string]any{}}, "args.scope"},
		"MaxAge":           {map[string]any{"max_age": "soon"}, "args.max_age"},
		"ByHandIncomplete": {map[string]any{"discovery": false}, "args.client_options.authorization_endpoint"},
		"OptionsAreAText":  {map[string]any{"client_options": "x"}, "args.client_options"},
		"EndpointPlain":    {options(map[string]any{"token_endpoint": "http://id.example.com/token"}), "args.client_options.token_endpoint"},
		"UnknownField":     {map[string]any{"attribute_map": map[string]any{"shoe_size": "x"}}, "args.attribute_map.shoe_size"},
		"NobodyRequired": {
			options(map[string]any{"gitlab": map[string]any{"required_groups": []any{}}}), "args.client_options.gitlab.required_groups",
		},
		"UnknownIsPassedOver": {args: map[string]any{"a_new_setting": 1}},
		"HostAndPort": {args: map[string]any{"discovery": "false", "client_options": map[string]any{
			"scheme": "https", "host": "id.example.com", "port": 8443, "authorization_endpoint": "/a", "token_endpoint": "/t", "jwks_uri": "/k",
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := map[string]any{"issuer": "https://id.example.com"}
			maps.Copy(args, test.args)
			_, err := openid.Kinds()[0].OpenConnection(
				gatehouse.Connection{Name: "company", AppID: "id", AppSecret: "very-secret", Args: args},
				integration.Env{HTTP: http.DefaultClient, Log: slog.New(slog.DiscardHandler)},
			)
			if test.names == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, gatehouse.Invalid) || !strings.Contains(err.Error(), test.names) || strings.Contains(err.Error(), "very-secret") {
				t.Errorf("%v does not name %s", err, test.names)
			}
		})
	}
}

func TestSettings_CredentialsAreNeeded(t *testing.T) {
	t.Parallel()
	for _, c := range []gatehouse.Connection{{AppID: "id"}, {AppSecret: "secret"}} {
		c.Args = map[string]any{"issuer": "https://id.example.com"}
		_, err := openid.Kinds()[0].OpenConnection(c, integration.Env{Log: slog.New(slog.DiscardHandler)})
		if !errors.Is(err, gatehouse.Invalid) || !strings.Contains(err.Error(), "app_") {
			t.Error(err)
		}
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	hosts := openid.Kinds()[1].ConnectionHosts
	c := gatehouse.Connection{AppID: "id", AppSecret: "secret", Args: map[string]any{
		"issuer": "http://id.internal", "client_options": map[string]any{"token_endpoint": "https://tokens.internal:8443/t", "jwks_uri": "/k"},
	}}
	if diff := cmp.Diff([]string{"http://id.internal", "https://tokens.internal:8443/t", "http://id.internal/k"}, hosts(c)); diff != "" {
		t.Error(diff)
	}
	c.AppID = ""
	if got := hosts(c); got != nil {
		t.Errorf("wrong settings open %v", got)
	}
}
