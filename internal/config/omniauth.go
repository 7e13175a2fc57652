package config

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gatehouse"
)

// OmniAuth is GitLab's section of that name: how people come in, and what
// happens when they come for the first time. Names, meanings and defaults are
// GitLab's.
type OmniAuth struct {
	Enabled                 bool // default true; false shuts all providers of the file
	AllowSingleSignOn       Names
	BlockAutoCreatedUsers   bool // default true
	AutoLinkUser            Names
	ExternalProviders       []string
	SyncProfileFromProvider Names
	SyncProfileAttributes   []string // default email
	AutoSignInWithProvider  string
	AllowBypassTwoFactor    Names
	Providers               []Provider
}

// Names is a setting that takes true (all providers), false (none) or a list of
// their names.
type Names struct {
	All   bool
	Names []string
}

// Has says whether a provider is meant.
func (n Names) Has(provider string) bool { return n.All || slices.Contains(n.Names, provider) }

// Provider is one way in.
type Provider struct {
	Name      string // [a-z0-9_-]+, stands in the callback address
	Kind      string // default: the name
	Label     string // default: as GitLab derives it from the name
	Icon      string
	AppID     string
	AppSecret string
	Args      map[string]any // texts, bools, int64, float64, lists and maps; without the secret
	// ForgetTokens: the tokens that it gives at a sign-in are not kept for apps.
	ForgetTokens bool
}

// Connections are the providers as the rest of Gatehouse knows them, each with
// the rules that the whole section makes for it. ID and the times are not set.
func (c *Config) Connections() []gatehouse.Connection {
	o := c.OmniAuth
	all := make([]gatehouse.Connection, 0, len(o.Providers))
	for _, p := range o.Providers {
		all = append(all, gatehouse.Connection{
			Name: p.Name, Kind: p.Kind, Label: p.Label, Icon: p.Icon, Enabled: o.Enabled,
			AppID: p.AppID, AppSecret: p.AppSecret, Args: maps.Clone(p.Args),
			Rules: o.rules(p), Managed: gatehouse.ManagedByFile,
		})
	}
	return all
}

func (o OmniAuth) rules(p Provider) gatehouse.ConnectionRules {
	provider := p.Name
	r := gatehouse.ConnectionRules{
		AllowSingleSignOn:      o.AllowSingleSignOn.Has(provider),
		BlockAutoCreatedUsers:  o.BlockAutoCreatedUsers,
		AutoLinkUser:           o.AutoLinkUser.Has(provider),
		External:               slices.Contains(o.ExternalProviders, provider),
		SyncProfile:            o.SyncProfileFromProvider.Has(provider),
		AllowBypassTwoFactor:   o.AllowBypassTwoFactor.Has(provider),
		AutoSignInWithProvider: o.AutoSignInWithProvider == provider,
		ForgetTokens:           p.ForgetTokens,
	}
	if r.SyncProfile {
		r.SyncProfileAttributes = slices.Clone(o.SyncProfileAttributes)
	}
	return r
}

// profileAttributes are what sync_profile_attributes may name.
func profileAttributes() []string {
	return []string{"name", "email", "location", "organization", "job_title"}
}

func (r *reader) omniAuth(s *section) OmniAuth {
	o := r.section(s.get("omniauth"), "omniauth")
	out := OmniAuth{
		Enabled:                 o.flag("enabled", true),
		AllowSingleSignOn:       r.names(o, "allow_single_sign_on"),
		BlockAutoCreatedUsers:   o.flag("block_auto_created_users", true),
		AutoLinkUser:            r.names(o, "auto_link_user"),
		ExternalProviders:       o.texts("external_providers", anyText),
		SyncProfileFromProvider: r.names(o, "sync_profile_from_provider"),
		SyncProfileAttributes:   r.attributes(o),
		AutoSignInWithProvider:  r.autoSignIn(o),
		AllowBypassTwoFactor:    r.names(o, "allow_bypass_two_factor"),
		Providers:               r.providers(o),
	}
	o.unused("GitLab has this setting for LDAP; Gatehouse does not speak LDAP and passes it over", "auto_link_ldap_user")
	o.unused("GitLab has this setting for SAML; Gatehouse passes it over", "auto_link_saml_user", "saml_message_max_byte_size")
	o.unused("GitLab has this setting for CAS; Gatehouse passes it over", "cas3", "session_tickets")
	o.unused("older GitLabs had this setting; today it is sync_profile_from_provider", "sync_email_from_provider")
	o.done()
	r.unknownProviders(o, out)
	return out
}

