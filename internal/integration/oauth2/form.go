package oauth2

import (
	"slices"

	"gatehouse/internal/integration"
)

// form is what an administrator enters for an OAuth 2.0 provider without ID tokens.
func form() integration.Form {
	return integration.Form{
		Summary: "Sign-in with a provider that speaks OAuth 2.0 and has no ID token.",
		Icon:    "oauth2",
		Guide: []string{
			"At the provider, create a confidential web application (client) that uses the authorization code flow.",
			"Enter the Redirect URI from below there.",
			"Copy the addresses, the client ID and the client secret to here.",
		},
		Fields: slices.Concat([]integration.Field{
			{
				Arg: "client_options.site", Label: "URL", Type: integration.URLField, Placeholder: "https://accounts.example.com",
				Help: "The address of the provider. The addresses below may be paths on it, such as /oauth/token.",
			},
			{Arg: "client_options.authorize_url", Label: "Authorization endpoint", Usual: "/oauth/authorize"},
			{Arg: "client_options.token_url", Label: "Token endpoint", Usual: "/oauth/token"},
			{
				Arg: "client_options.user_info_url", Label: "User-info endpoint", Placeholder: "/api/me", Required: true,
				Help: "It answers with JSON that says who the person is.",
			},
			{
				Arg: "user_response_structure.root_path", Label: "Where the person stands in the answer", Placeholder: "data",
				Help: "A name in the JSON. Empty: at the top.",
			},
			{Arg: "user_response_structure.id_path", Label: "Where the id stands", Usual: "id"},
			{Arg: "user_response_structure.attributes.name", Label: "Where the name stands", Usual: "name", Advanced: true},
			{Arg: "user_response_structure.attributes.nickname", Label: "Where the nickname stands", Usual: "nickname", Advanced: true},
			{Arg: "user_response_structure.attributes.email", Label: "Where the e-mail address stands", Usual: "email", Advanced: true},
			{
				Arg: "client_auth_method", Label: "How the client proves itself", Type: integration.ChoiceField, Advanced: true,
				Choices: []integration.Choice{
					{Value: "basic", Label: "Secret in the header (client_secret_basic)"},
					{Value: "query", Label: "Secret in the form (client_secret_post)"},
					{Value: "none", Label: "Not at all (public client)"},
				},
			},
		}, integration.Mapping(), []integration.Field{integration.Authority(), integration.PKCE()}),
	}
}
