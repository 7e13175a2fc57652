package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// The cookies. The prefix makes browsers refuse one that was set for a parent
// domain, without Secure or for another path (RFC 6265bis); it needs https.
const (
	sessionCookie = "gatehouse_session"
	browserCookie = "gatehouse_browser"
	wayCookie     = "gatehouse_way"
	stateCookie   = "gatehouse_state"
	leavingCookie = "gatehouse_leaving"
	hostPrefix    = "__Host-"
)

func (m *Manager) name(cookie string) string {
	if m.Secure {
		return hostPrefix + cookie
	}
	return cookie
}

// read gives the first value of a cookie that can be a secret of ours.
func (m *Manager) read(r *http.Request, cookie string) (string, bool) {
	for _, c := range r.CookiesNamed(m.name(cookie)) {
		if gatehouse.IsSecret(c.Value) {
			return c.Value, true
		}
	}
	return "", false
}

func (m *Manager) write(w http.ResponseWriter, cookie, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure follows the address that browsers use
		Name: m.name(cookie), Value: value, Path: "/", MaxAge: maxAge,
		Secure: m.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// Browser is the SHA-256 of the browser's own cookie, which is set when it is
// absent. What was begun in a browser (a sign-in, an authorization request) is
// bound to it. It is no session: it outlives signing in and out, and ends with
// the browser.
func (m *Manager) Browser(w http.ResponseWriter, r *http.Request) []byte {
	if h, ok := m.BrowserOf(r); ok {
		return h
	}
	secret := gatehouse.NewSecret()
	m.write(w, browserCookie, secret, 0)
	// A second call for the same request must not set another one.
	r.AddCookie(&http.Cookie{Name: m.name(browserCookie), Value: secret}) //nolint:gosec // to ourselves, where attributes mean nothing
	return gatehouse.Digest(secret)
}

// BrowserOf is Browser without setting anything; false when the browser has no
// such cookie.
func (m *Manager) BrowserOf(r *http.Request) ([]byte, bool) {
	secret, ok := m.read(r, browserCookie)
	if !ok {
		return nil, false
	}
	return gatehouse.Digest(secret), true
}

// SetCookie hands a browser the secret of its session.
func (m *Manager) SetCookie(w http.ResponseWriter, token string) {
	m.write(w, sessionCookie, token, int(m.absolute().Seconds()))
	m.writeState(w, stateOf(token))
}

// wayLasts is how long a browser remembers the way in that was used last.
const wayLasts = 400 * 24 * time.Hour // the most that browsers keep a cookie for (RFC 6265bis)

var wayName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// NoteWay has the browser remember by which connection somebody came in: its
// name, and nothing about the person. What is no name is not noted.
func (m *Manager) NoteWay(w http.ResponseWriter, connection string) {
	if wayName.MatchString(connection) {
		m.write(w, wayCookie, connection, int(wayLasts.Seconds()))
	}
}

// LastWay is the connection that NoteWay noted in this browser, "" = none.
func (m *Manager) LastWay(r *http.Request) string {
	for _, c := range r.CookiesNamed(m.name(wayCookie)) {
		if wayName.MatchString(c.Value) {
			return c.Value
		}
	}
	return ""
}

// found is what one request learned about its session.
type found struct {
	w     http.ResponseWriter // of the request
	mu    sync.Mutex
	known *known // nil: nobody asked yet, as most requests of programs never do
}

type known struct {
	session gatehouse.Session
	user    gatehouse.User
	err     error
}

// nobody is what the rest of the request learns after signing out.
func (f *found) nobody() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known = &known{err: nobody()}
}

type foundKey struct{}

// Remember lets the handlers of one request share what Current found, so that
// the database is asked once. Without it Current asks each time.
func (m *Manager) Remember(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), foundKey{}, &found{w: w})))
	})
}

// Current is the session of this browser and its user: alive, and the user
// active. Otherwise nobody is signed in, which is Unauthorized.
func (m *Manager) Current(r *http.Request) (gatehouse.Session, gatehouse.User, error) {
	f, _ := r.Context().Value(foundKey{}).(*found)
	if f == nil {
		return m.look(r)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		k := &known{}
		k.session, k.user, k.err = m.look(r)
		f.known = k
		if k.err == nil && !k.session.Noticed {
			m.notice(f.w, r, k.session, k.user)
		}
	}
	return f.known.session, f.known.user, f.known.err
}

