package admin

import (
	"context"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/web/ui"
)

// What a directory has are departments; everywhere else it is groups and projects.

func resourceWord(ctx context.Context, c gatehouse.Connector) string {
	if c.Kind == "dingtalk" {
		return i18n.Text(ctx, "Department")
	}
	return i18n.Text(ctx, "Group or project")
}

// reachersCount is how many accounts reach a resource, and by which paths.
func reachersCount(ctx context.Context, p resourcePage) string {
	n := int64(len(p.Reachers))
	if p.Connector.Kind == "dingtalk" {
		return ui.Count(ctx, n, "%d account: members of the department, and managers of it and of those above.", "%d accounts: members of the department, and managers of it and of those above.")
	}
	return ui.Count(ctx, n, "%d account, by all paths: direct, inherited and through invited groups.", "%d accounts, by all paths: direct, inherited and through invited groups.")
}

// pathOf is what to search for among what an account reaches.
func pathOf(ctx context.Context, c gatehouse.Connector) string {
	if c.Kind == "dingtalk" {
		return i18n.Text(ctx, "Path of a department")
	}
	return i18n.Text(ctx, "Path of a group or project")
}

func noneFound(ctx context.Context, c gatehouse.Connector) string {
	if c.Kind == "dingtalk" {
		return i18n.Text(ctx, "No departments found")
	}
	return i18n.Text(ctx, "No groups or projects found")
}

// inside is above what lies in a resource.
func inside(ctx context.Context, r gatehouse.Resource) string {
	if r.Kind == gatehouse.ResourceDepartment {
		return i18n.Text(ctx, "In this department")
	}
	return i18n.Text(ctx, "In this group")
}
