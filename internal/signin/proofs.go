package signin

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// How long a proof counts from when the provider vouched. Who waits for an
// approval gets in by it without coming again; after that they sign in again.
const (
	offerLife   = 15 * time.Minute
	waitingLife = 12 * time.Hour
)

// keepProof keeps what a provider vouched for where the person can still do
// something about what was decided, or waits. The proof is this browser's alone.
func keepProof(tx *store.Tx, browserHash []byte, p gatehouse.Proof, d gatehouse.Decision) (gatehouse.Proof, error) {
	connect, ask := users.Open(d)
	life := offerLife
	switch {
	case len(browserHash) == 0:
		return gatehouse.Proof{}, nil
	case d.Outcome == gatehouse.OutcomePending && d.UserID != "":
		p.UserID, life = d.UserID, waitingLife
	case d.Outcome != gatehouse.OutcomeRefused || !connect && !ask:
		return gatehouse.Proof{}, nil
	}
	if p.CreatedAt.IsZero() {
		p.CreatedAt = tx.Now()
	}
	p.Vouched = users.Clean(p.Vouched)
	p.ID, p.BrowserHash, p.Decision, p.ExpiresAt = "", browserHash, d.ID, p.CreatedAt.Add(life)
	if err := tx.SaveProof(&p); err != nil {
		return p, fmt.Errorf("keep the proof: %w", err)
	}
	return p, nil
}

// Offer is what somebody who was refused can still do in this browser.
type Offer struct {
	Proof      gatehouse.Proof      // without the provider's tokens
	Connection gatehouse.Connection // without credentials
	Decision   gatehouse.Decision   // why they were refused
	Connect    bool                 // connect the identity to an account that they prove to be theirs
	Ask        bool                 // ask for an account
}

// Offer gives what the browser's last refused sign-in left open, for a quarter
// of an hour. None is Expired.
func (s *Service) Offer(ctx context.Context, browserHash []byte) (Offer, error) {
	var o Offer
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		o = Offer{}
		p, err := tx.Proof(browserHash)
		if errors.Is(err, gatehouse.NotFound) || err == nil && p.UserID != "" {
			return offerEnded()
		}
		if err != nil {
			return fmt.Errorf("read the proof: %w", err)
		}
		if o.Connection, o.Decision, err = aboutProof(tx, p); err != nil {
			return err
		}
		o.Connect, o.Ask = users.Open(o.Decision)
		p.Vouched.Tokens = nil
		o.Proof = p
		return nil
	})
	return o, err
}

func offerEnded() error {
	return gatehouse.Errorf(gatehouse.Expired, "This offer has ended: it counts for a quarter of an hour, once, and in the browser in which you signed in. Please sign in again.")
}

func aboutProof(tx *store.Tx, p gatehouse.Proof) (c gatehouse.Connection, d gatehouse.Decision, err error) {
	if c, err = tx.Connection(p.ConnectionID); err != nil {
		return c, d, fmt.Errorf("read the connection: %w", err)
	}
	c.AppID, c.AppSecret, c.Args = "", "", nil
	if d, err = tx.Decision(p.Decision); err != nil && !errors.Is(err, gatehouse.NotFound) {
		return c, d, fmt.Errorf("read the decision: %w", err)
	}
	return c, d, nil
}

// Ways are the ways into an account, for who is about to add one.
type Ways struct {
	Connections []gatehouse.Connection // by which an identity is connected; without credentials
	Local       gatehouse.LocalWays
}

// WaysInto says how an account can be entered now.
func (s *Service) WaysInto(ctx context.Context, userID string) (Ways, error) {
	var w Ways
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		w = Ways{}
		identities, err := tx.Identities(userID)
		if err != nil {
			return fmt.Errorf("read the identities of user %s: %w", userID, err)
		}
		all, err := tx.Connections()
		if err != nil {
			return fmt.Errorf("read the connections: %w", err)
		}
		for _, c := range all {
			if slices.ContainsFunc(identities, func(i gatehouse.Identity) bool { return i.ConnectionID == c.ID }) {
				c.AppID, c.AppSecret, c.Args = "", "", nil
				w.Connections = append(w.Connections, c)
			}
		}
		w.Local, err = tx.LocalWays(userID)
		return err
	})
	return w, err
}

// Answered is what somebody does about an offer.
type Answered struct {
	Browser
	Proof   string // id of the proof that the person saw
	Message string // to the approvers, of who asks for an account
}

