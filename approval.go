package gatehouse

import "time"

// DefaultApprovalTime is how long a request for approval waits for an answer.
const DefaultApprovalTime = 14 * 24 * time.Hour

// Approval is somebody's request for an account, and what was said to it. A
// user has at most one that is open; a request that was answered or ran out is
// kept, and a later one is another row.
type Approval struct {
	ID           string
	UserID       string
	ConnectionID string // by which they came; "" when it is not known any more
	Message      string // what the person wrote; text of theirs, at most 1000 bytes
	RequestedAt  time.Time
	ExpiresAt    time.Time // open no more from then on; zero: no end
	DecidedAt    time.Time // zero: open
	DecidedBy    string    // name of who answered, as the audit log has it; "" when it ran out
	Verdict      Verdict
	Reason       string // why, for the person's eyes; "" when nothing was said
}

// Verdict is the answer to an Approval, or what came of it otherwise.
type Verdict string

// The verdicts.
const (
	VerdictOpen     Verdict = ""         // not answered yet
	VerdictApproved Verdict = "approved" // the account is open
	VerdictDenied   Verdict = "denied"   // the account is blocked
	VerdictExpired  Verdict = "expired"  // nobody answered in time; the person may ask again

	VerdictWithdrawn Verdict = "withdrawn" // the account was merged into another one
)

// OpenAt says whether the request waits for an answer at a time.
func (a Approval) OpenAt(now time.Time) bool {
	return a.Verdict == VerdictOpen && (a.ExpiresAt.IsZero() || now.Before(a.ExpiresAt))
}
