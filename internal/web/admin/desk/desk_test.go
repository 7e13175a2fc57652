package desk

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/session"
	"gatehouse/internal/web/ui"
)

func TestShort(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"user/01a1fe1f-b25d-782b-a92d-61f7b91738ba": "user/…b91738ba",
		"client/demo": "client/demo",
		"client/a-name-that-is-exactly-36-letters-xx": "client/a-name-that-is-exactly-36-letters-xx",
		"installation": "installation",
	} {
		if got := Short(target); got != want {
			t.Errorf("short(%q) = %q, want %q", target, got, want)
		}
	}
}

func TestListKeepsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	l := NewList(httptest.NewRequest(http.MethodGet, "/admin/users?q=a%20b&state=active&after=x&done=y", nil))
	l.Next = "z"
	if got, want := l.FirstHref(), "/admin/users?q=a+b&state=active"; got != want {
		t.Errorf("first: %q, want %q", got, want)
	}
	if got, want := l.NextHref(), "/admin/users?after=z&q=a+b&state=active"; got != want {
		t.Errorf("next: %q, want %q", got, want)
	}
	l = NewList(httptest.NewRequest(http.MethodGet, "/admin/users?q="+strings.Repeat("x", 5000), nil))
	if l.FirstHref() != "" || l.NextHref() != "" || len(l.Text("q")) != longestQuery {
		t.Errorf("a list of one page leads to %q and %q, and looks for %d letters", l.FirstHref(), l.NextHref(), len(l.Text("q")))
	}
}

// TestOnlyWithoutRolesIsNobody: session.Require lets in whoever is signed in
// when it is asked for no role, so a forgotten role must not open an address.
func TestOnlyWithoutRolesIsNobody(t *testing.T) {
	t.Parallel()
	d := &Desk{UI: &ui.UI{}, Sessions: &session.Manager{}}
	w := httptest.NewRecorder()
	d.Only(func(http.ResponseWriter, *http.Request, gatehouse.User) error {
		t.Error("somebody came in")
		return nil
	}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/admin", nil))
	if w.Code != http.StatusForbidden {
		t.Errorf("status %d", w.Code)
	}
}
