package dingtalk

import "gatehouse/internal/integration"

// form is what an administrator enters for a DingTalk app to sign in with.
func form() integration.Form {
	return integration.Form{
		Summary: "Sign-in with DingTalk (钉钉), by default only for those whom your company employs.",
		Guide: []string{
			"In DingTalk's developer console, open the app of your company, or create an internal one.",
			"Under Security settings, enter the Redirect URI from below as a redirect address.",
			"Under Permissions, grant the app the personal information of contacts (Contact.User.Read) and the reading of members by unionId.",
			"Copy the Client ID (AppKey) and the Client Secret (AppSecret) from Credentials to here.",
		},
		ClientID: "AppKey", ClientSecret: "AppSecret",
		Scopes: "openid corpid",
		Fields: []integration.Field{
			{
				Arg: "membership", Label: "Who may sign in", Type: integration.ChoiceField,
				Choices: []integration.Choice{{Value: "internal", Label: "Only employees of the app's company"}, {Value: "any", Label: "Everybody with a DingTalk account"}},
				Help:    "DingTalk itself lets anybody sign in to an app. Gatehouse asks the company's directory whether it employs the person.",
			},
			{
				Arg: "corp_ids", Label: "Companies", Type: integration.WordsField, Placeholder: "ding0123456789abcdef",
				Help: "The corpIds of the companies that people may choose. Empty: any.",
			},
			{
				Arg: "email_source", Label: "E-mail address", Type: integration.ChoiceField,
				Choices: []integration.Choice{{Value: "org_email", Label: "The one that the company gave"}, {Value: "email", Label: "The one that the person entered"}, {Value: "none", Label: "None"}},
			},
			{
				Arg: "email_verified", Label: "Take the company's address as verified", Type: integration.FlagField, Usual: "false",
				Help: "Switch it on only if nobody but the company can set it, for then it may open accounts that have this address.",
			},
			{Arg: "client_options.login_url", Label: "Address of the sign-in page", Type: integration.URLField, Usual: loginHost, Advanced: true},
			{
				Arg: "client_options.api_url", Label: "Address of the API", Type: integration.URLField, Usual: apiHost, Advanced: true,
				Help: "The international DingTalk has api.dingtalk.io.",
			},
			{Arg: "client_options.oapi_url", Label: "Address of the older API", Type: integration.URLField, Usual: oapiHost, Advanced: true},
		},
	}
}
