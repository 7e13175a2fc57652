package gatehouse

import "time"

// Finding is something about a connected app that a person should look at. It
// is worked out anew after each pull; one that no longer holds has ended.
type Finding struct {
	ID          string
	ConnectorID string
	Kind        FindingKind
	AccountID   string     // whom it is about; "" when it is about a resource alone
	ResourceID  ResourceID // what it is about; "" when it is about an account alone
	Subject     string     // the name or full path of what it is about, as it was found
	Why         Note       // what was found
	FirstSeenAt time.Time
	EndedAt     time.Time // zero: it still holds
	Answer      FindingAnswer
}

// FindingAnswer is what a person said to a finding. The zero answer: nothing.
type FindingAnswer struct {
	By     string // who said it
	Reason string
	At     time.Time
	Until  time.Time // from then on the finding is open again
}

// Open says whether a finding holds and nobody has answered for it now.
func (f Finding) Open(now time.Time) bool {
	return f.EndedAt.IsZero() && !now.Before(f.Answer.Until)
}

// FindingKind is what was found.
type FindingKind string

// The kinds of findings, the gravest first.
const (
	FindingLeft           FindingKind = "left"            // the person left or is blocked, the account is not
	FindingOwnerless      FindingKind = "ownerless"       // a group without an owner who can act
	FindingSoonOwnerless  FindingKind = "soon_ownerless"  // a group whose owners all end soon
	FindingExternalHigh   FindingKind = "external_high"   // somebody from outside with a high role
	FindingUnownedBot     FindingKind = "unowned_bot"     // a bot or token that nobody answers for
	FindingDormantOwner   FindingKind = "dormant_owner"   // an owner who has not been there for long
	FindingOrphaned       FindingKind = "orphaned"        // the account of nobody whom we know
	FindingExpiringAccess FindingKind = "expiring_access" // a membership that ends soon
)

// FindingKinds lists all kinds, the gravest first.
func FindingKinds() []FindingKind {
	return []FindingKind{
		FindingLeft, FindingOwnerless, FindingSoonOwnerless, FindingExternalHigh, FindingUnownedBot, FindingDormantOwner,
		FindingOrphaned, FindingExpiringAccess,
	}
}
