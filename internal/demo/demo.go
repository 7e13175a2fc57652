// Package demo is the sample client application of `gatehouse dev`: a small web
// app that signs people in by OpenID Connect with stock libraries, as any
// customer's app would, and shows what it was told. It uses nothing of
// Gatehouse but its addresses.
package demo

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// App is the demo application. All fields but Log are needed.
type App struct {
	URL          string // its own address, "http://127.0.0.1:8083"
	Issuer       string // Gatehouse's address
	ClientID     string
	ClientSecret string
	Log          *slog.Logger // nil: discard

	once     sync.Once
	mu       sync.Mutex
	provider *oidc.Provider
	pending  map[string]pending // by state
	sessions map[string]session // by cookie
}

// pending is a sign-in under way, bound to a browser by a cookie.
type pending struct {
	browser, nonce, verifier string
	at                       time.Time
}

// session is a signed-in browser with what the app was told.
type session struct {
	Claims, UserInfo, GitLab string // JSON, indented
	Name                     string
	at                       time.Time
}

// The demo keeps its sessions in memory, a bounded number of them.
const (
	cookieName  = "demo_session"
	browserName = "demo_browser"
	most        = 1000
	signInTime  = 10 * time.Minute
)

//go:embed page.html
var pageText string

// ServeHTTP serves the demo application.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.once.Do(func() {
		a.pending, a.sessions = map[string]pending{}, map[string]session{}
		if a.Log == nil {
			a.Log = slog.New(slog.DiscardHandler)
		}
	})
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+styleHash()+"'; frame-ancestors 'none'; base-uri 'none'")
	switch r.Method + " " + r.URL.Path {
	case "GET /":
		a.home(w, r)
	case "GET /sign-in", "POST /sign-in":
		a.begin(w, r)
	case "GET /callback":
		a.finish(w, r)
	case "POST /sign-out":
		a.signOut(w, r)
	default:
		a.page(w, http.StatusNotFound, view{Error: "There is no such page."})
	}
}

// view is what the page shows.
type view struct {
	Session *session
	Issuer  string
	Error   string
}

func (a *App) page(w http.ResponseWriter, status int, v view) {
	v.Issuer = a.Issuer
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	t := template.Must(template.New("page").Parse(pageText))
	if err := t.Execute(w, v); err != nil {
		a.Log.Error("demo page", "error", err)
	}
}

func (a *App) home(w http.ResponseWriter, r *http.Request) {
	var v view
	if c, err := r.Cookie(cookieName); err == nil {
		a.mu.Lock()
		if s, ok := a.sessions[c.Value]; ok {
			v.Session = &s
		}
		a.mu.Unlock()
	}
	a.page(w, http.StatusOK, v)
}

// discover reads the provider's metadata, once it can be had: the demo may
// start before Gatehouse does.
func (a *App) discover(ctx context.Context) (*oidc.Provider, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.provider != nil {
		return a.provider, nil
	}
	p, err := oidc.NewProvider(ctx, a.Issuer)
	if err != nil {
		return nil, fmt.Errorf("read the metadata of %s: %w", a.Issuer, err)
	}
	a.provider = p
	return p, nil
}

func (a *App) oauth(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: a.ClientID, ClientSecret: a.ClientSecret, Endpoint: p.Endpoint(),
		RedirectURL: a.URL + "/callback",
		Scopes:      []string{oidc.ScopeOpenID, "profile", "email", "read_user"},
	}
}

func (a *App) begin(w http.ResponseWriter, r *http.Request) {
	p, err := a.discover(r.Context())
	if err != nil {
		a.fail(w, "Gatehouse does not answer. Is it running?", err)
		return
	}
	state, attempt := rand.Text(), pending{browser: rand.Text(), nonce: rand.Text(), verifier: oauth2.GenerateVerifier(), at: time.Now()}
	a.mu.Lock()
	evict(a.pending, func(x pending) time.Time { return x.at })
	a.pending[state] = attempt
	a.mu.Unlock()
	setCookie(w, browserName, attempt.browser, int(signInTime.Seconds()))
	address := a.oauth(p).AuthCodeURL(state, oidc.Nonce(attempt.nonce), oauth2.S256ChallengeOption(attempt.verifier))
	http.Redirect(w, r, address, http.StatusSeeOther)
}

