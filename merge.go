package gatehouse

import "time"

// Merge is the joining of two users who are one person: what the one that is
// gone had is the kept one's from then on. It can be undone by splitting.
type Merge struct {
	ID      string
	KeptID  string
	GoneID  string
	Moved   Moved
	At      time.Time
	By      string // name of who merged, as the audit log has it
	SplitAt time.Time
	SplitBy string // "" while they are merged
}

// Split says whether the merge was undone.
func (m Merge) Split() bool { return !m.SplitAt.IsZero() }

// Moved is the full record of what a merge took from the one that is gone and
// gave to the kept one, so that a split can give it back. Sessions and tokens
// of the apps end with the merge and come back by no split; passwords, passkeys
// and the like stay with the one that is gone, who cannot use them.
type Moved struct {
	State         UserState          `json:"state"` // of the one that is gone, before
	Role          AdminRole          `json:"role,omitempty"`
	Email         string             `json:"email,omitempty"` // primary address
	EmailVerified bool               `json:"email_verified,omitempty"`
	Emails        []Email            `json:"emails,omitempty"`    // additional addresses, before
	Given         []string           `json:"given,omitempty"`     // addresses that the kept one got
	Confirmed     []string           `json:"confirmed,omitempty"` // addresses that the kept one had unverified
	Identities    []string           `json:"identities,omitempty"`
	Accounts      []AccountReference `json:"accounts,omitempty"`
	Consents      []Consent          `json:"consents,omitempty"`
	Approval      string             `json:"approval,omitempty"` // the open request that was withdrawn
}

// AccountReference names an account in a connected app.
type AccountReference struct {
	ConnectorID string `json:"connector_id"`
	ID          string `json:"id"`
	Why         string `json:"why"` // why it is the user's
}

// Consent is the scopes that a user allowed a client.
type Consent struct {
	UserID   string    `json:"user_id"`
	ClientID string    `json:"client_id"`
	Scopes   []string  `json:"scopes"`
	At       time.Time `json:"at"`
}
