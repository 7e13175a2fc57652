// Package signin is the journey of a browser through a provider and back: it
// begins an attempt that is bound to the browser, takes it exactly once when
// the provider sends the browser back, and starts a session for the person whom
// the provider vouches for. Whatever goes wrong signs nobody in and leaves a
// decision that can be read.
package signin

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/credentials"
	"gatehouse/internal/provided"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// attemptLife is how long a person has at the provider.
const attemptLife = 10 * time.Minute

// Service signs people in. It is used by pointer and is safe for concurrent use.
type Service struct {
	Store    *store.Store
	Apps     *apps.Apps
	Users    *users.Users
	Sessions *session.Manager
	Provided *provided.Provided       // keeps the tokens that providers give; nil: they are dropped
	Local    *credentials.Credentials // what people prove themselves by without a provider; nil: nothing
	URL      string                   // what browsers see, without a slash at the end
	Clock    gatehouse.Clock
	Log      *slog.Logger      // nil: discard
	Metrics  gatehouse.Metrics // nil: none
	// Development lets whoever has no proof at all confirm without one.
	Development bool

	once      sync.Once
	strangers *rate.Limiter // of callbacks that belong to no sign-in of the browser
	nobodies  *rate.Limiter // of sign-ins that ended before anybody was vouched for
}

func (s *Service) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

func (s *Service) count(kind string, outcome gatehouse.Outcome) {
	if s.Metrics != nil {
		s.Metrics.Count("sign_in", "kind", kind, "outcome", string(outcome))
	}
}

// mayKeep holds back decisions about nobody: anybody can bring them about, as
// many as they like (a callback that belongs to nothing, a sign-in that is begun
// and answered with an error), and the database keeps each for months. When a
// provider is down for everybody, the first thousand are kept.
func (s *Service) mayKeep(rule string) bool {
	s.once.Do(func() {
		s.strangers = rate.NewLimiter(rate.Every(time.Second), 100)
		s.nobodies = rate.NewLimiter(rate.Every(time.Second), 1000)
	})
	of := s.nobodies
	if rule == ruleUnknown || rule == ruleBrowser {
		of = s.strangers
	}
	return of.AllowN(s.Clock.Now(), 1)
}

// Choices is what the sign-in page offers.
type Choices struct {
	Connections []gatehouse.Connection // enabled ones by which people may sign in, by name; without credentials
	ClientName  string                 // the app that asks for the sign-in, "" if none
	Demand      gatehouse.Demand
	Local       bool   // people sign in without a provider too
	Passkeys    bool   // also by a passkey
	Auto        string // name of the connection to go straight to, "" = let the person choose
}

// Choices says what the sign-in page offers, for an authorization request of
// this browser ("" = none). A request that is over, or that another browser
// made, is Expired.
func (s *Service) Choices(ctx context.Context, requestHandle string, browserHash []byte) (Choices, error) {
	var ch Choices
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		ch = Choices{}
		if requestHandle != "" {
			r, err := ownRequest(tx, requestHandle, browserHash)
			if err != nil {
				return err
			}
			client, err := tx.Client(r.ClientID)
			if err != nil {
				return fmt.Errorf("read client %s: %w", r.ClientID, err)
			}
			ch.ClientName, ch.Demand = client.Name, r.Demand
		}
		all, err := tx.Connections()
		if err != nil {
			return fmt.Errorf("read the connections: %w", err)
		}
		ch.Connections = s.offered(all)
		if s.Local != nil {
			ch.Passkeys = s.Local.Passkeys()
			ch.Local, err = s.Local.Offered(tx)
		}
		return err
	})
	if err != nil {
		return Choices{}, err
	}
	for _, c := range ch.Connections {
		if c.Rules.AutoSignInWithProvider && ch.Auto == "" && !ch.Demand.Choose {
			ch.Auto = c.Name
		}
	}
	return ch, nil
}

func (s *Service) offered(all []gatehouse.Connection) []gatehouse.Connection {
	var some []gatehouse.Connection
	for _, c := range all {
		k, ok := s.Apps.Kind(c.Kind)
		if !ok || k.OpenConnection == nil || !c.Enabled || c.Rules.LinkOnly {
			continue
		}
		c.AppID, c.AppSecret, c.Args = "", "", nil
		some = append(some, c)
	}
	return some
}

// ownRequest finds an authorization request of this browser. Somebody else's
// looks the same as none.
func ownRequest(tx *store.Tx, handle string, browserHash []byte) (gatehouse.Request, error) {
	r, err := tx.Request(handle)
	switch {
	case errors.Is(err, gatehouse.NotFound), errors.Is(err, gatehouse.Expired),
		err == nil && !sameBrowser(r.BrowserHash, browserHash):
		return r, gatehouse.Errorf(gatehouse.Expired, "The sign-in that an app asked for has ended, or was begun in another browser. Go back to the app and start again.")
	case err != nil:
		return r, fmt.Errorf("read the authorization request: %w", err)
	}
	return r, nil
}

func sameBrowser(a, b []byte) bool { return len(a) > 0 && subtle.ConstantTimeCompare(a, b) == 1 }

// newState is a secret of letters and digits alone: WeCom takes no other state.
func newState() string {
	for {
		if s := gatehouse.NewSecret(); !strings.ContainsAny(s, "-_") {
			return s
		}
	}
}
