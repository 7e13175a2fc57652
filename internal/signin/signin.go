// Package signin is the journey of a browser through a provider and back: it
// begins an attempt that is bound to the browser, takes it exactly once when
// the provider sends the browser back, and starts a session for the person whom
// the provider vouches for. Whatever goes wrong signs nobody in and leaves a
// decision that can be read.
package signin

import (
	"context"
	"log/slog"
	"net/url"
	"time"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// Service signs people in. It is used by pointer and is safe for concurrent use.
type Service struct {
	Store    *store.Store
	Apps     *apps.Apps
	Users    *users.Users
	Sessions *session.Manager
	URL      string // what browsers see, without a slash at the end
	Clock    gatehouse.Clock
	Log      *slog.Logger      // nil: discard
	Metrics  gatehouse.Metrics // nil: none
}

// Choices is what the sign-in page offers.
type Choices struct {
	Connections []gatehouse.Connection // enabled ones by which people may sign in; without their secrets
	ClientName  string                 // the app that asks for the sign-in, "" if none
	Demand      gatehouse.Demand
	Auto        string // name of the connection to go straight to, "" = let the person choose
}

// Choices says what the sign-in page offers, for an authorization request of
// this browser ("" = none).
func (s *Service) Choices(ctx context.Context, requestHandle string, browserHash []byte) (Choices, error) {
	panic("todo")
}

// Start says what sign-in is wanted.
type Start struct {
	Connection  string // name
	Request     string // handle of the authorization request it serves, "" if none
	ReturnTo    string // own path to go to at the end; anything else counts as ""
	LinkUserID  string // the signed-in user who connects an identity; "" = a sign-in
	Locale      string
	BrowserHash []byte
}

// Begin starts a sign-in and gives the provider's address to send the browser to.
func (s *Service) Begin(ctx context.Context, st Start) (address string, err error) { panic("todo") }

// Answer is what came back with the browser.
type Answer struct {
	Connection       string // name, of the callback address
	Values           url.Values
	BrowserHash      []byte
	UserAgent        string
	Address          string
	CurrentUserID    string // who is signed in with this browser now, "" = nobody
	CurrentSessionID string // that session: it ends when the new one starts
}

// Result is a sign-in that succeeded.
type Result struct {
	SessionToken string // for session.Manager.SetCookie; "" = the session that the browser has stays
	GoTo         string // own address to go on to
	Decision     gatehouse.Decision
	User         gatehouse.User
}

// Finish ends the sign-in that the answer's state names. What does not sign
// anybody in is a *Refused.
func (s *Service) Finish(ctx context.Context, a Answer) (Result, error) { panic("todo") }

// Refused is a sign-in that did not happen: refused, failed, or waiting for
// approval (Decision.Outcome). Err has the sentence for the person.
type Refused struct {
	Decision gatehouse.Decision
	Err      *gatehouse.Error
}

// Error is the sentence with its cause, for logs.
func (r *Refused) Error() string { return r.Err.Error() }

// Unwrap gives the error with the sentence.
func (r *Refused) Unwrap() error { return r.Err }

// The purposes of one-time links.
const (
	PurposeClaim = "claim" // makes and signs in the first administrator
	PurposeDev   = "dev"   // the dashboard link of `gatehouse dev`
)

// MakeLink makes a one-time link and returns its token. userID "" is for
// PurposeClaim.
func (s *Service) MakeLink(ctx context.Context, purpose, userID string, ttl time.Duration) (token string, err error) {
	panic("todo")
}

// TakeLink signs in by a one-time link.
func (s *Service) TakeLink(ctx context.Context, purpose, token, address, userAgent string) (Result, error) {
	panic("todo")
}