// names reads true, false or a list.
func (r *reader) names(o *section, key string) Names {
	v := o.get(key)
	switch {
	case v == nil || v.bad:
		return Names{}
	case v.shape == list:
		return Names{Names: o.texts(key, anyText)}
	}
	b, ok := asFlag(v)
	if !ok {
		r.wrong(v, o.at(key), "true, false or a list of provider names")
	}
	return Names{All: b}
}

func (r *reader) attributes(o *section) []string {
	const key = "sync_profile_attributes"
	v := o.get(key)
	switch {
	case v == nil || v.bad:
		return []string{"email"}
	case v.shape == list:
		return o.texts(key, oneOf(profileAttributes()))
	}
	if b, ok := asFlag(v); !ok {
		r.wrong(v, o.at(key), "true, false or a list of "+strings.Join(profileAttributes(), ", "))
	} else if b {
		return profileAttributes()
	}
	return nil
}

func (r *reader) autoSignIn(o *section) string {
	const key = "auto_sign_in_with_provider"
	v := o.get(key)
	if v == nil || v.bad {
		return ""
	}
	if b, ok := asFlag(v); ok && !b {
		return ""
	}
	if v.shape != text {
		r.wrong(v, o.at(key), "a provider's name or false")
		return ""
	}
	return v.text
}

// unknownProviders warns of settings that name a provider which is not there:
// GitLab does not mind either, and a pasted section may name its own.
func (r *reader) unknownProviders(o *section, out OmniAuth) {
	var known []string
	for _, p := range out.Providers {
		known = append(known, p.Name)
	}
	unknown := func(key string, names ...string) {
		for _, n := range names {
			if n == "" || slices.Contains(known, n) {
				continue
			}
			hint := "have a look at the names under providers"
			if near := nearest(n, known); near != "" {
				hint = "did you mean " + near + "?"
			}
			r.warn(o.spot(key), "names the provider %q, which is not there; %s", clip(n), hint)
		}
	}
	unknown("allow_single_sign_on", out.AllowSingleSignOn.Names...)
	unknown("auto_link_user", out.AutoLinkUser.Names...)
	unknown("external_providers", out.ExternalProviders...)
	unknown("sync_profile_from_provider", out.SyncProfileFromProvider.Names...)
	unknown("allow_bypass_two_factor", out.AllowBypassTwoFactor.Names...)
	unknown("auto_sign_in_with_provider", out.AutoSignInWithProvider)
}

var word = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

const wordRule = "lower-case letters, digits, _ and - (at most 64)"

// name is a text that stands in addresses. taken are those before it.
func (s *section) name(key, meaning string, taken map[string]bool) string {
	t := s.required(key, meaning)
	v := s.get(key)
	switch {
	case t == "":
	case !word.MatchString(t):
		s.r.problem(v, s.at(key), "expected %s, found %s", wordRule, shown(v))
	case taken[t]:
		s.r.problem(v, s.at(key), "is taken by another one before it: %s", shown(v))
	}
	taken[t] = true
	return t
}

func (r *reader) providers(o *section) []Provider {
	var all []Provider
	taken := map[string]bool{}
	for _, i := range o.list("providers", "providers (maps with name, app_id, app_secret)") {
		p := r.section(i.value, i.path)
		if p.v != nil {
			all = append(all, r.provider(p, taken))
		}
	}
	return all
}

func (r *reader) provider(p *section, taken map[string]bool) Provider {
	out := Provider{Name: p.name("name", "what stands in the callback address, such as dingtalk or gitlab", taken)}
	if gatehouse.ReservedConnectionName(out.Name) {
		r.problem(p.get("name"), p.at("name"), "/sign-in/%s is a page of Gatehouse; choose another name", out.Name)
	}
	out.Kind = p.text("kind", out.Name)
	if v := p.get("kind"); v != nil && !word.MatchString(out.Kind) {
		r.problem(v, p.at("kind"), "expected %s, found %s", wordRule, shown(v))
	}
	out.Label = p.text("label", label(out.Name))
	out.Icon = r.icon(p)
	out.Args = r.args(p)
	out.ForgetTokens = p.flag("forget_tokens", false)
	if p.get("kind") == nil {
		out.Kind = cmp.Or(kindOfStrategy(out.Args), out.Kind)
	}
	r.site(p, &out)
	r.credentials(p, &out)
	p.unused("GitLab has this setting for SAML groups; Gatehouse passes it over",
		"groups_attribute", "external_groups", "admin_groups", "auditor_groups")
	// To pass this one over would let people in whom GitLab keeps out.
	if v := p.get("required_groups"); v != nil {
		r.problem(v, p.at("required_groups"), "limits in GitLab who may sign in, and Gatehouse does not know it for this provider; take it out if everybody may")
	}
	p.done()
	return out
}

