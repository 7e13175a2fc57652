package schema

import (
	"slices"
	"strings"

	"gatehouse/internal/twin/gitlab/graphql"
	"gatehouse/internal/twin/gitlab/world"
)

// member is a row of a list of members, typed as GitLab types it.
type member struct{ world.Member }

// GraphQLType is GroupMember or ProjectMember.
func (m member) GraphQLType() string { return string(m.Source.Kind) + "Member" }

func memberArgs(relation string) []graphql.Arg {
	return pageArgs(
		graphql.Arg{Name: "accessLevels", Type: "[AccessLevelEnum!]"},
		graphql.Arg{Name: "ids", Type: "[ID!]"},
		graphql.Arg{Name: "relations", Type: "[" + relation + "!]", Default: []any{"DIRECT", "INHERITED"}},
		graphql.Arg{Name: "search", Type: "String"},
		graphql.Arg{Name: "sort", Type: "MemberSort"},
	)
}

// memberTypes are the interface and its two kinds. The custom role is there in
// the Enterprise Edition only.
func (v *view) memberTypes() []*graphql.Type {
	m := func(n, typ string, read func(member) any) *graphql.Field { return field(n, typ, read) }
	user := func(id int64) any {
		if u := v.d.User(id); u != nil {
			return u
		}
		return nil
	}
	shared := []*graphql.Field{
		m("accessLevel", "AccessLevel", func(m member) any { return m.Level }),
		m("createdAt", "Time", func(m member) any { return clock(m.CreatedAt) }),
		m("createdBy", "UserCore", func(m member) any { return user(m.CreatedBy) }),
		m("expiresAt", "Time", func(m member) any { return midnight(m.ExpiresAt) }),
		m("id", "ID!", func(m member) any { return gid(m.GraphQLType(), m.ID) }),
		m("updatedAt", "Time", func(m member) any { return clock(m.UpdatedAt) }),
		m("user", "UserCore", func(m member) any { return user(m.UserID) }),
	}
	if !v.rules.CE {
		shared = append(shared, m("memberRole", "MemberRole", func(m member) any {
			if r := v.d.Role(m.RoleID); r != nil {
				return r
			}
			return nil
		}))
	}
	group := m("group", "Group", func(m member) any {
		if g := v.d.Group(m.Source.ID); m.Source.Kind == world.GroupSource && g != nil && v.sight.Group(g) {
			return g
		}
		return nil
	})
	project := m("project", "Project", func(m member) any {
		if p := v.d.Project(m.Source.ID); m.Source.Kind == world.ProjectSource && p != nil && v.sight.Project(p) {
			return p
		}
		return nil
	})
	return []*graphql.Type{
		{Kind: graphql.Interface, Name: "MemberInterface", Fields: shared},
		{Kind: graphql.Object, Name: "GroupMember", Interfaces: []string{"MemberInterface"}, Fields: append(slices.Clone(shared), group)},
		{Kind: graphql.Object, Name: "ProjectMember", Interfaces: []string{"MemberInterface"}, Fields: append(slices.Clone(shared), project)},
	}
}

func (v *view) groupMembers(g *world.Group, a graphql.Args) (any, error) {
	return v.members(world.InGroup(g.ID), a)
}

func (v *view) projectMembers(p *world.Project, a graphql.Args) (any, error) {
	return v.members(world.InProject(p.ID), a)
}

// members lists one row per user, by the relations asked for. With DIRECT come
// the invitations by e-mail too, which have no user.
func (v *view) members(src world.Source, a graphql.Args) (any, error) {
	var rel world.Relation
	names, _ := a.List("relations")
	for _, n := range names {
		switch n {
		case "DIRECT":
			rel |= world.Direct
		case "INHERITED":
			rel |= world.Inherited
		case "DESCENDANTS":
			rel |= world.Descendant
		case "SHARED_FROM_GROUPS", "INVITED_GROUPS", "SHARED_INTO_ANCESTORS":
			rel |= world.Invited
		}
	}
	found := v.sight.Reach(src, rel)
	if rel&world.Direct != 0 {
		for _, m := range v.d.Direct(src) {
			if m.UserID == 0 {
				found = append(found, *m)
			}
		}
	}
	found, err := v.chosen(found, a)
	if err != nil {
		return nil, err
	}
	return v.memberPage(found, a)
}

// chosen applies the filters. accessLevels leaves out who is not active, too.
func (v *view) chosen(found []world.Member, a graphql.Args) ([]world.Member, error) {
	levels, byLevel := a.List("accessLevels")
	texts, byID := a.List("ids")
	search := strings.ToLower(a.Text("search"))
	var wanted map[int64]bool
	if byID {
		for i, t := range texts {
			texts[i] = strings.Replace(t, "ProjectMember", "GroupMember", 1)
		}
		var err error
		if wanted, err = ids(texts, "GroupMember"); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(found, func(m world.Member) bool {
		u := v.d.User(m.UserID)
		switch {
		case v.rules.CE && m.Level <= world.MinimalAccess:
			return true
		case byLevel && (!slices.Contains(levels, levelEnum(m.Level)) || u != nil && u.State != world.Active):
			return true
		case byID && !wanted[m.ID]:
			return true
		case search != "":
			return u == nil || !strings.Contains(strings.ToLower(u.Name+"\n"+u.Username), search)
		}
		return false
	}), nil
}

func (v *view) memberPage(found []world.Member, a graphql.Args) (any, error) {
	sort := a.Text("sort")
	at := func(m world.Member) place { return place{id: m.ID} }
	switch {
	case strings.HasPrefix(sort, "ACCESS_LEVEL"):
		at = func(m world.Member) place { return place{num: int64(m.Level), id: m.ID} }
	case strings.HasPrefix(sort, "USER_FULL_NAME"):
		at = func(m world.Member) place {
			name := ""
			if u := v.d.User(m.UserID); u != nil {
				name = u.Name
			}
			return place{text: name, id: m.ID}
		}
	}
	desc := !strings.HasSuffix(sort, "_ASC")
	if sort == "" {
		slices.Reverse(found) // they come by id
	}
	return cut(found, at, desc, a, func(m world.Member) any { return member{m} })
}
