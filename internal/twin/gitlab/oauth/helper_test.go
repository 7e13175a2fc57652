package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/twin/gitlab/oauth"
	"gatehouse/internal/twin/gitlab/world"
)

const (
	callback = "https://hub.example/cb"
	external = "https://gitlab.example"
)

// now is the time of all tests.
var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// bench is a server with two applications: "app", confidential, and "open", public.
type bench struct {
	*oauth.Server
	t *testing.T
}

func open(t *testing.T, change func(*oauth.Config)) bench {
	t.Helper()
	c := oauth.Config{World: world.Demo(), URL: external, Now: func() time.Time { return now }}
	if change != nil {
		change(&c)
	}
	s, err := oauth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []world.Application{
		{ID: "app", Secret: "gloas-secret", Confidential: true}, {ID: "other", Secret: "gloas-other", Confidential: true}, {ID: "open"},
	} {
		a.Name, a.RedirectURIs, a.Scopes = "Hub", []string{callback, callback + "?a=1", "http://127.0.0.1/cb", "http://localhost/cb"}, []string{"openid", "email", "read_user", "api"}
		c.World.AddApplication(a)
	}
	return bench{s, t}
}

// token adds an OAuth token of the application "app" that lives for an hour.
func (b bench) token(value string, user int64, scopes ...string) {
	b.World.AddToken(world.Token{
		Kind: world.OAuthToken, Value: value, Refresh: value + "-refresh", UserID: user, Scopes: scopes, Application: "app",
		CreatedAt: now.Add(-time.Minute), ExpiresAt: now.Add(time.Hour),
	})
}

// code adds an authorization code of the application "app" for user 3.
func (b bench) code(value string, change func(*world.Code)) {
	c := world.Code{Value: value, Application: "app", UserID: 3, RedirectURI: callback, Scopes: []string{"read_user"}, ExpiresAt: now.Add(time.Minute)}
	if change != nil {
		change(&c)
	}
	_ = b.World.Write(func(d *world.Data) error { d.KeepCode(c, now); return nil })
}

// send asks with the cookies and headers given, a form as the body of a POST.
func (b bench) send(method, path string, form url.Values, header http.Header) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, external+path, strings.NewReader(form.Encode()))
	for k, v := range header {
		r.Header[k] = v
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w
}

func (b bench) post(path string, form url.Values) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.send(http.MethodPost, path, form, nil)
}

// signedIn are the headers of a browser in which a user is signed in.
func (b bench) signedIn(user string) http.Header {
	b.t.Helper()
	w := b.post("/users/sign_in", url.Values{"user_id": {user}})
	if w.Code != http.StatusFound {
		b.t.Fatalf("sign in as %s: %d %s", user, w.Code, w.Body)
	}
	key, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
	return http.Header{"Cookie": {key}}
}

// values makes a form of pairs.
func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// app adds the credentials of the application "app" to a form.
func app(pairs ...string) url.Values {
	return values(append(pairs, "client_id", "app", "client_secret", "gloas-secret")...)
}

func basic(id, key string) http.Header {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(id, key)
	return r.Header
}
