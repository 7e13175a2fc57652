package world

import (
	"cmp"
	"slices"
	"strings"
)

// Data is everything the world holds, with the indexes that make questions
// cheap. It is reached through [World.Read] and [World.Write] only, and nothing
// that it returns may be kept or, outside Write, changed.
type Data struct {
	users      []*User // by id
	userByID   map[int64]*User
	byUsername map[string]*User
	byEmail    map[string]*User

	groups       []*Group // by id
	groupsByName []*Group // by name, then id
	groupByID    map[int64]*Group
	groupByPath  map[string]*Group
	children     map[int64][]*Group

	projects      []*Project // by id
	projectByID   map[int64]*Project
	projectByPath map[string]*Project
	inGroup       map[int64][]*Project
	ofUser        map[int64][]*Project

	memberByID map[int64]*Member
	direct     map[Source][]*Member // by id
	ofMember   map[int64][]*Member  // by id

	sharesOf   map[Source][]*Share
	sharedWith map[int64][]*Share

	roles    []*Role
	apps     map[string]*Application
	tokens   map[string]*Token
	refresh  map[string]*Token // by refresh token
	sessions map[string]Session
	codes    map[string]Code
	// secrets are what the instance keeps for itself, such as its signing key.
	secrets map[string]string
	next    counters

	told     bool        // somebody listens
	happened []Happening // in this Write
}

type counters struct{ User, Namespace, Project, Member, Share, Role, Token, Email int64 }

func newData() *Data {
	return &Data{
		userByID: map[int64]*User{}, byUsername: map[string]*User{}, byEmail: map[string]*User{},
		groupByID: map[int64]*Group{}, groupByPath: map[string]*Group{}, children: map[int64][]*Group{},
		projectByID: map[int64]*Project{}, projectByPath: map[string]*Project{},
		inGroup: map[int64][]*Project{}, ofUser: map[int64][]*Project{},
		memberByID: map[int64]*Member{}, direct: map[Source][]*Member{}, ofMember: map[int64][]*Member{},
		sharesOf: map[Source][]*Share{}, sharedWith: map[int64][]*Share{},
		apps: map[string]*Application{}, tokens: map[string]*Token{}, refresh: map[string]*Token{},
		sessions: map[string]Session{}, codes: map[string]Code{}, secrets: map[string]string{},
	}
}

// Users returns all accounts by ascending id.
func (d *Data) Users() []*User { return d.users }

// User returns the account with an id, or nil.
func (d *Data) User(id int64) *User { return d.userByID[id] }

// UserByName returns the account with a username in any case, or nil.
func (d *Data) UserByName(name string) *User { return d.byUsername[strings.ToLower(name)] }

// UserByEmail returns the account with a primary or secondary address in any
// case, or nil.
func (d *Data) UserByEmail(address string) *User { return d.byEmail[strings.ToLower(address)] }

// UserByIdentity returns the account that has an identity, or nil.
func (d *Data) UserByIdentity(provider, uid string) *User {
	for _, u := range d.users {
		for _, i := range u.Identities {
			if i.Provider == provider && strings.EqualFold(i.ExternUID, uid) {
				return u
			}
		}
	}
	return nil
}

// Groups returns all groups by ascending id.
func (d *Data) Groups() []*Group { return d.groups }

// GroupsByName returns all groups by name, then id.
func (d *Data) GroupsByName() []*Group { return d.groupsByName }

// Group returns the group with an id, or nil.
func (d *Data) Group(id int64) *Group { return d.groupByID[id] }

// GroupByPath returns the group with a full path in any case, or nil.
func (d *Data) GroupByPath(path string) *Group { return d.groupByPath[strings.ToLower(path)] }

// Children returns the direct subgroups of a group, by id.
func (d *Data) Children(id int64) []*Group { return d.children[id] }

// Descendants returns all subgroups of a group at any depth.
func (d *Data) Descendants(id int64) []*Group {
	var all []*Group
	for _, g := range d.children[id] {
		all = append(all, g)
		all = append(all, d.Descendants(g.ID)...)
	}
	return all
}

