package store

import (
	"gatehouse"
)

// MatchAccount says whose an account is, and why; userID "" takes it back. It
// holds for the account also when it vanishes and comes back. A note that was
// made stays until the match is taken back.
func (tx *Tx) MatchAccount(connectorID, accountID, userID, why string) error {
	if userID == "" {
		_, err := tx.exec(`delete from account_matches where connector_id = $1 and account_id = $2`, connectorID, accountID)
		return err
	}
	_, err := tx.exec(`insert into account_matches (connector_id, account_id, user_id, why, at) values ($1, $2, $3, $4, $5)
		on conflict (connector_id, account_id) do update set user_id = excluded.user_id, why = excluded.why, at = excluded.at`,
		connectorID, accountID, userID, why, tx.now)
	return err
}

// NoteMatch keeps what is to be said of the match of an account, and does
// nothing where there is none.
func (tx *Tx) NoteMatch(connectorID, accountID, note string) error {
	_, err := tx.exec(`update account_matches set note = $3 where connector_id = $1 and account_id = $2`, connectorID, accountID, note)
	return err
}

// DropMatches takes back the matches of a connector that were made for one of
// the reasons, and counts them.
func (tx *Tx) DropMatches(connectorID string, whys []string) (int64, error) {
	return tx.exec(`delete from account_matches where connector_id = $1 and why `+tx.store.dialect.in("$2"), connectorID, asList(whys))
}

// MatchRules are the rules by which accounts of a connector are matched, in the
// order in which they are tried.
func (tx *Tx) MatchRules(connectorID string) ([]gatehouse.MatchRule, error) {
	return all(tx, scanMatchRule, `select field, expression from match_rules where connector_id = $1 order by position`, connectorID)
}

func scanMatchRule(r row) (m gatehouse.MatchRule, err error) {
	err = r.Scan(&m.Field, &m.Expression)
	return m, err
}

// SetMatchRules puts rules in the place of all that a connector has.
func (tx *Tx) SetMatchRules(connectorID string, rules []gatehouse.MatchRule) error {
	if _, err := tx.exec(`delete from match_rules where connector_id = $1`, connectorID); err != nil {
		return err
	}
	for i, r := range rules {
		_, err := tx.exec(`insert into match_rules (connector_id, position, field, expression) values ($1, $2, $3, $4)`,
			connectorID, i, r.Field, r.Expression)
		if err != nil {
			return err
		}
	}
	return nil
}

// UnmatchedAccounts lists current accounts of a connector that nobody matched yet, a page at a time by id.
func (tx *Tx) UnmatchedAccounts(connectorID string, c Cursor) (Page[gatehouse.Account], error) {
	after, err := c.key(1)
	if err != nil {
		return Page[gatehouse.Account]{}, err
	}
	q := selecting(accountColumns, accountTables)
	q.Where(q.Equal("a.connector_id", connectorID), "a.until is null", "m.user_id is null")
	if after != nil {
		q.Where(q.GreaterThan("a.id", after[0]))
	}
	query, args := q.OrderBy("a.id").Limit(c.limit() + 1).Build()
	items, err := all(tx, scanAccount, query, args...)
	if err != nil {
		return Page[gatehouse.Account]{}, err
	}
	return paged(c, items, func(a gatehouse.Account) []string { return []string{a.ID} }), nil
}
