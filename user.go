package gatehouse

import "time"

// User is a person as Gatehouse knows them.
type User struct {
	ID string // UUIDv7
	// Number is what apps see as id and sub: allocated in the creating
	// transaction, from FirstUserNumber on, never used twice.
	Number        int64
	Username      string // unique without regard to case; [a-z0-9_.-]
	Name          string
	Email         string // primary address, lower case; "" when none is known
	EmailVerified bool   // we ourselves, or somebody we trust for it, saw that it is theirs
	Avatar        string // URL, "" when none
	Locale        string // "en", "zh-CN" or "" (what the browser asks for)
	// JobTitle, Organization and Location are words of the person's own, or of a
	// provider that keeps them up to date; "" when nothing is known.
	JobTitle, Organization, Location string
	State                            UserState
	Role                             AdminRole // "" for nearly everybody
	External                         bool      // came by a connection of omniauth.external_providers
	Provenance                       string    // id of the Decision by which the account came to be; "" when made by hand
	MergedInto                       string    // id of the user who has what was this one's; only while State is UserMerged
	CreatedAt                        time.Time
	UpdatedAt                        time.Time
	LastSignInAt                     time.Time // zero: never
}

// Email is an address of a user besides the primary one, which is a field of the
// user. A verified address, primary or not, belongs to at most one user.
type Email struct {
	UserID    string
	Address   string // lower case
	Verified  bool   // as User.EmailVerified
	CreatedAt time.Time
}

// FirstUserNumber is the least number a user may have. It is far above the ids
// of any GitLab, so that an app moved from a GitLab to Gatehouse never takes
// our user 5 for its user 5.
const FirstUserNumber int64 = 1_000_000_001

// UserState says whether a user may come in.
type UserState string

// The states of a user.
const (
	UserActive  UserState = "active"
	UserPending UserState = "pending" // waits for approval
	UserBlocked UserState = "blocked"
	UserLeft    UserState = "left"
	UserMerged  UserState = "merged" // is another user now (MergedInto), until they are split
)

// AdminRole is what a user may do on the dashboard.
type AdminRole string

// The roles, from the most to the least.
const (
	RoleNone                   AdminRole = ""
	RoleSuperAdministrator     AdminRole = "super_administrator"
	RoleConnectorAdministrator AdminRole = "connector_administrator" // connectors and what they keep in order
	RoleAuditor                AdminRole = "auditor"                 // sees everything, changes nothing
)

// Identity is what one connection vouches for about a user.
type Identity struct {
	ID           string
	UserID       string
	ConnectionID string
	Subject      string            // the provider's id of the person, byte for byte; never empty
	Aliases      map[string]string // other ids of the same person there: "openid", "userid"
	Profile      Profile
	CreatedAt    time.Time
	LastUsedAt   time.Time
}

// Profile is what a provider told about a person. Nothing in it is checked by
// us: texts may be any text, and an address is theirs only if Verified says so
// and the rules trust the connection for it.
type Profile struct {
	Username string       `json:"username,omitempty"`
	Nickname string       `json:"nickname,omitempty"`
	Name     string       `json:"name,omitempty"`
	Email    string       `json:"email,omitempty"`
	Verified Verification `json:"verified,omitempty"` // of Email
	Avatar   string       `json:"avatar,omitempty"`
	WebURL   string       `json:"web_url,omitempty"`
	Locale   string       `json:"locale,omitempty"`
	Phone    string       `json:"phone,omitempty"`
	Title    string       `json:"title,omitempty"` // what the person does: job title
	// Organization, Location, Bio, Pronouns and Website are the person's own
	// words about themselves.
	Organization string   `json:"organization,omitempty"`
	Location     string   `json:"location,omitempty"`
	Bio          string   `json:"bio,omitempty"`
	Pronouns     string   `json:"pronouns,omitempty"`
	Website      string   `json:"website,omitempty"` // URL
	Groups       []string `json:"groups,omitempty"`
}

// Verification is what a provider says of an address: nothing, yes or no. Only
// a plain no forbids linking by itself; a plain yes never allows it by itself.
type Verification string

// What a provider may say.
const (
	Unstated   Verification = ""
	Verified   Verification = "verified"
	Unverified Verification = "unverified"
)

// Session is a browser that a user is signed in with.
type Session struct {
	ID           string
	TokenHash    []byte // SHA-256 of the cookie's value
	UserID       string
	ConnectionID string // how they came in; "" for a link or a password
	Method       string // amr-like: "federated", "link", "password", "passkey"
	Second       string // what was proved besides: "authenticator", "recovery_code", "passkey", or SecondByProvider; "" = nothing
	UserAgent    string
	Address      string // the client's IP address
	AuthAt       time.Time
	CreatedAt    time.Time
	SeenAt       time.Time // kept to within some minutes
	ExpiresAt    time.Time // absolute end
	Noticed      bool      // it was looked at whether the browser is a new one
}

// Actor is who does something: a user, a client, a job or the configuration
// file. It is said in every call that changes something, and kept in the audit
// log.
type Actor struct {
	Kind    ActorKind
	ID      string // of the user, client or job
	Name    string // as shown in the log, also when the row is gone
	Address string // where the request came from; "" for our own work
}

// ActorKind is the kind of an Actor.
type ActorKind string

// The kinds of actors.
const (
	ActorUser      ActorKind = "user"
	ActorClient    ActorKind = "client"
	ActorJob       ActorKind = "job"
	ActorFile      ActorKind = "file"      // the configuration file
	ActorOperator  ActorKind = "operator"  // somebody at the command line
	ActorAnonymous ActorKind = "anonymous" // a browser that nobody is signed in with
)

// Event is a line of the audit log.
type Event struct {
	ID      string
	At      time.Time
	Actor   Actor
	Action  string            // "user.created", "session.started", "connector.pulled" …
	Target  string            // kind and id of what it was done to: "user/0191…"
	Details map[string]string // never a secret
}
