package ui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/i18n"
)

func TestStatusOf(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{
		gatehouse.Invalid:      400,
		gatehouse.Unauthorized: 401,
		gatehouse.Forbidden:    403,
		gatehouse.NotFound:     404,
		gatehouse.Conflict:     409,
		gatehouse.Expired:      410,
		gatehouse.Limited:      429,
		gatehouse.Upstream:     502,
		gatehouse.Unavailable:  503,
		context.Canceled:       503,

		errors.New("a fault of ours"):                                        500,
		fmt.Errorf("read user 7: %w", gatehouse.NotFound):                    404,
		&http.MaxBytesError{Limit: 1}:                                        413,
		fmt.Errorf("wait: %w", context.DeadlineExceeded):                     503,
		gatehouse.Errorf(gatehouse.Invalid, "x").Because(gatehouse.NotFound): 400,
	} {
		if got := StatusOf(err); got != want {
			t.Errorf("StatusOf(%v) = %d, want %d", err, got, want)
		}
	}
}

// fail asks for path with a handler that fails with err.
func fail(t *testing.T, err error, method, path, accept string) *http.Response {
	t.Helper()
	u := &UI{}
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	u.Middleware(u.Handle(func(http.ResponseWriter, *http.Request) error { return err })).ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const browser = "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8"

func TestFail(t *testing.T) {
	t.Parallel()
	secret := errors.New("password=hunter2 at 10.0.0.1")
	t.Run("PageSaysTheSentenceAndNeverTheCause", func(t *testing.T) {
		t.Parallel()
		r := fail(t, fmt.Errorf("outer: %w", gatehouse.Errorf(gatehouse.Conflict, "The name %s is taken.", "<b>bob</b>").Because(secret)), "GET", "/x", browser)
		page := body(t, r)
		if r.StatusCode != 409 || !strings.Contains(page, "The name &lt;b&gt;bob&lt;/b&gt; is taken.") {
			t.Errorf("status %d, page without the escaped sentence:\n%s", r.StatusCode, page)
		}
		if strings.Contains(page, "hunter2") || strings.Contains(page, "outer") {
			t.Error("the page shows the cause")
		}
		if id := r.Header.Get("X-Request-Id"); id == "" || !strings.Contains(page, id) {
			t.Errorf("the page does not show the request id %q", id)
		}
	})
	t.Run("FaultOfOursShowsNothingOfItself", func(t *testing.T) {
		t.Parallel()
		r := fail(t, secret, "GET", "/x", browser)
		if page := body(t, r); r.StatusCode != 500 || strings.Contains(page, "hunter2") || !strings.Contains(page, "Something went wrong") {
			t.Errorf("status %d:\n%s", r.StatusCode, page)
		}
	})
	t.Run("ProgramsGetProblemJSON", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct{ path, accept string }{{"/api/v1/users", browser}, {"/x", "application/json"}, {"/x", "application/problem+json, application/json"}} {
			r := fail(t, gatehouse.Errorf(gatehouse.NotFound, "There is no user %d.", 7), "GET", c.path, c.accept)
			var got map[string]any
			if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
				t.Fatalf("%v: %v", c, err)
			}
			if r.StatusCode != 404 || r.Header.Get("Content-Type") != "application/problem+json" ||
				got["status"] != 404.0 || got["detail"] != "There is no user 7." || got["code"] != "not_found" {
				t.Errorf("%v: status %d, %s, %v", c, r.StatusCode, r.Header.Get("Content-Type"), got)
			}
		}
	})
	t.Run("AnonymousPageLeadsToTheSignInAndBack", func(t *testing.T) {
		t.Parallel()
		r := fail(t, gatehouse.Unauthorized, "GET", "/admin/users?q=a+b&state=active", browser)
		if got, want := r.Header.Get("Location"), "/sign-in?return_to=%2Fadmin%2Fusers%3Fq%3Da%2Bb%26state%3Dactive"; r.StatusCode != 303 || got != want {
			t.Errorf("status %d to %q, want %q", r.StatusCode, got, want)
		}
	})
	t.Run("AnonymousFormAndProgramGet401", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct{ method, path, accept string }{{"POST", "/user/sessions/x/end", browser}, {"GET", "/api/v1/users", "*/*"}} {
			if r := fail(t, gatehouse.Unauthorized, c.method, c.path, c.accept); r.StatusCode != 401 {
				t.Errorf("%v: status %d", c, r.StatusCode)
			}
		}
	})
	t.Run("TellsWhenToTryAgain", func(t *testing.T) {
		t.Parallel()
		for _, kind := range []gatehouse.ErrorKind{gatehouse.Limited, gatehouse.Unavailable} {
			if r := fail(t, kind, "GET", "/x", browser); r.Header.Get("Retry-After") == "" {
				t.Errorf("%s has no Retry-After", kind)
			}
		}
	})
	t.Run("ReferenceOfTheErrorComesFirst", func(t *testing.T) {
		t.Parallel()
		if page := body(t, fail(t, referenced{gatehouse.Forbidden}, "GET", "/x", browser)); !strings.Contains(page, "K7QX2M9P") {
			t.Errorf("the page does not show the reference:\n%s", page)
		}
	})
}

