package ui

import (
	"cmp"
	"context"

	"gatehouse"
)

// ConnectionLabel is what people read for a connection.
func ConnectionLabel(c gatehouse.Connection) string { return cmp.Or(c.Label, c.Name) }

// ConnectionIcon is the name of a connection's icon. Addresses of pictures are
// not loaded: what stands in for them is the sign of the kind.
func ConnectionIcon(c gatehouse.Connection) string {
	all := drawings()
	for _, name := range []string{c.Icon, c.Name, c.Kind} {
		if _, ok := all[name]; ok {
			return name
		}
	}
	return "openid"
}

// ConnectionIcons are the names of the icons that a connection may have.
func ConnectionIcons() []string {
	return []string{"dingtalk", "gitlab", "github", "google", "feishu", "wecom", "openid", "oauth2", "door", "key", "globe", "mail", "users"}
}

// UserName is how a user is called on a page.
func UserName(u gatehouse.User) string { return cmp.Or(u.Name, u.Username) }

// UserBadge is the tone and the words of a user's state.
func UserBadge(ctx context.Context, s gatehouse.UserState) (tone, label string) {
	switch s {
	case gatehouse.UserActive:
		return "good", t(ctx, "Active")
	case gatehouse.UserPending:
		return "warn", t(ctx, "Waits for approval")
	case gatehouse.UserBlocked:
		return "bad", t(ctx, "Blocked")
	case gatehouse.UserLeft:
		return "", t(ctx, "Left")
	case gatehouse.UserMerged:
		return "", t(ctx, "Merged")
	}
	return "", string(s)
}

// RoleLabel is the words for a role on the dashboard, "" for none.
func RoleLabel(ctx context.Context, r gatehouse.AdminRole) string {
	switch r {
	case gatehouse.RoleSuperAdministrator:
		return t(ctx, "Super Administrator")
	case gatehouse.RoleConnectorAdministrator:
		return t(ctx, "Connector Administrator")
	case gatehouse.RoleAuditor:
		return t(ctx, "Auditor")
	case gatehouse.RoleNone:
	}
	return ""
}
