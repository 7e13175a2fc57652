package gatehouse

import (
	"encoding/json"
	"time"
)

// Password is what a user may sign in with besides a username. Most people have
// none: whoever comes by a connection proves themselves there.
type Password struct {
	UserID    string
	Hash      string // argon2id, as a PHC string; never shown
	ByHand    bool   // an operator gave it with the account, which may use it without a role
	ChangedAt time.Time
}

// Authenticator is an app of a user that shows a new code every 30 seconds
// (RFC 6238).
type Authenticator struct {
	UserID    string
	Confirmed bool   // the user entered a code of it; until then it counts for nothing
	Secret    []byte // sealed in the store
	Step      int64  // the last one whose code was used; it is never used again
	CreatedAt time.Time
}

// Passkey is a key pair of a user whose private half stays on a device of
// theirs (WebAuthn).
type Passkey struct {
	ID           string
	UserID       string
	CredentialID []byte
	Name         string          // what the user calls it
	Record       json.RawMessage // public key, counter and flags, as package credentials keeps them
	CreatedAt    time.Time
	LastUsedAt   time.Time // zero: never
}

// Ceremony is a proof under way: begun in one browser, and finished there with
// something that only the person has. Only the SHA-256 of its token is stored.
type Ceremony struct {
	Purpose     string
	UserID      string // "" = it will turn out
	BrowserHash []byte
	Data        []byte // what is needed to finish it; sealed in the store
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

// Guesses is how often something was tried that only one person can know, since
// it was right last: for an account or for a network.
type Guesses struct {
	Count     int
	BlockedAt time.Time // zero: not blocked
	Until     time.Time // end of the block
	LastAt    time.Time
}

// LocalWays are the ways by which a user can prove themselves to Gatehouse
// itself.
type LocalWays struct {
	Password      bool
	ByHand        bool // of the password
	Authenticator bool
	RecoveryCodes int // unused ones
	Passkeys      int
}
