package dingtalk

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"
)

var (
	apiRequestID = regexp.MustCompile(`^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$`)
	topRequestID = regexp.MustCompile(`^[0-9a-z]{13}$`)
)

// apiRefused checks an error of the new API as a whole.
func (b *bench) apiRefused(r reply, status int, code, message string) {
	b.t.Helper()
	b.same([]any{r.status, r.json["code"], r.json["message"]}, []any{status, code, message})
	id, _ := r.json["requestid"].(string)
	if !apiRequestID.MatchString(id) || r.header.Get("x-acs-request-id") != id || r.header.Get("x-acs-trace-id") == "" || r.header.Get("Server") != "DingTalk/1.0.0" {
		b.t.Errorf("the ids are wrong: %s %v", r.text, r.header)
	}
}

func TestAPIErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const userToken, appToken = "/v1.0/oauth2/userAccessToken", "/v1.0/oauth2/accessToken"

	b.apiRefused(b.form(userToken, url.Values{"clientId": {DemoAppKey}}), 400, "Missingbody", "body is mandatory for this action.")
	b.apiRefused(b.do(b.request(http.MethodPost, userToken, "application/json", "")), 400, "Missingbody", "body is mandatory for this action.")
	b.apiRefused(b.post(userToken, map[string]string{"client_id": DemoAppKey, "client_secret": "x", "grant_type": "authorization_code"}),
		400, "MissingclientId", "clientId is mandatory for this action.")
	b.apiRefused(b.post(userToken, map[string]string{"clientId": DemoAppKey, "clientSecret": "wrong", "code": "c", "grantType": "authorization_code"}),
		400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")
	b.apiRefused(b.post(userToken, map[string]string{"clientId": DemoAppKey, "clientSecret": DemoAppSecret, "code": "c", "grantType": "password"}),
		400, "invalidParameter.grantType", "不支持的grantType")
	b.apiRefused(b.post(appToken, map[string]string{"appKey": "ding-nobody", "appSecret": "x"}),
		400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")

	noSuch := "Specified api is not found, please check your url and method."
	b.apiRefused(b.get("/v1.0/contact/nothing"), 404, "InvalidAction.NotFound", noSuch)
	b.apiRefused(b.get(userToken), 404, "InvalidAction.NotFound", noSuch)
	outside := b.get("/nothing")
	b.same([]any{outside.status, outside.json}, []any{200, map[string]any{"errcode": json.Number("404"), "errmsg": "请求的URI地址不存在"}})
}

func TestContactUser(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const me = "/v1.0/contact/users/me"
	token := b.userToken("zhangwei")

	b.apiRefused(b.api(me, ""), 400, "AuthenticationFailed.MissingParameter", "缺少参数：x-acs-dingtalk-access-token")
	bearer := b.request(http.MethodGet, me, "", "")
	bearer.Header.Set("Authorization", "Bearer "+token)
	b.apiRefused(b.do(bearer), 400, "AuthenticationFailed.MissingParameter", "缺少参数：x-acs-dingtalk-access-token")
	b.apiRefused(b.api(me, "nonsense"), 400, "InvalidAuthentication", "不合法的access_token")
	b.apiRefused(b.api(me, b.appToken()), 400, "InvalidAuthentication", "不合法的access_token")

	if r := b.api("/v1.0/contact/users/"+DemoUnionID("lina"), token); r.json["unionId"] != DemoUnionID("lina") {
		t.Error(r.text)
	}
	b.apiRefused(b.api("/v1.0/contact/users/nobody", token), 404, "invalidParameter.user.notFound", "找不到该用户")

	// What is unset is left out, not null.
	wang := b.api(me, b.userToken("wangfang"))
	b.same(wang.json, map[string]any{
		"nick": "王芳", "mobile": "18800000005", "openId": DemoOpenID("wangfang"), "unionId": DemoUnionID("wangfang"),
		"stateCode": "86", "visitor": false,
	})
	if r := b.api(me, b.userToken("david")); r.json["stateCode"] != "1" || r.json["mobile"] != "4155550136" {
		t.Error(r.text)
	}
}

func TestContactUser_Permissions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const me = "/v1.0/contact/users/me"
	denied := func(r reply) {
		t.Helper()
		b.apiRefused(r, 403, "Forbidden.AccessDenied.AccessTokenPermissionDenied",
			"没有调用该接口的权限，接口权限申请参考：https://open.dingtalk.com/document/orgapp-server/add-api-permission")
		b.same(r.json["accessdenieddetail"], map[string]any{"requiredScopes": []any{"Contact.User.Read"}})
	}
	grant := func(permissions ...string) {
		b.must(b.UpdateApp(DemoAppKey, func(a *App) { a.Permissions = permissions }))
	}

	// Nobody consented: the token may read nothing.
	denied(b.api(me, b.userToken("lina", "prompt", "login")))

	grant("qyapi_get_member")
	old := b.userToken("lina")
	denied(b.api(me, old))

	grant("Contact.User.Read")
	denied(b.api(me, old)) // a permission reaches only sign-ins that come after
	r := b.api(me, b.userToken("lina"))
	if _, there := r.json["mobile"]; there || r.json["nick"] != "娜娜" {
		t.Error(r.text)
	}
}

