package world

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Errors of the changes below.
var (
	ErrTaken   = errors.New("has already been taken")
	ErrUnknown = errors.New("does not exist")
)

func claim(counter *int64, id *int64) {
	if *id == 0 {
		*counter++
		*id = *counter
	} else if *id > *counter {
		*counter = *id
	}
}

// AddUser adds an account. Missing ids are given out, a missing state is active,
// a missing type human. The username and address must be free.
func (d *Data) AddUser(u User) (*User, error) {
	if u.Username == "" {
		return nil, fmt.Errorf("add user %d: username is empty", u.ID)
	}
	if d.UserByName(u.Username) != nil || d.GroupByPath(u.Username) != nil {
		return nil, fmt.Errorf("add user %s: username %w", u.Username, ErrTaken)
	}
	if u.Email != "" && d.UserByEmail(u.Email) != nil {
		return nil, fmt.Errorf("add user %s: email %w", u.Username, ErrTaken)
	}
	if d.User(u.ID) != nil {
		return nil, fmt.Errorf("add user %d: id %w", u.ID, ErrTaken)
	}
	claim(&d.next.User, &u.ID)
	claim(&d.next.Namespace, &u.NamespaceID)
	u.State = cmp.Or(u.State, Active)
	u.Type = cmp.Or(u.Type, Human)
	u.Name = cmp.Or(u.Name, u.Username)
	u.Email = cmp.Or(u.Email, "temp-email-for-oauth-"+u.Username+"@gitlab.localhost")
	for i := range u.Emails {
		claim(&d.next.Email, &u.Emails[i].ID)
	}
	d.users = insert(d.users, &u, byUserID)
	d.userByID[u.ID] = &u
	d.indexUser(&u)
	d.happen(Happening{Event: "user_create", User: u})
	return &u, nil
}

func (d *Data) indexUser(u *User) {
	d.byUsername[strings.ToLower(u.Username)] = u
	d.byEmail[strings.ToLower(u.Email)] = u
	for _, e := range u.Emails {
		d.byEmail[strings.ToLower(e.Address)] = u
	}
}

// EditUser changes an account in place and keeps the indexes right. The paths of
// the personal projects follow the username.
func (d *Data) EditUser(u *User, change func(*User)) {
	before := u.Username
	delete(d.byUsername, strings.ToLower(u.Username))
	delete(d.byEmail, strings.ToLower(u.Email))
	for _, e := range u.Emails {
		delete(d.byEmail, strings.ToLower(e.Address))
	}
	change(u)
	if u.Username != before {
		d.happen(Happening{Event: "user_rename", User: *u, OldUsername: before})
	}
	for i := range u.Emails {
		claim(&d.next.Email, &u.Emails[i].ID)
	}
	d.indexUser(u)
	for _, p := range d.ofUser[u.ID] {
		d.placeProject(p)
	}
}

// RemoveUser removes an account with its memberships, tokens and personal
// projects.
func (d *Data) RemoveUser(u *User) {
	for _, m := range slices.Clone(d.ofMember[u.ID]) {
		d.RemoveMember(m)
	}
	for _, p := range slices.Clone(d.ofUser[u.ID]) {
		d.RemoveProject(p)
	}
	d.endSignIns(u.ID)
	d.happen(Happening{Event: "user_destroy", User: *u})
	d.users = without(d.users, u)
	delete(d.userByID, u.ID)
	delete(d.byUsername, strings.ToLower(u.Username))
	delete(d.byEmail, strings.ToLower(u.Email))
	for _, e := range u.Emails {
		delete(d.byEmail, strings.ToLower(e.Address))
	}
}

// AddGroup adds a group below its parent and fills in its full path and name.
func (d *Data) AddGroup(g Group) (*Group, error) {
	if g.Path == "" {
		return nil, fmt.Errorf("add group %d: path is empty", g.ID)
	}
	if g.ParentID != 0 && d.Group(g.ParentID) == nil {
		return nil, fmt.Errorf("add group %s: parent %d %w", g.Path, g.ParentID, ErrUnknown)
	}
	if d.Group(g.ID) != nil {
		return nil, fmt.Errorf("add group %d: id %w", g.ID, ErrTaken)
	}
	g.Name = cmp.Or(g.Name, g.Path)
	g.Visibility = cmp.Or(g.Visibility, "private")
	g.FullPath, g.FullName = d.fullPath(g.ParentID, g.Path), d.fullName(g.ParentID, g.Name)
	if d.pathTaken(g.FullPath) {
		return nil, fmt.Errorf("add group %s: path %w", g.FullPath, ErrTaken)
	}
	claim(&d.next.Namespace, &g.ID)
	d.groups = insert(d.groups, &g, byGroupID)
	d.groupsByName = insert(d.groupsByName, &g, CompareGroups)
	d.groupByID[g.ID] = &g
	d.groupByPath[strings.ToLower(g.FullPath)] = &g
	d.children[g.ParentID] = insert(d.children[g.ParentID], &g, byGroupID)
	d.happen(Happening{Event: "group_create", Group: g})
	return &g, nil
}

