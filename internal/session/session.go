// Package session keeps who is signed in with which browser. A browser holds a
// random secret in a cookie; the database holds only its SHA-256, so that a
// stolen backup signs nobody in. A session ends by signing out, by an
// administrator, after a time without use and, however much it is used, after
// an absolute time.
package session

import (
	"log/slog"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// The lifetimes of a session unless a Manager says otherwise.
const (
	DefaultIdle     = 7 * 24 * time.Hour
	DefaultAbsolute = 30 * 24 * time.Hour
)

// touchEvery is how exactly the last use of a session is known. A write for
// each request would cost more than anybody gains by it.
const touchEvery = 5 * time.Minute

// Manager starts, finds and ends sessions. It is used by pointer and is safe
// for concurrent use; the zero values of all fields but Store are useful.
type Manager struct {
	Store    *store.Store
	Clock    gatehouse.Clock
	Log      *slog.Logger      // nil: discard
	Metrics  gatehouse.Metrics // nil: none
	Secure   bool              // browsers reach us by https: cookies are Secure and have the __Host- prefix
	Idle     time.Duration     // a session unused for so long is over; 0: DefaultIdle
	Absolute time.Duration     // a session is over after so long in any case; 0: DefaultAbsolute

	touching sync.Map // ids of the sessions that this process is noting as used right now
}

// Start says how a session begins.
type Start struct {
	UserID       string
	UserName     string // username, for the audit log
	ConnectionID string // "" for a link or a password
	Method       string // "federated", "link", "password"
	UserAgent    string
	Address      string
	AuthAt       time.Time // when the person proved who they are; zero: now
	Replaces     string    // id of the session that this browser had and that ends with this; "" = none
	ReplacesUser string    // whose that was
}

// Start makes a session in the caller's transaction and returns the new secret
// for SetCookie, once the transaction is durable. Every sign-in has a new
// secret, whatever the browser held before.
func (m *Manager) Start(tx *store.Tx, s Start) (token string, _ gatehouse.Session, err error) {
	panic("todo")
}
