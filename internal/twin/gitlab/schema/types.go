package schema

import (
	"slices"
	"strings"

	"gatehouse/internal/twin/gitlab/graphql"
	"gatehouse/internal/twin/gitlab/world"
)

// schema builds the schema for one caller's view.
func (v *view) schema() *graphql.Schema {
	s := &graphql.Schema{Query: "Query", Types: map[string]*graphql.Type{}}
	add := func(types ...*graphql.Type) {
		for _, t := range types {
			s.Types[t.Name] = t
		}
	}
	for _, n := range []string{"Time", "Date"} {
		add(&graphql.Type{Kind: graphql.Scalar, Name: n})
	}
	enum := func(name string, values ...string) {
		add(&graphql.Type{Kind: graphql.EnumKind, Name: name, Values: values})
	}
	enum("GroupMemberRelation", "DIRECT", "INHERITED", "DESCENDANTS", "SHARED_FROM_GROUPS")
	enum("ProjectMemberRelation", "DIRECT", "INHERITED", "DESCENDANTS", "INVITED_GROUPS", "SHARED_INTO_ANCESTORS")
	enum("AccessLevelEnum", "NO_ACCESS", "MINIMAL_ACCESS", "GUEST", "PLANNER", "REPORTER", "SECURITY_MANAGER", "DEVELOPER", "MAINTAINER", "OWNER", "ADMIN")
	enum("Sort", "CREATED_ASC", "CREATED_DESC", "UPDATED_ASC", "UPDATED_DESC", "created_asc", "created_desc", "updated_asc", "updated_desc")
	enum("MemberSort", "ACCESS_LEVEL_ASC", "ACCESS_LEVEL_DESC", "USER_FULL_NAME_ASC", "USER_FULL_NAME_DESC")
	enum("UserState", "active", "banned", "blocked", "blocked_pending_approval", "deactivated", "ldap_blocked")
	enum("UserType", "HUMAN", "PROJECT_BOT", "SERVICE_ACCOUNT", "GHOST", "ALERT_BOT", "SUPPORT_BOT", "PLACEHOLDER", "IMPORT_USER", "MIGRATION_BOT")

	add(pageInfo(), v.userType("UserCore"), v.userType("CurrentUser"), v.groupType(), v.projectType(), v.namespaceType(), accessLevel(), metadata(v))
	add(v.memberTypes()...)
	add(object("QueryComplexity",
		field("limit", "Int", func(v *view) any { return v.limit }),
		field("score", "Int", func(v *view) any { return v.score })),
		object("Email", field("email", "String!", func(e world.Email) any { return e.Address }),
			field("confirmedAt", "Time", func(e world.Email) any { return clock(e.ConfirmedAt) })))
	for name, node := range map[string]string{
		"UserCore": "UserCore", "Group": "Group", "Project": "Project", "GroupMember": "GroupMember",
		"ProjectMember": "ProjectMember", "MemberInterface": "MemberInterface", "Email": "Email",
	} {
		add(connections(name, node)...)
	}
	if !v.rules.CE {
		add(object("MemberRole",
			field("baseAccessLevel", "AccessLevel!", func(r *world.Role) any { return r.BaseLevel }),
			field("description", "String", func(r *world.Role) any { return orNil(r.Description) }),
			field("id", "ID!", func(r *world.Role) any { return gid("MemberRole", r.ID) }),
			field("name", "String", func(r *world.Role) any { return r.Name })))
	}
	add(v.query())
	s.Introspectable()
	return s
}

func accessLevel() *graphql.Type {
	return object("AccessLevel",
		field("humanAccess", "String", func(n int) any { return orNil(world.LevelName(n)) }),
		field("integerValue", "Int", func(n int) any { return n }),
		field("stringValue", "AccessLevelEnum", func(n int) any { return orNil(levelEnum(n)) }))
}

// levelEnum is a level as a value of AccessLevelEnum.
func levelEnum(level int) string {
	return strings.ReplaceAll(strings.ToUpper(world.LevelName(level)), " ", "_")
}

func metadata(v *view) *graphql.Type {
	return object("Metadata",
		field("enterprise", "Boolean!", func(*view) any { return !v.rules.CE }),
		field("revision", "String!", func(*view) any { return "6714c913" }),
		field("version", "String!", func(*view) any {
			if v.rules.CE {
				return "18.9.0"
			}
			return "18.9.0-ee"
		}))
}

