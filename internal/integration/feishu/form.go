package feishu

import "gatehouse/internal/integration"

// form is what an administrator enters for a Feishu or Lark app.
func (e edition) form() integration.Form {
	f := integration.Form{
		Icon: "feishu",
		Guide: []string{
			"In the developer console, create a custom app of your company, or open the one you have.",
			"Under Security settings, enter the Redirect URI from below as a redirect URL.",
			"Under Permissions, grant the app the employment information of users (contact:user.employee:readonly) for the company's e-mail address.",
			"Copy the App ID and the App Secret from Credentials to here, publish a version of the app, and make it available to those who are to sign in.",
		},
		Summary:  "Sign-in with Feishu (飞书), for those to whom your company made the app available.",
		ClientID: "App ID", ClientSecret: "App Secret",
		Fields: []integration.Field{
			{
				Arg: "tenant_keys", Label: "Companies", Type: integration.WordsField, Placeholder: "736588c92lxf175d",
				Help: "The tenant_keys of the companies whose people may sign in. Empty: everybody who may use the app, which for a custom app is your company.",
			},
			{
				Arg: "email_source", Label: "E-mail address", Type: integration.ChoiceField,
				Choices: []integration.Choice{{Value: "enterprise_email", Label: "The company mailbox"}, {Value: "email", Label: "The one in the contact details"}, {Value: "none", Label: "None"}},
			},
			{
				Arg: "email_verified", Label: "Take the company mailbox as verified", Type: integration.FlagField, Usual: "false",
				Help: "Switch it on only if nobody but the company can set it, for then it may open accounts that have this address.",
			},
			{Arg: "client_options.accounts_url", Label: "Address of the sign-in page", Type: integration.URLField, Usual: e.accounts, Advanced: true},
			{Arg: "client_options.api_url", Label: "Address of the API", Type: integration.URLField, Usual: e.api, Advanced: true},
		},
	}
	if e.name == "lark" {
		f.Summary = "Sign-in with Lark, for those to whom your company made the app available."
	}
	return f
}
