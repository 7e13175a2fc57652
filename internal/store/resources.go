package store

import (
	"cmp"
	"slices"

	"gatehouse"
)

const resourceColumns = `r.connector_id, r.id, r.kind, r.parent, r.owner_id, r.name, r.path, r.visibility, r.state, r.web_url,
	r.since, r.synced_by, r.search`

// foundResource is a resource with what lists of resources are ordered by.
type foundResource struct {
	gatehouse.Resource
	order string
}

func scanFoundResource(r row) (f foundResource, err error) {
	err = r.Scan(&f.ConnectorID, &f.ID, &f.Kind, &f.Parent, &f.OwnerID, &f.Name, &f.Path, &f.Visibility, &f.State, &f.WebURL,
		at(&f.Since), &f.SyncedBy, &f.order)
	return f, err
}

func scanResource(r row) (gatehouse.Resource, error) {
	f, err := scanFoundResource(r)
	return f.Resource, err
}

// ResourceFilter chooses resources of a connector.
type ResourceFilter struct {
	Search string // part of the full path or name
	Kind   gatehouse.ResourceKind
	Parent gatehouse.ResourceID
}

// Resources lists current resources of a connector, by full path.
func (tx *Tx) Resources(connectorID string, f ResourceFilter, c Cursor) (Page[gatehouse.Resource], error) {
	q := selecting(resourceColumns, "resources r")
	q.Where(q.Equal("r.connector_id", connectorID), "r.until is null")
	if f.Search != "" {
		q.Where("r.search like " + q.Var(containing(f.Search)) + ` escape '\'`)
	}
	if f.Kind != "" {
		q.Where(q.Equal("r.kind", string(f.Kind)))
	}
	if f.Parent != "" {
		q.Where(q.Equal("r.parent", string(f.Parent)))
	}
	found, err := ordered(tx, q, c, "r", scanFoundResource,
		func(f foundResource) []string { return []string{f.order, string(f.ID)} })
	page := Page[gatehouse.Resource]{Items: make([]gatehouse.Resource, len(found.Items)), Next: found.Next}
	for i, f := range found.Items {
		page.Items[i] = f.Resource
	}
	return page, err
}

// Resource finds a current resource.
func (tx *Tx) Resource(connectorID string, id gatehouse.ResourceID) (gatehouse.Resource, error) {
	return one(tx, scanResource, `select `+resourceColumns+` from resources r
		where r.connector_id = $1 and r.id = $2 and r.until is null`, connectorID, id)
}

// deepest bounds the walk up a tree, should an app tell of one that bites its tail.
const deepest = 100

// Ancestors lists a resource and what it lies in, from itself to the top.
// NotFound when the resource is not current.
func (tx *Tx) Ancestors(connectorID string, id gatehouse.ResourceID) ([]gatehouse.Resource, error) {
	found, err := all(tx, scanResource, `with recursive up (id, depth) as (
			select s.id, 0 from resources s where s.connector_id = $1 and s.id = $2 and s.until is null
			union
			select a.parent, up.depth + 1 from resources a join up on a.id = up.id
			where a.connector_id = $1 and a.until is null and a.parent <> '' and up.depth < $3
		)
		select `+resourceColumns+` from (select id, min(depth) as depth from up group by id) w
		join resources r on r.id = w.id where r.connector_id = $1 and r.until is null order by w.depth`,
		connectorID, id, deepest)
	if err == nil && len(found) == 0 {
		err = gatehouse.NotFound
	}
	return found, err
}

// Descendants lists the current resources below some resources, themselves
// included, by full path.
func (tx *Tx) Descendants(connectorID string, ids []gatehouse.ResourceID) ([]gatehouse.Resource, error) {
	return tx.below(connectorID, ids, "")
}

// DescendantGroups is Descendants of groups, among groups alone.
func (tx *Tx) DescendantGroups(connectorID string, ids []gatehouse.ResourceID) ([]gatehouse.Resource, error) {
	return tx.below(connectorID, ids, " and r.kind = 'group'")
}

