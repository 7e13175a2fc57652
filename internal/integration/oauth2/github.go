package oauth2

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/authcode"
)

// GitHub is the kind of connections to GitHub.com and GitHub Enterprise Server,
// in the settings of GitLab's github provider. The person is their number there,
// never their login, which can pass to somebody else. The address is the primary
// one of /user/emails, which says whether it is verified; the one in /user is only
// what the person shows in public.
func GitHub() integration.Kind {
	return integration.Kind{
		Name: "github", Title: "GitHub",
		OpenConnection: func(c gatehouse.Connection, env integration.Env) (integration.Door, error) {
			s, err := readGitHub(c, env.Log, env.Development)
			if err != nil {
				return integration.Door{}, err
			}
			return opened(s, c, env), nil
		},
		ConnectionHosts: func(c gatehouse.Connection) []string {
			s, err := readGitHub(c, nil, true)
			if err != nil {
				return nil
			}
			return []string{s.authorize, s.token, s.user}
		},
		ConnectionAuthority: authcode.Authority,
		Form:                gitHubForm(),
	}
}

// maxOrganizations bounds the organizations that one connection may require: each
// may cost a request.
const maxOrganizations = 20

func readGitHub(c gatehouse.Connection, log *slog.Logger, plain bool) (settings, error) {
	args := authcode.Read(c, log)
	args.Known("name", "strategy_class", "url", "client_options", "scope", "authorize_params", "authorize_options", "pkce",
		"required_organizations", "gitlab_username_claim", "mapping", "ca", "ca_file")
	args.Ignored("is not used by Gatehouse", "authorize_options")
	if c.AppID == "" {
		args.Missing("app_id")
	}
	if c.AppSecret == "" {
		args.Missing("app_secret")
	}
	s := settings{method: authcode.SecretPost, id: []string{"id"}, fields: gitHubFields(args.Text("gitlab_username_claim", "login"))}
	api := s.readGitHubAddresses(args, plain)
	s.params = args.Parameters("authorize_params")
	s.fresh = url.Values{"prompt": {"select_account"}}
	s.pkce = args.Yes("pkce", true)
	s.mapping = args.Mapping("mapping")
	organizations := args.Words("required_organizations", true)
	if args.Has("required_organizations") && len(organizations) == 0 || len(organizations) > maxOrganizations {
		args.Wrong("required_organizations", "the names of 1 to "+strconv.Itoa(maxOrganizations)+" organizations whose members may sign in; take it out if everybody may")
	}
	s.scopes = gitHubScopes(args.Words("scope", true), len(organizations) > 0)
	s.more = gitHub{api, organizations}.ask
	return s, args.Err()
}

// gitHubFields say where in /user the fields of a profile stand
// (docs.github.com/en/rest/users/users#get-the-authenticated-user). Its email is
// not among them.
func gitHubFields(username string) map[string][]string {
	fields := map[string][]string{}
	for field, name := range map[string]string{
		"username": username, "nickname": "login", "name": "name", "avatar": "avatar_url", "web_url": "html_url",
		"organization": "company", "location": "location", "bio": "bio", "website": "blog",
	} {
		fields[field] = []string{name}
	}
	return fields
}

// readGitHubAddresses reads url, which is GitLab's setting, or the addresses of
// client_options. It gives the address of the API.
func (s *settings) readGitHubAddresses(args *authcode.Settings, plain bool) string {
	web, api := "https://github.com", "https://api.github.com"
	if site := strings.TrimRight(args.Address("url", nil, plain), "/"); site != "" && site != web {
		web, api = site, site+"/api/v3"
	}
	o := args.Table("client_options")
	o.Known("site", "authorize_url", "token_url")
	if site := strings.TrimRight(o.Address("site", nil, plain), "/"); site != "" {
		api = site
	}
	s.authorize, s.token, s.user = web+"/login/oauth/authorize", web+"/login/oauth/access_token", api+"/user"
	for key, to := range map[string]*string{"authorize_url": &s.authorize, "token_url": &s.token} {
		if address := o.Address(key, nil, plain); address != "" {
			*to = address
		}
	}
	return api
}

