package desk

import (
	"cmp"
	"context"
	"net/url"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
)

// Details are those of an event that say something, with ids cut short.
func Details(e gatehouse.Event) []Option {
	var all []Option
	for _, d := range Facts(gatehouse.Decision{Facts: e.Details}) {
		if d.Value != "" {
			all = append(all, Option{d.Name, shortID(d.Value)})
		}
	}
	return all
}

// TargetHref leads to what an event was done to, "" when it has no page.
func TargetHref(target string) string {
	kind, id, ok := strings.Cut(target, "/")
	switch {
	case !ok || id == "":
		return ""
	case kind == "user":
		return "/admin/users/" + url.PathEscape(id)
	case kind == "connection":
		return "/admin/connections/" + url.PathEscape(id)
	case kind == "client":
		return "/admin/clients/" + url.PathEscape(id)
	case kind == "connector":
		return "/admin/connectors/" + url.PathEscape(id)
	}
	return ""
}

// About is the address of the audit log for one thing.
func About(target string) string { return "/admin/audit?target=" + url.QueryEscape(target) }

// ActorName is who did something; jobs and such have no name of their own.
func ActorName(ctx context.Context, a gatehouse.Actor) string {
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

// Short is a target that fits a table.
func Short(target string) string {
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

// Note is a remark with its values, in the language of the page.
func Note(ctx context.Context, n gatehouse.Note) string { return i18n.Text(ctx, n.Text, n.Args...) }

// EnabledBadge is the tone and the words for something that is on or off.
func EnabledBadge(ctx context.Context, on bool) (tone, label string) {
	if on {
		return "good", i18n.Text(ctx, "Enabled")
	}
	return "", i18n.Text(ctx, "Disabled")
}