func TestThirdPartyApp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(b.AddApp(App{Key: "suitetest", Secret: "s", CorpID: DemoCorpID, Developer: "someone else", RedirectURIs: []string{callback}}))
	app := b.state.World.app("suitetest")
	union := app.unionID(DemoUnionID("lina"))
	if union == DemoUnionID("lina") {
		t.Fatal("another developer sees the same unionId")
	}
	code := b.answerOf(authPath("client_id", "suitetest"), url.Values{"union_id": {union}, "consent": {"agree"}}).Get("code")
	r := b.post("/v1.0/oauth2/userAccessToken", map[string]string{"clientId": "suitetest", "clientSecret": "s", "code": code, "grantType": "authorization_code"})
	me := b.api("/v1.0/contact/users/me", r.json["accessToken"].(string))
	b.same([]any{me.json["unionId"], me.json["mobile"]}, []any{union, "188****0004"})
	if me.json["openId"] == DemoOpenID("lina") {
		t.Error("the openId is the same in two apps")
	}
}

func TestAppTokens(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	token := b.appToken()
	pair := url.Values{"appkey": {DemoAppKey}, "appsecret": {DemoAppSecret}}

	// The same one on both hosts, renewed while it is good.
	b.pass(time.Hour)
	old := b.get("/gettoken?" + pair.Encode())
	b.same(old.json, map[string]any{"errcode": json.Number("0"), "access_token": token, "errmsg": "ok", "expires_in": json.Number("7200")})
	b.pass(90 * time.Minute)
	if b.appToken() != token {
		t.Error("asking again did not renew the token")
	}
	corp := b.post("/v1.0/oauth2/"+DemoCorpID+"/token", map[string]string{"client_id": DemoAppKey, "client_secret": DemoAppSecret, "grant_type": "client_credentials"})
	b.same(corp.json, map[string]any{"access_token": token, "expires_in": json.Number("7200")})
	b.pass(2 * time.Hour)
	if b.appToken() == token {
		t.Error("an expired token was given out")
	}

	// The surplus that OAuth libraries send does no harm.
	pair.Set("grant_type", "authorization_code")
	pair.Set("client_id", DemoAppKey)
	b.same(b.get("/gettoken?" + pair.Encode()).json["errmsg"], "ok")
	b.same(b.get("/gettoken?appkey="+DemoAppKey+"&appsecret=x").json, map[string]any{"errcode": json.Number("40096"), "errmsg": "不合法的appKey或appSecret"})
	b.same(b.get("/gettoken").json, map[string]any{"errcode": json.Number("40035"), "errmsg": "缺少参数 corpid or appkey"})
}

func TestCorpToken_Errors(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, c := range map[string]struct {
		corp, secret, grant string
		status              int
		code                string
	}{
		"NoSuchCompany":  {"dingnobody", DemoAppSecret, "client_credentials", 500, "unknownError"},
		"WrongSecret":    {DemoCorpID, "x", "client_credentials", 400, "invalid.client"},
		"WrongGrant":     {DemoCorpID, DemoAppSecret, "password", 400, "unsupported.grant.type"},
		"AnotherCompany": {DemoOtherCorpID, DemoAppSecret, "client_credentials", 401, "unauthorized.client"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := b.post("/v1.0/oauth2/"+c.corp+"/token", map[string]string{"client_id": DemoAppKey, "client_secret": c.secret, "grant_type": c.grant})
			if r.status != c.status || r.json["code"] != c.code {
				t.Errorf("%d %s", r.status, r.text)
			}
		})
	}
}