// gitHubScopes adds the scopes that cannot be done without.
func gitHubScopes(asked []string, organizations bool) []string {
	if !slices.Contains(asked, "user") && !slices.Contains(asked, "user:email") {
		asked = append(asked, "user:email")
	}
	if organizations && !slices.ContainsFunc(asked, func(s string) bool { return s == "read:org" || s == "write:org" || s == "admin:org" }) {
		asked = append(asked, "read:org")
	}
	return asked
}

// gitHub is what is asked of the API beside the profile.
type gitHub struct {
	api           string
	organizations []string // of which a person needs one; nil: none
}

func (g gitHub) ask(ctx context.Context, c *authcode.Client, access string, v *gatehouse.Vouched) error {
	if err := g.address(ctx, c, access, v); err != nil || len(g.organizations) == 0 {
		return err
	}
	var found []string
	for _, name := range g.organizations {
		state, err := g.membership(ctx, c, access, name)
		if err != nil {
			return err
		}
		if state == "active" {
			v.Profile.Groups = []string{name}
			return nil
		}
		found = append(found, name+": "+state)
	}
	return gatehouse.Errorf(gatehouse.Forbidden, "Only members of certain organizations at %s may sign in here, and you are in none of them. Ask an administrator if that is wrong.", c.Label).
		Because(fmt.Errorf("required_organizations: %s", strings.Join(found, ", ")))
}

// address takes the primary address out of /user/emails
// (docs.github.com/en/rest/users/emails), verified or not.
func (g gitHub) address(ctx context.Context, c *authcode.Client, access string, v *gatehouse.Vouched) error {
	status, body, err := c.Ask(ctx, g.api+"/user/emails?per_page=100", access)
	if err != nil {
		return err
	}
	var all []struct {
		Email    string `json:"email"`
		Primary  bool   `json:"primary"`
		Verified bool   `json:"verified"`
	}
	switch cause := fmt.Errorf("/user/emails answered %d", status); {
	case status == http.StatusForbidden || status == http.StatusNotFound:
		return gatehouse.Errorf(gatehouse.Upstream, "%s did not tell your e-mail addresses, because its application lacks the scope user:email (of a GitHub App: the permission Email addresses). Ask an administrator to add it.", c.Label).Because(cause)
	case status != http.StatusOK || json.Unmarshal(body, &all) != nil:
		return c.Garbled(cause)
	}
	for _, e := range all {
		if e.Primary {
			v.Profile.Email, v.Profile.Verified = e.Email, authcode.Verification(e.Verified)
		}
	}
	return nil
}

// membership is what /user/memberships/orgs/{org} says
// (docs.github.com/en/rest/orgs/members): active, pending, or none.
func (g gitHub) membership(ctx context.Context, c *authcode.Client, access, name string) (string, error) {
	status, body, err := c.Ask(ctx, g.api+"/user/memberships/orgs/"+url.PathEscape(name), access)
	if err != nil {
		return "", err
	}
	var told struct {
		State        string `json:"state"`
		Organization struct {
			Login string `json:"login"`
		} `json:"organization"`
	}
	switch {
	case status == http.StatusNotFound:
		return "no member", nil
	case status == http.StatusForbidden:
		return "not told (403: the organization does not admit the application, or too many requests)", nil
	case status != http.StatusOK || json.Unmarshal(body, &told) != nil || !strings.EqualFold(told.Organization.Login, name):
		return "", c.Garbled(fmt.Errorf("/user/memberships/orgs answered %d", status))
	}
	return told.State, nil
}

func gitHubForm() integration.Form {
	return integration.Form{
		Summary: "Sign-in with GitHub.com or GitHub Enterprise Server.",
		Guide: []string{
			"In GitHub, open Settings, Developer settings, OAuth Apps of your organization, and create an OAuth App.",
			"Enter the Redirect URI from below there as the authorization callback URL.",
			"Generate a client secret, and copy it and the client ID to here.",
		},
		Scopes: "user:email",
		Fields: []integration.Field{
			{
				Arg: "url", Label: "URL", Type: integration.URLField, Usual: "https://github.com", Placeholder: "https://github.example.com",
				Help: "The address of your GitHub Enterprise Server. Empty: GitHub.com.",
			},
			{
				Arg: "required_organizations", Label: "Only members of these organizations", Type: integration.WordsField,
				Help: "A person needs one of them. The scope read:org is then asked for too. Empty: everybody.",
			},
			integration.Authority(),
		},
	}
}
