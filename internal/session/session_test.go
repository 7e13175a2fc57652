package session

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a Manager with one user.
type world struct {
	*Manager
	t    *testing.T
	user gatehouse.User
}

func newWorld(t *testing.T, s *store.Store, m *Manager) *world {
	t.Helper()
	m.Store = s
	w := &world{m, t, gatehouse.User{Username: "alice", State: gatehouse.UserActive}}
	w.update(func(tx *store.Tx) error { return tx.SaveUser(&w.user) })
	return w
}

// timed is a world on SQLite whose time the test moves.
func timed(t *testing.T, m *Manager) (*world, *clock) {
	t.Helper()
	c := newClock()
	m.Clock = c.Now
	return newWorld(t, storetest.OpenWith(t, storetest.Options{Clock: c.Now}), m), c
}

func (w *world) update(fn func(*store.Tx) error) {
	w.t.Helper()
	if err := w.Store.Update(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) begin(s Start) (token string, made gatehouse.Session) {
	w.t.Helper()
	s.UserID, s.UserName = w.user.ID, w.user.Username
	w.update(func(tx *store.Tx) (err error) {
		token, made, err = w.Start(tx, s)
		return err
	})
	return token, made
}

// with is a request of a browser with this session.
func (w *world) with(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/user", nil)
	r.AddCookie(&http.Cookie{Name: w.name(sessionCookie), Value: token})
	return r
}

// alive says whether a secret signs in.
func (w *world) alive(token string) bool {
	w.t.Helper()
	s, u, err := w.Current(w.with(token))
	if err != nil && !errors.Is(err, gatehouse.Unauthorized) {
		w.t.Fatal(err)
	}
	if (err == nil) != (s.ID != "") || (err == nil) != (u.ID == w.user.ID) {
		w.t.Fatalf("session %q of %q with error %v", s.ID, u.ID, err)
	}
	return err == nil
}

func TestS1Cookies(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{true, false} {
		m := &Manager{Secure: secure}
		rec := httptest.NewRecorder()
		m.Browser(rec, httptest.NewRequest(http.MethodGet, "/", nil))
		m.SetCookie(rec, gatehouse.NewSecret())
		prefix := ""
		if secure {
			prefix = "__Host-"
		}
		cookies := rec.Result().Cookies()
		if len(cookies) != 3 || cookies[2].Name != prefix+"gatehouse_state" {
			t.Fatalf("secure=%t: cookies %v", secure, cookies)
		}
		// A script in frames on clients' pages reads this one; it signs nobody in.
		state, site := cookies[2], map[bool]http.SameSite{true: http.SameSiteNoneMode, false: http.SameSiteLaxMode}[secure]
		if state.HttpOnly || state.SameSite != site || state.Secure != secure || state.Path != "/" || state.Domain != "" || strings.Contains(state.Value, cookies[1].Value) {
			t.Errorf("secure=%t: cookie %v", secure, state)
		}
		cookies = cookies[:2]
		if cookies[0].Name != prefix+"gatehouse_browser" || cookies[1].Name != prefix+"gatehouse_session" {
			t.Fatalf("secure=%t: cookies %v", secure, cookies)
		}
		for _, c := range cookies {
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.Secure != secure || len(c.Value) != 43 {
				t.Errorf("secure=%t: cookie %v", secure, c)
			}
		}
		if cookies[0].MaxAge != 0 || cookies[1].MaxAge != int(DefaultAbsolute.Seconds()) {
			t.Errorf("ages %d and %d", cookies[0].MaxAge, cookies[1].MaxAge)
		}
	}
}

func TestBrowser(t *testing.T) {
	t.Parallel()
	m := &Manager{Secure: true}
	t.Run("IsSetOnceAndStays", func(t *testing.T) {
		t.Parallel()
		rec, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
		if _, ok := m.BrowserOf(r); ok {
			t.Fatal("a browser without a cookie is known")
		}
		first := m.Browser(rec, r)
		if second := m.Browser(rec, r); string(first) != string(second) || len(rec.Result().Cookies()) != 1 {
			t.Error("the second call made another browser of it")
		}
		next := httptest.NewRequest(http.MethodGet, "/", nil)
		next.AddCookie(rec.Result().Cookies()[0])
		rec = httptest.NewRecorder()
		if again := m.Browser(rec, next); string(again) != string(first) || len(rec.Result().Cookies()) != 0 {
			t.Error("the browser is not known again")
		}
	})
	t.Run("NonsenseIsReplaced", func(t *testing.T) {
		t.Parallel()
		for _, value := range []string{"x", strings.Repeat("a", 42), strings.Repeat("a", 44), strings.Repeat("!", 43), strings.Repeat("a", 42) + "_"} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.AddCookie(&http.Cookie{Name: "__Host-gatehouse_browser", Value: value})
			if _, ok := m.BrowserOf(r); ok {
				t.Errorf("%q is a browser", value)
			}
		}
	})
	t.Run("PlainNameCountsForNothingOnHTTPS", func(t *testing.T) {
		t.Parallel()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: "gatehouse_browser", Value: gatehouse.NewSecret()})
		if _, ok := m.BrowserOf(r); ok {
			t.Error("a cookie that another host may have set is believed")
		}
	})
}

