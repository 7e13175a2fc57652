package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// The purposes of one-time links.
const (
	PurposeClaim = "claim" // makes and signs in the first administrator
	PurposeDev   = "dev"   // the dashboard link of `gatehouse dev`
)

// firstSteps is where the first administrator goes: the link works once, so they
// need a way to come back.
const firstSteps = "/user/security?first=true"

// NeedsClaim says whether nobody could get to the dashboard by signing in, so
// that a claim link should be printed: there is no administrator, or none who
// has a way to sign in.
func (s *Service) NeedsClaim(ctx context.Context) (needed bool, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		needed, _, err = s.Users.Stranded(tx)
		return err
	})
	return needed, err
}

// MakeLink makes a one-time link and returns its token, 256 random bits. It
// signs in the user, and ends after ttl. userID "" is for PurposeClaim only:
// the administrator is found or made when the link is taken.
func (s *Service) MakeLink(ctx context.Context, purpose, userID string, ttl time.Duration) (token string, err error) {
	if ttl <= 0 || purpose != PurposeClaim && userID == "" {
		return "", errors.New("make a one-time link: it has no end or nobody to sign in")
	}
	token = gatehouse.NewSecret()
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		return tx.SaveLink(token, store.Link{Purpose: purpose, UserID: userID, ExpiresAt: tx.Now().Add(ttl)})
	})
	if err != nil {
		return "", fmt.Errorf("make a one-time link: %w", err)
	}
	return token, nil
}

// TakeLink signs in by a one-time link. One that was used, or is too old, is
// Expired; a claim is Forbidden as soon as an administrator can sign in
// otherwise, however young it is. Where an authenticator app guards the account
// of an invitation, the Result has no session, and GoTo is the page that asks for
// a code.
func (s *Service) TakeLink(ctx context.Context, purpose, token string, b Browser) (Result, error) {
	var r Result
	var no *gatehouse.Error // outside of the transaction, so that the link stays taken
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		r, no = Result{GoTo: "/admin"}, nil
		switch {
		case purpose == PurposeInvite:
			r.GoTo = "/user"
		case purpose == PurposeClaim && s.Local != nil:
			r.GoTo = firstSteps
		}
		l, err := tx.TakeLink(purpose, token)
		if errors.Is(err, gatehouse.NotFound) || errors.Is(err, gatehouse.Expired) {
			no = spent(purpose)
			return nil
		}
		if err != nil {
			return fmt.Errorf("take the link: %w", err)
		}
		if r.User, no, err = s.linked(tx, l, b.Address); err != nil || no != nil {
			return err
		}
		guarded, err := s.guarded(tx, l)
		if err != nil {
			return err
		}
		if guarded {
			return s.askMore(tx, b, &r, entering{Method: methodLink, ReturnTo: r.GoTo}, purposeSecond)
		}
		return s.enterByLink(tx, &r, purpose, b)
	})
	if err != nil {
		return Result{}, fmt.Errorf("sign in by a link: %w", err)
	}
	if no != nil {
		return Result{}, no
	}
	if r.SessionToken != "" {
		s.tell(ctx, gatehouse.Connection{Kind: methodLink}, r.Decision, nil)
	}
	return r, nil
}

// guarded says whether a link is not enough: who set up an authenticator app is
// asked for it, also when their way in is gone and they were invited anew. The
// links of the console are the operator's own way around everything.
func (s *Service) guarded(tx *store.Tx, l store.Link) (bool, error) {
	if s.Local == nil || l.Purpose != PurposeInvite {
		return false, nil
	}
	has, err := tx.LocalWays(l.UserID)
	if err != nil {
		return false, fmt.Errorf("read the credentials of user %s: %w", l.UserID, err)
	}
	return has.Authenticator, nil
}

func spent(purpose string) *gatehouse.Error {
	if purpose == PurposeInvite {
		return gatehouse.Errorf(gatehouse.Expired, "This link was used already, or is too old. Ask an administrator for a new one.")
	}
	return gatehouse.Errorf(gatehouse.Expired, "This link was used already, or is too old. Restart Gatehouse to get a new one.")
}

// linked is the user whom a link signs in.
func (s *Service) linked(tx *store.Tx, l store.Link, address string) (gatehouse.User, *gatehouse.Error, error) {
	if l.UserID != "" {
		user, err := tx.User(l.UserID)
		if err == nil && user.State != gatehouse.UserActive {
			return user, gatehouse.Errorf(gatehouse.Forbidden, "The account of this link cannot sign in any more. Ask an administrator."), nil
		}
		if err != nil || l.Purpose != PurposeInvite {
			return user, nil, err
		}
		_, err = s.Users.Invitable(tx, l.UserID)
		if errors.Is(err, gatehouse.Conflict) {
			return user, gatehouse.Errorf(gatehouse.Forbidden, "This account has a way to sign in already, so the link is of no use any more. Sign in with that."), nil
		}
		return user, nil, err
	}
	stranded, user, err := s.Users.Stranded(tx)
	if err != nil {
		return user, nil, err
	}
	if !stranded {
		return user, gatehouse.Errorf(gatehouse.Forbidden, "There is an administrator already. Ask them to make you one too."), nil
	}
	by := gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "claim link", Address: address}
	if user.ID == "" {
		user, err = s.Users.Make(tx, by, users.New{Username: "admin", Name: "Administrator", Role: gatehouse.RoleSuperAdministrator})
		if err != nil {
			return user, nil, err
		}
	}
	err = tx.Record(gatehouse.Event{Actor: by, Action: "administrator.claimed", Target: "user/" + user.ID})
	return user, nil, err
}

func (s *Service) enterByLink(tx *store.Tx, r *Result, purpose string, b Browser) error {
	r.User.LastSignInAt = tx.Now()
	if err := tx.SaveUser(&r.User); err != nil {
		return fmt.Errorf("save user %s: %w", r.User.ID, err)
	}
	r.Decision = gatehouse.Decision{
		At: tx.Now(), UserID: r.User.ID, Outcome: gatehouse.OutcomeSignedIn, Rule: "link_" + purpose,
		Reason: "A one-time link from the console of Gatehouse signed this user in.", Address: b.Address,
	}
	if purpose == PurposeInvite {
		r.Decision.Reason = localReason(methodLink)
	}
	if err := users.Keep(tx, &r.Decision); err != nil {
		return err
	}
	var err error
	r.SessionToken, _, err = s.Sessions.Start(tx, session.Start{
		UserID: r.User.ID, UserName: r.User.Username, Method: methodLink, UserAgent: b.UserAgent, Address: b.Address,
		Replaces: b.SessionID, ReplacesUser: b.UserID,
	})
	return err
}
