package store

import (
	"strings"
	"time"

	"gatehouse"
)

// Rereading is what was read afresh of one thing: part of the history, without a
// pull.
type Rereading struct {
	// By says what learned it, in place of a pull: "hook".
	By gatehouse.NoticeSource
	// BeganAt is when it was begun to be read. A pull that was under way by then
	// does not undo it.
	BeganAt time.Time
	// Keep: grants of an account that are not there any more stay.
	Keep bool
}

// The kinds of what was read afresh, and what of a pull each stands against.
const (
	rereadRow      = "row" // of an account, without its grants
	rereadAccount  = string(gatehouse.NoticeAccount)
	rereadResource = string(gatehouse.NoticeResource)
)

// scope is a part of a history: the rows whose column names the subject.
type scope struct {
	history
	column string
}

func scopesOf(kind string) []scope {
	switch kind {
	case rereadRow:
		return []scope{{accountHistory, "id"}}
	case rereadAccount:
		return []scope{{accountHistory, "id"}, {grantHistory, "account_id"}}
	}
	return []scope{{resourceHistory, "id"}, {grantHistory, "resource_id"}, {shareHistory, "resource_id"}}
}

// RefreshAccount writes what differs of an account, and of its direct grants.
func (tx *Tx) RefreshAccount(connectorID string, r Rereading, a gatehouse.Account, grants []gatehouse.Grant) (written int64, err error) {
	w := rewriting{tx: tx, connector: connectorID, by: r.source(), subject: a.ID}
	w.put(accountHistory, "id", false, []stagedRow{stagedAccount(a)})
	w.put(grantHistory, "account_id", !r.Keep, rowsOf(grants, stagedGrant))
	return w.done(rereadAccount, r.BeganAt)
}

// RefreshAccountRow writes what differs of an account, and leaves its grants.
func (tx *Tx) RefreshAccountRow(connectorID string, r Rereading, a gatehouse.Account) (written int64, err error) {
	w := rewriting{tx: tx, connector: connectorID, by: r.source(), subject: a.ID}
	w.put(accountHistory, "id", false, []stagedRow{stagedAccount(a)})
	return w.done(rereadRow, r.BeganAt)
}

// RefreshResource writes what differs of a resource, the direct grants on it and
// the shares of it.
func (tx *Tx) RefreshResource(connectorID string, r Rereading, s Staged) (written int64, err error) {
	w := rewriting{tx: tx, connector: connectorID, by: r.source(), subject: string(s.Resources[0].ID)}
	w.put(resourceHistory, "id", false, []stagedRow{stagedResource(s.Resources[0])})
	w.put(grantHistory, "resource_id", true, rowsOf(s.Grants, stagedGrant))
	w.put(shareHistory, "resource_id", true, rowsOf(s.Shares, stagedShare))
	return w.done(rereadResource, r.BeganAt)
}

// EndAccount ends an account that is gone, with its grants.
func (tx *Tx) EndAccount(connectorID string, r Rereading, id string) (written int64, err error) {
	w := rewriting{tx: tx, connector: connectorID, by: r.source(), subject: id}
	w.put(accountHistory, "id", true, nil)
	w.put(grantHistory, "account_id", true, nil)
	return w.done(rereadAccount, r.BeganAt)
}

// EndResource ends a resource that is gone, with the grants on it and the shares
// of it and, of a group, to it.
func (tx *Tx) EndResource(connectorID string, r Rereading, id gatehouse.ResourceID) (written int64, err error) {
	w := rewriting{tx: tx, connector: connectorID, by: r.source(), subject: string(id)}
	w.put(resourceHistory, "id", true, nil)
	w.put(grantHistory, "resource_id", true, nil)
	w.put(shareHistory, "resource_id", true, nil)
	w.put(shareHistory, "group_id", true, nil)
	return w.done(rereadResource, r.BeganAt)
}

// source stands in the history in place of a pull's id.
func (r Rereading) source() string { return string(r.By) + "/" + NewID() }

