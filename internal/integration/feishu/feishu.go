// Package feishu signs people in with Feishu (飞书) and with Lark, its edition
// outside of China. The sign-in is OAuth 2.0 in a dress of its own: the token
// endpoint takes and gives JSON, every answer carries a code that is 0 when all
// is well, and who the person is comes in an envelope. People are known by their
// union_id, which stays the same in all apps of one developer.
package feishu

import (
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/authcode"
)

// edition is one of the two: the same API at other addresses.
type edition struct {
	name, title   string
	accounts, api string
}

func editions() []edition {
	return []edition{
		{"feishu", "Feishu", "https://accounts.feishu.cn", "https://open.feishu.cn"},
		{"lark", "Lark", "https://accounts.larksuite.com", "https://open.larksuite.com"},
	}
}

// Kinds are Feishu and Lark.
func Kinds() []integration.Kind {
	var all []integration.Kind
	for _, e := range editions() {
		all = append(all, integration.Kind{
			Name: e.name, Title: e.title, Form: e.form(),
			OpenConnection:  e.open,
			ConnectionHosts: e.hosts,
		})
	}
	return all
}

func (e edition) open(c gatehouse.Connection, env integration.Env) (integration.Door, error) {
	s, err := e.read(c, env.Log, env.Development)
	if err != nil {
		return integration.Door{}, err
	}
	d := &door{settings: s, client: &authcode.Client{Label: authcode.Label(c), ID: c.AppID, Secret: c.AppSecret, HTTP: env.HTTP, Clock: env.Clock}}
	return integration.Door{Provider: d, Refresher: d}, nil
}

// hosts are the addresses that are asked from here; the browser goes to the
// other one by itself. Settings that are wrong name none.
func (e edition) hosts(c gatehouse.Connection) []string {
	s, err := e.read(c, nil, true)
	if err != nil {
		return nil
	}
	return []string{s.api}
}

// settings are a connection's arguments, checked.
type settings struct {
	accounts, api string   // without a slash at the end
	scopes        []string // none are needed to sign in; offline_access gives a refresh token
	tenants       []string // keys of the companies whose people may sign in; none: whoever may use the app
	emailSource   string   // enterprise_email, email or none
	emailVerified bool     // the administrator vouches for enterprise_email
}

// tenantForm is what a tenant_key looks like.
var tenantForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (e edition) read(c gatehouse.Connection, log *slog.Logger, plain bool) (settings, error) {
	args := authcode.Read(c, log)
	args.Known("name", "scope", "tenant_keys", "email_source", "email_verified", "client_options")
	if c.AppID == "" {
		args.Missing("app_id")
	}
	if c.AppSecret == "" {
		args.Missing("app_secret")
	}
	o := args.Table("client_options")
	o.Known("accounts_url", "api_url")
	s := settings{
		accounts: e.accounts, api: e.api,
		scopes: args.Words("scope", true), tenants: args.Words("tenant_keys", true),
		emailSource: args.Text("email_source", "enterprise_email"), emailVerified: args.Yes("email_verified", false),
	}
	for key, to := range map[string]*string{"accounts_url": &s.accounts, "api_url": &s.api} {
		if a := o.Address(key, nil, plain); a != "" {
			*to = strings.TrimRight(a, "/")
		}
	}
	if slices.ContainsFunc(s.tenants, func(t string) bool { return !tenantForm.MatchString(t) }) {
		args.Wrong("tenant_keys", "keys of companies, such as 736588c92lxf175d")
	}
	if !slices.Contains([]string{"enterprise_email", "email", "none"}, s.emailSource) {
		args.Wrong("email_source", `"enterprise_email", "email" or "none"`)
	}
	return s, args.Err()
}
