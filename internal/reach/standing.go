package reach

import (
	"cmp"
	"fmt"
	"slices"

	"gatehouse"
	"gatehouse/internal/store"
)

// Standing is how a person stands towards a resource, without the paths: what
// apps are told. The levels are those of roles; a custom role counts as the
// level that it is based on.
type Standing struct {
	Resource gatehouse.Resource
	Direct   int // as a direct member or as the owner of a personal project; 0: not
	Above    int // by what it lies in or by a group that is invited; 0: not
}

// Level is the highest that any path gives.
func (s Standing) Level() int { return max(s.Direct, s.Above) }

// Groups answers to which groups of an app some accounts belong, in the order of
// full paths. It is quick also for who reaches very many projects.
func Groups(tx *store.Tx, connectorID string, accountIDs []string) ([]Standing, error) {
	w, err := groupsBelow(tx, connectorID, accountIDs)
	if err != nil {
		return nil, err
	}
	return w.Standings(), nil
}

// Everything answers what some accounts reach in an app, groups and projects, in
// the order of full paths.
func Everything(tx *store.Tx, connectorID string, accountIDs []string) ([]Standing, error) {
	w, err := worldBelow(tx, connectorID, accountIDs...)
	if err != nil {
		return nil, err
	}
	return w.Standings(), nil
}

// groupsBelow is worldBelow without projects. Groups that are invited to groups
// bring direct members only, so one step of shares is all there is.
func groupsBelow(tx *store.Tx, connectorID string, accountIDs []string) (World, error) {
	w := newWorld(tx)
	direct, err := w.grantsOf(tx, connectorID, accountIDs)
	if err != nil || len(direct) == 0 {
		return w, err
	}
	shares, err := tx.SharesOf(connectorID, direct)
	if err != nil {
		return w, fmt.Errorf("read shares: %w", err)
	}
	w.share(shares)
	found, err := tx.DescendantGroups(connectorID, append(direct, targets(shares)...))
	if err != nil {
		return w, fmt.Errorf("read the groups below: %w", err)
	}
	w.know(found...)
	return w, nil
}

// Standings says how those whose grants are in the World stand towards each of
// its resources that they reach, in the order of full paths. It is Paths without
// the reasons, all at once.
func (w World) Standings() []Standing {
	found := make(map[gatehouse.ResourceID]Standing, len(w.Resources))
	for id := range w.Resources {
		w.standing(id, found)
	}
	all := make([]Standing, 0, len(found))
	for _, s := range found {
		if s.Level() > 0 {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(a.Resource.Path, b.Resource.Path), cmp.Compare(a.Resource.ID, b.Resource.ID))
	})
	return all
}

// standing works out one resource after what it lies in and the groups that are
// invited to it. found keeps what is worked out, and ends loops.
func (w World) standing(id gatehouse.ResourceID, found map[gatehouse.ResourceID]Standing) Standing {
	if s, ok := found[id]; ok {
		return s
	}
	r, ok := w.Resources[id]
	if !ok {
		return Standing{}
	}
	s := Standing{Resource: r, Direct: w.direct(r)}
	found[id] = s
	if l := w.standing(r.Parent, found).Level(); l > minimalAccess {
		s.Above = l
	}
	for _, share := range w.Shares[id] {
		if ended(share.ExpiresAt, w.Now) || share.Cap.Level <= 0 {
			continue
		}
		if l := w.brought(share, r, found); l > minimalAccess {
			s.Above = max(s.Above, min(l, share.Cap.Level))
		}
	}
	found[id] = s
	return s
}

// brought is the level in the invited group that a share carries.
func (w World) brought(s gatehouse.Share, r gatehouse.Resource, found map[gatehouse.ResourceID]Standing) int {
	if r.Kind == gatehouse.ResourceProject {
		return w.standing(s.GroupID, found).Level()
	}
	group, ok := w.Resources[s.GroupID]
	if !ok {
		return 0
	}
	return w.direct(group)
}

// direct is the highest level of direct members and of an owner.
func (w World) direct(r gatehouse.Resource) int {
	level := 0
	for _, g := range w.Grants[r.ID] {
		if Holds(g, w.Now) {
			level = max(level, g.Role.Level)
		}
	}
	if len(w.owned(r)) > 0 {
		level = max(level, ownerLevel)
	}
	return level
}
