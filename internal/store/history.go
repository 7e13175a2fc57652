package store

import (
	"strings"

	"gatehouse"
)

// history describes a table of what an app has and had: a row is current while
// until is null. The table staged_… beside it has the same columns for a pull
// that is under way. Rows with the same fingerprint have the same content.
type history struct {
	table   string
	keys    []string // what names a row within its connector
	columns []string // its content
	latest  []string // columns that are kept up to date without a new version: they change all the time
	// unseen says that pull $2 could not see whether row c is there still; "": it
	// always could. Such a row does not end.
	unseen string
}

var (
	accountHistory = history{
		table: "accounts",
		keys:  []string{"id"},
		columns: []string{
			"username", "name", "email", "email_verified", "type", "state", "admin", "external", "two_factor",
			"web_url", "avatar", "identities", "created_at", "search",
			"title", "job_number", "phone", "manager_id", "hired_at",
		},
		latest: []string{"last_sign_in_at", "last_active_at"},
		// Who is known only by a membership that was not seen this time.
		unseen: `exists (select 1 from grants g join staged_gaps k on k.pull_id = $2 and k.resource_id = g.resource_id and k.why = 'members'
			where g.connector_id = c.connector_id and g.account_id = c.id and g.until is null)`,
	}
	resourceHistory = history{
		table:   "resources",
		keys:    []string{"id"},
		columns: []string{"kind", "parent", "owner_id", "name", "path", "visibility", "state", "web_url", "search", "synced_by"},
	}
	grantHistory = history{
		table:   "grants",
		keys:    []string{"account_id", "resource_id"},
		columns: []string{"level", "role_name", "role_custom", "expires_at", "state", "granted_at", "source"},
		unseen:  gap("members"),
	}
	shareHistory = history{
		table:   "shares",
		keys:    []string{"group_id", "resource_id"},
		columns: []string{"level", "role_name", "role_custom", "expires_at"},
		unseen:  gap("shares"),
	}
	gapHistory = history{
		table:   "gaps",
		keys:    []string{"resource_id"},
		columns: []string{"why"},
	}
)

// gap says that pull $2 has a gap of a kind at the resource of row c.
func gap(why string) string {
	return `exists (select 1 from staged_gaps k where k.pull_id = $2 and k.resource_id = c.resource_id and k.why = '` + why + `')`
}

// histories in the order in which a pull is finished: accounts before the grants
// by which some of them are known.
func histories() []history {
	return []history{accountHistory, resourceHistory, grantHistory, shareHistory, gapHistory}
}

func (h history) staged() string { return "staged_" + h.table }

// all columns that the table shares with its staging area.
func (h history) all() []string {
	var all []string
	for _, c := range [][]string{h.keys, {"fingerprint"}, h.columns, h.latest} {
		all = append(all, c...)
	}
	return all
}

// match says that s (staged) and c (current) are the same thing.
func (h history) match() string { return pairs(h.keys, " and ", "s.%[1] = c.%[1]") }

// pairs repeats a pattern for names; %[1] is the name.
func pairs(names []string, between, pattern string) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = strings.ReplaceAll(pattern, "%[1]", n)
	}
	return strings.Join(parts, between)
}

// Counts are numbers of rows of each kind.
type Counts struct{ Accounts, Resources, Grants, Shares, Gaps int64 }

func (tx *Tx) count(query func(history) string, args ...any) (c Counts, err error) {
	for i, n := range []*int64{&c.Accounts, &c.Resources, &c.Grants, &c.Shares, &c.Gaps} {
		if *n, err = one(tx, scanInt, query(histories()[i]), append([]any(nil), args...)...); err != nil {
			return Counts{}, err
		}
	}
	return c, nil
}

// CountStaged counts what a pull staged.
func (tx *Tx) CountStaged(pullID string) (Counts, error) {
	return tx.count(func(h history) string {
		return `select count(*) from ` + h.staged() + ` where pull_id = $1`
	}, pullID)
}

// CountCurrent counts what a connector's app has now.
func (tx *Tx) CountCurrent(connectorID string) (Counts, error) {
	return tx.count(func(h history) string {
		return `select count(*) from ` + h.table + ` where connector_id = $1 and until is null`
	}, connectorID)
}

// CountVanished counts the current rows of a connector that a whole pull did not see: what
// finishing it would end.
func (tx *Tx) CountVanished(connectorID, pullID string) (Counts, error) {
	if err := tx.analyzeStaged(); err != nil {
		return Counts{}, err
	}
	return tx.count(func(h history) string {
		return `select count(*) from ` + h.table + ` c where ` + h.vanished()
	}, connectorID, pullID)
}

// vanished says that the current row c of connector $1 is not there any more, by
// what pull $2 saw.
func (h history) vanished() string {
	said := `c.connector_id = $1 and c.until is null
		and not exists (select 1 from ` + h.staged() + ` s where s.pull_id = $2 and ` + h.match() + `)`
	if h.unseen != "" {
		said += ` and not ` + h.unseen
	}
	return said
}

// VanishedAccounts lists current accounts of a connector that a whole pull did
// not see, by id, from behind one on.
func (tx *Tx) VanishedAccounts(connectorID, pullID, after string, limit int) ([]string, error) {
	return tx.vanishedIDs(accountHistory, connectorID, pullID, after, limit)
}

