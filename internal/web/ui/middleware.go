package ui

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"gatehouse/internal/i18n"
)

const (
	langCookie   = "gatehouse_lang"
	themeCookie  = "gatehouse_theme"
	cookieMaxAge = 365 * 24 * 60 * 60
)

type (
	requestKey struct{}
	chosenKey  struct{}
)

// Middleware goes around everything: it sets the headers that guard pages,
// gives each request an id, chooses the language, handles the links that switch
// language and theme, and turns a panic into an error page.
func (u *UI) Middleware(next http.Handler) http.Handler {
	guards := u.guards()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := newRequestID()
		maps.Copy(w.Header(), guards)
		w.Header().Set("X-Request-Id", id)
		if u.preference(w, r) {
			return
		}
		ctx := context.WithValue(r.Context(), requestKey{}, id)
		chosen := langOf(r)
		ctx = i18n.With(ctx, i18n.Match(r.Header.Get("Accept-Language"), chosen))
		r = r.WithContext(context.WithValue(ctx, chosenKey{}, chosen != ""))
		t := &tracker{ResponseWriter: w}
		defer func() { u.recovered(t, r, recover()) }()
		next.ServeHTTP(t, r)
	})
}

// guards are the headers of every answer, by their canonical names. All answers
// share the values: a value has no room behind it, so that who adds one to a
// header adds it to a copy.
func (u *UI) guards() http.Header {
	h := http.Header{
		"X-Content-Type-Options":  {"nosniff"},
		"X-Frame-Options":         {"DENY"},
		"Referrer-Policy":         {"same-origin"},
		"Permissions-Policy":      {"camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
		"Content-Security-Policy": {policy(Page{})},
		"Cache-Control":           {"no-store"},
	}
	if u.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	return h
}

func (u *UI) recovered(t *tracker, r *http.Request, fault any) {
	if fault == nil {
		return
	}
	if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(fault)
	}
	u.metrics().Count("panic")
	u.log().ErrorContext(r.Context(), "panic", slog.Any("fault", fault), slog.String("stack", string(debug.Stack())))
	if !t.begun {
		u.Fail(t, r, fmt.Errorf("panic: %v", fault))
	}
}

// RequestID is the id of the request under way, "" outside of one. It stands in
// the log and on error pages.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

func newRequestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Prefer returns r with a language that fits a wish ("zh-CN", as of an account
// or of ui_locales), unless the person chose one by the links of a page.
func Prefer(r *http.Request, wish string) *http.Request {
	if chosen, _ := r.Context().Value(chosenKey{}).(bool); chosen || wish == "" {
		return r
	}
	return r.WithContext(i18n.With(r.Context(), i18n.Match(r.Header.Get("Accept-Language"), wish)))
}

// preference handles ?lang= and ?theme= of a page: it keeps the choice and
// sends the browser to the same page without it. The rest of the query stays
// byte for byte, since it may hold a client's state.
func (u *UI) preference(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet || r.URL.RawQuery == "" || !mayPrefer(r.URL.Path) {
		return false
	}
	rest, chosen := takeChoices(r.URL.RawQuery)
	if len(chosen) == 0 {
		return false
	}
	back := r.URL.EscapedPath()
	if rest != "" {
		back += "?" + rest
	}
	if OwnPath(back) == "" {
		return false
	}
	for name, value := range chosen {
		age := cookieMaxAge
		if value == "auto" {
			age = -1
		}
		http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure wherever pages are reached by https; it holds no secret
			Name: name, Value: value, Path: "/", MaxAge: age, Secure: u.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
	}
	w.Header().Set("Location", back)
	w.WriteHeader(http.StatusSeeOther)
	return true
}

// mayPrefer leaves out what programs ask for.
func mayPrefer(path string) bool {
	return !slices.ContainsFunc([]string{"/api/", "/assets/", "/hooks/", "/.well-known/"}, func(prefix string) bool {
		return strings.HasPrefix(path, prefix)
	})
}

// takeChoices takes the choices that we offer out of a query: cookies and their
// values. Anything else of the same name is somebody else's and stays.
func takeChoices(query string) (rest string, chosen map[string]string) {
	if !strings.Contains(query, "lang=") && !strings.Contains(query, "theme=") {
		return query, nil
	}
	chosen = map[string]string{}
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case name == "lang" && slices.Contains(i18n.Langs(), i18n.Lang(value)):
			chosen[langCookie] = value
		case name == "theme" && slices.Contains(themes(), value):
			chosen[themeCookie] = value
		case pair != "":
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&"), chosen
}

func themes() []string { return []string{"light", "dark", "auto"} }

// themeOf is the theme that was chosen; "auto" follows the system.
func themeOf(r *http.Request) string {
	if c, err := r.Cookie(themeCookie); err == nil && slices.Contains(themes(), c.Value) {
		return c.Value
	}
	return "auto"
}

func langOf(r *http.Request) string {
	if c, err := r.Cookie(langCookie); err == nil && slices.Contains(i18n.Langs(), i18n.Lang(c.Value)) {
		return c.Value
	}
	return ""
}

// tracker knows whether an answer has begun.
type tracker struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader notes that the final answer begins.
func (t *tracker) WriteHeader(status int) {
	t.begun = t.begun || status >= http.StatusOK
	t.ResponseWriter.WriteHeader(status)
}

func (t *tracker) Write(b []byte) (int, error) {
	t.begun = true
	return t.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (t *tracker) Unwrap() http.ResponseWriter { return t.ResponseWriter }
