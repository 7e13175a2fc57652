package rest

import (
	"cmp"
	"fmt"
	"net/http"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/world"
)

func groupWriteRoutes() []*route {
	return []*route{
		change(http.MethodPost, "groups", createGroup),
		change(http.MethodPut, "groups/{}", editGroup),
		change(http.MethodDelete, "groups/{}", deleteGroup),
		change(http.MethodPost, "groups/{}/restore", restoreGroup),
	}
}

func projectWriteRoutes() []*route {
	return []*route{
		change(http.MethodPost, "projects", createProject),
		change(http.MethodDelete, "projects/{}", deleteProject),
	}
}

func accepted() reply { return reply{http.StatusAccepted, messageBody{"202 Accepted"}} }

// createGroup makes the caller the owner. What is wrong is told in Ruby's words.
func createGroup(c *call) (any, error) {
	if err := c.require("name", "path"); err != nil {
		return nil, err
	}
	parent, err := c.number("parent_id", 0)
	if err != nil {
		return nil, err
	}
	visibility, err := c.oneOf("visibility", "private", "private", "internal", "public")
	if err != nil {
		return nil, err
	}
	switch {
	case parent != 0:
		g := c.d.Group(parent)
		if g == nil || !c.sight.Group(g) {
			return nil, notFound("Group")
		}
		if c.sight.Level(world.InGroup(parent)) < world.Maintainer {
			return nil, caller.Forbidden("")
		}
	case c.who.User.NoGroups && !c.admin():
		return nil, caller.Forbidden("")
	}
	if !validPath(c.get("path")) {
		return nil, caller.Message(http.StatusBadRequest, fmt.Sprintf("Failed to save group {:path=>[%q]}", usernameRule))
	}
	g, err := c.d.AddGroup(world.Group{
		Name: c.get("name"), Path: c.get("path"), ParentID: parent, Visibility: visibility, Description: c.get("description"),
		MembershipLock: c.is("membership_lock"), ShareLock: c.is("share_with_group_lock"), CreatedAt: c.now(),
	})
	if err != nil {
		return nil, caller.Message(http.StatusBadRequest, `Failed to save group {:path=>["has already been taken"]}`)
	}
	_, err = c.d.AddMember(world.Member{Source: world.InGroup(g.ID), UserID: c.who.User.ID, Level: world.Owner, CreatedAt: c.now(), CreatedBy: c.who.User.ID})
	if err != nil {
		return nil, err
	}
	c.sight = c.d.Sight(c.who.Viewer)
	return c.groupDetail(g, true), nil
}

// ownGroup finds the group of the path for an owner.
func (c *call) ownGroup() (*world.Group, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	if c.sight.Level(world.InGroup(g.ID)) < world.Owner {
		return nil, caller.Forbidden("")
	}
	return g, nil
}

func editGroup(c *call) (any, error) {
	g, err := c.ownGroup()
	if err != nil {
		return nil, err
	}
	visibility, err := c.oneOf("visibility", g.Visibility, "private", "internal", "public")
	if err != nil {
		return nil, err
	}
	if path := c.get("path"); path != "" && path != g.Path {
		full := path
		if parent := c.d.Group(g.ParentID); parent != nil {
			full = parent.FullPath + "/" + path
		}
		if c.d.GroupByPath(full) != nil || c.d.UserByName(full) != nil {
			return nil, validation("path", "has already been taken")
		}
	}
	c.d.EditGroup(g, func(g *world.Group) {
		g.Name, g.Path, g.Visibility = cmp.Or(c.get("name"), g.Name), cmp.Or(c.get("path"), g.Path), visibility
		if c.has("description") {
			g.Description = c.get("description")
		}
		if c.has("membership_lock") {
			g.MembershipLock = c.is("membership_lock")
		}
	})
	return c.groupDetail(g, true), nil
}

// deleteGroup marks a group for deletion; the second call with
// permanently_remove removes it. Its refusals are from memory, not from the facts.
func deleteGroup(c *call) (any, error) {
	g, err := c.ownGroup()
	if err != nil {
		return nil, err
	}
	if c.is("permanently_remove") {
		if g.MarkedForDeletionOn == "" {
			return nil, caller.Message(http.StatusBadRequest, "Group must be marked for deletion first.")
		}
		if c.get("full_path") != g.FullPath {
			return nil, caller.Message(http.StatusBadRequest, "`full_path` is incorrect. You must enter the complete path for the subgroup.")
		}
		c.d.RemoveGroup(g)
		return accepted(), nil
	}
	if g.MarkedForDeletionOn != "" {
		return nil, caller.Message(http.StatusBadRequest, "Group has been already marked for deletion")
	}
	c.d.EditGroup(g, func(g *world.Group) { g.MarkedForDeletionOn = c.now().Format("2006-01-02") })
	return accepted(), nil
}

