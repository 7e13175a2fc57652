package store

import (
	"time"

	"gatehouse"
)

const approvalColumns = `id, user_id, connection_id, message, requested_at, expires_at, decided_at, decided_by, verdict, reason`

func scanApproval(r row) (a gatehouse.Approval, err error) {
	err = r.Scan(&a.ID, &a.UserID, &a.ConnectionID, &a.Message, at(&a.RequestedAt), at(&a.ExpiresAt), at(&a.DecidedAt),
		&a.DecidedBy, &a.Verdict, &a.Reason)
	return a, err
}

// SaveApproval inserts (ID == "": id and RequestedAt are filled in) or updates
// a request for approval. A second open one of a user is a Conflict. Whose it
// is, how they came and RequestedAt never change.
func (tx *Tx) SaveApproval(a *gatehouse.Approval) error {
	if a.Verdict == gatehouse.VerdictOpen {
		n, err := one(tx, scanInt, `select count(*) from approvals where user_id = $1 and verdict = '' and id <> $2`, a.UserID, a.ID)
		if err != nil {
			return err
		}
		if n > 0 {
			return gatehouse.Errorf(gatehouse.Conflict, "This person has asked already, and waits for an answer.")
		}
	}
	if a.ID != "" {
		return must(tx.exec(`update approvals set message = $2, expires_at = $3, decided_at = $4, decided_by = $5, verdict = $6,
			reason = $7 where id = $1`, a.ID, a.Message, a.ExpiresAt, a.DecidedAt, a.DecidedBy, a.Verdict, a.Reason))
	}
	fresh := *a
	fresh.ID = NewID()
	if fresh.RequestedAt.IsZero() {
		fresh.RequestedAt = tx.now
	}
	_, err := tx.exec(`insert into approvals (`+approvalColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		fresh.ID, fresh.UserID, fresh.ConnectionID, fresh.Message, fresh.RequestedAt, fresh.ExpiresAt, fresh.DecidedAt,
		fresh.DecidedBy, fresh.Verdict, fresh.Reason)
	if err == nil {
		*a = fresh
	}
	return err
}

// Approval finds the last request for approval of a user, answered or not.
func (tx *Tx) Approval(userID string) (gatehouse.Approval, error) {
	return one(tx, scanApproval, `select `+approvalColumns+` from approvals where user_id = $1
		order by requested_at desc, id desc limit 1`, userID)
}

// ApprovalFilter chooses requests for approval. The zero value chooses those
// that wait for an answer now.
type ApprovalFilter struct {
	// Verdict chooses those that got this answer. VerdictExpired chooses also
	// those that have just run out and are not yet marked.
	Verdict gatehouse.Verdict
	All     bool // answered or not; Verdict counts nothing then
}

// Approvals lists requests for approval, the newest first.
func (tx *Tx) Approvals(f ApprovalFilter, c Cursor) (Page[gatehouse.Approval], error) {
	q := selecting(approvalColumns, "approvals")
	switch {
	case f.All:
	case f.Verdict == gatehouse.VerdictOpen:
		q.Where("verdict = ''", "(expires_at = 0 or "+q.GreaterThan("expires_at", millis(tx.now))+")")
	case f.Verdict == gatehouse.VerdictExpired:
		q.Where("(" + q.Equal("verdict", string(f.Verdict)) + " or verdict = '' and expires_at > 0 and " +
			q.LessEqualThan("expires_at", millis(tx.now)) + ")")
	default:
		q.Where(q.Equal("verdict", string(f.Verdict)))
	}
	return newest(tx, q, c, scanApproval, func(a gatehouse.Approval) string { return a.ID })
}

// CountApprovals says how many requests wait for an answer now.
func (tx *Tx) CountApprovals() (int64, error) {
	return one(tx, scanInt, `select count(*) from approvals where verdict = '' and (expires_at = 0 or expires_at > $1)`, tx.now)
}

// CountApprovalsSince says how many requests were made at a time or later,
// answered or not.
func (tx *Tx) CountApprovalsSince(t time.Time) (int64, error) {
	return one(tx, scanInt, `select count(*) from approvals where requested_at >= $1`, t)
}

// OverdueApprovals lists up to limit requests that ran out without an answer
// and are not marked so yet.
func (tx *Tx) OverdueApprovals(limit int) ([]gatehouse.Approval, error) {
	return all(tx, scanApproval, `select `+approvalColumns+` from approvals
		where verdict = '' and expires_at > 0 and expires_at <= $1 order by expires_at, id limit $2`, tx.now, limit)
}

// UnansweredUsers lists up to limit users who are pending and all of whose
// requests for approval ran out, the last of them at a time or before it. Who
// never asked is not among them.
func (tx *Tx) UnansweredUsers(before time.Time, limit int) ([]gatehouse.User, error) {
	return all(tx, scanUser, `select `+userColumns+` from users where state = $1
		and id in (select user_id from approvals where verdict = $2 and decided_at <= $3)
		and not exists (select 1 from approvals a where a.user_id = users.id and (a.verdict <> $2 or a.decided_at > $3))
		order by id limit $4`, gatehouse.UserPending, gatehouse.VerdictExpired, before, limit)
}
