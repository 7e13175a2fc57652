package dingtalk

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func connectPath(page string, pairs ...string) string {
	q := url.Values{
		"appid": {DemoAppKey}, "response_type": {"code"}, "scope": {"snsapi_login"}, "state": {"s"}, "redirect_uri": {callback},
	}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return page + "?" + q.Encode()
}

// signedPath is the call that tells who a code is for.
func signedPath(key, secret, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp))
	q := url.Values{"accessKey": {key}, "timestamp": {timestamp}, "signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))}}
	return "/sns/getuserinfo_bycode?" + q.Encode()
}

func (b *bench) millis() string { return fmt.Sprint(b.clock().UnixMilli()) }

func (b *bench) snsCode(userID string) string {
	b.t.Helper()
	return b.answerOf(connectPath("/connect/qrconnect"), url.Values{"union_id": {DemoUnionID(userID)}}).Get("code")
}

func TestOlderSignIn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, page := range []string{"/connect/qrconnect", "/connect/oauth2/sns_authorize"} {
		if r := b.get(connectPath(page)); r.status != http.StatusOK || !strings.Contains(r.text, `action="/connect/qrconnect?`) {
			t.Errorf("%s answers %d", page, r.status)
		}
	}
	q := b.answerOf(connectPath("/connect/qrconnect"), url.Values{"union_id": {DemoUnionID("lina")}})
	if q.Get("code") == "" || q.Get("state") != "s" || len(q) != 2 {
		t.Errorf("came back with %v", q)
	}
	cancelled := b.answerOf(connectPath("/connect/qrconnect"), url.Values{"cancel": {"1"}})
	b.same(cancelled, url.Values{"error": {"access_denied"}, "state": {"s"}})
	body := map[string]string{"tmp_auth_code": q.Get("code")}
	r := b.post(signedPath(DemoAppKey, DemoAppSecret, b.millis()), body)
	user, _ := r.json["user_info"].(map[string]any)
	if ding, _ := user["dingId"].(string); !strings.HasPrefix(ding, "$:LWCP_v1:$") {
		t.Errorf("dingId is %q", ding)
	}
	delete(user, "dingId")
	b.same(r.json, map[string]any{"errcode": json.Number("0"), "errmsg": "ok", "user_info": map[string]any{
		"nick": "娜娜", "unionid": DemoUnionID("lina"), "openid": DemoOpenID("lina"), "main_org_auth_high_level": false,
	}})
	again := b.post(signedPath(DemoAppKey, DemoAppSecret, b.millis()), body)
	b.failed(again, "40078")
}

func TestOlderSignIn_Errors(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, pair := range map[string][2]string{
		"UnknownApp": {"appid", "x"}, "RedirectElsewhere": {"redirect_uri", "https://evil.example"},
		"ScopeIsFixed": {"scope", "openid"}, "CodeOnly": {"response_type", "token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := b.get(connectPath("/connect/qrconnect", pair[0], pair[1])); r.status != http.StatusBadRequest {
				t.Errorf("answered %d", r.status)
			}
		})
	}
	now := b.millis()
	early := fmt.Sprint(b.clock().Add(-61 * time.Second).UnixMilli())
	ahead := fmt.Sprint(b.clock().Add(61 * time.Second).UnixMilli())
	for name, c := range map[string]struct{ path, code string }{
		"TimestampIsANumber": {signedPath(DemoAppKey, DemoAppSecret, "now"), "853001"},
		"TooOld":             {signedPath(DemoAppKey, DemoAppSecret, early), "853002"},
		"FromTheFuture":      {signedPath(DemoAppKey, DemoAppSecret, ahead), "853002"},
		"UnknownKey":         {signedPath("x", DemoAppSecret, now), "853003"},
		"WrongSecret":        {signedPath(DemoAppKey, "x", now), "853004"},
		"UnknownCode":        {signedPath(DemoAppKey, DemoAppSecret, now), "40078"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b.failed(b.post(c.path, map[string]string{"tmp_auth_code": "x"}), c.code)
		})
	}
}

func TestOlderSignIn_CodesAreNotInterchangeable(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	older := b.snsCode("lina")
	if r := b.exchange(older); r.json["code"] != "invalidParameter.authCode.notFound" {
		t.Errorf("a code of the older flow bought a token: %s", r.text)
	}
	r := b.post(signedPath(DemoAppKey, DemoAppSecret, b.millis()), map[string]string{"tmp_auth_code": b.code("lina")})
	b.failed(r, "40078")
}

func TestSNSToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.get("/sns/gettoken?appid=" + DemoAppKey + "&appsecret=" + DemoAppSecret)
	if r.json["errmsg"] != "ok" || r.json["access_token"] == "" {
		t.Error(r.text)
	}
	b.failed(b.get("/sns/gettoken?appid="+DemoAppKey+"&appsecret=x"), "40096")
	b.failed(b.get("/sns/gettoken"), "40035")
}