func rowsOf[T any](items []T, toRow func(T) stagedRow) []stagedRow {
	rows := make([]stagedRow, len(items))
	for i, item := range items {
		rows[i] = toRow(item)
	}
	return rows
}

// rewriting brings parts of the history up to date for one subject. The first
// error ends it.
type rewriting struct {
	tx                     *Tx
	connector, by, subject string
	written                int64
	err                    error
}

// known is a current row of the history.
type known struct {
	key         string
	fingerprint []byte
}

// put makes the rows of the subject current; end: those that are not among them end.
func (w *rewriting) put(h history, column string, end bool, rows []stagedRow) {
	if w.err != nil {
		return
	}
	current, err := w.current(h, column)
	if err != nil {
		w.err = err
		return
	}
	begin, over := differing(current, rows, end)
	for _, key := range over {
		w.end(h, strings.Split(key, "\x00"))
	}
	w.begin(h, begin)
	if len(h.latest) > 0 {
		w.touch(h, rows)
	}
}

// differing says which rows begin and which keys end.
func differing(current map[string]string, rows []stagedRow, end bool) (begin []stagedRow, over []string) {
	seen := map[string]bool{}
	for _, r := range rows {
		key := strings.Join(r.keys, "\x00")
		if seen[key] {
			continue
		}
		seen[key] = true
		print, has := current[key]
		if has && print == string(r.fingerprint()) {
			continue
		}
		if has {
			over = append(over, key)
		}
		begin = append(begin, r)
	}
	for key := range current {
		if end && !seen[key] {
			over = append(over, key)
		}
	}
	return begin, over
}

func (w *rewriting) current(h history, column string) (map[string]string, error) {
	found, err := all(w.tx, func(r row) (k known, err error) {
		keys := make([]string, len(h.keys))
		into := make([]any, 0, len(keys)+1)
		for i := range keys {
			into = append(into, &keys[i])
		}
		err = r.Scan(append(into, &k.fingerprint)...)
		k.key = strings.Join(keys, "\x00")
		return k, err
	}, `select `+strings.Join(h.keys, ", ")+`, fingerprint from `+h.table+`
		where connector_id = $1 and `+column+` = $2 and until is null`, w.connector, w.subject)
	current := make(map[string]string, len(found))
	for _, k := range found {
		current[k.key] = string(k.fingerprint)
	}
	return current, err
}

func (w *rewriting) end(h history, keys []string) {
	if w.err != nil {
		return
	}
	args := []any{w.connector, w.tx.now}
	where := ""
	for i, k := range h.keys {
		where += " and " + k + " = $" + string(rune('3'+i))
		args = append(args, keys[i])
	}
	n, err := w.tx.exec(`update `+h.table+` set until = $2 where connector_id = $1 and until is null`+where, args...)
	w.written, w.err = w.written+n, err
}

func (w *rewriting) begin(h history, rows []stagedRow) {
	if w.err != nil {
		return
	}
	columns := append([]string{"connector_id", "pull_id", "since"}, h.all()...)
	values := make([][]any, len(rows))
	for i, r := range rows {
		row := []any{w.connector, w.by, w.tx.now}
		for _, k := range r.keys {
			if k == "" || len(k) > longestKey {
				w.err = gatehouse.Errorf(gatehouse.Upstream, "The app told of something without an id, or with one that is too long.")
				return
			}
			row = append(row, k)
		}
		values[i] = append(append(append(row, r.fingerprint()), r.content...), r.latest...)
	}
	w.err = w.tx.load(bulk{
		head:    "insert into " + h.table + " (" + strings.Join(columns, ", ") + ") values ",
		columns: len(columns),
	}, values)
	w.written += int64(len(rows))
}

