package ui

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWhatOneAnswerAddsToItsHeadersStaysThere holds that answers may share the
// values of their headers.
func TestWhatOneAnswerAddsToItsHeadersStaysThere(t *testing.T) {
	t.Parallel()
	u := &UI{Secure: true}
	h := u.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/adds" {
			for name := range u.guards() {
				w.Header().Add(name, "more")
			}
			w.Header().Set("Cache-Control", "public")
		}
	}))
	answer := func(path string) http.Header {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		w.Header().Del("X-Request-Id")
		return w.Header()
	}
	if got := answer("/adds"); got.Get("Cache-Control") != "public" || len(got.Values("X-Frame-Options")) != 2 {
		t.Errorf("an answer cannot change its headers: %v", got)
	}
	if diff := cmp.Diff(u.guards(), answer("/")); diff != "" {
		t.Error(diff)
	}
}
