package store

import (
	"slices"
	"strings"

	"github.com/huandu/go-sqlbuilder"

	"gatehouse"
)

// ProjectFilter chooses projects: those that lie in a group, those that are named
// and those that are an account's own; and of them those that fit the rest.
type ProjectFilter struct {
	Groups []gatehouse.ResourceID
	IDs    []gatehouse.ResourceID
	Owners []string

	Search     string   // part of the full path or name
	Visibility string   // "": any
	Archived   *bool    // nil: both
	Under      []string // only below these full paths; none: everywhere

	// After and Before are the ids between which they lie, without them, in the
	// order of their numbers; "": no limit.
	After, Before gatehouse.ResourceID
	Desc          bool
	Offset, Limit int
}

// Projects lists current projects of a connector by their numbers: of ids that
// differ in nothing but a number, the longer is the higher. The database cuts the
// page, so that somebody with very many projects waits for no more than a page.
func (tx *Tx) Projects(connectorID string, f ProjectFilter) ([]gatehouse.Resource, error) {
	q := sqlbuilder.PostgreSQL.NewSelectBuilder()
	q.Select("p.id").From("(" + tx.chosen(q, connectorID, f) + ") p")
	order := []string{"length(p.id)", "p.id"}
	if f.Desc {
		order = []string{"length(p.id) desc", "p.id desc"}
	}
	query, args := q.OrderBy(order...).Limit(f.Limit).Offset(f.Offset).Build()
	ids, err := all(tx, scanString, query, args...)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	rows, err := all(tx, scanResource, `select `+resourceColumns+` from resources r where r.connector_id = $1 and r.until is null
		and r.id `+tx.store.dialect.in("$2"), connectorID, asList(ids))
	place := make(map[gatehouse.ResourceID]int, len(ids))
	for i, id := range ids {
		place[gatehouse.ResourceID(id)] = i
	}
	slices.SortFunc(rows, func(a, b gatehouse.Resource) int { return place[a.ID] - place[b.ID] })
	return rows, err
}

// CountProjects counts what Projects would list on all pages, and stops at most.
func (tx *Tx) CountProjects(connectorID string, f ProjectFilter, most int) (int64, error) {
	q := sqlbuilder.PostgreSQL.NewSelectBuilder()
	q.Select("count(*)").From("(select p.id from (" + tx.chosen(q, connectorID, f) + ") p limit " + q.Var(most) + ") n")
	query, args := q.Build()
	return one(tx, scanInt, query, args...)
}

// chosen is the query for the ids, which finds each way by an index of its own.
func (tx *Tx) chosen(q *sqlbuilder.SelectBuilder, connectorID string, f ProjectFilter) string {
	at, fits := q.Var(connectorID), f.fits(q)
	ways := make([]string, 0, 3)
	for _, way := range []struct {
		column string
		list   string
	}{{"c.parent", asList(f.Groups)}, {"c.id", asList(f.IDs)}, {"c.owner_id", asList(f.Owners)}} {
		ways = append(ways, `select c.id from resources c where c.connector_id = `+at+` and c.until is null and c.kind = 'project' and `+
			way.column+` <> '' and `+way.column+` `+tx.store.dialect.in(q.Var(way.list))+fits)
	}
	// Not "union", for which SQLite would read all projects in the order of ids.
	return "select distinct w.id from (" + strings.Join(ways, " union all ") + ") w"
}

// fits is the rest of the conditions.
func (f ProjectFilter) fits(q *sqlbuilder.SelectBuilder) string {
	var all strings.Builder
	and := func(so bool, condition func() string) {
		if so {
			all.WriteString(" and " + condition())
		}
	}
	and(f.Search != "", func() string { return "c.search like " + q.Var(containing(f.Search)) + ` escape '\'` })
	and(f.Visibility == "private", func() string { return "c.visibility in ('', 'private')" })
	and(f.Visibility != "" && f.Visibility != "private", func() string { return q.Equal("c.visibility", f.Visibility) })
	and(f.Archived != nil, func() string {
		if *f.Archived {
			return "c.state = 'archived'"
		}
		return "c.state <> 'archived'"
	})
	and(f.After != "", func() string {
		return "(length(c.id), c.id) > (" + q.Var(len(f.After)) + ", " + q.Var(string(f.After)) + ")"
	})
	and(f.Before != "", func() string {
		return "(length(c.id), c.id) < (" + q.Var(len(f.Before)) + ", " + q.Var(string(f.Before)) + ")"
	})
	and(len(f.Under) > 0, func() string {
		under := make([]string, len(f.Under))
		for i, path := range f.Under {
			under[i] = "c.search like " + q.Var(escapeLike(strings.ToLower(path))+"/%") + ` escape '\'`
		}
		return "(" + strings.Join(under, " or ") + ")"
	})
	return all.String()
}

// ResourceByPath finds a current resource by its full path, without regard to case.
func (tx *Tx) ResourceByPath(connectorID string, kind gatehouse.ResourceKind, path string) (gatehouse.Resource, error) {
	key := clean(strings.ToLower(path)) + "\n" // the searchable text goes on with the name
	return one(tx, scanResource, `select `+resourceColumns+` from resources r where r.connector_id = $1 and r.kind = $2
		and r.until is null and r.search >= $3 and r.search < $4 order by r.id limit 1`,
		connectorID, string(kind), key, key[:len(key)-1]+"\v")
}
