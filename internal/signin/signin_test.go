package signin

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func TestJourney(t *testing.T) {
	t.Parallel()
	t.Run("NewcomerGetsASession", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, w *world) {
			state := w.begin(Start{})
			r := w.finish(answer(state, "alice"))
			if r.GoTo != "/user" || r.User.Username != "alice" || r.Decision.Outcome != gatehouse.OutcomeCreated || len(r.SessionToken) != 43 {
				t.Fatalf("result %+v", r)
			}
			w.update(func(tx *store.Tx) error {
				all, err := tx.Sessions(r.User.ID)
				if len(all) != 1 || all[0].Method != "federated" || all[0].UserAgent != "Agent" || all[0].Address != "192.0.2.1" || all[0].ConnectionID != r.Decision.ConnectionID {
					t.Errorf("sessions %+v", all)
				}
				return err
			})
			a := w.fake.seen[0]
			if a.State != state || len(a.Verifier) != 43 || len(a.Nonce) != 43 || a.Verifier == a.Nonce || a.RedirectURI != "https://id.example.com/users/auth/one/callback" {
				t.Errorf("attempt %+v", a)
			}
			again := w.finish(answer(w.begin(Start{}), "alice"))
			if again.User.ID != r.User.ID || again.Decision.Outcome != gatehouse.OutcomeSignedIn || again.SessionToken == r.SessionToken {
				t.Errorf("the second time: %+v", again)
			}
		})
	})
	t.Run("S1 OldSessionOfTheBrowserEnds", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, w *world) {
			first := w.finish(answer(w.begin(Start{}), "alice"))
			var old []gatehouse.Session
			w.update(func(tx *store.Tx) (err error) {
				old, err = tx.Sessions(first.User.ID)
				return err
			})
			a := answer(w.begin(Start{}), "bob")
			a.CurrentUserID, a.CurrentSessionID = first.User.ID, old[0].ID
			w.finish(a)
			w.update(func(tx *store.Tx) error {
				if left, err := tx.Sessions(first.User.ID); len(left) != 0 || err != nil {
					t.Errorf("the old session lives: %v, %v", left, err)
				}
				return nil
			})
		})
	})
	t.Run("ServesTheRequestOfAnApp", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, w *world) {
			w.request("handle+/?&", browser, gatehouse.Demand{Hint: "alice@example.com", Locale: "zh-CN"})
			st := w.begin(Start{Request: "handle+/?&", ReturnTo: "/elsewhere", Locale: "en"})
			if r := w.finish(answer(st, "alice")); r.GoTo != "/oauth/authorize?request=handle%2B%2F%3F%26" {
				t.Errorf("goes to %s", r.GoTo)
			}
			if a := w.fake.seen[0]; a.LoginHint != "alice@example.com" || a.Locale != "zh-CN" {
				t.Errorf("hint %q, locale %q", a.LoginHint, a.Locale)
			}
			if _, err := w.Begin(t.Context(), Start{Connection: "one", Request: "handle+/?&", BrowserHash: another}); !errors.Is(err, gatehouse.Expired) {
				t.Errorf("A13: the request of another browser: %v", err)
			}
			if _, err := w.Begin(t.Context(), Start{Connection: "one", Request: "nosuch", BrowserHash: browser}); !errors.Is(err, gatehouse.Expired) {
				t.Errorf("an unknown request: %v", err)
			}
		})
	})
	t.Run("H11 ReturnsToOwnPathsOnly", func(t *testing.T) {
		t.Parallel()
		w, _ := one(t)
		for to, want := range map[string]string{
			"/admin?x=1": "/admin?x=1", "": "/user", "https://evil.example/": "/user", "//evil.example": "/user",
			`/\evil.example`: "/user", "javascript:alert(1)": "/user", "/\tx": "/user", "evil": "/user",
		} {
			if r := w.finish(answer(w.begin(Start{ReturnTo: to}), "alice")); r.GoTo != want {
				t.Errorf("return to %q goes to %q, want %q", to, r.GoTo, want)
			}
		}
	})
	t.Run("ConnectingKeepsTheSession", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, w *world) {
			me := w.finish(answer(w.begin(Start{}), "alice"))
			a := answer(w.begin(Start{Connection: "two", Purpose: gatehouse.ForLink, UserID: me.User.ID, ReturnTo: "/user?tab=accounts"}), "alice-there")
			a.Connection, a.CurrentUserID = "two", me.User.ID
			r := w.finish(a)
			if r.SessionToken != "" || r.GoTo != "/user?tab=accounts" || r.Decision.Outcome != gatehouse.OutcomeLinked || r.User.ID != me.User.ID || w.sessions() != 1 {
				t.Errorf("result %+v, %d sessions", r, w.sessions())
			}
		})
	})
}

func TestConnectingNeedsTheSameUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		var me gatehouse.User
		w.update(func(tx *store.Tx) error {
			me = gatehouse.User{Username: "me", State: gatehouse.UserActive}
			return tx.SaveUser(&me)
		})
		for _, current := range []string{"", store.NewID()} {
			a := answer(w.begin(Start{Purpose: gatehouse.ForLink, UserID: me.ID}), "x")
			a.CurrentUserID = current
			w.refused(a, gatehouse.OutcomeRefused, "link_session", gatehouse.Forbidden)
		}
		if w.fake.asked() != 0 {
			t.Error("the provider was asked")
		}
	})
}

// TestH2State: nothing but the one answer to an attempt of this browser counts.
func TestH2State(t *testing.T) {
	t.Parallel()
	no := gatehouse.OutcomeRefused
	t.Run("UnknownAndGarbage", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, w *world) {
			good := w.begin(Start{})
			many := url.Values{"state": {good}}
			for i := range 100 {
				many.Set(strings.Repeat("k", i+1), "v")
			}
			for name, v := range map[string]url.Values{
				"none": {}, "nil": nil, "empty": {"state": {""}}, "random": {"state": {gatehouse.NewSecret()}}, "short": {"state": {"abc"}},
				"nul": {"state": {strings.Repeat("\x00", 43)}}, "doubled": {"state": {good, good}}, "case": {"state": {swapCase(good)}},
				"huge": {"state": {good}, "code": {strings.Repeat("x", 1<<20)}}, "many": many, "space": {"state": {good + " "}},
			} {
				a := answer("", "alice")
				a.Values = v
				t.Log(name)
				w.refused(a, no, "state_unknown", gatehouse.Expired)
			}
			if w.fake.asked() != 0 {
				t.Error("the provider was asked")
			}
			w.finish(answer(good, "alice"))
		})
	})
	t.Run("Used", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, w *world) {
			w.fake.finish = func(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error) {
				return gatehouse.Vouched{}, gatehouse.Errorf(gatehouse.Upstream, "Broken.")
			}
			state := w.begin(Start{})
			w.refused(answer(state, "alice"), gatehouse.OutcomeFailed, "provider", gatehouse.Upstream)
			w.refused(answer(state, "alice"), no, "state_unknown", gatehouse.Expired)
		})
	})
	t.Run("UsedButSignedInGoesOn", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, w *world) {
			state := w.begin(Start{})
			first := w.finish(answer(state, "alice"))
			a := answer(state, "alice")
			a.CurrentUserID = first.User.ID
			if r := w.finish(a); r.GoTo != "/user" || r.SessionToken != "" || w.sessions() != 1 || w.fake.asked() != 1 {
				t.Errorf("result %+v, %d sessions", r, w.sessions())
			}
		})
	})
	t.Run("Old", func(t *testing.T) {
		t.Parallel()
		w, c := one(t)
		state := w.begin(Start{})
		c.pass(10 * time.Minute)
		w.refused(answer(state, "alice"), no, "state_expired", gatehouse.Expired)
		w.refused(answer(state, "alice"), no, "state_unknown", gatehouse.Expired)
		state = w.begin(Start{})
		c.pass(10*time.Minute - time.Millisecond)
		w.finish(answer(state, "alice"))
	})
	t.Run("ForeignBrowser", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, w *world) {
			state := w.begin(Start{})
			for _, b := range [][]byte{another, nil, {}, browser[:31]} {
				a := answer(state, "alice")
				a.BrowserHash = b
				w.refused(a, no, "state_browser", gatehouse.Forbidden)
			}
			w.finish(answer(state, "alice")) // it is still there for whom it belongs to
		})
	})
	t.Run("H3 OtherConnection", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, w *world) {
			for _, name := range []string{"two", "nosuch", ""} {
				state := w.begin(Start{})
				a := answer(state, "alice")
				a.Connection = name
				w.refused(a, no, "state_connection", gatehouse.Forbidden)
				w.refused(answer(state, "alice"), no, "state_unknown", gatehouse.Expired)
			}
		})
	})
	t.Run("ConcurrentOnlyOneWins", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, w *world) {
			state := w.begin(Start{})
			const callers = 8
			results := make([]error, callers)
			start := make(chan struct{})
			var wg sync.WaitGroup
			for i := range callers {
				wg.Go(func() {
					<-start
					_, results[i] = w.Finish(t.Context(), answer(state, "alice"))
				})
			}
			close(start)
			wg.Wait()
			won := 0
			for _, err := range results {
				var r *Refused
				switch {
				case err == nil:
					won++
				case !errors.As(err, &r) || r.Decision.Rule != "state_unknown":
					t.Errorf("a loser got %v", err)
				}
			}
			if won != 1 || w.sessions() != 1 || w.fake.asked() != 1 {
				t.Errorf("%d won, %d sessions, provider asked %d times", won, w.sessions(), w.fake.asked())
			}
		})
	})
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, s)
}