func (d *Data) pathTaken(path string) bool {
	return d.GroupByPath(path) != nil || d.ProjectByPath(path) != nil || d.UserByName(path) != nil
}

func (d *Data) fullPath(parent int64, path string) string {
	if p := d.groupByID[parent]; p != nil {
		return p.FullPath + "/" + path
	}
	return path
}

func (d *Data) fullName(parent int64, name string) string {
	if p := d.groupByID[parent]; p != nil {
		return p.FullName + " / " + name
	}
	return name
}

// EditGroup changes a group in place; the paths below it follow.
func (d *Data) EditGroup(g *Group, change func(*Group)) {
	before := *g
	d.groupsByName = without(d.groupsByName, g)
	change(g)
	d.groupsByName = insert(slices.Clone(d.groupsByName), g, CompareGroups)
	d.placeGroup(g)
	if g.Path != before.Path || g.Name != before.Name {
		d.happen(Happening{Event: "group_rename", Group: *g, OldPath: before.Path, OldFullPath: before.FullPath})
	}
}

func (d *Data) placeGroup(g *Group) {
	delete(d.groupByPath, strings.ToLower(g.FullPath))
	g.FullPath, g.FullName = d.fullPath(g.ParentID, g.Path), d.fullName(g.ParentID, g.Name)
	d.groupByPath[strings.ToLower(g.FullPath)] = g
	for _, p := range d.inGroup[g.ID] {
		d.placeProject(p)
	}
	for _, c := range d.children[g.ID] {
		d.placeGroup(c)
	}
}

// RemoveGroup removes a group with everything below it.
func (d *Data) RemoveGroup(g *Group) {
	for _, c := range slices.Clone(d.children[g.ID]) {
		d.RemoveGroup(c)
	}
	for _, p := range slices.Clone(d.inGroup[g.ID]) {
		d.RemoveProject(p)
	}
	d.emptySource(InGroup(g.ID))
	for _, s := range slices.Clone(d.sharedWith[g.ID]) {
		d.RemoveShare(s)
	}
	d.happen(Happening{Event: "group_destroy", Group: *g})
	d.groups = without(d.groups, g)
	d.groupsByName = without(d.groupsByName, g)
	d.children[g.ParentID] = without(d.children[g.ParentID], g)
	delete(d.groupByID, g.ID)
	delete(d.groupByPath, strings.ToLower(g.FullPath))
}

func (d *Data) emptySource(s Source) {
	for _, m := range slices.Clone(d.direct[s]) {
		d.RemoveMember(m)
	}
	for _, x := range slices.Clone(d.sharesOf[s]) {
		d.RemoveShare(x)
	}
}

// AddProject adds a project to its group or personal namespace. The owner of a
// personal namespace becomes its direct member.
func (d *Data) AddProject(p Project) (*Project, error) {
	if p.Path == "" {
		return nil, fmt.Errorf("add project %d: path is empty", p.ID)
	}
	if d.Group(p.GroupID) == nil && d.User(p.OwnerID) == nil {
		return nil, fmt.Errorf("add project %s: namespace %w", p.Path, ErrUnknown)
	}
	if d.Project(p.ID) != nil {
		return nil, fmt.Errorf("add project %d: id %w", p.ID, ErrTaken)
	}
	p.Name = cmp.Or(p.Name, p.Path)
	p.Visibility = cmp.Or(p.Visibility, "private")
	p.CreatorID = cmp.Or(p.CreatorID, p.OwnerID)
	prefix, _ := d.namespaceOf(&p)
	if d.pathTaken(prefix + "/" + p.Path) {
		return nil, fmt.Errorf("add project %s: path %w", p.Path, ErrTaken)
	}
	claim(&d.next.Project, &p.ID)
	d.projects = insert(d.projects, &p, byProjectID)
	d.projectByID[p.ID] = &p
	d.placeProject(&p)
	d.happen(Happening{Event: "project_create", Project: p})
	if p.OwnerID == 0 {
		d.inGroup[p.GroupID] = insert(d.inGroup[p.GroupID], &p, byProjectID)
		return &p, nil
	}
	d.ofUser[p.OwnerID] = insert(d.ofUser[p.OwnerID], &p, byProjectID)
	_, err := d.AddMember(Member{Source: InProject(p.ID), UserID: p.OwnerID, Level: Owner, CreatedAt: p.CreatedAt, CreatedBy: p.OwnerID})
	return &p, err
}

func (d *Data) namespaceOf(p *Project) (path, name string) {
	if u := d.userByID[p.OwnerID]; u != nil {
		return u.Username, u.Name
	}
	if g := d.groupByID[p.GroupID]; g != nil {
		return g.FullPath, g.FullName
	}
	return "", ""
}

