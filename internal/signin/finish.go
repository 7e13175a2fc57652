package signin

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// Bounds of an answer. Providers send a few short values.
const (
	maxValues = 64
	maxBytes  = 64 << 10
)

// Answer is what came back with the browser.
type Answer struct {
	Connection       string // name, of the callback address
	Values           url.Values
	BrowserHash      []byte // nil: the browser has no cookie of ours
	UserAgent        string
	Address          string
	CurrentUserID    string // who is signed in with this browser now, "" = nobody
	CurrentSessionID string // that session: it ends when the new one starts
}

func (a Answer) browser() Browser {
	return Browser{Hash: a.BrowserHash, UserAgent: a.UserAgent, Address: a.Address, UserID: a.CurrentUserID, SessionID: a.CurrentSessionID}
}

// Result is a sign-in that succeeded.
type Result struct {
	SessionToken string // for session.Manager.SetCookie; "" = the session that the browser has stays, or more is asked
	GoTo         string // own address to go on to
	Decision     gatehouse.Decision
	User         gatehouse.User
}

// Finish ends the sign-in that the answer's state names. What does not sign
// anybody in is a *Refused, and its decision is kept. Somebody who comes back
// to the address of a sign-in that is over, and is signed in, just goes on.
func (s *Service) Finish(ctx context.Context, a Answer) (Result, error) {
	return s.finish(ctx, a, s.ask)
}

// asking has a provider say who the person is.
type asking func(ctx context.Context, at gatehouse.Attempt, c gatehouse.Connection, answer url.Values) (gatehouse.Vouched, *stop)

func (s *Service) finish(ctx context.Context, a Answer, ask asking) (Result, error) {
	at, c, no, err := s.take(ctx, a)
	if err != nil {
		return Result{}, err
	}
	if no != nil {
		if no.Rule == ruleUnknown && a.CurrentUserID != "" {
			return Result{GoTo: home}, nil
		}
		return Result{}, again(at, s.stopped(ctx, c, a.Address, *no))
	}
	v, no := ask(ctx, at, c, a.Values)
	if at.Purpose == gatehouse.ForTest {
		return s.tested(ctx, trial{connection: c, userID: at.UserID, address: a.Address}, v, no)
	}
	if no != nil {
		return Result{}, again(at, s.stopped(ctx, c, a.Address, *no))
	}
	r, err := s.enter(ctx, at, a, v)
	if errors.Is(err, errRemoved) {
		return Result{}, again(at, s.stopped(ctx, c, a.Address, *disabled(c)))
	}
	return r, err
}

// errRemoved is a connection that was removed while its provider was asked.
var errRemoved = errors.New("the connection was removed")

// take finds the attempt and takes it. Only the browser that began it can use
// it up; a callback of another connection uses it up too, since then somebody
// mixes providers up (RFC 9700 4.4).
func (s *Service) take(ctx context.Context, a Answer) (at gatehouse.Attempt, c gatehouse.Connection, no *stop, err error) {
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		at, c, no = gatehouse.Attempt{}, gatehouse.Connection{}, nil
		var err error
		if c, err = tx.ConnectionByName(a.Connection); err != nil && !errors.Is(err, gatehouse.NotFound) {
			return fmt.Errorf("read the connection: %w", err)
		}
		state, ok := stateOf(a.Values)
		if !ok {
			no = unknown()
			return nil
		}
		at, err = tx.PeekAttempt(state)
		switch {
		case errors.Is(err, gatehouse.NotFound):
			no = unknown()
			return nil
		case errors.Is(err, gatehouse.Expired):
			no = expired()
		case err != nil:
			return fmt.Errorf("find the sign-in: %w", err)
		case !sameBrowser(at.BrowserHash, a.BrowserHash):
			no = foreign()
			return nil
		case c.ID == "" || c.ID != at.ConnectionID:
			no = mixedUp()
		case !c.Enabled && at.Purpose != gatehouse.ForTest:
			no = disabled(c)
		case at.UserID != "" && at.UserID != a.CurrentUserID:
			no = otherUser(c)
		}
		if _, err := tx.TakeAttempt(state); err != nil && !errors.Is(err, gatehouse.Expired) {
			return fmt.Errorf("take the sign-in: %w", err)
		}
		return nil
	})
	return at, c, no, err
}