func (a *App) finish(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	attempt, err := a.take(q.Get("state"), r)
	if err != nil {
		a.fail(w, "This answer does not belong to a sign-in of this browser. Please sign in again.", err)
		return
	}
	if code := q.Get("error"); code != "" {
		a.fail(w, "You were not signed in: "+code+" "+q.Get("error_description"), errors.New(code))
		return
	}
	s, err := a.redeem(r.Context(), q.Get("code"), attempt)
	if err != nil {
		a.fail(w, "The sign-in could not be completed.", err)
		return
	}
	key := rand.Text()
	a.mu.Lock()
	evict(a.sessions, func(x session) time.Time { return x.at })
	a.sessions[key] = s
	a.mu.Unlock()
	setCookie(w, cookieName, key, 0)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// take removes the pending sign-in of a state, if it is of this browser.
func (a *App) take(state string, r *http.Request) (pending, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	attempt, ok := a.pending[state]
	if !ok || time.Since(attempt.at) > signInTime {
		return pending{}, errors.New("unknown or old state")
	}
	c, err := r.Cookie(browserName)
	if err != nil || subtle.ConstantTimeCompare([]byte(c.Value), []byte(attempt.browser)) != 1 {
		return pending{}, errors.New("another browser's state")
	}
	delete(a.pending, state)
	return attempt, nil
}

// redeem turns a code into a session: ID token checked, user-info and GitLab's
// user read as an app made for GitLab would.
func (a *App) redeem(ctx context.Context, code string, attempt pending) (session, error) {
	p, err := a.discover(ctx)
	if err != nil {
		return session{}, err
	}
	token, err := a.oauth(p).Exchange(ctx, code, oauth2.VerifierOption(attempt.verifier))
	if err != nil {
		return session{}, fmt.Errorf("redeem the code: %w", err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return session{}, errors.New("no ID token came")
	}
	id, err := p.Verifier(&oidc.Config{ClientID: a.ClientID}).Verify(ctx, raw)
	if err != nil {
		return session{}, fmt.Errorf("check the ID token: %w", err)
	}
	if id.Nonce != attempt.nonce {
		return session{}, errors.New("the ID token has another nonce")
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return session{}, fmt.Errorf("read the claims: %w", err)
	}
	s := session{Claims: pretty(claims), at: time.Now()}
	s.Name, _ = claims["name"].(string)
	client := a.oauth(p).Client(ctx, token)
	if s.UserInfo, err = get(ctx, client, p.UserInfoEndpoint()); err != nil {
		return session{}, err
	}
	s.GitLab, err = get(ctx, client, a.Issuer+"/api/v4/user")
	return s, err
}

// get reads a small JSON document and indents it.
func get(ctx context.Context, client *http.Client, address string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	answer, err := client.Do(r)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", address, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("read %s: %s", address, answer.Status)
	}
	var v any
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&v); err != nil {
		return "", fmt.Errorf("read %s: %w", address, err)
	}
	return pretty(v), nil
}

func pretty(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (a *App) signOut(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(cookieName); err == nil {
		a.mu.Lock()
		delete(a.sessions, c.Value)
		a.mu.Unlock()
	}
	setCookie(w, cookieName, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *App) fail(w http.ResponseWriter, sentence string, cause error) {
	a.Log.Warn("demo sign-in", "error", cause)
	a.page(w, http.StatusBadRequest, view{Error: sentence})
}

// setCookie sets a cookie of the demo's own: it has no Secure, since the demo is
// served on loopback by http only.
func setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: maxAge}) //nolint:gosec // loopback http only
}

// evict makes room in a full map by dropping the oldest entry.
func evict[T any](m map[string]T, at func(T) time.Time) {
	if len(m) < most {
		return
	}
	oldest := ""
	for k, v := range m {
		if oldest == "" || at(v).Before(at(m[oldest])) {
			oldest = k
		}
	}
	delete(m, oldest)
}
