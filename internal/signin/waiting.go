package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// WaitingState is how it stands with somebody who waits for an approval.
type WaitingState string

// The states.
const (
	WaitingOpen     WaitingState = "waiting"
	WaitingApproved WaitingState = "approved" // EnterWaiting lets them in
	WaitingDenied   WaitingState = "denied"
	WaitingExpired  WaitingState = "expired" // nobody answered in time: signing in again asks anew
)

// Waiting is what somebody sees who waits for an approval.
type Waiting struct {
	State      WaitingState
	User       gatehouse.User
	Connection gatehouse.Connection // without credentials
	Approval   gatehouse.Approval   // zero when none was asked for
	Decision   gatehouse.Decision   // that left them waiting
	Until      time.Time            // when this browser has to sign in again
	Proof      string               // id, to be ended by Drop
}

// Waiting says how it stands with whom this browser waits for. Nobody is
// NotFound.
func (s *Service) Waiting(ctx context.Context, browserHash []byte) (Waiting, error) {
	var w Waiting
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		w = Waiting{}
		p, err := tx.Proof(browserHash)
		if err != nil || p.UserID == "" {
			return notFound(err)
		}
		if w.User, err = tx.User(p.UserID); err != nil {
			return notFound(err)
		}
		if w.Connection, w.Decision, err = aboutProof(tx, p); err != nil {
			return err
		}
		if w.Approval, err = tx.Approval(p.UserID); err != nil && !errors.Is(err, gatehouse.NotFound) {
			return fmt.Errorf("read the request of user %s: %w", p.UserID, err)
		}
		w.State, w.Until, w.Proof = waitingState(w.User, w.Approval, tx.Now()), p.ExpiresAt, p.ID
		return nil
	})
	return w, err
}

func notFound(err error) error {
	if err == nil || errors.Is(err, gatehouse.NotFound) {
		return gatehouse.Errorf(gatehouse.NotFound, "Nothing is waited for in this browser. Sign in again to see how it stands.")
	}
	return fmt.Errorf("read who waits: %w", err)
}

// waitingState is how it stands with a user who waited.
func waitingState(u gatehouse.User, a gatehouse.Approval, now time.Time) WaitingState {
	switch {
	case u.State == gatehouse.UserActive:
		return WaitingApproved
	case u.State != gatehouse.UserPending:
		return WaitingDenied
	case a.ID != "" && !a.OpenAt(now):
		return WaitingExpired
	}
	return WaitingOpen
}

// EnterWaiting lets in who waited in this browser and was approved: what the
// provider vouched for then is decided upon once more. Whoever may not come in
// is a *Refused; who has to wait on is one too, and waits on.
func (s *Service) EnterWaiting(ctx context.Context, b Browser) (Result, error) {
	w, err := s.Waiting(ctx, b.Hash)
	if err != nil {
		return Result{}, err
	}
	return s.redeem(ctx, Answered{Browser: b, Proof: w.Proof}, users.EnsureOptions{Address: b.Address}, true)
}
