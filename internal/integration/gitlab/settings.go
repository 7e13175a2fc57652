package gitlab

import (
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
)

// settings are a connection's arguments, checked, with every address whole.
type settings struct {
	appID, appSecret       string
	site                   *url.URL
	authorize, token, user string
	scopes                 []string
	require                requirement
	params                 url.Values // further parameters of the authorization request
	pkce                   bool
}

func missing(setting string) error {
	return gatehouse.Errorf(gatehouse.Invalid, "The setting %s is missing. Enter it and save again.", setting)
}

func wrongType(setting, expected string) error {
	return gatehouse.Errorf(gatehouse.Invalid, "The setting %s has the wrong type: expected %s.", setting, expected)
}

func wrongAddress(setting string) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Invalid, "The setting %s is not a usable address. It begins with https:// and names a host, for example https://gitlab.example.com.", setting)
}

// readSettings reads GitLab's own shape of a provider's arguments. What it does
// not know is only warned of, since a section of gitlab.yml is pasted in whole.
// log nil: no warnings.
func readSettings(c gatehouse.Connection, log *slog.Logger) (settings, error) {
	if c.AppID == "" {
		return settings{}, missing("app_id")
	}
	if c.AppSecret == "" {
		return settings{}, missing("app_secret")
	}
	args := arguments{at: "args", values: c.Args, log: log}
	args.warn("scope", "client_options", "authorize_params", "pkce", "gitlab_username_claim", "name", "strategy_class",
		"required_groups", "min_access_level", "ca", "ca_file")
	client, err := args.table("client_options")
	if err != nil {
		return settings{}, err
	}
	s := settings{appID: c.AppID, appSecret: c.AppSecret}
	if err := s.addresses(client); err != nil {
		return settings{}, err
	}
	if s.scopes, err = args.words("scope", "read_user"); err != nil {
		return settings{}, err
	}
	if s.require, err = readRequirement(args); err != nil {
		return settings{}, err
	}
	s.scopes = s.require.scopes(s.scopes)
	if s.pkce, err = args.yes("pkce", true); err != nil {
		return settings{}, err
	}
	return s, s.parameters(args)
}

// addresses works out where to ask. The site may end in /api/v4, as GitLab's
// documentation has it; addresses of their own may be paths on the site.
func (s *settings) addresses(client arguments) error {
	client.warn("site", "authorize_url", "token_url", "user_info", "user_info_url", "userinfo_url")
	site, err := client.text("site", DefaultSite)
	if err != nil {
		return err
	}
	base, err := siteURL(site, client.name("site"))
	if err != nil {
		return err
	}
	s.site = base
	for _, a := range []struct {
		keys  []string
		usual string
		to    *string
	}{
		{[]string{"authorize_url"}, "/oauth/authorize", &s.authorize},
		{[]string{"token_url"}, "/oauth/token", &s.token},
		{[]string{"user_info", "user_info_url", "userinfo_url"}, "/api/v4/user", &s.user},
	} {
		*a.to = base.String() + a.usual
		for _, key := range a.keys {
			if err := client.address(key, base, a.to); err != nil {
				return err
			}
		}
	}
	return nil
}

// reserved are parameters of the authorization request that are ours alone.
func reserved() []string {
	return []string{"client_id", "redirect_uri", "response_type", "state", "code_challenge", "code_challenge_method", "scope", "nonce"}
}

// parameters keeps GitLab's default gl_auth_type=login, which narrows the scope
// to read_user, only where nothing more is asked for.
func (s *settings) parameters(args arguments) error {
	s.params = url.Values{}
	if slices.Equal(s.scopes, []string{"read_user"}) {
		s.params.Set("gl_auth_type", "login")
	}
	more, err := args.table("authorize_params")
	if err != nil {
		return err
	}
	for key := range more.values {
		if slices.Contains(reserved(), key) {
			more.note(key, "is set by Gatehouse itself and ignored here")
			continue
		}
		value, err := more.text(key, "")
		if err != nil {
			return err
		}
		s.params.Set(key, value)
	}
	return nil
}

// siteURL reads the address of a GitLab, whose path (a relative URL root) is
// kept but for a final /api/v4.
func siteURL(raw, setting string) (*url.URL, error) {
	if strings.TrimSpace(raw) == "" {
		return nil, missing(setting)
	}
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return nil, wrongAddress(setting) // the cause would repeat what may hold a password
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, wrongAddress(setting)
	}
	path := strings.TrimRight(u.Path, "/")
	path = strings.TrimRight(strings.TrimSuffix(path, "/api/v4"), "/")
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}, nil
}

// arguments is one table of settings with its name, for sentences.
type arguments struct {
	at     string
	values map[string]any
	log    *slog.Logger
}

func (a arguments) name(key string) string { return a.at + "." + key }

func (a arguments) note(key, what string) {
	if a.log != nil {
		a.log.Warn("setting "+what, "setting", a.name(key))
	}
}

func (a arguments) warn(known ...string) {
	for key := range a.values {
		if !slices.Contains(known, key) {
			a.note(key, "is not known and ignored")
		}
	}
}

func (a arguments) table(key string) (arguments, error) {
	sub := arguments{at: a.name(key), log: a.log}
	switch v := a.values[key].(type) {
	case nil:
	case map[string]any:
		sub.values = v
	case map[string]string:
		sub.values = map[string]any{}
		for k, s := range v {
			sub.values[k] = s
		}
	default:
		return sub, wrongType(a.name(key), "a table")
	}
	return sub, nil
}

func (a arguments) text(key, usual string) (string, error) {
	switch v := a.values[key].(type) {
	case nil:
		return usual, nil
	case string:
		return v, nil
	case bool, int, int64, uint64, float64:
		return fmt.Sprint(v), nil
	}
	return "", wrongType(a.name(key), "a text")
}

func (a arguments) yes(key string, usual bool) (bool, error) {
	switch v := a.values[key].(type) {
	case nil:
		return usual, nil
	case bool:
		return v, nil
	case string:
		if v == "true" || v == "false" {
			return v == "true", nil
		}
	}
	return false, wrongType(a.name(key), "true or false")
}

// words reads a list, or a text with spaces (or commas, as people write them).
func (a arguments) words(key, usual string) ([]string, error) {
	split := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\n' })
	}
	var words []string
	switch v := a.values[key].(type) {
	case nil:
	case string:
		words = split(v)
	case []string:
		words = split(strings.Join(v, " "))
	case []any:
		for _, x := range v {
			s, ok := x.(string)
			if !ok {
				return nil, wrongType(a.name(key), "a list of texts")
			}
			words = append(words, split(s)...)
		}
	default:
		return nil, wrongType(a.name(key), "a list of texts")
	}
	if len(words) == 0 {
		words = split(usual)
	}
	return words, nil
}

// address overwrites to when the key is set: whole, or a path on the site.
func (a arguments) address(key string, base *url.URL, to *string) error {
	raw, err := a.text(key, "")
	if err != nil || raw == "" {
		return err
	}
	if strings.HasPrefix(raw, "/") && !strings.HasPrefix(raw, "//") {
		*to = base.Scheme + "://" + base.Host + raw
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return wrongAddress(a.name(key))
	}
	*to = u.String()
	return nil
}
