// Package ui is how every page of Gatehouse looks and how every error reaches
// the person in front: layout, components, icons, style sheet, the headers that
// guard pages, the choice of language and theme, and one place that turns an
// error into a page, a way to the sign-in or a JSON answer. Pages need no
// JavaScript; what scripts there are make a few of them more comfortable.
package ui

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"gatehouse"
)

// Handler answers a request, or says by an error why not. An error that comes
// after the answer has begun is logged and cannot be shown.
type Handler func(w http.ResponseWriter, r *http.Request) error

// UI shows pages and errors. The zero value works: it logs nowhere.
type UI struct {
	Log         *slog.Logger      // nil: discard
	Metrics     gatehouse.Metrics // nil: none
	Clock       gatehouse.Clock   // nil: time.Now
	Secure      bool              // pages are reached by https: Secure cookies, HSTS
	Development bool              // shows a mark that this is not a real installation
	// Waiting are the numbers beside entries of the dashboard's navigation, by
	// Page.Section: what waits there for somebody. nil: none. Without its answer a
	// page is shown without numbers.
	Waiting func(ctx context.Context) (map[string]int64, error)
}

// Nav is the frame that a page stands in.
type Nav int

// The frames.
const (
	NavNone   Nav = iota // a card in the middle: sign-in, consent, errors
	NavPortal            // a person's own pages
	NavAdmin             // the dashboard
)

// Page is what the layout needs to know of a page.
type Page struct {
	Title   string // already translated; "" = the product's name alone
	Nav     Nav
	Section string          // which entry of the navigation is marked: "users", "connections" …
	User    *gatehouse.User // who is signed in; nil: nobody
	Wide    bool            // NavNone: a wider card
	Refresh int             // seconds after which the browser asks again; 0 = never
	// FormAction are further Content-Security-Policy sources that forms of the
	// page may lead to, also by redirect: an origin, or a scheme as "https:".
	// Forms lead to our own addresses without being named.
	FormAction []string
	// Frames are the addresses that frames of the page may show; none: it has no
	// frames.
	Frames []string
	// Scripts are names of scripts of ours (assets/NAME.js) that make the page
	// more comfortable; it works without them. Vendor is the address of the one
	// script from elsewhere that the page may run, before ours.
	Scripts []string
	Vendor  string
}

// Handle runs h and shows its error, if any, by Fail.
func (u *UI) Handle(h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			u.Fail(w, r, err)
		}
	})
}

// Render writes body as a page within the layout. The whole page is made before
// anything is sent, so that an error can still become a page of its own.
func (u *UI) Render(w http.ResponseWriter, r *http.Request, status int, p Page, body templ.Component) error {
	if p.Refresh > 0 {
		p.Scripts = append(slices.Clone(p.Scripts), "refresh")
	}
	v := view{Page: p, ui: u, path: r.URL.EscapedPath(), query: r.URL.RawQuery, theme: themeOf(r), waiting: u.waiting(r, p)}
	ctx := withNow(r.Context(), u.Clock.Now())
	var page bytes.Buffer
	if err := layout(v, body).Render(ctx, &page); err != nil {
		return fmt.Errorf("render %s: %w", r.URL.Path, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy(p))
	h.Set("Cache-Control", cmp.Or(h.Get("Cache-Control"), "no-store"))
	h.Add("Vary", "Accept-Language, Cookie")
	if p.Nav != NavNone {
		// Not on pages that a client may have opened in a window of its own.
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = page.WriteTo(w) // the browser has gone; nobody is left to tell
	}
	return nil
}

// waiting are the numbers beside entries of the navigation of a page.
func (u *UI) waiting(r *http.Request, p Page) map[string]int64 {
	if p.Nav != NavAdmin || u.Waiting == nil {
		return nil
	}
	waiting, err := u.Waiting(r.Context())
	if err != nil {
		u.log().WarnContext(r.Context(), "what waits could not be counted", "error", err)
	}
	return waiting
}

func (u *UI) log() *slog.Logger {
	if u.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return u.Log
}

func (u *UI) metrics() gatehouse.Metrics {
	if u.Metrics == nil {
		return gatehouse.NoMetrics{}
	}
	return u.Metrics
}

// policy is the Content-Security-Policy of a page. Nothing runs but the scripts
// that the page names, which may ask our own addresses, and nothing comes from
// elsewhere.
func policy(p Page) string {
	text := "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action " +
		strings.Join(append([]string{"'self'"}, sources(p.FormAction...)...), " ")
	if frames := sources(p.Frames...); len(frames) > 0 {
		text += "; frame-src " + strings.Join(frames, " ")
	}
	if len(p.Scripts) == 0 {
		return text
	}
	return text + "; connect-src 'self'; script-src " + strings.Join(append([]string{"'self'"}, sources(p.Vendor)...), " ")
}

// sources leaves out what would be more than one source.
func sources(from ...string) []string {
	var some []string
	for _, s := range from {
		if s != "" && !strings.ContainsAny(s, " ;,\t\r\n") {
			some = append(some, s)
		}
	}
	return some
}
