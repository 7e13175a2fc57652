package openid

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/authcode"
)

const googleIssuer = "https://accounts.google.com"

// Google are the names of the kind of connections to Google and Google Workspace,
// in the settings of GitLab's google_oauth2 provider. It is OpenID Connect with
// Google's issuer; hd limits it to Workspace domains.
func Google() []integration.Kind {
	kind := integration.Kind{
		Name: "google_oauth2", Title: "Google",
		OpenConnection: func(c gatehouse.Connection, env integration.Env) (integration.Door, error) {
			return open(asGoogle(c), env)
		},
		ConnectionHosts: func(c gatehouse.Connection) []string { return hosts(asGoogle(c)) },
		Form:            googleForm(),
	}
	short := kind
	short.Name, short.Form.AliasOf = "google", kind.Name
	return []integration.Kind{kind, short}
}

// asGoogle puts into a connection's args what Google has for everybody.
func asGoogle(c gatehouse.Connection) gatehouse.Connection {
	args := map[string]any{"scope": "openid email profile", "prompt": "select_account"}
	maps.Copy(args, c.Args)
	args["issuer"], args["discovery"] = googleIssuer, true
	delete(args, "client_options")  // GitLab has nothing there that Google needs
	delete(args, "approval_prompt") // the former name of prompt=consent, empty in GitLab's documentation
	args["scope"] = googleScopes(authcode.Read(gatehouse.Connection{Args: args}, nil).Words("scope", true))
	c.Args = args
	return c
}

// googleScopes writes scopes out, as GitLab takes them short: userinfo.email.
func googleScopes(short []string) []any {
	var long []any
	for _, scope := range short {
		if !slices.Contains([]string{"openid", "email", "profile"}, scope) && !strings.Contains(scope, "://") {
			scope = "https://www.googleapis.com/auth/" + scope
		}
		long = append(long, scope)
	}
	return long
}

// readGoogle reads what only Google has. hd in the request only chooses what its
// page shows, so the claim is checked (developers.google.com/identity/openid-connect).
func (s *settings) readGoogle(args *authcode.Settings) {
	if s.issuer != googleIssuer {
		return
	}
	if s.hosted = args.Words("hd", true); len(s.hosted) > 1 {
		s.params.Set("hd", "*")
	}
	if access := args.Text("access_type", ""); access != "" {
		s.params.Set("access_type", access) // "offline": with a refresh token
	}
	if args.Yes("include_granted_scopes", false) {
		s.params.Set("include_granted_scopes", "true")
	}
	// Google knows neither prompt=login nor max_age, and tells no auth_time.
	s.fresh, s.freshIsChecked = url.Values{"prompt": {"select_account"}}, false
}

// checkHosted asks that the person is of one of the Workspace domains. claims are
// those of the ID token.
func (d *door) checkHosted(claims map[string]any) error {
	if len(d.hosted) == 0 {
		return nil
	}
	domain, _ := claims["hd"].(string)
	if domain != "" && slices.ContainsFunc(d.hosted, func(h string) bool { return h == "*" || strings.EqualFold(h, domain) }) {
		return nil
	}
	cause := errors.New("hd: the ID token has none")
	if domain != "" {
		cause = fmt.Errorf("hd: the ID token has %q", clip(domain))
	}
	return gatehouse.Errorf(gatehouse.Forbidden, "Only people of certain Google Workspace domains may sign in here, and the account that you chose is of none of them. Sign in again with your work account, or ask an administrator.").Because(cause)
}

func googleForm() integration.Form {
	return integration.Form{
		Summary: "Sign-in with Google or with the Google Workspace of a company.",
		Icon:    "google",
		Guide: []string{
			"In the Google Cloud console, open APIs and services, Credentials, and create an OAuth client ID of the type Web application.",
			"Enter the Redirect URI from below there as an authorized redirect URI.",
			"Copy the client ID and the client secret to here.",
		},
		Scopes: "openid email profile",
		Fields: []integration.Field{
			{
				Arg: "hd", Label: "Only these Workspace domains", Type: integration.WordsField, Placeholder: "company.example",
				Help: "* is any domain of a Workspace. Empty: everybody with a Google account.",
			},
			{
				Arg: "access_type", Label: "Keep access for apps", Type: integration.ChoiceField, Advanced: true,
				Choices: []integration.Choice{{Value: "", Label: "While the person is here"}, {Value: "offline", Label: "Also later (offline)"}},
			},
		},
	}
}
