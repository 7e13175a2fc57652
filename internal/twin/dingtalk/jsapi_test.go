package dingtalk

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

const jsapiPath = "/dingtalk-jsapi/dingtalk.open.js"

// TestJSAPI_GivesACodeOfThePersonWhoIsSignedIn: the same code that the client
// would give, good once, at getuserinfo and nowhere else.
func TestJSAPI_GivesACodeOfThePersonWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	tw, err := New(Config{URL: "http://twin.test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := tw.AddApp(DemoApp("http://hub.test/cb")); err != nil {
		t.Fatal(err)
	}
	get := func(query string, cookies []*http.Cookie) (int, string) {
		r := httptest.NewRequest(http.MethodGet, jsapiPath+query, nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		rec := httptest.NewRecorder()
		tw.ServeHTTP(rec, r)
		body, _ := io.ReadAll(rec.Result().Body)
		return rec.Code, string(body)
	}
	if status, body := get("", nil); status != http.StatusOK || !strings.Contains(body, "requestAuthCode") {
		t.Errorf("the library: %d %s", status, body)
	}
	ask := "?id=0&corpId=" + DemoCorpID + "&clientId=" + DemoAppKey
	if _, body := get(ask, nil); strings.Contains(body, `"code"`) {
		t.Errorf("nobody is signed in, and yet: %s", body)
	}
	q := url.Values{"client_id": {DemoAppKey}, "redirect_uri": {"http://hub.test/cb"}, "response_type": {"code"}, "scope": {"openid"}, "prompt": {"consent"}}
	signIn := func(who string) []*http.Cookie {
		r := httptest.NewRequest(http.MethodPost, "/oauth2/auth?"+q.Encode(), strings.NewReader(url.Values{"union_id": {DemoUnionID(who)}, "consent": {"agree"}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		rec := httptest.NewRecorder()
		tw.ServeHTTP(rec, r)
		return rec.Result().Cookies()
	}
	lina := signIn("lina")
	_, body := get(ask, lina)
	m := regexp.MustCompile(`^window\.__twinDingTalk\("0", \{"code":"([a-z0-9]+)"\}\);\n$`).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("no code: %s", body)
	}
	tw.mu.Lock()
	got := tw.state.Codes[m[1]]
	tw.mu.Unlock()
	if got.Flow != flowInApp || got.UnionID != DemoUnionID("lina") {
		t.Errorf("%+v", got)
	}
	for name, query := range map[string]string{
		"AnotherCompany": "?id=0&corpId=" + DemoOtherCorpID + "&clientId=" + DemoAppKey,
		"AnotherApp":     "?id=0&corpId=" + DemoCorpID + "&clientId=another",
	} {
		if _, body := get(query, lina); strings.Contains(body, `"code"`) {
			t.Errorf("%s: %s", name, body)
		}
	}
	if _, body := get(ask, signIn("outsider")); strings.Contains(body, `"code"`) {
		t.Errorf("somebody of no company: %s", body)
	}
	if status, body := get("?id="+url.QueryEscape("0);alert(1"), lina); status != http.StatusNotFound || strings.Contains(body, "alert") {
		t.Errorf("%d %s", status, body)
	}
}
