package gitlab

import "gatehouse/internal/integration"

// form is what an administrator enters for a GitLab to sign in with.
func form() integration.Form {
	return integration.Form{
		Summary: "Sign-in with GitLab.com or with a GitLab of your own.",
		Guide: []string{
			"In GitLab, open Applications in your own settings, in those of a group, or in the Admin area, and add an application.",
			"Enter the Redirect URI from below there, leave it confidential, and choose the scope read_user.",
			"Copy the Application ID and the Secret that GitLab then shows to here.",
		},
		ClientID: "Application ID", ClientSecret: "Secret",
		Scopes: "read_user",
		Fields: []integration.Field{
			{
				Arg: "client_options.site", Label: "URL", Type: integration.URLField, Placeholder: "https://gitlab.example.com",
				Help: "The address of your GitLab, as people have it in the browser. Empty: GitLab.com.",
			},
			{
				Arg: "required_groups", Label: "Only members of these groups", Type: integration.LinesField, Placeholder: "company/engineering",
				Help: "Full paths, one on each line. A person must be a member of one of them, or of a group above it. The application in GitLab then needs the scope openid as well, or read_api with a role below. Empty: everybody.",
			},
			{
				Arg: "min_access_level", Label: "With at least this role there", Type: integration.ChoiceField,
				Choices: []integration.Choice{
					{Value: "", Label: "Any role"},
					{Value: "guest", Label: "Guest"},
					{Value: "planner", Label: "Planner"},
					{Value: "reporter", Label: "Reporter"},
					{Value: "developer", Label: "Developer"},
					{Value: "maintainer", Label: "Maintainer"},
					{Value: "owner", Label: "Owner"},
				},
			},
			{
				Arg: "ca", Label: "Certificate of your own authority", Type: integration.LinesField, Advanced: true,
				Help: "In PEM, when the certificate of your GitLab is not from a public authority.",
			},
			{
				Arg: "pkce", Label: "Use PKCE", Type: integration.FlagField, Usual: "true", Advanced: true,
				Help: "Protects the way back from GitLab. Switch it off only for a GitLab that is too old for it.",
			},
		},
	}
}

// groupSetting is the full path of the group that new accounts become members of.
const groupSetting = "group"

// connectorForm is what an administrator enters for a GitLab that is kept in order.
func connectorForm() integration.ConnectorForm {
	return integration.ConnectorForm{
		Summary: "Accounts, groups, projects and memberships of GitLab.com or of a GitLab of your own.",
		Guide: []string{
			"In GitLab, sign in with the account that Gatehouse shall act as. An administrator's sees everything; an auditor's too, and changes nothing.",
			"Open Access tokens in its settings and add a personal access token with the scope api. For reading alone, read_api is enough.",
			"Where Admin Mode is switched on in GitLab, choose the scope admin_mode as well.",
			"Copy the token that GitLab then shows, this once, to here.",
		},
		URL: integration.Field{
			Label: "URL", Placeholder: "https://gitlab.example.com", Required: true,
			Help: "The address of your GitLab, as people have it in the browser.",
		},
		Token: integration.Field{
			Label: "Personal access token", Placeholder: "glpat-…", Required: true,
			Help: "With the scope api (or read_api for reading alone), and admin_mode where GitLab's Admin Mode is on.",
		},
		Fields: []integration.Field{{
			Arg: groupSetting, Label: "Group for new accounts", Type: integration.PickField, Placeholder: "company/everyone",
			Help: "Full path of the group that accounts made by Gatehouse become members of. Empty: none.",
		}},
	}
}
