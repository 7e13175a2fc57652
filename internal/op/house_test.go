package op

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/provided"
	"gatehouse/internal/seal"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	"gatehouse/internal/web/ui"
)

// The secrets and the verifier of tests, made up here.
const (
	appSecret   = "app secret: with + and % and ü"
	otherSecret = "the-other-secret"
	verifier    = "a-verifier-of-the-tests-0123456789-abcdefgh"
	callback    = "https://app.example/callback?kept=1"
)

func challengeOf(v string) string {
	sum := sha256.Sum256([]byte(v))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ticker is a clock that goes only when it is told to.
type ticker struct {
	mu  sync.Mutex
	now time.Time
}

func (c *ticker) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *ticker) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// house is a provider on a server of its own, with two people, some clients and
// a stand-in for the sign-in page that signs in whom the test says.
type house struct {
	t        *testing.T
	store    *store.Store
	op       *Provider
	sessions *session.Manager
	clock    *ticker
	log      *lines
	url      string
	alice    gatehouse.User
	bob      gatehouse.User

	mu      sync.Mutex
	signsIn *gatehouse.User // who signs in at /sign-in; nil: nobody, the page stays
	visits  int             // of the sign-in page
	demand  gatehouse.Demand
	handle  string
}

// newClock begins now, since cookie jars and token sources look at the time of
// the machine.
func newClock() *ticker { return &ticker{now: time.Now().Truncate(time.Second)} }

// each runs a test with a house on each database.
func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, open(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		s, c := openStore(t, storetest.Postgres(t), newClock())
		fn(t, build(t, s, c))
	})
}

// openStore opens a database with a clock of its own.
func openStore(t *testing.T, address string, c *ticker) (*store.Store, *ticker) {
	t.Helper()
	box, err := seal.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), address, store.Options{Seal: box, Clock: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, c
}

// open makes a house on SQLite.
func open(t *testing.T) *house {
	t.Helper()
	s, c := openStore(t, storetest.SQLite(t), newClock())
	return build(t, s, c)
}

func build(t *testing.T, s *store.Store, c *ticker) *house {
	t.Helper()
	h := &house{t: t, store: s, clock: c, log: &lines{}}
	logger := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	pages := &ui.UI{Log: logger, Clock: c.Now}
	h.sessions = &session.Manager{Store: s, Clock: c.Now, Log: logger}
	h.op = &Provider{
		Store: s, UI: pages, Sessions: h.sessions, Clock: c.Now, Log: logger,
		Provided: &provided.Provided{Store: s, Doors: noDoors{}, Clock: c.Now, Log: logger},
	}
	mux := http.NewServeMux()
	h.op.Mount(mux)
	mux.HandleFunc("GET /sign-in", h.signIn)
	server := httptest.NewServer(pages.Middleware(mux))
	t.Cleanup(server.Close)
	h.url, h.op.URL = server.URL, server.URL
	if err := h.op.EnsureKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.update(h.furnish)
	h.signsIn = &h.alice
	return h
}

func (h *house) furnish(tx *store.Tx) error {
	h.alice = gatehouse.User{Username: "alice", Name: "Alice", Email: "alice@example.com", EmailVerified: true, State: gatehouse.UserActive, Avatar: "https://img.example/alice.png"}
	h.bob = gatehouse.User{Username: "bob", Name: "Bob <b>", Email: "bob@example.com", State: gatehouse.UserActive}
	for _, u := range []*gatehouse.User{&h.alice, &h.bob} {
		if err := tx.SaveUser(u); err != nil {
			return err
		}
	}
	for _, c := range clients() {
		if err := tx.SaveClient(&c); err != nil {
			return err
		}
	}
	return nil
}

// noDoors is a provider that renews nothing.
type noDoors struct{}

func (noDoors) Door(context.Context, string) (gatehouse.Connection, integration.Door, error) {
	return gatehouse.Connection{}, integration.Door{}, nil
}