func TestCurrent(t *testing.T) {
	t.Parallel()
	t.Run("OnlyTheSecretSignsIn", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			w := newWorld(t, s, &Manager{Secure: true})
			token, made := w.begin(Start{Method: "federated", UserAgent: "Agent\x00\u202e", Address: "192.0.2.1"})
			if !w.alive(token) {
				t.Fatal("the session does not sign in")
			}
			if strings.Contains(string(made.TokenHash), token) || made.UserAgent != "Agent" {
				t.Errorf("made %+v", made)
			}
			for _, wrong := range []string{"", gatehouse.NewSecret(), made.ID, token[:42], token + "a", "'; drop table sessions; --"} {
				if w.alive(wrong) {
					t.Errorf("%q signs in", wrong)
				}
			}
			if _, _, err := w.Current(httptest.NewRequest(http.MethodGet, "/", nil)); !errors.Is(err, gatehouse.Unauthorized) {
				t.Errorf("without a cookie: %v", err)
			}
		})
	})
	t.Run("S1 EachSignInHasANewSecretAndEndsTheOldSession", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			w := newWorld(t, s, &Manager{})
			first, old := w.begin(Start{Method: "federated"})
			second, _ := w.begin(Start{Method: "federated", Replaces: old.ID, ReplacesUser: w.user.ID})
			if first == second || w.alive(first) || !w.alive(second) {
				t.Errorf("first alive %t, second alive %t", w.alive(first), w.alive(second))
			}
			third, _ := w.begin(Start{Method: "federated", Replaces: old.ID, ReplacesUser: w.user.ID}) // ended already
			if !w.alive(third) {
				t.Error("a session that has ended stands in the way of the new one")
			}
		})
	})
	t.Run("T13 OnlyActiveUsersAreSignedIn", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			w := newWorld(t, s, &Manager{})
			token, _ := w.begin(Start{})
			for _, state := range []gatehouse.UserState{"pending", "blocked", "left"} {
				w.user.State = state
				w.update(func(tx *store.Tx) error { return tx.SaveUser(&w.user) })
				if w.alive(token) {
					t.Errorf("somebody who is %s is signed in", state)
				}
			}
		})
	})
	t.Run("S11 UnusedSessionEnds", func(t *testing.T) {
		t.Parallel()
		w, c := timed(t, &Manager{Idle: time.Hour})
		token, _ := w.begin(Start{})
		for range 5 { // used often enough, it lives
			c.pass(59 * time.Minute)
			if !w.alive(token) {
				t.Fatal("a used session ended")
			}
		}
		c.pass(time.Hour)
		if w.alive(token) {
			t.Error("an unused session lives")
		}
		w.update(func(tx *store.Tx) error {
			if all, err := w.List(tx, w.user.ID); len(all) != 0 || err != nil {
				t.Errorf("it is listed: %v, %v", all, err)
			}
			return nil
		})
	})
	t.Run("S11 UsedSessionEndsInTheEnd", func(t *testing.T) {
		t.Parallel()
		w, c := timed(t, &Manager{})
		token, _ := w.begin(Start{})
		for range 29 {
			c.pass(24 * time.Hour)
			if !w.alive(token) {
				t.Fatal("the session ended too early")
			}
		}
		c.pass(24 * time.Hour)
		if w.alive(token) {
			t.Error("the session has no end")
		}
	})
	t.Run("UseIsNotedAtMostEveryFiveMinutes", func(t *testing.T) {
		t.Parallel()
		w, c := timed(t, &Manager{})
		token, made := w.begin(Start{})
		seen := func() time.Time {
			s, _, err := w.Current(w.with(token)) // notes after it has read
			if err != nil {
				t.Fatal(err)
			}
			return s.SeenAt
		}
		c.pass(4 * time.Minute)
		if seen(); !seen().Equal(made.SeenAt) {
			t.Error("noted too early")
		}
		c.pass(time.Minute)
		if seen(); !seen().Equal(c.Now()) {
			t.Error("not noted")
		}
	})
	t.Run("DatabaseFaultIsNotSignedOut", func(t *testing.T) {
		t.Parallel()
		w, _ := timed(t, &Manager{})
		token, _ := w.begin(Start{})
		r := w.with(token)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := w.Current(r.WithContext(ctx)); err == nil || errors.Is(err, gatehouse.Unauthorized) {
			t.Errorf("got %v, want a fault of the database", err)
		}
	})
	t.Run("IsAskedOnceForARequest", func(t *testing.T) {
		t.Parallel()
		w, _ := timed(t, &Manager{})
		token, made := w.begin(Start{})
		served := false
		w.Remember(http.HandlerFunc(func(rec http.ResponseWriter, r *http.Request) {
			served = true
			if _, _, err := w.Current(r); err != nil {
				t.Fatal(err)
			}
			w.update(func(tx *store.Tx) error { return tx.EndSession(w.user.ID, made.ID) })
			if s, _, err := w.Current(r); err != nil || s.ID != made.ID {
				t.Errorf("asked again: %v", err)
			}
			if _, err := w.End(rec, r); !errors.Is(err, gatehouse.Unauthorized) {
				t.Errorf("end of what has ended: %v", err)
			}
			if _, _, err := w.Current(r); !errors.Is(err, gatehouse.Unauthorized) {
				t.Errorf("after signing out the request still has somebody: %v", err)
			}
		})).ServeHTTP(httptest.NewRecorder(), w.with(token))
		if !served {
			t.Error("nothing was served")
		}
	})
}