// Ancestors returns the group itself and the groups above it, nearest first.
func (d *Data) Ancestors(id int64) []*Group {
	var all []*Group
	for g := d.groupByID[id]; g != nil; g = d.groupByID[g.ParentID] {
		all = append(all, g)
	}
	return all
}

// Root returns the top-level group above a group.
func (d *Data) Root(id int64) *Group {
	if all := d.Ancestors(id); len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// Projects returns all projects by ascending id.
func (d *Data) Projects() []*Project { return d.projects }

// Project returns the project with an id, or nil.
func (d *Data) Project(id int64) *Project { return d.projectByID[id] }

// ProjectByPath returns the project with a full path in any case, or nil.
func (d *Data) ProjectByPath(path string) *Project { return d.projectByPath[strings.ToLower(path)] }

// ProjectsIn returns the projects directly in a group, by id.
func (d *Data) ProjectsIn(group int64) []*Project { return d.inGroup[group] }

// ProjectsOf returns the projects in a user's personal namespace, by id.
func (d *Data) ProjectsOf(user int64) []*Project { return d.ofUser[user] }

// Direct returns the rows of a source itself by id: members, invitations and
// requests.
func (d *Data) Direct(s Source) []*Member { return d.direct[s] }

// MembershipsOf returns all rows of a user by id, requests too.
func (d *Data) MembershipsOf(user int64) []*Member { return d.ofMember[user] }

// Member returns the direct membership of a user in a source, or nil. Requests
// for access do not count.
func (d *Data) Member(s Source, user int64) *Member {
	for _, m := range d.ofMember[user] {
		if m.Source == s && !m.Pending() {
			return m
		}
	}
	return nil
}

// SharesOf returns the groups invited to a source.
func (d *Data) SharesOf(s Source) []*Share { return d.sharesOf[s] }

// SharedWith returns the shares by which a group was invited somewhere.
func (d *Data) SharedWith(group int64) []*Share { return d.sharedWith[group] }

// Roles returns the custom roles by id.
func (d *Data) Roles() []*Role { return d.roles }

// Role returns a custom role, or nil.
func (d *Data) Role(id int64) *Role {
	for _, r := range d.roles {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// Application returns the OAuth application with a client_id, or nil.
func (d *Data) Application(id string) *Application { return d.apps[id] }

// Secret returns what the instance keeps for itself under a name, or "".
func (d *Data) Secret(name string) string { return d.secrets[name] }

// SetSecret keeps something under a name.
func (d *Data) SetSecret(name, value string) { d.secrets[name] = value }

// Exists tells whether the group or project of a source is there.
func (d *Data) Exists(s Source) bool {
	if s.Kind == GroupSource {
		return d.groupByID[s.ID] != nil
	}
	return d.projectByID[s.ID] != nil
}

// insert puts an element into a slice that is ordered by compare.
func insert[T any](all []T, x T, compare func(a, b T) int) []T {
	if n := len(all); n == 0 || compare(all[n-1], x) < 0 {
		return append(all, x)
	}
	i, _ := slices.BinarySearchFunc(all, x, compare)
	return slices.Insert(all, i, x)
}

func without[T comparable](all []T, x T) []T {
	i := slices.Index(all, x)
	if i < 0 {
		return all
	}
	return slices.Delete(slices.Clone(all), i, i+1)
}

func byUserID(a, b *User) int       { return cmp.Compare(a.ID, b.ID) }
func byGroupID(a, b *Group) int     { return cmp.Compare(a.ID, b.ID) }
func byProjectID(a, b *Project) int { return cmp.Compare(a.ID, b.ID) }
func byMemberID(a, b *Member) int   { return cmp.Compare(a.ID, b.ID) }

// CompareGroups orders groups as GitLab lists them: by name, then id.
func CompareGroups(a, b *Group) int {
	if c := strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)); c != 0 {
		return c
	}
	return cmp.Compare(a.ID, b.ID)
}
