// Package oauth2 signs people in with providers that speak OAuth 2.0 but have no
// ID token: a code becomes an access token, and an address of the provider says
// whose it is. Where in that answer the person's id, name and address stand is
// said in the settings, which are those of GitLab's oauth2_generic provider.
package oauth2

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/authcode"
)

// Kinds are the names by which this kind is known: its own, and the one that a
// gitlab.yml has for it.
func Kinds() []integration.Kind {
	kind := integration.Kind{
		Name:            "oauth2",
		Title:           "OAuth 2.0",
		OpenConnection:  open,
		ConnectionHosts: hosts, ConnectionAuthority: authcode.Authority,
		Form: form(),
	}
	gitlabs := kind
	gitlabs.Form.AliasOf = kind.Name
	gitlabs.Name = "oauth2_generic"
	return []integration.Kind{kind, gitlabs}
}

func open(c gatehouse.Connection, env integration.Env) (integration.Door, error) {
	s, err := readSettings(c, env.Log, env.Development)
	if err != nil {
		return integration.Door{}, err
	}
	return opened(s, c, env), nil
}

func opened(s settings, c gatehouse.Connection, env integration.Env) integration.Door {
	d := &door{settings: s, client: &authcode.Client{Label: authcode.Label(c), ID: c.AppID, Secret: c.AppSecret, HTTP: env.HTTP, Clock: env.Clock}}
	return integration.Door{Provider: d, Refresher: d}
}

// hosts are the addresses that the settings name. Settings that are wrong name
// none: opening the connection says why.
func hosts(c gatehouse.Connection) []string {
	s, err := readSettings(c, nil, true)
	if err != nil {
		return nil
	}
	return []string{s.authorize, s.token, s.user}
}

// settings are a connection's arguments, checked.
type settings struct {
	authorize, token, user string
	method                 authcode.AuthMethod
	scopes                 []string
	params                 url.Values
	fresh                  url.Values // what asks the person again
	pkce                   bool
	id                     []string            // where the id stands in the user-info answer
	fields                 map[string][]string // where the fields of the profile stand
	mapping                authcode.Mapping    // fields that are worked out instead
	more                   asker               // what a preset asks besides; nil: nothing
}

// asker asks a provider for what is not in its user-info answer, and puts it to
// what is known of the person. An error lets nobody in.
type asker func(ctx context.Context, c *authcode.Client, access string, v *gatehouse.Vouched) error

func readSettings(c gatehouse.Connection, log *slog.Logger, plain bool) (settings, error) {
	args := authcode.Read(c, log)
	args.Known("name", "strategy_class", "client_options", "user_response_structure", "authorize_params", "authorize_options", "token_params",
		"scope", "pkce", "client_auth_method", "redirect_url", "gitlab_username_claim", "mapping", "fresh_params", "ca", "ca_file")
	args.Ignored("is not used by Gatehouse", "authorize_options", "token_params", "redirect_url")
	if c.AppID == "" {
		args.Missing("app_id")
	}
	var s settings
	s.readAddresses(args, plain)
	s.readMethod(args, c.AppSecret)
	s.params = args.Parameters("authorize_params")
	s.fresh = args.Parameters("fresh_params")
	s.scopes = args.Words("scope", true)
	if len(s.scopes) == 0 { // GitLab's documentation has it there
		s.scopes = args.Table("authorize_params").Words("scope", true)
	}
	s.pkce = args.Yes("pkce", true)
	s.readStructure(args)
	s.mapping = args.Mapping("mapping")
	return s, args.Err()
}

// readAddresses reads client_options: a site, and addresses that may be paths
// on it.
func (s *settings) readAddresses(args *authcode.Settings, plain bool) {
	o := args.Table("client_options")
	o.Known("site", "authorize_url", "token_url", "user_info_url", "auth_scheme")
	var base *url.URL
	if site := o.Address("site", nil, plain); site != "" {
		base, _ = url.Parse(site)
	}
	for _, a := range []struct {
		key, usual string
		to         *string
	}{
		{"authorize_url", "/oauth/authorize", &s.authorize},
		{"token_url", "/oauth/token", &s.token},
		{"user_info_url", "", &s.user},
	} {
		*a.to = o.Address(a.key, base, plain)
		switch {
		case *a.to != "" || args.Err() != nil:
		case a.usual == "":
			o.Missing(o.Name(a.key))
		case base == nil:
			o.Missing(o.Name("site") + " or " + o.Name(a.key))
		default:
			*a.to = base.Scheme + "://" + base.Host + a.usual
		}
	}
}

// readMethod reads how the secret is sent; unsaid it goes in the header, as
// every provider must take it (RFC 6749 2.3.1).
func (s *settings) readMethod(args *authcode.Settings, secret string) {
	s.method = authcode.SecretBasic
	usual := args.Table("client_options").Text("auth_scheme", "basic_auth")
	switch args.Text("client_auth_method", usual) {
	case "basic", "basic_auth", "client_secret_basic":
	case "query", "post", "body", "request_body", "client_secret_post":
		s.method = authcode.SecretPost
	case "none":
		s.method = authcode.NoSecret
	default:
		args.Wrong("client_auth_method", `"basic", "query" (the secret in the form) or "none"`)
	}
	if secret == "" && s.method != authcode.NoSecret {
		args.Missing("app_secret")
	}
}

// readStructure reads user_response_structure. A text is a name below
// root_path, a list is a path from the top.
func (s *settings) readStructure(args *authcode.Settings) {
	u := args.Table("user_response_structure")
	u.Known("root_path", "id_path", "attributes")
	root := path(u, "root_path", nil, nil)
	s.id = path(u, "id_path", root, below(root, "id"))
	s.fields = map[string][]string{}
	for _, name := range []string{"name", "email", "nickname", "username", "image", "phone"} {
		s.fields[name] = below(root, name)
	}
	attributes := u.Table("attributes")
	// What is said of the usual address says nothing of another one.
	if v := attributes.Value("email"); v == nil || v == "email" {
		s.fields["email_verified"] = below(root, "email_verified")
	}
	attributes.Known("name", "email", "nickname", "username", "image", "phone", "email_verified",
		"first_name", "last_name", "avatar", "web_url", "locale", "title", "groups", "description", "location", "urls",
		"organization", "bio", "pronouns", "website")
	attributes.Ignored("is not kept by Gatehouse", "urls")
	for _, name := range attributes.Keys() {
		s.fields[name] = path(attributes, name, root, s.fields[name])
	}
	if claim := args.Text("gitlab_username_claim", ""); claim != "" {
		s.fields["username"] = below(root, claim)
	}
}

func below(root []string, names ...string) []string { return slices.Concat(root, names) }

// path reads where something stands: a name below root, or a list from the top.
func path(s *authcode.Settings, key string, root, usual []string) []string {
	switch v := s.Value(key).(type) {
	case nil:
		return usual
	case string:
		if v == "" {
			return usual
		}
		return below(root, v)
	case []any:
		names := []string{}
		for _, x := range v {
			switch x := x.(type) {
			case string, int, int64, uint64: // a number is a position in a list
				names = append(names, fmt.Sprint(x))
			default:
				s.Wrong(key, "a name, or a list of names")
				return usual
			}
		}
		return names
	}
	s.Wrong(key, "a name, or a list of names")
	return usual
}
