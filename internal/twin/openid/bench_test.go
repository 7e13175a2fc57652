package openid

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	oidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const callback = "https://hub.example.com/users/auth/openid/callback"

// sharedKey saves the tests a key each.
var sharedKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// bench is a twin behind a server, and a browser.
type bench struct {
	*Twin
	testing.TB
	url     string
	now     *clock
	browser *http.Client
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newBench(t testing.TB, with ...func(*Config)) *bench {
	t.Helper()
	var handler http.HandlerFunc
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler(w, r) }))
	b := &bench{TB: t, url: srv.URL, now: &clock{now: time.Date(2030, 5, 6, 7, 8, 9, 0, time.UTC)}}
	c := Config{URL: srv.URL, Clock: b.now.Now, SigningKey: sharedKey()}
	for _, f := range with {
		f(&c)
	}
	var err error
	if b.Twin, err = New(c); err != nil {
		t.Fatal(err)
	}
	handler = b.ServeHTTP
	b.browser = newBrowser(t)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		b.browser.CloseIdleConnections()
		srv.CloseClientConnections()
		srv.Close()
	})
	b.add(DemoClient(callback))
	return b
}

func newBrowser(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{
		Jar: jar, Transport: &http.Transport{}, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (b *bench) add(c Client) {
	b.Helper()
	if err := b.AddClient(c); err != nil {
		b.Fatal(err)
	}
}

// reply is an answer that was read to its end.
type reply struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

func (b *bench) do(r *http.Request) reply {
	b.Helper()
	res, err := b.browser.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	a := reply{status: res.StatusCode, header: res.Header, text: string(body)}
	_ = json.Unmarshal(body, &a.json)
	return a
}

func (b *bench) request(method, path string, form url.Values) *http.Request {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (b *bench) get(path string) reply {
	b.Helper()
	return b.do(b.request(http.MethodGet, path, nil))
}

func (b *bench) post(path string, form url.Values) reply {
	b.Helper()
	return b.do(b.request(http.MethodPost, path, form))
}

// bearer asks with an access token.
func (b *bench) withToken(path, token string) reply {
	b.Helper()
	r := b.request(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return b.do(r)
}

// authPath is an authorization request; pairs of names and values change it, the
// value "-" takes a parameter away.
func authPath(pairs ...string) string {
	return requestPath(pathAuthorize, "openid profile email groups", pairs)
}

func plainPath(pairs ...string) string {
	return requestPath(pathPlainAuthorize, "account mail teams", pairs)
}

func requestPath(path, scope string, pairs []string) string {
	q := url.Values{
		"client_id": {DemoClientID}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {scope},
		"state": {"st&te"}, "nonce": {"n0nce"},
	}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "-" {
			q.Del(pairs[i])
		}
	}
	return path + "?" + q.Encode()
}

// answerOf is what comes back to the caller from a request or a page's form.
func (b *bench) answerOf(a reply) url.Values {
	b.Helper()
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusSeeOther || !strings.HasPrefix(u.String(), callback+"?") {
		b.Fatalf("%d %s %s %v", a.status, a.header.Get("Location"), a.text, err)
	}
	return u.Query()
}

// code signs somebody in.
func (b *bench) code(path, username string) string {
	b.Helper()
	q := b.answerOf(b.post(path, url.Values{"sub": {DemoSub(username)}, "consent": {"agree"}}))
	if q.Get("code") == "" {
		b.Fatalf("no code: %v", q)
	}
	return q.Get("code")
}

func (b *bench) exchange(code string, pairs ...string) reply {
	b.Helper()
	return b.exchangeAt(pathToken, code, pairs...)
}

func (b *bench) exchangeAt(path, code string, pairs ...string) reply {
	b.Helper()
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback},
		"client_id": {DemoClientID}, "client_secret": {DemoClientSecret},
	}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "-" {
			form.Del(pairs[i])
		}
	}
	return b.post(path, form)
}

// tokens signs somebody in and redeems the code.
func (b *bench) tokens(username string, pairs ...string) map[string]any {
	b.Helper()
	a := b.exchange(b.code(authPath(pairs...), username))
	if a.status != http.StatusOK {
		b.Fatalf("%d %s", a.status, a.text)
	}
	return a.json
}

// parts are the header and the claims of a token as they are on the wire.
func parts(t testing.TB, token any) (header, claims map[string]any, raw string) {
	t.Helper()
	text, _ := token.(string)
	pieces := strings.Split(text, ".")
	if len(pieces) != 3 {
		t.Fatalf("%q is no token", text)
	}
	for i, into := range []*map[string]any{&header, &claims} {
		data, err := base64.RawURLEncoding.DecodeString(pieces[i])
		if err == nil {
			err = json.Unmarshal(data, into)
		}
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		raw = string(data)
	}
	return header, claims, raw
}

// provider is what the library of others makes of the metadata.
func (b *bench) provider() (*oidc.Provider, *oauth2.Config, *oidc.IDTokenVerifier) {
	b.Helper()
	ctx := oidc.ClientContext(context.Background(), b.browser)
	p, err := oidc.NewProvider(ctx, b.url)
	if err != nil {
		b.Fatal(err)
	}
	config := &oauth2.Config{
		ClientID: DemoClientID, ClientSecret: DemoClientSecret, RedirectURL: callback, Endpoint: p.Endpoint(),
		Scopes: []string{"openid", "profile", "email", "groups", "offline_access"},
	}
	return p, config, p.Verifier(&oidc.Config{ClientID: DemoClientID, Now: b.now.Now, SupportedSigningAlgs: []string{"RS256", "PS256", "ES256", "EdDSA"}})
}
