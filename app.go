package gatehouse

import (
	"slices"
	"time"
)

// Connection is an app as a way in. Its settings have GitLab's own shape
// (omniauth.providers), so that a section of gitlab.yml means here what it
// means there.
type Connection struct {
	ID        string
	Name      string // [a-z0-9_-]+, unique, stands in the callback address; never changes
	Kind      string // which Kind opens it; by default the name
	Label     string // what people read on the button
	Icon      string // URL or built-in name, "" = the kind's
	Enabled   bool
	AppID     string         // client_id, AppKey
	AppSecret string         // sealed in the store
	BuiltIn   bool           // the credentials are those of the built-in stand-in, which development alone has
	Args      map[string]any // GitLab's args: scope, client_options and what else the kind knows
	Rules     ConnectionRules
	Managed   ManagedBy
	CreatedAt time.Time
	UpdatedAt time.Time
}

// ReservedConnectionName says whether a connection cannot have a name, since
// /sign-in/{name} is a page of ours.
func ReservedConnectionName(name string) bool {
	switch name {
	case "claim", "code", "confirm", "connect", "enroll", "link", "passkey", "password", "request", "reset", "waiting":
		return true
	}
	return false
}

// ConnectionRules are the rules for people who come by one connection. For
// connections of the file they are worked out of the omniauth section, whose
// names they have.
type ConnectionRules struct {
	AllowSingleSignOn      bool     `json:"allow_single_sign_on"` // may create accounts
	BlockAutoCreatedUsers  bool     `json:"block_auto_created_users"`
	AutoLinkUser           bool     `json:"auto_link_user"`
	External               bool     `json:"external"` // new accounts are external
	SyncProfile            bool     `json:"sync_profile_from_provider"`
	SyncProfileAttributes  []string `json:"sync_profile_attributes,omitempty"`
	RequestAccess          bool     `json:"request_access"`             // newcomers may ask for an account; one is made when it is granted
	TrustedDomains         []string `json:"trusted_domains,omitempty"`  // addresses there count as theirs
	LinkOnly               bool     `json:"link_only"`                  // nobody signs in by it, people only connect it
	AllowBypassTwoFactor   bool     `json:"allow_bypass_two_factor"`    // the provider did it
	AutoSignInWithProvider bool     `json:"auto_sign_in_with_provider"` // the sign-in page goes straight on
	ForgetTokens           bool     `json:"forget_tokens"`              // the tokens that it gives are not kept
}

// NewPeople is what happens with somebody whom a connection vouches for and
// whom nobody here knows: the choice that the dashboard offers for a
// connection. The file says the same by GitLab's settings.
type NewPeople string

// The choices.
const (
	NewPeopleOff           NewPeople = "off"            // they are refused
	NewPeopleLinkOnly      NewPeople = "link_only"      // nobody signs in by it, people only connect it
	NewPeopleRequestAccess NewPeople = "request_access" // they may ask for an account
	NewPeoplePending       NewPeople = "create_pending" // they get one that waits for approval
	NewPeopleCreate        NewPeople = "create"         // they get one
)

// NewPeople is the choice that the rules amount to.
func (r ConnectionRules) NewPeople() NewPeople {
	switch {
	case r.LinkOnly:
		return NewPeopleLinkOnly
	case r.AllowSingleSignOn && r.BlockAutoCreatedUsers:
		return NewPeoplePending
	case r.AllowSingleSignOn:
		return NewPeopleCreate
	case r.RequestAccess:
		return NewPeopleRequestAccess
	}
	return NewPeopleOff
}

// Syncs says whether what the provider tells of an attribute (name, email,
// job_title, organization, location) overwrites ours at each sign-in. Without a list of attributes it is the address
// alone, as GitLab has it.
func (r ConnectionRules) Syncs(attribute string) bool {
	switch {
	case !r.SyncProfile:
		return false
	case len(r.SyncProfileAttributes) == 0:
		return attribute == "email"
	}
	return slices.Contains(r.SyncProfileAttributes, attribute)
}

// SetNewPeople makes the rules amount to the choice. One that is not known is
// the safe one, off.
func (r *ConnectionRules) SetNewPeople(n NewPeople) {
	r.LinkOnly = n == NewPeopleLinkOnly
	r.RequestAccess = n == NewPeopleRequestAccess
	r.AllowSingleSignOn = n == NewPeoplePending || n == NewPeopleCreate
	r.BlockAutoCreatedUsers = n == NewPeoplePending
}

// ManagedBy says who is master of a row: the file or the dashboard.
type ManagedBy string

// The masters. What the file names is read-only on the dashboard.
const (
	ManagedByFile      ManagedBy = "file"
	ManagedByDashboard ManagedBy = "dashboard"
)

// Client is an app as a way out: an OAuth client.
type Client struct {
	ID                     string // the Application ID (client_id)
	Name                   string
	SecretHash             []byte // SHA-256; generated secrets have 256 bits. nil: it has no secret
	Secret                 string // only with client_secret_jwt, whose signatures nothing else can check; sealed in the store
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	BackchannelLogoutURI   string
	Scopes                 []string
	GrantTypes             []string // nil: authorization_code and refresh_token
	AuthMethod             string   // token_endpoint_auth_method; "": basic or post, one per request
	RequirePKCE            bool
	Trusted                bool // no consent page
	Settings               ClientSettings
	OwnerID                string // the user whose own application it is; "": nobody's
	OwnerAway              bool   // the owner may not come in; only read from the store, never written
	ConnectorKey           string // of the app that it belongs to, whose owners look after it; "": of none
	Enabled                bool
	Managed                ManagedBy
	CreatedAt              time.Time
	UpdatedAt              time.Time
}

// Connector is an app as something kept in order.
type Connector struct {
	ID         string
	Key        string // [a-z0-9_-]+, unique; stands in /hooks/{key}
	Name       string
	Kind       string
	URL        string
	Token      string            // personal access token, or DingTalk's AppSecret; sealed in the store
	HookSecret string            // sealed in the store
	Settings   map[string]string // "group", "app_id" and what else the kind knows
	Owners     []string          // addresses
	Schedule   string            // interval ("1h"), cron expression ("0 3 * * *") or "" = the default
	Status     ConnectorStatus
	StatusText Note // why it failed or is held
	PulledAt   time.Time
	Enabled    bool
	Managed    ManagedBy
	CreatedAt  time.Time
	UpdatedAt  time.Time
	Secrets    map[string]string // further secrets by the names that the kind's form gives them; sealed in the store
	TimeZone   string            // of a Schedule that is a cron expression: "Asia/Shanghai"; "" = UTC
	App        AppRef            // the app that it was added to; "" = one of its own
	PausedAt   time.Time         // since when a person keeps it from reading; zero: it reads
	Seen       Sighting          // what its last probe found
	Alarm      Alarm             // how it fails, and what its owners were told
}

// ConnectorStatus is what a connector's label says.
type ConnectorStatus string

// The states of a connector.
const (
	ConnectorNotConfigured ConnectorStatus = "not_configured"
	ConnectorSyncing       ConnectorStatus = "syncing"
	ConnectorConnected     ConnectorStatus = "connected"
	ConnectorFailed        ConnectorStatus = "failed"
	ConnectorPaused        ConnectorStatus = "paused"
)