func (m *Manager) look(r *http.Request) (gatehouse.Session, gatehouse.User, error) {
	secret, ok := m.read(r, sessionCookie)
	if !ok {
		return gatehouse.Session{}, gatehouse.User{}, nobody()
	}
	var s gatehouse.Session
	var u gatehouse.User
	err := m.Store.Ask(r.Context(), func(tx *store.Tx) error {
		var err error
		s, u, err = tx.SessionByToken(gatehouse.Digest(secret))
		return err
	})
	now := m.Clock.Now()
	switch {
	case errors.Is(err, gatehouse.NotFound):
		return gatehouse.Session{}, gatehouse.User{}, nobody()
	case err != nil:
		return gatehouse.Session{}, gatehouse.User{}, fmt.Errorf("find the session: %w", err)
	case m.over(s, now), u.State != gatehouse.UserActive:
		return gatehouse.Session{}, gatehouse.User{}, nobody()
	}
	if now.Sub(s.SeenAt) >= touchEvery {
		m.touch(r.Context(), s)
	}
	return s, u, nil
}

// touch notes that a session is used. A page is not refused because the note
// could not be written.
func (m *Manager) touch(ctx context.Context, s gatehouse.Session) {
	if _, busy := m.touching.LoadOrStore(s.ID, true); busy {
		return
	}
	defer m.touching.Delete(s.ID)
	err := m.Store.Update(ctx, func(tx *store.Tx) error { return tx.TouchSession(s.ID, tx.Now()) })
	if err != nil && ctx.Err() == nil {
		m.log().WarnContext(ctx, "The last use of a session could not be noted.", "session", s.ID, "error", err)
	}
}

func nobody() error {
	return gatehouse.Errorf(gatehouse.Unauthorized, "You are not signed in, or your session has ended. Please sign in.")
}

// End signs this browser out: the session is gone from the server, and its
// cookie from the browser. So is what a provider vouched for in this browser and
// still waits here, since the next person at it could go on with that.
// Unauthorized when nobody was signed in. When the server cannot end it the
// cookie stays, so that nobody believes to be signed out who is not.
func (m *Manager) End(w http.ResponseWriter, r *http.Request) (gatehouse.Session, error) {
	secret, signedIn := m.read(r, sessionCookie)
	browser, known := m.BrowserOf(r)
	if !signedIn && !known {
		return gatehouse.Session{}, nobody()
	}
	var s gatehouse.Session
	var none error // outside of the transaction, so that the proof is gone also when the session was
	err := m.Store.Update(r.Context(), func(tx *store.Tx) error {
		if known {
			if err := tx.DeleteProof(browser); err != nil {
				return err
			}
		}
		var u gatehouse.User
		s, u, none = tx.SessionByToken(gatehouse.Digest(secret))
		if none != nil {
			return unlessNotFound(none)
		}
		by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: u.ID, Name: u.Username, Address: ui.ClientAddress(r)}
		return m.EndOne(tx, by, s.UserID, s.ID)
	})
	if err != nil {
		return gatehouse.Session{}, fmt.Errorf("sign out: %w", err)
	}
	m.write(w, sessionCookie, "", -1)
	m.writeState(w, "")
	if f, ok := r.Context().Value(foundKey{}).(*found); ok {
		f.nobody()
	}
	if none != nil {
		return gatehouse.Session{}, nobody()
	}
	m.count("session_ended")
	return s, nil
}

func unlessNotFound(err error) error {
	if errors.Is(err, gatehouse.NotFound) {
		return nil
	}
	return err
}

// Require gives the signed-in user if they have one of the roles; without
// roles, any user. Nobody is Unauthorized, another role Forbidden.
func (m *Manager) Require(r *http.Request, roles ...gatehouse.AdminRole) (gatehouse.User, error) {
	_, u, err := m.Current(r)
	if err != nil {
		return gatehouse.User{}, err
	}
	if len(roles) == 0 {
		return u, nil
	}
	for _, role := range roles {
		if u.Role == role {
			return u, nil
		}
	}
	return gatehouse.User{}, gatehouse.Errorf(gatehouse.Forbidden, "Your account may not do this. Ask an administrator if you need it.")
}

// RequireAdmin gives the signed-in user if they may see the dashboard: any
// administrator, the auditor too.
func (m *Manager) RequireAdmin(r *http.Request) (gatehouse.User, error) {
	return m.Require(r, gatehouse.RoleSuperAdministrator, gatehouse.RoleConnectorAdministrator, gatehouse.RoleAuditor)
}
