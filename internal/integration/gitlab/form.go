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
