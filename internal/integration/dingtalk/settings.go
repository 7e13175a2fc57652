package dingtalk

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"gatehouse"
)

// settings of a connection, checked.
type settings struct {
	key, secret      string
	login, api, oapi string   // the three hosts, without a slash at the end
	scope            string   // "openid corpid": corpid lets the person choose a company
	prompt           string   // "consent"; without it the page breaks or the token may nothing
	flow             string   // current, or legacy: the older one (qrconnect), which self-built apps of old still have
	legacyPage       string   // of the older flow: qrconnect (QR code) or sns_authorize (account and password)
	membership       string   // internal: employees of the company only; any: everybody with DingTalk
	corpIDs          []string // the company chosen must be one of these; none: the app's own, or with "any" every one
	groups           string   // departments as groups: path, id or none
	silent           bool     // signs in without a question inside the DingTalk client
	jsapi            string   // address of DingTalk's script, for the page inside the client
	emailSource      string   // org_email, email or none; org_email falls back to nothing
	emailVerified    bool     // the administrator vouches for org_email
	ignored          []string
	pageSet          bool // client_options.authorize_method was given
}

// read checks a connection's settings. args has GitLab's shape: scope,
// authorize_params and client_options, where the hosts are login_url, api_url
// and oapi_url (or site, as GitLab's own provider calls the last).
func read(c gatehouse.Connection) (settings, error) {
	s := settings{
		key: c.AppID, secret: c.AppSecret, login: loginHost, api: apiHost, oapi: oapiHost,
		scope: "openid corpid", prompt: "consent", flow: flowCurrent, legacyPage: "qrconnect",
		membership: "internal", emailSource: "org_email", groups: "path", silent: true, jsapi: jsapi,
	}
	if s.key == "" || s.secret == "" {
		return s, gatehouse.Errorf(gatehouse.Invalid, "The DingTalk connection %s needs app_id and app_secret: the Client ID (AppKey) and Client Secret (AppSecret) of the app in DingTalk's developer console.", c.Name)
	}
	r := reader{connection: c.Name, settings: &s}
	for _, key := range sortedKeys(c.Args) {
		r.arg(key, c.Args[key])
	}
	r.check()
	return s, r.err
}

// The flows.
const (
	flowCurrent = "current"
	flowLegacy  = "legacy"
)

// check finds settings that contradict each other or mean nothing.
func (r *reader) check() {
	s := r.settings
	if strings.HasPrefix(s.scope, "snsapi_") { // of the older flow, in settings made for GitLab 16
		s.scope = "openid corpid"
		if s.flow != flowLegacy { // which has this very scope anyway
			s.ignored = append(s.ignored, "args.authorize_params.scope")
		}
	}
	if s.flow != flowLegacy && s.pageSet {
		s.ignored = append(s.ignored, "args.client_options.authorize_method")
	}
	r.oneOf("flow", s.flow, flowCurrent, flowLegacy)
	if s.flow == flowLegacy {
		r.oneOf("client_options.authorize_method", s.legacyPage, "qrconnect", "sns_authorize")
	}
	r.oneOf("membership", s.membership, "internal", "any")
	r.oneOf("email_source", s.emailSource, "org_email", "email", "none")
	r.oneOf("groups", s.groups, "path", "id", "none")
	for _, id := range s.corpIDs {
		if !corpIDForm.MatchString(id) {
			r.wrong("corp_ids", "CorpIds, which are letters and digits such as ding0123456789abcdef")
		}
	}
	if len(s.corpIDs) > 0 && s.flow == flowLegacy {
		r.wrong("corp_ids", "none of them with the older flow, which does not tell the company; its membership is internal or any")
	}
	if len(s.corpIDs) > 0 && !slices.Contains(strings.Fields(s.scope), "corpid") {
		r.wrong("scope", `"openid corpid" when corp_ids is set, since only then DingTalk says which company was chosen`)
	}
}

// corpIDForm is what a CorpId looks like; it becomes part of an address.
var corpIDForm = regexp.MustCompile(`^[A-Za-z0-9]{4,64}$`)

func (r *reader) oneOf(key, value string, known ...string) {
	if !slices.Contains(known, value) {
		r.wrong(key, `"`+strings.Join(known, `" or "`)+`"`)
	}
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
	case "flow":
		s.flow = r.text(key, v)
	case "groups":
		s.groups = r.text(key, v)
	case "silent":
		s.silent = r.truth(key, v)
	case "authorize_params":
		r.options(key, v, map[string]*string{"scope": &s.scope, "prompt": &s.prompt})
	case "client_options":
		method := ""
		r.options(key, v, map[string]*string{
			"login_url": &s.login, "api_url": &s.api, "oapi_url": &s.oapi, "site": &s.oapi, "jsapi_url": &s.jsapi, "authorize_method": &method,
		})
		for name, address := range map[string]*string{"login_url": &s.login, "api_url": &s.api, "oapi_url": &s.oapi, "jsapi_url": &s.jsapi} {
			r.address("client_options."+name, address)
		}
		r.method(method)
	default:
		s.ignored = append(s.ignored, "args."+key)
	}
}

// method reads GitLab's name for the page of the older flow.
func (r *reader) method(name string) {
	s := r.settings
	switch s.pageSet = name != ""; name {
	case "", "qrcode", "qrconnect":
	case "account", "sns_authorize":
		s.legacyPage = "sns_authorize"
	default:
		s.legacyPage = name // is told by check
	}
}

// options reads a map of texts; keys it does not know are told, not refused,
// since GitLab's provider has some that mean nothing here (client_type).
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
