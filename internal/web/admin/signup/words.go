package signup

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/lists"
	"gatehouse/internal/users"
	"gatehouse/internal/web/ui"
)

// wrong are the sentences for lists that cannot be kept, by their part.
func wrong(ctx context.Context, s gatehouse.SignUp) map[string]string {
	problems := map[string]string{}
	for part, list := range map[string][]string{users.SignUpAllow: s.Allow, users.SignUpDeny: s.Deny} {
		if p := problem(ctx, list); p != "" {
			problems[part] = p
		}
	}
	return problems
}

func problem(ctx context.Context, list []string) string {
	_, err := lists.Tidy(list)
	var e *gatehouse.Error
	if errors.As(err, &e) {
		return i18n.Text(ctx, e.Message, e.Args...)
	}
	return ""
}

// newPeople is what a connection does with people whom nobody here knows.
func newPeople(ctx context.Context, c gatehouse.Connection) (tone, label string) {
	switch c.Rules.NewPeople() {
	case gatehouse.NewPeopleLinkOnly:
		return "", i18n.Text(ctx, "Link only")
	case gatehouse.NewPeopleRequestAccess:
		return "info", i18n.Text(ctx, "Request access")
	case gatehouse.NewPeoplePending:
		return "info", i18n.Text(ctx, "Create, pending approval")
	case gatehouse.NewPeopleCreate:
		return "good", i18n.Text(ctx, "Create")
	case gatehouse.NewPeopleOff:
	}
	return "", i18n.Text(ctx, "Off")
}

// asItIs is the choice to leave a rule, with what it is.
func asItIs(ctx context.Context, is string) ui.Option {
	return ui.Option{Label: i18n.Text(ctx, "As it is") + " (" + is + ")"}
}

// yesOrNo are the choices for a flag of the connection, the first of which is to
// leave it.
func yesOrNo(ctx context.Context, c gatehouse.Connection, on bool) []ui.Option {
	yes, no := i18n.Text(ctx, "yes"), i18n.Text(ctx, "no")
	first := ui.Option{Label: i18n.Text(ctx, "As it is")}
	if c.ID != "" {
		first = asItIs(ctx, map[bool]string{true: yes, false: no}[on])
	}
	return []ui.Option{first, {Value: "true", Label: yes}, {Value: "false", Label: no}}
}

// choices are the choices for new people, the first of which is to leave it.
func choices(ctx context.Context, c gatehouse.Connection) []ui.Option {
	t := func(english string) string { return i18n.Text(ctx, english) }
	first := ui.Option{Label: t("As it is")}
	if c.ID != "" {
		_, is := newPeople(ctx, c)
		first = asItIs(ctx, is)
	}
	return []ui.Option{
		first,
		{Value: string(gatehouse.NewPeopleOff), Label: t("Off")},
		{Value: string(gatehouse.NewPeopleLinkOnly), Label: t("Link only")},
		{Value: string(gatehouse.NewPeopleRequestAccess), Label: t("Request access")},
		{Value: string(gatehouse.NewPeoplePending), Label: t("Create, pending approval")},
		{Value: string(gatehouse.NewPeopleCreate), Label: t("Create")},
	}
}

// meanwhile are the rules that somebody else saved, in words.
func meanwhile(ctx context.Context, s gatehouse.SignUp) []string {
	t := func(english string) string { return i18n.Text(ctx, english) }
	list := func(entries []string) string { return cmp.Or(strings.Join(entries, ", "), t("none")) }
	flag := func(on bool) string {
		if on {
			return t("yes")
		}
		return t("no")
	}
	return []string{
		t("Only these") + ": " + list(s.Allow), t("Never these") + ": " + list(s.Deny),
		t("No addresses with a suffix") + ": " + flag(s.BlockSubaddresses), t("No throw-away addresses") + ": " + flag(s.BlockDisposable),
	}
}

// ofFile is a hint, or why a part cannot be changed here.
func ofFile(ctx context.Context, p page, part, hint string) string {
	if p.File.Names(part) {
		return i18n.Text(ctx, "The configuration file names this (sign_up.%s), so it is changed there.", part)
	}
	return hint
}
