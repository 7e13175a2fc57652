package signin

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"gatehouse"
	"gatehouse/internal/credentials"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// The methods of sessions that no provider vouched for.
const (
	methodPassword = "password"
	methodPasskey  = "passkey"
	methodLink     = "link"
)

// Local is a sign-in without a provider.
type Local struct {
	Browser
	Request  string // handle of the authorization request it serves, "" if none
	ReturnTo string // own path to go to at the end; anything else counts as ""
}

// Password signs in by a username or verified address and a password. Where the
// password is not enough, the Result has no session, and GoTo is the page that
// asks for more. What does not sign anybody in is a *Refused, and a wrong one
// says the same and takes as long, whoever was named.
func (s *Service) Password(ctx context.Context, l Local, name, password string) (Result, error) {
	if err := s.offersLocal(ctx); err != nil {
		return Result{}, err
	}
	userID, err := s.Local.Password(ctx, credentials.Try{Name: name, Password: password, Address: l.Address})
	if err != nil {
		return Result{}, s.notProved(ctx, l, methodPassword, userID, err)
	}
	return s.passed(ctx, l, func(*store.Tx) (proof, error) { return proof{userID: userID, method: methodPassword}, nil })
}

// Passkey signs in by what a passkey answered. It proves two things at once, the
// device and the person, so nothing more is asked. With attempt it is the second
// proof of a sign-in under way (Second), which any passkey of the user can be.
func (s *Service) Passkey(ctx context.Context, l Local, attempt, answer string) (Result, error) {
	if attempt != "" {
		return s.secondByPasskey(ctx, l.Browser, attempt, answer)
	}
	if err := s.offersLocal(ctx); err != nil {
		return Result{}, err
	}
	return s.passed(ctx, l, func(tx *store.Tx) (proof, error) {
		p := proof{method: methodPasskey}
		var err error
		if p.userID, p.no, err = s.Local.PasskeyProof(tx, l.Hash, answer, l.Address); err != nil || p.no != nil {
			return p, err
		}
		ways, err := s.Local.WaysIn(tx, p.userID)
		if err == nil && !ways.Passkey {
			p.no = gatehouse.Errorf(gatehouse.Forbidden, "Your passkey confirms who you are once you are signed in, but does not sign you in here. Sign in with one of the other ways.")
		}
		return p, err
	})
}

// BeginPasskey gives what a browser needs to ask for a passkey: any, or one of
// the user of a sign-in under way.
func (s *Service) BeginPasskey(ctx context.Context, browserHash []byte, attempt string) (options any, err error) {
	if attempt == "" {
		if err := s.offersLocal(ctx); err != nil {
			return nil, err
		}
		return s.Local.BeginPasskeyProof(ctx, "", browserHash)
	}
	_, at, err := s.halfway(ctx, purposeSecond, attempt, browserHash)
	if err != nil {
		return nil, err
	}
	return s.Local.BeginPasskeyProof(ctx, at.UserID, browserHash)
}

// offersLocal is an error where nobody signs in without a provider.
func (s *Service) offersLocal(ctx context.Context) error {
	offered := false
	if s.Local != nil {
		err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
			offered, err = s.Local.Offered(tx)
			return err
		})
		if err != nil {
			return fmt.Errorf("look whether anybody signs in without a provider: %w", err)
		}
	}
	if !offered {
		return gatehouse.Errorf(gatehouse.NotFound, "Nobody signs in without a provider here. Go back to the sign-in page and choose one.")
	}
	return nil
}

// proof is that somebody is who they say.
type proof struct {
	userID, method string
	no             *gatehouse.Error // why it is none
}

// passed decides what comes after a proof, in one transaction with the proof
// itself: a session, or the question for more.
func (s *Service) passed(ctx context.Context, l Local, prove func(*store.Tx) (proof, error)) (Result, error) {
	var r Result
	var p proof
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		r = Result{}
		var err error
		if p, err = prove(tx); err != nil || p.no != nil {
			return err
		}
		if r.User, err = tx.User(p.userID); err != nil {
			return fmt.Errorf("read user %s: %w", p.userID, err)
		}
		if p.no = shutOut(r.User); p.no != nil {
			return nil
		}
		return s.goOn(tx, l.Browser, &r, entering{
			Method: p.method, Request: l.Request, ReturnTo: l.ReturnTo,
		})
	})
	if err != nil {
		return Result{}, fmt.Errorf("sign in without a provider: %w", err)
	}
	if p.no != nil {
		return Result{}, s.notProved(ctx, l, p.method, p.userID, p.no)
	}
	if r.SessionToken != "" {
		s.tell(ctx, gatehouse.Connection{Kind: p.method}, r.Decision, nil)
	}
	return r, nil
}

// shutOut is why a user who proved who they are does not come in all the same.
func shutOut(u gatehouse.User) *gatehouse.Error {
	switch u.State {
	case gatehouse.UserActive:
		return nil
	case gatehouse.UserPending:
		return gatehouse.Errorf(gatehouse.Forbidden, "Your account waits for approval. You can sign in as soon as an administrator has approved it.")
	case gatehouse.UserBlocked, gatehouse.UserLeft, gatehouse.UserMerged:
	}
	return gatehouse.Errorf(gatehouse.Forbidden, "Your account cannot sign in any more. Ask an administrator.")
}

