// Package world is what a stand-in GitLab knows: people, groups, projects, who is
// a member of what, who was invited, and the tokens and applications that may
// ask. It is kept in memory under one lock, can be written to one file, and
// holds no opinion about how any of it is shown.
package world

import "time"

// State is the state of an account as GitLab's REST API names it.
type State string

// The states an account can be in.
const (
	Active          State = "active"
	Blocked         State = "blocked"
	LDAPBlocked     State = "ldap_blocked"
	PendingApproval State = "blocked_pending_approval"
	Banned          State = "banned"
	Deactivated     State = "deactivated"
)

// UserType says what kind of account a user is (GitLab's user_type column).
type UserType string

// The types of account that the stand-in tells apart.
const (
	Human          UserType = "human"
	ProjectBot     UserType = "project_bot" // the bot of a project or group access token
	ServiceAccount UserType = "service_account"
	Ghost          UserType = "ghost"
	AlertBot       UserType = "alert_bot"
	SupportBot     UserType = "support_bot"
	Placeholder    UserType = "placeholder"
	ImportUser     UserType = "import_user"   // of an import, until its placeholders are made
	MigrationBot   UserType = "migration_bot" // writes what imports bring
)

// Bot tells whether rows of this type carry "bot": true.
func (t UserType) Bot() bool {
	switch t {
	case ProjectBot, ServiceAccount, AlertBot, SupportBot, MigrationBot:
		return true
	case Human, Ghost, Placeholder, ImportUser:
		return false
	}
	return false
}

// Internal tells whether GitLab itself keeps accounts of this type, so that they
// can be neither blocked nor listed among active people.
func (t UserType) Internal() bool {
	return t == Ghost || t == AlertBot || t == SupportBot || t == MigrationBot || t == Placeholder || t == ImportUser
}

// The access levels of lib/gitlab/access.rb.
const (
	NoAccess        = 0
	MinimalAccess   = 5
	Guest           = 10
	Planner         = 15
	Reporter        = 20
	SecurityManager = 25 // new, where the instance switches it on
	Developer       = 30
	Maintainer      = 40
	Owner           = 50
)

// LevelName is what GitLab calls an access level, or "" for one it does not know.
func LevelName(level int) string {
	switch level {
	case NoAccess:
		return "No access"
	case MinimalAccess:
		return "Minimal Access"
	case Guest:
		return "Guest"
	case Planner:
		return "Planner"
	case Reporter:
		return "Reporter"
	case SecurityManager:
		return "Security Manager"
	case Developer:
		return "Developer"
	case Maintainer:
		return "Maintainer"
	case Owner:
		return "Owner"
	}
	return ""
}

// An Identity ties a user to an account at a sign-in provider.
type Identity struct {
	Provider  string
	ExternUID string
}

// An Email is a secondary address of a user.
type Email struct {
	ID          int64
	Address     string
	ConfirmedAt time.Time // zero: not confirmed
}

// A User is an account. Zero times are shown as null.
type User struct {
	ID             int64
	NamespaceID    int64 // of the personal namespace; groups share the sequence
	Username       string
	Name           string
	Email          string // primary, only administrators and the person see it
	PublicEmail    string
	State          State    // "": active
	Type           UserType // "": human
	Admin          bool
	Auditor        bool // Enterprise Edition only
	External       bool
	Locked         bool // by wrong passwords, apart from State
	TwoFactor      bool
	PrivateProfile bool
	NoGroups       bool // may not create groups

	CreatedAt       time.Time
	UpdatedAt       time.Time
	ConfirmedAt     time.Time
	CurrentSignInAt time.Time
	LastSignInAt    time.Time
	LastActivityOn  string // a date, YYYY-MM-DD
	SignInCount     int

	Bio, Location, JobTitle, Organization, WebsiteURL, Note string
	AvatarURL                                               string // "": Gravatar
	Language                                                string // "": en
	UnconfirmedEmail                                        string
	ProjectsLimit                                           int // 0: 100000

	Identities []Identity
	Emails     []Email
	CreatedBy  int64 // user id, 0: nobody known
	// Doomed makes the deletion of this account succeed at once and then fail in
	// the background, so that the account stays.
	Doomed bool
	// EnterpriseGroup is the top-level group of GitLab.com to which the account
	// belongs, 0: none.
	EnterpriseGroup int64
}

