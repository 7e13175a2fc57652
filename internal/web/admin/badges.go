package admin

import (
	"context"

	"gatehouse"
	"gatehouse/internal/i18n"
)

// accountTone colours the app's own word for an account's state.
func accountTone(state string) string {
	if state == "active" {
		return "good"
	}
	return "warn"
}

// accountState is the words for an account's state: GitLab's (app/models/user.rb),
// or the app's own word where we do not know it.
func accountState(ctx context.Context, state string) string {
	switch state {
	case "active":
		return i18n.Text(ctx, "Active")
	case "blocked":
		return i18n.Text(ctx, "Blocked")
	case "ldap_blocked":
		return i18n.Text(ctx, "Blocked by LDAP")
	case "deactivated":
		return i18n.Text(ctx, "Deactivated")
	case "banned":
		return i18n.Text(ctx, "Banned")
	case "blocked_pending_approval":
		return i18n.Text(ctx, "Waits for approval")
	case "not_activated": // of DingTalk
		return i18n.Text(ctx, "Not activated")
	}
	return state
}

// resourceState is the words for a state of a group or project, likewise.
func resourceState(ctx context.Context, state string) string {
	switch state {
	case "archived":
		return i18n.Text(ctx, "Archived")
	case "marked_for_deletion":
		return i18n.Text(ctx, "Marked for deletion")
	}
	return state
}

// roleTone marks the roles by which somebody may give others access.
func roleTone(r gatehouse.Role) string {
	switch {
	case r.Level >= 50:
		return "warn"
	case r.Level >= 40:
		return "info"
	}
	return ""
}
