package gatehouse

import (
	"cmp"
	"encoding/json"
	"time"
)

// Attempt is a sign-in under way: begun in one browser, by one connection,
// taken once when the provider sends the browser back.
type Attempt struct {
	ID           string
	ConnectionID string
	State        string // 256 random bits; only its SHA-256 is stored
	Nonce        string
	Verifier     string // PKCE code_verifier (RFC 7636)
	BrowserHash  []byte // SHA-256 of the browser's cookie
	RedirectURI  string // the callback address that was sent
	Request      string // handle of the provider request it serves, "" if none
	ReturnTo     string // own path to go to at the end, "" = /user
	Purpose      AttemptPurpose
	UserID       string // the signed-in user who connects, confirms or tests; "" for a sign-in
	Fresh        bool   // the provider is to ask the person again (OpenID Connect: prompt=login)
	LoginHint    string
	Locale       string
	Agent        string // User-Agent of the browser that begins; not kept, so empty in Finish
	CreatedAt    time.Time
	ExpiresAt    time.Time
}

// AttemptPurpose is what an Attempt is for.
type AttemptPurpose string

// The purposes. All but the first belong to somebody who is signed in already
// (Attempt.UserID), and start no new session.
const (
	ForSignIn  AttemptPurpose = ""
	ForLink    AttemptPurpose = "link"    // connects the identity to the user
	ForConfirm AttemptPurpose = "confirm" // the user proves again who they are, before a sensitive act
	ForTest    AttemptPurpose = "test"    // an administrator looks at what the provider says; nothing is written
)

// Vouched is what a Provider answers for: who the person is there, and if they
// were asked for, the tokens to act for them.
type Vouched struct {
	Subject string
	Aliases map[string]string
	Profile Profile
	Tokens  *Tokens
	Facts   map[string]string // what else was found out, for the administrator who reads the decision; no secrets
	// AuthAt is when the person last proved to the provider who they are, as
	// the provider says; zero: it does not say. To an Attempt that is Fresh it
	// is never earlier than the attempt, but for differences of clocks.
	AuthAt time.Time
	Origin Origin
	// TwoFactors: the provider says that the person gave it two proofs, and the
	// connection believes that.
	TwoFactors bool
}

// Origin is the provider's own session that a session of ours came out of. The
// provider names it when it ends (OpenID Connect Back-Channel Logout), and is
// told when ours does (RP-Initiated Logout). Its zero value is none.
type Origin struct {
	Subject string // sub of the ID token, byte for byte, whatever the connection takes for the person's id
	Session string // sid of the ID token; "" = the provider does not tell
	IDToken string // as it came, if the provider is to be told of our sign-outs; sealed where it is kept
}

// Tokens are what a provider gave to act for a person.
type Tokens struct {
	Access, Refresh string
	ID              string // the ID token as it came, for RP-initiated logout; "" = none
	Scopes          []string
	ExpiresAt       time.Time
}

// Proof is what a provider vouched for in one browser while nothing could be
// done with it yet: the address belongs to somebody whom the person has to prove
// to be, the person may ask for an account, or the account waits for approval.
// It is held sealed, for that browser alone, and taken once.
type Proof struct {
	ID           string
	ConnectionID string
	Vouched      Vouched
	BrowserHash  []byte    // SHA-256 of the browser's cookie
	UserID       string    // the account that waits for approval; "" = the identity is nobody's yet
	Decision     string    // id of the decision that left it at this
	Request      string    // handle of the provider request it serves, "" if none
	ReturnTo     string    // own path to go to at the end, "" = /user
	CreatedAt    time.Time // when the provider vouched
	ExpiresAt    time.Time
}

// Decision is what was decided at one sign-in, and why. Every one is stored.
type Decision struct {
	ID           string
	Reference    string // short code that the person may read out to an administrator
	At           time.Time
	ConnectionID string
	Subject      string
	UserID       string // "" when nobody was found or made
	Outcome      Outcome
	Rule         string            // which rule spoke: "identity", "auto_link_user", "allow_single_sign_on" …
	Reason       string            // a sentence in English, key of its translation
	Args         []string          // values for the sentence
	Facts        map[string]string // what came and what was found, for the administrator; no secrets
	Address      string            // of the browser
}

