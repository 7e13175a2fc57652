package store

import (
	"reflect"
	"time"

	"gatehouse"
)

const findingColumns = `id, connector_id, kind, account_id, resource_id, subject, why, first_seen, ended_at, answer_by, answer,
	answer_at, answer_until`

func scanFinding(r row) (f gatehouse.Finding, err error) {
	err = r.Scan(&f.ID, &f.ConnectorID, &f.Kind, &f.AccountID, &f.ResourceID, &f.Subject, fromJSON(&f.Why), at(&f.FirstSeenAt),
		at(&f.EndedAt), &f.Answer.By, &f.Answer.Reason, at(&f.Answer.At), at(&f.Answer.Until))
	return f, err
}

// FindingState says where a finding stands.
type FindingState string

// The states of findings.
const (
	FindingOpen     FindingState = "open"     // it holds, and nobody has answered for it
	FindingAnswered FindingState = "answered" // it holds, and somebody has answered for it until later
	FindingEnded    FindingState = "ended"
)

// StateOf says where a finding stands at a time.
func StateOf(f gatehouse.Finding, now time.Time) FindingState {
	switch {
	case !f.EndedAt.IsZero():
		return FindingEnded
	case f.Open(now):
		return FindingOpen
	}
	return FindingAnswered
}

// FindingFilter chooses findings. Its zero value chooses all.
type FindingFilter struct {
	ConnectorID string // "": of all connectors
	Kind        gatehouse.FindingKind
	State       FindingState
	Search      string // part of the subject or of what was found, in English
}

// Findings lists findings, the newest first.
func (tx *Tx) Findings(f FindingFilter, c Cursor) (Page[gatehouse.Finding], error) {
	after, err := c.key(1)
	if err != nil {
		return Page[gatehouse.Finding]{}, err
	}
	q := selecting(findingColumns, "findings")
	if f.ConnectorID != "" {
		q.Where(q.Equal("connector_id", f.ConnectorID))
	}
	if f.Kind != "" {
		q.Where(q.Equal("kind", string(f.Kind)))
	}
	switch f.State {
	case FindingOpen:
		q.Where("ended_at = 0", q.LessEqualThan("answer_until", millis(tx.now)))
	case FindingAnswered:
		q.Where("ended_at = 0", q.GreaterThan("answer_until", millis(tx.now)))
	case FindingEnded:
		q.Where("ended_at <> 0")
	}
	if f.Search != "" {
		q.Where("search like " + q.Var(containing(f.Search)) + ` escape '\'`)
	}
	if after != nil {
		q.Where(q.LessThan("id", after[0]))
	}
	query, args := q.OrderBy("id desc").Limit(c.limit() + 1).Build()
	items, err := all(tx, scanFinding, query, args...)
	if err != nil {
		return Page[gatehouse.Finding]{}, err
	}
	return paged(c, items, func(f gatehouse.Finding) []string { return []string{f.ID} }), nil
}

// Finding finds a finding.
func (tx *Tx) Finding(id string) (gatehouse.Finding, error) {
	return one(tx, scanFinding, `select `+findingColumns+` from findings where id = $1`, id)
}

// FindingCount is how many findings of a kind are open in an app.
type FindingCount struct {
	ConnectorID string
	Kind        gatehouse.FindingKind
	Open        int64
}

// CountFindings counts what is open, by connector and kind.
func (tx *Tx) CountFindings() ([]FindingCount, error) {
	return all(tx, func(r row) (n FindingCount, err error) {
		err = r.Scan(&n.ConnectorID, &n.Kind, &n.Open)
		return n, err
	}, `select connector_id, kind, count(*) from findings where ended_at = 0 and answer_until <= $1
		group by connector_id, kind order by connector_id, kind`, tx.now)
}

// AnswerFinding keeps what a person said to a finding that holds; the zero
// answer takes it back. NotFound when there is none that holds.
func (tx *Tx) AnswerFinding(id string, a gatehouse.FindingAnswer) error {
	return must(tx.exec(`update findings set answer_by = $2, answer = $3, answer_at = $4, answer_until = $5
		where id = $1 and ended_at = 0`, id, a.By, a.Reason, a.At, a.Until))
}

// findingKey is what makes two findings of an app the same.
type findingKey struct {
	kind     gatehouse.FindingKind
	account  string
	resource gatehouse.ResourceID
}

func keyOf(f gatehouse.Finding) findingKey { return findingKey{f.Kind, f.AccountID, f.ResourceID} }

// SaveFindings makes what was found the findings of a connector: new ones begin,
// those that were there go on with what was answered to them, and those that are
// not among them end. It writes only what differs, and says how many did.
func (tx *Tx) SaveFindings(connectorID string, found []gatehouse.Finding) (began, ended int, err error) {
	now, err := all(tx, scanFinding, `select `+findingColumns+` from findings where connector_id = $1 and ended_at = 0`, connectorID)
	if err != nil {
		return 0, 0, err
	}
	there := make(map[findingKey]gatehouse.Finding, len(now))
	for _, f := range now {
		there[keyOf(f)] = f
	}
	for _, f := range found {
		old, known := there[keyOf(f)]
		delete(there, keyOf(f))
		switch {
		case !known:
			began++
			err = tx.beginFinding(connectorID, f)
		case old.Subject != f.Subject || !reflect.DeepEqual(old.Why, f.Why):
			_, err = tx.exec(`update findings set subject = $2, why = $3, search = $4 where id = $1`,
				old.ID, f.Subject, asJSON(f.Why), searchable(f.Subject, f.Why.Sentence()))
		}
		if err != nil {
			return began, 0, err
		}
	}
	for _, old := range there {
		if _, err := tx.exec(`update findings set ended_at = $2 where id = $1`, old.ID, tx.now); err != nil {
			return began, ended, err
		}
		ended++
	}
	return began, ended, nil
}

func (tx *Tx) beginFinding(connectorID string, f gatehouse.Finding) error {
	_, err := tx.exec(`insert into findings (id, connector_id, kind, account_id, resource_id, subject, why, first_seen, ended_at,
		answer_by, answer, answer_at, answer_until, search) values ($1, $2, $3, $4, $5, $6, $7, $8, 0, '', '', 0, 0, $9)`,
		NewID(), connectorID, f.Kind, f.AccountID, f.ResourceID, f.Subject, asJSON(f.Why), tx.now,
		searchable(f.Subject, f.Why.Sentence()))
	return err
}
