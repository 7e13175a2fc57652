package signin

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	"gatehouse/internal/users"
)

// with has the fake vouch for whom the code names, with this address.
func (w *world) with(email string, said gatehouse.Verification) {
	w.fake.finish = func(_ context.Context, _ gatehouse.Attempt, v url.Values) (gatehouse.Vouched, error) {
		code := v.Get("code")
		return gatehouse.Vouched{
			Subject: code, Profile: gatehouse.Profile{Username: code, Email: email, Verified: said},
			Tokens: &gatehouse.Tokens{Access: "secret-token"},
		}, nil
	}
}

func (w *world) rules(r gatehouse.ConnectionRules) {
	w.change(gatehouse.Connection{Name: "one", Label: "The one", Enabled: true, Rules: r})
}

// left comes back, is refused or waits, and gives the proof that is left.
func (w *world) left(code string, st Start) *Refused {
	w.t.Helper()
	a := answer(w.begin(st), code)
	if st.BrowserHash != nil {
		a.BrowserHash = st.BrowserHash
	}
	_, err := w.Finish(w.t.Context(), a)
	var r *Refused
	if !errors.As(err, &r) {
		w.t.Fatalf("got %v, want a Refused", err)
	}
	return r
}

// somebody is a user with a session.
func (w *world) somebody(u gatehouse.User) (gatehouse.User, gatehouse.Session) {
	w.t.Helper()
	if u.State == "" {
		u.State = gatehouse.UserActive
	}
	s := gatehouse.Session{TokenHash: []byte(u.Username + strings.Repeat("x", 32-len(u.Username))), Method: "federated", ExpiresAt: time.Now().AddDate(5, 0, 0)}
	w.update(func(tx *store.Tx) error {
		if err := tx.SaveUser(&u); err != nil {
			return err
		}
		s.UserID = u.ID
		return tx.SaveSession(&s)
	})
	return u, s
}

func (w *world) identityOf(subject string) (i gatehouse.Identity) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		c, err := tx.ConnectionByName("one")
		if err != nil {
			return err
		}
		i, err = tx.Identity(c.ID, subject)
		if errors.Is(err, gatehouse.NotFound) {
			return nil
		}
		return err
	})
	return i
}

const taken = "ann@example.com"

// TestConnectAfterProving is the whole journey: the address is somebody's, the
// person signs in to that account another way, and connects.
func TestConnectAfterProving(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.with(taken, gatehouse.Verified)
		w.request("handle", browser, gatehouse.Demand{})
		ann, session := w.somebody(gatehouse.User{Username: "ann", Email: taken, EmailVerified: true})
		no := w.left("a1", Start{Request: "handle", ReturnTo: "/user"})
		if no.Decision.Rule != "address_taken" || no.Proof.ID == "" {
			t.Fatalf("%+v", no.Decision)
		}
		o, err := w.Offer(t.Context(), browser)
		if err != nil || !o.Connect || o.Ask || o.Proof.Vouched.Profile.Email != taken || o.Connection.Name != "one" || o.Decision.ID != no.Decision.ID {
			t.Fatalf("offer %+v, %v", o, err)
		}
		if o.Proof.Vouched.Tokens != nil || o.Connection.AppSecret != "" {
			t.Error("secrets reach the page")
		}
		for name, a := range map[string]Answered{
			"AnotherBrowser": {Browser: Browser{Hash: another, UserID: ann.ID, SessionID: session.ID}, Proof: o.Proof.ID},
			"NoBrowser":      {Browser: Browser{UserID: ann.ID, SessionID: session.ID}, Proof: o.Proof.ID},
			"AnotherProof":   {Browser: Browser{Hash: browser, UserID: ann.ID, SessionID: session.ID}, Proof: "other"},
		} {
			if _, err := w.Connect(t.Context(), a); !errors.Is(err, gatehouse.Expired) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := w.Connect(t.Context(), Answered{Browser: Browser{Hash: browser}, Proof: o.Proof.ID}); err == nil {
			t.Error("nobody connected it")
		}
		mine := Answered{Browser: Browser{Hash: browser, UserID: ann.ID, SessionID: session.ID, Address: "192.0.2.1"}, Proof: o.Proof.ID}
		r, err := w.Connect(t.Context(), mine)
		if err != nil || r.SessionToken != "" || r.Decision.Outcome != gatehouse.OutcomeLinked || r.GoTo != "/oauth/authorize?request=handle" {
			t.Fatalf("connect: %+v, %v", r, err)
		}
		if r.Decision.Facts["proof_of_decision"] != no.Decision.ID || w.identityOf("a1").UserID != ann.ID {
			t.Errorf("decision %+v, identity %+v", r.Decision, w.identityOf("a1"))
		}
		if _, err := w.Connect(t.Context(), mine); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("a second time: %v", err)
		}
		if r := w.finish(answer(w.begin(Start{}), "a1")); r.User.ID != ann.ID {
			t.Errorf("the connected account leads to %+v", r.User)
		}
	})
}