// stateOf gives the state of an answer that can be one.
func stateOf(v url.Values) (string, bool) {
	n := 0
	for key, values := range v {
		for _, value := range values {
			n += len(key) + len(value)
		}
	}
	states := v["state"]
	if len(v) > maxValues || n > maxBytes || len(states) != 1 || !gatehouse.IsSecret(states[0]) {
		return "", false
	}
	return states[0], true
}

// ask has the provider say who the person is.
func (s *Service) ask(ctx context.Context, at gatehouse.Attempt, c gatehouse.Connection, answer url.Values) (gatehouse.Vouched, *stop) {
	if answer.Get("error") != "" {
		return gatehouse.Vouched{}, providerError(c, answer)
	}
	_, door, err := s.open(ctx, at, c)
	if err == nil && door.Provider == nil {
		err = gatehouse.Errorf(gatehouse.Invalid, "%s cannot be used to sign in. Use another way to sign in.", label(c))
	}
	if err != nil {
		no := byProvider(c, err)
		return gatehouse.Vouched{}, &no
	}
	v, err := door.Provider.Finish(ctx, at, answer)
	if err != nil {
		no := byProvider(c, err)
		return gatehouse.Vouched{}, &no
	}
	return v, nil
}

// enter decides who the person is and starts the session, in one transaction:
// there is no session without its decision. The connection is read anew, so
// that one which was disabled while the provider was asked lets nobody in.
func (s *Service) enter(ctx context.Context, at gatehouse.Attempt, a Answer, v gatehouse.Vouched) (Result, error) {
	if at.Purpose == gatehouse.ForConfirm {
		return s.confirmed(ctx, at, a, v)
	}
	var r Result
	var c gatehouse.Connection
	var left gatehouse.Proof
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		r, left = Result{GoTo: goTo(at)}, gatehouse.Proof{}
		var err error
		switch c, err = tx.Connection(at.ConnectionID); {
		case errors.Is(err, gatehouse.NotFound):
			return errRemoved
		case err != nil:
			return fmt.Errorf("read the connection: %w", err)
		}
		r.User, r.Decision, err = s.Users.Ensure(tx, c, v, users.EnsureOptions{
			Address: a.Address, LinkUserID: at.UserID, SessionID: a.CurrentSessionID,
		})
		if err != nil {
			return err
		}
		if !letsIn(r.Decision.Outcome) {
			if at.UserID == "" {
				left, err = keepProof(tx, a.BrowserHash, gatehouse.Proof{
					ConnectionID: c.ID, Vouched: v, Request: at.Request, ReturnTo: at.ReturnTo,
				}, r.Decision)
			}
			return err
		}
		if err := s.keepTokens(tx, c, v); err != nil || at.UserID != "" {
			return err
		}
		return s.goOn(tx, a.browser(), &r, entering{
			Method: "federated", ConnectionID: c.ID, Origin: v.Origin, Request: at.Request, ReturnTo: at.ReturnTo,
			AuthAt: signedInAt(at, v, tx.Now()), ProvidersTwo: v.TwoFactors,
		})
	})
	if err != nil {
		return Result{}, fmt.Errorf("sign in: %w", err)
	}
	s.tell(ctx, c, r.Decision, nil)
	if !letsIn(r.Decision.Outcome) {
		no := refused(r.Decision)
		no.Proof = left
		return Result{}, again(at, no)
	}
	return r, nil
}

// keepTokens keeps the tokens that came with a person who got in, or connected
// an account.
func (s *Service) keepTokens(tx *store.Tx, c gatehouse.Connection, v gatehouse.Vouched) error {
	if s.Provided == nil || v.Tokens == nil {
		return nil
	}
	i, err := tx.Identity(c.ID, v.Subject)
	if err != nil {
		return fmt.Errorf("read the identity: %w", err)
	}
	return s.Provided.Keep(tx, i, v.Tokens)
}

// again notes what the sign-in was for. Of an attempt that is not this
// browser's, nothing is told.
func again(at gatehouse.Attempt, r *Refused) *Refused {
	if r.Decision.Rule != ruleBrowser {
		r.Request, r.ReturnTo = at.Request, at.ReturnTo
	}
	return r
}

func letsIn(o gatehouse.Outcome) bool {
	return o == gatehouse.OutcomeSignedIn || o == gatehouse.OutcomeCreated || o == gatehouse.OutcomeLinked
}

// home is where people go who want to go nowhere else.
const home = "/user"

func goTo(at gatehouse.Attempt) string {
	return entering{Request: at.Request, ReturnTo: at.ReturnTo}.goTo()
}
