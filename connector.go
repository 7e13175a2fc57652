package gatehouse

import (
	"strings"
	"time"
)

// MaxOwners is how many owners a connector has at most.
const MaxOwners = 32

// AppRef names the app that a connector was added to: "connection/ID",
// "client/ID" or "connector/KEY". "" is an app of its own.
type AppRef string

// The nouns of an AppRef.
const (
	AppConnection = "connection"
	AppClient     = "client"
	AppConnector  = "connector"
)

// Parts are the noun and the id or key of what is named; both are "" when
// nothing is, or nothing that an app can be.
func (r AppRef) Parts() (noun, id string) {
	noun, id, found := strings.Cut(string(r), "/")
	if !found || id == "" || noun != AppConnection && noun != AppClient && noun != AppConnector {
		return "", ""
	}
	return noun, id
}

// Sighting is what a probe found: what the app says of itself, and what we may
// see there. The zero Sighting was never made.
type Sighting struct {
	At        time.Time `json:"at,omitzero"`
	Version   string    `json:"version,omitempty"`
	Edition   string    `json:"edition,omitempty"`
	Actor     string    `json:"actor,omitempty"` // who the token is
	Admin     bool      `json:"admin,omitempty"` // sees everything
	Scopes    []string  `json:"scopes,omitempty"`
	ExpiresAt string    `json:"expires_at,omitempty"` // date of the token's end, 2006-01-02; "" = never
	Notes     []Note    `json:"notes,omitempty"`      // what is not seen
}

// TokenEnds is when the token ends: the beginning of its last date in UTC, as
// GitLab counts. Zero: never, or nobody knows.
func (s Sighting) TokenEnds() time.Time {
	at, err := time.Parse(time.DateOnly, s.ExpiresAt)
	if err != nil {
		return time.Time{}
	}
	return at
}

// Alarm is how a connector fails, and what its owners were told of it. The zero
// Alarm: nothing is wrong.
type Alarm struct {
	Failures int    `json:"failures,omitempty"` // pulls that failed in a row
	Told     bool   `json:"told,omitempty"`     // the owners know of them
	Token    string `json:"token,omitempty"`    // the token's end of which they were warned
	Days     int    `json:"days,omitempty"`     // and of how many days they were warned last
}
