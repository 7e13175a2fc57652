package store

import (
	"time"

	"gatehouse"
)

// AccountsToJudge lists all current accounts of a connector with what findings
// are worked out from, and nothing else.
func (tx *Tx) AccountsToJudge(connectorID string) ([]gatehouse.Account, error) {
	return all(tx, func(r row) (a gatehouse.Account, err error) {
		err = r.Scan(&a.ID, &a.Username, &a.Name, &a.Type, &a.State, &a.External, at(&a.CreatedAt), at(&a.LastSignInAt),
			at(&a.LastActiveAt), text(&a.UserID))
		return a, err
	}, `select a.id, a.username, a.name, a.type, a.state, a.external, a.created_at, a.last_sign_in_at, a.last_active_at, m.user_id
		from `+accountTables+` where a.connector_id = $1 and a.until is null`, connectorID)
}

// ResourcesToJudge is AccountsToJudge for resources.
func (tx *Tx) ResourcesToJudge(connectorID string) ([]gatehouse.Resource, error) {
	return all(tx, func(r row) (x gatehouse.Resource, err error) {
		err = r.Scan(&x.ID, &x.Kind, &x.Parent, &x.Path, &x.State)
		return x, err
	}, `select id, kind, parent, path, state from resources where connector_id = $1 and until is null order by id`, connectorID)
}

// GrantsToJudge lists the current grants of a connector that have a level at
// least, or an end up to a time.
func (tx *Tx) GrantsToJudge(connectorID string, level int, endBy time.Time) ([]gatehouse.Grant, error) {
	return all(tx, scanGrant, `select `+grantColumns+` from grants where connector_id = $1 and until is null
		and (level >= $2 or expires_at > 0 and expires_at <= $3) order by account_id, resource_id`, connectorID, level, endBy)
}

// SharesToJudge lists the current shares of a connector with a cap of a level at
// least.
func (tx *Tx) SharesToJudge(connectorID string, level int) ([]gatehouse.Share, error) {
	return all(tx, scanShare, `select `+shareColumns+` from shares where connector_id = $1 and until is null and level >= $2
		order by group_id, resource_id`, connectorID, level)
}

// UsersToJudge lists the users to whom accounts of a connector are matched, and
// who are not active or are from outside: id, state and whether they are.
func (tx *Tx) UsersToJudge(connectorID string) ([]gatehouse.User, error) {
	return all(tx, func(r row) (u gatehouse.User, err error) {
		err = r.Scan(&u.ID, &u.State, &u.External)
		return u, err
	}, `select id, state, external from users where (state <> 'active' or external)
		and id in (select user_id from account_matches where connector_id = $1)`, connectorID)
}

// UsersGoneFrom lists the users of a connector whose account in a directory, an
// app of another kind, has ended and who have no other one in such a directory.
func (tx *Tx) UsersGoneFrom(connectorID, directory string) ([]string, error) {
	return all(tx, scanString, `select distinct m.user_id from account_matches m
		join connectors k on k.id = m.connector_id and k.kind = $2
		where m.user_id in (select user_id from account_matches where connector_id = $1)
		and exists (select 1 from accounts a where a.connector_id = m.connector_id and a.id = m.account_id and a.until is not null)
		and not exists (select 1 from account_matches o
			join connectors l on l.id = o.connector_id and l.kind = $2
			join accounts b on b.connector_id = o.connector_id and b.id = o.account_id and b.until is null
			where o.user_id = m.user_id)`, connectorID, directory)
}
