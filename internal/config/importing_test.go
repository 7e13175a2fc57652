package config

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func kindsOfToday(name string) bool {
	return map[string]bool{"dingtalk": true, "gitlab": true, "openid_connect": true, "oauth2_generic": true}[name]
}

// importedFrom reads a file and what was written of it.
func importedFrom(t *testing.T, name, text string) (*Imported, *Config) {
	t.Helper()
	got, err := ImportGitLab(name, []byte(text), ImportOptions{Kinds: kindsOfToday})
	if err != nil {
		t.Fatalf("import: %v", err)
	}
	env := maps.Clone(got.Secrets)
	env["FROM_ENV"] = "from the environment"
	c, _, err := Parse("gatehouse.yml", got.YAML, func(n string) (string, bool) { v, ok := env[n]; return v, ok })
	if err != nil {
		t.Fatalf("what was written cannot be read: %v\n%s", err, got.YAML)
	}
	return got, c
}

func remarks(all []Remark) []string {
	var out []string
	for _, r := range all {
		out = append(out, fmt.Sprintf("%d %s", r.Line, r.What))
	}
	return out
}

const gitlabRB = `external_url 'https://gitlab.example.com'
gitlab_rails['omniauth_allow_single_sign_on'] = ['dingtalk']
gitlab_rails['omniauth_block_auto_created_users'] = false
gitlab_rails['omniauth_auto_link_saml_user'] = true
gitlab_rails['omniauth_auto_link_user'] = %w[corp]
gitlab_rails['omniauth_sync_profile_attributes'] = true
gitlab_rails['omniauth_sync_profile_from_provider'] = ["corp"]
gitlab_rails['omniauth_providers'] = [
  { name: "dingtalk", label: "钉钉", app_id: "key", app_secret: "pa$$ ${x} '1" },
  { name: "saml", args: { issuer: "x" } },
]
gitlab_rails['omniauth_providers'] << {
  'name' => 'corp', 'label' => 'Corp', 'args' => {
    'strategy_class' => 'OmniAuth::Strategies::OpenIDConnect', 'issuer' => 'https://id.example.com', 'discovery' => true,
    'client_options' => { 'identifier' => 'corp-id', 'secret' => ENV['FROM_ENV'] }
  }
}
gitlab_rails['omniauth_unheard_of'] = 1
`

func TestImportGitLabRB(t *testing.T) {
	t.Parallel()
	got, c := importedFrom(t, "gitlab.rb", gitlabRB)
	o := c.OmniAuth
	if len(o.Providers) != 2 || o.BlockAutoCreatedUsers || !o.AllowSingleSignOn.Has("dingtalk") || !o.AutoLinkUser.Has("corp") || len(o.SyncProfileAttributes) != 5 {
		t.Fatalf("read back %+v", o)
	}
	ding, corp := o.Providers[0], o.Providers[1]
	if ding.AppSecret != "pa$$ ${x} '1" || ding.Label != "钉钉" {
		t.Errorf("dingtalk: %+v", ding)
	}
	if corp.Kind != "openid_connect" || corp.AppID != "corp-id" || corp.AppSecret != "from the environment" || corp.Args["issuer"] != "https://id.example.com" {
		t.Errorf("corp: %+v", corp)
	}
	if diff := cmp.Diff([]string{"GATEHOUSE_DINGTALK_APP_SECRET"}, got.SecretNames()); diff != "" {
		t.Errorf("secrets (-want +got)\n%s", diff)
	}
	if strings.Contains(string(got.YAML), "pa$$") {
		t.Error("a secret stands in the configuration")
	}
	if diff := cmp.Diff([]string{
		"2 allow_single_sign_on", "3 block_auto_created_users", "5 auto_link_user", "6 sync_profile_attributes", "7 sync_profile_from_provider",
		"9 provider dingtalk", "12 provider corp",
	}, remarks(got.Taken)); diff != "" {
		t.Errorf("taken (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"4 auto_link_saml_user", "10 provider saml", "18 unheard_of"}, remarks(got.Left)); diff != "" {
		t.Errorf("not taken (-want +got)\n%s", diff)
	}
	for _, l := range got.Left {
		if l.Why == "" {
			t.Errorf("%s was not taken, without a reason", l.What)
		}
	}
	if _, err := got.Environment(); err == nil || strings.Contains(err.Error(), "pa$$") {
		t.Errorf("a secret with a quote in a file of variables: %v", err)
	}
}

func TestImportListWithoutBraces(t *testing.T) {
	t.Parallel()
	got, c := importedFrom(t, "gitlab.rb", "gitlab_rails['omniauth_providers'] = [\n  name: \"dingtalk\",\n  app_id: \"key\",\n  app_secret: \"s3cret\"\n]\n")
	if len(c.OmniAuth.Providers) != 1 || c.OmniAuth.Providers[0].AppSecret != "s3cret" {
		t.Errorf("read back %+v", c.OmniAuth.Providers)
	}
	env, err := got.Environment()
	if string(env) != "GATEHOUSE_DINGTALK_APP_SECRET='s3cret'\n" || err != nil {
		t.Errorf("environment %q, %v", env, err)
	}
}

func TestImportGitLabYML(t *testing.T) {
	t.Parallel()
	section := `
    enabled: true
    allow_single_sign_on: ["corp", "google_oauth2"]
    auto_link_ldap_user: false
    providers:
      - { name: 'google_oauth2', app_id: 'YOUR_APP_ID', app_secret: 'YOUR_APP_SECRET' }
      - name: corp
        label: Corp
        app_id: id
        app_secret: "a${NOT_OURS}b"
        args:
          strategy_class: "OmniAuth::Strategies::OAuth2Generic"
          client_options: { site: 'https://corp.example.com', user_info_url: '/me' }
          user_response_structure: { root_path: [], id_path: ['id'], attributes: { email: 'mail' } }
`
	indented := strings.ReplaceAll(section, "\n    ", "\n      ")
	tests := map[string]string{
		"UnderProduction": "production: &base\n  gitlab:\n    host: gitlab.example.com\n  omniauth:" + indented + "\ntest:\n  <<: *base\n  omniauth:\n    enabled: false\n",
		"OnTop":           "omniauth:" + section,
		"SectionAlone":    strings.ReplaceAll(section, "\n    ", "\n"),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, c := importedFrom(t, "gitlab.yml", text)
			if len(c.OmniAuth.Providers) != 1 || c.OmniAuth.Providers[0].AppSecret != "a${NOT_OURS}b" || c.OmniAuth.Providers[0].Kind != "oauth2_generic" {
				t.Errorf("read back %+v", c.OmniAuth)
			}
			left := strings.Join(remarks(got.Left), "; ")
			if !strings.Contains(left, "provider google_oauth2") || !strings.Contains(left, "auto_link_ldap_user") {
				t.Errorf("not taken: %s", left)
			}
		})
	}
}

