package signin

import (
	"context"
	"errors"
	"fmt"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
	"gatehouse/internal/web/ui"
)

// Start says what sign-in is wanted.
type Start struct {
	Connection  string // name
	Request     string // handle of the authorization request it serves, "" if none
	ReturnTo    string // own path to go to at the end; anything else counts as ""
	Purpose     gatehouse.AttemptPurpose
	UserID      string // the signed-in user whose purpose it is; "" for a sign-in
	Fresh       bool   // the provider is to ask the person again
	Locale      string
	BrowserHash []byte
	// Agent is the browser's User-Agent: inside a vendor's own client the
	// sign-in goes the way that is made for it. "": the usual way is wanted.
	Agent string
}

// Begin starts a sign-in and gives the provider's address to send the browser
// to. A provider that does not answer is a *Refused, as in Finish.
func (s *Service) Begin(ctx context.Context, st Start) (address string, err error) {
	if len(st.BrowserHash) == 0 {
		return "", errors.New("begin a sign-in: the browser is not known")
	}
	c, door, err := s.Apps.DoorByName(ctx, st.Connection)
	if err != nil {
		return "", fmt.Errorf("begin a sign-in: %w", err)
	}
	if c.Rules.LinkOnly && (st.Purpose == gatehouse.ForSignIn || st.Purpose == gatehouse.ForConfirm) {
		return "", gatehouse.Errorf(gatehouse.Forbidden, "%s can be connected to an account, but not be used to sign in. Sign in another way first, and then connect it on your own page.", label(c))
	}
	if door.Provider == nil {
		return "", gatehouse.Errorf(gatehouse.Invalid, "%s cannot be used to sign in. Use another way to sign in.", label(c))
	}
	if st.Purpose == gatehouse.ForConfirm {
		if err := s.refusesConfirm(ctx, c, door, st.UserID); err != nil {
			return "", err
		}
	}
	if page, ok := silently(door, st); ok && page.Company != "" {
		return embeddedPath(c, st), nil
	}
	a, err := s.attempt(ctx, c, st)
	if err != nil {
		return "", err
	}
	// The provider may take its time, so it is asked outside of a transaction;
	// the attempt counts only once it is kept.
	if address, err = door.Provider.Begin(ctx, a); err != nil {
		return "", s.stopped(ctx, c, "", byProvider(c, err))
	}
	if err := s.Store.Update(ctx, func(tx *store.Tx) error { return tx.SaveAttempt(&a) }); err != nil {
		return "", fmt.Errorf("keep the sign-in under way: %w", err)
	}
	return address, nil
}

func (s *Service) attempt(ctx context.Context, c gatehouse.Connection, st Start) (gatehouse.Attempt, error) {
	now := s.Clock.Now()
	a := gatehouse.Attempt{
		ID: store.NewID(), ConnectionID: c.ID, State: newState(), Nonce: gatehouse.NewSecret(), Verifier: gatehouse.NewSecret(),
		BrowserHash: st.BrowserHash, RedirectURI: s.RedirectURI(c.Name),
		Request: st.Request, ReturnTo: ui.OwnPath(st.ReturnTo),
		Purpose: st.Purpose, UserID: st.UserID, Fresh: st.Fresh || st.Purpose == gatehouse.ForConfirm,
		Locale: users.OneLine(st.Locale), Agent: st.Agent, CreatedAt: now, ExpiresAt: now.Add(attemptLife),
	}
	if st.Request == "" {
		return a, nil
	}
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		r, err := ownRequest(tx, st.Request, st.BrowserHash)
		a.Fresh = a.Fresh || !r.Demand.After.IsZero()
		a.LoginHint = users.OneLine(r.Demand.Hint)
		if r.Demand.Locale != "" {
			a.Locale = r.Demand.Locale
		}
		return err
	})
	return a, err
}

// RedirectURI is the callback address of a connection: what an administrator
// enters at the provider.
func (s *Service) RedirectURI(connection string) string {
	return s.URL + "/users/auth/" + connection + "/callback"
}

func label(c gatehouse.Connection) string {
	if c.Label != "" {
		return c.Label
	}
	return c.Name
}
