// Package dingtalk speaks to DingTalk (钉钉). As a connection it signs people in
// by the current browser flow, keyed by unionId, and by default lets in only
// those whom the app's own company employs.
package dingtalk

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
)

// Kind is DingTalk as a kind of app.
func Kind() integration.Kind {
	return integration.Kind{
		Name: "dingtalk", Title: "DingTalk",
		OpenConnection:  open,
		ConnectionHosts: hosts,
		Form:            form(),
	}
}

func open(c gatehouse.Connection, env integration.Env) (integration.Door, error) {
	s, err := read(c)
	if err != nil {
		return integration.Door{}, err
	}
	for _, key := range s.ignored {
		env.Log.Warn("a setting of this DingTalk connection has no effect", "connection", c.Name, "setting", key)
	}
	p := &provider{settings: s, client: &client{settings: s, env: env}}
	return integration.Door{Provider: p, Refresher: p}, nil
}

func hosts(c gatehouse.Connection) []string {
	s, err := read(c)
	if err != nil {
		return nil
	}
	return []string{s.login, s.api, s.oapi}
}

// The three hosts of DingTalk in China. The international edition has others
// (api.dingtalk.io, oapi.dingtalk.io).
const (
	loginHost = "https://login.dingtalk.com"
	apiHost   = "https://api.dingtalk.com"
	oapiHost  = "https://oapi.dingtalk.com"
)

// settings of a connection, checked.
type settings struct {
	key, secret      string
	login, api, oapi string   // the three hosts, without a slash at the end
	scope            string   // "openid corpid": corpid lets the person choose a company
	prompt           string   // "consent"; without it the page breaks or the token may nothing
	membership       string   // internal: employees of the app's company; any: everybody with DingTalk
	corpIDs          []string // the company chosen must be one of these; none: any
	emailSource      string   // org_email, email or none; org_email falls back to nothing
	emailVerified    bool     // the administrator vouches for org_email
	ignored          []string
}

// read checks a connection's settings. args has GitLab's shape: scope,
// authorize_params and client_options, where the hosts are login_url, api_url
// and oapi_url (or site, as GitLab's own provider calls the last).
func read(c gatehouse.Connection) (settings, error) {
	s := settings{
		key: c.AppID, secret: c.AppSecret, login: loginHost, api: apiHost, oapi: oapiHost,
		scope: "openid corpid", prompt: "consent", membership: "internal", emailSource: "org_email",
	}
	if s.key == "" || s.secret == "" {
		return s, gatehouse.Errorf(gatehouse.Invalid, "The DingTalk connection %s needs app_id and app_secret: the Client ID (AppKey) and Client Secret (AppSecret) of the app in DingTalk's developer console.", c.Name)
	}
	r := reader{connection: c.Name, settings: &s}
	for _, key := range sortedKeys(c.Args) {
		r.arg(key, c.Args[key])
	}
	if strings.HasPrefix(s.scope, "snsapi_") { // of the older flow, in settings made for GitLab 16
		s.scope, s.ignored = "openid corpid", append(s.ignored, "args.authorize_params.scope")
	}
	if r.err == nil && !slices.Contains([]string{"internal", "any"}, s.membership) {
		r.wrong("membership", `"internal" (employees of the app's company) or "any"`)
	}
	if r.err == nil && !slices.Contains([]string{"org_email", "email", "none"}, s.emailSource) {
		r.wrong("email_source", `"org_email", "email" or "none"`)
	}
	if r.err == nil && len(s.corpIDs) > 0 && !slices.Contains(strings.Fields(s.scope), "corpid") {
		r.wrong("scope", `"openid corpid" when corp_ids is set, since only then DingTalk says which company was chosen`)
	}
	return s, r.err
}

// reader reads args into settings and keeps the first error.
type reader struct {
	connection string
	settings   *settings
	err        error
}

func (r *reader) wrong(key, expected string) {
	if r.err == nil {
		r.err = gatehouse.Errorf(gatehouse.Invalid, "The setting args.%s of the DingTalk connection %s is not right: expected %s.", key, r.connection, expected)
	}
}

func (r *reader) arg(key string, v any) {
	s := r.settings
	switch key {
	case "scope":
		s.scope = r.words(key, v)
	case "prompt":
		s.prompt = r.text(key, v)
	case "membership":
		s.membership = r.text(key, v)
	case "email_source":
		s.emailSource = r.text(key, v)
	case "email_verified":
		s.emailVerified = r.truth(key, v)
	case "corp_ids":
		s.corpIDs = strings.Fields(r.words(key, v))
	case "authorize_params":
		r.options(key, v, map[string]*string{"scope": &s.scope, "prompt": &s.prompt})
	case "client_options":
		r.options(key, v, map[string]*string{"login_url": &s.login, "api_url": &s.api, "oapi_url": &s.oapi, "site": &s.oapi})
		for name, address := range map[string]*string{"login_url": &s.login, "api_url": &s.api, "oapi_url": &s.oapi} {
			r.address("client_options."+name, address)
		}
	default:
		s.ignored = append(s.ignored, "args."+key)
	}
}

// options reads a map of texts; keys it does not know are told, not refused,
// since GitLab's provider has some that mean nothing to the current flow
// (authorize_method, client_type).
func (r *reader) options(key string, v any, known map[string]*string) {
	m, ok := v.(map[string]any)
	if !ok {
		r.wrong(key, "a map")
		return
	}
	for _, name := range sortedKeys(m) {
		if target := known[name]; target != nil {
			*target = r.text(key+"."+name, m[name])
		} else {
			r.settings.ignored = append(r.settings.ignored, "args."+key+"."+name)
		}
	}
}

func (r *reader) text(key string, v any) string {
	s, ok := v.(string)
	if !ok || s == "" {
		r.wrong(key, "a text")
	}
	return s
}

// words takes a text with spaces or a list of texts.
func (r *reader) words(key string, v any) string {
	list, ok := v.([]any)
	if !ok {
		return r.text(key, v)
	}
	var all []string
	for _, item := range list {
		all = append(all, r.text(key, item))
	}
	return strings.Join(all, " ")
}

func (r *reader) truth(key string, v any) bool {
	b, ok := v.(bool)
	if !ok {
		r.wrong(key, "true or false")
	}
	return b
}

func (r *reader) address(key string, address *string) {
	u, err := url.Parse(*address)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		r.wrong(key, "an address such as https://api.dingtalk.com")
		return
	}
	*address = strings.TrimSuffix(fmt.Sprintf("%s://%s%s", u.Scheme, u.Host, u.Path), "/")
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
