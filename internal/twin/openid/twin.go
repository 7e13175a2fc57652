package openid

import (
	"crypto/rsa"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/twin/openid/wire"
)

// Config says what a Twin plays and where. Its zero value is a twin of the
// DemoWorld at http://localhost that forgets everything when it is closed.
type Config struct {
	// URL is the issuer: the address that browsers and callers use, without a
	// final slash.
	URL string
	// State is a file that keeps what happened between runs, as JSON and with
	// its keys and secrets in the clear; "" keeps nothing.
	State string
	// World is what the twin starts with, unless State already holds one. The
	// twin keeps a copy. nil is DemoWorld().
	World *World
	// Clock tells the time; nil is time.Now.
	Clock func() time.Time
	// SigningKey is the first key of algorithm RS256, so that tests need not
	// make one each. nil makes one when it is first needed.
	SigningKey *rsa.PrivateKey
	// AskAlways shows the page to pick a person even to a browser that is signed
	// in, so that another can be tried. prompt=none is answered as ever.
	AskAlways bool
	// HTTP posts logout tokens. nil is a client that gives up after 5 seconds.
	HTTP *http.Client
}

// Twin is one provider. It is safe for use by several goroutines.
type Twin struct {
	url       string
	file      string
	clock     func() time.Time
	askAlways bool
	http      *http.Client
	mux       *http.ServeMux
	page      *template.Template
	done      chan struct{}
	close     sync.Once
	breaker   wire.Breaker

	mu       sync.Mutex // guards everything below
	state    state
	changed  bool
	faults   Faults
	requests map[string]int
}

// New returns a Twin. It fails when the state cannot be read or the world
// contradicts itself.
func New(c Config) (*Twin, error) {
	t := &Twin{
		url: strings.TrimSuffix(c.URL, "/"), file: c.State, clock: c.Clock, askAlways: c.AskAlways, http: c.HTTP,
		mux: http.NewServeMux(), done: make(chan struct{}), requests: map[string]int{},
	}
	t.breaker.Done = t.done
	if t.url == "" {
		t.url = "http://localhost"
	}
	if u, err := url.Parse(t.url); err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the twin's URL %q is not an absolute address", c.URL)
	}
	if t.clock == nil {
		t.clock = time.Now
	}
	if t.http == nil {
		t.http = &http.Client{Timeout: 5 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if c.World == nil {
		c.World = DemoWorld()
	}
	var err error
	if t.page, err = parsePage(); err != nil {
		return nil, fmt.Errorf("parse the sign-in page: %w", err)
	}
	if t.state, err = openState(c.State, c.World); err != nil {
		return nil, err
	}
	if c.SigningKey != nil && len(t.state.Keys) == 0 {
		if err := t.state.Keys.Add("RS256", c.SigningKey); err != nil {
			return nil, err
		}
	}
	t.routes()
	return t, nil
}

// Close ends requests that hang and saves the state. The twin answers on, but
// what happens later is not kept.
func (t *Twin) Close() error {
	t.close.Do(func() { close(t.done) })
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.save()
}

// Requests counts the requests so far by path. What no path matches is counted
// under "/", what followed a redirect elsewhere under "/elsewhere/".
func (t *Twin) Requests() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.requests)
}

// AddClient registers a client, or replaces the one of the same ID.
func (t *Twin) AddClient(c Client) error {
	if err := c.Check(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	// Its key is published before the first token is signed with it.
	if err := t.ensureKey(c.SigningAlgorithm()); err != nil {
		return err
	}
	t.changed = true
	if old := t.state.World.Client(c.ID); old != nil {
		*old = c
	} else {
		t.state.World.Clients = append(t.state.World.Clients, c)
	}
	return t.save()
}

// SetPerson adds a person, or replaces the one of the same Sub: what the provider
// says about somebody changes between two sign-ins.
func (t *Twin) SetPerson(p Person) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.Sub == "" {
		return fmt.Errorf("the person %q has no sub", p.Name)
	}
	t.changed = true
	if old := t.state.World.Person(p.Sub); old != nil {
		*old = p
	} else {
		t.state.World.People = append(t.state.World.People, p)
	}
	return t.save()
}

// ServeHTTP plays the provider.
//
// A test signs somebody in with one POST of a form to the address that a browser
// would open (/authorize?… or /plain/authorize?…): sub, consent=agree; or
// cancel=1. The answer redirects to the caller with the code, or is a page whose
// form posts it there.
func (t *Twin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, pattern := t.mux.Handler(r)
	if _, path, ok := strings.Cut(pattern, " "); ok {
		pattern = path
	}
	if pattern == "" {
		pattern = "/"
	}
	t.mu.Lock()
	t.requests[strings.TrimSuffix(pattern, "{$}")]++
	t.mu.Unlock()
	t.breaker.Serve(w, r, t.mux)
}

type route struct {
	pattern string // as http.ServeMux reads it
	handle  handler
}

// routes is every path that the twin knows.
func (t *Twin) routes() {
	for _, r := range []route{
		{"GET " + pathDiscovery, t.discovery},
		{"GET " + pathKeys, t.jwks},
		{"GET " + pathAuthorize, t.authorize},
		{"POST " + pathAuthorize, t.authorize},
		{"POST " + pathToken, t.token},
		{"GET " + pathUserinfo, t.userinfo},
		{"POST " + pathUserinfo, t.userinfo},
		{"GET " + pathLogout, t.logout},
		{"POST " + pathLogout, t.logout},
		{"GET " + pathPlainAuthorize, t.plainAuthorize},
		{"POST " + pathPlainAuthorize, t.plainAuthorize},
		{"POST " + pathPlainToken, t.plainToken},
		{"GET " + pathPlainUserinfo, t.plainUserinfo},
		{"GET /media/{name}", t.picture},
		{"GET /{$}", t.home},
		{"POST /switches", t.switches},
		{"POST /sign-out", t.signOutEverywhere},
	} {
		t.mux.HandleFunc(r.pattern, func(w http.ResponseWriter, req *http.Request) { t.serve(w, req, r.handle) })
	}
	// Where Redirected sends callers: one who follows it finds what they wanted.
	t.mux.Handle("/elsewhere/", http.StripPrefix("/elsewhere", t.mux))
}

// A handler answers a call. It runs under the twin's lock, so it must not wait.
type handler func(*call) answer

func (t *Twin) serve(w http.ResponseWriter, r *http.Request, handle handler) {
	c, err := readCall(w, r)
	if err != nil {
		http.Error(w, "The request is too large or broke off.", http.StatusRequestEntityTooLarge)
		return
	}
	a := t.answer(c, handle)
	if a.after != nil {
		a.after()
	}
	a.write(w)
}

func (t *Twin) answer(c *call, handle handler) answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.now = t.clock()
	a := handle(c)
	if err := t.save(); err != nil {
		return failed(err)
	}
	return a
}
