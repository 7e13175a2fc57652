package store

import (
	"strings"
	"time"

	"gatehouse"
)

const decisionColumns = `id, reference, at, connection_id, subject, user_id, outcome, rule, reason, args, facts, address`

func scanDecision(r row) (d gatehouse.Decision, err error) {
	err = r.Scan(&d.ID, &d.Reference, at(&d.At), &d.ConnectionID, &d.Subject, &d.UserID, &d.Outcome, &d.Rule, &d.Reason,
		fromJSON(&d.Args), fromJSON(&d.Facts), &d.Address)
	return d, err
}

// SaveDecision keeps a decision: it inserts one (ID == "", or an ID that the
// caller made with NewID), or replaces the one that has the ID. At is filled in.
func (tx *Tx) SaveDecision(d *gatehouse.Decision) error {
	fresh := *d
	if fresh.ID == "" {
		fresh.ID = NewID()
	}
	if fresh.At.IsZero() {
		fresh.At = tx.now
	}
	_, err := tx.exec(`insert into decisions (`+decisionColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		on conflict (id) do update set subject = excluded.subject, user_id = excluded.user_id, outcome = excluded.outcome,
		rule = excluded.rule, reason = excluded.reason, args = excluded.args, facts = excluded.facts`,
		fresh.ID, fresh.Reference, fresh.At, fresh.ConnectionID, fresh.Subject, fresh.UserID, fresh.Outcome, fresh.Rule,
		fresh.Reason, asJSON(fresh.Args), asJSON(fresh.Facts), fresh.Address)
	if err == nil {
		*d = fresh
	}
	return err
}

// Decision finds a decision by id or by the reference a person was shown,
// without regard to case. Of several with one reference it is the newest.
func (tx *Tx) Decision(idOrReference string) (gatehouse.Decision, error) {
	d, err := one(tx, scanDecision, `select `+decisionColumns+` from decisions where id = $1`, idOrReference)
	if err != gatehouse.NotFound || idOrReference == "" { //nolint:errorlint // exactly what one returns
		return d, err
	}
	return one(tx, scanDecision, `select `+decisionColumns+` from decisions where lower(reference) = $1
		order by id desc limit 1`, strings.ToLower(idOrReference))
}

// ConnectionDecisions lists the last decisions about people who came by a
// connection, the newest first, at most limit.
func (tx *Tx) ConnectionDecisions(connectionID string, limit int) ([]gatehouse.Decision, error) {
	return all(tx, scanDecision, `select `+decisionColumns+` from decisions where connection_id = $1
		order by id desc limit $2`, connectionID, limit)
}

// DeleteOldDecisions removes up to limit decisions about nobody who has an
// account here that were made before a time, and says how many.
func (tx *Tx) DeleteOldDecisions(before time.Time, limit int) (int64, error) {
	return tx.exec(`delete from decisions where id in (select id from decisions
		where user_id = '' and at < $1 order by id limit $2)`, before, limit)
}

// Decisions lists decisions of a user ("" = of all), the newest first.
func (tx *Tx) Decisions(userID string, c Cursor) (Page[gatehouse.Decision], error) {
	q := selecting(decisionColumns, "decisions")
	if userID != "" {
		q.Where(q.Equal("user_id", userID))
	}
	return newest(tx, q, c, scanDecision, func(d gatehouse.Decision) string { return d.ID })
}