func TestOffersEnd(t *testing.T) {
	t.Parallel()
	w, c := one(t)
	w.with(taken, gatehouse.Verified)
	ann, session := w.somebody(gatehouse.User{Username: "ann", Email: taken, EmailVerified: true})
	a := Answered{Browser: Browser{Hash: browser, UserID: ann.ID, SessionID: session.ID}}
	ended := func(when string) {
		t.Helper()
		_, err := w.Offer(t.Context(), browser)
		_, err2 := w.Connect(t.Context(), a)
		if !errors.Is(err, gatehouse.Expired) || !errors.Is(err2, gatehouse.Expired) {
			t.Errorf("%s: %v, %v", when, err, err2)
		}
	}
	a.Proof = w.left("a1", Start{}).Proof.ID
	c.pass(offerLife)
	ended("after a quarter of an hour")

	first := w.left("a1", Start{}).Proof.ID
	second := w.left("a2", Start{}).Proof.ID
	a.Proof = first
	if _, err := w.Connect(t.Context(), a); !errors.Is(err, gatehouse.Expired) {
		t.Errorf("a page that showed the one before: %v", err)
	}
	if o, err := w.Offer(t.Context(), browser); err != nil || o.Proof.ID != second {
		t.Errorf("the newer one is gone: %v", err)
	}

	a.Proof = w.left("a1", Start{ReturnTo: "/user/security"}).Proof.ID
	if to, err := w.Drop(t.Context(), a); to != "/user/security" || err != nil {
		t.Errorf("drop: %q, %v", to, err)
	}
	ended("after it was dropped")
	if to, err := w.Drop(t.Context(), a); to != home || err != nil {
		t.Errorf("drop again: %q, %v", to, err)
	}

	a.Proof = w.left("a1", Start{}).Proof.ID
	w.change(gatehouse.Connection{Name: "one"})
	r, err := w.Connect(t.Context(), a)
	var no *Refused
	if !errors.As(err, &no) || no.Decision.Rule != "connection_disabled" {
		t.Errorf("H7, a connection that was disabled: %+v, %v", r, err)
	}
}

// TestProofsAreLeftWhereSomethingCanBeDone: and nowhere else.
func TestProofsAreLeftWhereSomethingCanBeDone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rules        gatehouse.ConnectionRules
		email        string
		said         gatehouse.Verification
		rule         string
		connect, ask bool
	}{
		"AddressTaken":      {gatehouse.ConnectionRules{AllowSingleSignOn: true}, taken, gatehouse.Verified, "address_taken", true, false},
		"AddressUnverified": {gatehouse.ConnectionRules{AutoLinkUser: true}, taken, gatehouse.Unverified, "address_unverified", true, false},
		"Off":               {gatehouse.ConnectionRules{}, "", "", "allow_single_sign_on", true, false},
		"RequestAccess":     {gatehouse.ConnectionRules{RequestAccess: true}, "", "", "request_access", true, true},
		"Denied":            {gatehouse.ConnectionRules{AllowSingleSignOn: true}, "a@evil.example", gatehouse.Verified, "sign_up_deny", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := one(t)
			w.Users.FileSignUp = users.FileSignUp{SignUp: gatehouse.SignUp{Deny: []string{"evil.example"}}, Named: []string{users.SignUpDeny}}
			w.somebody(gatehouse.User{Username: "ann", Email: taken, EmailVerified: true})
			w.rules(tt.rules)
			w.with(tt.email, tt.said)
			no := w.left("a1", Start{})
			o, err := w.Offer(t.Context(), browser)
			if err != nil || no.Decision.Rule != tt.rule || o.Connect != tt.connect || o.Ask != tt.ask {
				t.Errorf("%s leaves connect %t, ask %t, %v", no.Decision.Rule, o.Connect, o.Ask, err)
			}
		})
	}
	t.Run("Blocked", func(t *testing.T) {
		t.Parallel()
		w, _ := one(t)
		who := w.finish(answer(w.begin(Start{}), "a1")).User
		w.update(func(tx *store.Tx) error {
			return w.Users.Block(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator}, who.ID)
		})
		if no := w.left("a1", Start{}); no.Proof.ID != "" {
			t.Errorf("a blocked user holds a proof: %+v", no)
		}
	})
}