// TestH7Disabled: a connection that is disabled while somebody is at the
// provider, or while the provider is asked, lets nobody in.
func TestH7Disabled(t *testing.T) {
	t.Parallel()
	off := gatehouse.Connection{Name: "one", Label: "The one", Rules: gatehouse.ConnectionRules{AllowSingleSignOn: true}}
	t.Run("BeforeTheAnswer", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, w *world) {
			state := w.begin(Start{})
			w.change(off)
			w.refused(answer(state, "alice"), gatehouse.OutcomeRefused, "connection_disabled", gatehouse.Forbidden)
			if w.fake.asked() != 0 {
				t.Error("the provider was asked")
			}
		})
	})
	t.Run("WhileTheProviderIsAsked", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, w *world) {
			w.fake.finish = func(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error) {
				w.change(off)
				return gatehouse.Vouched{Subject: "alice"}, nil
			}
			w.refused(answer(w.begin(Start{}), "alice"), gatehouse.OutcomeRefused, "connection_disabled", gatehouse.Forbidden)
		})
	})
	t.Run("AtTheStart", func(t *testing.T) {
		t.Parallel()
		w, _ := one(t)
		w.change(off)
		if _, err := w.Begin(t.Context(), Start{Connection: "one", BrowserHash: browser}); !errors.Is(err, gatehouse.Forbidden) {
			t.Errorf("got %v", err)
		}
	})
}

func TestG7LogHasNoSecrets(t *testing.T) {
	t.Parallel()
	w, _ := one(t)
	state := w.begin(Start{})
	r := w.finish(answer(state, "secret-code"))
	w.fake.finish = func(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error) {
		return gatehouse.Vouched{}, gatehouse.Errorf(gatehouse.Upstream, "Broken.")
	}
	second := w.begin(Start{})
	_, _ = w.Finish(t.Context(), answer(second, "secret-code"))
	a := w.fake.seen[0]
	for _, s := range []string{state, second, r.SessionToken, a.Verifier, a.Nonce, "secret-code"} {
		if strings.Contains(w.log.String(), s) {
			t.Errorf("the log has %q:\n%s", s, w.log)
		}
	}
	if !strings.Contains(w.log.String(), r.Decision.Reference) {
		t.Error("the log lacks the reference")
	}
}

func TestPendingWaits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.change(gatehouse.Connection{Name: "one", Enabled: true, Rules: gatehouse.ConnectionRules{AllowSingleSignOn: true, BlockAutoCreatedUsers: true}})
		r := w.refused(answer(w.begin(Start{}), "alice"), gatehouse.OutcomePending, "block_auto_created_users", gatehouse.Forbidden)
		if r.Decision.UserID == "" {
			t.Error("no account was made")
		}
	})
}

func TestChoices(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		rules := gatehouse.ConnectionRules{AllowSingleSignOn: true}
		w.change(gatehouse.Connection{Name: "off", Rules: rules})
		w.change(gatehouse.Connection{Name: "doorless", Kind: "doorless", Enabled: true, Rules: rules})
		w.change(gatehouse.Connection{Name: "unknown", Kind: "myspace", Enabled: true, Rules: rules})
		w.change(gatehouse.Connection{Name: "linkonly", Enabled: true, Rules: gatehouse.ConnectionRules{LinkOnly: true}})
		auto := rules
		auto.AutoSignInWithProvider = true
		w.change(gatehouse.Connection{Name: "two", Enabled: true, AppID: "id", AppSecret: "secret", Args: map[string]any{"a": "b"}, Rules: auto})
		w.request("plain", browser, gatehouse.Demand{Hint: "alice"})
		w.request("choose", browser, gatehouse.Demand{Choose: true})
		for handle, want := range map[string]struct{ client, auto string }{"": {"", "two"}, "plain": {"Demo", "two"}, "choose": {"Demo", ""}} {
			ch, err := w.Choices(t.Context(), handle, browser)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, c := range ch.Connections {
				names = append(names, c.Name)
				if c.AppSecret != "" || c.AppID != "" || c.Args != nil {
					t.Errorf("credentials reach the page: %+v", c)
				}
			}
			if diff := cmp.Diff([]string{"one", "two"}, names); diff != "" || ch.ClientName != want.client || ch.Auto != want.auto {
				t.Errorf("%q: client %q, auto %q, offered (-want +got):\n%s", handle, ch.ClientName, ch.Auto, diff)
			}
		}
		for handle, b := range map[string][]byte{"plain": another, "nosuch": browser, "choose": nil} {
			if _, err := w.Choices(t.Context(), handle, b); !errors.Is(err, gatehouse.Expired) {
				t.Errorf("A13: request %q of another browser: %v", handle, err)
			}
		}
	})
}

