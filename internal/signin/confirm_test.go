package signin

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
)

// signedIn is somebody who signed in a while ago, and what is known of the browser.
func (w *local) signedIn(u gatehouse.User) (Local, gatehouse.Session, string) {
	w.t.Helper()
	var s gatehouse.Session
	var token string
	w.update(func(tx *store.Tx) (err error) {
		token, s, err = w.Sessions.Start(tx, session.Start{UserID: u.ID, UserName: u.Username, Method: "federated"})
		return err
	})
	w.pass(session.FreshFor)
	l := here()
	l.UserID, l.SessionID, l.ReturnTo = u.ID, s.ID, "/user/security/password"
	return l, s, token
}

// confirmed wants the same session with a new secret, proved just now.
func (w *local) confirmed(r Result, err error, before gatehouse.Session, oldToken string) {
	w.t.Helper()
	if err != nil || r.SessionToken == "" || r.SessionToken == oldToken {
		w.t.Fatalf("not confirmed: %+v, %v", r, err)
	}
	s := w.sessionOf(r.SessionToken)
	if s.ID != before.ID || !s.AuthAt.Equal(w.Now()) || w.Sessions.Fresh(s) != nil || r.GoTo != "/user/security/password" {
		w.t.Errorf("%+v, goes to %s", s, r.GoTo)
	}
	sum := sha256.Sum256([]byte(oldToken))
	err = w.Store.View(context.Background(), func(tx *store.Tx) error {
		_, _, err := tx.SessionByToken(sum[:])
		return err
	})
	if !errors.Is(err, gatehouse.NotFound) {
		w.t.Errorf("the secret before is alive: %v", err)
	}
}

// TestS12ConfirmByPassword: with the code where there is an app.
func TestS12ConfirmByPassword(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		u := w.person("olga", gatehouse.RoleSuperAdministrator)
		l, s, token := w.signedIn(u)
		if err := w.Sessions.Fresh(s); !errors.Is(err, gatehouse.Stale) {
			t.Fatalf("it is fresh: %v", err)
		}
		_, err := w.ConfirmPassword(t.Context(), l, "wrong", "")
		w.no(err, "password_wrong", gatehouse.Invalid)
		r, err := w.ConfirmPassword(t.Context(), l, good, "")
		w.confirmed(r, err, s, token)

		secret := w.app(u)
		l, s, token = w.signedIn(u)
		ways, err := w.ConfirmWays(t.Context(), u.ID)
		if err != nil || !ways.Password || !ways.Code || ways.Passkey || !ways.Any() {
			t.Errorf("ways: %+v, %v", ways, err)
		}
		_, err = w.ConfirmPassword(t.Context(), l, good, "")
		w.no(err, "code_wrong", gatehouse.Invalid)
		r, err = w.ConfirmPassword(t.Context(), l, good, w.code(secret))
		w.confirmed(r, err, s, token)
	})
}

func TestS12ConfirmByPasskey(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		first := w.finish(answer(w.begin(Start{}), "alice")) // one of a provider may, too
		d := w.passkey(first.User)
		l, s, token := w.signedIn(first.User)
		options, err := w.BeginConfirmPasskey(t.Context(), browser, l.UserID)
		r, err := w.ConfirmPasskey(t.Context(), l, w.touch(d, options, err))
		w.confirmed(r, err, s, token)

		l, _, _ = w.signedIn(first.User)
		other := w.passkey(w.person("olga", gatehouse.RoleAuditor))
		open, err := w.BeginPasskey(t.Context(), browser, "") // a question to anybody
		_, err = w.ConfirmPasskey(t.Context(), l, w.touch(other, open, err))
		w.no(err, "passkey_wrong", gatehouse.Invalid)
	})
}

// TestS12ConfirmByProvider: the same identity must come back, and the provider
// is told to ask again.
func TestS12ConfirmByProvider(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		first := w.finish(answer(w.begin(Start{}), "alice"))
		w.finish(answer(w.begin(Start{}), "bob"))
		l, s, token := w.signedIn(first.User)
		back := func(code string) Answer {
			a := answer(w.begin(Start{Purpose: gatehouse.ForConfirm, UserID: l.UserID, ReturnTo: l.ReturnTo}), code)
			a.CurrentUserID, a.CurrentSessionID = l.UserID, l.SessionID
			return a
		}
		for _, other := range []string{"bob", "nobody-yet"} {
			before := w.sessions()
			_, err := w.Finish(t.Context(), back(other))
			w.no(err, "confirm_identity", gatehouse.Forbidden)
			if w.sessions() != before {
				t.Error("a session was started")
			}
		}
		a := back("alice")
		r, err := w.Finish(t.Context(), a)
		w.confirmed(r, err, s, token)
		if last := w.fake.seen[len(w.fake.seen)-1]; !last.Fresh || last.Purpose != gatehouse.ForConfirm {
			t.Errorf("the provider was not told to ask again: %+v", last)
		}
		foreign := back("alice")
		foreign.CurrentUserID, foreign.CurrentSessionID = "", ""
		if _, err := w.Finish(t.Context(), foreign); err == nil {
			t.Error("nobody is signed in, and it is confirmed")
		}
		secret := w.app(first.User)
		l, s, token = w.signedIn(first.User)
		r, err = w.Finish(t.Context(), back("alice"))
		attempt := w.owes(r, err, "/sign-in/code")
		r, err = w.Second(t.Context(), l.Browser, attempt, w.code(secret))
		w.confirmed(r, err, s, token)
		ways, err := w.ConfirmWays(t.Context(), first.User.ID)
		if err != nil || len(ways.Connections) != 1 || ways.Connections[0].Name != "one" || ways.Connections[0].AppSecret != "" || ways.Password {
			t.Errorf("ways: %+v, %v", ways, err)
		}
	})
}

// TestA16FreshReachesTheProvider: an app that wants a fresh sign-in gets one.
func TestA16FreshReachesTheProvider(t *testing.T) {
	t.Parallel()
	w, _ := one(t)
	w.request("fresh", browser, gatehouse.Demand{After: w.Clock.Now()})
	w.request("any", browser, gatehouse.Demand{})
	for handle, want := range map[string]bool{"fresh": true, "any": false, "": false} {
		w.finish(answer(w.begin(Start{Request: handle}), "alice"))
		if got := w.fake.seen[len(w.fake.seen)-1].Fresh; got != want {
			t.Errorf("request %q: fresh is %t", handle, got)
		}
	}
}

// TestClaimLeadsToTheFirstSteps: the first administrator makes a way to come
// back, and then the claim is over.
func TestClaimLeadsToTheFirstSteps(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		token, err := w.MakeLink(t.Context(), PurposeClaim, "", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		r, err := w.TakeLink(t.Context(), PurposeClaim, token, here().Browser)
		if err != nil || r.GoTo != "/user/security?first=true" {
			t.Fatalf("%+v, %v", r, err)
		}
		if needed, err := w.NeedsClaim(t.Context()); err != nil || !needed {
			t.Errorf("with nothing to come back by: %t, %v", needed, err)
		}
		w.passkey(r.User)
		if needed, err := w.NeedsClaim(t.Context()); err != nil || needed {
			t.Errorf("with a passkey: %t, %v", needed, err)
		}
	})
}
