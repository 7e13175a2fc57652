package dingtalk

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const callback = "https://hub.example.com/users/auth/dingtalk/callback"

// bench is a twin behind a server, a clock that moves when told, and an app.
type bench struct {
	*Twin
	t      *testing.T
	url    string
	client *http.Client

	mu  sync.Mutex
	now time.Time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, now: time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.ServeHTTP(w, r) }))
	b.url = "http://" + server.Listener.Addr().String()
	twin, err := New(Config{URL: b.url, Clock: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	b.Twin = twin
	b.must(twin.AddApp(DemoApp(callback)))
	server.Start()
	t.Cleanup(server.Close)
	b.client = server.Client()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// reply is an answer with its body read and, where it is JSON, decoded.
type reply struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

func (b *bench) do(req *http.Request) reply {
	b.t.Helper()
	resp, err := b.client.Do(req)
	b.must(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	b.must(err)
	r := reply{status: resp.StatusCode, header: resp.Header, text: string(body)}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.UseNumber()
		b.must(dec.Decode(&r.json))
	}
	return r
}

func (b *bench) request(method, path, contentType, body string) *http.Request {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(body))
	b.must(err)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return req
}

func (b *bench) get(path string) reply {
	b.t.Helper()
	return b.do(b.request(http.MethodGet, path, "", ""))
}

func (b *bench) post(path string, body any) reply {
	b.t.Helper()
	data, err := json.Marshal(body)
	b.must(err)
	return b.do(b.request(http.MethodPost, path, "application/json", string(data)))
}

func (b *bench) form(path string, fields url.Values) reply {
	b.t.Helper()
	return b.do(b.request(http.MethodPost, path, "application/x-www-form-urlencoded", fields.Encode()))
}

// authPath is the current sign-in with the parameters that DingTalk's pages
// name; pairs change them, and "-" takes one away.
func authPath(pairs ...string) string {
	q := url.Values{
		"redirect_uri": {callback}, "response_type": {"code"}, "client_id": {DemoAppKey}, "scope": {"openid corpid"},
		"state": {"st&te"}, "prompt": {"consent"},
	}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "-" {
			q.Del(pairs[i])
		} else {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return "/oauth2/auth?" + q.Encode()
}

// answerOf is what the sign-in sends back to the caller.
func (b *bench) answerOf(path string, fields url.Values) url.Values {
	b.t.Helper()
	r := b.form(path, fields)
	if r.status != http.StatusFound {
		b.t.Fatalf("the sign-in answered %d: %s", r.status, r.text)
	}
	to, err := url.Parse(r.header.Get("Location"))
	b.must(err)
	if got := to.Scheme + "://" + to.Host + to.Path; got != callback {
		b.t.Fatalf("the sign-in went to %s", got)
	}
	return to.Query()
}

// code signs a person in and returns the code.
func (b *bench) code(userID string, pairs ...string) string {
	b.t.Helper()
	q := b.answerOf(authPath(pairs...), url.Values{"union_id": {DemoUnionID(userID)}, "consent": {"agree"}, "corp_id": {DemoCorpID}})
	return q.Get("code")
}

func (b *bench) exchange(code string) reply {
	b.t.Helper()
	return b.post("/v1.0/oauth2/userAccessToken", map[string]string{
		"clientId": DemoAppKey, "clientSecret": DemoAppSecret, "code": code, "grantType": "authorization_code",
	})
}

// userToken signs a person in and returns the access token.
func (b *bench) userToken(userID string, pairs ...string) string {
	b.t.Helper()
	r := b.exchange(b.code(userID, pairs...))
	token, _ := r.json["accessToken"].(string)
	if token == "" {
		b.t.Fatalf("no token: %d %s", r.status, r.text)
	}
	return token
}

func (b *bench) api(path, token string) reply {
	b.t.Helper()
	req := b.request(http.MethodGet, path, "", "")
	if token != "" {
		req.Header.Set("x-acs-dingtalk-access-token", token)
	}
	return b.do(req)
}

func (b *bench) appToken() string {
	b.t.Helper()
	r := b.post("/v1.0/oauth2/accessToken", map[string]string{"appKey": DemoAppKey, "appSecret": DemoAppSecret})
	token, _ := r.json["accessToken"].(string)
	if token == "" {
		b.t.Fatalf("no token: %d %s", r.status, r.text)
	}
	return token
}

// top calls the old API with a fresh token.
func (b *bench) top(path string, body map[string]any) reply {
	b.t.Helper()
	r := b.post(path+"?access_token="+b.appToken(), body)
	if r.status != http.StatusOK {
		b.t.Fatalf("the old API answered %d: it always answers 200", r.status)
	}
	return r
}

// result is the data of a call to the old API that went well.
func (b *bench) result(path string, body map[string]any) map[string]any {
	b.t.Helper()
	r := b.top(path, body)
	result, ok := r.json["result"].(map[string]any)
	if !ok || r.json["errcode"] != json.Number("0") || r.json["errmsg"] != "ok" {
		b.t.Fatalf("%s: %s", path, r.text)
	}
	return result
}

func (b *bench) same(got, want any) {
	b.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("not as wanted (-want +got):\n%s", diff)
	}
}

// failed says that the old API refused with this code.
func (b *bench) failed(r reply, code string) {
	b.t.Helper()
	if r.json["errcode"] != json.Number(code) {
		b.t.Errorf("got %s, want errcode %s", r.text, code)
	}
	if _, there := r.json["result"]; there {
		b.t.Errorf("a refusal carries a result: %s", r.text)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	bad := map[string]Config{
		"AddressMustBeAbsolute": {URL: "localhost"},
		"RootMustExist":         {World: &World{Companies: []Company{{CorpID: "ding1"}}}},
		"UnionIDsAreUnique":     {World: &World{People: []Person{{UnionID: "a"}, {UnionID: "a"}}}},
		"AppNeedsItsCompany":    {World: &World{Apps: []App{{Key: "k", Secret: "s", CorpID: "ding1"}}}},
		"StateMustBeReadable":   {State: os.DevNull + "/x"},
	}
	for name, config := range bad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := New(config); err == nil {
				t.Error("it was taken")
			}
		})
	}
}