func (d *Data) placeProject(p *Project) {
	delete(d.projectByPath, strings.ToLower(p.FullPath))
	path, name := d.namespaceOf(p)
	p.FullPath, p.FullName = path+"/"+p.Path, name+" / "+p.Name
	d.projectByPath[strings.ToLower(p.FullPath)] = p
}

// RemoveProject removes a project with its members and shares.
func (d *Data) RemoveProject(p *Project) {
	d.emptySource(InProject(p.ID))
	d.happen(Happening{Event: "project_destroy", Project: *p})
	d.projects = without(d.projects, p)
	d.inGroup[p.GroupID] = without(d.inGroup[p.GroupID], p)
	d.ofUser[p.OwnerID] = without(d.ofUser[p.OwnerID], p)
	delete(d.projectByID, p.ID)
	delete(d.projectByPath, strings.ToLower(p.FullPath))
}

// AddMember adds a direct row. It checks that the source and the user exist and
// that there is no such row yet; the rules on levels are the caller's.
func (d *Data) AddMember(m Member) (*Member, error) {
	if !d.Exists(m.Source) {
		return nil, fmt.Errorf("add member to %s %d: source %w", m.Source.Kind, m.Source.ID, ErrUnknown)
	}
	if m.UserID != 0 && d.User(m.UserID) == nil {
		return nil, fmt.Errorf("add member to %s %d: user %d %w", m.Source.Kind, m.Source.ID, m.UserID, ErrUnknown)
	}
	for _, other := range d.ofMember[m.UserID] {
		if m.UserID != 0 && other.Source == m.Source {
			return nil, fmt.Errorf("add member %d to %s %d: %w", m.UserID, m.Source.Kind, m.Source.ID, ErrTaken)
		}
	}
	claim(&d.next.Member, &m.ID)
	if m.UpdatedAt.IsZero() {
		m.UpdatedAt = m.CreatedAt
	}
	d.memberByID[m.ID] = &m
	d.direct[m.Source] = insert(d.direct[m.Source], &m, byMemberID)
	if m.UserID != 0 {
		d.ofMember[m.UserID] = insert(d.ofMember[m.UserID], &m, byMemberID)
	}
	d.memberHappened(&m, "user_add_to_group", "user_add_to_team")
	return &m, nil
}

// RemoveMember removes one direct row and nothing else.
func (d *Data) RemoveMember(m *Member) {
	if m.RequestedAt.IsZero() {
		d.memberHappened(m, "user_remove_from_group", "user_remove_from_team")
	}
	d.direct[m.Source] = without(d.direct[m.Source], m)
	d.ofMember[m.UserID] = without(d.ofMember[m.UserID], m)
	delete(d.memberByID, m.ID)
}

// RemoveMemberBelow removes a user's direct rows in everything below a group, as
// GitLab does when a group membership is deleted or runs out.
func (d *Data) RemoveMemberBelow(group, user int64) {
	for _, m := range slices.Clone(d.ofMember[user]) {
		if m.Source != InGroup(group) && d.below(m.Source, group) {
			d.RemoveMember(m)
		}
	}
}

func (d *Data) below(s Source, group int64) bool {
	id := s.ID
	if s.Kind == ProjectSource {
		p := d.projectByID[s.ID]
		if p == nil || p.GroupID == 0 {
			return false
		}
		id = p.GroupID
	}
	return slices.ContainsFunc(d.Ancestors(id), func(g *Group) bool { return g.ID == group })
}

// AddShare invites a group to a source.
func (d *Data) AddShare(s Share) (*Share, error) {
	if !d.Exists(s.Source) || d.Group(s.GroupID) == nil {
		return nil, fmt.Errorf("share %s %d with group %d: one of them %w", s.Source.Kind, s.Source.ID, s.GroupID, ErrUnknown)
	}
	for _, other := range d.sharesOf[s.Source] {
		if other.GroupID == s.GroupID {
			return nil, fmt.Errorf("share %s %d with group %d: %w", s.Source.Kind, s.Source.ID, s.GroupID, ErrTaken)
		}
	}
	claim(&d.next.Share, &s.ID)
	d.sharesOf[s.Source] = append(d.sharesOf[s.Source], &s)
	d.sharedWith[s.GroupID] = append(d.sharedWith[s.GroupID], &s)
	return &s, nil
}

// RemoveShare takes an invitation of a group back.
func (d *Data) RemoveShare(s *Share) {
	d.sharesOf[s.Source] = without(d.sharesOf[s.Source], s)
	d.sharedWith[s.GroupID] = without(d.sharedWith[s.GroupID], s)
}

// AddRole adds a custom role.
func (d *Data) AddRole(r Role) *Role {
	claim(&d.next.Role, &r.ID)
	d.roles = append(d.roles, &r)
	return &r
}

// AddApplication adds or replaces an OAuth application.
func (d *Data) AddApplication(a Application) { d.apps[a.ID] = &a }
