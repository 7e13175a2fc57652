package openid

import (
	"slices"

	"gatehouse/internal/integration"
)

// form is what an administrator enters for an OpenID Connect provider.
func form() integration.Form {
	return integration.Form{
		Summary: "Sign-in with any provider that speaks OpenID Connect: Keycloak, Authentik, Entra ID, Okta and others.",
		Icon:    "openid",
		Guide: []string{
			"At the provider, create a confidential web application (client) that uses the authorization code flow.",
			"Enter the Redirect URI from below there.",
			"Copy the issuer address, the client ID and the client secret to here.",
		},
		Scopes: defaultScopes,
		Fields: slices.Concat([]integration.Field{
			{
				Arg: "issuer", Label: "URL", Type: integration.URLField, Placeholder: "https://id.example.com", Required: true,
				Help: "The issuer, letter by letter as the provider writes it. All other addresses are found from there.",
			},
			{
				Arg: "required_groups", Label: "Only members of these groups", Type: integration.LinesField,
				Help: "One on each line. A person needs one of them. Empty: everybody.",
			},
			{Arg: "groups_attribute", Label: "Claim with the groups", Usual: "groups", Advanced: true},
			{
				Arg: "uid_field", Label: "Claim that identifies a person", Usual: "sub", Advanced: true,
				Help: "Only sub never passes from one person to another. Change it only for people who were known by another claim before.",
			},
			{Arg: "gitlab_username_claim", Label: "Claim with the username", Usual: "preferred_username", Advanced: true},
			{
				Arg: "client_auth_method", Label: "How the client proves itself", Type: integration.ChoiceField, Advanced: true,
				Choices: []integration.Choice{
					{Value: "", Label: "As the provider announces"},
					{Value: "basic", Label: "Secret in the header (client_secret_basic)"},
					{Value: "query", Label: "Secret in the form (client_secret_post)"},
					{Value: "private_key_jwt", Label: "Signed with a private key (private_key_jwt)"},
					{Value: "none", Label: "Not at all (public client)"},
				},
				Help: "For private_key_jwt, the private key is entered as the Client Secret.",
			},
			{
				Arg: "discovery", Label: "Find the addresses by discovery", Type: integration.FlagField, Usual: "true", Advanced: true,
				Help: "Off: the four addresses below are used.",
			},
			{Arg: "client_options.authorization_endpoint", Label: "Authorization endpoint", Type: integration.URLField, Advanced: true},
			{Arg: "client_options.token_endpoint", Label: "Token endpoint", Type: integration.URLField, Advanced: true},
			{Arg: "client_options.userinfo_endpoint", Label: "User-info endpoint", Type: integration.URLField, Advanced: true},
			{Arg: "client_options.jwks_uri", Label: "Address of the keys (JWKS)", Type: integration.URLField, Advanced: true},
			{
				Arg: "logout", Label: "Sign out there too", Type: integration.FlagField, Usual: "false", Advanced: true,
				Help: "Who signs out here is signed out at the provider as well. Register this installation's address with the path /sign-out/done there as a post-logout redirect URI.",
			},
		}, integration.Mapping(), []integration.Field{integration.Authority(), integration.PKCE()}),
	}
}
