package reach

import (
	"fmt"

	"gatehouse"
	"gatehouse/internal/i18n"
)

const ownerLevel = 50

// RoleName is the name of a role in a kind of app. GitLab's are in
// lib/gitlab/access.rb. A level without a name is shown by its number, a custom
// role by its own name.
func RoleName(kind string, r gatehouse.Role) string {
	if r.Name != "" {
		return r.Name
	}
	name := ""
	switch kind {
	case "gitlab":
		name = gitlabRole(r.Level)
	case "dingtalk":
		name = dingTalkRole(r.Level)
	}
	if name != "" {
		return name
	}
	return fmt.Sprintf("Level %d", r.Level)
}

// RoleText is RoleName in a language. GitLab's roles are called the same in all.
func RoleText(l i18n.Lang, kind string, r gatehouse.Role) string {
	if kind == "dingtalk" && r.Name == "" {
		switch r.Level {
		case minimalAccess:
			return i18n.T(l, "Member")
		case 30:
			return i18n.T(l, "Manager")
		}
	}
	return RoleName(kind, r)
}

// dingTalkRole is the name of a role in a department of a directory.
func dingTalkRole(level int) string {
	switch level {
	case minimalAccess: // gives nothing in the departments below
		return "Member"
	case 30:
		return "Manager"
	}
	return ""
}

func gitlabRole(level int) string {
	switch level {
	case 0:
		return "No access"
	case minimalAccess:
		return "Minimal Access"
	case 10:
		return "Guest"
	case 15:
		return "Planner"
	case 20:
		return "Reporter"
	case 25:
		return "Security Manager"
	case 30:
		return "Developer"
	case 40:
		return "Maintainer"
	case ownerLevel:
		return "Owner"
	}
	return ""
}
