package schema

import (
	"slices"
	"strings"

	"gatehouse/internal/twin/gitlab/graphql"
	"gatehouse/internal/twin/gitlab/world"
)

func arg(name, typ string) graphql.Arg { return graphql.Arg{Name: name, Type: typ} }

func resolver(f *graphql.Field) *graphql.Field {
	f.Cost = listed
	return f
}

// query is the root.
func (v *view) query() *graphql.Type {
	sort := graphql.Arg{Name: "sort", Type: "Sort", Default: "created_desc"}
	return object("Query",
		field("currentUser", "CurrentUser", func(v *view) any {
			if v.who.User == nil {
				return nil
			}
			return v.who.User
		}),
		fieldWith("echo", "String!", []graphql.Arg{arg("text", "String!")}, (*view).echo),
		fieldWith("group", "Group", []graphql.Arg{arg("fullPath", "ID!")}, func(v *view, a graphql.Args) (any, error) {
			if g := v.d.GroupByPath(a.Text("fullPath")); g != nil && v.sight.Group(g) {
				return g, nil
			}
			return nil, nil
		}),
		resolver(fieldWith("groups", "GroupConnection", pageArgs(arg("ids", "[ID!]"), arg("search", "String"), arg("topLevelOnly", "Boolean"),
			graphql.Arg{Name: "sort", Type: "String", Default: "name_asc"}, arg("ownedOnly", "Boolean"), arg("markedForDeletionOn", "Date"), arg("active", "Boolean")), (*view).groups)),
		field("metadata", "Metadata", func(v *view) any { return v }),
		fieldWith("project", "Project", []graphql.Arg{arg("fullPath", "ID!")}, func(v *view, a graphql.Args) (any, error) {
			if p := v.d.ProjectByPath(a.Text("fullPath")); p != nil && v.sight.Project(p) {
				return p, nil
			}
			return nil, nil
		}),
		resolver(fieldWith("projects", "ProjectConnection", pageArgs(arg("ids", "[ID!]"), arg("fullPaths", "[String!]"), arg("membership", "Boolean"),
			arg("search", "String"), graphql.Arg{Name: "sort", Type: "String"}, arg("personal", "Boolean")), (*view).projects)),
		field("queryComplexity", "QueryComplexity", func(v *view) any { return v }),
		fieldWith("user", "UserCore", []graphql.Arg{arg("id", "ID"), arg("username", "String")}, (*view).user),
		resolver(fieldWith("users", "UserCoreConnection", pageArgs(arg("active", "Boolean"), arg("admins", "Boolean"), arg("humans", "Boolean"),
			arg("ids", "[ID!]"), arg("search", "String"), sort, arg("usernames", "[String!]")), (*view).users)),
	)
}

func (v *view) echo(a graphql.Args) (any, error) {
	who := "nil"
	if v.who.User != nil {
		who = v.who.User.Username
	}
	return `"` + who + `" says: ` + a.Text("text"), nil
}

func (v *view) user(a graphql.Args) (any, error) {
	if name := a.Text("username"); name != "" {
		if u := v.d.UserByName(name); u != nil {
			return u, nil
		}
		return nil, nil
	}
	wanted, err := ids([]string{a.Text("id")}, "User")
	if err != nil {
		return nil, err
	}
	for id := range wanted {
		if u := v.d.User(id); u != nil {
			return u, nil
		}
	}
	return nil, nil
}

// users lists accounts, newest first. Strangers may not; people without rights do
// not find those who are blocked or banned.
func (v *view) users(a graphql.Args) (any, error) {
	if v.who.User == nil {
		return nil, errNotAvailable
	}
	from, err := v.pickUsers(a)
	if err != nil {
		return nil, err
	}
	all := v.who.Viewer.ReadAll
	search := strings.ToLower(a.Text("search"))
	found := make([]*world.User, 0, len(from))
	for _, u := range from {
		switch {
		case !all && (u.State == world.Blocked || u.State == world.LDAPBlocked || u.State == world.Banned):
		case a.True("admins") && all && !u.Admin:
		case a["active"] != nil && (u.State == world.Active && !u.Type.Internal()) != a.True("active"):
		case a["humans"] != nil && (u.Type == world.Human) != a.True("humans"):
		case search != "" && !strings.Contains(strings.ToLower(u.Name+"\n"+u.Username), search):
		default:
			found = append(found, u)
		}
	}
	sort := strings.ToUpper(a.Text("sort"))
	desc := !strings.HasSuffix(sort, "_ASC")
	if desc {
		slices.Reverse(found)
	}
	at := func(u *world.User) place { return place{num: u.CreatedAt.UnixMilli(), id: u.ID} }
	if strings.HasPrefix(sort, "UPDATED") {
		at = func(u *world.User) place { return place{num: u.UpdatedAt.UnixMilli(), id: u.ID} }
	}
	return cut(found, at, desc, a, func(u *world.User) any { return u })
}