// site reads url and verify_ssl, which GitLab has beside args for GitHub and
// Bitbucket.
func (r *reader) site(p *section, out *Provider) {
	if site := p.text("url", ""); site != "" && out.Args["url"] == nil {
		if out.Args == nil {
			out.Args = map[string]any{}
		}
		out.Args["url"] = site
	}
	if p.has("verify_ssl") && !p.flag("verify_ssl", true) {
		r.problem(p.get("verify_ssl"), p.at("verify_ssl"), "Gatehouse always checks certificates; name your own authority's in args.ca_file")
	}
}

// kindOfStrategy is the kind that GitLab's strategy_class means, by which a
// gitlab.yml has several providers of one kind; "" if it has none or another.
func kindOfStrategy(args map[string]any) string {
	switch args["strategy_class"] {
	case "OmniAuth::Strategies::OpenIDConnect":
		return "openid_connect"
	case "OmniAuth::Strategies::OAuth2Generic":
		return "oauth2_generic"
	}
	return ""
}

// label is GitLab's for the names that it knows, else the name in words.
func label(name string) string {
	known := map[string]string{
		"dingtalk": "DingTalk", "gitlab": "GitLab", "github": "GitHub", "google_oauth2": "Google", "alicloud": "AliCloud",
		"atlassian_oauth2": "Atlassian", "azure_activedirectory_v2": "Azure", "azure_oauth2": "Azure", "openid_connect": "OpenID Connect",
		"feishu": "Feishu", "lark": "Lark", "wecom": "WeCom",
	}
	if l := known[name]; l != "" {
		return l
	}
	words := strings.FieldsFunc(name, func(c rune) bool { return c == '_' || c == '-' })
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return cmp.Or(strings.Join(words, " "), name)
}

// icon is a URL, an own path or a built-in name.
func (r *reader) icon(p *section) string {
	v := p.get("icon")
	if v == nil {
		return ""
	}
	t, ok := r.line(v, p.at("icon"))
	switch {
	case !ok || t == "":
		return ""
	case word.MatchString(t), strings.HasPrefix(t, "/") && !strings.HasPrefix(t, "//") && !strings.Contains(t, `\`):
		return t
	}
	if _, problem := webURL(v, t); problem != "" {
		r.problem(v, p.at("icon"), "expected an https URL, a path or the name of a built-in icon")
		return ""
	}
	return t
}

// credentials are app_id and app_secret, or, as GitLab has them for
// openid_connect, args.client_options.identifier and secret. The secret leaves
// the args, which are not sealed.
func (r *reader) credentials(p *section, out *Provider) {
	options, _ := out.Args["client_options"].(map[string]any)
	out.AppID, out.AppSecret = p.text("app_id", ""), p.text("app_secret", "")
	if id, ok := options["identifier"].(string); ok && !p.has("app_id") {
		out.AppID = id
	}
	if secret, ok := options["secret"].(string); ok {
		if !p.has("app_secret") {
			out.AppSecret = secret
		}
		delete(options, "secret")
	}
	if out.AppID == "" {
		p.required("app_id", "what the provider calls client ID, Application ID or AppKey")
	}
	if out.AppSecret == "" && out.Args["client_auth_method"] != "none" { // RFC 7591: a public client has none
		p.required("app_secret", "what the provider calls client secret or AppSecret")
	}
}

func (r *reader) args(p *section) map[string]any {
	v := p.get("args")
	switch {
	case v == nil || v.bad:
		return nil
	case v.shape == list:
		r.problem(v, p.at("args"), "expected a map such as {scope: …, client_options: {site: …}}; GitLab passes a list on to the provider by position, "+
			"and Gatehouse goes by names only")
		return nil
	case v.shape != dict:
		r.wrong(v, p.at("args"), "a map (key: value)")
		return nil
	}
	args, _ := plain(v).(map[string]any)
	if file, ok := args["ca_file"].(string); ok {
		args["ca_file"] = r.file(file)
	}
	if name, ok := args["name"].(string); ok && name != p.text("name", "") {
		r.problem(v.find("name").value, p.at("args.name"), "differs from the provider's name; the callback address has only one")
	}
	return args
}

// plain is a value as JSON would have it.
func plain(v *value) any {
	switch v.shape {
	case text:
		return v.text
	case list:
		all := make([]any, 0, len(v.items))
		for _, i := range v.items {
			all = append(all, plain(i))
		}
		return all
	case dict:
		all := make(map[string]any, len(v.keys))
		for _, e := range v.keys {
			all[e.key] = plain(e.value)
		}
		return all
	default:
		return v.plainScalar()
	}
}

// plainScalar is a scalar that is no text; whole numbers as int64 where they fit.
func (v *value) plainScalar() any {
	if n, ok := v.scalar.(uint64); ok && n <= 1<<63-1 {
		return int64(n)
	}
	return v.scalar
}