func TestDemoWorld(t *testing.T) {
	t.Parallel()
	w := DemoWorld()
	if diff := cmp.Diff(w, DemoWorld()); diff != "" {
		t.Errorf("it is not the same each time:\n%s", diff)
	}
	if err := w.check(); err != nil {
		t.Fatal(err)
	}
	corp := w.company(DemoCorpID)
	staff := 0
	for _, m := range corp.Members {
		if !m.External {
			staff++
		}
	}
	if staff != 20 || len(corp.Departments) != 9 || len(corp.path(DemoIdentity)) != 4 {
		t.Errorf("%d people in %d departments", staff, len(corp.Departments))
	}
	if got := len(w.memberships(DemoUnionID("zhoumin"))); got != 2 {
		t.Errorf("zhoumin is in %d companies", got)
	}
	if got := len(w.memberships(DemoUnionID("outsider"))); got != 0 {
		t.Errorf("the outsider is in %d companies", got)
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "dingtalk.json")
	first, err := New(Config{State: file})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		first.AddApp(DemoApp(callback)),
		first.RemoveUser(DemoCorpID, "lina", ""),
		first.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	code, err := first.InAppCode(DemoAppKey, "alice")
	if err != nil {
		t.Fatal(err)
	}

	second, err := New(Config{State: file, World: &World{}})
	if err != nil {
		t.Fatal(err)
	}
	before, after := first.World(), second.World()
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the world changed between runs:\n%s", diff)
	}
	if _, ok := second.state.Codes[code]; !ok {
		t.Error("the code was lost")
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the state holds secrets and is %v (%v)", info.Mode(), err)
	}
	if left, _ := filepath.Glob(file + ".*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.get("/v1.0/nothing/here")
	b.top("/topapi/v2/user/get", map[string]any{"userid": "lina"})
	b.top("/topapi/v2/user/get", map[string]any{"userid": "alice"})
	b.same(b.Requests(), map[string]int{"/v1.0/": 1, "/topapi/v2/user/get": 2, "/v1.0/oauth2/accessToken": 2})
}

func TestHostileBodies(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.do(b.request(http.MethodPost, "/v1.0/oauth2/accessToken", "application/json", strings.Repeat(" ", maxBody+1)))
	if r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a body that is too large got %d", r.status)
	}
}
