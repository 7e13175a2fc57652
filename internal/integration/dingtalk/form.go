package dingtalk

import "gatehouse/internal/integration"

// form is what an administrator enters for a DingTalk app to sign in with.
func form() integration.Form {
	return integration.Form{
		Summary: "Sign-in with DingTalk (钉钉), by default only for those whom your company employs.",
		Guide: []string{
			"In DingTalk's developer console, open the app of your company, or create an internal one.",
			"Under Security settings, enter the Redirect URI from below as a redirect address.",
			"Under Permissions, grant the app the personal information of contacts (Contact.User.Read) and the reading of members (qyapi_get_member); for departments as groups, the list of departments (qyapi_get_department_list); for the company's e-mail address, e-mail and other personal information (fieldEmail).",
			"Publish the app, and make it visible to those who are to sign in.",
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
				Help: "The corpIds of the companies that people may choose. Each one's own directory is asked, so the app has to be installed there. Empty: the app's own company.",
			},
			{
				Arg: "groups", Label: "Departments as groups", Type: integration.ChoiceField,
				Choices: []integration.Choice{{Value: "path", Label: "By their names, from the top down"}, {Value: "id", Label: "By their ids"}, {Value: "none", Label: "None"}},
				Help:    "Needs the permission qyapi_get_department_list. Without it people sign in all the same, and the sign-in's decision names it.",
			},
			{
				Arg: "email_source", Label: "E-mail address", Type: integration.ChoiceField,
				Choices: []integration.Choice{{Value: "org_email", Label: "The one that the company gave"}, {Value: "email", Label: "The one that the person entered"}, {Value: "none", Label: "None"}},
			},
			{
				Arg: "email_verified", Label: "Take the company's address as verified", Type: integration.FlagField, Usual: "false",
				Help: "Switch it on only if nobody but the company can set it, for then it may open accounts that have this address.",
			},
			{
				Arg: "silent", Label: "Inside the DingTalk client, sign in without a question", Type: integration.FlagField, Usual: "true",
				Help: "The app's home address is then /sign-in/NAME/embedded?corpid=$CORPID$ at this server, where NAME is that of the connection; DingTalk puts the company in.",
			},
			{
				Arg: "flow", Label: "Flow", Type: integration.ChoiceField, Advanced: true,
				Choices: []integration.Choice{{Value: "current", Label: "The current one"}, {Value: "legacy", Label: "The older one (qrconnect), for apps that have no other"}},
			},
			{Arg: "client_options.login_url", Label: "Address of the sign-in page", Type: integration.URLField, Usual: loginHost, Advanced: true},
			{
				Arg: "client_options.api_url", Label: "Address of the API", Type: integration.URLField, Usual: apiHost, Advanced: true,
				Help: "The international DingTalk has api.dingtalk.io.",
			},
			{Arg: "client_options.oapi_url", Label: "Address of the older API", Type: integration.URLField, Usual: oapiHost, Advanced: true},
			{
				Arg: "client_options.jsapi_url", Label: "Address of DingTalk's script", Type: integration.URLField, Usual: jsapi, Advanced: true,
				Help: "The page inside the DingTalk client loads it; no other page does.",
			},
		},
	}
}

// connectorForm is what an administrator enters for a DingTalk app that reads the
// company's directory.
func connectorForm() integration.ConnectorForm {
	return integration.ConnectorForm{
		Summary: "Departments, people and their managers of a company's DingTalk (钉钉) directory.",
		Guide: []string{
			"In DingTalk's developer console, open the app of your company, or create an internal one. The one that people sign in with will do.",
			"Under Permissions, grant it the list of departments (qyapi_get_department_list), the members of departments (qyapi_get_department_member) and the reading of members (qyapi_get_member). Phone numbers (fieldMobile), e-mail addresses (fieldEmail) and the records of leavers (Contact.Common.Read) are up to you.",
			"Set the app's contact scope to all employees: whoever is outside of it is not seen.",
			"For news as they happen, choose Stream under Event subscription and the events of users and departments. Without it, news come with the next sync.",
			"Copy the Client ID (AppKey) and the Client Secret (AppSecret) from Credentials to here.",
		},
		Token: integration.Field{Label: "AppSecret", Required: true, Help: "The Client Secret of the app."},
		Fields: []integration.Field{
			{Arg: settingApp, Label: "AppKey", Required: true, Placeholder: "ding0123456789abcdef", Help: "The Client ID of the app."},
			{
				Arg: settingMode, Label: "News from DingTalk", Type: integration.ChoiceField,
				Choices: []integration.Choice{
					{Value: "", Label: "None: what changed is found by the next sync"},
					{Value: modeStream, Label: "Stream: Gatehouse connects to DingTalk"},
					{Value: modeCallback, Label: "Callback: DingTalk calls Gatehouse"},
				},
				Help: "Stream needs no address that DingTalk can reach.",
			},
			{Arg: secretToken, Label: "Token of the callback", Type: integration.SecretField, Help: "For callbacks alone: the token that the developer console shows under Event subscription."},
			{Arg: secretKey, Label: "Encryption key of the callback (aes_key)", Type: integration.SecretField, Help: "For callbacks alone: 43 letters and digits, from the same place."},
			{Arg: settingManagers, Label: "Read who people's managers are", Type: integration.FlagField, Usual: "true", Help: "It takes one call for each person: about an hour for 50,000 people at the usual rate."},
			{
				Arg: settingVerified, Label: "Take the company's address as verified", Type: integration.FlagField, Usual: "false",
				Help: "Switch it on only if nobody but the company can set it, for accounts are then matched to users by it.",
			},
			{Arg: settingCompany, Label: "Company (corpId)", Placeholder: "ding0123456789abcdef", Advanced: true, Help: "Empty: the company that the app belongs to."},
			{Arg: settingRate, Label: "Calls in a second", Usual: "15", Advanced: true, Help: "Of each interface. DingTalk's standard edition allows 20 for each app, and people who sign in need some of them."},
			{
				Arg: settingAPI, Label: "Address of the API", Type: integration.URLField, Usual: apiHost, Advanced: true,
				Help: "The international DingTalk has api.dingtalk.io.",
			},
			{Arg: settingOldAPI, Label: "Address of the older API", Type: integration.URLField, Usual: oapiHost, Advanced: true},
		},
	}
}
