package admin

import (
	"context"

	"gatehouse"
	"gatehouse/internal/i18n"
)

// What a directory has are departments; everywhere else it is groups and projects.

func resourceWord(ctx context.Context, c gatehouse.Connector) string {
	if c.Kind == "dingtalk" {
		return i18n.Text(ctx, "Department")
	}
	return i18n.Text(ctx, "Group or project")
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