func TestS8End(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, &Manager{Secure: true})
		token, made := w.begin(Start{})
		other, _ := w.begin(Start{})
		rec, r := httptest.NewRecorder(), w.with(token)
		r.RemoteAddr = "192.0.2.9:1234"
		got, err := w.End(rec, r)
		if err != nil || got.ID != made.ID {
			t.Fatalf("ended %q: %v", got.ID, err)
		}
		c := rec.Result().Cookies()
		if len(c) != 2 || c[1].Name != "__Host-gatehouse_state" || c[1].MaxAge >= 0 || c[0].Name != "__Host-gatehouse_session" || c[0].MaxAge >= 0 || c[0].Value != "" || !c[0].Secure || c[0].Path != "/" {
			t.Errorf("cookies %v", c)
		}
		if w.alive(token) {
			t.Error("the old cookie signs in")
		}
		if !w.alive(other) {
			t.Error("another browser was signed out")
		}
		w.update(func(tx *store.Tx) error {
			page, err := tx.Events(store.EventFilter{Target: "session/" + made.ID}, store.Cursor{})
			if len(page.Items) != 2 || page.Items[0].Action != "session.ended" || page.Items[0].Actor.Address != "192.0.2.9" || page.Items[1].Action != "session.started" {
				t.Errorf("audit log: %+v", page.Items)
			}
			return err
		})
		if _, err := w.End(httptest.NewRecorder(), w.with(token)); !errors.Is(err, gatehouse.Unauthorized) {
			t.Errorf("the second time: %v", err)
		}
	})
}