// notProved keeps that somebody did not prove who they are. What is no fault of
// theirs stays an error.
func (s *Service) notProved(ctx context.Context, l Local, method, userID string, err error) error {
	kind := gatehouse.KindOf(err)
	if kind == "" {
		return err
	}
	no := byProvider(gatehouse.Connection{}, err)
	no.Outcome, no.UserID, no.Facts = gatehouse.OutcomeRefused, userID, nil
	no.Rule = method + "_refused"
	switch kind { //nolint:exhaustive // the others are told by their sentence
	case gatehouse.Invalid:
		no.Rule = method + "_wrong"
	case gatehouse.Limited:
		no.Rule = "guessing_paused"
	}
	r := s.stopped(ctx, gatehouse.Connection{Kind: method}, l.Address, no)
	r.Request, r.ReturnTo = l.Request, l.ReturnTo
	return r
}

// entering is a sign-in whose person is known, on its way to the session. It is
// kept while more is asked of the person.
type entering struct {
	Method       string           `json:"method"`
	ConnectionID string           `json:"connection_id,omitempty"`
	Origin       gatehouse.Origin `json:"origin,omitzero"`
	Request      string           `json:"request,omitempty"`
	ReturnTo     string           `json:"return_to,omitempty"`
	AuthAt       time.Time        `json:"auth_at,omitzero"`        // when the person proved who they are; zero: when they come in
	Confirms     bool             `json:"confirms,omitempty"`      // no sign-in: the session of the browser is proved again
	Freshness    string           `json:"freshness,omitempty"`     // of a confirmation by a provider: whether it was shown
	Setup        string           `json:"setup,omitempty"`         // setupMark of the authenticator app that is to be set up
	Second       string           `json:"-"`                       // what the second proof was
	ProvidersTwo bool             `json:"providers_two,omitempty"` // the provider asked for two proofs, and is believed
	Strengthens  string           `json:"strengthens,omitempty"`   // no sign-in: this session, of the browser, counts for more
}

func (e entering) goTo() string {
	switch {
	case e.Request != "":
		return "/oauth/authorize?request=" + url.QueryEscape(e.Request)
	case e.ReturnTo != "":
		return e.ReturnTo
	}
	return home
}

// goOn asks for a second proof where one is owed, and else lets in.
func (s *Service) goOn(tx *store.Tx, b Browser, r *Result, e entering) error {
	purpose, err := s.owes(tx, r.User, e)
	if err != nil {
		return err
	}
	demand, err := demanded(tx, b, e.Request)
	if err != nil {
		return err
	}
	if purpose == "" {
		if purpose, err = s.owesTheApp(tx, r.User.ID, demand, e); err != nil {
			return err
		}
	}
	if purpose != "" {
		return s.askMore(tx, b, r, e, purpose)
	}
	if err := s.letIn(tx, b, r, e); err != nil || !lacks(demand, e) {
		return err
	}
	r.GoTo = NeedsStronger(e.Request)
	return nil
}

// letIn starts the session, or renews the one that is confirmed. A sign-in that
// no provider decided leaves its decision.
func (s *Service) letIn(tx *store.Tx, b Browser, r *Result, e entering) error {
	r.GoTo = e.goTo()
	switch {
	case e.Confirms:
		return s.renew(tx, b, r, e)
	case e.Strengthens != "":
		return s.strengthen(tx, b, r, e)
	}
	if e.ConnectionID == "" {
		r.User.LastSignInAt = tx.Now()
		if err := tx.SaveUser(&r.User); err != nil {
			return fmt.Errorf("save user %s: %w", r.User.ID, err)
		}
		r.Decision = gatehouse.Decision{
			At: tx.Now(), UserID: r.User.ID, Outcome: gatehouse.OutcomeSignedIn, Rule: localRule(e.Method), Address: b.Address,
			Reason: localReason(e.Method), Facts: secondFact(e.Second),
		}
		if err := users.Keep(tx, &r.Decision); err != nil {
			return err
		}
	}
	var err error
	r.SessionToken, _, err = s.Sessions.Start(tx, session.Start{
		UserID: r.User.ID, UserName: r.User.Username, ConnectionID: e.ConnectionID, Method: e.Method, Second: e.second(),
		UserAgent: b.UserAgent, Address: b.Address, AuthAt: e.AuthAt, Origin: e.Origin,
		Replaces: b.SessionID, ReplacesUser: b.UserID,
	})
	return err
}

func localRule(method string) string {
	if method == methodLink {
		return "link_" + PurposeInvite
	}
	return method
}

func localReason(method string) string {
	switch method {
	case methodPasskey:
		return gatehouse.Notef("The person proved by a passkey who they are.").Text
	case methodLink:
		return gatehouse.Notef("A one-time link that an administrator made signed this user in.").Text
	}
	return gatehouse.Notef("The person proved by a password who they are.").Text
}

func secondFact(second string) map[string]string {
	if second == "" {
		return nil
	}
	return map[string]string{"second_proof": second}
}