func (v *view) userType(name string) *graphql.Type {
	u := func(n, typ string, read func(*world.User) any) *graphql.Field { return field(n, typ, read) }
	memberships := func(name, typ string, kind world.SourceKind) *graphql.Field {
		return fieldWith(name, typ, pageArgs(), func(u *world.User, a graphql.Args) (any, error) { return v.memberships(u, kind, a) })
	}
	return object(name,
		u("active", "Boolean", func(u *world.User) any { return u.State == world.Active }),
		u("avatarUrl", "String", func(u *world.User) any { return orNil(u.AvatarURL) }),
		u("bio", "String", func(u *world.User) any { return orNil(u.Bio) }),
		u("bot", "Boolean!", func(u *world.User) any { return u.Type.Bot() }),
		u("createdAt", "Time", func(u *world.User) any { return clock(u.CreatedAt) }),
		fieldWith("emails", "EmailConnection", pageArgs(), v.emails),
		u("groupCount", "Int", v.groupCount),
		memberships("groupMemberships", "GroupMemberConnection", world.GroupSource),
		u("human", "Boolean", func(u *world.User) any { return u.Type == world.Human }),
		u("id", "ID!", func(u *world.User) any { return gid("User", u.ID) }),
		u("jobTitle", "String", func(u *world.User) any { return orNil(u.JobTitle) }),
		u("lastActivityOn", "Date", func(u *world.User) any { return orNil(u.LastActivityOn) }),
		u("location", "String", func(u *world.User) any { return orNil(u.Location) }),
		u("name", "String!", func(u *world.User) any { return u.Name }),
		u("organization", "String", func(u *world.User) any { return orNil(u.Organization) }),
		memberships("projectMemberships", "ProjectMemberConnection", world.ProjectSource),
		u("publicEmail", "String", func(u *world.User) any { return orNil(u.PublicEmail) }),
		u("state", "UserState!", func(u *world.User) any { return string(u.State) }),
		u("type", "UserType!", func(u *world.User) any { return strings.ToUpper(string(u.Type)) }),
		u("username", "String!", func(u *world.User) any { return u.Username }),
		u("webPath", "String!", func(u *world.User) any { return "/" + u.Username }),
		u("webUrl", "String!", func(u *world.User) any { return v.rules.URL + "/" + u.Username }),
	)
}

func (v *view) groupCount(u *world.User) any {
	if u != v.who.User && !v.who.Viewer.Admin {
		return nil
	}
	n := 0
	for _, m := range v.d.MembershipsOf(u.ID) {
		if !m.Pending() && m.Source.Kind == world.GroupSource {
			n++
		}
	}
	return n
}

// emails are shown to the person and to administrators.
func (v *view) emails(u *world.User, a graphql.Args) (any, error) {
	all := []world.Email{}
	if u == v.who.User || v.who.Viewer.Admin {
		all = append([]world.Email{{Address: u.Email, ConfirmedAt: u.ConfirmedAt}}, u.Emails...)
	}
	return cut(all, func(e world.Email) place { return place{id: e.ID} }, false, a, func(e world.Email) any { return e })
}

// memberships lists direct memberships from Guest on, newest first, where the
// caller may see the group or project. Private profiles keep theirs.
func (v *view) memberships(u *world.User, kind world.SourceKind, a graphql.Args) (any, error) {
	var found []world.Member
	hidden := u.PrivateProfile && u != v.who.User && !v.who.Viewer.ReadAll
	for _, m := range v.d.MembershipsOf(u.ID) {
		if m.Source.Kind == kind && !m.Pending() && !hidden && m.Level > world.MinimalAccess && v.sight.Sees(m.Source) {
			found = append(found, *m)
		}
	}
	return v.memberPage(found, a)
}