// touch keeps the columns up to date that make no new version.
func (w *rewriting) touch(h history, rows []stagedRow) {
	for _, r := range rows {
		if w.err != nil {
			return
		}
		set := ""
		for i, c := range h.latest {
			set += ", " + c + " = $" + string(rune('3'+i))
		}
		_, w.err = w.tx.exec(`update `+h.table+` set `+set[2:]+` where connector_id = $1 and id = $2 and until is null`,
			append([]any{w.connector, r.keys[0]}, r.latest...)...)
	}
}

// done remembers when the subject was read, for a pull that is under way.
func (w *rewriting) done(kind string, began time.Time) (int64, error) {
	if w.err == nil {
		_, w.err = w.tx.exec(`insert into reread (connector_id, kind, subject, began_at) values ($1, $2, $3, $4)
			on conflict (connector_id, kind, subject) do update set
			began_at = case when reread.began_at > excluded.began_at then reread.began_at else excluded.began_at end`,
			w.connector, kind, w.subject, began)
	}
	return w.written, w.err
}

// KeepReread puts what was read afresh since a pull began in place of what the
// pull staged of it, since the pull may have read it before. It says where the
// two differ: there the app has to be asked once more. It is called before the
// pull is finished.
func (tx *Tx) KeepReread(connectorID, pullID string) (doubts []gatehouse.Notice, err error) {
	p, err := tx.Pull(pullID)
	if err != nil {
		return nil, err
	}
	if _, err := tx.exec(`delete from reread where connector_id = $1 and began_at < $2`, connectorID, p.StartedAt); err != nil {
		return nil, err
	}
	for _, kind := range []string{rereadRow, rereadAccount, rereadResource} {
		subjects, err := all(tx, scanString, `select subject from reread where connector_id = $1 and kind = $2 order by subject`, connectorID, kind)
		if err != nil {
			return nil, err
		}
		if len(subjects) == 0 {
			continue
		}
		differ := map[string]bool{}
		for _, s := range scopesOf(kind) {
			found, err := tx.keep(s, connectorID, pullID, subjects)
			if err != nil {
				return nil, err
			}
			for _, subject := range found {
				differ[subject] = true
			}
		}
		for _, subject := range subjects {
			if differ[subject] {
				doubts = append(doubts, doubtOf(kind, subject))
			}
		}
	}
	return doubts, nil
}

func doubtOf(kind, subject string) gatehouse.Notice {
	n := gatehouse.Notice{Kind: gatehouse.NoticeKind(kind), Subject: subject}
	if kind == rereadRow {
		n.Kind = gatehouse.NoticeAccount
	}
	return n
}

// keep puts the current rows of subjects in place of the staged ones, and says
// of which subjects they differ.
func (tx *Tx) keep(s scope, connectorID, pullID string, subjects []string) (differ []string, err error) {
	in := func(letter string) string { return letter + s.column + " " + tx.store.dialect.in("$3") }
	current := s.table + ` c where c.connector_id = $1 and c.until is null and ` + in("c.")
	staged := s.staged() + ` s where s.pull_id = $2 and ` + in("s.")
	differ, err = all(tx, scanString, `select s.`+s.column+` from `+staged+` and not exists
			(select 1 from `+s.table+` c where c.connector_id = $1 and c.until is null and `+s.match()+` and s.fingerprint = c.fingerprint)
		union select c.`+s.column+` from `+current+` and not exists
			(select 1 from `+s.staged()+` s where s.pull_id = $2 and `+s.match()+`)`, connectorID, pullID, asList(subjects))
	if err != nil {
		return nil, err
	}
	list := asList(subjects)
	if _, err := tx.exec(`delete from `+s.staged()+` where pull_id = $1 and `+s.column+` `+tx.store.dialect.in("$2"), pullID, list); err != nil {
		return nil, err
	}
	columns := s.all()
	_, err = tx.exec(`insert into `+s.staged()+` (pull_id, `+strings.Join(columns, ", ")+`)
		select $2, `+pairs(columns, ", ", "c.%[1]")+` from `+current, connectorID, pullID, list)
	return differ, err
}
