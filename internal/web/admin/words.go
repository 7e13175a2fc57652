package admin

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/web/admin/connectors"
	"gatehouse/internal/web/admin/people"
	"gatehouse/internal/web/ui"
)

// done is the sentence for what was just done, "" for nothing that we know.
func done(ctx context.Context, what string) string {
	switch what {
	case "blocked":
		return i18n.Text(ctx, "The user is blocked. All sessions and tokens have ended.")
	case "unblocked":
		return i18n.Text(ctx, "The user may sign in again.")
	case "approved":
		return i18n.Text(ctx, "The user is approved and may sign in.")
	case "sessions-ended":
		return i18n.Text(ctx, "The sessions are ended.")
	case "matched":
		return i18n.Text(ctx, "The account is matched by hand. Pulls leave it so.")
	case "match-reset":
		return i18n.Text(ctx, "The match was reset, and the user was looked for anew.")
	case "matches-reset":
		return i18n.Text(ctx, "The matches are forgotten. The accounts are matched anew now, which takes a moment.")
	case "rules-saved":
		return i18n.Text(ctx, "The rules are saved. The accounts are matched anew now, which takes a moment.")
	}
	return people.Done(ctx, what)
}

func accountType(ctx context.Context, a gatehouse.AccountType) string {
	switch a {
	case gatehouse.AccountPerson:
		return i18n.Text(ctx, "Person")
	case gatehouse.AccountService:
		return i18n.Text(ctx, "Service account")
	case gatehouse.AccountTokenBot:
		return i18n.Text(ctx, "Token bot")
	case gatehouse.AccountInternal:
		return i18n.Text(ctx, "Internal")
	case gatehouse.AccountGhost:
		return i18n.Text(ctx, "Ghost")
	case gatehouse.AccountPlaceholder:
		return i18n.Text(ctx, "Placeholder")
	case gatehouse.AccountInvitation:
		return i18n.Text(ctx, "Invitation")
	}
	return string(a)
}

func accountName(a gatehouse.Account) string { return cmp.Or(a.Name, a.Username, "#"+a.ID) }

// matchedBy is why an account belongs to a user.
func matchedBy(ctx context.Context, why string) string {
	switch why {
	case "identity":
		return i18n.Text(ctx, "by the connected identity")
	case "email":
		return i18n.Text(ctx, "by the verified address")
	case gatehouse.MatchRuled:
		return i18n.Text(ctx, "by a rule")
	case "manual":
		return i18n.Text(ctx, "by hand")
	}
	return why
}

func resourceIcon(k gatehouse.ResourceKind) string {
	switch k {
	case gatehouse.ResourceProject:
		return "project"
	case gatehouse.ResourceGroup, gatehouse.ResourceDepartment, gatehouse.ResourceOther:
	}
	return "group"
}

func resourceKind(ctx context.Context, k gatehouse.ResourceKind) string {
	switch k {
	case gatehouse.ResourceGroup:
		return i18n.Text(ctx, "Group")
	case gatehouse.ResourceProject:
		return i18n.Text(ctx, "Project")
	case gatehouse.ResourceDepartment:
		return i18n.Text(ctx, "Department")
	case gatehouse.ResourceOther:
		return i18n.Text(ctx, "Resource")
	}
	return string(k)
}

func visibility(ctx context.Context, v string) string {
	switch v {
	case "private":
		return i18n.Text(ctx, "Private")
	case "internal":
		return i18n.Text(ctx, "Internal")
	case "public":
		return i18n.Text(ctx, "Public")
	}
	return v
}

// depth is the class that indents a resource by its place in the tree.
func depth(r gatehouse.Resource) string {
	n := min(strings.Count(strings.Trim(r.Path, "/"), "/"), 4)
	return "depth-" + string(rune('0'+n))
}