// VanishedResources is VanishedAccounts for resources.
func (tx *Tx) VanishedResources(connectorID, pullID, after string, limit int) ([]string, error) {
	return tx.vanishedIDs(resourceHistory, connectorID, pullID, after, limit)
}

// VanishedHolders lists accounts that a whole pull saw without a grant that they
// have at present, by id, from behind one on.
func (tx *Tx) VanishedHolders(connectorID, pullID, after string, limit int) ([]string, error) {
	return all(tx, scanString, `select distinct c.account_id from grants c
		join staged_accounts a on a.pull_id = $2 and a.id = c.account_id
		where c.connector_id = $1 and c.until is null and c.account_id > $3
		and not exists (select 1 from staged_grants s where s.pull_id = $2 and `+grantHistory.match()+`)
		order by c.account_id limit $4`, connectorID, pullID, after, limit)
}

func (tx *Tx) vanishedIDs(h history, connectorID, pullID, after string, limit int) ([]string, error) {
	return all(tx, scanString, `select c.id from `+h.table+` c where `+h.vanished()+` and c.id > $3 order by c.id limit $4`,
		connectorID, pullID, after, limit)
}

// analyzeStaged makes the planner know what was staged: it takes a table that was
// empty when it last looked for empty still, and compares each row with all.
func (tx *Tx) analyzeStaged() error {
	if tx.store.dialect.analyze == "" {
		return nil
	}
	for _, h := range histories() {
		if _, err := tx.exec(strings.ReplaceAll(tx.store.dialect.analyze, "%", h.staged())); err != nil {
			return err
		}
	}
	return nil
}

// muchWritten is when the planner is told of what a pull wrote in a table: by
// itself it would look a minute later at the earliest, and answer slowly until
// then.
const muchWritten = 1000

func (tx *Tx) analyzeWritten(h history, n int64) error {
	if tx.store.dialect.analyze == "" || n < muchWritten {
		return nil
	}
	_, err := tx.exec(strings.ReplaceAll(tx.store.dialect.analyze, "%", h.table))
	return err
}

// FinishPull makes what a whole pull staged the current state: rows that are
// new or differ begin (and the old version ends), rows that vanished end, rows
// that are the same are not touched. It empties the staging area of the pull
// and says how many rows it wrote in the history: one for each version that
// began and one for each that ended. When an account was last seen is no
// difference; it is kept up to date in the current version.
func (tx *Tx) FinishPull(connectorID, pullID string) (written int64, err error) {
	p, err := tx.Pull(pullID)
	if err != nil {
		return 0, err
	}
	if p.ConnectorID != connectorID {
		return 0, gatehouse.NotFound
	}
	if err := tx.analyzeStaged(); err != nil {
		return 0, err
	}
	for _, h := range histories() {
		n, err := tx.advance(h, connectorID, pullID)
		if err != nil {
			return 0, err
		}
		written += n
		if err := tx.analyzeWritten(h, n); err != nil {
			return 0, err
		}
	}
	return written, tx.DropStaged(pullID)
}

// advance brings one table from what was to what a pull saw.
func (tx *Tx) advance(h history, connectorID, pullID string) (written int64, err error) {
	ending := `c.connector_id = $1 and c.until is null
		and not exists (select 1 from ` + h.staged() + ` s where s.pull_id = $2 and ` + h.match() + ` and s.fingerprint = c.fingerprint)`
	if h.unseen != "" { // what is there in another version ends, what was not seen does not
		ending += ` and (not ` + h.unseen + ` or exists (select 1 from ` + h.staged() + ` s where s.pull_id = $2 and ` + h.match() + `))`
	}
	ended, err := tx.exec(`update `+h.table+` as c set until = $3 where `+ending, connectorID, pullID, tx.now)
	if err != nil {
		return 0, err
	}
	if err := tx.refresh(h, connectorID, pullID); err != nil {
		return 0, err
	}
	columns := h.all()
	begun, err := tx.exec(`insert into `+h.table+` (connector_id, pull_id, since, `+strings.Join(columns, ", ")+`)
		select $1, $2, $3, `+pairs(columns, ", ", "s.%[1]")+` from `+h.staged()+` s where s.pull_id = $2
		and not exists (select 1 from `+h.table+` c where c.connector_id = $1 and c.until is null and `+h.match()+`)`,
		connectorID, pullID, tx.now)
	return ended + begun, err
}

// refresh keeps the columns up to date that make no new version.
func (tx *Tx) refresh(h history, connectorID, pullID string) error {
	if len(h.latest) == 0 {
		return nil
	}
	_, err := tx.exec(`update `+h.table+` as c set `+pairs(h.latest, ", ", "%[1] = s.%[1]")+`
		from `+h.staged()+` s where s.pull_id = $2 and c.connector_id = $1 and c.until is null and `+h.match()+`
		and (`+pairs(h.latest, " or ", "c.%[1] <> s.%[1]")+`)`, connectorID, pullID)
	return err
}

// DropStaged empties the staging area of a pull.
func (tx *Tx) DropStaged(pullID string) error {
	for _, h := range histories() {
		if _, err := tx.exec(`delete from `+h.staged()+` where pull_id = $1`, pullID); err != nil {
			return err
		}
	}
	return nil
}
