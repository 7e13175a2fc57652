// Package gitlab is a stand-in for a self-managed GitLab 18.9: sign-in by OAuth
// and OpenID Connect, the REST API, and GraphQL, over a world of people, groups
// and projects that tests can change. It is for tests and for trying things out
// on one's own machine; it asks nobody for a password and must never be reachable
// by strangers.
package gitlab

import (
	"cmp"
	"crypto/rsa"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/hooks"
	"gatehouse/internal/twin/gitlab/oauth"
	"gatehouse/internal/twin/gitlab/rest"
	"gatehouse/internal/twin/gitlab/schema"
	"gatehouse/internal/twin/gitlab/world"
)

// The editions that the stand-in can play.
const (
	EE = "ee" // Enterprise Edition with an Ultimate licence
	CE = "ce" // Community Edition
	// Com is GitLab.com: what EE has, and the accounts that belong to a company.
	Com = "com"
)

// Config is what a Twin is made of.
type Config struct {
	// URL is the external URL: the issuer, and the start of all links.
	URL string
	// State is a file that keeps the world between runs, with sessions, tokens and
	// the signing key; "" keeps it in memory. It is written after every change by
	// a request. What the file holds wins over World.
	State string
	// World is the beginning; nil: [DemoWorld].
	World *World
	// Seed, if set, adds to a new world. It is not called when State was read.
	Seed func(*World)
	// Clock tells the time; nil: the real one.
	Clock func() time.Time
	// Edition is EE, CE or Com; "": EE.
	Edition string
	// AskAlways lets the person choose at every sign-in who to be, also where
	// GitLab would go on at once.
	AskAlways bool
	// PlainRedirect answers 302 where GitLab sends a page whose script goes on.
	PlainRedirect bool
	// SigningKey signs ID tokens; nil: one is made when first needed and kept.
	SigningKey *rsa.PrivateKey
	// Switches are the settings to begin with.
	Switches Switches
}

// A Twin is a running stand-in. It is an http.Handler.
type Twin struct {
	// World is what the twin knows; tests may change it at any time.
	World *World

	config  Config
	base    string
	api     *rest.API
	sign    *oauth.Server
	graphql http.Handler
	hooks   *hooks.Sender
	limiter *rest.Limiter
	attack  throttle
	closed  chan struct{}
	once    sync.Once

	mu       sync.Mutex
	switches Switches
	faults   Faults
	hits     []int // how often each fault rule matched
	counts   map[string]int
	saved    int64 // version of the world in the state file
	saving   sync.Mutex
}

