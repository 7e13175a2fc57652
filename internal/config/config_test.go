package config_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/config"
)

func env(name string) (string, bool) {
	v, ok := map[string]string{
		"DINGTALK_SECRET": "ding-s3cret",
		"GITLAB_SECRET":   "gitlab-s3cret",
		"GITLAB_TOKEN":    "glpat-s3cret",
		"DEMO_SECRET":     "demo-s3cret-0123456789abcdef",
		"LONG_SECRET":     "long-s3cret-0123456789abcdefghijklmnop",
		"DB_PASSWORD":     "db-s3cret",
		"SMTP_PASSWORD":   "smtp-s3cret",
		"SMTP_PORT":       "2525",
		"EMPTY":           "",
		"YAML":            "x\nadmins: [mallory@example.com]\n\"}]: &a *a !!bad ${DEMO_SECRET}",
		"URL":             "ftp://s3cret.example.com",
		"WORD":            "s3cretword",
		"TRUE":            "true",
	}[name]
	return v, ok
}

func hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

func load(t *testing.T, path string) (*config.Config, []config.Warning) {
	t.Helper()
	c, warnings, err := config.Load(path, env)
	if err != nil {
		t.Fatal(err)
	}
	return c, warnings
}

var prefixes = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func TestLoad(t *testing.T) {
	t.Parallel()
	here, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	site := map[string]any{"client_options": map[string]any{"site": "https://gitlab.example.com"}}
	t.Run("FileOfTheIssue", func(t *testing.T) {
		t.Parallel()
		c, warnings := load(t, "testdata/issue.yml")
		if len(warnings) > 0 {
			t.Errorf("warnings %v", warnings)
		}
		want := &config.Config{
			URL: "https://id.example.com", Listen: ":8080",
			TLS:      config.TLS{Cert: filepath.Join(here, "cert.pem"), Key: filepath.Join(here, "key.pem")},
			Database: "sqlite:" + filepath.Join(here, "gatehouse.db"), KeyFile: filepath.Join(here, "gatehouse.key"),
			Admins: []string{"alice@example.com"},
			OmniAuth: config.OmniAuth{
				Enabled: true, AllowSingleSignOn: config.Names{Names: []string{"dingtalk", "gitlab"}}, BlockAutoCreatedUsers: true,
				SyncProfileAttributes: []string{"email"},
				Providers: []config.Provider{
					{Name: "dingtalk", Kind: "dingtalk", Label: "Ding Talk", AppID: "YOUR_APP_ID", AppSecret: "ding-s3cret"},
					{Name: "gitlab", Kind: "gitlab", Label: "GitLab", AppID: "gl-id", AppSecret: "gitlab-s3cret", Args: site},
				},
			},
			Clients: []gatehouse.Client{{
				ID: "demo", Name: "Demo", SecretHash: hash("demo-s3cret-0123456789abcdef"),
				RedirectURIs: []string{"https://demo.example.com/callback"}, Scopes: []string{"openid", "profile", "email", "read_user"},
				RequirePKCE: true, Enabled: true, Managed: gatehouse.ManagedByFile,
			}},
			Connectors: []gatehouse.Connector{{
				Key: "gitlab", Name: "GitLab", Kind: "gitlab", URL: "https://gitlab.example.com", Token: "glpat-s3cret",
				Settings: map[string]string{"group": "engineering"}, Owners: []string{"alice@example.com"},
				Enabled: true, Managed: gatehouse.ManagedByFile,
			}},
			SigningKeys: config.SigningKeys{RotateEvery: 2160 * time.Hour, Announce: 24 * time.Hour},
			Lifetimes:   config.Lifetimes{Code: time.Minute, Access: 2 * time.Hour, ID: 2 * time.Minute, Refresh: 720 * time.Hour, RefreshAbsolute: 4320 * time.Hour},
		}
		if diff := cmp.Diff(want, c, prefixes); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("EveryKey", func(t *testing.T) {
		t.Parallel()
		anHour := int64(3600)
		c, warnings := load(t, "testdata/full.yml")
		var said []string
		for _, w := range warnings {
			said = append(said, w.String())
		}
		if diff := cmp.Diff([]string{
			"testdata/full.yml:15:3: omniauth.auto_link_ldap_user: GitLab has this setting for LDAP; Gatehouse does not speak LDAP and passes it over",
			"testdata/full.yml:16:3: omniauth.auto_link_saml_user: GitLab has this setting for SAML; Gatehouse passes it over",
			"testdata/full.yml:23:3: omniauth.saml_message_max_byte_size: GitLab has this setting for SAML; Gatehouse passes it over",
		}, said); diff != "" {
			t.Error(diff)
		}
		want := &config.Config{
			URL: "http://localhost:8080", Listen: "127.0.0.1:8080", MetricsListen: "127.0.0.1:9090",
			Database:       "postgres://gatehouse:db-s3cret@db.example.com/gatehouse?sslmode=verify-full",
			KeyFile:        "/etc/gatehouse/gatehouse.key",
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::1/128")},
			Outgoing:       config.Outgoing{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.1.2.3/32")}},
			SigningKeys:    config.SigningKeys{RotateEvery: 720 * time.Hour, Announce: 12 * time.Hour},
			Lifetimes:      config.Lifetimes{Code: 30 * time.Second, Access: time.Hour, ID: 5 * time.Minute, Refresh: 24 * time.Hour, RefreshAbsolute: 48 * time.Hour},
			SMTP:           config.SMTP{Host: "mail.example.com", Port: 2525, Username: "gatehouse", Password: "smtp-s3cret", From: "Gatehouse <id@example.com>", TLS: config.SMTPStartTLS},
			OmniAuth: config.OmniAuth{
				Enabled: true, AllowSingleSignOn: config.Names{All: true}, AutoLinkUser: config.Names{Names: []string{"dingtalk_b"}},
				ExternalProviders: []string{"dingtalk_b"}, SyncProfileFromProvider: config.Names{Names: []string{"corp"}},
				SyncProfileAttributes: []string{"name", "email"}, AutoSignInWithProvider: "corp", AllowBypassTwoFactor: config.Names{All: true},
				Providers: []config.Provider{
					{
						Name: "dingtalk_b", Kind: "dingtalk", Label: "Dingtalk B", Icon: "https://cdn.example.com/d.png",
						AppID: "${not-a-variable}", AppSecret: "pa$$ with $dollars and ding-s3cret!",
						Args: map[string]any{"corp_id": "dingcorp", "client_options": map[string]any{"authorize_method": "account", "timeout": int64(10), "pkce": true}},
					},
					{
						Name: "corp", Kind: "corp", Label: "Corp", AppID: "corp-id", AppSecret: "gitlab-s3cret",
						Args: map[string]any{"scope": []any{"openid", "email"}, "client_options": map[string]any{"authorize_method": "account", "timeout": int64(10), "pkce": false, "identifier": "corp-id"}},
					},
				},
			},
			Registration: config.Registration{By: "token", Hosts: []string{"app.example.com", "*.apps.example.com"}, Scopes: []string{"openid", "email"}, NoPKCE: true, Max: 7},
			Clients: []gatehouse.Client{
				{
					ID: "cli", Name: "Command line", AuthMethod: "none", RedirectURIs: []string{"http://127.0.0.1/callback", "com.example.app:/callback"},
					PostLogoutRedirectURIs: []string{"http://localhost:3000/"}, Scopes: []string{"openid", "profile", "email"}, RequirePKCE: true, Trusted: true,
					Enabled: true, Managed: gatehouse.ManagedByFile,
				},
				{
					ID: "worker", Name: "worker", SecretHash: hash("demo-s3cret-0123456789abcdef"), GrantTypes: []string{"client_credentials"},
					Scopes: []string{"api"}, RequirePKCE: true, Enabled: true, Managed: gatehouse.ManagedByFile,
				},
				{
					ID: "legacy", Name: "legacy", SecretHash: hash("demo-s3cret-0123456789abcdef"), RedirectURIs: []string{"https://legacy.example.com/cb"},
					Scopes: []string{"openid", "profile", "email"}, AuthMethod: "client_secret_post", BackchannelLogoutURI: "https://legacy.example.com/logout",
					Settings: gatehouse.ClientSettings{
						FrontchannelLogoutURI: "https://legacy.example.com/front", FrontchannelSession: true, InitiateLoginURI: "https://legacy.example.com/login",
						SubjectType: "pairwise", SectorURI: "https://sector.example.com/uris.json",
					},
					Enabled: true, Managed: gatehouse.ManagedByFile,
				},
				{
					ID: "signed", Name: "signed", AuthMethod: "private_key_jwt", RedirectURIs: []string{"https://signed.example.com/cb"},
					GrantTypes: []string{"authorization_code", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
					Scopes:     []string{"openid", "profile", "email"}, RequirePKCE: true, Enabled: true, Managed: gatehouse.ManagedByFile,
					Settings: gatehouse.ClientSettings{
						JWKS:           json.RawMessage(`{"keys":[{"crv":"P-256","kty":"EC","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`),
						AuthSigningAlg: "ES256", IDTokenAlg: "EdDSA", AccessToken: gatehouse.AccessTokenJWT,
						Lifetimes: gatehouse.ClientLifetimes{Access: 10 * time.Minute, ID: time.Minute, Refresh: 24 * time.Hour, RefreshAbsolute: 48 * time.Hour},
						Resources: []string{"https://api.example.com/", "urn:example:api"}, MaxAge: &anHour, ACRValues: []string{"urn:example:strong"},
						RequestURIs: []string{"https://signed.example.com/request.jwt"}, RequestObjectAlg: "ES256", RequireSigned: true,
						RequirePushed: true, DPoPBound: true, ExchangeFrom: []string{"demo"},
						Federated: []gatehouse.FederatedIssuer{{
							Issuer: "https://gitlab.example.com", JWKSURI: "https://gitlab.example.com/oauth/discovery/keys",
							Subject: "project_path:team/app:*", Audience: "gatehouse",
						}},
						GroupsFrom: "main-gitlab", GroupsOnly: []string{"eng", "ops/core"},
					},
				},
				{
					ID: "by-secret", Name: "by-secret", AuthMethod: "client_secret_jwt", Secret: "long-s3cret-0123456789abcdefghijklmnop",
					RedirectURIs: []string{"https://by-secret.example.com/cb"}, Scopes: []string{"openid", "profile", "email"},
					RequirePKCE: true, Enabled: true, Managed: gatehouse.ManagedByFile,
					Settings: gatehouse.ClientSettings{JWKSURI: "https://by-secret.example.com/keys"},
				},
			},
			NoOwnApplications: true,
			Connectors: []gatehouse.Connector{
				{
					Key: "directory", Name: "公司目录", Kind: "dingtalk", Token: "ding-s3cret", Settings: map[string]string{
						"app_id": "dingkey", "corp_id": "ding0123456789", "mode": "callback", "managers": "false", "email_verified": "true", "qps": "40",
						"api_url": "https://api.dingtalk.io", "oapi_url": "https://oapi.dingtalk.io",
					},
					Secrets:  map[string]string{"callback_token": "ding-s3cret", "callback_aes_key": "demo-s3cret-0123456789abcdef"},
					Schedule: "30m", Enabled: true, Managed: gatehouse.ManagedByFile,
				},
				{
					Key: "main-gitlab", Name: "Main GitLab", Kind: "gitlab", URL: "https://gitlab.example.com/gitlab", Token: "glpat-s3cret",
					HookSecret: "demo-s3cret-0123456789abcdef", Settings: map[string]string{}, Enabled: true, Managed: gatehouse.ManagedByFile,
				},
			},
		}
		if diff := cmp.Diff(want, c, prefixes); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("MissingFileIsNotExist", func(t *testing.T) {
		t.Parallel()
		if _, _, err := config.Load(filepath.Join(t.TempDir(), "no.yml"), env); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("FolderIsNamed", func(t *testing.T) {
		t.Parallel()
		if _, _, err := config.Load(t.TempDir(), env); err == nil || !strings.Contains(err.Error(), "is a folder") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("SecretInAFileThatAllCanReadIsAWarning", func(t *testing.T) {
		t.Parallel()
		const text = "url: https://id.example.com\nclients: [{id: a, secret: s3cret-0123456789abcdefghij, redirect_uris: [\"https://a.example.com/\"]}]\n"
		for mode, want := range map[os.FileMode]int{0o644: 1, 0o640: 0, 0o600: 0} {
			path := filepath.Join(t.TempDir(), "gatehouse.yml")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			_, warnings := load(t, path)
			if len(warnings) != want {
				t.Errorf("mode %o: warnings %v", mode, warnings)
			}
			if want > 0 && (warnings[0].Line != 2 || warnings[0].Path != "clients[0].secret" || !strings.Contains(warnings[0].Message, "chmod 600") || strings.Contains(warnings[0].Excerpt, "s3cret-")) {
				t.Errorf("warning %+v", warnings[0])
			}
		}
	})
}

// What omniauth means for each provider.
func TestConnections(t *testing.T) {
	t.Parallel()
	const providers = `
  providers:
    - {name: dingtalk, app_id: a, app_secret: b}
    - {name: gitlab, app_id: a, app_secret: b}
`
	for _, c := range []struct {
		name, settings   string
		dingtalk, gitlab gatehouse.ConnectionRules
	}{
		{"DefaultsAreGitLabs", "", gatehouse.ConnectionRules{BlockAutoCreatedUsers: true}, gatehouse.ConnectionRules{BlockAutoCreatedUsers: true}},
		{"FalseIsNobody", "  allow_single_sign_on: false\n  auto_link_user: false\n  auto_sign_in_with_provider: false\n", gatehouse.ConnectionRules{BlockAutoCreatedUsers: true}, gatehouse.ConnectionRules{BlockAutoCreatedUsers: true}},
		{
			"TrueIsAll", "  allow_single_sign_on: true\n  auto_link_user: true\n  allow_bypass_two_factor: true\n",
			gatehouse.ConnectionRules{AllowSingleSignOn: true, AutoLinkUser: true, AllowBypassTwoFactor: true, BlockAutoCreatedUsers: true},
			gatehouse.ConnectionRules{AllowSingleSignOn: true, AutoLinkUser: true, AllowBypassTwoFactor: true, BlockAutoCreatedUsers: true},
		},
		{
			"ListIsTheNamed", "  allow_single_sign_on: [dingtalk]\n  auto_link_user: [gitlab]\n  external_providers: [gitlab]\n  allow_bypass_two_factor: [gitlab]\n  auto_sign_in_with_provider: dingtalk\n",
			gatehouse.ConnectionRules{AllowSingleSignOn: true, BlockAutoCreatedUsers: true, AutoSignInWithProvider: true},
			gatehouse.ConnectionRules{AutoLinkUser: true, External: true, AllowBypassTwoFactor: true, BlockAutoCreatedUsers: true},
		},
		{"BlockingCanBeSwitchedOff", "  block_auto_created_users: false\n", gatehouse.ConnectionRules{}, gatehouse.ConnectionRules{}},
		{
			"SyncedAttributesAreEmailAtFirst", "  sync_profile_from_provider: [gitlab]\n",
			gatehouse.ConnectionRules{BlockAutoCreatedUsers: true},
			gatehouse.ConnectionRules{BlockAutoCreatedUsers: true, SyncProfile: true, SyncProfileAttributes: []string{"email"}},
		},
		{
			"AllAttributes", "  sync_profile_from_provider: [gitlab]\n  sync_profile_attributes: true\n",
			gatehouse.ConnectionRules{BlockAutoCreatedUsers: true},
			gatehouse.ConnectionRules{BlockAutoCreatedUsers: true, SyncProfile: true, SyncProfileAttributes: []string{"name", "email", "location", "organization", "job_title"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, _, err := config.Parse("gatehouse.yml", []byte("url: https://id.example.com\nomniauth:\n"+c.settings+strings.TrimPrefix(providers, "\n")), env)
			if err != nil {
				t.Fatal(err)
			}
			all := got.Connections()
			if diff := cmp.Diff([]gatehouse.ConnectionRules{c.dingtalk, c.gitlab}, []gatehouse.ConnectionRules{all[0].Rules, all[1].Rules}); diff != "" {
				t.Error(diff)
			}
			if !all[0].Enabled || all[0].Managed != gatehouse.ManagedByFile || all[0].Name != "dingtalk" || all[0].Kind != "dingtalk" || all[0].Label != "DingTalk" {
				t.Errorf("connection %+v", all[0])
			}
		})
	}
	t.Run("DisabledShutsAll", func(t *testing.T) {
		t.Parallel()
		got, _, err := config.Parse("gatehouse.yml", []byte("url: https://id.example.com\nomniauth:\n  enabled: false"+providers), env)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range got.Connections() {
			if c.Enabled {
				t.Errorf("%s is enabled", c.Name)
			}
		}
	})
}
