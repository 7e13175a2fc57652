// Package session keeps who is signed in with which browser. A browser holds a
// random secret in a cookie; the database holds only its SHA-256, so that a
// stolen backup signs nobody in. A session ends by signing out, by an
// administrator, after a time without use and, however much it is used, after
// an absolute time.
package session

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"

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

// maxUserAgent bounds what a browser says of itself; real ones have under 300 bytes.
const maxUserAgent = 512

// Manager starts, finds and ends sessions. It is used by pointer and is safe
// for concurrent use; the zero values of all fields but Store are useful.
type Manager struct {
	Store    *store.Store
	Clock    gatehouse.Clock
	Log      *slog.Logger      // nil: discard
	Metrics  gatehouse.Metrics // nil: none
	URL      string            // what browsers see, for links in mails; "": those have none
	Secure   bool              // browsers reach us by https: cookies are Secure and have the __Host- prefix
	Idle     time.Duration     // a session unused for so long is over; 0: DefaultIdle
	Absolute time.Duration     // a session is over after so long in any case; 0: DefaultAbsolute

	touching sync.Map // ids of the sessions that this process notes as used right now
}

func (m *Manager) idle() time.Duration     { return cmp.Or(m.Idle, DefaultIdle) }
func (m *Manager) absolute() time.Duration { return cmp.Or(m.Absolute, DefaultAbsolute) }

func (m *Manager) log() *slog.Logger {
	if m.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return m.Log
}

func (m *Manager) count(name string, labels ...string) {
	if m.Metrics != nil {
		m.Metrics.Count(name, labels...)
	}
}

// over says whether a session has ended by time. The store knows the absolute
// end only.
func (m *Manager) over(s gatehouse.Session, now time.Time) bool {
	return !now.Before(s.ExpiresAt) || !now.Before(s.SeenAt.Add(m.idle()))
}

// FreshFor is how long a proof of who somebody is counts for sensitive acts.
const FreshFor = 10 * time.Minute

// Fresh asks that the person proved who they are within FreshFor: nil, or an
// error of kind Stale, which the pages answer by asking for a proof again.
func (m *Manager) Fresh(s gatehouse.Session) error {
	if m.Clock.Now().Before(s.AuthAt.Add(FreshFor)) {
		return nil
	}
	return gatehouse.Errorf(gatehouse.Stale, "You signed in a while ago, and this needs a fresh proof that it is you. Confirm who you are, and do it again.")
}

// Start says how a session begins.
type Start struct {
	UserID       string
	UserName     string // username, for the audit log
	ConnectionID string // "" for a link or a password
	Method       string // "federated", "link", "password", "passkey"
	Second       string // what was proved besides: "authenticator", "recovery_code", "passkey", or gatehouse.SecondByProvider; "" = nothing
	UserAgent    string
	Address      string
	AuthAt       time.Time // when the person proved who they are; zero: now
	Origin       gatehouse.Origin

	// The session that this browser had until now, and whose it was: it ends
	// when the new one starts. "" = none.
	Replaces, ReplacesUser string
}

// Start makes a session in the caller's transaction and returns the new secret,
// for SetCookie once the transaction is durable. Every sign-in has a new
// secret, whatever the browser held before (ASVS 7.2.4).
func (m *Manager) Start(tx *store.Tx, s Start) (token string, _ gatehouse.Session, err error) {
	if s.UserID == "" {
		return "", gatehouse.Session{}, errors.New("start a session: nobody is named")
	}
	token = gatehouse.NewSecret()
	now := tx.Now()
	made := gatehouse.Session{
		TokenHash: gatehouse.Digest(token), UserID: s.UserID, ConnectionID: s.ConnectionID, Method: s.Method, Second: s.Second,
		UserAgent: plain(s.UserAgent, maxUserAgent), Address: s.Address,
		AuthAt: s.AuthAt, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(m.absolute()),
	}
	if made.AuthAt.IsZero() {
		made.AuthAt = now
	}
	if err := tx.SaveSession(&made); err != nil {
		return "", gatehouse.Session{}, fmt.Errorf("save the session: %w", err)
	}
	if err := replace(tx, s, made.ID); err != nil {
		return "", gatehouse.Session{}, err
	}
	if s.Origin != (gatehouse.Origin{}) {
		if err := tx.SaveOrigin(made.ID, s.ConnectionID, s.Origin); err != nil {
			return "", gatehouse.Session{}, fmt.Errorf("save where the session comes from: %w", err)
		}
	}
	err = tx.Record(gatehouse.Event{
		Actor:  gatehouse.Actor{Kind: gatehouse.ActorUser, ID: s.UserID, Name: s.UserName, Address: s.Address},
		Action: "session.started", Target: "session/" + made.ID,
		Details: started(s),
	})
	if err != nil {
		return "", gatehouse.Session{}, fmt.Errorf("record the session: %w", err)
	}
	return token, made, nil
}

