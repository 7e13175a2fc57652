package session

import (
	"encoding/hex"
	"net/http"
	"time"

	"gatehouse"
)

// stateOf is what a browser's state is called to clients (OpenID Connect Session
// Management 1.0): it changes with every sign-in and sign-out, and says nothing
// of anybody.
func stateOf(token string) string {
	return hex.EncodeToString(gatehouse.Digest("browser state " + token))
}

// writeState hands the browser its state; "" takes it away. The frame in which
// clients ask for it is on their pages, and its script reads the cookie: so it
// goes to other sites' frames where https allows that, and is no HttpOnly.
func (m *Manager) writeState(w http.ResponseWriter, state string) {
	c := http.Cookie{Name: m.name(stateCookie), Value: state, Path: "/", MaxAge: int(m.absolute().Seconds()), Secure: m.Secure, SameSite: http.SameSiteLaxMode} //nolint:gosec // a script must read it
	if m.Secure {
		c.SameSite = http.SameSiteNoneMode
	}
	if state == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, &c)
}

// State is the state of this browser, "" when it has no session. The browser is
// handed it where it has another: its session ended elsewhere, or is older than
// this cookie.
func (m *Manager) State(w http.ResponseWriter, r *http.Request, signedIn bool) string {
	state := ""
	if secret, ok := m.read(r, sessionCookie); ok && signedIn {
		state = stateOf(secret)
	}
	if has, err := r.Cookie(m.name(stateCookie)); err == nil && has.Value == state || err != nil && state == "" {
		return state
	}
	m.writeState(w, state)
	return state
}

// LeavingFor is how long a browser remembers what is left to do after a sign-out:
// it may be at a provider meanwhile.
const LeavingFor = 10 * time.Minute

// Leave has the browser remember that something is left to do after its sign-out,
// and gives the SHA-256 under which that is kept.
func (m *Manager) Leave(w http.ResponseWriter) []byte {
	secret := gatehouse.NewSecret()
	m.write(w, leavingCookie, secret, int(LeavingFor.Seconds()))
	return gatehouse.Digest(secret)
}

// Leaving is what Leave gave in this browser, which forgets it; false when there
// is nothing.
func (m *Manager) Leaving(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	secret, ok := m.read(r, leavingCookie)
	if !ok {
		return nil, false
	}
	m.write(w, leavingCookie, "", -1)
	return gatehouse.Digest(secret), true
}
