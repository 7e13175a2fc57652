package wecom

import "gatehouse/internal/integration"

// form is what an administrator enters for a WeCom app.
func form() integration.Form {
	return integration.Form{
		Summary: "Sign-in with WeCom (企业微信), for those in your company to whom the app is visible.",
		Guide: []string{
			"In the WeCom admin console, under App management, create a self-built app, or open the one you have, and choose who may see it.",
			"Under Web authorization of the app, enter the host of the Redirect URI from below as the trusted domain, and under WeCom authorized login as the callback domain.",
			"Under Trusted company IP, enter the address that this server calls from.",
			"Copy the CorpID from My company, and the AgentId and the Secret of the app, to here.",
		},
		ClientID: "CorpID", ClientSecret: "Secret", NoScopes: true,
		Fields: []integration.Field{
			{Arg: "agent_id", Label: "AgentId", Placeholder: "1000002", Required: true},
			{
				Arg: "membership", Label: "Who may sign in", Type: integration.ChoiceField,
				Choices: []integration.Choice{{Value: "visible", Label: "Those to whom the app is visible"}, {Value: "company", Label: "Everybody in the company"}},
				Help:    "Of people to whom the app is not visible, WeCom tells no more than their userid.",
			},
			{
				Arg: "client_scope", Label: "Inside the WeCom client", Type: integration.ChoiceField,
				Choices: []integration.Choice{{Value: "snsapi_base", Label: "Ask nothing"}, {Value: "snsapi_privateinfo", Label: "Ask for the e-mail address, phone number and picture"}},
				Help:    "Apps made after June 2022 get these only when the person agrees, inside the client.",
			},
			{
				Arg: "groups", Label: "Departments as groups", Type: integration.ChoiceField,
				Choices: []integration.Choice{{Value: "path", Label: "By their names, from the top down"}, {Value: "id", Label: "By their ids"}, {Value: "none", Label: "None"}},
			},
			{
				Arg: "email_source", Label: "E-mail address", Type: integration.ChoiceField,
				Choices: []integration.Choice{{Value: "biz_mail", Label: "The company mailbox"}, {Value: "email", Label: "The one in the contact details"}, {Value: "none", Label: "None"}},
			},
			{
				Arg: "email_verified", Label: "Take the company mailbox as verified", Type: integration.FlagField, Usual: "false",
				Help: "Switch it on only if nobody but the company can set it, for then it may open accounts that have this address.",
			},
			{Arg: "client_options.login_url", Label: "Address of the sign-in page", Type: integration.URLField, Usual: loginHost, Advanced: true},
			{Arg: "client_options.oauth_url", Label: "Address of the page inside the client", Type: integration.URLField, Usual: oauthHost, Advanced: true},
			{Arg: "client_options.api_url", Label: "Address of the API", Type: integration.URLField, Usual: apiHost, Advanced: true},
		},
	}
}