func TestLeaveRecords(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(b.RemoveUser(DemoCorpID, "lina", ""))
	b.pass(time.Hour)
	b.must(b.RemoveUser(DemoCorpID, "bob", "delete"))
	const path = "/v1.0/contact/empLeaveRecords?"
	read := func(pairs ...string) reply {
		t.Helper()
		q := url.Values{"startTime": {"2026-09-01T00:00:00Z"}, "endTime": {"2026-09-02T00:00:00Z"}, "nextToken": {"0"}, "maxResults": {"1"}}
		for i := 0; i < len(pairs); i += 2 {
			q.Set(pairs[i], pairs[i+1])
		}
		return b.api(path+q.Encode(), b.appToken())
	}

	first := read()
	b.same(first.json["records"], []any{map[string]any{
		"userId": "lina", "name": "李娜", "stateCode": "86", "mobile": "18800000004", "leaveTime": "2026-09-01T08:00:00Z", "leaveReason": "leave",
	}})
	next, _ := first.json["nextToken"].(string)
	second := read("nextToken", next)
	if records := second.json["records"].([]any); len(records) != 1 || records[0].(map[string]any)["leaveReason"] != "delete" || second.json["nextToken"] != "" {
		t.Errorf("the last page is %s", second.text)
	}
	b.same(read("startTime", "2026-09-01T08:30:00Z", "maxResults", "50").json["records"].([]any)[0].(map[string]any)["userId"], "bob")
	b.same(read("endTime", "2026-09-01T07:00:00Z").json["records"], []any{})

	for name, pair := range map[string][2]string{
		"TooMany": {"maxResults", "51"}, "None": {"maxResults", "0"}, "NoTime": {"startTime", "yesterday"},
		"TooLong": {"startTime", "2025-08-31T00:00:00Z"}, "Backwards": {"endTime", "2026-08-01T00:00:00Z"}, "ForeignToken": {"nextToken", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			b.apiRefused(read(pair[0], pair[1]), 400, "invalidParameter.param.invalid", "参数不合法")
		}) //nolint:paralleltest // they share the clock
	}

	b.apiRefused(b.api(path, ""), 400, "AuthenticationFailed.MissingParameter", "缺少参数：x-acs-dingtalk-access-token")
	b.apiRefused(b.api(path, b.userToken("alice")), 400, "InvalidAuthentication", "不合法的access_token")
	b.must(b.UpdateApp(DemoAppKey, func(a *App) { a.Permissions = []string{} }))
	if r := read(); r.status != 403 || fmt.Sprint(r.json["accessdenieddetail"]) != "map[requiredScopes:[Contact.Common.Read]]" {
		t.Errorf("%d %s", r.status, r.text)
	}
}

func TestAllowedIPs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user, app := b.userToken("lina"), b.appToken()
	b.must(b.UpdateApp(DemoAppKey, func(a *App) { a.AllowedIPs = []string{"192.0.2.1"} }))
	text := "访问ip不在白名单之中,request ip=127.0.0.1 appKey(" + DemoAppKey + ")"

	b.apiRefused(b.api("/v1.0/contact/users/me", user), 403, "Forbidden.AccessDenied.IpNotInWhiteList", text)
	r := b.post("/topapi/v2/user/get?access_token="+app, map[string]string{"userid": "lina"})
	b.same([]any{r.json["errcode"], r.json["sub_code"], r.json["sub_msg"]}, []any{json.Number("88"), "60020", text})
	b.failed(b.get("/auth/scopes?access_token="+app), "60020")
}

func TestQPS(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(b.UpdateApp(DemoAppKey, func(a *App) { a.QPS = 2 }))
	user, app := b.userToken("lina"), b.appToken()
	get := func() reply {
		return b.post("/topapi/v2/user/get?access_token="+app, map[string]string{"userid": "lina"})
	}
	for range 2 {
		b.same(get().json["errmsg"], "ok")
		b.same(b.api("/v1.0/contact/users/me", user).status, 200)
	}
	b.same(get().json["sub_code"], "90018")
	r := b.api("/v1.0/contact/users/me", user)
	b.same([]any{r.status, r.json["code"]}, []any{403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"})
	b.pass(time.Second)
	b.same(get().json["errmsg"], "ok")
}