// Connect adds the identity of the browser's proof to the account that is signed
// in with it: the person has proved both. The proof is used up. What connects
// nothing is a *Refused, and every decision is kept.
func (s *Service) Connect(ctx context.Context, a Answered) (Result, error) {
	if a.UserID == "" {
		return Result{}, errors.New("connect a proof: nobody is signed in")
	}
	return s.redeem(ctx, a, users.EnsureOptions{Address: a.Address, LinkUserID: a.UserID, SessionID: a.SessionID}, false)
}

// Ask asks for an account for the person of the browser's proof, who has to wait
// then: a *Refused that says so. Where the rules changed meanwhile, they may get
// in at once.
func (s *Service) Ask(ctx context.Context, a Answered) (Result, error) {
	return s.redeem(ctx, a, users.EnsureOptions{Address: a.Address, Ask: true, Message: a.Message}, false)
}

// Drop ends the browser's proof and gives where its sign-in was going to.
func (s *Service) Drop(ctx context.Context, a Answered) (goTo string, err error) {
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		p, err := tx.TakeProof(a.Hash, a.Proof)
		if errors.Is(err, gatehouse.NotFound) {
			goTo = home
			return nil
		}
		if err != nil {
			return fmt.Errorf("take the proof: %w", err)
		}
		goTo, err = goOnAfter(tx, p)
		return err
	})
	return goTo, err
}

// redeem takes the browser's proof, decides with it as with a provider's answer,
// and lets the person in or not, in one transaction. waited says whether it is a
// proof of somebody who waits.
func (s *Service) redeem(ctx context.Context, a Answered, o users.EnsureOptions, waited bool) (Result, error) {
	var r Result
	var c gatehouse.Connection
	var left gatehouse.Proof
	var gone error // outside of the transaction, so that a proof that is too old stays taken
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		r, left, gone = Result{}, gatehouse.Proof{}, nil
		p, err := tx.TakeProof(a.Hash, a.Proof)
		if errors.Is(err, gatehouse.NotFound) || err == nil && (p.UserID != "") != waited {
			gone = offerEnded()
			return nil
		}
		if err != nil {
			return fmt.Errorf("take the proof: %w", err)
		}
		if c, err = tx.Connection(p.ConnectionID); err != nil {
			return fmt.Errorf("read the connection: %w", err)
		}
		o.Proof = p.Decision
		if r.User, r.Decision, err = s.Users.Ensure(tx, c, p.Vouched, o); err != nil {
			return err
		}
		if !letsIn(r.Decision.Outcome) {
			left, err = keepProof(tx, a.Hash, p, r.Decision)
			return err
		}
		return s.enterByProof(tx, a.Browser, c, p, o, &r)
	})
	switch {
	case err != nil:
		return Result{}, fmt.Errorf("use a proof: %w", err)
	case gone != nil:
		return Result{}, gone
	}
	s.tell(ctx, c, r.Decision, nil)
	if !letsIn(r.Decision.Outcome) {
		no := refused(r.Decision)
		no.Proof = left
		return Result{}, no
	}
	return r, nil
}

// enterByProof starts the session of who got in, as old as the proof is. Who
// connected an identity has one.
func (s *Service) enterByProof(tx *store.Tx, b Browser, c gatehouse.Connection, p gatehouse.Proof, o users.EnsureOptions, r *Result) error {
	if err := s.keepTokens(tx, c, p.Vouched); err != nil {
		return err
	}
	var err error
	if r.GoTo, err = goOnAfter(tx, p); err != nil || o.LinkUserID != "" {
		return err
	}
	return s.goOn(tx, b, r, entering{
		Method: "federated", ConnectionID: c.ID, Origin: p.Vouched.Origin, AuthAt: p.CreatedAt, ReturnTo: r.GoTo,
	})
}

// goOnAfter is where the sign-in of a proof was going to, if an app still waits
// for it.
func goOnAfter(tx *store.Tx, p gatehouse.Proof) (string, error) {
	if p.Request != "" {
		_, err := ownRequest(tx, p.Request, p.BrowserHash)
		switch {
		case err == nil:
			return "/oauth/authorize?request=" + url.QueryEscape(p.Request), nil
		case !errors.Is(err, gatehouse.Expired):
			return "", err
		}
	}
	if p.ReturnTo != "" {
		return p.ReturnTo, nil
	}
	return home, nil
}
