package admin

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/i18n"
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
	case "sync":
		return i18n.Text(ctx, "The sync has been asked for.")
	case "released":
		return i18n.Text(ctx, "The held sync is let through.")
	}
	return ""
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
	case "manual":
		return i18n.Text(ctx, "by hand")
	}
	return why
}

func resourceIcon(k gatehouse.ResourceKind) string {
	if k == gatehouse.ResourceProject {
		return "project"
	}
	return "group"
}

func resourceKind(ctx context.Context, k gatehouse.ResourceKind) string {
	switch k {
	case gatehouse.ResourceGroup:
		return i18n.Text(ctx, "Group")
	case gatehouse.ResourceProject:
		return i18n.Text(ctx, "Project")
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

// reason is a decision's sentence with its values.
func reason(ctx context.Context, d gatehouse.Decision) string {
	args := make([]any, len(d.Args))
	for i, a := range d.Args {
		args[i] = a
	}
	return i18n.Text(ctx, d.Reason, args...)
}

// note is a remark with its values, in the language of the page.
func note(ctx context.Context, n gatehouse.Note) string { return i18n.Text(ctx, n.Text, n.Args...) }

// facts are those of a decision in a fixed order.
func facts(d gatehouse.Decision) []option {
	var all []option
	for _, name := range slices.Sorted(maps.Keys(d.Facts)) {
		all = append(all, option{name, d.Facts[name]})
	}
	return all
}

// details are those of an event that say something, with ids cut short.
func details(e gatehouse.Event) []option {
	var all []option
	for _, d := range facts(gatehouse.Decision{Facts: e.Details}) {
		if d.Value != "" {
			all = append(all, option{d.Name, shortID(d.Value)})
		}
	}
	return all
}

// targetHref leads to what an event was done to, "" when it has no page.
func targetHref(target string) string {
	kind, id, ok := strings.Cut(target, "/")
	switch {
	case !ok || id == "":
		return ""
	case kind == "user":
		return "/admin/users/" + url.PathEscape(id)
	case kind == "connector":
		return "/admin/connectors/" + url.PathEscape(id)
	}
	return ""
}

// about is the address of the audit log for one thing.
func about(target string) string { return "/admin/audit?target=" + url.QueryEscape(target) }

// took is how long a pull ran.
func took(ctx context.Context, p gatehouse.Pull) string {
	if p.EndedAt.IsZero() || p.StartedAt.IsZero() {
		return ""
	}
	switch d := p.EndedAt.Sub(p.StartedAt); {
	case d < time.Second:
		return i18n.Text(ctx, "%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return i18n.Text(ctx, "%.1f s", d.Seconds())
	case d < time.Minute:
		return i18n.Text(ctx, "%d s", int(d.Seconds()))
	case d < time.Hour:
		return i18n.Text(ctx, "%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return i18n.Text(ctx, "%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
}

func step(ctx context.Context, s string) string {
	switch s {
	case "accounts":
		return i18n.Text(ctx, "Reading accounts")
	case "projects":
		return i18n.Text(ctx, "Reading projects")
	case "groups":
		return i18n.Text(ctx, "Reading groups")
	case "shares":
		return i18n.Text(ctx, "Reading invitations of groups")
	case "finish":
		return i18n.Text(ctx, "Comparing with what was known")
	case "":
		return i18n.Text(ctx, "Waiting to begin")
	}
	return s
}

func userStates(ctx context.Context) []ui.Option {
	all := []ui.Option{{Value: "", Label: i18n.Text(ctx, "All states")}}
	for _, s := range []gatehouse.UserState{gatehouse.UserActive, gatehouse.UserPending, gatehouse.UserBlocked, gatehouse.UserLeft} {
		_, label := ui.UserBadge(ctx, s)
		all = append(all, ui.Option{Value: string(s), Label: label})
	}
	return all
}

func accountTypes(ctx context.Context) []ui.Option {
	all := []ui.Option{{Value: "", Label: i18n.Text(ctx, "All types")}}
	for _, a := range []gatehouse.AccountType{gatehouse.AccountPerson, gatehouse.AccountService, gatehouse.AccountTokenBot, gatehouse.AccountInternal} {
		all = append(all, ui.Option{Value: string(a), Label: accountType(ctx, a)})
	}
	return all
}

func matchings(ctx context.Context) []ui.Option {
	return []ui.Option{{Value: "", Label: i18n.Text(ctx, "Matched or not")}, {Value: "no", Label: i18n.Text(ctx, "Only without a user")}}
}

func resourceKinds(ctx context.Context) []ui.Option {
	return []ui.Option{
		{Value: "", Label: i18n.Text(ctx, "All kinds")},
		{Value: string(gatehouse.ResourceGroup), Label: i18n.Text(ctx, "Groups only")},
		{Value: string(gatehouse.ResourceProject), Label: i18n.Text(ctx, "Projects only")},
	}
}

func connectionLabel(c gatehouse.Connection) string {
	if c.ID == "" {
		return "–"
	}
	return ui.ConnectionLabel(c)
}

// cameBy is the connection of a decision, or what was there instead.
func cameBy(ctx context.Context, d decisionRow) string {
	if d.ConnectionID == "" && strings.HasPrefix(d.Rule, "link_") {
		return i18n.Text(ctx, "one-time link")
	}
	return connectionLabel(d.Connection)
}

// knownAs is how a provider calls a person.
func knownAs(p gatehouse.Profile) string {
	return cmp.Or(p.Name, p.Nickname, p.Username, "–")
}

// stranger is somebody who has no user here, by what the provider told.
func stranger(ctx context.Context, d decisionRow) string {
	return cmp.Or(d.Facts["provider_name"], d.Facts["provider_username"], d.Subject, i18n.Text(ctx, "unknown"))
}

// actorName is who did something; jobs and such have no name of their own.
func actorName(ctx context.Context, a gatehouse.Actor) string {
	if a.Name != "" && a.Kind != gatehouse.ActorJob {
		return a.Name
	}
	switch a.Kind {
	case gatehouse.ActorJob:
		return i18n.Text(ctx, "Gatehouse itself")
	case gatehouse.ActorFile:
		return i18n.Text(ctx, "the configuration file")
	case gatehouse.ActorOperator:
		return i18n.Text(ctx, "the command line")
	case gatehouse.ActorAnonymous:
		return i18n.Text(ctx, "somebody not signed in")
	case gatehouse.ActorUser, gatehouse.ActorClient:
	}
	return cmp.Or(a.ID, string(a.Kind))
}

// short is a target that fits a table.
func short(target string) string {
	kind, id, ok := strings.Cut(target, "/")
	if !ok {
		return target
	}
	return kind + "/" + shortID(id)
}

// uuidLength is that of the ids of rows.
const uuidLength = 36

// shortID keeps the end of an id of a row: the beginning is a time, and much
// the same for all of one day.
func shortID(s string) string {
	if len(s) != uuidLength || strings.Count(s, "-") != 4 {
		return s
	}
	return "…" + s[len(s)-8:]
}

func factValue(ctx context.Context, v string) string {
	switch v {
	case "yes":
		return i18n.Text(ctx, "yes")
	case "no":
		return i18n.Text(ctx, "no")
	case "unstated":
		return i18n.Text(ctx, "says nothing")
	case string(gatehouse.Verified):
		return i18n.Text(ctx, "verified")
	case string(gatehouse.Unverified):
		return i18n.Text(ctx, "not verified")
	}
	return v
}

// factLabel is the words for a fact of a decision; one that we do not know
// stays as it is.
func factLabel(ctx context.Context, name string) string {
	t := func(english string, args ...any) string { return i18n.Text(ctx, english, args...) }
	if rule, ok := strings.CutPrefix(name, "rule_"); ok {
		return t("Rule %s", rule)
	}
	switch name {
	case "connection":
		return t("Connection")
	case "provider_username":
		return t("Username there")
	case "provider_nickname":
		return t("Nickname there")
	case "provider_name":
		return t("Name there")
	case "provider_email":
		return t("E-mail there")
	case "provider_email_verified":
		return t("The provider says of the e-mail")
	case "provider_other_ids":
		return t("Other ids there")
	case "email_counts_as_verified":
		return t("The e-mail counts as verified")
	case "users_with_this_email":
		return t("Users with this e-mail")
	case "verified_holder_of_this_email":
		return t("Who has this e-mail verified")
	case "identity_known":
		return t("The identity was known")
	case "identity_known_by_its_older_id":
		return t("It was known by an older id")
	case "linking_user":
		return t("Connected by")
	}
	return name
}

// resourceTrail leads from the connector down to a resource.
func resourceTrail(ctx context.Context, p resourcePage) []ui.Link {
	trail := []ui.Link{
		{Label: i18n.Text(ctx, "Connectors"), Href: "/admin/connectors"},
		{Label: p.Connector.Name, Href: connectorHref(p.Connector)},
		{Label: i18n.Text(ctx, "Groups and projects"), Href: connectorHref(p.Connector) + "/resources"},
	}
	for _, a := range slices.Backward(p.Ancestors) {
		trail = append(trail, ui.Link{Label: cmp.Or(a.Name, a.Path), Href: resourceHref(p.Connector, a.ID)})
	}
	return append(trail, ui.Link{Label: cmp.Or(p.Resource.Name, p.Resource.Path)})
}
