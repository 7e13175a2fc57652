package openid_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/config"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/openid"
	twin "gatehouse/internal/twin/openid"
)

// TestGitLabYML: sections in the shapes that GitLab's documentation gives for
// known providers (administration/auth/oidc, docs.gitlab.com), with invented
// values. Each opens, with no setting passed over that decides who comes in.
func TestGitLabYML(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args  string
		warns []string // settings that are named in a warning
	}{
		"Google": {args: `
          scope: ["openid", "profile", "email"]
          response_type: "code"
          issuer: "https://accounts.google.com"
          client_auth_method: "query"
          discovery: true
          uid_field: "preferred_username"
          pkce: true`, warns: []string{"uid_field"}},
		"EntraID": {args: `
          name: "openid_connect"
          scope: ["openid", "profile", "email"]
          response_type: "code"
          issuer: "https://login.microsoftonline.com/0c5a4a3e-0000-4000-a000-000000000001/v2.0"
          client_auth_method: "query"
          discovery: true
          uid_field: "oid"
          pkce: true`},
		"EntraB2C": {args: `
          scope: ["openid"]
          response_type: "code"
          issuer: "https://login.example.com/tenant/v2.0"
          client_auth_method: "query"
          discovery: false
          send_scope_to_token_endpoint: true
          client_options:
            identifier: gatehouse
            secret: "0123456789abcdef0123456789abcdef"
            redirect_uri: "https://gitlab.example.com/users/auth/openid_connect/callback"
            authorization_endpoint: "https://login.example.com/tenant/oauth2/v2.0/authorize?p=b2c_1a_signup"
            token_endpoint: "https://login.example.com/tenant/oauth2/v2.0/token?p=b2c_1a_signup"
            jwks_uri: "https://login.example.com/tenant/discovery/v2.0/keys?p=b2c_1a_signup"`},
		"Keycloak": {args: `
          scope: ["openid", "profile", "email"]
          response_type: "code"
          issuer: "https://keycloak.example.com/realms/myrealm"
          client_auth_method: "query"
          discovery: true
          uid_field: "preferred_username"
          pkce: true`, warns: []string{"uid_field"}},
		"Casdoor": {args: `
          scope: ["openid", "profile", "email"]
          response_type: "code"
          issuer: "https://door.example.com"
          client_auth_method: "query"
          discovery: true
          uid_field: "sub"`},
		"PrivateKey": {args: `
          scope: ["openid"]
          issuer: "https://id.example.com"
          discovery: true
          client_auth_method: "basic"
          jwt_secret_base64: "c2VjcmV0"
          extra_authorize_params: {resource: "urn:gitlab"}`, warns: []string{"jwt_secret_base64"}},
		"GroupsThatMayComeIn": {args: `
          scope: ["openid","profile","email","groups"]
          issuer: "https://id.example.com"
          discovery: true
          client_options:
            identifier: gatehouse
            secret: "0123456789abcdef0123456789abcdef"
            gitlab:
              groups_attribute: "groups"
              required_groups: ["Developer"]
              external_groups: ["Freelancer"]
              auditor_groups: ["Auditor"]
              admin_groups: ["Admin"]`, warns: []string{"external_groups", "auditor_groups", "admin_groups"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "url: https://hub.example\nomniauth:\n  providers:\n    - name: openid_connect\n      label: Company\n      args:" + test.args + "\n"
			if !strings.Contains(text, "client_options") {
				text += `          client_options: {identifier: gatehouse, secret: "0123456789abcdef0123456789abcdef", redirect_uri: "https://gitlab.example.com/users/auth/openid_connect/callback"}` + "\n"
			}
			parsed, _, err := config.Parse("gitlab.yml", []byte(text), func(string) (string, bool) { return "", false })
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			c := parsed.Connections()[0]
			d, err := openid.Kinds()[1].OpenConnection(c, integration.Env{HTTP: http.DefaultClient, Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil || d.Provider == nil || c.AppID != "gatehouse" || c.AppSecret == "" {
				t.Fatalf("%+v, %v", c, err)
			}
			for _, setting := range test.warns {
				if !strings.Contains(log.String(), setting) {
					t.Errorf("nobody is warned of %s:\n%s", setting, log.String())
				}
			}
			if n := strings.Count(log.String(), "\n"); n != len(test.warns) {
				t.Errorf("%d warnings, want %d:\n%s", n, len(test.warns), log.String())
			}
		})
	}
}

// TestGitLabYML_SignsIn goes the whole way by the settings whose values change
// what is sent.
func TestGitLabYML_SignsIn(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]map[string]any{
		"UIDField":         {"uid_field": "preferred_username"},
		"ScopeIsNotSent":   {"send_scope_to_token_endpoint": "false"},
		"ScopeIsSent":      {"send_scope_to_token_endpoint": true},
		"Basic":            {"client_auth_method": "basic"},
		"Query":            {"client_auth_method": "query"},
		"RequiredGroup":    {"client_options": map[string]any{"gitlab": map[string]any{"required_groups": []any{"managers"}}}},
		"WithoutPKCE":      {"pkce": false},
		"UsernameClaim":    {"gitlab_username_claim": "sub"},
		"ForeignCallback":  {"client_options": map[string]any{"redirect_uri": "https://gitlab.example.com/users/auth/openid_connect/callback"}},
		"MoreInTheRequest": {"extra_authorize_params": map[string]any{"audience": "hub", "nonce": "not-taken"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, nil)
			for k, v := range args {
				c.conn.Args[k] = v
			}
			v := mustSignIn(t, c.open(t), twin.DemoSub("nora"))
			want := twin.DemoSub("nora")
			if name == "UIDField" {
				want = "nora"
			}
			if v.Subject != want || name == "UsernameClaim" && v.Profile.Username != twin.DemoSub("nora") || !slices.Contains(v.Profile.Groups, "managers") {
				t.Errorf("%+v", v)
			}
		})
	}
}
