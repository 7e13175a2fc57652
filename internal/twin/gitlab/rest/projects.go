package rest

import (
	"slices"
	"strings"
	"time"

	"gatehouse/internal/twin/gitlab/world"
)

const projectDefaults = "imported=false&include_hidden=false&include_pending_delete=false&membership=false&order_by=created_at&owned=false" +
	"&simple=false&sort=desc&starred=false&statistics=false&with_custom_attributes=false" +
	"&with_issues_enabled=false&with_merge_requests_enabled=false"

func projectRoutes() []*route {
	return slices.Concat([]*route{
		get("projects", readAPI(), listProjects).limited("projects").public(),
		get("projects/{}", readAPI(), getProject).limited("project").public(),
	}, projectWriteRoutes())
}

func getProject(c *call) (any, error) {
	p, err := c.project()
	if err != nil {
		return nil, err
	}
	return c.projectRow(p), nil
}

func listProjects(c *call) (any, error) {
	return c.projectPage(c.d.Projects())
}

func userProjects(c *call) (any, error) {
	u, err := c.user(c.vars[0])
	if err != nil {
		return nil, err
	}
	return c.projectPage(c.d.ProjectsOf(u.ID))
}

func listGroupProjects(c *call) (any, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	withShared := !c.has("with_shared") || c.is("with_shared")
	found := c.groupProjects(g, c.is("include_subgroups"), withShared)
	slices.SortFunc(found, func(a, b *world.Project) int { return int(a.ID - b.ID) })
	return c.projectPage(found)
}

// groupProjects lists what is in a group, below it, and shared with it.
func (c *call) groupProjects(g *world.Group, below, shared bool) []*world.Project {
	found := slices.Clone(c.d.ProjectsIn(g.ID))
	if below {
		for _, sub := range c.d.Descendants(g.ID) {
			found = append(found, c.d.ProjectsIn(sub.ID)...)
		}
	}
	if shared {
		for _, s := range c.d.SharedWith(g.ID) {
			if p := c.d.Project(s.Source.ID); s.Source.Kind == world.ProjectSource && p != nil && !slices.Contains(found, p) {
				found = append(found, p)
			}
		}
	}
	return slices.DeleteFunc(found, func(p *world.Project) bool { return !c.sight.Project(p) })
}

// projectPage filters projects that come by id, sorts and cuts them.
func (c *call) projectPage(from []*world.Project) (any, error) {
	orderBy, err := c.oneOf("order_by", "created_at", "id", "name", "path", "created_at", "updated_at", "star_count", "last_activity_at", "similarity")
	if err != nil {
		return nil, err
	}
	sort, err := c.oneOf("sort", "desc", "asc", "desc")
	if err != nil {
		return nil, err
	}
	keep, err := c.projectFilter(orderBy)
	if err != nil {
		return nil, err
	}
	var found []*world.Project
	for _, p := range from {
		if keep(p) {
			found = append(found, p)
		}
	}
	order(found, projectKey(orderBy), orderBy == "id", sort == "desc")
	page, err := c.cutProjects(found, orderBy, sort)
	if err != nil {
		return nil, err
	}
	if c.is("simple") || c.who.User == nil {
		return rows(page, c.projectSimple), nil
	}
	return rows(page, c.projectRow), nil
}

func (c *call) cutProjects(found []*world.Project, orderBy, sort string) ([]*world.Project, error) {
	if c.get("pagination") != "keyset" {
		limited := ""
		if c.who.User == nil {
			limited = "Project"
		}
		return offset(c, found, limited, projectDefaults)
	}
	if orderBy != "id" {
		return nil, noKeyset()
	}
	_, perPage, err := c.pageSize()
	if err != nil {
		return nil, err
	}
	page := found[:min(perPage, len(found))]
	if len(page) == 0 {
		return page, nil
	}
	set := map[string]string{"id_after": "", "id_before": "", "page": ""}
	name := "id_after"
	if sort == "desc" {
		name = "id_before"
	}
	set[name] = itoa(page[len(page)-1].ID)
	c.header.Set("Link", "<"+c.linkTo(projectDefaults, set)+`>; rel="next"`)
	return page, nil
}

func projectKey(orderBy string) key[*world.Project] {
	at := func(read func(*world.Project) time.Time) key[*world.Project] {
		return func(p *world.Project) (string, int64) {
			return read(p).UTC().Format("2006-01-02T15:04:05.000000000"), p.ID
		}
	}
	switch orderBy {
	case "name", "similarity":
		return func(p *world.Project) (string, int64) { return strings.ToLower(p.Name), p.ID }
	case "path":
		return func(p *world.Project) (string, int64) { return p.Path, p.ID }
	case "created_at":
		return at(func(p *world.Project) time.Time { return p.CreatedAt })
	case "updated_at":
		return at(func(p *world.Project) time.Time { return p.UpdatedAt })
	case "last_activity_at":
		return at(func(p *world.Project) time.Time { return p.LastActivityAt })
	}
	return func(p *world.Project) (string, int64) { return "", p.ID }
}

// projectFilter joins the filters of a request into one question.
func (c *call) projectFilter(orderBy string) (func(*world.Project) bool, error) {
	after, err := c.number("id_after", 0)
	if err != nil {
		return nil, err
	}
	before, err := c.number("id_before", 1<<62)
	if err != nil {
		return nil, err
	}
	minimum, err := c.number("min_access_level", 0)
	if err != nil {
		return nil, err
	}
	activity, err := c.between("last_activity_after", "last_activity_before")
	if err != nil {
		return nil, err
	}
	updated, err := c.between("updated_after", "updated_before")
	if err != nil {
		return nil, err
	}
	if orderBy != "updated_at" {
		updated = func(time.Time) bool { return true }
	}
	own := c.d.Sight(world.Viewer{User: c.who.User})
	level := int(minimum)
	if c.is("membership") {
		level = max(level, world.Guest)
	}
	wanted := c.projectTexts()
	return func(p *world.Project) bool {
		if p.ID <= after || p.ID >= before || !wanted(p) || !c.sight.Project(p) {
			return false
		}
		if level > 0 && own.Level(world.InProject(p.ID)) < level || c.is("owned") && p.OwnerID != c.userID() {
			return false
		}
		return activity(p.LastActivityAt) && updated(p.UpdatedAt)
	}, nil
}

func (c *call) userID() int64 {
	if c.who.User == nil {
		return -1
	}
	return c.who.User.ID
}

func (c *call) projectTexts() func(*world.Project) bool {
	search, visibility, marked := strings.ToLower(c.get("search")), c.get("visibility"), c.get("marked_for_deletion_on")
	archived, active, spaces := c.has("archived"), c.has("active"), c.is("search_namespaces")
	return func(p *world.Project) bool {
		text := strings.ToLower(p.Name + "\n" + p.Path + "\n" + p.Description)
		if spaces {
			text += "\n" + strings.ToLower(p.FullPath)
		}
		switch {
		case search != "" && !strings.Contains(text, search):
			return false
		case visibility != "" && p.Visibility != visibility:
			return false
		case marked != "" && p.MarkedForDeletionOn != marked:
			return false
		case archived && p.Archived != c.is("archived"):
			return false
		case active && (!p.Archived && p.MarkedForDeletionOn == "") != c.is("active"):
			return false
		}
		return true
	}
}