func TestS8EndThatCannotBeStoredKeepsTheCookie(t *testing.T) {
	t.Parallel()
	w, _ := timed(t, &Manager{})
	token, _ := w.begin(Start{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rec := httptest.NewRecorder()
	if _, err := w.End(rec, w.with(token).WithContext(ctx)); err == nil || errors.Is(err, gatehouse.Unauthorized) {
		t.Errorf("got %v, want the fault", err)
	}
	if len(rec.Result().Cookies()) != 0 {
		t.Error("the browser believes to be signed out, and is not")
	}
}

func TestS11EndOneAndOthers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, &Manager{})
		mine, here := w.begin(Start{})
		one, first := w.begin(Start{})
		two, _ := w.begin(Start{})
		by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: w.user.ID}
		err := s.Update(t.Context(), func(tx *store.Tx) error { return w.EndOne(tx, by, store.NewID(), first.ID) })
		if !errors.Is(err, gatehouse.NotFound) || !w.alive(one) {
			t.Errorf("G2: somebody else ended it: %v", err)
		}
		w.update(func(tx *store.Tx) error { return w.EndOne(tx, by, w.user.ID, first.ID) })
		w.update(func(tx *store.Tx) error {
			n, err := w.EndOthers(tx, by, w.user.ID, here.ID)
			if n != 1 {
				t.Errorf("ended %d others, want 1", n)
			}
			return err
		})
		if w.alive(one) || w.alive(two) || !w.alive(mine) {
			t.Errorf("alive: %t %t %t, want only the last", w.alive(one), w.alive(two), w.alive(mine))
		}
	})
}

func TestRequire(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	w := newWorld(t, s, &Manager{})
	token, _ := w.begin(Start{})
	as := func(role gatehouse.AdminRole) {
		w.user.Role = role
		w.update(func(tx *store.Tx) error { return tx.SaveUser(&w.user) })
	}
	super, connector, auditor := gatehouse.RoleSuperAdministrator, gatehouse.RoleConnectorAdministrator, gatehouse.RoleAuditor
	tests := []struct {
		role  gatehouse.AdminRole
		roles []gatehouse.AdminRole
		want  gatehouse.ErrorKind
		admin gatehouse.ErrorKind
	}{
		{"", nil, "", gatehouse.Forbidden},
		{"", []gatehouse.AdminRole{super}, gatehouse.Forbidden, gatehouse.Forbidden},
		{auditor, []gatehouse.AdminRole{super, connector}, gatehouse.Forbidden, ""},
		{connector, []gatehouse.AdminRole{super, connector}, "", ""},
		{super, []gatehouse.AdminRole{super}, "", ""},
		{"invented", nil, "", gatehouse.Forbidden},
	}
	for _, tt := range tests {
		as(tt.role)
		if _, err := w.Require(w.with(token), tt.roles...); gatehouse.KindOf(err) != tt.want {
			t.Errorf("role %q, of %v: %v, want %q", tt.role, tt.roles, err, tt.want)
		}
		if u, err := w.RequireAdmin(w.with(token)); gatehouse.KindOf(err) != tt.admin || (err == nil) != (u.ID == w.user.ID) {
			t.Errorf("role %q, admin: %v, want %q", tt.role, err, tt.admin)
		}
	}
	if _, err := w.RequireAdmin(httptest.NewRequest(http.MethodGet, "/", nil)); !errors.Is(err, gatehouse.Unauthorized) {
		t.Errorf("nobody: %v, want Unauthorized", err)
	}
}

func TestStartNamesSomebody(t *testing.T) {
	t.Parallel()
	w, _ := timed(t, &Manager{})
	err := w.Store.Update(t.Context(), func(tx *store.Tx) error {
		_, _, err := w.Start(tx, Start{})
		return err
	})
	if err == nil {
		t.Error("a session of nobody was started")
	}
}
