package clients

import (
	"context"

	"gatehouse/internal/i18n"
	"gatehouse/internal/reach"
)

// done is the sentence for what was just done, "" for nothing that we know.
func done(ctx context.Context, what string) string {
	switch what {
	case "saved":
		return i18n.Text(ctx, "The client is saved.")
	case "enabled":
		return i18n.Text(ctx, "People can sign in to it again.")
	case "disabled":
		return i18n.Text(ctx, "Nobody can sign in to it, and its tokens open nothing.")
	case "removed":
		return i18n.Text(ctx, "The client is removed, and its tokens have ended.")
	}
	return ""
}

// unknownWhy says why a client is told of no groups.
func unknownWhy(ctx context.Context, u reach.Unknown) string {
	switch u {
	case reach.UnknownOff:
		return i18n.Text(ctx, "none: switched off for this client")
	case reach.UnknownNoGitLab:
		return i18n.Text(ctx, "none: no GitLab is connected")
	case reach.UnknownAmbiguous:
		return i18n.Text(ctx, "none: several GitLabs are connected, and none of them is chosen here")
	case reach.UnknownName:
		return i18n.Text(ctx, "none: the GitLab that is chosen is not connected any more")
	case reach.UnknownDisabled:
		return i18n.Text(ctx, "none: the connector is disabled")
	case reach.UnknownUnread:
		return i18n.Text(ctx, "none yet: GitLab was not read to the end so far")
	}
	return ""
}

// lifeLabel is the name of a lifetime.
func lifeLabel(ctx context.Context, name string) string {
	switch name {
	case "access":
		return i18n.Text(ctx, "Access token")
	case "id":
		return i18n.Text(ctx, "ID token")
	case "refresh":
		return i18n.Text(ctx, "Refresh token")
	}
	return i18n.Text(ctx, "All refresh tokens of one sign-in")
}
