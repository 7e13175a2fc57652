package store

import (
	"strings"

	"github.com/huandu/go-sqlbuilder"

	"gatehouse"
)

const (
	accountColumns = `a.connector_id, a.id, a.username, a.name, a.email, a.email_verified, a.type, a.state, a.admin, a.external,
	a.two_factor, a.web_url, a.avatar, a.identities, a.created_at, a.last_sign_in_at, a.last_active_at, a.since, a.search,
	m.user_id, m.why, a.title, a.job_number, a.phone, a.manager_id, a.hired_at, m.note`
	accountTables = `accounts a left join account_matches m on m.connector_id = a.connector_id and m.account_id = a.id`
)

// foundAccount is an account with what lists of accounts are ordered by.
type foundAccount struct {
	gatehouse.Account
	order string
}

func scanFoundAccount(r row) (a foundAccount, err error) {
	err = r.Scan(&a.ConnectorID, &a.ID, &a.Username, &a.Name, &a.Email, &a.EmailVerified, &a.Type, &a.State, &a.Admin,
		&a.External, &a.TwoFactor, &a.WebURL, &a.Avatar, fromJSON(&a.Identities), at(&a.CreatedAt), at(&a.LastSignInAt),
		at(&a.LastActiveAt), at(&a.Since), &a.order, text(&a.UserID), text(&a.Match),
		&a.Title, &a.JobNumber, &a.Phone, &a.ManagerID, at(&a.HiredAt), text(&a.MatchNote))
	return a, err
}

func scanAccount(r row) (gatehouse.Account, error) {
	a, err := scanFoundAccount(r)
	return a.Account, err
}

// AccountFilter chooses accounts of a connector.
type AccountFilter struct {
	Search   string // part of name, username or address
	Email    string // exact, without regard to case
	State    string
	Type     gatehouse.AccountType
	Orphaned bool // only those without a user
	UserID   string
}

// Accounts lists current accounts of a connector, by name.
func (tx *Tx) Accounts(connectorID string, f AccountFilter, c Cursor) (Page[gatehouse.Account], error) {
	q := selecting(accountColumns, accountTables)
	q.Where(q.Equal("a.connector_id", connectorID), "a.until is null")
	if f.Search != "" {
		q.Where("a.search like " + q.Var(containing(f.Search)) + ` escape '\'`)
	}
	if f.Email != "" {
		q.Where(q.Equal("lower(a.email)", strings.ToLower(f.Email)))
	}
	if f.State != "" {
		q.Where(q.Equal("a.state", f.State))
	}
	if f.Type != "" {
		q.Where(q.Equal("a.type", string(f.Type)))
	}
	if f.Orphaned {
		q.Where("m.user_id is null")
	}
	if f.UserID != "" {
		q.Where(q.Equal("m.user_id", f.UserID))
	}
	found, err := ordered(tx, q, c, "a", scanFoundAccount, func(a foundAccount) []string { return []string{a.order, a.ID} })
	return Page[gatehouse.Account]{Items: plain(found.Items), Next: found.Next}, err
}

func plain(found []foundAccount) []gatehouse.Account {
	accounts := make([]gatehouse.Account, len(found))
	for i, a := range found {
		accounts[i] = a.Account
	}
	return accounts
}

// ordered runs a query a page at a time, by the searchable column and the id of
// the table that is called by the letter.
func ordered[T any](tx *Tx, q *sqlbuilder.SelectBuilder, c Cursor, letter string, scan func(row) (T, error),
	key func(T) []string,
) (Page[T], error) {
	after, err := c.key(2)
	if err != nil {
		return Page[T]{}, err
	}
	order, id := letter+".search", letter+".id"
	if after != nil {
		q.Where("(" + order + ", " + id + ") > (" + q.Var(after[0]) + ", " + q.Var(after[1]) + ")")
	}
	query, args := q.OrderBy(order, id).Limit(c.limit() + 1).Build()
	items, err := all(tx, scan, query, args...)
	if err != nil {
		return Page[T]{}, err
	}
	return paged(c, items, key), nil
}

// Account finds a current account.
func (tx *Tx) Account(connectorID, id string) (gatehouse.Account, error) {
	return one(tx, scanAccount, `select `+accountColumns+` from `+accountTables+`
		where a.connector_id = $1 and a.id = $2 and a.until is null`, connectorID, id)
}

// AccountsByID finds current accounts, in no order; unknown ones are left out.
func (tx *Tx) AccountsByID(connectorID string, ids []string) ([]gatehouse.Account, error) {
	return all(tx, scanAccount, `select `+accountColumns+` from `+accountTables+`
		where a.connector_id = $1 and a.until is null and a.id `+tx.store.dialect.in("$2"), connectorID, asList(ids))
}

// AccountsOf lists the accounts in all apps that are matched to a user.
func (tx *Tx) AccountsOf(userID string) ([]gatehouse.Account, error) {
	return all(tx, scanAccount, `select `+accountColumns+` from account_matches m
		join accounts a on a.connector_id = m.connector_id and a.id = m.account_id and a.until is null
		where m.user_id = $1 order by a.connector_id, a.id`, userID)
}

// AccountReferences lists the accounts that are matched to a user, with those
// that are not there at present.
func (tx *Tx) AccountReferences(userID string) ([]gatehouse.AccountReference, error) {
	return all(tx, scanAccountReference, `select connector_id, account_id, why from account_matches
		where user_id = $1 order by connector_id, account_id`, userID)
}

func scanAccountReference(r row) (a gatehouse.AccountReference, err error) {
	err = r.Scan(&a.ConnectorID, &a.ID, &a.Why)
	return a, err
}
