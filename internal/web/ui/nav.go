package ui

import "context"

// section is an entry of the dashboard's navigation.
type section struct{ Name, Icon, Label, Href string }

// sectionGroup is a titled part of it.
type sectionGroup struct {
	Title    string
	Sections []section
}

// adminSections are the dashboard's pages in the order of the navigation.
func adminSections(ctx context.Context) []sectionGroup {
	return []sectionGroup{
		{Sections: []section{
			{"overview", "home", t(ctx, "Overview"), "/admin"},
			{"users", "users", t(ctx, "Users"), "/admin/users"},
			{"approvals", "hourglass", t(ctx, "Approvals"), "/admin/approvals"},
			{"sign-up", "newcomer", t(ctx, "Sign-up"), "/admin/sign-up"},
		}},
		{Title: t(ctx, "Apps"), Sections: []section{
			{"connections", "door", t(ctx, "SSO connections"), "/admin/connections"},
			{"portal", "user", t(ctx, "Account Portal"), "/admin/portal"},
			{"clients", "key", t(ctx, "Clients"), "/admin/clients"},
			{"connectors", "sync", t(ctx, "Connectors"), "/admin/connectors"},
		}},
		{Title: t(ctx, "History"), Sections: []section{
			{"decisions", "scale", t(ctx, "Sign-in decisions"), "/admin/decisions"},
			{"audit", "list", t(ctx, "Audit log"), "/admin/audit"},
		}},
	}
}

// portalTabs are the pages of a person's own account.
func portalTabs(ctx context.Context, section string) []Tab {
	return []Tab{
		{Label: t(ctx, "Account"), Href: "/user", Current: section == "account"},
		{Label: t(ctx, "Security"), Href: "/user/security", Current: section == "security"},
		{Label: t(ctx, "Applications"), Href: "/user/applications", Current: section == "applications"},
	}
}

// current is the value of aria-current for a link.
func current(is bool) string {
	if is {
		return "page"
	}
	return "false"
}
