package reach

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/store"
)

// Mine is what some accounts reach in an app, worked out down to the groups. Of
// projects, which can be very many, it knows the ways in which they are reached;
// the database finds those that are asked for.
type Mine struct {
	Groups []Standing // in the order of full paths

	connectorID   string
	accounts      []string
	levels        map[gatehouse.ResourceID]int // of groups
	direct, above map[gatehouse.ResourceID]int // of projects: as a member, and by shares
}

// ReadMine works it out. It reads a few hundred rows also for the owner of
// everything.
func ReadMine(tx *store.Tx, connectorID string, accountIDs []string) (*Mine, error) {
	m := &Mine{
		connectorID: connectorID, accounts: accountIDs, levels: map[gatehouse.ResourceID]int{},
		direct: map[gatehouse.ResourceID]int{}, above: map[gatehouse.ResourceID]int{},
	}
	w, err := groupsBelow(tx, connectorID, accountIDs)
	if err != nil {
		return nil, err
	}
	m.Groups = w.Standings()
	var reached []gatehouse.ResourceID
	for _, s := range m.Groups {
		if m.levels[s.Resource.ID] = s.Level(); s.Level() > minimalAccess {
			reached = append(reached, s.Resource.ID)
		}
	}
	for id := range w.Grants {
		if isProject(id) {
			m.direct[id] = w.direct(gatehouse.Resource{ID: id, Kind: gatehouse.ResourceProject})
		}
	}
	shares, err := tx.SharesOf(connectorID, reached)
	if err != nil {
		return nil, fmt.Errorf("read shares with projects: %w", err)
	}
	for _, s := range shares {
		if isProject(s.ResourceID) && !ended(s.ExpiresAt, w.Now) && s.Cap.Level > 0 {
			m.above[s.ResourceID] = max(m.above[s.ResourceID], min(s.Cap.Level, m.levels[s.GroupID]))
		}
	}
	return m, nil
}

func isProject(id gatehouse.ResourceID) bool {
	return strings.HasPrefix(string(id), string(gatehouse.ResourceProject)+"/")
}

// Projects lists those projects that are reached with a level at least, and of
// them those that the filter leaves, a page as the filter says. most bounds how
// far they are counted; 0: they are not.
func (m *Mine) Projects(tx *store.Tx, level int, f store.ProjectFilter, most int) (page []Standing, total int64, err error) {
	f = m.within(f, level)
	rows, err := tx.Projects(m.connectorID, f)
	if err != nil {
		return nil, 0, fmt.Errorf("read projects: %w", err)
	}
	for _, r := range rows {
		page = append(page, m.standing(r))
	}
	if most > 0 {
		total, err = tx.CountProjects(m.connectorID, f, most)
	}
	return page, total, err
}

// within adds the ways to a filter that give the level.
func (m *Mine) within(f store.ProjectFilter, level int) store.ProjectFilter {
	level = max(level, minimalAccess+1)
	for _, s := range m.Groups {
		if s.Level() >= level {
			f.Groups = append(f.Groups, s.Resource.ID)
		}
	}
	for _, known := range []map[gatehouse.ResourceID]int{m.direct, m.above} {
		for id, l := range known {
			if l >= level {
				f.IDs = append(f.IDs, id)
			}
		}
	}
	if level <= ownerLevel {
		f.Owners = m.accounts
	}
	return f
}

// standing says how the accounts stand towards a project.
func (m *Mine) standing(r gatehouse.Resource) Standing {
	s := Standing{Resource: r, Direct: m.direct[r.ID], Above: m.above[r.ID]}
	if _, member := m.direct[r.ID]; !member && r.OwnerID != "" && slices.Contains(m.accounts, r.OwnerID) {
		s.Direct = ownerLevel
	}
	if l := m.levels[r.Parent]; l > minimalAccess {
		s.Above = max(s.Above, l)
	}
	return s
}

// Project finds how the accounts stand towards one project, by its number or its
// full path; NotFound when they do not reach it.
func (m *Mine) Project(tx *store.Tx, name string) (Standing, error) {
	r, err := tx.Resource(m.connectorID, gatehouse.ResourceID(string(gatehouse.ResourceProject)+"/"+name))
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		r, err = tx.ResourceByPath(m.connectorID, gatehouse.ResourceProject, name)
	}
	if err != nil {
		return Standing{}, err
	}
	s := m.standing(r)
	if s.Level() <= 0 {
		return Standing{}, gatehouse.NotFound
	}
	return s, nil
}
