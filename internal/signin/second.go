package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"gatehouse"
	"gatehouse/internal/credentials"
	"gatehouse/internal/store"
)

// The purposes of ceremonies under way here.
const (
	purposeSecond = "second_proof"
	purposeEnroll = "second_proof_set_up"
)

// secondTime is how long somebody has to find their telephone.
const secondTime = 10 * time.Minute

// owes says what more is asked of somebody: purposeSecond, purposeEnroll (they
// have nothing yet that could be asked for), or "" for nothing. Whoever set up
// an authenticator app is asked for it after each password and each provider,
// but those that the rules trust with it (allow_bypass_two_factor, as in GitLab).
func (s *Service) owes(tx *store.Tx, u gatehouse.User, e entering) (string, error) {
	if s.Local == nil || e.Method == methodPasskey || e.Second != "" {
		return "", nil
	}
	has, err := tx.LocalWays(u.ID)
	if err != nil {
		return "", fmt.Errorf("read the credentials of user %s: %w", u.ID, err)
	}
	if e.ConnectionID != "" {
		if !has.Authenticator {
			return "", nil
		}
		c, err := tx.Connection(e.ConnectionID)
		if err != nil {
			return "", fmt.Errorf("read the connection: %w", err)
		}
		if c.Rules.AllowBypassTwoFactor {
			return "", nil
		}
		return purposeSecond, nil
	}
	return afterPassword(has, s.Local.Rules.NeedsSecond(u, has) && !e.Confirms, s.Local.Passkeys()), nil
}

// afterPassword says what is asked after a password, of somebody whose password
// is not enough (needed). Who has something that can be asked for is asked for it:
// a password alone must not put another app in its place.
func afterPassword(has gatehouse.LocalWays, needed, passkeysWork bool) string {
	switch {
	case has.Authenticator, needed && has.Passkeys > 0 && passkeysWork:
		return purposeSecond
	case needed:
		return purposeEnroll
	}
	return ""
}

// askMore keeps the sign-in and leads to the page that asks for more.
func (s *Service) askMore(tx *store.Tx, b Browser, r *Result, e entering, purpose string) error {
	if len(b.Hash) == 0 {
		return gatehouse.Errorf(gatehouse.Forbidden, "Your browser did not keep our cookie. Allow cookies for this site, and sign in again.")
	}
	page := "/sign-in/code"
	if purpose == purposeEnroll {
		page = "/sign-in/enroll"
		setup, err := s.Local.BeginAuthenticator(tx, r.User)
		if err != nil {
			return err
		}
		e.Setup = setupMark(setup)
	}
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("keep the sign-in under way: %w", err)
	}
	token := gatehouse.NewSecret()
	err = tx.SaveCeremony(token, &gatehouse.Ceremony{
		Purpose: purpose, UserID: r.User.ID, BrowserHash: b.Hash, Data: data, ExpiresAt: tx.Now().Add(secondTime),
	})
	if err != nil {
		return fmt.Errorf("keep the sign-in under way: %w", err)
	}
	r.GoTo = page + "?" + url.Values{"attempt": {token}}.Encode()
	return nil
}

func tooLate() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Expired, "This sign-in took too long, was finished already, or was begun in another browser. Please sign in again.")
}

// halfway finds a sign-in of this browser that waits for more, and still may.
func (s *Service) halfway(ctx context.Context, purpose, attempt string, browserHash []byte) (e entering, at gatehouse.Ceremony, err error) {
	still := false
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		if at, err = tx.Ceremony(purpose, attempt, browserHash); err != nil {
			return err
		}
		e = entering{}
		if err := json.Unmarshal(at.Data, &e); err != nil {
			return fmt.Errorf("read the sign-in under way: %w", err)
		}
		still, err = s.stillProved(tx, at, e)
		return err
	})
	if errors.Is(err, gatehouse.NotFound) || err == nil && !still {
		return e, at, tooLate()
	}
	if err != nil {
		return e, at, fmt.Errorf("find the sign-in under way: %w", err)
	}
	return e, at, nil
}

// Halfway is a sign-in that waits for a second proof, for its page.
type Halfway struct {
	Code    bool // the person has an authenticator app
	Passkey bool // the person has one, which is enough too
	Setup   *credentials.Setup
	User    gatehouse.User
}

// SecondPage says what the page that asks for a code shows. A sign-in that is
// over, or another browser's, is Expired.
func (s *Service) SecondPage(ctx context.Context, attempt string, browserHash []byte) (Halfway, error) {
	return s.halfwayPage(ctx, purposeSecond, attempt, browserHash)
}

// EnrollPage says what the page shows on which somebody sets up an authenticator
// app to come in.
func (s *Service) EnrollPage(ctx context.Context, attempt string, browserHash []byte) (Halfway, error) {
	return s.halfwayPage(ctx, purposeEnroll, attempt, browserHash)
}

