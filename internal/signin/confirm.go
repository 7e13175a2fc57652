package signin

import (
	"context"
	"fmt"
	"slices"

	"gatehouse"
	"gatehouse/internal/credentials"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// ConfirmWays are the ways in which somebody who is signed in can prove again
// who they are. The zero value is none.
type ConfirmWays struct {
	Password    bool
	Code        bool // besides the password
	Passkey     bool
	Connections []gatehouse.Connection // without credentials
	// Development: there is no other way, and none is needed, since development
	// mode signs anybody in as anybody.
	Development bool
}

// Any says whether there is a way.
func (w ConfirmWays) Any() bool {
	return w.Password || w.Passkey || len(w.Connections) > 0 || w.Development
}

// ConfirmWays says how a user can prove again who they are. Who can do it here is
// offered no provider that cannot show that it asked.
func (s *Service) ConfirmWays(ctx context.Context, userID string) (ConfirmWays, error) {
	var w ConfirmWays
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		var err error
		if w, err = s.localWays(tx, userID); err != nil {
			return err
		}
		identities, err := tx.Identities(userID)
		if err != nil {
			return fmt.Errorf("read the identities of user %s: %w", userID, err)
		}
		all, err := tx.Connections()
		if err != nil {
			return fmt.Errorf("read the connections: %w", err)
		}
		w.Connections = slices.DeleteFunc(s.offered(all), func(c gatehouse.Connection) bool {
			return !slices.ContainsFunc(identities, func(i gatehouse.Identity) bool { return i.ConnectionID == c.ID })
		})
		return nil
	})
	if err != nil {
		return ConfirmWays{}, err
	}
	w.Connections = confirmable(w.Password || w.Passkey, w.Connections, s.shows(ctx))
	w.Development = s.Development && !w.Any()
	return w, nil
}

// localWays are those that need no provider.
func (s *Service) localWays(tx *store.Tx, userID string) (w ConfirmWays, err error) {
	if s.Local == nil {
		return w, nil
	}
	has, err := tx.LocalWays(userID)
	if err != nil {
		return w, fmt.Errorf("read the credentials of user %s: %w", userID, err)
	}
	ways, err := s.Local.WaysIn(tx, userID)
	if err != nil {
		return w, err
	}
	w.Password, w.Code = ways.Password, has.Authenticator
	w.Passkey = has.Passkeys > 0 && s.Local.Passkeys()
	return w, nil
}

// ConfirmDevelopment confirms in development mode, for who has nothing to prove
// it by: the account that the printed link opens.
func (s *Service) ConfirmDevelopment(ctx context.Context, l Local) (Result, error) {
	w, err := s.ConfirmWays(ctx, l.UserID)
	if err != nil {
		return Result{}, err
	}
	if !w.Development {
		return Result{}, gatehouse.Errorf(gatehouse.Forbidden, "Only development mode confirms without a proof, and only who has none. Confirm in another way.")
	}
	return s.confirm(ctx, l.Browser, entering{Method: "development", ReturnTo: l.ReturnTo, Confirms: true})
}

// refusesConfirm is why a connection is not used to confirm who somebody is.
func (s *Service) refusesConfirm(ctx context.Context, c gatehouse.Connection, door integration.Door, userID string) error {
	if door.ShowsFresh {
		return nil
	}
	local := false
	err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		local, err = s.provesHere(tx, userID)
		return err
	})
	if err != nil {
		return fmt.Errorf("look how user %s can confirm: %w", userID, err)
	}
	if local {
		return s.stopped(ctx, c, "", *notFresh(c, userID, ruleUnproved))
	}
	return nil
}

// ConfirmPassword proves again who is signed in with a browser, by the password
// and, where there is an authenticator app, a code. The session gets a new
// secret. What proves nothing is a *Refused.
func (s *Service) ConfirmPassword(ctx context.Context, l Local, password, code string) (Result, error) {
	if s.Local == nil {
		return Result{}, s.offersLocal(ctx)
	}
	if _, err := s.Local.Password(ctx, credentials.Try{UserID: l.UserID, Password: password, Address: l.Address}); err != nil {
		return Result{}, s.notProved(ctx, l, methodPassword, l.UserID, err)
	}
	e := entering{Method: methodPassword, ReturnTo: l.ReturnTo, Confirms: true}
	var has gatehouse.LocalWays
	err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		has, err = tx.LocalWays(l.UserID)
		return err
	})
	if err != nil {
		return Result{}, fmt.Errorf("read the credentials of user %s: %w", l.UserID, err)
	}
	if has.Authenticator {
		if e.Second, err = s.Local.Code(ctx, l.UserID, code, l.Address); err != nil {
			return Result{}, s.notProved(ctx, l, "code", l.UserID, err)
		}
	}
	return s.confirm(ctx, l.Browser, e)
}

