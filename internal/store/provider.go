package store

import (
	"time"

	"gatehouse"
)

// SaveRequest keeps an authorization request under the SHA-256 of its handle.
func (tx *Tx) SaveRequest(r *gatehouse.Request) error { panic("todo") }

// Request finds an authorization request; Expired when past its end.
func (tx *Tx) Request(handle string) (gatehouse.Request, error) { panic("todo") }

// DeleteRequest removes an authorization request.
func (tx *Tx) DeleteRequest(handle string) error { panic("todo") }

// SaveCode inserts an authorization code.
func (tx *Tx) SaveCode(c *gatehouse.Code) error { panic("todo") }

// TakeCode marks a code as used and returns it as it was before: UsedAt is zero
// for the one caller that took it, and tells when for a later one. Expired
// codes are returned too (the caller compares ExpiresAt with tx.Now). NotFound when unknown.
func (tx *Tx) TakeCode(hash []byte) (gatehouse.Code, error) { panic("todo") }

// Code finds an authorization code without taking it.
func (tx *Tx) Code(hash []byte) (gatehouse.Code, error) { panic("todo") }

// SaveTokens inserts tokens, all in one statement.
func (tx *Tx) SaveTokens(t ...*gatehouse.Token) error { panic("todo") }

// Token finds a token by the SHA-256 of its value, live or not.
func (tx *Tx) Token(hash []byte) (gatehouse.Token, error) { panic("todo") }

// LiveToken finds a token that is neither revoked nor past its end, together
// with its user (zero for client credentials) in one query. The user may be in any state. Else NotFound.
func (tx *Tx) LiveToken(hash []byte) (gatehouse.Token, gatehouse.User, error) { panic("todo") }

// RotateToken marks a refresh token as used with its successor. It reports
// false, and changes nothing, when it was used or revoked already.
func (tx *Tx) RotateToken(hash, successor []byte) (bool, error) { panic("todo") }

// RevokeToken revokes one token; nothing happens if it is unknown or revoked.
func (tx *Tx) RevokeToken(hash []byte) error { panic("todo") }

// RevokeFamily revokes all tokens that came of one code.
func (tx *Tx) RevokeFamily(family string) error { panic("todo") }

// RevokeAccessTokens revokes the access tokens of a family (at rotation, GitLab ends the old one).
func (tx *Tx) RevokeAccessTokens(family string) error { panic("todo") }

// RevokeUserTokens revokes all tokens and codes of a user, of one client or ("") of all.
func (tx *Tx) RevokeUserTokens(userID, clientID string) error { panic("todo") }

// Consent is the scopes that a user allowed a client.
type Consent struct {
	UserID, ClientID string
	Scopes           []string
	At               time.Time
}

// Consent finds what a user allowed a client.
func (tx *Tx) Consent(userID, clientID string) (Consent, error) { panic("todo") }

// Consents lists what a user allowed.
func (tx *Tx) Consents(userID string) ([]Consent, error) { panic("todo") }

// SaveConsent keeps what a user allowed a client, in place of what was.
func (tx *Tx) SaveConsent(c Consent) error { panic("todo") }

// DeleteConsent takes it back.
func (tx *Tx) DeleteConsent(userID, clientID string) error { panic("todo") }

// SigningKeys lists the provider's keys that are not past RetireAt, the newest first.
func (tx *Tx) SigningKeys() ([]gatehouse.SigningKey, error) { panic("todo") }

// SaveSigningKey inserts or updates a key. Its private part is sealed.
func (tx *Tx) SaveSigningKey(k *gatehouse.SigningKey) error { panic("todo") }

// DeleteExpired removes up to limit rows each of what is past its end and of no more use
// (attempts, requests, codes, tokens, sessions, links), and says how many.
func (tx *Tx) DeleteExpired(limit int) (int64, error) { panic("todo") }
