package gatehouse

import "time"

// Account is an account in a connected app, as its connector read it.
type Account struct {
	ConnectorID   string // not set by a Source
	ID            string // the app's own id, as text
	Username      string
	Name          string
	Email         string // "" where we may not see it
	EmailVerified bool   // the app says so
	Type          AccountType
	State         string // the app's own word, kept raw: active, blocked, ldap_blocked, deactivated …
	Admin         bool
	External      bool // the app says that the person is not one of the company's own
	TwoFactor     bool
	WebURL        string
	Avatar        string
	Identities    []AccountIdentity // how the app itself knows the person elsewhere
	CreatedAt     time.Time         // zero where unknown, as the next two
	LastSignInAt  time.Time
	LastActiveAt  time.Time
	UserID        string // the matched user; "" = orphaned; not set by a Source
	Match         string // why it was matched: a MatchWhy; not set by a Source
	Since         time.Time

	// What only a directory tells, and only where we may see it.
	Title, JobNumber string
	Phone            string    // with its country code: +86…
	ManagerID        string    // account id of whom they report to
	HiredAt          time.Time // zero where unknown

	MatchNote string // what the person who matched it by hand, or the rule that did, says of it; not set by a Source
}

// The reasons why an account is matched to a user, in the order in which they
// are tried; what was set by hand is never tried again.
const (
	MatchIdentity = "identity" // the app knows the person by an identity that signs them in here
	MatchEmail    = "email"    // both sides have verified the address
	MatchRuled    = "rule"     // a MatchRule
	MatchManual   = "manual"   // a person said so
)

// MatchRule matches accounts of a connector to users: what the expression makes
// of an account is looked for in a field of the users.
type MatchRule struct {
	Field      string // "email" (a verified one), "username", "id", or "identity.NAME": the subject at the connection of that name
	Expression string // over `account`
}

// AccountIdentity is a provider's id of an account's person.
type AccountIdentity struct {
	Provider string `json:"provider"`
	Subject  string `json:"subject"`
}

// AccountType tells people from machines.
type AccountType string

// The types of accounts.
const (
	AccountPerson   AccountType = "person"
	AccountService  AccountType = "service_account"
	AccountTokenBot AccountType = "token_bot" // GitLab makes one for each project or group access token
	AccountInternal AccountType = "internal"  // of the app itself: alert bot, support bot
	// AccountGhost holds what deleted people left behind.
	AccountGhost AccountType = "ghost"
	// AccountPlaceholder stands in for somebody of an import who has not claimed it.
	AccountPlaceholder AccountType = "placeholder"
	// AccountInvitation is somebody who was invited by e-mail and has no account yet.
	AccountInvitation AccountType = "invitation"
)

// ResourceKind is the kind of a Resource.
type ResourceKind string

// The kinds of resources.
const (
	ResourceGroup   ResourceKind = "group"
	ResourceProject ResourceKind = "project"

	ResourceDepartment ResourceKind = "department" // of a company's directory
	// ResourceOther is what a file tells of any app: a group, a role, an app of its
	// own. Who is a member of one is no member of what lies in it.
	ResourceOther ResourceKind = "other"
)

// ResourceID is the app's own id of a resource with its kind: "group/7".
type ResourceID string

// Resource is what an account can reach in an app. Resources form a tree.
type Resource struct {
	ConnectorID string // not set by a Source
	ID          ResourceID
	Kind        ResourceKind
	Parent      ResourceID // "" at the top
	OwnerID     string     // account id of the owner of a personal project, else ""
	Name        string
	Path        string // full path
	Visibility  string // private, internal, public
	State       string // "", "archived", "marked_for_deletion"
	WebURL      string
	Since       time.Time
	SyncedBy    string // "ldap" or "saml" when members are kept by links to groups of a directory, which bring them back; else ""
}

// Role is a named level on a resource. Level orders the roles of one app and is
// kept also when we do not know its name.
type Role struct {
	Level  int    `json:"level"`
	Name   string `json:"name,omitempty"`   // a custom role's own name, else ""
	Custom string `json:"custom,omitempty"` // a custom role's id, else ""
}

// Grant says that an account holds a role on a resource directly.
type Grant struct {
	ConnectorID string // not set by a Source
	AccountID   string
	ResourceID  ResourceID
	Role        Role
	ExpiresAt   time.Time // zero: never; a date counts to its beginning in UTC
	State       string    // "" or the app's own word: awaiting, invited
	GrantedAt   time.Time
	Since       time.Time
	Source      string // "ldap" when a directory keeps it, as the app says; "" = somebody gave it, or the app does not say
}

// GrantByGroup is the Source of a grant that an account holds by being in a group
// that holds it, where an app tells of both.
const GrantByGroup = "group"

// Gap is a part of an app that its connector could not see. Who has access there
// is unknown, which is not the same as nobody: what was known of it before is
// kept, and answers say so.
type Gap struct {
	ConnectorID string // not set by a Source
	ResourceID  ResourceID
	Why         GapWhy
	Since       time.Time
}

// GapWhy is what could not be seen of a resource.
type GapWhy string

// The reasons for gaps.
const (
	GapMembers GapWhy = "members" // it is listed, but not who its members are
	GapShares  GapWhy = "shares"  // a group is invited to it that is not shown
	GapHidden  GapWhy = "hidden"  // a group that is invited somewhere, of which nothing is shown
)

