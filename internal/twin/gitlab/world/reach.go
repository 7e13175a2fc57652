package world

import "slices"

// A Viewer is who asks.
type Viewer struct {
	User    *User // nil: anonymous
	Admin   bool  // may administer, Admin Mode considered
	ReadAll bool  // sees everything: administrators and auditors
}

// Sight answers what a viewer may see. Its zero value is blind; make it with
// [Data.Sight].
type Sight struct {
	d        *Data
	viewer   Viewer
	groups   map[int64]int // level, 0: seen without a membership
	projects map[int64]int
}

// Sight computes what a viewer may see. For administrators it costs nothing.
func (d *Data) Sight(v Viewer) *Sight {
	s := &Sight{d: d, viewer: v}
	if v.User == nil || v.ReadAll {
		return s
	}
	s.groups, s.projects = map[int64]int{}, map[int64]int{}
	for _, m := range d.ofMember[v.User.ID] {
		if m.Pending() || m.Awaiting {
			continue
		}
		if m.Source.Kind == ProjectSource {
			raise(s.projects, m.Source.ID, m.Level)
			continue
		}
		s.enter(m.Source.ID, m.Level)
		for _, share := range d.sharedWith[m.Source.ID] {
			if share.Source.Kind == GroupSource && m.Level > MinimalAccess {
				s.enter(share.Source.ID, min(share.Level, m.Level))
			}
		}
	}
	s.reachProjects()
	s.lookUp()
	return s
}

func raise(levels map[int64]int, id int64, level int) {
	if old, seen := levels[id]; !seen || level > old {
		levels[id] = level
	}
}

// enter gives a level in a group and, unless it is Minimal Access, below it.
func (s *Sight) enter(group int64, level int) {
	raise(s.groups, group, level)
	if level <= MinimalAccess {
		return
	}
	for _, g := range s.d.Descendants(group) {
		raise(s.groups, g.ID, level)
	}
}

func (s *Sight) reachProjects() {
	for id, level := range s.groups {
		if level <= MinimalAccess {
			continue
		}
		for _, p := range s.d.inGroup[id] {
			raise(s.projects, p.ID, level)
		}
		for _, share := range s.d.sharedWith[id] {
			if share.Source.Kind == ProjectSource {
				raise(s.projects, share.Source.ID, min(share.Level, level))
			}
		}
	}
}

// lookUp makes the groups above what is reached visible, without a level.
func (s *Sight) lookUp() {
	var from []int64
	for id := range s.groups {
		from = append(from, id)
	}
	for id := range s.projects {
		if p := s.d.projectByID[id]; p != nil && p.GroupID != 0 {
			from = append(from, p.GroupID)
		}
	}
	for _, id := range from {
		for _, g := range s.d.Ancestors(id) {
			raise(s.groups, g.ID, NoAccess)
		}
	}
}

func (s *Sight) open(visibility string) bool {
	switch visibility {
	case "public":
		return true
	case "internal":
		return s.viewer.User != nil && !s.viewer.User.External
	}
	return false
}

// Group tells whether the viewer may see a group.
func (s *Sight) Group(g *Group) bool {
	if s.viewer.ReadAll || s.open(g.Visibility) {
		return true
	}
	_, ok := s.groups[g.ID]
	return ok
}

// Project tells whether the viewer may see a project.
func (s *Sight) Project(p *Project) bool {
	if s.viewer.ReadAll || s.open(p.Visibility) {
		return true
	}
	return s.projects[p.ID] > MinimalAccess
}

// Joined tells whether a group is on the viewer's own list: through a membership
// of any kind in it, above it or below it.
func (s *Sight) Joined(g *Group) bool {
	_, ok := s.groups[g.ID]
	return ok
}

// Sees tells whether the viewer may see a source.
func (s *Sight) Sees(src Source) bool {
	if src.Kind == GroupSource {
		g := s.d.groupByID[src.ID]
		return g != nil && s.Group(g)
	}
	p := s.d.projectByID[src.ID]
	return p != nil && s.Project(p)
}

// Level returns the viewer's effective level in a source; administrators are
// owners of everything.
func (s *Sight) Level(src Source) int {
	if s.viewer.Admin {
		return Owner
	}
	if s.viewer.ReadAll {
		return s.d.Sight(Viewer{User: s.viewer.User}).Level(src)
	}
	if src.Kind == GroupSource {
		return s.groups[src.ID]
	}
	return s.projects[src.ID]
}

// Relation is a way in which somebody is a member of a source.
type Relation int

// The relations that lists can be restricted to; they can be added up.
const (
	Direct     Relation = 1 << iota
	Inherited           // of a group above
	Invited             // of a group that is invited here or above
	Descendant          // of a group or project below
)

// Reach lists who is a member of a source by some relations: one row per user
// with the highest level, by the id of the row. Levels are capped by shares, and
// members of private invited groups that the viewer cannot see are left out.
// Invitations by e-mail and requests for access are not members.
func (s *Sight) Reach(src Source, rel Relation) []Member {
	r := reach{best: map[int64]Member{}}
	if rel&Direct != 0 {
		r.add(s.d.direct[src], Owner, true)
	}
	above := s.above(src)
	if rel&Inherited != 0 {
		for _, g := range above {
			r.add(s.d.direct[InGroup(g.ID)], Owner, false)
		}
	}
	if rel&Invited != 0 {
		s.invited(src, above, &r)
	}
	if rel&Descendant != 0 && src.Kind == GroupSource {
		for _, g := range s.d.Descendants(src.ID) {
			r.add(s.d.direct[InGroup(g.ID)], Owner, false)
		}
	}
	return r.rows()
}

func (s *Sight) above(src Source) []*Group {
	if src.Kind == GroupSource {
		if all := s.d.Ancestors(src.ID); len(all) > 0 {
			return all[1:]
		}
		return nil
	}
	if p := s.d.projectByID[src.ID]; p != nil && p.GroupID != 0 {
		return s.d.Ancestors(p.GroupID)
	}
	return nil
}

// invited adds the members of invited groups. An invitation to a group carries
// direct members only, one to a project the inherited ones too; groups shared
// into an invited group are on no list.
func (s *Sight) invited(src Source, above []*Group, r *reach) {
	shares := slices.Clone(s.d.sharesOf[src])
	for _, g := range above {
		shares = append(shares, s.d.sharesOf[InGroup(g.ID)]...)
	}
	for _, share := range shares {
		group := s.d.groupByID[share.GroupID]
		if group == nil || !s.Group(group) {
			continue
		}
		r.add(s.d.direct[InGroup(group.ID)], share.Level, false)
		if share.Source.Kind != ProjectSource {
			continue
		}
		for _, g := range s.d.Ancestors(group.ID)[1:] {
			r.add(s.d.direct[InGroup(g.ID)], share.Level, false)
		}
	}
}

type reach struct {
	best map[int64]Member
}

// add takes rows with a cap on their level. Minimal Access counts in its own
// group only.
func (r *reach) add(rows []*Member, limit int, own bool) {
	for _, m := range rows {
		if m.Pending() {
			continue
		}
		if m.Level <= MinimalAccess && !own {
			continue
		}
		row := *m
		if row.Level > limit {
			row.Level, row.RoleID = limit, 0
		}
		if old, ok := r.best[m.UserID]; !ok || row.Level > old.Level {
			r.best[m.UserID] = row
		}
	}
}

func (r *reach) rows() []Member {
	all := make([]Member, 0, len(r.best))
	for _, m := range r.best {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Member) int { return byMemberID(&a, &b) })
	return all
}