func (v *view) groupType() *graphql.Type {
	g := func(n, typ string, read func(*world.Group) any) *graphql.Field { return field(n, typ, read) }
	members := fieldWith("groupMembers", "GroupMemberConnection", memberArgs("GroupMemberRelation"), v.groupMembers)
	members.Cost = listed
	descendants := fieldWith("descendantGroups", "GroupConnection", pageArgs(), func(g *world.Group, a graphql.Args) (any, error) {
		return v.groupPage(v.d.Descendants(g.ID), a)
	})
	descendants.Cost = listed
	projects := fieldWith("projects", "ProjectConnection", pageArgs(graphql.Arg{Name: "includeSubgroups", Type: "Boolean", Default: false}), v.groupProjects)
	projects.Cost = listed
	return object("Group",
		g("archived", "Boolean!", func(g *world.Group) any { return g.Archived }),
		g("createdAt", "Time", func(g *world.Group) any { return clock(g.CreatedAt) }),
		descendants,
		g("description", "String", func(g *world.Group) any { return g.Description }),
		g("fullName", "String!", func(g *world.Group) any { return g.FullName }),
		g("fullPath", "ID!", func(g *world.Group) any { return g.FullPath }),
		members,
		g("groupMembersCount", "Int!", func(g *world.Group) any { return v.countMembers(world.InGroup(g.ID)) }),
		g("id", "ID!", func(g *world.Group) any { return gid("Group", g.ID) }),
		g("markedForDeletion", "Boolean!", func(g *world.Group) any { return g.MarkedForDeletionOn != "" }),
		g("markedForDeletionOn", "Time", func(g *world.Group) any { return midnight(g.MarkedForDeletionOn) }),
		g("name", "String!", func(g *world.Group) any { return g.Name }),
		g("parent", "Group", func(g *world.Group) any {
			if p := v.d.Group(g.ParentID); p != nil && v.sight.Group(p) {
				return p
			}
			return nil
		}),
		g("path", "String!", func(g *world.Group) any { return g.Path }),
		projects,
		g("projectsCount", "Int!", func(g *world.Group) any { return len(v.d.ProjectsIn(g.ID)) }),
		g("visibility", "String", func(g *world.Group) any { return g.Visibility }),
		g("webUrl", "String", func(g *world.Group) any { return v.rules.URL + "/groups/" + g.FullPath }),
	)
}

func (v *view) countMembers(src world.Source) int {
	n := 0
	for _, m := range v.d.Direct(src) {
		if !m.Pending() {
			n++
		}
	}
	return n
}

func (v *view) groupProjects(g *world.Group, a graphql.Args) (any, error) {
	found := slices.Clone(v.d.ProjectsIn(g.ID))
	if a.True("includeSubgroups") {
		for _, sub := range v.d.Descendants(g.ID) {
			found = append(found, v.d.ProjectsIn(sub.ID)...)
		}
	}
	return v.projectPage(found, a)
}

func (v *view) namespaceType() *graphql.Type {
	return object("Namespace",
		field("fullName", "String!", func(n namespace) any { return n.name }),
		field("fullPath", "ID!", func(n namespace) any { return n.path }),
		field("id", "ID!", func(n namespace) any { return n.id }),
		field("name", "String!", func(n namespace) any { return n.name }))
}

type namespace struct{ id, name, path string }

func (v *view) namespaceOf(p *world.Project) any {
	if g := v.d.Group(p.GroupID); g != nil {
		return namespace{gid("Group", g.ID), g.FullName, g.FullPath}
	}
	if u := v.d.User(p.OwnerID); u != nil {
		return namespace{gid("Namespaces::UserNamespace", u.NamespaceID), u.Name, u.Username}
	}
	return nil
}

func (v *view) projectType() *graphql.Type {
	p := func(n, typ string, read func(*world.Project) any) *graphql.Field { return field(n, typ, read) }
	members := fieldWith("projectMembers", "MemberInterfaceConnection", memberArgs("ProjectMemberRelation"), v.projectMembers)
	members.Cost = listed
	return object("Project",
		p("archived", "Boolean", func(p *world.Project) any { return p.Archived }),
		p("createdAt", "Time", func(p *world.Project) any { return clock(p.CreatedAt) }),
		p("description", "String", func(p *world.Project) any { return orNil(p.Description) }),
		p("fullPath", "ID!", func(p *world.Project) any { return p.FullPath }),
		p("group", "Group", func(p *world.Project) any {
			if g := v.d.Group(p.GroupID); g != nil && v.sight.Group(g) {
				return g
			}
			return nil
		}),
		p("id", "ID!", func(p *world.Project) any { return gid("Project", p.ID) }),
		p("lastActivityAt", "Time", func(p *world.Project) any { return clock(p.LastActivityAt) }),
		p("markedForDeletion", "Boolean!", func(p *world.Project) any { return p.MarkedForDeletionOn != "" }),
		p("name", "String!", func(p *world.Project) any { return p.Name }),
		p("nameWithNamespace", "String!", func(p *world.Project) any { return p.FullName }),
		p("namespace", "Namespace", v.namespaceOf),
		p("path", "String!", func(p *world.Project) any { return p.Path }),
		members,
		p("updatedAt", "Time", func(p *world.Project) any { return clock(p.UpdatedAt) }),
		p("visibility", "String", func(p *world.Project) any { return p.Visibility }),
		p("webUrl", "String", func(p *world.Project) any { return v.rules.URL + "/" + p.FullPath }),
	)
}
