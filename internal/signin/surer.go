package signin

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"gatehouse"
	"gatehouse/internal/store"
)

// strong says whether the person gave two proofs, here or to a provider that is
// believed about it.
func (e entering) strong() bool {
	return e.Method == methodPasskey || e.Second != "" || e.ProvidersTwo
}

// second is Session.Second of the session that begins.
func (e entering) second() string {
	if e.Second == "" && e.ProvidersTwo {
		return gatehouse.SecondByProvider
	}
	return e.Second
}

// demanded is what the app asks of a sign-in that serves a request of this
// browser; nothing where the request is over, since nobody waits for it.
func demanded(tx *store.Tx, b Browser, request string) (gatehouse.Demand, error) {
	if request == "" {
		return gatehouse.Demand{}, nil
	}
	r, err := ownRequest(tx, request, b.Hash)
	if errors.Is(err, gatehouse.Expired) {
		return gatehouse.Demand{}, nil
	}
	return r.Demand, err
}

// owesTheApp says what more an app demands than the house does: purposeSecond, or
// "" for nothing. Who has nothing that could be asked for sets nothing up on the
// way in: a password, or a provider, alone must not become two proofs.
func (s *Service) owesTheApp(tx *store.Tx, userID string, d gatehouse.Demand, e entering) (string, error) {
	if s.Local == nil || !d.TwoFactors() || e.strong() {
		return "", nil
	}
	has, err := tx.LocalWays(userID)
	if err != nil {
		return "", fmt.Errorf("read the credentials of user %s: %w", userID, err)
	}
	if has.Authenticator || has.Passkeys > 0 && s.Local.Passkeys() {
		return purposeSecond, nil
	}
	return "", nil
}

// lacks says whether a person comes in less surely than an app insists on.
func lacks(d gatehouse.Demand, e entering) bool {
	return d.Essential && d.TwoFactors() && !e.strong()
}

// NeedsStronger is the page that tells somebody what they need for an app.
func NeedsStronger(request string) string {
	return "/sign-in/stronger?" + url.Values{"request": {request}}.Encode()
}

// Stronger says where somebody who is signed in goes when an app demands two
// proofs and they gave one: to the page that asks for the other, to the one that
// tells what they need, or back to the app, which only wished for it. "": their
// session is no beginning of that, and they sign in anew.
func (s *Service) Stronger(ctx context.Context, b Browser, has gatehouse.Session, request string) (goTo string, err error) {
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		goTo = ""
		r, err := ownRequest(tx, request, b.Hash)
		if err != nil {
			return err
		}
		d := r.Demand
		switch {
		case !d.TwoFactors() || has.TwoFactors():
			goTo = entering{Request: request}.goTo()
			return nil
		case !d.After.IsZero() && !has.AuthAt.After(d.After), has.Method != methodPassword && has.ConnectionID == "":
			return nil
		}
		e := entering{Method: has.Method, ConnectionID: has.ConnectionID, Request: request, Strengthens: has.ID}
		purpose, err := s.owesTheApp(tx, has.UserID, d, e)
		switch {
		case err != nil:
			return err
		case purpose == "" && d.Essential:
			goTo = NeedsStronger(request)
			return nil
		case purpose == "":
			goTo = e.goTo()
			return nil
		}
		var asks Result
		if asks.User, err = tx.User(has.UserID); err != nil {
			return fmt.Errorf("read user %s: %w", has.UserID, err)
		}
		err = s.askMore(tx, b, &asks, e, purpose)
		goTo = asks.GoTo
		return err
	})
	if err != nil {
		return "", fmt.Errorf("ask for a second proof for an app: %w", err)
	}
	return goTo, nil
}

// StrongerWanted says whether an app sent somebody who is signed in only for one
// more proof.
func (c Choices) StrongerWanted() bool { return c.Demand.Stronger && c.Demand.TwoFactors() }

// strengthen ends such a sign-in: the session of the browser stays, and counts for more.
func (s *Service) strengthen(tx *store.Tx, b Browser, r *Result, e entering) error {
	if b.UserID != r.User.ID || b.SessionID != e.Strengthens {
		return gatehouse.Errorf(gatehouse.Unauthorized, "You are not signed in any more. Sign in, and do it again.")
	}
	by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: r.User.ID, Name: r.User.Username, Address: b.Address}
	var err error
	r.SessionToken, err = s.Sessions.Strengthen(tx, by, b.SessionID, e.Second)
	return err
}

// Lacking is what the page tells of whom an app does not take yet.
type Lacking struct {
	ClientName string
	Here       bool // a second proof can be set up here
}

// Lacking says what somebody needs for an app that insists on two proofs. A
// request that is over, or another browser's, is Expired.
func (s *Service) Lacking(ctx context.Context, browserHash []byte, request string) (l Lacking, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		r, err := ownRequest(tx, request, browserHash)
		if err != nil {
			return err
		}
		c, err := tx.Client(r.ClientID)
		if err != nil {
			return fmt.Errorf("read client %s: %w", r.ClientID, err)
		}
		l.ClientName, l.Here = c.Name, s.Local != nil
		return nil
	})
	return l, err
}
