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
				Arg: "client_options.site", Label: "URL", Type: integration.URLField, Usual: DefaultSite, Placeholder: "https://gitlab.example.com",
				Help: "The address of your GitLab, as people have it in the browser. Empty: GitLab.com.",
			},
			{
				Arg: "pkce", Label: "Use PKCE", Type: integration.FlagField, Usual: "true", Advanced: true,
				Help: "Protects the way back from GitLab. Switch it off only for a GitLab that is too old for it.",
			},
		},
	}
}