func (v *view) pickUsers(a graphql.Args) ([]*world.User, error) {
	if texts, given := a.List("ids"); given {
		wanted, err := ids(texts, "User")
		if err != nil {
			return nil, err
		}
		var found []*world.User
		for id := range wanted {
			if u := v.d.User(id); u != nil {
				found = append(found, u)
			}
		}
		return found, nil
	}
	if names, given := a.List("usernames"); given {
		var found []*world.User
		for _, n := range names {
			if u := v.d.UserByName(n); u != nil {
				found = append(found, u)
			}
		}
		return found, nil
	}
	return v.d.Users(), nil
}

func (v *view) groups(a graphql.Args) (any, error) {
	var wanted map[int64]bool
	if texts, given := a.List("ids"); given {
		var err error
		if wanted, err = ids(texts, "Group"); err != nil {
			return nil, err
		}
	}
	search := strings.ToLower(a.Text("search"))
	own := v.d.Sight(world.Viewer{User: v.who.User})
	var found []*world.Group
	for _, g := range v.d.GroupsByName() {
		switch {
		case wanted != nil && !wanted[g.ID], a.True("topLevelOnly") && g.ParentID != 0:
		case a.True("ownedOnly") && own.Level(world.InGroup(g.ID)) < world.Owner:
		case a.Text("markedForDeletionOn") != "" && g.MarkedForDeletionOn != a.Text("markedForDeletionOn"):
		case a["active"] != nil && (!g.Archived && g.MarkedForDeletionOn == "") != a.True("active"):
		case search != "" && !strings.Contains(strings.ToLower(g.Name+"\n"+g.Path), search):
		default:
			found = append(found, g)
		}
	}
	return v.groupPage(found, a)
}

// groupPage sorts by name unless told otherwise.
func (v *view) groupPage(found []*world.Group, a graphql.Args) (any, error) {
	found = slices.DeleteFunc(slices.Clone(found), func(g *world.Group) bool { return !v.sight.Group(g) })
	sort := strings.ToLower(a.Text("sort"))
	at := func(g *world.Group) place { return place{text: strings.ToLower(g.Name), id: g.ID} }
	switch {
	case strings.HasPrefix(sort, "id_"):
		at = func(g *world.Group) place { return place{id: g.ID} }
	case strings.HasPrefix(sort, "path_"):
		at = func(g *world.Group) place { return place{text: g.Path, id: g.ID} }
	case strings.HasPrefix(sort, "created_"):
		at = func(g *world.Group) place { return place{num: g.CreatedAt.UnixMilli(), id: g.ID} }
	}
	return cut(found, at, strings.HasSuffix(sort, "_desc"), a, func(g *world.Group) any { return g })
}

func (v *view) projects(a graphql.Args) (any, error) {
	var wanted map[int64]bool
	if texts, given := a.List("ids"); given {
		var err error
		if wanted, err = ids(texts, "Project"); err != nil {
			return nil, err
		}
	}
	paths, byPath := a.List("fullPaths")
	search := strings.ToLower(a.Text("search"))
	own := v.d.Sight(world.Viewer{User: v.who.User})
	var found []*world.Project
	for _, p := range v.d.Projects() {
		switch {
		case wanted != nil && !wanted[p.ID], byPath && !slices.Contains(paths, p.FullPath):
		case a["personal"] != nil && (p.OwnerID != 0) != a.True("personal"):
		case a.True("membership") && own.Level(world.InProject(p.ID)) < world.Guest:
		case search != "" && !strings.Contains(strings.ToLower(p.Name+"\n"+p.Path+"\n"+p.Description), search):
		default:
			found = append(found, p)
		}
	}
	return v.projectPage(found, a)
}

// projectPage sorts by id, newest first, unless told otherwise.
func (v *view) projectPage(found []*world.Project, a graphql.Args) (any, error) {
	found = slices.DeleteFunc(slices.Clone(found), func(p *world.Project) bool { return !v.sight.Project(p) })
	sort := strings.ToLower(a.Text("sort"))
	at := func(p *world.Project) place { return place{id: p.ID} }
	switch {
	case strings.HasPrefix(sort, "name_"):
		at = func(p *world.Project) place { return place{text: strings.ToLower(p.Name), id: p.ID} }
	case strings.HasPrefix(sort, "path_"):
		at = func(p *world.Project) place { return place{text: p.FullPath, id: p.ID} }
	case strings.HasPrefix(sort, "created_"):
		at = func(p *world.Project) place { return place{num: p.CreatedAt.UnixMilli(), id: p.ID} }
	}
	desc := !strings.HasSuffix(sort, "_asc")
	if desc && sort == "" {
		slices.Reverse(found)
	}
	return cut(found, at, desc, a, func(p *world.Project) any { return p })
}