// replace ends the session that a browser had until now. When it is of the same
// person, clients know the new one as they knew it.
func replace(tx *store.Tx, s Start, by string) error {
	if s.Replaces == "" || s.ReplacesUser == "" {
		return nil
	}
	if s.ReplacesUser == s.UserID {
		if err := tx.SucceedSession(s.Replaces, by); err != nil {
			return fmt.Errorf("take over the session before: %w", err)
		}
	}
	if err := tx.EndSession(s.ReplacesUser, s.Replaces); err != nil && !errors.Is(err, gatehouse.NotFound) {
		return fmt.Errorf("end the session before: %w", err)
	}
	return nil
}

func started(s Start) map[string]string {
	d := map[string]string{"method": s.Method, "connection": s.ConnectionID}
	if s.Second != "" {
		d["second"] = s.Second
	}
	return d
}

// Renew notes that the person of a session has proved again who they are, and
// gives it a new secret for SetCookie; the one before is dead (ASVS 7.2.4). A
// session that has ended is Unauthorized.
func (m *Manager) Renew(tx *store.Tx, by gatehouse.Actor, id string, details map[string]string) (token string, err error) {
	token = gatehouse.NewSecret()
	err = tx.RenewSession(id, gatehouse.Digest(token), tx.Now())
	if errors.Is(err, gatehouse.NotFound) {
		return "", nobody()
	}
	if err != nil {
		return "", fmt.Errorf("renew session %s: %w", id, err)
	}
	return token, record(tx, by, "session.confirmed", "session/"+id, details)
}

// Strengthen notes what the person of a session proved besides, and gives it a new
// secret for SetCookie. When they proved who they are stays: a second proof alone
// is no fresh one. A session that has ended, or is not theirs, is Unauthorized.
func (m *Manager) Strengthen(tx *store.Tx, by gatehouse.Actor, id, second string) (token string, err error) {
	token = gatehouse.NewSecret()
	err = tx.StrengthenSession(id, by.ID, gatehouse.Digest(token), second)
	if errors.Is(err, gatehouse.NotFound) {
		return "", nobody()
	}
	if err != nil {
		return "", fmt.Errorf("strengthen session %s: %w", id, err)
	}
	return token, record(tx, by, "session.strengthened", "session/"+id, map[string]string{"second": second})
}

// Limits are after how long a session ends without use, and in any case.
func (m *Manager) Limits() (idle, absolute time.Duration) { return m.idle(), m.absolute() }

// List gives the sessions of a user that are alive now, the last seen first.
func (m *Manager) List(tx *store.Tx, userID string) ([]gatehouse.Session, error) {
	all, err := tx.Sessions(userID)
	if err != nil {
		return nil, fmt.Errorf("read the sessions of user %s: %w", userID, err)
	}
	alive := all[:0]
	for _, s := range all {
		if !m.over(s, tx.Now()) {
			alive = append(alive, s)
		}
	}
	return alive, nil
}

// EndOne ends one session of a user. One that is not theirs is NotFound.
func (m *Manager) EndOne(tx *store.Tx, by gatehouse.Actor, userID, id string) error {
	if err := tx.EndSession(userID, id); err != nil {
		return fmt.Errorf("end session %s: %w", id, err)
	}
	return record(tx, by, "session.ended", "session/"+id, nil)
}

// EndOthers ends all sessions of a user but one ("" = all), and says how many.
func (m *Manager) EndOthers(tx *store.Tx, by gatehouse.Actor, userID, except string) (int64, error) {
	n, err := tx.EndSessions(userID, except)
	if err != nil {
		return 0, fmt.Errorf("end the sessions of user %s: %w", userID, err)
	}
	return n, record(tx, by, "session.ended_others", "user/"+userID, map[string]string{"sessions": fmt.Sprint(n)})
}

func record(tx *store.Tx, by gatehouse.Actor, action, target string, details map[string]string) error {
	if err := tx.Record(gatehouse.Event{Actor: by, Action: action, Target: target, Details: details}); err != nil {
		return fmt.Errorf("record %s: %w", action, err)
	}
	return nil
}

// plain is a text of at most n bytes without what does not print, so that a
// list of sessions shows what it says.
func plain(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}