// below walks down a level at a time: a recursive query is planned as if nobody
// knew how much lies below, by PostgreSQL with scans of the whole app.
func (tx *Tx) below(connectorID string, ids []gatehouse.ResourceID, which string) ([]gatehouse.Resource, error) {
	var found []foundResource
	known := map[gatehouse.ResourceID]bool{}
	column := "r.id"
	for depth := 0; len(ids) > 0 && depth <= deepest; depth++ {
		level, err := all(tx, scanFoundResource, `select `+resourceColumns+` from resources r
			where r.connector_id = $1 and r.until is null`+which+` and `+column+` `+tx.store.dialect.in("$2"), connectorID, asList(ids))
		if err != nil {
			return nil, err
		}
		ids, column = nil, "r.parent"
		for _, r := range level {
			if known[r.ID] {
				continue
			}
			known[r.ID], found = true, append(found, r)
			if r.Kind != gatehouse.ResourceProject { // nothing lies in one
				ids = append(ids, r.ID)
			}
		}
	}
	slices.SortFunc(found, func(a, b foundResource) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.ID, b.ID))
	})
	resources := make([]gatehouse.Resource, len(found))
	for i, f := range found {
		resources[i] = f.Resource
	}
	return resources, nil
}

// OwnedBy lists the current personal projects of an account, by full path.
func (tx *Tx) OwnedBy(connectorID, accountID string) ([]gatehouse.Resource, error) {
	return all(tx, scanResource, `select `+resourceColumns+` from resources r
		where r.connector_id = $1 and r.owner_id = $2 and r.owner_id <> '' and r.until is null order by r.search, r.id`, connectorID, accountID)
}

const grantColumns = `connector_id, account_id, resource_id, level, role_name, role_custom, expires_at, state, granted_at, since, source`

func scanGrant(r row) (g gatehouse.Grant, err error) {
	err = r.Scan(&g.ConnectorID, &g.AccountID, &g.ResourceID, &g.Role.Level, &g.Role.Name, &g.Role.Custom, at(&g.ExpiresAt),
		&g.State, at(&g.GrantedAt), at(&g.Since), &g.Source)
	return g, err
}

// GrantsOn lists the current direct grants on some resources.
func (tx *Tx) GrantsOn(connectorID string, ids []gatehouse.ResourceID) ([]gatehouse.Grant, error) {
	return all(tx, scanGrant, `select `+grantColumns+` from grants where connector_id = $1 and until is null
		and resource_id `+tx.store.dialect.in("$2")+` order by resource_id, account_id`, connectorID, asList(ids))
}

// GrantsOf lists the current direct grants of an account.
func (tx *Tx) GrantsOf(connectorID, accountID string) ([]gatehouse.Grant, error) {
	return all(tx, scanGrant, `select `+grantColumns+` from grants where connector_id = $1 and account_id = $2
		and until is null order by resource_id`, connectorID, accountID)
}

const shareColumns = `connector_id, group_id, resource_id, level, role_name, role_custom, expires_at, since`

func scanShare(r row) (s gatehouse.Share, err error) {
	err = r.Scan(&s.ConnectorID, &s.GroupID, &s.ResourceID, &s.Cap.Level, &s.Cap.Name, &s.Cap.Custom, at(&s.ExpiresAt),
		at(&s.Since))
	return s, err
}

// SharesOn lists the current shares by which groups are invited to some resources.
func (tx *Tx) SharesOn(connectorID string, ids []gatehouse.ResourceID) ([]gatehouse.Share, error) {
	return all(tx, scanShare, `select `+shareColumns+` from shares where connector_id = $1 and until is null
		and resource_id `+tx.store.dialect.in("$2")+` order by resource_id, group_id`, connectorID, asList(ids))
}

// SharesOf lists the current shares by which some groups are invited elsewhere.
func (tx *Tx) SharesOf(connectorID string, groups []gatehouse.ResourceID) ([]gatehouse.Share, error) {
	return all(tx, scanShare, `select `+shareColumns+` from shares where connector_id = $1 and until is null
		and group_id `+tx.store.dialect.in("$2")+` order by group_id, resource_id`, connectorID, asList(groups))
}
