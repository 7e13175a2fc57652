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

// choices are the choices for new people, the first of which is to leave it.
func choices(ctx context.Context) []ui.Option {
	t := func(english string) string { return i18n.Text(ctx, english) }
	return []ui.Option{
		{Value: "", Label: t("As it is")},
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