func TestImportNamesWrongLines(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		name, text string
		line       int
		says       string
	}{
		"UnclosedListWithoutBraces": {"gitlab.rb", "a = 1\ngitlab_rails['omniauth_providers'] = [\n  name: 'x',\n  app_secret: 's3cr3t'\ngitlab_rails['omniauth_enabled'] = true\n", 2, "never closed"},
		"ComputedValue":             {"gitlab.rb", "gitlab_rails['omniauth_providers'] = [\n { name: 'dingtalk', app_id: 'a',\n app_secret: `cat /secret` }]", 3, "expected a value"},
		"MissingSecret":             {"gitlab.rb", "gitlab_rails['omniauth_providers'] = [\n { name: 'dingtalk', app_id: 'a' }]", 2, "app_secret: is missing"},
		"WrongType":                 {"gitlab.rb", "\n\ngitlab_rails['omniauth_enabled'] = 'yes'", 3, "expected true or false"},
		"UnderACondition":           {"gitlab.rb", "if x\n gitlab_rails['omniauth_enabled'] = true\nend", 2, "begins at line 1"},
		"AddToNoList":               {"gitlab.rb", "gitlab_rails['omniauth_enabled'] = true\ngitlab_rails['omniauth_enabled'] << 1", 2, "adds to a list"},
		"DoubledKey":                {"gitlab.rb", "gitlab_rails['omniauth_providers'] = [{ name: 'a',\n name: 'b' }]", 2, "twice"},
		"NothingInIt":               {"gitlab.rb", "external_url 'x'", 1, "no line gitlab_rails['omniauth_"},
		"ERB":                       {"gitlab.yml", "omniauth:\n  enabled: <%= ENV['X'] %>\n", 2, "computed"},
		"NoSection":                 {"gitlab.yml", "production:\n  gitlab:\n    host: x\n", 1, "no section omniauth"},
		"NoYAML":                    {"gitlab.yml", "omniauth: [\n", 1, "not YAML"},
		"NoMap":                     {"gitlab.yml", "- a\n", 1, "no map"},
		"DoubledInYML":              {"gitlab.yml", "omniauth:\n  enabled: true\n  enabled: false\n", 3, "twice"},
		"WrongInYML":                {"gitlab.yml", "omniauth:\n  providers:\n    - name: dingtalk\n      app_id: 1\n      app_secret: s3cr3t\n", 4, "expected a text"},
		"TooLong":                   {"gitlab.rb", strings.Repeat("#", maxFile+1), 1, "longer than"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ImportGitLab(tt.name, []byte(tt.text), ImportOptions{Kinds: kindsOfToday})
			e, ok := AsError(err)
			if !ok {
				t.Fatalf("error %v, want an *Error", err)
			}
			if p := e.Problems[0]; p.Line != tt.line || p.File != tt.name || !strings.Contains(p.String(), tt.says) {
				t.Errorf("problem %s, want line %d with %q", p, tt.line, tt.says)
			}
			if strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("the secret is told:\n%s", err)
			}
		})
	}
}