// New opens a twin.
func New(c Config) (*Twin, error) {
	c.URL = strings.TrimSuffix(c.URL, "/")
	c.Edition = cmp.Or(c.Edition, EE)
	if c.Edition != EE && c.Edition != CE && c.Edition != Com {
		return nil, fmt.Errorf("edition %q is neither ee nor ce nor com", c.Edition)
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("external URL %q is not an absolute URL", c.URL)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.World, err = opened(c); err != nil {
		return nil, err
	}
	t := &Twin{
		World: c.World, config: c, base: u.Path, limiter: &rest.Limiter{}, closed: make(chan struct{}),
		counts: map[string]int{}, saved: c.World.Version(),
	}
	t.api = &rest.API{World: c.World, URL: c.URL, CE: c.Edition == CE, Com: c.Edition == Com, Now: c.Clock, Limiter: t.limiter, Settings: t.settings}
	t.sign, err = oauth.New(oauth.Config{
		World: c.World, URL: c.URL, Now: c.Clock, AskAlways: c.AskAlways, PlainRedirect: c.PlainRedirect, SigningKey: c.SigningKey,
	})
	if err != nil {
		return nil, err
	}
	t.graphql = &schema.Server{
		World: c.World,
		Rules: func() caller.Rules {
			return caller.Rules{URL: c.URL, Now: c.Clock(), AdminMode: t.current().AdminMode, CE: c.Edition == CE}
		},
		Complexity: func() int { return t.current().GraphQLComplexity },
	}
	t.Switch(c.Switches)
	t.hooks = hooks.New(c.URL, c.Clock)
	return t, t.begin()
}

// begin makes what a state file must hold from the start, so that a twin that is
// killed has lost nothing that somebody may have seen.
func (t *Twin) begin() error {
	if t.config.State == "" {
		return nil
	}
	if err := t.sign.PrepareKeys(); err != nil {
		return err
	}
	return t.save()
}

func opened(c Config) (*World, error) {
	if c.State != "" {
		w, err := world.Load(c.State)
		if err == nil || !errors.Is(err, os.ErrNotExist) {
			return w, err
		}
	}
	w := c.World
	if w == nil {
		w = DemoWorld()
	}
	if c.Seed != nil {
		c.Seed(w)
	}
	return w, nil
}

// Close ends requests that hang by a fault, and saves the world.
func (t *Twin) Close() error {
	t.once.Do(func() {
		close(t.closed)
		t.World.Tell(nil)
		t.hooks.Close()
	})
	return t.save()
}

// save writes the world to the state file if it changed.
func (t *Twin) save() error {
	if t.config.State == "" {
		return nil
	}
	t.saving.Lock()
	defer t.saving.Unlock()
	v := t.World.Version()
	if _, err := os.Stat(t.config.State); err == nil && v == t.saved {
		return nil
	}
	if err := t.World.Save(t.config.State); err != nil {
		return err
	}
	t.saved = v
	return nil
}

// ServeHTTP answers one request, after the faults and limits that are switched
// on had their say.
func (t *Twin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r, ok := t.below(r)
	if !ok {
		http.Error(w, "404 Not Found", http.StatusNotFound)
		return
	}
	t.count(r)
	if t.fault(w, r) || t.throttled(w, r) {
		return
	}
	t.serve(w, r)
}

// serve answers without faults and limits.
func (t *Twin) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/api/graphql":
		t.serveGraphQL(w, r)
	case strings.HasPrefix(r.URL.Path, "/api/"):
		t.api.ServeHTTP(w, r)
	default:
		t.sign.ServeHTTP(w, r)
	}
	_ = t.save() // Close tells of errors
}

// below takes the path of the external URL away; what is not below it does not
// belong to this twin.
func (t *Twin) below(r *http.Request) (*http.Request, bool) {
	path, ok := strings.CutPrefix(r.URL.Path, t.base)
	if !ok || !strings.HasPrefix(path, "/") {
		return nil, false
	}
	in := r.Clone(r.Context())
	in.URL.Path, in.URL.RawPath = path, strings.TrimPrefix(r.URL.RawPath, t.base)
	return in, true
}

func (t *Twin) count(r *http.Request) {
	class := r.Method + " " + r.URL.Path
	switch {
	case r.URL.Path == "/api/graphql":
	case strings.HasPrefix(r.URL.Path, "/api/"):
		class = t.api.Class(r)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.counts) < 1000 {
		t.counts[class]++
	}
}

// Requests counts the requests so far by route: "GET /groups/{}/members" for the
// REST API, method and path for all others.
func (t *Twin) Requests() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}

// ResetRequests forgets the requests so far.
func (t *Twin) ResetRequests() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts = map[string]int{}
}

// AddHook has an address told of changes from now on: by a system hook, or by a
// webhook of a group.
func (t *Twin) AddHook(h Hook) {
	t.hooks.Add(h)
	t.World.Tell(t.hooks.Tell)
}

// Hooked is how many deliveries of hooks were taken so far.
func (t *Twin) Hooked() int { return t.hooks.Sent() }

// AddApplication registers an OAuth application.
func (t *Twin) AddApplication(a Application) { t.World.AddApplication(a) }

// AddToken registers an access token, a personal one unless its kind says else.
func (t *Twin) AddToken(k Token) { t.World.AddToken(k) }
