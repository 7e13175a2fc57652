package store

import (
	"cmp"
	"slices"

	"gatehouse"
)

// Tree is what a pull would end below one top-level resource.
type Tree struct {
	Root          gatehouse.ResourceID
	Path          string
	Current, Gone Counts // without accounts, which lie in no tree
}

// VanishedByTree is CountVanished for each tree in which anything vanishes, by
// path. What lies in nothing, like a personal project, is a tree of its own.
func (tx *Tx) VanishedByTree(connectorID, pullID string) ([]Tree, error) {
	f := forest{up: map[gatehouse.ResourceID]gatehouse.ResourceID{}, trees: map[gatehouse.ResourceID]*Tree{}}
	gone, err := tx.byResource(history.vanished, connectorID, pullID)
	if err != nil || len(gone) == 0 {
		return nil, err
	}
	rows, err := all(tx, scanPlace, `select id, parent, path from resources where connector_id = $1 and until is null`, connectorID)
	if err != nil {
		return nil, err
	}
	f.plant(rows)
	current, err := tx.byResource(func(history) string { return `c.connector_id = $1 and c.until is null and $2 <> ''` }, connectorID, pullID)
	if err != nil {
		return nil, err
	}
	for _, n := range gone {
		f.at(n.resource).Gone.add(n)
	}
	for _, n := range current {
		f.at(n.resource).Current.add(n)
	}
	return f.shrinking(), nil
}

// tally is how many rows of a table are about a resource.
type tally struct {
	table    string
	resource gatehouse.ResourceID
	n        int64
}

func (c *Counts) add(t tally) {
	switch t.table {
	case resourceHistory.table:
		c.Resources += t.n
	case grantHistory.table:
		c.Grants += t.n
	case shareHistory.table:
		c.Shares += t.n
	}
}

// byResource counts rows of the three tables that lie in trees.
func (tx *Tx) byResource(which func(history) string, connectorID, pullID string) ([]tally, error) {
	var found []tally
	for _, h := range []history{resourceHistory, grantHistory, shareHistory} {
		column := "c.resource_id"
		if h.table == resourceHistory.table {
			column = "c.id"
		}
		rows, err := all(tx, func(r row) (t tally, err error) {
			t.table = h.table
			err = r.Scan(&t.resource, &t.n)
			return t, err
		}, `select `+column+`, count(*) from `+h.table+` c where `+which(h)+` group by `+column, connectorID, pullID)
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	return found, nil
}

// place is where a resource lies.
type place struct {
	id, parent gatehouse.ResourceID
	path       string
}

func scanPlace(r row) (p place, err error) {
	err = r.Scan(&p.id, &p.parent, &p.path)
	return p, err
}

// forest finds the tree of each resource.
type forest struct {
	up    map[gatehouse.ResourceID]gatehouse.ResourceID
	trees map[gatehouse.ResourceID]*Tree
}

func (f forest) plant(rows []place) {
	for _, p := range rows {
		f.up[p.id] = p.parent
		if p.parent == "" {
			f.trees[p.id] = &Tree{Root: p.id, Path: p.path}
		}
	}
}

// at is the tree in which a resource lies. A walk that goes round in a circle
// ends somewhere on it.
func (f forest) at(id gatehouse.ResourceID) *Tree {
	for range deepest {
		parent, known := f.up[id]
		if !known || parent == "" {
			break
		}
		id = parent
	}
	if f.trees[id] == nil {
		f.trees[id] = &Tree{Root: id, Path: string(id)}
	}
	return f.trees[id]
}

// shrinking are the trees that lose something.
func (f forest) shrinking() []Tree {
	var found []Tree
	for _, t := range f.trees {
		if t.Gone != (Counts{}) {
			found = append(found, *t)
		}
	}
	slices.SortFunc(found, func(a, b Tree) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Root, b.Root)) })
	return found
}
