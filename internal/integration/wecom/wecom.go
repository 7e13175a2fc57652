// Package wecom signs people in with WeCom (企业微信), whose sign-in is its own:
// a page shows a QR code (inside the WeCom client nothing is shown), and the code
// that comes back is good only together with the token of the company's app, so
// that nobody of another company gets in. People are known by their userid in
// the company; WeCom tells capital letters from small ones nowhere, so neither
// do we.
package wecom

import (
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/authcode"
)

// Kind is WeCom as a kind of app.
func Kind() integration.Kind {
	return integration.Kind{
		Name: "wecom", Title: "WeCom", Form: form(),
		OpenConnection:  open,
		ConnectionHosts: hosts,
	}
}

func open(c gatehouse.Connection, env integration.Env) (integration.Door, error) {
	s, err := read(c, env.Log, env.Development)
	if err != nil {
		return integration.Door{}, err
	}
	d := &door{settings: s, client: &authcode.Client{Label: authcode.Label(c), ID: c.AppID, Secret: c.AppSecret, HTTP: env.HTTP, Clock: env.Clock}}
	return integration.Door{Provider: d}, nil
}

// hosts are the addresses that are asked from here. Settings that are wrong name
// none: opening the connection says why.
func hosts(c gatehouse.Connection) []string {
	s, err := read(c, nil, true)
	if err != nil {
		return nil
	}
	return []string{s.api}
}

// The hosts: of the page with the QR code, of the page inside the client, and of
// the API.
const (
	loginHost = "https://login.work.weixin.qq.com"
	oauthHost = "https://open.weixin.qq.com"
	apiHost   = "https://qyapi.weixin.qq.com"
)

// settings are a connection's arguments, checked.
type settings struct {
	login, oauth, api string // without a slash at the end
	agentID           string // AgentId of the app
	scope             string // inside the client: snsapi_base asks nothing, snsapi_privateinfo asks for addresses
	membership        string // visible: whom the app is made visible to; company: everybody in it
	groups            string // departments as groups: path, id or none
	emailSource       string // biz_mail, email or none
	emailVerified     bool   // the administrator vouches for biz_mail
}

var digits = regexp.MustCompile(`^[0-9]{1,20}$`)

func read(c gatehouse.Connection, log *slog.Logger, plain bool) (settings, error) {
	args := authcode.Read(c, log)
	args.Known("name", "agent_id", "client_scope", "membership", "groups", "email_source", "email_verified", "client_options")
	if c.AppID == "" {
		args.Missing("app_id")
	}
	if c.AppSecret == "" {
		args.Missing("app_secret")
	}
	s := settings{
		login: loginHost, oauth: oauthHost, api: apiHost,
		agentID: args.Text("agent_id", ""), scope: args.Text("client_scope", "snsapi_base"), membership: args.Text("membership", "visible"),
		groups: args.Text("groups", "path"), emailSource: args.Text("email_source", "biz_mail"), emailVerified: args.Yes("email_verified", false),
	}
	o := args.Table("client_options")
	o.Known("login_url", "oauth_url", "api_url")
	for key, to := range map[string]*string{"login_url": &s.login, "oauth_url": &s.oauth, "api_url": &s.api} {
		if a := o.Address(key, nil, plain); a != "" {
			*to = strings.TrimRight(a, "/")
		}
	}
	switch {
	case s.agentID == "":
		args.Missing(args.Name("agent_id"))
	case !digits.MatchString(s.agentID):
		args.Wrong("agent_id", "the AgentId of the app, a number such as 1000002")
	}
	oneOf := func(key, value string, known ...string) {
		if !slices.Contains(known, value) {
			args.Wrong(key, `"`+strings.Join(known, `" or "`)+`"`)
		}
	}
	oneOf("client_scope", s.scope, "snsapi_base", "snsapi_privateinfo")
	oneOf("membership", s.membership, "visible", "company")
	oneOf("groups", s.groups, "path", "id", "none")
	oneOf("email_source", s.emailSource, "biz_mail", "email", "none")
	return s, args.Err()
}