// BeginConfirmPasskey gives what a browser needs to ask for a passkey of a user.
func (s *Service) BeginConfirmPasskey(ctx context.Context, browserHash []byte, userID string) (options any, err error) {
	if s.Local == nil {
		return nil, s.offersLocal(ctx)
	}
	return s.Local.BeginPasskeyProof(ctx, userID, browserHash)
}

// ConfirmPasskey proves again who is signed in with a browser, by a passkey of
// theirs.
func (s *Service) ConfirmPasskey(ctx context.Context, l Local, answer string) (Result, error) {
	if s.Local == nil {
		return Result{}, s.offersLocal(ctx)
	}
	var no *gatehouse.Error
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		var userID string
		var err error
		userID, no, err = s.Local.PasskeyProof(tx, l.Hash, answer, l.Address)
		if err == nil && no == nil && userID != l.UserID {
			no = gatehouse.Errorf(gatehouse.Invalid, "This passkey belongs to another account. Use one of yours.")
		}
		return err
	})
	if err != nil {
		return Result{}, fmt.Errorf("check a passkey: %w", err)
	}
	if no != nil {
		return Result{}, s.notProved(ctx, l, methodPasskey, l.UserID, no)
	}
	return s.confirm(ctx, l.Browser, entering{Method: methodPasskey, ReturnTo: l.ReturnTo, Confirms: true})
}

func (s *Service) confirm(ctx context.Context, b Browser, e entering) (Result, error) {
	var r Result
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		r = Result{}
		var err error
		if r.User, err = tx.User(b.UserID); err != nil {
			return fmt.Errorf("read user %s: %w", b.UserID, err)
		}
		return s.letIn(tx, b, &r, e)
	})
	if err != nil {
		return Result{}, fmt.Errorf("confirm a session: %w", err)
	}
	return r, nil
}

// renew notes that the person at a browser has proved again who they are.
func (s *Service) renew(tx *store.Tx, b Browser, r *Result, e entering) error {
	by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: r.User.ID, Name: r.User.Username, Address: b.Address}
	if b.UserID != r.User.ID || b.SessionID == "" {
		return gatehouse.Errorf(gatehouse.Unauthorized, "You are not signed in any more. Sign in, and do it again.")
	}
	var err error
	r.SessionToken, err = s.Sessions.Renew(tx, by, b.SessionID, map[string]string{
		"method": e.Method, "connection": e.ConnectionID, "second": e.Second, "freshness": e.Freshness,
	})
	return err
}

// confirmed ends a proof by a provider: the identity that comes back must be one
// of the user who is signed in. Nobody is made, linked or changed by it.
func (s *Service) confirmed(ctx context.Context, at gatehouse.Attempt, a Answer, v gatehouse.Vouched) (Result, error) {
	var r Result
	var no *stop
	var c gatehouse.Connection
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		r, no = Result{}, nil
		var err error
		if c, err = tx.Connection(at.ConnectionID); err != nil {
			return fmt.Errorf("read the connection: %w", err)
		}
		if !c.Enabled {
			no = disabled(c)
			return nil
		}
		i, known, err := users.Known(tx, c.ID, v)
		if err != nil {
			return err
		}
		if !known || i.UserID != at.UserID {
			no = otherIdentity(c, at.UserID)
			return nil
		}
		local, err := s.provesHere(tx, at.UserID)
		if err != nil {
			return err
		}
		how, rule := freshly(at, v, tx.Now(), local)
		if rule != "" {
			no = notFresh(c, at.UserID, rule)
			return nil
		}
		if r.User, err = tx.User(at.UserID); err != nil {
			return fmt.Errorf("read user %s: %w", at.UserID, err)
		}
		return s.goOn(tx, a.browser(), &r, entering{
			Method: "federated", ConnectionID: c.ID, ReturnTo: at.ReturnTo, Confirms: true, Freshness: how,
		})
	})
	if err != nil {
		return Result{}, fmt.Errorf("confirm a session: %w", err)
	}
	if no != nil {
		return Result{}, again(at, s.stopped(ctx, c, a.Address, *no))
	}
	return r, nil
}

func otherIdentity(c gatehouse.Connection, userID string) *stop {
	return halt(gatehouse.Forbidden, gatehouse.Decision{
		Outcome: gatehouse.OutcomeRefused, Rule: "confirm_identity", UserID: userID,
		Reason: "You came back from %s as somebody who is not connected to your account here, so it was not confirmed. Use the account that is connected.", Args: []string{label(c)},
	})
}
