package dingtalk

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config says what a Twin plays and where. Its zero value is a twin of the
// DemoWorld at http://localhost that forgets everything when it is closed.
type Config struct {
	// URL is the address that browsers and callers use, without a final slash.
	URL string
	// State is a file that keeps what happened between runs, as JSON and with
	// its secrets in the clear; "" keeps nothing.
	State string
	// World is what the twin starts with, unless State already holds one. The
	// twin keeps a copy. nil is DemoWorld().
	World *World
	// Clock tells the time; nil is time.Now.
	Clock func() time.Time
	// Redeliver is when an event that Stream pushed and nobody took is pushed
	// again; 0: after a minute.
	Redeliver time.Duration
	// Again is when a callback that was not taken is sent again; nil: 10 seconds
	// and then 30 seconds later.
	Again []time.Duration
}

// Twin is one DingTalk. It is safe for use by several goroutines.
type Twin struct {
	url   string
	file  string
	clock func() time.Time
	mux   *http.ServeMux
	page  *template.Template
	done  chan struct{}
	close sync.Once

	mu       sync.Mutex // guards everything below
	state    state
	changed  bool
	faults   Faults
	matched  []int
	requests map[string]int
	windows  map[string]window
	codeAs   []string

	news     chan struct{} // closed, and made anew, when something happens
	tickets  map[string]ticket
	links    []*link
	streamed map[string]bool    // apps that have used Stream: their events wait for them
	outbox   map[string][]*push // events that were not acknowledged, by app
	failed   map[string][]event // events that no callback could deliver, by app

	redeliver time.Duration
	again     []time.Duration
	sending   sync.WaitGroup // callbacks under way
}

// New returns a Twin. It fails when the state cannot be read or the world
// contradicts itself.
func New(c Config) (*Twin, error) {
	t := &Twin{
		url: strings.TrimSuffix(c.URL, "/"), file: c.State, clock: c.Clock, mux: http.NewServeMux(),
		done: make(chan struct{}), requests: map[string]int{}, windows: map[string]window{},
		codeAs: []string{"code", "authCode"},
		news:   make(chan struct{}), tickets: map[string]ticket{}, streamed: map[string]bool{}, outbox: map[string][]*push{},
		failed: map[string][]event{}, redeliver: c.Redeliver, again: c.Again,
	}
	if t.redeliver == 0 {
		t.redeliver = redeliver
	}
	if t.again == nil {
		t.again = []time.Duration{10 * time.Second, 30 * time.Second}
	}
	if t.url == "" {
		t.url = "http://localhost"
	}
	if u, err := url.Parse(t.url); err != nil || u.Host == "" {
		return nil, fmt.Errorf("the twin's URL %q is not an absolute address", c.URL)
	}
	if t.clock == nil {
		t.clock = time.Now
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
	t.routes()
	return t, nil
}

// Close ends requests that hang and saves the state. The twin answers on, but
// what happens later is not kept.
func (t *Twin) Close() error {
	t.close.Do(func() { close(t.done) })
	t.mu.Lock()
	links := slices.Clone(t.links)
	t.mu.Unlock()
	for _, l := range links {
		_ = l.conn.CloseNow()
	}
	t.sending.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.save()
}

// Requests counts the requests so far by path. What no path of DingTalk's
// matches is counted under "/", "/topapi/" or "/v1.0/".
func (t *Twin) Requests() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := make(map[string]int, len(t.requests))
	for path, n := range t.requests {
		counts[path] = n
	}
	return counts
}

// SendCodeAs sets under which names the code comes back from the sign-in page:
// any of "code" and "authCode". It starts with both, as DingTalk does; its
// documentation names authCode alone. The older flow knows only "code".
func (t *Twin) SendCodeAs(names ...string) error {
	for _, name := range names {
		if name != "code" && name != "authCode" {
			return fmt.Errorf("a code cannot be sent as %q", name)
		}
	}
	if len(names) == 0 {
		return errors.New("a code must be sent under some name")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.codeAs = slices.Clone(names)
	return nil
}

// ServeHTTP plays login.dingtalk.com, api.dingtalk.com and oapi.dingtalk.com.
//
// A test signs somebody in with one POST of a form to the address that a browser
// would open (/oauth2/auth?… or /connect/qrconnect?…): union_id, corp_id for one
// who is in several companies, consent=agree; or cancel=1. The answer redirects
// to the caller with the code.
func (t *Twin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, pattern := t.mux.Handler(r)
	if _, path, ok := strings.Cut(pattern, " "); ok {
		pattern = path
	}
	t.mu.Lock()
	t.requests[pattern]++
	fault, latency := t.nextFault(r)
	t.mu.Unlock()
	if !t.pause(r, latency) {
		return
	}
	if fault == nil {
		t.mux.ServeHTTP(w, r)
		return
	}
	t.serveFault(w, r, *fault)
}

// routes is every path that the twin knows.
func (t *Twin) routes() {
	for _, list := range [][]route{t.signInRoutes(), t.apiRoutes(), t.oldRoutes(), t.directoryRoutes(), t.streamRoutes()} {
		for _, r := range list {
			t.mux.HandleFunc(r.pattern, func(w http.ResponseWriter, req *http.Request) { t.serve(w, req, r.handle) })
		}
	}
	t.mux.HandleFunc("GET /connect", t.connect)
}

type route struct {
	pattern string // as http.ServeMux reads it
	handle  handler
}

// A handler answers a call. It runs under the twin's lock, so it must not wait.
type handler func(*call) answer

func (t *Twin) serve(w http.ResponseWriter, r *http.Request, handle handler) {
	c, err := readCall(w, r)
	if err != nil {
		http.Error(w, "The request is too large or broke off.", http.StatusRequestEntityTooLarge)
		return
	}
	t.answer(c, handle).write(w)
}

func (t *Twin) answer(c *call, handle handler) answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.now = t.clock()
	a := handle(c)
	if err := t.save(); err != nil {
		return answer{status: http.StatusInternalServerError, body: []byte(err.Error())}
	}
	return a
}
