package rest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/world"
)

// wish is a membership that somebody wants to be.
type wish struct {
	level   int
	expires string
	role    int64
}

func (c *call) wish() (w wish, err error) {
	level, err := c.number("access_level", 0)
	if err != nil {
		return w, err
	}
	w.level = int(level)
	if w.expires = c.get("expires_at"); w.expires != "" {
		t, err := time.Parse(time.DateOnly, w.expires[:min(10, len(w.expires))])
		if err != nil {
			return w, invalid("expires_at is invalid")
		}
		w.expires = t.Format(time.DateOnly)
	}
	w.role, err = c.number("member_role_id", 0)
	return w, err
}

// wholeWish is a wish that names its level.
func (c *call) wholeWish() (wish, error) {
	if err := c.require("access_level"); err != nil {
		return wish{}, err
	}
	return c.wish()
}

// problem is what the model has against a wish.
type problem struct{ field, text string }

func (p *problem) failure() *caller.Failure { return validation(p.field, p.text) }

// sentence is the problem as full_messages tells it.
func (p *problem) sentence() string {
	name := strings.ReplaceAll(p.field, "_", " ")
	return strings.ToUpper(name[:1]) + name[1:] + " " + p.text
}

// refuse checks a wish against the rules of the model. The texts on roles are made
// up.
func (c *call) refuse(src world.Source, u *world.User, w wish) *problem {
	root := src.Kind == world.GroupSource && c.d.Group(src.ID).ParentID == 0
	levels := []int{world.Guest, world.Planner, world.Reporter, world.Developer, world.Maintainer, world.Owner}
	if root && !c.api.CE {
		levels = append(levels, world.MinimalAccess)
	}
	switch {
	case !slices.Contains(levels, w.level):
		return &problem{"access_level", "is not included in the list"}
	case w.expires != "" && w.expires < c.now().Format(time.DateOnly):
		return &problem{"expires_at", "cannot be a date in the past"}
	}
	if u != nil {
		if p := c.refuseUserIn(src, u, w); p != nil {
			return p
		}
	}
	if w.role == 0 {
		return nil
	}
	r := c.d.Role(w.role)
	if c.api.CE || r == nil {
		return &problem{"member_role", "not found"}
	}
	if r.BaseLevel != w.level {
		return &problem{"member_role_id", "role's base access level does not match the access level of the membership"}
	}
	return nil
}

func (c *call) refuseUserIn(src world.Source, u *world.User, w wish) *problem {
	// The text on SAML is that of invitations.
	if u.Type == world.ProjectBot && c.d.Member(src, u.ID) == nil {
		return &problem{"user", "project bots cannot be added to other groups / projects"}
	}
	if c.ssoEnforced(src) && u.Type == world.Human && !slices.ContainsFunc(u.Identities, func(i world.Identity) bool { return strings.HasPrefix(i.Provider, "saml") }) {
		return &problem{"user", "is not linked to a SAML account"}
	}
	above, from := 0, ""
	for _, m := range c.d.MembershipsOf(u.ID) {
		if m.Source.Kind == world.GroupSource && !m.Pending() && m.Level > above && c.isAbove(m.Source.ID, src) {
			above, from = m.Level, c.d.Group(m.Source.ID).Name
		}
	}
	if above > w.level && above > world.MinimalAccess {
		return &problem{"access_level", fmt.Sprintf("should be greater than or equal to %s inherited membership from group %s", world.LevelName(above), from)}
	}
	return nil
}

func (c *call) groupsOf(src world.Source) []*world.Group {
	if src.Kind == world.GroupSource {
		return c.d.Ancestors(src.ID)
	}
	return c.d.Ancestors(c.d.Project(src.ID).GroupID)
}

// isAbove tells whether a group is strictly above a source.
func (c *call) isAbove(group int64, src world.Source) bool {
	return src != world.InGroup(group) && slices.ContainsFunc(c.groupsOf(src), func(g *world.Group) bool { return g.ID == group })
}

func (c *call) ssoEnforced(src world.Source) bool {
	return slices.ContainsFunc(c.groupsOf(src), func(g *world.Group) bool { return g.SSOEnforced })
}