func (s *Service) halfwayPage(ctx context.Context, purpose, attempt string, browserHash []byte) (Halfway, error) {
	var h Halfway
	e, at, err := s.halfway(ctx, purpose, attempt, browserHash)
	if err != nil {
		return h, err
	}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		has, err := tx.LocalWays(at.UserID)
		if err != nil {
			return fmt.Errorf("read the credentials of user %s: %w", at.UserID, err)
		}
		h.Code, h.Passkey = has.Authenticator, has.Passkeys > 0 && s.Local.Passkeys()
		if h.User, err = tx.User(at.UserID); err != nil || purpose != purposeEnroll {
			return err
		}
		setup, err := s.Local.AuthenticatorSetup(tx, h.User)
		if errors.Is(err, gatehouse.NotFound) || err == nil && setupMark(setup) != e.Setup {
			return tooLate() // what is set up by now is another sign-in's, and nothing for this browser
		}
		h.Setup = &setup
		return err
	})
	return h, err
}

// Second ends a sign-in that waits for a code of an authenticator app, or a
// recovery code. A wrong one is a *Refused; the sign-in waits on.
func (s *Service) Second(ctx context.Context, b Browser, attempt, code string) (Result, error) {
	e, at, err := s.halfway(ctx, purposeSecond, attempt, b.Hash)
	if err != nil {
		return Result{}, err
	}
	if e.Second, err = s.Local.Code(ctx, at.UserID, code, b.Address); err != nil {
		return Result{}, s.notProved(ctx, Local{Browser: b, Request: e.Request, ReturnTo: e.ReturnTo}, "code", at.UserID, err)
	}
	return s.end(ctx, b, purposeSecond, attempt, e, nil)
}

func (s *Service) secondByPasskey(ctx context.Context, b Browser, attempt, answer string) (Result, error) {
	e, at, err := s.halfway(ctx, purposeSecond, attempt, b.Hash)
	if err != nil {
		return Result{}, err
	}
	var no *gatehouse.Error
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		var userID string
		userID, no, err = s.Local.PasskeyProof(tx, b.Hash, answer, b.Address)
		if err == nil && no == nil && userID != at.UserID {
			no = gatehouse.Errorf(gatehouse.Invalid, "This passkey belongs to another account. Use one of yours.")
		}
		return err
	})
	if err != nil {
		return Result{}, fmt.Errorf("check a passkey: %w", err)
	}
	if no != nil {
		return Result{}, s.notProved(ctx, Local{Browser: b, Request: e.Request, ReturnTo: e.ReturnTo}, methodPasskey, at.UserID, no)
	}
	e.Second = methodPasskey
	return s.end(ctx, b, purposeSecond, attempt, e, nil)
}

// Enroll ends a sign-in that waits until the person has set up an authenticator
// app, with the first code that it shows. The recovery codes are shown on the
// way to where the person wanted to go.
func (s *Service) Enroll(ctx context.Context, b Browser, attempt, code string) (Result, error) {
	e, at, err := s.halfway(ctx, purposeEnroll, attempt, b.Hash)
	if err != nil {
		return Result{}, err
	}
	by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: at.UserID, Address: b.Address}
	codes, err := s.Local.ConfirmAuthenticator(ctx, by, at.UserID, code)
	if err != nil {
		return Result{}, s.notProved(ctx, Local{Browser: b, Request: e.Request, ReturnTo: e.ReturnTo}, "code", at.UserID, err)
	}
	e.Second = credentials.ByAuthenticator
	return s.end(ctx, b, purposeEnroll, attempt, e, codes)
}

// end takes the sign-in that waited, and lets in.
func (s *Service) end(ctx context.Context, b Browser, purpose, attempt string, e entering, codes []string) (Result, error) {
	var r Result
	var no *gatehouse.Error
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		r, no = Result{}, nil
		at, err := tx.TakeCeremony(purpose, attempt, b.Hash)
		if errors.Is(err, gatehouse.NotFound) {
			no = tooLate()
			return nil
		}
		if err != nil {
			return fmt.Errorf("take the sign-in under way: %w", err)
		}
		if r.User, err = tx.User(at.UserID); err != nil {
			return fmt.Errorf("read user %s: %w", at.UserID, err)
		}
		if no = shutOut(r.User); no != nil {
			return nil
		}
		if purpose == purposeSecond { // who enrolled has just changed what they have
			still, err := s.stillProved(tx, at, e)
			if err != nil {
				return err
			}
			if !still {
				no = tooLate()
				return nil
			}
		}
		if err := s.letIn(tx, b, &r, e); err != nil || codes == nil {
			return err
		}
		token, err := s.Local.ShowCodes(tx, r.User.ID, b.Hash, codes)
		r.GoTo = "/user/security/recovery-codes?" + url.Values{"shown": {token}, "return_to": {r.GoTo}}.Encode()
		return err
	})
	if err != nil {
		return Result{}, fmt.Errorf("end a sign-in under way: %w", err)
	}
	if no != nil {
		return Result{}, no
	}
	if !e.Confirms && e.Strengthens == "" && e.ConnectionID == "" {
		s.tell(ctx, gatehouse.Connection{Kind: e.Method}, r.Decision, nil)
	}
	return r, nil
}
