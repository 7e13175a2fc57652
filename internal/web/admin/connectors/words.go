package connectors

import (
	"context"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/web/ui"
)

// done is the sentence for what was just done, "" for nothing that we know.
func done(ctx context.Context, what string) string {
	switch what {
	case "sync":
		return i18n.Text(ctx, "The sync has been asked for.")
	case "released":
		return i18n.Text(ctx, "The held sync is let through.")
	case "saved":
		return i18n.Text(ctx, "The connector is saved.")
	case "paused":
		return i18n.Text(ctx, "The connector is paused.")
	case "resumed":
		return i18n.Text(ctx, "The connector reads again.")
	case "probed":
		return i18n.Text(ctx, "The app was asked again.")
	case "disconnected":
		return i18n.Text(ctx, "The app is disconnected, and its secrets are deleted.")
	case "deleted":
		return i18n.Text(ctx, "The connector is deleted with all that was read of its app.")
	}
	return ""
}

// Badge is the tone and the words of a connector's state.
func Badge(ctx context.Context, s gatehouse.ConnectorStatus) (tone, label string) {
	switch s {
	case gatehouse.ConnectorNotConfigured:
		return "", i18n.Text(ctx, "Not configured")
	case gatehouse.ConnectorSyncing:
		return "info", i18n.Text(ctx, "Syncing")
	case gatehouse.ConnectorConnected:
		return "good", i18n.Text(ctx, "Connected")
	case gatehouse.ConnectorFailed:
		return "bad", i18n.Text(ctx, "Failed")
	case gatehouse.ConnectorPaused:
		return "warn", i18n.Text(ctx, "Paused")
	}
	return "", string(s)
}

func pullBadge(ctx context.Context, s gatehouse.PullState) (tone, label string) {
	switch s {
	case gatehouse.PullRunning:
		return "info", i18n.Text(ctx, "Running")
	case gatehouse.PullDone:
		return "good", i18n.Text(ctx, "Done")
	case gatehouse.PullFailed:
		return "bad", i18n.Text(ctx, "Failed")
	case gatehouse.PullHeld:
		return "warn", i18n.Text(ctx, "Held")
	case gatehouse.PullCanceled:
		return "", i18n.Text(ctx, "Canceled")
	}
	return "", string(s)
}

// Resources is what a kind of app calls what its accounts reach.
func Resources(ctx context.Context, kind string) string {
	if kind == "dingtalk" {
		return i18n.Text(ctx, "Departments")
	}
	return i18n.Text(ctx, "Groups and projects")
}

// countResources is Resources with their number.
func countResources(ctx context.Context, kind string, n int64) string {
	if kind == "dingtalk" {
		return ui.Count(ctx, n, "%d department", "%d departments")
	}
	return ui.Count(ctx, n, "%d group or project", "%d groups and projects")
}

// actorWord is what the app calls whom it is read as.
func actorWord(ctx context.Context, p showPage) string {
	if p.byToken() {
		return i18n.Text(ctx, "Account of the token")
	}
	return i18n.Text(ctx, "Company and application")
}

// took is how long a pull ran.
func took(ctx context.Context, p gatehouse.Pull) string {
	if p.EndedAt.IsZero() || p.StartedAt.IsZero() {
		return ""
	}
	return long(ctx, p.EndedAt.Sub(p.StartedAt))
}

// lasted is how long a step of a pull took.
func lasted(ctx context.Context, s gatehouse.PullStep) string {
	return long(ctx, time.Duration(s.Millis)*time.Millisecond)
}

// readIn is what was read in a step of a pull.
func readIn(ctx context.Context, kind string, s gatehouse.PullStep) string {
	var all []string
	one, many := "%d group or project", "%d groups and projects"
	if kind == "dingtalk" {
		one, many = "%d department", "%d departments"
	}
	for _, part := range []struct {
		n         int64
		one, many string
	}{
		{s.Accounts, "%d account", "%d accounts"},
		{s.Resources, one, many},
		{s.Grants, "%d membership", "%d memberships"},
		{s.Shares, "%d invited group", "%d invited groups"},
	} {
		if part.n > 0 {
			all = append(all, ui.Count(ctx, part.n, part.one, part.many))
		}
	}
	if len(all) == 0 {
		return "–"
	}
	return strings.Join(all, " · ")
}

// some is a count of which none is not worth a number.
func some(n int64) string {
	if n == 0 {
		return "–"
	}
	return ui.Number(n)
}

// long is a duration in words.
func long(ctx context.Context, d time.Duration) string {
	switch {
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
	case "probe":
		return i18n.Text(ctx, "Asking who we are")
	case "accounts":
		return i18n.Text(ctx, "Reading accounts")
	case "projects":
		return i18n.Text(ctx, "Reading projects")
	case "groups":
		return i18n.Text(ctx, "Reading groups")
	case "departments":
		return i18n.Text(ctx, "Reading departments")
	case "shares":
		return i18n.Text(ctx, "Reading invitations of groups")
	case "finish":
		return i18n.Text(ctx, "Comparing with what was known")
	case "":
		return i18n.Text(ctx, "Waiting to begin")
	}
	return s
}
