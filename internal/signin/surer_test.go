package signin

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// insists is a demand for two proofs that an app insists on.
func insists() gatehouse.Demand {
	return gatehouse.Demand{ACR: []string{gatehouse.ACRTwoFactors}, Essential: true}
}

// wishes is one that an app only wishes for.
func wishes() gatehouse.Demand { return gatehouse.Demand{ACR: []string{gatehouse.ACRTwoFactors}} }

func back(request string) string { return "/oauth/authorize?request=" + request }

// TestA16SignInAsksForTwoProofs: after a password that is enough for the house,
// an app that wants two proofs has a code or a passkey asked for; where the
// provider is trusted with the second proof, too.
func TestA16SignInAsksForTwoProofs(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		w.request("insists", browser, insists())
		w.request("wishes", browser, wishes())
		w.request("either", browser, gatehouse.Demand{ACR: []string{gatehouse.ACRTwoFactors, gatehouse.ACROneFactor}})
		for request, goTo := range map[string]string{"insists": NeedsStronger("insists"), "wishes": back("wishes"), "either": back("either")} {
			w.person("nobody-"+request, "")
			l := here()
			l.Request = request
			r, err := w.Password(t.Context(), l, "nobody-"+request, good)
			if s := w.enters(r, err, "password"); s.TwoFactors() || r.GoTo != goTo {
				t.Errorf("%s, of somebody who has no second proof: to %s, %+v", request, r.GoTo, s)
			}
		}
		olga := w.person("olga", "")
		d := w.passkey(olga) // one that the house does not ask for
		for _, request := range []string{"insists", "wishes"} {
			l := here()
			l.Request = request
			r, err := w.Password(t.Context(), l, "olga", good)
			attempt := w.owes(r, err, "/sign-in/code")
			options, err := w.BeginPasskey(t.Context(), browser, attempt)
			r, err = w.Passkey(t.Context(), here(), attempt, w.touch(d, options, err))
			if s := w.enters(r, err, "password"); !s.TwoFactors() || r.GoTo != back(request) {
				t.Errorf("%s: to %s, %+v", request, r.GoTo, s)
			}
		}
		l := here()
		l.Request = "either"
		r, err := w.Password(t.Context(), l, "olga", good)
		w.enters(r, err, "password")

		first := w.finish(answer(w.begin(Start{}), "alice"))
		secret := w.app(first.User)
		w.change(gatehouse.Connection{Name: "one", Enabled: true, Rules: gatehouse.ConnectionRules{AllowSingleSignOn: true, AllowBypassTwoFactor: true}})
		r, err = w.Finish(t.Context(), answer(w.begin(Start{Request: "insists"}), "alice"))
		r, err = w.Second(t.Context(), here().Browser, w.owes(r, err, "/sign-in/code"), w.code(secret))
		if s := w.enters(r, err, "federated"); !s.TwoFactors() {
			t.Errorf("allow_bypass_two_factor counted as a second proof: %+v", s)
		}
	})
}

// TestA16ProvidersTwoProofsCount: two proofs at a provider that the connection
// believes are two; they take no second proof away that the house asks for.
func TestA16ProvidersTwoProofsCount(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		two := true
		w.fake.finish = func(_ context.Context, _ gatehouse.Attempt, v url.Values) (gatehouse.Vouched, error) {
			return gatehouse.Vouched{Subject: v.Get("code"), Profile: gatehouse.Profile{Username: v.Get("code")}, TwoFactors: two}, nil
		}
		w.request("insists", browser, insists())
		r := w.finish(answer(w.begin(Start{Request: "insists"}), "alice"))
		if s := w.sessionOf(r.SessionToken); s.Second != gatehouse.SecondByProvider || r.GoTo != back("insists") {
			t.Errorf("to %s, %+v", r.GoTo, s)
		}
		two = false
		r = w.finish(answer(w.begin(Start{Request: "insists"}), "alice"))
		if s := w.sessionOf(r.SessionToken); s.TwoFactors() || r.GoTo != NeedsStronger("insists") {
			t.Errorf("to %s, %+v", r.GoTo, s)
		}
		two = true
		w.app(r.User)
		r, err := w.Finish(t.Context(), answer(w.begin(Start{Request: "insists"}), "alice"))
		w.owes(r, err, "/sign-in/code")
	})
}