// Names of facts by which an administrator finds what to mend at a provider.
const (
	FactMissingPermission = "missing_permission" // what the provider calls it; several are separated by commas
	FactPermissionLink    = "permission_link"    // where it is asked for there
	FactServerAddress     = "server_address"     // our address, which the provider does not take calls from
)

// Told is a fact of a decision that a provider or its error told, "" when there
// is none. A sign-in that came to its end keeps it under another name than one
// that did not.
func (d Decision) Told(fact string) string { return cmp.Or(d.Facts[fact], d.Facts["provider_"+fact]) }

// Outcome of a Decision.
type Outcome string

// The outcomes.
const (
	OutcomeSignedIn Outcome = "signed_in"
	OutcomeCreated  Outcome = "created" // a new account, active
	OutcomePending  Outcome = "pending" // an account, new or old, that waits for approval
	OutcomeLinked   Outcome = "linked"  // an identity was added to an account
	OutcomeRefused  Outcome = "refused"
	OutcomeFailed   Outcome = "failed" // the provider or the network, not the person
	OutcomeTested   Outcome = "tested" // an administrator tried a connection; nobody was signed in and nothing changed
)

// Request is an authorization request that was found to be right and waits for
// its person: sign-in, consent. Bound to the browser that made it.
type Request struct {
	Handle      string // random; only its SHA-256 is stored
	ClientID    string
	BrowserHash []byte
	Params      json.RawMessage // the checked parameters, as op keeps them
	Demand      Demand
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

// Demand is what a Request asks of the sign-in.
type Demand struct {
	After  time.Time `json:"after,omitzero"` // the person must have signed in after this
	ACR    []string  `json:"acr,omitempty"`
	Hint   string    `json:"hint,omitempty"`   // login_hint
	Locale string    `json:"locale,omitempty"` // first of ui_locales that we speak
	Choose bool      `json:"choose,omitempty"` // prompt=select_account
	// Essential: without one of ACR the app gets nobody. Else they are a wish.
	Essential bool `json:"essential,omitempty"`
	// Stronger: the session that there is would do, but for ACR.
	Stronger bool `json:"stronger,omitempty"`
}

// Grantable is what a code or a token stands for: who may do what, for whom.
type Grantable struct {
	ClientID  string
	UserID    string // "" for client credentials
	SessionID string
	Scopes    []string
	Nonce     string
	AuthAt    time.Time
	Details   GrantDetails
}

// Code is an authorization code. Only its SHA-256 is stored.
type Code struct {
	Hash          []byte
	Family        string // of the tokens it gives; ends them when it is used twice
	Grant         Grantable
	RedirectURI   string
	Challenge     string // PKCE S256 code_challenge, "" if none was sent
	HasNoRedirect bool   // redirect_uri was not in the request
	ExpiresAt     time.Time
	UsedAt        time.Time // zero: not yet
}

// TokenKind is the kind of a Token.
type TokenKind string

// The kinds of tokens.
const (
	AccessToken  TokenKind = "access"
	RefreshToken TokenKind = "refresh"
)

// Token is an access or refresh token. Only its SHA-256 is stored.
type Token struct {
	Hash      []byte
	Kind      TokenKind
	Family    string // all tokens that came of one code
	Grant     Grantable
	CreatedAt time.Time
	ExpiresAt time.Time
	EndsAt    time.Time // refresh: absolute end of the family
	UsedAt    time.Time // refresh: when it was rotated; access: last used, roughly
	Successor []byte    // refresh: hash of the one that took its place
	RevokedAt time.Time
}

// SigningKey is a key of the provider. The private part is sealed in the store.
type SigningKey struct {
	ID        string // kid, RFC 7638 thumbprint
	Algorithm string // RS256, ES256, EdDSA
	Private   []byte // PKCS #8
	CreatedAt time.Time
	ActiveAt  time.Time // used for signing from then on
	RetireAt  time.Time // zero: not yet known; published until then
}
