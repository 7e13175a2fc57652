package store

import (
	"time"

	"gatehouse"
)

// SaveSession inserts a session (ID == "") or updates the times of one.
func (tx *Tx) SaveSession(s *gatehouse.Session) error { panic("todo") }

// SessionByToken finds a live session by the SHA-256 of its cookie, together
// with its user, in one query. An ended one is NotFound.
func (tx *Tx) SessionByToken(hash []byte) (gatehouse.Session, gatehouse.User, error) { panic("todo") }

// TouchSession notes that a session was seen.
func (tx *Tx) TouchSession(id string, seen time.Time) error { panic("todo") }

// Sessions lists the live sessions of a user, the last seen first.
func (tx *Tx) Sessions(userID string) ([]gatehouse.Session, error) { panic("todo") }

// EndSession ends one session of a user; NotFound if it is not theirs.
func (tx *Tx) EndSession(userID, id string) error { panic("todo") }

// EndSessions ends all sessions of a user but one ("" = all), and says how many.
func (tx *Tx) EndSessions(userID, except string) (int64, error) { panic("todo") }

// SaveAttempt keeps a sign-in under way. Only the SHA-256 of its State is stored.
func (tx *Tx) SaveAttempt(a *gatehouse.Attempt) error { panic("todo") }

// TakeAttempt reads and removes the attempt with this state: it can be taken
// once. One that is past its end is Expired, and removed; an unknown or taken one NotFound.
func (tx *Tx) TakeAttempt(state string) (gatehouse.Attempt, error) { panic("todo") }

// PeekAttempt reads the attempt with this state without taking it.
func (tx *Tx) PeekAttempt(state string) (gatehouse.Attempt, error) { panic("todo") }

// SaveDecision keeps a decision.
func (tx *Tx) SaveDecision(d *gatehouse.Decision) error { panic("todo") }

// Decision finds a decision by id or by the reference a person was shown.
func (tx *Tx) Decision(idOrReference string) (gatehouse.Decision, error) { panic("todo") }

// Decisions lists decisions of a user ("" = of all), the newest first.
func (tx *Tx) Decisions(userID string, c Cursor) (Page[gatehouse.Decision], error) { panic("todo") }

// Link is a one-time address (the first administrator's claim, dev's dashboard link).
type Link struct {
	Purpose   string // "claim", "dev"
	UserID    string // whom it signs in, "" = decided when it is taken
	ExpiresAt time.Time
}

// SaveLink keeps a one-time link under the SHA-256 of its token.
func (tx *Tx) SaveLink(token string, l Link) error { panic("todo") }

// TakeLink reads and removes a link: NotFound when unknown or taken, Expired
// when past its end.
func (tx *Tx) TakeLink(purpose, token string) (Link, error) { panic("todo") }
