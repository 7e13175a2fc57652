package ways

import (
	"context"
	"net/http"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/web/admin/desk"
)

// portalEntry is a page of the Account Portal.
type portalEntry struct{ Title, What, Icon, Path string }

func portalPages(ctx context.Context) []portalEntry {
	t := func(english string) string { return i18n.Text(ctx, english) }
	return []portalEntry{
		{t("Sign in"), t("Where people sign in, with a button for each connection that is open for it."), "door", "/sign-in"},
		{t("Sign up"), t("The connections by which new people may come."), "users", "/sign-up"},
		{t("Account"), t("A person's own profile, e-mail addresses and connected accounts."), "user", "/user"},
		{t("Security"), t("Passkeys, password, authenticator app, and the browsers that are signed in."), "key", "/user/security"},
		{t("Applications"), t("The apps that may act for a person, and personal access tokens."), "list", "/user/applications"},
		{t("Sign out"), t("Ends the session of this browser."), "arrow", "/sign-out"},
	}
}

func (a *Ways) portal(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := desk.Page("portal", i18n.Text(r.Context(), "Account Portal"), by)
	p.Scripts = []string{"copy"}
	return a.Render(w, r, p, portalBody(a.URL, portalPages(r.Context())))
}
