package openid

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/integration/authcode"
)

func (s *settings) readAlgorithms(args *authcode.Settings) {
	s.algorithms = algorithms()
	if one := args.Text("client_signing_alg", ""); one != "" {
		if !slices.Contains(s.algorithms, one) {
			args.Wrong("client_signing_alg", "an algorithm with a public key, such as RS256; ID tokens signed with a shared secret (HS256) are never accepted")
		}
		s.algorithms = []string{one}
	}
}

// readRequest reads what goes into the authorization request.
func (s *settings) readRequest(args *authcode.Settings) {
	s.scopes = args.Words("scope", true)
	if len(s.scopes) == 0 {
		s.scopes = strings.Fields(defaultScopes)
	}
	if !slices.Contains(s.scopes, "openid") {
		s.scopes = append([]string{"openid"}, s.scopes...)
	}
	if args.Text("response_type", "code") != "code" {
		args.Wrong("response_type", `"code", the only one that keeps tokens out of the browser`)
	}
	s.params = url.Values{}
	for _, table := range []string{"extra_authorize_params", "authorize_params"} {
		for key, v := range args.Parameters(table) {
			s.params[key] = v
		}
	}
	for _, key := range []string{"prompt", "display", "ui_locales", "acr_values", "hd", "login_hint"} {
		if words := args.Words(key, true); len(words) > 0 {
			s.params.Set(key, strings.Join(words, " "))
		}
	}
	switch mode := args.Text("response_mode", ""); mode {
	case "":
	case "query", "form_post":
		s.params.Set("response_mode", mode)
	default:
		args.Wrong("response_mode", `"query" or "form_post"`)
	}
	s.readMaxAge(args)
	s.two = args.Words("two_factor_values", true)
	s.fresh, s.freshIsChecked = url.Values{"prompt": {"login"}, "max_age": {"0"}}, true
	s.endsThere = args.Yes("logout", false)
	s.pkce = args.Yes("pkce", true)
	s.sendScope = args.Yes("send_scope_to_token_endpoint", true)
	s.afterwards = args.Address("post_logout_redirect_uri", nil, true)
}

// readMaxAge reads max_age, which we then also check (OpenID Connect Core
// 3.1.2.1), wherever it was written.
func (s *settings) readMaxAge(args *authcode.Settings) {
	s.maxAge = -1
	raw := args.Text("max_age", s.params.Get("max_age"))
	if raw == "" {
		return
	}
	n, err := strconv.ParseInt(raw, 10, 64)
	if err != nil || n < 0 || n > 10*365*24*60*60 {
		args.Wrong("max_age", "a number of seconds")
		return
	}
	s.maxAge = n
	s.params.Set("max_age", raw)
}

// claimNames say from which claim a field of the profile comes.
type claimNames map[string]string

// readClaims reads uid_field, attribute_map and GitLab's own settings about
// groups.
func (s *settings) readClaims(args *authcode.Settings) {
	s.uidField = args.Text("uid_field", "sub")
	if s.uidField == "email" || s.uidField == "preferred_username" {
		args.Note("uid_field", "names something that can pass from one person to another; sub never does")
	}
	s.claims = claimNames{
		"username": "preferred_username", "nickname": "nickname", "name": "name", "email": "email", "email_verified": "email_verified",
		"avatar": "picture", "web_url": "profile", "locale": "locale", "phone": "phone_number", "title": "title", "groups": "groups",
		"organization": "organization", "location": "location", "bio": "bio", "pronouns": "pronouns", "website": "website",
	}
	if claim := args.Text("gitlab_username_claim", ""); claim != "" {
		s.claims["username"] = claim
	}
	gitlab := args.Table("client_options").Table("gitlab")
	gitlab.Known("groups_attribute", "required_groups", "external_groups", "admin_groups", "auditor_groups")
	gitlab.Ignored("is GitLab's own and has no effect here", "external_groups", "admin_groups", "auditor_groups")
	for _, table := range []*authcode.Settings{args, gitlab} {
		if claim := table.Text("groups_attribute", ""); claim != "" {
			s.claims["groups"] = claim
		}
		s.required = append(s.required, table.Words("required_groups", false)...)
		if table.Has("required_groups") && len(s.required) == 0 {
			table.Wrong("required_groups", "the names of the groups whose people may sign in; take it out if everybody may")
		}
	}
	s.readMap(args.Table("attribute_map"))
	s.mapping = args.Mapping("mapping")
}

func (s *settings) readMap(table *authcode.Settings) {
	for _, field := range table.Keys() {
		if s.claims[field] == "" {
			table.Wrong(field, "a field of the profile: "+strings.Join(authcode.FieldNames(), ", "))
			return
		}
		s.claims[field] = table.Text(field, s.claims[field])
	}
	// What the provider says of its claim email says nothing of another claim.
	if s.claims["email"] != "email" && !table.Has("email_verified") {
		s.claims["email_verified"] = ""
	}
}