// clients are those of the tests. All are registered for the same scopes.
func clients() []gatehouse.Client {
	scopes := []string{"openid", "profile", "email", "read_user", "api"}
	all := []gatehouse.Client{
		{ID: "app", Name: "The App", SecretHash: gatehouse.Digest(appSecret), RequirePKCE: true},
		{ID: "trusted", Name: "Trusted", SecretHash: gatehouse.Digest(appSecret), RequirePKCE: true, Trusted: true},
		{ID: "old", Name: "Old & <b>bold</b>", SecretHash: gatehouse.Digest(otherSecret), Trusted: true},
		{ID: "phone", Name: "Phone", RequirePKCE: true, RedirectURIs: []string{"com.example.phone:/callback", "http://127.0.0.1/callback"}},
		{ID: "robot", Name: "Robot", SecretHash: gatehouse.Digest(otherSecret), GrantTypes: []string{"client_credentials"}},
		{ID: "post", Name: "Post", SecretHash: gatehouse.Digest(otherSecret), AuthMethod: "client_secret_post", Trusted: true},
		{ID: "basic", Name: "Basic", SecretHash: gatehouse.Digest(otherSecret), AuthMethod: "client_secret_basic", Trusted: true},
		{ID: "short", Name: "No refresh", SecretHash: gatehouse.Digest(otherSecret), GrantTypes: []string{"authorization_code"}, Trusted: true},
	}
	for i := range all {
		all[i].Enabled, all[i].Scopes = true, scopes
		if all[i].RedirectURIs == nil {
			all[i].RedirectURIs = []string{callback}
		}
	}
	return append(all, gatehouse.Client{ID: "off", Name: "Off", SecretHash: gatehouse.Digest(otherSecret), Scopes: scopes, RedirectURIs: []string{callback}})
}

// signIn stands in for the sign-in page.
func (h *house) signIn(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.visits++
	handle := r.URL.Query().Get("request")
	err := h.store.View(r.Context(), func(tx *store.Tx) error {
		waits, err := tx.Request(handle)
		h.demand, h.handle = waits.Demand, handle
		return err
	})
	if err != nil || h.signsIn == nil {
		_, _ = io.WriteString(w, "sign-in page")
		return
	}
	h.clock.add(time.Second) // people need some time
	h.sessions.SetCookie(w, h.start(*h.signsIn))
	http.Redirect(w, r, "/oauth/authorize?request="+url.QueryEscape(handle), http.StatusSeeOther)
}

func (h *house) start(u gatehouse.User) (token string) {
	h.update(func(tx *store.Tx) (err error) {
		token, _, err = h.sessions.Start(tx, session.Start{UserID: u.ID, UserName: u.Username, Method: "federated"})
		return err
	})
	return token
}

func (h *house) update(fn func(*store.Tx) error) {
	h.t.Helper()
	if err := h.store.Update(h.t.Context(), fn); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) view(fn func(*store.Tx) error) {
	h.t.Helper()
	if err := h.store.View(h.t.Context(), fn); err != nil {
		h.t.Fatal(err)
	}
}

// change changes a client in the store.
func (h *house) change(id string, fn func(*gatehouse.Client)) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error {
		c, err := tx.Client(id)
		if err != nil {
			return err
		}
		fn(&c)
		return tx.SaveClient(&c)
	})
}

// setState changes the state of a user.
func (h *house) setState(u gatehouse.User, s gatehouse.UserState) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error {
		u, err := tx.User(u.ID)
		if err != nil {
			return err
		}
		u.State = s
		return tx.SaveUser(&u)
	})
}

// actions are the audit events of the house that begin with a prefix.
func (h *house) actions(prefix string) (found []string) {
	h.t.Helper()
	h.view(func(tx *store.Tx) error {
		page, err := tx.Events(store.EventFilter{Action: prefix}, store.Cursor{})
		for _, e := range page.Items {
			found = append(found, e.Action)
		}
		return err
	})
	return found
}

