package store

import (
	"crypto/sha256"
	"strings"
	"time"

	"gatehouse"
)

const noticeColumns = `id, connector_id, kind, subject, event, source, times, tries, first_at, last_at, not_before`

func scanHeard(r row) (h gatehouse.Heard, err error) {
	err = r.Scan(&h.ID, &h.ConnectorID, &h.Notice.Kind, &h.Notice.Subject, &h.Notice.Event, &h.Source, &h.Times, &h.Tries,
		at(&h.FirstAt), at(&h.LastAt), at(&h.NotBefore))
	return h, err
}

// longestWord bounds what an app calls its events, in bytes.
const longestWord = 100

// Hear keeps a notice of a connector until it was looked into; one about
// something that waits already is counted there, and makes it due now. false:
// it has an ID that was heard before, no longer ago than keep.
func (tx *Tx) Hear(connectorID string, source gatehouse.NoticeSource, n gatehouse.Notice, keep time.Duration) (bool, error) {
	if n.Kind == "" || len(n.Subject) > longestKey || n.Subject == "" && n.Kind != gatehouse.NoticeAll {
		return false, gatehouse.Errorf(gatehouse.Invalid, "The news of the app names nothing that could be looked at.")
	}
	if n.ID != "" {
		hash := sha256.Sum256([]byte(strings.Join([]string{connectorID, n.ID, string(n.Kind), n.Subject}, "\x00")))
		fresh, err := tx.exec(`insert into notices_seen (hash, expires_at) values ($1, $2) on conflict (hash) do nothing`,
			hash[:], tx.now.Add(keep))
		if err != nil || fresh == 0 {
			return false, err
		}
	}
	_, err := tx.exec(`insert into notices (`+noticeColumns+`) values ($1, $2, $3, $4, $5, $6, 1, 0, $7, $7, $7)
		on conflict (connector_id, kind, subject) do update set event = excluded.event, source = excluded.source,
		times = notices.times + 1, tries = 0, last_at = excluded.last_at, not_before = excluded.not_before`,
		NewID(), connectorID, n.Kind, clean(n.Subject), cut(clean(n.Event), longestWord), source, tx.now)
	return err == nil, err
}

// cut shortens a text to a number of bytes.
func cut(s string, most int) string {
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}

// DueNotices lists notices of a connector that may be looked into now, those
// that wait longest first.
func (tx *Tx) DueNotices(connectorID string, limit int) ([]gatehouse.Heard, error) {
	return all(tx, scanHeard, `select `+noticeColumns+` from notices where connector_id = $1 and not_before <= $2
		order by not_before, id limit $3`, connectorID, tx.now, limit)
}

// NextNotice is when the next notice of a connector may be looked into. NotFound
// when none waits.
func (tx *Tx) NextNotice(connectorID string) (time.Time, error) {
	found, err := all(tx, scanTime, `select not_before from notices where connector_id = $1 order by not_before limit 1`, connectorID)
	if err == nil && len(found) == 0 {
		err = gatehouse.NotFound
	}
	if err != nil {
		return time.Time{}, err
	}
	return found[0], nil
}

// CountNotices counts the notices of a connector that wait.
func (tx *Tx) CountNotices(connectorID string) (int64, error) {
	return one(tx, scanInt, `select count(*) from notices where connector_id = $1`, connectorID)
}

// ConnectorsWithNotices lists the ids of enabled connectors for which notices
// are due.
func (tx *Tx) ConnectorsWithNotices() ([]string, error) {
	return all(tx, scanString, `select distinct n.connector_id from notices n join connectors c on c.id = n.connector_id
		where c.enabled and n.not_before <= $1 order by n.connector_id`, tx.now)
}

// DropNotice removes a notice that was looked into, unless more came of it since.
func (tx *Tx) DropNotice(h gatehouse.Heard) error {
	_, err := tx.exec(`delete from notices where id = $1 and times = $2`, h.ID, h.Times)
	return err
}

// DelayNotice has a notice looked into later, unless more came of it since.
func (tx *Tx) DelayNotice(h gatehouse.Heard, until time.Time) error {
	_, err := tx.exec(`update notices set tries = tries + 1, not_before = $3 where id = $1 and times = $2`, h.ID, h.Times, until)
	return err
}

// DropNotices removes the notices of a connector that came before a moment.
func (tx *Tx) DropNotices(connectorID string, before time.Time) error {
	_, err := tx.exec(`delete from notices where connector_id = $1 and last_at < $2`, connectorID, before)
	return err
}
