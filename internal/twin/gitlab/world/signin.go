package world

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"time"
)

// mostSessions bounds the sessions that are kept; beyond it the older half ends.
const mostSessions = 10_000

// A Session is a browser at the sign-in pages. Sessions outlive a restart, so
// that a browser stays who it is.
type Session struct {
	Key        string // the cookie
	UserID     int64  // 0: not signed in
	StartedAt  time.Time
	SignedInAt time.Time
	ReturnTo   string // path to go on with after signing in
}

// A Code is an authorization code that was given out and not used yet.
type Code struct {
	Value       string
	Application string // client_id
	UserID      int64
	RedirectURI string
	Scopes      []string
	Nonce       string
	Challenge   string // of PKCE, "": none
	Method      string // plain or S256
	ExpiresAt   time.Time
}

// Session returns a copy of the session with a key and whether there is one.
func (d *Data) Session(key string) (Session, bool) {
	s, ok := d.sessions[key]
	return s, ok
}

// KeepSession adds or replaces a session.
func (d *Data) KeepSession(s Session) {
	if len(d.sessions) >= mostSessions {
		oldest := slices.SortedFunc(maps.Values(d.sessions), func(a, b Session) int { return a.StartedAt.Compare(b.StartedAt) })
		for _, old := range oldest[:len(oldest)/2] {
			delete(d.sessions, old.Key)
		}
	}
	d.sessions[s.Key] = s
}

// EndSession forgets a session.
func (d *Data) EndSession(key string) { delete(d.sessions, key) }

// Code returns the authorization code with a value and whether there is one.
func (d *Data) Code(value string) (Code, bool) {
	c, ok := d.codes[value]
	return c, ok
}

// KeepCode adds an authorization code, and forgets those that ran out by now.
func (d *Data) KeepCode(c Code, now time.Time) {
	maps.DeleteFunc(d.codes, func(_ string, c Code) bool { return now.After(c.ExpiresAt) })
	d.codes[c.Value] = c
}

// UseCode forgets a code, so that it is good for one use.
func (d *Data) UseCode(value string) { delete(d.codes, value) }

// Token returns the token with a value, or nil.
func (d *Data) Token(value string) *Token { return d.tokens[value] }

// TokenByRefresh returns the token that a refresh token belongs to, or nil.
func (d *Data) TokenByRefresh(refresh string) *Token { return d.refresh[refresh] }

// Tokens goes through all tokens, in no order.
func (d *Data) Tokens() iter.Seq[*Token] { return maps.Values(d.tokens) }

// AddToken adds a token, or replaces the one with its value.
func (d *Data) AddToken(t Token) *Token {
	claim(&d.next.Token, &t.ID)
	t.Kind = cmp.Or(t.Kind, PersonalToken)
	if old := d.tokens[t.Value]; old != nil {
		delete(d.refresh, old.Refresh)
	}
	d.tokens[t.Value] = &t
	if t.Refresh != "" {
		d.refresh[t.Refresh] = &t
	}
	return &t
}

// endSignIns removes what lets somebody act as a user.
func (d *Data) endSignIns(user int64) {
	maps.DeleteFunc(d.tokens, func(_ string, t *Token) bool { return t.UserID == user })
	maps.DeleteFunc(d.refresh, func(_ string, t *Token) bool { return t.UserID == user })
	maps.DeleteFunc(d.sessions, func(_ string, s Session) bool { return s.UserID == user })
	maps.DeleteFunc(d.codes, func(_ string, c Code) bool { return c.UserID == user })
}

func (d *Data) sortedSessions() []Session {
	return slices.SortedFunc(maps.Values(d.sessions), func(a, b Session) int { return cmp.Compare(a.Key, b.Key) })
}

func (d *Data) sortedCodes() []Code {
	return slices.SortedFunc(maps.Values(d.codes), func(a, b Code) int { return cmp.Compare(a.Value, b.Value) })
}
