package openid_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/openid"
	twin "gatehouse/internal/twin/openid"
)

const callback = "https://hub.example/users/auth/company/callback"

// key is one key for all twins: making one takes a while.
var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// company is a running twin and a door to it.
type company struct {
	*twin.Twin
	url   string
	clock *clock
	conn  gatehouse.Connection
	env   integration.Env
}

// start runs a twin. change, if not nil, alters the client that it knows and the
// connection to it.
func start(t *testing.T, change func(*twin.Client, *gatehouse.Connection)) *company {
	t.Helper()
	c := &company{clock: &clock{now: time.Now()}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	c.url = server.URL
	var err error
	if c.Twin, err = twin.New(twin.Config{URL: c.url, Clock: c.clock.Now, SigningKey: key()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	client := twin.DemoClient(callback)
	c.conn = gatehouse.Connection{
		Name: "company", Label: "Qinghe", AppID: client.ID, AppSecret: client.Secret,
		Args: map[string]any{"issuer": c.url, "discovery": true, "scope": []any{"openid", "profile", "email", "groups"}},
	}
	if change != nil {
		change(&client, &c.conn)
	}
	if err := c.AddClient(client); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c.env = integration.Env{
		HTTP: &http.Client{Transport: transport, Timeout: time.Minute}, Clock: c.clock.Now, Log: slog.New(slog.DiscardHandler),
	}
	return c
}

func (c *company) open(t *testing.T) integration.Door {
	t.Helper()
	d, err := openid.Kinds()[0].OpenConnection(c.conn, c.env)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func attempt() gatehouse.Attempt {
	return gatehouse.Attempt{State: "state", Nonce: rand.Text(), Verifier: strings.Repeat("verifier-", 6), RedirectURI: callback}
}

// browse goes to the provider's page as a person and gives the callback's
// parameters.
func browse(t *testing.T, address, sub string) url.Values {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	b := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := b.PostForm(address, url.Values{"sub": {sub}, "consent": {"agree"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	u, err := resp.Location()
	if err != nil {
		t.Fatalf("the provider answered %d instead of sending the browser back", resp.StatusCode)
	}
	return u.Query()
}

// signIn goes the whole way once.
func signIn(t *testing.T, d integration.Door, sub string) (gatehouse.Vouched, error) {
	t.Helper()
	a := attempt()
	address, err := d.Provider.Begin(t.Context(), a)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	return d.Provider.Finish(t.Context(), a, browse(t, address, sub))
}

func mustSignIn(t *testing.T, d integration.Door, sub string) gatehouse.Vouched {
	t.Helper()
	v, err := signIn(t, d, sub)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// refused checks that nobody was vouched for, with a sentence for people that
// holds no markup and no secret.
func refused(t *testing.T, v gatehouse.Vouched, err error, kinds ...gatehouse.ErrorKind) {
	t.Helper()
	if v.Subject != "" || v.Tokens != nil {
		t.Errorf("vouched for %q", v.Subject)
	}
	var e *gatehouse.Error
	if !errors.As(err, &e) {
		t.Fatalf("not an error with a sentence: %v", err)
	}
	ok := false
	for _, k := range kinds {
		ok = ok || e.Kind == k
	}
	if !ok {
		t.Errorf("kind %s, want one of %v: %v", e.Kind, kinds, err)
	}
	if s := e.Sentence(); len(s) < 20 || !strings.HasSuffix(s, ".") || strings.ContainsAny(s, "<>{}") {
		t.Errorf("not a sentence: %q", s)
	}
	if strings.Contains(err.Error(), twin.DemoClientSecret) || strings.Contains(err.Error(), "eyJ") {
		t.Errorf("the error holds a secret: %v", err)
	}
}

func within(ctx context.Context, t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, d)
	t.Cleanup(cancel)
	return ctx
}