type referenced struct{ error }

func (r referenced) Unwrap() error   { return r.error }
func (referenced) Reference() string { return "K7QX2M9P" }

func TestEveryErrorHasWordsInBothLanguages(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, kind := range []error{
		gatehouse.Invalid, gatehouse.NotFound, gatehouse.Unauthorized, gatehouse.Forbidden, gatehouse.Conflict,
		gatehouse.Expired, gatehouse.Limited, gatehouse.Unavailable, gatehouse.Upstream, errors.New("fault"),
	} {
		english := describe(t.Context(), StatusOf(kind), kind)
		chinese := describe(i18n.With(t.Context(), i18n.Chinese), StatusOf(kind), kind)
		if english.Title == "" || english.Sentence == "" || english.Advice == "" {
			t.Errorf("%v: something is not said: %+v", kind, english)
		}
		if chinese.Title == english.Title || chinese.Sentence == english.Sentence || chinese.Advice == english.Advice {
			t.Errorf("%v: something is not translated: %+v", kind, chinese)
		}
		if before, twice := seen[english.Title]; twice {
			t.Errorf("%q is the title of %d and %d", english.Title, before, StatusOf(kind))
		}
		seen[english.Title] = StatusOf(kind)
	}
}

func TestQueriesAreNotLogged(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	u := &UI{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	u.Fail(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/users/auth/gitlab/callback?code=s3cr3t&state=st4te", nil), gatehouse.Expired)
	if got := log.String(); !strings.Contains(got, "/users/auth/gitlab/callback") || strings.Contains(got, "s3cr3t") || strings.Contains(got, "st4te") {
		t.Errorf("logged: %s", got)
	}
}

// TestS12StaleAsksForAProof: a sensitive act that comes too long after the
// sign-in leads to the page that asks for a proof, and back to where it began.
func TestS12StaleAsksForAProof(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ method, path, referer, want string }{
		"Page":           {"GET", "/user/security/password?x=1", "", "/user/security/password?x=1"},
		"Form":           {"POST", "/user/security/passkeys/7/remove", "https://id.example.com/user/security?a=b", "/user/security?a=b"},
		"FormOfNowhere":  {"POST", "/user/security/password", "", "/user/security"},
		"OddReferer":     {"POST", "/user/emails", "https://id.example.com//evil.example/x", "/user/security"},
		"NoAddressAtAll": {"POST", "/user/emails", "%zz", "/user/security"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := &UI{}
			r := httptest.NewRequest(tt.method, tt.path, nil)
			r.Header.Set("Accept", browser)
			r.Header.Set("Referer", tt.referer)
			w := httptest.NewRecorder()
			u.Fail(w, r, fmt.Errorf("remove: %w", gatehouse.Errorf(gatehouse.Stale, "x")))
			if got, want := w.Header().Get("Location"), "/sign-in/confirm?return_to="+url.QueryEscape(tt.want); w.Code != http.StatusSeeOther || got != want {
				t.Errorf("%d to %q, want %q", w.Code, got, want)
			}
		})
	}
	if r := fail(t, gatehouse.Stale, "POST", "/api/v1/me", "application/json"); r.StatusCode != http.StatusForbidden || !strings.Contains(body(t, r), `"code":"stale"`) {
		t.Errorf("a program: %d", r.StatusCode)
	}
}
