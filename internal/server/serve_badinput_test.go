package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// outside is a GitLab to sign in with that answers as it is told. By default it
// vouches for one person, without a page.
type outside struct {
	*httptest.Server
	mu    sync.Mutex
	token http.HandlerFunc
	user  http.HandlerFunc
}

func newOutside(t *testing.T) *outside {
	t.Helper()
	o := &outside{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /oauth/authorize", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {"a-code"}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
	})
	mux.HandleFunc("POST /oauth/token", func(w http.ResponseWriter, r *http.Request) {
		o.part(&o.token, jsonOf(`{"access_token":"t","token_type":"Bearer","expires_in":7200}`))(w, r)
	})
	mux.HandleFunc("GET /api/v4/user", func(w http.ResponseWriter, r *http.Request) {
		o.part(&o.user, jsonOf(`{"id":7,"username":"alice","name":"Alice","state":"active","email":"alice@example.com","confirmed_at":"2024-01-01T00:00:00Z"}`))(w, r)
	})
	o.Server = httptest.NewServer(mux)
	t.Cleanup(o.Close)
	return o
}

// part is what was set, or the usual.
func (o *outside) part(h *http.HandlerFunc, usual http.HandlerFunc) http.HandlerFunc {
	o.mu.Lock()
	defer o.mu.Unlock()
	if *h != nil {
		return *h
	}
	return usual
}

func (o *outside) set(token, user http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.token, o.user = token, user
}

func jsonOf(body string) http.HandlerFunc { return answering(http.StatusOK, "application/json", body) }

func answering(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// gitlabOf is a connection to what stands in for GitLab.
func gitlabOf(address string) string {
	return `omniauth:
  allow_single_sign_on: true
  block_auto_created_users: false
  providers:
    - {name: gitlab, app_id: an-app, app_secret: a-secret-of-gitlab, args: {client_options: {site: "` + address + `"}}}
`
}

// signIn goes through the provider.
func (v *visitor) signIn(s *serving) *visitor {
	v.Helper()
	return v.open(s.url + "/sign-in").submit(map[string]string{"action": "/sign-in/gitlab"})
}

// isSignedIn says who the browser is.
func (v *visitor) isSignedIn(s *serving) bool {
	v.Helper()
	return v.open(s.url+"/user").at.Path == "/user"
}

func TestProviderThatMisbehaves(t *testing.T) {
	t.Parallel()
	page := "<!doctype html><title>Bad gateway</title><h1>502</h1><script>alert(1)</script>"
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	broken := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	tests := map[string]struct {
		answer http.HandlerFunc
		status int
	}{
		"Garbage":    {jsonOf("\x00\xff}{not json"), http.StatusBadGateway},
		"Empty":      {jsonOf(""), http.StatusBadGateway},
		"OtherTypes": {jsonOf(`{"access_token":["a"],"id":"seven"}`), http.StatusBadGateway},
		"HTML":       {answering(http.StatusOK, "text/html", page), http.StatusBadGateway},
		"HTML502":    {answering(http.StatusBadGateway, "text/html", page), http.StatusServiceUnavailable},
		"Error":      {answering(http.StatusInternalServerError, "application/json", `{"message":"boom"}`), 0},
		"FiveMB":     {jsonOf(`{"id":7,"access_token":"` + strings.Repeat("x", 5<<20) + `"}`), 0},
		"Broken":     {broken, http.StatusServiceUnavailable},
		"Silence":    {hang, http.StatusServiceUnavailable},
	}
	for name, tt := range tests {
		for _, where := range []string{"Token", "Profile"} {
			t.Run(name+"/"+where, func(t *testing.T) {
				t.Parallel()
				o := newOutside(t)
				limit := time.Duration(0)
				if name == "Silence" {
					limit = 3 * time.Second // in place of the usual 30
				}
				s := startNode(t, written(t, t.TempDir(), gitlabOf(o.URL)), Options{outsideLimit: limit})
				if where == "Token" {
					o.set(tt.answer, nil)
				} else {
					o.set(nil, tt.answer)
				}
				v := newVisitor(t).signIn(s)
				if tt.status != 0 && v.status != tt.status || v.status < 500 || v.status > 503 || v.status == http.StatusInternalServerError {
					t.Errorf("status %d, want %d", v.status, tt.status)
				}
				v.sees("Reference", "The sign-in did not work", "GitLab")
				if strings.Contains(v.text, "<script>alert") || strings.Contains(v.text, "boom") {
					t.Errorf("the provider's text is on the page:\n%s", v.text)
				}
				if v.isSignedIn(s) {
					t.Error("somebody is signed in")
				}
				o.set(nil, nil)
				if v.signIn(s); !v.isSignedIn(s) {
					t.Errorf("the next time does not work: %d at %s", v.status, v.at)
				}
				if strings.Contains(s.log.String(), "a-secret-of-gitlab") || strings.Contains(s.log.String(), "a-code") {
					t.Error("a secret is in the log")
				}
			})
		}
	}
}

func TestCallbackWithABadState(t *testing.T) {
	t.Parallel()
	o, clock := newOutside(t), &movedClock{}
	s := startNode(t, written(t, t.TempDir(), gitlabOf(o.URL)), Options{Clock: clock.clock()})
	// begun gives the callback that the provider would send the browser to.
	begun := func(v *visitor) string {
		v.open(s.url + "/sign-in")
		v.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if r.URL.Path == "/users/auth/gitlab/callback" {
				return http.ErrUseLastResponse
			}
			return nil
		}
		defer func() { v.client.CheckRedirect = nil }()
		v.submit(map[string]string{"action": "/sign-in/gitlab"})
		return v.location
	}
	refused := func(t *testing.T, v *visitor, callback string, status int) {
		t.Helper()
		if v.open(callback).sees("Reference"); v.status != status {
			t.Errorf("status %d, want %d", v.status, status)
		}
		if v.isSignedIn(s) {
			t.Error("somebody is signed in")
		}
	}
	state := regexp.MustCompile(`state=[^&]+`)
	t.Run("Wrong", func(t *testing.T) {
		v := newVisitor(t)
		callback := begun(v)
		refused(t, v, state.ReplaceAllString(callback, "state=nobody-gave-this"), http.StatusGone)
		refused(t, v, state.ReplaceAllString(callback, "x=y"), http.StatusGone)
		if v.open(callback); !v.isSignedIn(s) {
			t.Error("the right one does not work any more")
		}
	})
	t.Run("OfAnotherBrowser", func(t *testing.T) {
		refused(t, newVisitor(t), begun(newVisitor(t)), http.StatusForbidden)
	})
	t.Run("Used", func(t *testing.T) {
		v := newVisitor(t)
		callback := begun(v)
		if v.open(callback); !v.isSignedIn(s) {
			t.Fatal("not signed in")
		}
		v.open(s.url + "/sign-out").submit(map[string]string{"action": "/sign-out"})
		refused(t, v, callback, http.StatusGone)
	})
	t.Run("Old", func(t *testing.T) {
		v := newVisitor(t)
		callback := begun(v)
		clock.move(time.Hour)
		refused(t, v, callback, http.StatusGone)
	})
}