// A Group is a group or a subgroup. FullPath and FullName are filled in when it
// is added.
type Group struct {
	ID                  int64
	ParentID            int64 // 0: a top-level group
	Name, Path          string
	FullName, FullPath  string
	Description         string
	Visibility          string // private, internal, public; "": private
	Archived            bool
	MarkedForDeletionOn string // a date
	MembershipLock      bool   // nobody can be added to the projects
	ShareLock           bool
	SSOEnforced         bool // invitations of people without a SAML identity are refused
	CreatedAt           time.Time
	LDAPLinks           []GroupLink
	SAMLLinks           []GroupLink
}

// A GroupLink makes the people of a directory's group members, again and again.
type GroupLink struct {
	Name     string // of the group there: its CN, or what SAML calls it
	Provider string // of LDAP, such as ldapmain
	Level    int
}

// A Project lives in a group or, with OwnerID set, in a personal namespace.
type Project struct {
	ID                  int64
	GroupID             int64
	OwnerID             int64 // user id of the personal namespace
	Name, Path          string
	FullName, FullPath  string
	Description         string
	Visibility          string // private, internal, public; "": private
	Archived            bool
	Empty               bool // no repository yet: no default branch, no read-me
	MarkedForDeletionOn string
	CreatorID           int64
	CreatedAt           time.Time
	UpdatedAt           time.Time
	LastActivityAt      time.Time
}

// SourceKind tells groups and projects apart where both have members.
type SourceKind string

// The two kinds of source.
const (
	GroupSource   SourceKind = "Group"
	ProjectSource SourceKind = "Project"
)

// A Source is something that has members.
type Source struct {
	Kind SourceKind
	ID   int64
}

// InGroup is the source of a group's members.
func InGroup(id int64) Source { return Source{GroupSource, id} }

// InProject is the source of a project's members.
func InProject(id int64) Source { return Source{ProjectSource, id} }

// A Member is a direct membership. With UserID 0 it is an invitation by e-mail;
// with RequestedAt set it is a request for access.
type Member struct {
	ID          int64
	Source      Source
	UserID      int64
	Level       int
	RoleID      int64  // custom role, 0: none
	ExpiresAt   string // a date, "": never
	CreatedAt   time.Time
	UpdatedAt   time.Time
	CreatedBy   int64
	Awaiting    bool // membership_state awaiting
	LDAP        bool // kept by an LDAP group link
	Override    bool // an LDAP membership that is edited by hand
	InviteEmail string
	InviteToken string
	RequestedAt time.Time
}

// Pending tells whether the row is an invitation or a request, not a member.
func (m *Member) Pending() bool { return m.UserID == 0 || !m.RequestedAt.IsZero() }

// A Share invites a group to a source, with a cap on the level.
type Share struct {
	ID        int64
	Source    Source
	GroupID   int64 // the invited group
	Level     int
	RoleID    int64
	ExpiresAt string
}

// A Role is a custom role of the Enterprise Edition.
type Role struct {
	ID          int64
	Name        string
	Description string
	BaseLevel   int
	Permissions []string // names such as read_vulnerability
}

// An Application is an OAuth application.
type Application struct {
	ID           string // the Application ID, client_id
	Secret       string
	Name         string
	RedirectURIs []string
	Scopes       []string
	Confidential bool
	Trusted      bool // no consent is asked
}

// TokenKind tells personal access tokens from OAuth access tokens.
type TokenKind string

// The kinds of token.
const (
	PersonalToken TokenKind = "personal"
	OAuthToken    TokenKind = "oauth"
)

// A Token is a personal access token or an OAuth access token.
type Token struct {
	ID          int64
	Kind        TokenKind // "": personal
	Value       string
	Name        string
	UserID      int64 // 0: of an application by client_credentials
	Scopes      []string
	CreatedAt   time.Time
	ExpiresAt   time.Time // zero: never
	LastUsedAt  time.Time
	Revoked     bool
	Application string // client_id, for OAuth tokens
	Refresh     string // refresh token that belongs to it
}