// browser is somebody's browser. It follows redirects within the house and
// stops at every other address.
type browser struct {
	h    *house
	http *http.Client
}

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return &browser{h: h, http: &http.Client{Jar: jar, Timeout: 2 * time.Minute, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), h.url+"/") || len(via) > 8 {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

// signedIn is a browser with a session of a user.
func (h *house) signedIn(u gatehouse.User) *browser {
	b := h.browser()
	b.enter(u)
	return b
}

// enter gives a browser a session of a user.
func (b *browser) enter(u gatehouse.User) {
	b.h.t.Helper()
	b.hold(b.h.start(u))
}

// hold gives a browser the cookie of a session.
func (b *browser) hold(token string) {
	b.h.t.Helper()
	home, err := url.Parse(b.h.url)
	if err != nil {
		b.h.t.Fatal(err)
	}
	b.http.Jar.SetCookies(home, []*http.Cookie{{Name: "gatehouse_session", Value: token, Path: "/"}})
}

// page is an answer, read.
type page struct {
	status int
	header http.Header
	body   string
	at     *url.URL // the address asked last
}

func (b *browser) do(method, address string, form url.Values, header ...string) page {
	b.h.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.h.t.Context(), method, b.h.url+address, body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := b.http.Do(r)
	if err != nil {
		b.h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	return page{status: resp.StatusCode, header: resp.Header, body: string(text), at: resp.Request.URL}
}

func (b *browser) get(address string) page { return b.do(http.MethodGet, address, nil) }

// request is a right authorization request of a client, with changes: name and
// value by turns, "" takes a parameter out.
func asking(client string, changes ...string) string {
	v := url.Values{
		"client_id": {client}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid profile email read_user"},
		"state": {"the state"}, "nonce": {"the nonce"}, "code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		v.Del(changes[i])
		if changes[i+1] != "" {
			v.Set(changes[i], changes[i+1])
		}
	}
	return "/oauth/authorize?" + v.Encode()
}

// sent is what a page sends to the client by redirect; it fails the test when it
// is no redirect to the client.
func (p page) sent(t *testing.T) url.Values {
	t.Helper()
	to := p.header.Get("Location")
	if p.status != http.StatusSeeOther || !strings.HasPrefix(to, callback+"&") {
		t.Fatalf("no redirect to the client: %d %q\n%s", p.status, to, p.body)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// decide sends the form of a consent page.
func (b *browser) decide(p page, decision string) page {
	b.h.t.Helper()
	form := url.Values{"decision": {decision}}
	for _, m := range hidden.FindAllStringSubmatch(p.body, -1) {
		form.Set(m[1], m[2])
	}
	if !form.Has("request") {
		b.h.t.Fatalf("no consent page: %d\n%s", p.status, p.body)
	}
	return b.do(http.MethodPost, "/oauth/authorize/consent", form)
}

// code goes through the authorization of a trusted client with a session.
func (h *house) code(client string, changes ...string) string {
	h.t.Helper()
	code := h.signedIn(h.alice).get(asking(client, changes...)).sent(h.t).Get("code")
	if len(code) != 64 {
		h.t.Fatalf("the code is %q", code)
	}
	return code
}

// machine is a client without a browser.
func (h *house) machine() *browser {
	return &browser{h: h, http: &http.Client{Timeout: 2 * time.Minute}}
}

// post sends a form to an endpoint of the protocol.
func (h *house) post(path string, form url.Values, header ...string) page {
	h.t.Helper()
	return h.machine().do(http.MethodPost, path, form, header...)
}

// redeem redeems a code as the client "trusted", with changes as of request.
func (h *house) redeem(code string, changes ...string) page {
	h.t.Helper()
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier},
		"client_id": {"trusted"}, "client_secret": {appSecret},
	}
	return h.post("/oauth/token", changed(form, changes))
}

// refresh uses a refresh token as the client "trusted".
func (h *house) refresh(token string, changes ...string) page {
	h.t.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {"trusted"}, "client_secret": {appSecret}}
	return h.post("/oauth/token", changed(form, changes))
}

func changed(form url.Values, changes []string) url.Values {
	for i := 0; i+1 < len(changes); i += 2 {
		form.Del(changes[i])
		if changes[i+1] != "" {
			form.Set(changes[i], changes[i+1])
		}
	}
	return form
}

// tokens reads a token answer; it fails the test when it is none.
func (p page) tokens(t *testing.T) tokenAnswer {
	t.Helper()
	var a tokenAnswer
	if err := json.Unmarshal([]byte(p.body), &a); err != nil || p.status != http.StatusOK || a.AccessToken == "" {
		t.Fatalf("no tokens: %d %s", p.status, p.body)
	}
	return a
}

// grant gives the tokens of a new sign-in of Alice to "trusted".
func (h *house) grant(changes ...string) tokenAnswer {
	h.t.Helper()
	return h.redeem(h.code("trusted", changes...)).tokens(h.t)
}

// refused says that an answer is an error of the protocol.
func (p page) refused(t *testing.T, status int, code string) {
	t.Helper()
	var e struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal([]byte(p.body), &e); err != nil || p.status != status || e.Error != code {
		t.Errorf("got %d %s, want %d %s", p.status, p.body, status, code)
	}
}

// userinfo asks with a token.
func (h *house) userinfo(token string) page {
	h.t.Helper()
	return h.machine().do(http.MethodGet, "/oauth/userinfo", nil, "Authorization", "Bearer "+token)
}
