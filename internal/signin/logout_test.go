package signin

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
)

// telling is a provider that sends logout tokens: "SUBJECT SESSION ID".
type telling struct{ address string }

func (telling) Ended(_ context.Context, token string) (integration.Ended, error) {
	parts := strings.Split(token, " ")
	if len(parts) != 3 {
		return integration.Ended{}, gatehouse.Errorf(gatehouse.Invalid, "Not one.")
	}
	return integration.Ended{Subject: parts[0], Session: parts[1], Token: parts[2], Until: time.Now().Add(time.Hour)}, nil
}

func (l telling) LogoutURL(_ context.Context, idToken, returnTo string) (string, error) {
	if l.address == "" {
		return "", gatehouse.Errorf(gatehouse.Unavailable, "Down.")
	}
	return l.address + "?hint=" + idToken + "&to=" + returnTo, nil
}

// tell makes the kind of the connections one whose provider has sessions: those
// of a person have the ids of the codes, and an ID token that says so.
func (w *world) tell(out telling) {
	w.fake.finish = func(_ context.Context, _ gatehouse.Attempt, v url.Values) (gatehouse.Vouched, error) {
		subject, session, _ := strings.Cut(v["code"][0], "/")
		return gatehouse.Vouched{Subject: subject, Origin: gatehouse.Origin{Subject: subject, Session: session, IDToken: "token-of-" + session}}, nil
	}
	w.Apps.Kinds = append(w.Apps.Kinds, integration.Kind{Name: "telling", OpenConnection: func(gatehouse.Connection, integration.Env) (integration.Door, error) {
		return integration.Door{Provider: w.fake, BackChannel: out, Logout: out}, nil
	}})
	w.change(gatehouse.Connection{Name: "one", Kind: "telling", Label: "The one", Enabled: true, Rules: gatehouse.ConnectionRules{AllowSingleSignOn: true}})
}

func TestEnded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.tell(telling{})
		enter := func(code string) string { return w.finish(answer(w.begin(Start{}), code)).User.ID }
		alice := enter("alice/1")
		enter("alice/2")
		bob := enter("bob/3")
		ended := func(token string, want map[string]int) {
			t.Helper()
			if err := w.Ended(t.Context(), "one", token, "192.0.2.9"); err != nil {
				t.Errorf("%s: %v", token, err)
			}
			for user, n := range want {
				if got := w.sessionsOf(user); got != n {
					t.Errorf("after %s %d sessions of %s are left, want %d", token, got, user, n)
				}
			}
		}
		ended("alice 1 a", map[string]int{alice: 1, bob: 1})
		ended("bob 2 b", map[string]int{alice: 1, bob: 1}) // the session of somebody else
		ended("alice  c", map[string]int{alice: 0, bob: 1})
		enter("alice/4")
		for _, token := range []string{"alice  c", "alice", ""} {
			if err := w.Ended(t.Context(), "one", token, ""); !errors.Is(err, gatehouse.Invalid) {
				t.Errorf("%q: %v", token, err)
			}
		}
		if err := w.Ended(t.Context(), "two", "alice  d", ""); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("a connection that has no such thing: %v", err)
		}
		if err := w.Ended(t.Context(), "nobody", "alice  e", ""); !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("a connection that is not there: %v", err)
		}
		if n := w.sessionsOf(alice); n != 1 {
			t.Errorf("%d sessions are left after what ends nothing", n)
		}
		ended(" 3 f", map[string]int{alice: 1, bob: 0})
		w.update(func(tx *store.Tx) error {
			events, err := tx.Events(store.EventFilter{Action: "session.ended"}, store.Cursor{Limit: 10})
			if len(events.Items) != 3 || events.Items[0].Actor.Name != "The one" || events.Items[0].Actor.Address != "192.0.2.9" {
				t.Errorf("audit: %+v", events.Items)
			}
			return err
		})
	})
}

func (w *world) sessionsOf(user string) (n int) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		s, err := tx.Sessions(user)
		n = len(s)
		return err
	})
	return n
}

// TestEnded_Tokens: apps lose what they got by the session, but not what was to
// outlive it.
func TestEnded_Tokens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.tell(telling{})
		r := w.finish(answer(w.begin(Start{}), "alice/1"))
		w.update(func(tx *store.Tx) error {
			sessions, err := tx.Sessions(r.User.ID)
			if err != nil || len(sessions) != 1 {
				t.Fatalf("%v, %v", sessions, err)
			}
			for _, scope := range []string{"openid", "offline_access"} {
				g := gatehouse.Grantable{UserID: r.User.ID, SessionID: sessions[0].ID, Scopes: []string{scope}}
				if err := tx.SaveTokens(&gatehouse.Token{Hash: []byte(scope), Kind: gatehouse.RefreshToken, Grant: g, ExpiresAt: tx.Now().Add(time.Hour)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err := w.Ended(t.Context(), "one", "alice 1 a", ""); err != nil {
			t.Fatal(err)
		}
		w.update(func(tx *store.Tx) error {
			_, _, gone := tx.LiveToken([]byte("openid"))
			_, _, err := tx.LiveToken([]byte("offline_access"))
			if !errors.Is(gone, gatehouse.NotFound) || err != nil {
				t.Errorf("the session's token: %v; the one that outlives it: %v", gone, err)
			}
			return nil
		})
	})
}

func TestProviderLogout(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ address, want string }{
		"There": {"https://provider.example/logout", "https://provider.example/logout?hint=token-of-1&to=https://id.example.com/done"}, "Down": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := one(t)
			w.tell(telling{test.address})
			r := w.finish(answer(w.begin(Start{}), "alice/1"))
			var session gatehouse.Session
			w.update(func(tx *store.Tx) error {
				all, err := tx.Sessions(r.User.ID)
				session = all[0]
				return err
			})
			if got := w.ProviderLogout(t.Context(), session, "/done"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := w.ProviderLogout(t.Context(), gatehouse.Session{ID: "another"}, "/done"); got != "" {
				t.Errorf("a session that came from nowhere: %q", got)
			}
		})
	}
}
