package signin

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/integration"
	"gatehouse/internal/outgoing"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	"gatehouse/internal/users"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

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

// fake is a provider that does what a test says. By default it vouches for the
// person whom the answer's code names.
type fake struct {
	begin  func(context.Context, gatehouse.Attempt) (string, error)
	finish func(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error)

	authAt time.Time // when the person was asked there, as it says; zero: it does not say

	mu   sync.Mutex
	seen []gatehouse.Attempt // in Finish
}

func (f *fake) Begin(ctx context.Context, a gatehouse.Attempt) (string, error) {
	if f.begin != nil {
		return f.begin(ctx, a)
	}
	q := url.Values{"state": {a.State}, "nonce": {a.Nonce}, "redirect_uri": {a.RedirectURI}, "login_hint": {a.LoginHint}, "ui_locales": {a.Locale}}
	return "https://provider.example/authorize?" + q.Encode(), nil
}

func (f *fake) Finish(ctx context.Context, a gatehouse.Attempt, v url.Values) (gatehouse.Vouched, error) {
	f.mu.Lock()
	f.seen = append(f.seen, a)
	f.mu.Unlock()
	if f.finish != nil {
		return f.finish(ctx, a, v)
	}
	code := v.Get("code")
	return gatehouse.Vouched{AuthAt: f.authAt, Subject: code, Profile: gatehouse.Profile{Username: code}}, nil
}

func (f *fake) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.seen)
}

// world is the whole of signing in, with two connections of a fake kind.
type world struct {
	*Service
	t    *testing.T
	fake *fake
	log  *bytes.Buffer
}

var (
	browser = []byte("the browser's hash, 32 bytes lon")
	another = []byte("another browser's, 32 bytes long")
)

func newWorld(t *testing.T, s *store.Store, now gatehouse.Clock) *world {
	t.Helper()
	maker, err := outgoing.New(outgoing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, fake: &fake{}, log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(w.log, nil))
	open := func(c gatehouse.Connection, _ integration.Env) (integration.Door, error) {
		return integration.Door{Provider: w.fake, ShowsFresh: strings.HasPrefix(c.Name, "showing")}, nil
	}
	w.Service = &Service{
		Store: s, URL: "https://id.example.com", Clock: now, Log: log,
		Apps:     &apps.Apps{Store: s, Outgoing: maker, Log: log, Kinds: []integration.Kind{{Name: "fake", OpenConnection: open}, {Name: "doorless"}}},
		Users:    &users.Users{Store: s},
		Sessions: &session.Manager{Store: s, Clock: now},
	}
	for _, name := range []string{"one", "two"} {
		w.change(gatehouse.Connection{Name: name, Label: "The " + name, Enabled: true, Rules: gatehouse.ConnectionRules{AllowSingleSignOn: true}})
	}
	return w
}

// each runs a test on both databases.
func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) { fn(t, newWorld(t, s, nil)) })
}

// one is a world on SQLite whose time the test moves.
func one(t *testing.T) (*world, *clock) {
	t.Helper()
	c := &clock{now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)}
	return newWorld(t, storetest.OpenWith(t, storetest.Options{Clock: c.Now}), c.Now), c
}

func (w *world) update(fn func(*store.Tx) error) {
	w.t.Helper()
	if err := w.Store.Update(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// change makes or alters a connection of the fake kind by its name.
func (w *world) change(c gatehouse.Connection) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		old, err := tx.ConnectionByName(c.Name)
		if err != nil && !errors.Is(err, gatehouse.NotFound) {
			return err
		}
		c.ID, c.CreatedAt = old.ID, old.CreatedAt
		if c.Kind == "" {
			c.Kind = "fake"
		}
		return tx.SaveConnection(&c)
	})
}

// begin starts a sign-in by "one" and gives the state that the provider got.
func (w *world) begin(st Start) string {
	w.t.Helper()
	if st.Connection == "" {
		st.Connection = "one"
	}
	if st.BrowserHash == nil {
		st.BrowserHash = browser
	}
	address, err := w.Begin(w.t.Context(), st)
	if err != nil {
		w.t.Fatalf("begin: %v", err)
	}
	u, err := url.Parse(address)
	if err != nil {
		w.t.Fatal(err)
	}
	return u.Query().Get("state")
}

func answer(state, code string) Answer {
	return Answer{
		Connection: "one", Values: url.Values{"state": {state}, "code": {code}}, BrowserHash: browser,
		UserAgent: "Agent", Address: "192.0.2.1",
	}
}

// finish comes back and wants to get in.
func (w *world) finish(a Answer) Result {
	w.t.Helper()
	r, err := w.Finish(w.t.Context(), a)
	if err != nil {
		w.t.Fatalf("finish: %v", err)
	}
	return r
}

// refused comes back and wants a readable no, which is kept.
func (w *world) refused(a Answer, outcome gatehouse.Outcome, rule string, kind gatehouse.ErrorKind) *Refused {
	w.t.Helper()
	res, err := w.Finish(w.t.Context(), a)
	var r *Refused
	if !errors.As(err, &r) {
		w.t.Fatalf("got %+v, %v; want a Refused by %s", res, err, rule)
	}
	if res.SessionToken != "" || res.User.ID != "" {
		w.t.Errorf("refused, and yet signed in: %+v", res)
	}
	if r.Decision.Outcome != outcome || r.Decision.Rule != rule || gatehouse.KindOf(err) != kind {
		w.t.Errorf("got %s by %s, kind %s (%v); want %s by %s, kind %s", r.Decision.Outcome, r.Decision.Rule, gatehouse.KindOf(err), err, outcome, rule, kind)
	}
	if len(r.Decision.Reference) != 8 || r.Err.Sentence() == "" {
		w.t.Errorf("nothing to read out: %+v", r)
	}
	w.update(func(tx *store.Tx) error {
		d, err := tx.Decision(r.Decision.Reference)
		if d.Rule != rule || d.Reason == "" || d.Address != a.Address {
			w.t.Errorf("kept %+v, %v", d, err)
		}
		return err
	})
	if n := w.sessions(); n != 0 {
		w.t.Errorf("%d sessions were started", n)
	}
	return r
}

// sessions counts the sessions of all users.
func (w *world) sessions() (n int) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		n = 0
		page, err := tx.Users(store.UserFilter{}, store.Cursor{Limit: 200})
		for _, u := range page.Items {
			s, err := tx.Sessions(u.ID)
			if err != nil {
				return err
			}
			n += len(s)
		}
		return err
	})
	return n
}

// request keeps an authorization request of a client for a browser.
func (w *world) request(handle string, browser []byte, d gatehouse.Demand) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		c := gatehouse.Client{ID: "demo", Name: "Demo", Enabled: true}
		r := gatehouse.Request{Handle: handle, ClientID: "demo", BrowserHash: browser, Demand: d, ExpiresAt: tx.Now().Add(time.Hour)}
		return errors.Join(tx.SaveClient(&c), tx.SaveRequest(&r))
	})
}
