// Package reach answers who can reach what in a connected app, with which role,
// and why: by every path. Only direct grants and shares are stored; what is
// inherited and what comes by a share is computed here, by GitLab's rules, and
// never kept.
package reach

import (
	"cmp"
	"slices"
	"time"

	"gatehouse"
)

// PathKind is one of the ways in which GitLab says that somebody is a member.
// Source: https://docs.gitlab.com/user/project/members/ "Membership types".
type PathKind string

// The kinds of paths.
const (
	Direct          PathKind = "direct"           // a member of the resource itself
	Inherited       PathKind = "inherited"        // a member of a group that it lies in
	Shared          PathKind = "shared"           // in a group that is invited to it
	InheritedShared PathKind = "inherited_shared" // in a group that is invited to a group that it lies in
	Owned           PathKind = "owned"            // it is their personal project
)

// StepKind is what one step of a path is.
type StepKind string

// The kinds of steps.
const (
	Member   StepKind = "member"   // the account is a direct member of Resource
	Owner    StepKind = "owner"    // the personal project Resource is theirs
	Invited  StepKind = "invited"  // the group of the step before is invited to Resource
	Inherits StepKind = "inherits" // Resource lies in the group of the step before
)

// Step is one step from an account to a resource.
type Step struct {
	Kind      StepKind
	Resource  gatehouse.Resource
	Role      gatehouse.Role // what is held after this step
	Cap       gatehouse.Role // of a share; zero otherwise
	ExpiresAt time.Time      // of the membership or share; zero: never
}

// Path is one reason why an account reaches a resource.
type Path struct {
	AccountID string
	Kind      PathKind
	Steps     []Step
	Role      gatehouse.Role // what it gives in the end
	Until     time.Time      // the first of its steps to end; zero: never
}

// World is as much of an app as a question needs.
type World struct {
	Resources map[gatehouse.ResourceID]gatehouse.Resource
	Grants    map[gatehouse.ResourceID][]gatehouse.Grant // by resource
	Shares    map[gatehouse.ResourceID][]gatehouse.Share // by the resource that a group is invited to
	Now       time.Time
}

// minimalAccess is GitLab's level that lets people see that a top-level group
// exists, and gives nothing below it and by no share.
const minimalAccess = 5

// maxDepth bounds a walk up the tree. GitLab allows 20 levels of groups; more
// can only be a loop in what an app told us.
const maxDepth = 64

// Paths finds every path to a resource, of all accounts whose grants are in the
// World. They come in the order account, best role first.
//
// The rules are those of GitLab's own authorisation query
// (lib/gitlab/project_authorizations.rb): a group's members are members of
// everything in it; a group that is invited to another group brings its direct
// members only; a group that is invited to a project brings whoever reaches
// that group; a share caps the role.
func (w World) Paths(id gatehouse.ResourceID) []Path {
	paths := w.pathsTo(id)
	slices.SortStableFunc(paths, func(a, b Path) int {
		return cmp.Or(cmp.Compare(a.AccountID, b.AccountID),
			cmp.Compare(b.Role.Level, a.Role.Level), cmp.Compare(len(a.Steps), len(b.Steps)))
	})
	return paths
}

func (w World) pathsTo(id gatehouse.ResourceID) []Path {
	target, ok := w.Resources[id]
	if !ok {
		return nil
	}
	if target.Kind == gatehouse.ResourceOther {
		return w.members(target) // what groups bring is among them, and nothing is inherited
	}
	paths := w.owned(target)
	for i, at := range w.chain(id) {
		here := append(w.members(at), w.invited(at)...)
		if i == 0 {
			paths = append(paths, here...)
			continue
		}
		for _, p := range here {
			if p.Role.Level > minimalAccess {
				paths = append(paths, inherit(p, target))
			}
		}
	}
	return paths
}

// chain is a resource and what it lies in, as far as the World knows it.
func (w World) chain(id gatehouse.ResourceID) []gatehouse.Resource {
	var chain []gatehouse.Resource
	for id != "" && len(chain) < maxDepth {
		r, ok := w.Resources[id]
		if !ok {
			break
		}
		chain = append(chain, r)
		id = r.Parent
	}
	return chain
}

// owned is the path of the owner of a personal project, who is not always a
// direct member in the app's lists.
func (w World) owned(r gatehouse.Resource) []Path {
	if r.OwnerID == "" || slices.ContainsFunc(w.Grants[r.ID], func(g gatehouse.Grant) bool { return g.AccountID == r.OwnerID }) {
		return nil
	}
	role := gatehouse.Role{Level: ownerLevel}
	return []Path{{AccountID: r.OwnerID, Kind: Owned, Role: role, Steps: []Step{{Kind: Owner, Resource: r, Role: role}}}}
}

// members are the direct members of a resource.
func (w World) members(r gatehouse.Resource) []Path {
	var paths []Path
	for _, g := range w.Grants[r.ID] {
		if !Holds(g, w.Now) {
			continue
		}
		paths = append(paths, Path{
			AccountID: g.AccountID, Kind: Direct, Role: g.Role, Until: g.ExpiresAt,
			Steps: []Step{{Kind: Member, Resource: r, Role: g.Role, ExpiresAt: g.ExpiresAt}},
		})
	}
	return paths
}

// invited are the people whom groups bring that are invited to a resource.
func (w World) invited(r gatehouse.Resource) []Path {
	var paths []Path
	for _, s := range w.Shares[r.ID] {
		if ended(s.ExpiresAt, w.Now) || s.Cap.Level <= 0 {
			continue
		}
		for _, p := range w.brings(s, r) {
			if p.Role.Level > minimalAccess {
				paths = append(paths, share(p, s, r))
			}
		}
	}
	return paths
}

// brings are the paths by which people reach the invited group, as far as the
// share carries them.
func (w World) brings(s gatehouse.Share, r gatehouse.Resource) []Path {
	if r.Kind == gatehouse.ResourceProject {
		return w.pathsTo(s.GroupID) // groups hold no projects' shares, so this ends
	}
	group, ok := w.Resources[s.GroupID]
	if !ok {
		return nil
	}
	return w.members(group)
}

func share(p Path, s gatehouse.Share, r gatehouse.Resource) Path {
	role := lesser(p.Role, s.Cap)
	p.Kind, p.Role, p.Until = Shared, role, earlier(p.Until, s.ExpiresAt)
	p.Steps = append(slices.Clone(p.Steps), Step{Kind: Invited, Resource: r, Role: role, Cap: s.Cap, ExpiresAt: s.ExpiresAt})
	return p
}

func inherit(p Path, target gatehouse.Resource) Path {
	p.Kind = Inherited
	if p.Steps[len(p.Steps)-1].Kind == Invited {
		p.Kind = InheritedShared
	}
	p.Steps = append(slices.Clone(p.Steps), Step{Kind: Inherits, Resource: target, Role: p.Role})
	return p
}

// Holds says whether a grant gives anything at a time: it has a level, is not
// waiting for anybody, and has not ended.
func Holds(g gatehouse.Grant, now time.Time) bool {
	return g.Role.Level > 0 && (g.State == "" || g.State == "active") && !ended(g.ExpiresAt, now)
}

func ended(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

// lesser is the role that is left of a role under a cap. A custom role survives
// only where its base level does.
func lesser(r, limit gatehouse.Role) gatehouse.Role {
	if r.Level <= limit.Level {
		return r
	}
	return limit
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