func restoreGroup(c *call) (any, error) {
	g, err := c.ownGroup()
	if err != nil {
		return nil, err
	}
	if g.MarkedForDeletionOn == "" {
		return nil, caller.Message(http.StatusBadRequest, "Group has not been marked for deletion")
	}
	c.d.EditGroup(g, func(g *world.Group) { g.MarkedForDeletionOn = "" })
	return c.groupDetail(g, true), nil
}

func createProject(c *call) (any, error) {
	if !c.has("name") && !c.has("path") {
		return nil, invalid("name, path are missing, at least one parameter must be provided")
	}
	namespace, err := c.number("namespace_id", c.who.User.NamespaceID)
	if err != nil {
		return nil, err
	}
	visibility, err := c.oneOf("visibility", "private", "private", "internal", "public")
	if err != nil {
		return nil, err
	}
	p := world.Project{
		Name: cmp.Or(c.get("name"), c.get("path")), Path: cmp.Or(c.get("path"), c.get("name")), Visibility: visibility,
		Description: c.get("description"), CreatorID: c.who.User.ID, CreatedAt: c.now(), UpdatedAt: c.now(), LastActivityAt: c.now(),
		Empty: !c.is("initialize_with_readme"),
	}
	if namespace == c.who.User.NamespaceID {
		p.OwnerID = c.who.User.ID
	} else {
		p.GroupID = namespace
		g := c.d.Group(namespace)
		if g == nil || c.sight.Level(world.InGroup(namespace)) < world.Developer {
			return nil, validation("namespace", "is not valid")
		}
	}
	kept, err := c.d.AddProject(p)
	if err != nil {
		taken := []string{"has already been taken"}
		return nil, caller.Message(http.StatusBadRequest, map[string][]string{"project_namespace.name": taken, "name": taken, "path": taken})
	}
	c.sight = c.d.Sight(c.who.Viewer)
	return c.projectRow(kept), nil
}

func deleteProject(c *call) (any, error) {
	p, err := c.project()
	if err != nil {
		return nil, err
	}
	if c.sight.Level(world.InProject(p.ID)) < world.Owner {
		return nil, caller.Forbidden("")
	}
	if c.is("permanently_remove") {
		c.d.RemoveProject(p)
		return accepted(), nil
	}
	p.MarkedForDeletionOn = c.now().Format("2006-01-02")
	return accepted(), nil
}

type projectShareRow struct {
	ID          int64   `json:"id"`
	ProjectID   int64   `json:"project_id"`
	GroupID     int64   `json:"group_id"`
	GroupAccess int     `json:"group_access"`
	ExpiresAt   *string `json:"expires_at"`
}

// share invites a group to the source of the path. Its refusals, but for the 404,
// are made up: the facts are silent.
func share(c *call) (any, error) {
	if err := c.require("group_id", "group_access"); err != nil {
		return nil, err
	}
	level, err := c.number("group_access", 0)
	if err != nil {
		return nil, err
	}
	role, err := c.number("member_role_id", 0)
	if err != nil {
		return nil, err
	}
	src, err := c.managed()
	if err != nil {
		return nil, err
	}
	invited, err := c.groupNamed(c.get("group_id"))
	if err != nil {
		return nil, err
	}
	if p := c.refuse(src, nil, wish{level: int(level), expires: c.get("expires_at")}); p != nil {
		return nil, validation("group_access", "is not included in the list")
	}
	s, err := c.d.AddShare(world.Share{Source: src, GroupID: invited.ID, Level: int(level), RoleID: role, ExpiresAt: c.get("expires_at")})
	if src.Kind == world.GroupSource {
		if err != nil || src.ID == invited.ID {
			return nil, conflict("Shared group The group has already been shared with this group")
		}
		return c.groupDetail(c.d.Group(src.ID), true), nil
	}
	if err != nil {
		return nil, conflict("Group already shared with this group")
	}
	return projectShareRow{s.ID, src.ID, invited.ID, s.Level, orNull(s.ExpiresAt)}, nil
}

func unshare(c *call) (any, error) {
	src, err := c.managed()
	if err != nil {
		return nil, err
	}
	for _, s := range c.d.SharesOf(src) {
		if itoa(s.GroupID) == c.vars[1] {
			c.d.RemoveShare(s)
			return nil, nil
		}
	}
	return nil, notFound("Group Link")
}