func TestBadAuthorizationRequestsAreAPageAndNeverARedirect(t *testing.T) {
	t.Parallel()
	s := startServe(t, written(t, t.TempDir(), oneClient))
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	tests := map[string]string{
		"UnknownClient":       strings.Replace(oneRequest, "client_id=app", "client_id=nobody", 1),
		"NoClient":            strings.Replace(oneRequest, "client_id=app&", "", 1),
		"TwoClients":          oneRequest + "&client_id=other",
		"OtherRedirectURI":    strings.Replace(oneRequest, "app.example.com", "evil.example.com", 1),
		"LongerRedirectURI":   strings.Replace(oneRequest, "%2Fcb", "%2Fcb%2Fmore", 1),
		"RedirectURIByHTTP":   strings.Replace(oneRequest, "https%3A", "http%3A", 1),
		"RedirectURIOfScript": regexp.MustCompile(`redirect_uri=[^&]+`).ReplaceAllString(oneRequest, "redirect_uri=javascript%3Aalert(1)"),
		"TwoRedirectURIs":     oneRequest + "&redirect_uri=https%3A%2F%2Fevil.example.com%2F",
	}
	for name, request := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer, err := client.Get(s.url + request)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			kind := answer.Header.Get("Content-Type")
			if answer.StatusCode/100 != 4 || answer.Header.Get("Location") != "" || answer.Header.Get("Refresh") != "" || !strings.HasPrefix(kind, "text/html") {
				t.Errorf("status %d, location %q, %s", answer.StatusCode, answer.Header.Get("Location"), kind)
			}
			if bytes.Contains(body, []byte(`href="https://evil`)) || bytes.Contains(body, []byte("http-equiv")) {
				t.Errorf("the page leads there:\n%s", body)
			}
		})
	}
}

func TestRequestsThatAreTooLarge(t *testing.T) {
	t.Parallel()
	s := startServe(t, written(t, t.TempDir(), oneClient))
	body := strings.NewReader("grant_type=authorization_code&code=" + strings.Repeat("x", maxBody))
	answer, err := http.Post(s.url+"/oauth/token", "application/x-www-form-urlencoded", body)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode/100 != 4 {
		t.Errorf("a body of 1 MB is answered with %d", answer.StatusCode)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/sign-in", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		r.Header.Set(fmt.Sprintf("X-Long-%d", i), strings.Repeat("x", 4096))
	}
	answer, err = http.DefaultClient.Do(r)
	if err == nil { // it may as well hang up
		answer.Body.Close()
		if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("headers of 160 KB are answered with %d", answer.StatusCode)
		}
	}
	newVisitor(t).open(s.url + "/readyz").sees("ready")
}