func TestBeginRefuses(t *testing.T) {
	t.Parallel()
	w, _ := one(t)
	w.change(gatehouse.Connection{Name: "linkonly", Enabled: true, Rules: gatehouse.ConnectionRules{LinkOnly: true}})
	for name, tt := range map[string]struct {
		start Start
		kind  gatehouse.ErrorKind
	}{
		"UnknownConnection": {Start{Connection: "nosuch", BrowserHash: browser}, gatehouse.NotFound},
		"LinkOnly":          {Start{Connection: "linkonly", BrowserHash: browser}, gatehouse.Forbidden},
		"NoBrowser":         {Start{Connection: "one"}, ""},
	} {
		if _, err := w.Begin(t.Context(), tt.start); err == nil || gatehouse.KindOf(err) != tt.kind {
			t.Errorf("%s: %v, want kind %q", name, err, tt.kind)
		}
	}
	if _, err := w.Begin(t.Context(), Start{Connection: "linkonly", BrowserHash: browser, Purpose: gatehouse.ForLink, UserID: "me"}); err != nil {
		t.Errorf("link-only, to link: %v", err)
	}
}

// TestStrangersCannotFillTheDatabase: callbacks that belong to nothing are
// answered, however many there are, and not all are kept.
func TestStrangersCannotFillTheDatabase(t *testing.T) {
	t.Parallel()
	w, _ := one(t)
	kept := 0
	for range 150 {
		_, err := w.Finish(t.Context(), answer(gatehouse.NewSecret(), "x"))
		var r *Refused
		if !errors.As(err, &r) || !errors.Is(err, gatehouse.Expired) {
			t.Fatal(err)
		}
		if r.Decision.Reference != "" {
			kept++
		}
	}
	if kept != 100 {
		t.Errorf("%d decisions were kept, want 100", kept)
	}
}

// TestFailuresCannotFillTheDatabase: nor can sign-ins that are begun and
// answered with an error; who then comes in has a decision all the same.
func TestFailuresCannotFillTheDatabase(t *testing.T) {
	t.Parallel()
	w, _ := one(t)
	w.mayKeep("") // makes the limits
	w.nobodies.SetBurst(3)
	w.nobodies.SetLimit(0)
	kept := 0
	for range 5 {
		_, err := w.Finish(t.Context(), Answer{Connection: "one", BrowserHash: browser, Values: url.Values{
			"state": {w.begin(Start{})}, "error": {"server_error"},
		}})
		var r *Refused
		if !errors.As(err, &r) {
			t.Fatal(err)
		}
		if r.Decision.Reference != "" {
			kept++
		}
	}
	if kept != 3 {
		t.Errorf("%d decisions were kept, want 3", kept)
	}
	w.finish(answer(w.begin(Start{}), "alice"))
}

// TestProperties: whatever comes in whatever order, no state is accepted twice,
// nor by another browser or connection, and every acceptance is a session.
func TestProperties(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	w := newWorld(t, s, nil)
	rapid.Check(t, func(t *rapid.T) {
		type begun struct{ state, connection string }
		var all []begun
		used := map[string]bool{}
		for range rapid.IntRange(1, 10).Draw(t, "steps") {
			if len(all) == 0 || rapid.Bool().Draw(t, "begin") {
				c := rapid.SampledFrom([]string{"one", "two"}).Draw(t, "connection")
				all = append(all, begun{w.begin(Start{Connection: c}), c})
				continue
			}
			b := rapid.SampledFrom(all).Draw(t, "attempt")
			a := answer(b.state, "alice")
			a.Connection = rapid.SampledFrom([]string{"one", "two"}).Draw(t, "comes to")
			a.BrowserHash = rapid.SampledFrom([][]byte{browser, another}).Draw(t, "browser")
			_, err := w.Finish(context.Background(), a)
			right := !used[b.state] && string(a.BrowserHash) == string(browser) && a.Connection == b.connection
			if (err == nil) != right {
				t.Fatalf("right is %t, but %v", right, err)
			}
			if string(a.BrowserHash) == string(browser) {
				used[b.state] = true
			}
		}
	})
}