func userStates(ctx context.Context) []ui.Option {
	all := []ui.Option{{Value: "", Label: i18n.Text(ctx, "All states")}}
	for _, s := range []gatehouse.UserState{gatehouse.UserActive, gatehouse.UserPending, gatehouse.UserBlocked, gatehouse.UserLeft, gatehouse.UserMerged} {
		_, label := ui.UserBadge(ctx, s)
		all = append(all, ui.Option{Value: string(s), Label: label})
	}
	return all
}

func accountTypes(ctx context.Context) []ui.Option {
	all := []ui.Option{{Value: "", Label: i18n.Text(ctx, "All types")}}
	for _, a := range []gatehouse.AccountType{
		gatehouse.AccountPerson, gatehouse.AccountService, gatehouse.AccountTokenBot, gatehouse.AccountInternal,
		gatehouse.AccountGhost, gatehouse.AccountPlaceholder, gatehouse.AccountInvitation,
	} {
		all = append(all, ui.Option{Value: string(a), Label: accountType(ctx, a)})
	}
	return all
}

func matchings(ctx context.Context) []ui.Option {
	return []ui.Option{{Value: "", Label: i18n.Text(ctx, "Matched or not")}, {Value: "no", Label: i18n.Text(ctx, "Only without a user")}}
}

// resourceKinds are the kinds of resources that a list can be narrowed to; none
// where the app has only one.
func resourceKinds(ctx context.Context, app string) []ui.Option {
	if app == "dingtalk" {
		return nil
	}
	return []ui.Option{
		{Value: "", Label: i18n.Text(ctx, "All kinds")},
		{Value: string(gatehouse.ResourceGroup), Label: i18n.Text(ctx, "Groups only")},
		{Value: string(gatehouse.ResourceProject), Label: i18n.Text(ctx, "Projects only")},
	}
}

// directoryFacts are what only a directory tells of an account.
func directoryFacts(ctx context.Context, a gatehouse.Account) []ui.Option {
	hired := ""
	if !a.HiredAt.IsZero() {
		hired = ui.Date(ctx, a.HiredAt)
	}
	all := []ui.Option{
		{Label: i18n.Text(ctx, "Job title"), Value: a.Title},
		{Label: i18n.Text(ctx, "Job number"), Value: a.JobNumber},
		{Label: i18n.Text(ctx, "Phone"), Value: a.Phone},
		{Label: i18n.Text(ctx, "Hired"), Value: hired},
	}
	return slices.DeleteFunc(all, func(f ui.Option) bool { return f.Value == "" })
}

// knownAs is how a provider calls a person.
func knownAs(p gatehouse.Profile) string {
	return cmp.Or(p.Name, p.Nickname, p.Username, "–")
}

// resourceTrail leads from the connector down to a resource.
func resourceTrail(ctx context.Context, p resourcePage) []ui.Link {
	trail := []ui.Link{
		{Label: i18n.Text(ctx, "Connectors"), Href: "/admin/connectors"},
		{Label: p.Connector.Name, Href: connectors.Href(p.Connector)},
		{Label: connectors.Resources(ctx, p.Connector.Kind), Href: connectors.Href(p.Connector) + "/resources"},
	}
	for _, a := range slices.Backward(p.Ancestors) {
		trail = append(trail, ui.Link{Label: cmp.Or(a.Name, a.Path), Href: resourceHref(p.Connector, a.ID)})
	}
	return append(trail, ui.Link{Label: cmp.Or(p.Resource.Name, p.Resource.Path)})
}

// profileFacts are what is known of what a user does, and where.
func profileFacts(ctx context.Context, u gatehouse.User) []ui.Option {
	var known []ui.Option
	for _, f := range []ui.Option{
		{Label: i18n.Text(ctx, "Job title"), Value: u.JobTitle},
		{Label: i18n.Text(ctx, "Organization"), Value: u.Organization},
		{Label: i18n.Text(ctx, "Location"), Value: u.Location},
	} {
		if f.Value != "" {
			known = append(known, f)
		}
	}
	return known
}
