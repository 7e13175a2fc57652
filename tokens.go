package gatehouse

import "time"

// ProviderTokens are the tokens by which one may act for a person at a
// provider, as they are kept for one Identity. They are sealed in the store; the
// ID token is not kept with them.
type ProviderTokens struct {
	IdentityID  string
	Tokens      Tokens
	KeptAt      time.Time // when a sign-in brought them
	RefreshedAt time.Time // zero: never
	Failed      Note      // why the provider renews them no more; the person must connect again. Zero: it does
	FailedAt    time.Time
	RetryAt     time.Time // the provider could not be asked, and is not asked again before
	Version     int64     // counts the changes, by which a late answer is known as late
}

// PersonalToken is a token that a person made for a program of theirs. Only its
// SHA-256 is stored.
type PersonalToken struct {
	ID              string
	UserID          string
	Name            string // what the person calls it
	Hash            []byte
	Hint            string // its last characters, to tell it from others
	Scopes          []string
	CreatedAt       time.Time
	ExpiresAt       time.Time
	LastUsedAt      time.Time // to within some minutes; zero: never
	LastUsedAddress string
	RevokedAt       time.Time // zero: not
}