func TestAskAndWait(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.rules(gatehouse.ConnectionRules{RequestAccess: true})
		w.request("handle", browser, gatehouse.Demand{})
		offered := w.left("a1", Start{Request: "handle"}).Proof
		_, err := w.Ask(t.Context(), Answered{Browser: Browser{Hash: browser}, Proof: offered.ID, Message: "Please"})
		var no *Refused
		if !errors.As(err, &no) || no.Decision.Outcome != gatehouse.OutcomePending || no.Decision.Rule != "request_access" || no.Proof.UserID == "" {
			t.Fatalf("asking: %v", err)
		}
		if _, err := w.Ask(t.Context(), Answered{Browser: Browser{Hash: browser}, Proof: offered.ID}); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("asking twice: %v", err)
		}
		wait, err := w.Waiting(t.Context(), browser)
		if err != nil || wait.State != WaitingOpen || wait.Approval.Message != "Please" || wait.Decision.Reference != no.Decision.Reference {
			t.Errorf("waiting: %+v, %v", wait, err)
		}
		if _, err := w.Waiting(t.Context(), another); !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("another browser waits: %v", err)
		}
		if _, err := w.Offer(t.Context(), browser); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("who waits is offered something: %v", err)
		}
		if r, err := w.EnterWaiting(t.Context(), Browser{Hash: browser}); err == nil {
			t.Errorf("in before the approval: %+v", r)
		}
		if w.sessions() != 0 {
			t.Error("a session was started")
		}
		if wait, err = w.Waiting(t.Context(), browser); err != nil || wait.State != WaitingOpen {
			t.Fatalf("who tried too early waits no more: %+v, %v", wait, err)
		}
		w.update(func(tx *store.Tx) error {
			return w.Users.Approve(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "op"}, wait.User.ID, users.Answer{})
		})
		if wait, err = w.Waiting(t.Context(), browser); err != nil || wait.State != WaitingApproved {
			t.Errorf("approved: %+v, %v", wait, err)
		}
		if _, err := w.EnterWaiting(t.Context(), Browser{Hash: another}); !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("another browser gets in: %v", err)
		}
		r, err := w.EnterWaiting(t.Context(), Browser{Hash: browser, Address: "192.0.2.1", UserAgent: "UA"})
		if err != nil || r.SessionToken == "" || r.User.ID != wait.User.ID || r.GoTo != "/oauth/authorize?request=handle" {
			t.Fatalf("entering: %+v, %v", r, err)
		}
		w.update(func(tx *store.Tx) error {
			all, err := tx.Sessions(r.User.ID)
			if len(all) != 1 || !all[0].AuthAt.Equal(offered.CreatedAt) {
				t.Errorf("the session counts from %+v, want %v: the provider vouched then", all, offered.CreatedAt)
			}
			return err
		})
		if _, err := w.EnterWaiting(t.Context(), Browser{Hash: browser}); !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("entering twice: %v", err)
		}
	})
}

func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	w, c := one(t)
	w.rules(gatehouse.ConnectionRules{AllowSingleSignOn: true, BlockAutoCreatedUsers: true})
	state := func(when string, want WaitingState) {
		t.Helper()
		if got, err := w.Waiting(t.Context(), browser); err != nil || got.State != want {
			t.Errorf("%s: %s, %v; want %s", when, got.State, err, want)
		}
	}
	op := gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "op"}
	no := w.left("a1", Start{})
	state("at first", WaitingOpen)
	w.update(func(tx *store.Tx) error {
		return w.Users.Deny(tx, op, no.Decision.UserID, users.Answer{Reason: "Not of us"})
	})
	state("denied", WaitingDenied)
	if got, _ := w.Waiting(t.Context(), browser); got.Approval.Reason != "Not of us" {
		t.Errorf("the reason is %q", got.Approval.Reason)
	}
	if r, err := w.EnterWaiting(t.Context(), Browser{Hash: browser}); err == nil || w.sessions() != 0 {
		t.Errorf("a denied person got in: %+v", r)
	}

	no = w.left("a2", Start{})
	w.update(func(tx *store.Tx) error {
		a, err := tx.Approval(no.Decision.UserID)
		if err == nil {
			a.ExpiresAt = tx.Now().Add(time.Hour)
			err = tx.SaveApproval(&a)
		}
		return err
	})
	c.pass(time.Hour)
	state("nobody answered", WaitingExpired)
	w.left("a2", Start{})
	state("asked anew", WaitingOpen)
	c.pass(waitingLife)
	w.update(func(tx *store.Tx) error { return w.Users.Approve(tx, op, no.Decision.UserID, users.Answer{}) })
	if _, err := w.EnterWaiting(t.Context(), Browser{Hash: browser}); !errors.Is(err, gatehouse.NotFound) {
		t.Errorf("a proof of half a day ago: %v", err)
	}
}

// TestOneProofIsUsedOnce: twenty at once, on both databases.
func TestOneProofIsUsedOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, nil)
		w.rules(gatehouse.ConnectionRules{RequestAccess: true})
		p := w.left("a1", Start{}).Proof
		w.rules(gatehouse.ConnectionRules{AllowSingleSignOn: true}) // so that asking lets in
		var wg sync.WaitGroup
		results := make(chan error, 20)
		for range 20 {
			wg.Go(func() {
				r, err := w.Ask(context.Background(), Answered{Browser: Browser{Hash: browser}, Proof: p.ID})
				if err == nil && r.SessionToken == "" {
					err = fmt.Errorf("in without a session: %+v", r)
				}
				results <- err
			})
		}
		wg.Wait()
		close(results)
		won := 0
		for err := range results {
			if err == nil {
				won++
			} else if !errors.Is(err, gatehouse.Expired) {
				t.Error(err)
			}
		}
		if won != 1 || w.sessions() != 1 {
			t.Errorf("%d got in, %d sessions", won, w.sessions())
		}
	})
}