// TestA16Stronger: the session that there is counts for more after one more
// proof, keeps its name and its age, and gets another secret.
func TestA16Stronger(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		u := w.person("olga", "")
		r, err := w.Password(t.Context(), here(), "olga", good)
		old := w.enters(r, err, "password")
		w.pass(time.Hour)
		b := here().Browser
		b.UserID, b.SessionID = u.ID, old.ID
		w.request("insists", browser, insists())
		w.request("wishes", browser, wishes())
		w.request("plain", browser, gatehouse.Demand{})
		w.request("foreign", another, insists())
		late := insists()
		late.After = w.Now()
		w.request("late", browser, late)
		goes := func(request, want string) {
			t.Helper()
			if to, err := w.Stronger(t.Context(), b, w.sessionOf(r.SessionToken), request); err != nil || to != want {
				t.Errorf("%s: to %q, %v, want %q", request, to, err, want)
			}
		}
		goes("insists", NeedsStronger("insists"))
		goes("wishes", back("wishes"))
		goes("plain", back("plain"))
		goes("late", "") // the session is too old: they sign in anew
		if _, err := w.Stronger(t.Context(), b, old, "foreign"); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("of another browser: %v", err)
		}
		secret := w.app(u)
		asked := func() string {
			t.Helper()
			to, err := w.Stronger(t.Context(), b, w.sessionOf(r.SessionToken), "insists")
			return w.owes(Result{GoTo: to}, err, "/sign-in/code")
		}
		attempt := asked()
		for name, other := range map[string]Browser{
			"NobodyAnyMore":  here().Browser,
			"AnotherSession": {Hash: browser, Address: "192.0.2.1", UserID: u.ID, SessionID: store.NewID()},
			"AnotherUser":    {Hash: browser, Address: "192.0.2.1", UserID: store.NewID(), SessionID: old.ID},
		} {
			if _, err := w.Second(t.Context(), other, attempt, w.code(secret)); !errors.Is(err, gatehouse.Unauthorized) {
				t.Errorf("%s: %v", name, err)
			}
			w.pass(30 * time.Second) // codes count once
		}
		if s := w.sessionOf(r.SessionToken); s.TwoFactors() {
			t.Fatalf("it counts for more: %+v", s)
		}
		attempt = asked()
		done, err := w.Second(t.Context(), b, attempt, w.code(secret))
		now := w.enters(done, err, "password")
		if now.ID != old.ID || !now.AuthAt.Equal(old.AuthAt) || !now.TwoFactors() || done.GoTo != back("insists") || done.SessionToken == r.SessionToken {
			t.Errorf("to %s, %+v, before %+v", done.GoTo, now, old)
		}
		r = done
		goes("insists", back("insists"))
	})
}

// TestA16StrongerAfterThePasswordChanged: what the session began with counts no more.
func TestA16StrongerAfterThePasswordChanged(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		u := w.person("olga", "")
		secret := w.app(u)
		r, err := w.Password(t.Context(), here(), "olga", good)
		r, err = w.Second(t.Context(), here().Browser, w.owes(r, err, "/sign-in/code"), w.code(secret))
		s := w.enters(r, err, "password")
		w.pass(time.Minute)
		w.request("insists", browser, insists())
		s.Second = "" // as if it had begun before the app was set up
		b := here().Browser
		b.UserID, b.SessionID = u.ID, s.ID
		to, err := w.Stronger(t.Context(), b, s, "insists")
		attempt := w.owes(Result{GoTo: to}, err, "/sign-in/code")
		w.pass(time.Minute)
		hash, err := w.Local.NewPassword(t.Context(), u, "another "+good)
		if err != nil {
			t.Fatal(err)
		}
		w.update(func(tx *store.Tx) error {
			return w.Local.SetPassword(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator}, u.ID, hash, true)
		})
		if _, err := w.Second(t.Context(), b, attempt, w.code(secret)); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("%v", err)
		}
	})
}
