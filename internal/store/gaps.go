package store

import (
	"github.com/huandu/go-sqlbuilder"

	"gatehouse"
)

const gapColumns = `k.connector_id, k.resource_id, k.why, k.since`

func scanGap(r row) (g gatehouse.Gap, err error) {
	err = r.Scan(&g.ConnectorID, &g.ResourceID, &g.Why, at(&g.Since))
	return g, err
}

// Gaps lists what the last pull of a connector could not see, by resource. A
// gap may be of a resource that is not known at all.
func (tx *Tx) Gaps(connectorID string, c Cursor) (Page[gatehouse.Gap], error) {
	after, err := c.key(1)
	if err != nil {
		return Page[gatehouse.Gap]{}, err
	}
	q := gapsOf(connectorID)
	if after != nil {
		q.Where(q.GreaterThan("k.resource_id", after[0]))
	}
	query, args := q.OrderBy("k.resource_id").Limit(c.limit() + 1).Build()
	items, err := all(tx, scanGap, query, args...)
	if err != nil {
		return Page[gatehouse.Gap]{}, err
	}
	return paged(c, items, func(g gatehouse.Gap) []string { return []string{string(g.ResourceID)} }), nil
}

func gapsOf(connectorID string) *sqlbuilder.SelectBuilder {
	q := selecting(gapColumns, "gaps k")
	q.Where(q.Equal("k.connector_id", connectorID), "k.until is null")
	return q
}

// GapsAt lists the gaps at some resources.
func (tx *Tx) GapsAt(connectorID string, ids []gatehouse.ResourceID) ([]gatehouse.Gap, error) {
	return all(tx, scanGap, `select `+gapColumns+` from gaps k where k.connector_id = $1 and k.until is null
		and k.resource_id `+tx.store.dialect.in("$2")+` order by k.resource_id`, connectorID, asList(ids))
}