// Share says that a group is invited to a resource with a cap on the role.
type Share struct {
	ConnectorID string     // not set by a Source
	GroupID     ResourceID // who is invited
	ResourceID  ResourceID // to what
	Cap         Role
	ExpiresAt   time.Time
	Since       time.Time
}

// Pull is one full reading of a connected app.
type Pull struct {
	ID          string
	ConnectorID string
	State       PullState
	Checkpoint  string
	Progress    Progress
	Error       Note   // when it failed or is held
	Notes       []Note // what the token cannot see, and other things a person should know
	Written     int64  // rows that the finish wrote
	StartedAt   time.Time
	EndedAt     time.Time
	Steps       []PullStep // what was done, in the order in which it was begun
}

// PullStep is one step of a pull: what was read in it, and how long it took. A
// pull that was broken off goes on in the step where it stood.
type PullStep struct {
	Name      string `json:"name"` // as Progress.Step; "probe" and "finish" too
	Accounts  int64  `json:"accounts,omitempty"`
	Resources int64  `json:"resources,omitempty"`
	Grants    int64  `json:"grants,omitempty"`
	Shares    int64  `json:"shares,omitempty"`
	Requests  int64  `json:"requests,omitempty"`
	Millis    int64  `json:"millis"` // how long it took
	Pages     int64  `json:"pages,omitempty"`
}

// Certificate is the signed record of a pull that read an app whole. Package
// certify makes and checks what is in it.
type Certificate struct {
	ConnectorID string
	Number      int64  // 1, 2, 3 … of a connector
	PullID      string // of which it is
	Digest      string // SHA-256 of what is signed, in hexadecimal; the next one names it
	Body        string // JSON, as it is given out
	CreatedAt   time.Time
}

// PullState is where a pull is.
type PullState string

// The states of a pull.
const (
	PullRunning  PullState = "running"
	PullDone     PullState = "done"
	PullFailed   PullState = "failed"
	PullHeld     PullState = "held" // more would vanish than the brake allows; waits for a person
	PullCanceled PullState = "canceled"
)

// Progress counts what a pull has read so far.
type Progress struct {
	Accounts  int64  `json:"accounts"`
	Resources int64  `json:"resources"`
	Grants    int64  `json:"grants"`
	Shares    int64  `json:"shares"`
	Requests  int64  `json:"requests"`
	Step      string `json:"step,omitempty"` // "accounts", "projects", "groups", "shares", "finish"
}

// Change is one wish about an app: planned, approved, carried out, read back,
// kept. Gatehouse alters nothing outside itself except through a Change.
type Change struct {
	ID          string
	ConnectorID string
	Verb        Verb
	AccountID   string
	ResourceID  ResourceID
	Role        Role
}

// Verb is what a Change does.
type Verb string

// Notice is news from an app: a hint, never the truth.
type Notice struct {
	ID      string     // the app's own id of it, to see it only once; "" = it has none
	Kind    NoticeKind // what the Subject is
	Subject string     // id of what it is about: an account's, or a ResourceID
	Event   string     // the app's own word for what happened, for people: "user_add_to_group"
}

// NoticeKind is what a Notice is about.
type NoticeKind string

// The kinds of notices.
const (
	NoticeAccount  NoticeKind = "account"
	NoticeResource NoticeKind = "resource"
	NoticeAll      NoticeKind = "all" // too much happened to name it: everything is to be read
)

// NoticeSource is by which way a Notice came.
type NoticeSource string

// The ways of notices.
const (
	NoticeHook   NoticeSource = "hook"   // the app pushed it to /hooks/{key}
	NoticeFeed   NoticeSource = "feed"   // we listen to the app
	NoticeGlance NoticeSource = "glance" // a cheap look between two pulls found it
	NoticeDoubt  NoticeSource = "doubt"  // two readings of our own differ
)

// Heard is a Notice that is kept until it was looked into. Several about one
// thing are one.
type Heard struct {
	ID          string
	ConnectorID string
	Notice      Notice // the last one, without its ID
	Source      NoticeSource
	Times       int64 // how many it stands for
	Tries       int64 // readings that failed since the last one came
	FirstAt     time.Time
	LastAt      time.Time
	NotBefore   time.Time // when it may be looked into
}

// News says how a connector hears of changes, and how that goes.
type News struct {
	ConnectorID string
	LastAt      time.Time // when the last notice came; zero: never
	LastEvent   string
	LastSource  NoticeSource
	Received    int64 // notices that came
	Refused     int64 // deliveries that were refused
	RefusedAt   time.Time
	RefusedWhy  Note
	Mark        string    // the Glancer's own text
	GlancedAt   time.Time // when there was a cheap look last
	GlanceError Note
	Feed        FeedState
	FeedAt      time.Time // since when the feed is so
	FeedError   Note
	Waiting     int64 // notices that were not looked into yet; only read, never written
}

// NoGlance is the Mark of a connector whose app offers no cheap look.
const NoGlance = "-"

// FeedState is how it stands with listening to an app.
type FeedState string

// The states of a feed.
const (
	FeedNone      FeedState = ""          // nobody listened yet
	FeedListening FeedState = "listening" // a node listens
	FeedBroken    FeedState = "broken"    // it broke off and is tried again
)
