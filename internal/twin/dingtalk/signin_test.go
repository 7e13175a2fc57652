package dingtalk

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	b := newBench(t)

	people := b.get(authPath())
	for _, want := range []string{"<title>DingTalk (stand-in) · 钉钉（替身）</title>", `name="union_id" value="` + DemoUnionID("lina") + `"`, "李娜", "郭靖🐎", "Gatehouse"} {
		if !strings.Contains(people.text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if people.status != http.StatusOK || strings.Contains(people.text, "<script") {
		t.Errorf("the page answers %d, or holds a script", people.status)
	}

	consent := b.form(authPath(), url.Values{"union_id": {DemoUnionID("lina")}})
	for _, want := range []string{`name="consent"`, "Contact.User.Read", `name="corp_id" value="` + DemoCorpID + `"`} {
		if !strings.Contains(consent.text, want) {
			t.Errorf("the consent page lacks %s", want)
		}
	}

	q := b.answerOf(authPath(), url.Values{"union_id": {DemoUnionID("lina")}, "corp_id": {DemoCorpID}, "consent": {"agree"}})
	if q.Get("code") == "" || q.Get("code") != q.Get("authCode") || q.Get("state") != "st&te" || len(q) != 3 {
		t.Errorf("came back with %v", q)
	}
	tokens := b.exchange(q.Get("code"))
	b.same([]any{tokens.status, tokens.json["expireIn"], tokens.json["corpId"], len(tokens.json)}, []any{200, json.Number("7200"), DemoCorpID, 4})

	me := b.api("/v1.0/contact/users/me", tokens.json["accessToken"].(string))
	b.same(me.json, map[string]any{
		"nick": "娜娜", "avatarUrl": b.url + "/media/avatar/" + DemoUnionID("lina") + ".svg", "mobile": "18800000004",
		"openId": DemoOpenID("lina"), "unionId": DemoUnionID("lina"), "email": "lina.private@mail.example.net",
		"stateCode": "86", "visitor": false,
	})

	// The second time nothing is left to consent to.
	again := b.form(authPath(), url.Values{"union_id": {DemoUnionID("lina")}})
	if again.status != http.StatusFound {
		t.Errorf("consent was asked for again: %d", again.status)
	}
}

func TestSignIn_Cancel(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	q := b.answerOf(authPath(), url.Values{"cancel": {"1"}, "union_id": {DemoUnionID("lina")}})
	b.same(q, url.Values{"error": {"access_denied"}, "state": {"st&te"}})
}

func TestSignIn_Parameters(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, c := range map[string]struct {
		pairs []string
		says  string
	}{
		"UnknownClient":        {[]string{"client_id", "dingother"}, "900103"},
		"RedirectElsewhere":    {[]string{"redirect_uri", callback + "/x"}, "redirect_uri"},
		"RedirectMissing":      {[]string{"redirect_uri", "-"}, "redirect_uri"},
		"NoImplicitFlow":       {[]string{"response_type", "token"}, "response_type"},
		"NonceIsRefused":       {[]string{"nonce", "n"}, "nonce"},
		"PromptIsRequired":     {[]string{"prompt", "-"}, "prompt"},
		"PromptNoneIsUnknown":  {[]string{"prompt", "none"}, "prompt"},
		"ScopeIsRequired":      {[]string{"scope", "-"}, "scope"},
		"CorpIDNeedsItsScope":  {[]string{"scope", "openid", "corpId", DemoCorpID}, "scope"},
		"OrgTypeIsManagement":  {[]string{"org_type", "all"}, "org_type"},
		"OrgTypeNeedsItsScope": {[]string{"scope", "openid", "org_type", "management"}, "scope"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, r := range []reply{b.get(authPath(c.pairs...)), b.form(authPath(c.pairs...), url.Values{"union_id": {DemoUnionID("lina")}})} {
				if r.status != http.StatusBadRequest || !strings.Contains(r.text, c.says) || r.header.Get("Location") != "" {
					t.Errorf("got %d, without %s", r.status, c.says)
				}
			}
		})
	}
	for name, pairs := range map[string][]string{
		"LoginConsent":   {"prompt", "login consent"},
		"OpenIDAlone":    {"scope", "openid"},
		"CorpIDAlone":    {"scope", "corpid"},
		"MoreScopes":     {"scope", "openid corpid Contact.User.Read Contact.User.mobile"},
		"ExclusiveLogin": {"exclusiveLogin", "true", "exclusiveCorpId", DemoCorpID},
		"WithoutState":   {"state", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := b.get(authPath(pairs...)); r.status != http.StatusOK {
				t.Errorf("refused with %d", r.status)
			}
		})
	}
}

func TestSignIn_State(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if q := b.answerOf(authPath("state", "-"), url.Values{"cancel": {"1"}}); q.Has("state") {
		t.Errorf("a state came back that was not sent: %v", q)
	}
}

func TestSignIn_QRHalf(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.get(strings.Replace(authPath(), "/oauth2/auth", "/oauth2/challenge.htm", 1))
	if r.status != http.StatusOK || !strings.Contains(r.text, `action="/oauth2/auth?`) {
		t.Errorf("got %d: %s", r.status, r.text)
	}
}

func TestSignIn_Companies(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	zhoumin := url.Values{"union_id": {DemoUnionID("zhoumin")}, "consent": {"agree"}}
	corpOf := func(path string, fields url.Values) any {
		t.Helper()
		return b.exchange(b.answerOf(path, fields).Get("code")).json["corpId"]
	}

	page := b.form(authPath(), zhoumin)
	if page.status != http.StatusOK || !strings.Contains(page.text, DemoCorpID) || !strings.Contains(page.text, "云杉咨询") {
		t.Errorf("who is in two companies must choose: %d %s", page.status, page.text)
	}
	chosen := url.Values{"union_id": zhoumin["union_id"], "consent": {"agree"}, "corp_id": {DemoOtherCorpID}}
	b.same(corpOf(authPath(), chosen), DemoOtherCorpID)
	b.same(corpOf(authPath("corpId", DemoCorpID), zhoumin), DemoCorpID)
	// Who is in one company has nothing to choose, and cannot choose another.
	b.same(corpOf(authPath(), url.Values{"union_id": {DemoUnionID("alice")}, "consent": {"agree"}, "corp_id": {DemoOtherCorpID}}), DemoCorpID)
	// Without the scope, and for somebody without a company, there is none.
	b.same(corpOf(authPath("scope", "openid"), chosen), nil)
	b.same(corpOf(authPath(), url.Values{"union_id": {DemoUnionID("outsider")}, "consent": {"agree"}}), nil)
	b.same(corpOf(authPath(), url.Values{"union_id": {DemoUnionID("ext-mariana")}, "consent": {"agree"}}), nil)
	// Only organisations that the person administers.
	b.same(corpOf(authPath("org_type", "management"), url.Values{"union_id": {DemoUnionID("bob")}, "consent": {"agree"}}), nil)
	b.same(corpOf(authPath("org_type", "management"), url.Values{"union_id": {DemoUnionID("zhangwei")}, "consent": {"agree"}}), DemoCorpID)
}

func TestSignIn_Refused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(b.UpdateApp(DemoAppKey, func(a *App) { a.MembersOnly = true }))
	for name, c := range map[string]struct{ id, says string }{
		"OutsiderOfAnAppForMembers": {"outsider", "你不在组织内"},
		"ExternalContact":           {"ext-mariana", "11055"},
		"NeverActivated":            {"sunli", "未激活"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := b.form(authPath(), url.Values{"union_id": {DemoUnionID(c.id)}, "consent": {"agree"}})
			if r.status != http.StatusBadRequest || !strings.Contains(r.text, c.says) {
				t.Errorf("got %d: %s", r.status, r.text)
			}
		})
	}
	if b.code("lina") == "" {
		t.Error("a member was kept out of an app for members")
	}
	if r := b.form(authPath(), url.Values{"union_id": {"nobody"}}); r.status != http.StatusOK || !strings.Contains(r.text, "union_id") {
		t.Errorf("an unknown person must see the page again: %d", r.status)
	}
}

func TestSignIn_RemembersTheBrowser(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	done := b.form(authPath(), url.Values{"union_id": {DemoUnionID("carol")}, "consent": {"agree"}})
	cookie, err := http.ParseSetCookie(done.header.Get("Set-Cookie"))
	b.must(err)
	if cookie.Name != "twin_dingtalk_session" || !cookie.HttpOnly {
		t.Errorf("the cookie is %v", cookie)
	}
	req := b.request(http.MethodGet, authPath(), "", "")
	req.AddCookie(cookie)
	page := b.do(req)
	first := strings.Index(page.text, DemoUnionID("carol"))
	if page.status != http.StatusOK || first < 0 || first > strings.Index(page.text, DemoUnionID("manager4608")) {
		t.Errorf("the page must come up with Carol first")
	}
}

func TestSignIn_OneNameOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(b.SendCodeAs("authCode"))
	q := b.answerOf(authPath(), url.Values{"union_id": {DemoUnionID("lina")}, "consent": {"agree"}})
	if q.Has("code") || q.Get("authCode") == "" {
		t.Errorf("came back with %v", q)
	}
	if b.SendCodeAs() == nil || b.SendCodeAs("token") == nil {
		t.Error("a code was sent under no name, or under a wrong one")
	}
}

func TestUserAccessToken_Code(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	notFound := func(name string, r reply) {
		t.Helper()
		if r.status != http.StatusBadRequest || r.json["code"] != "invalidParameter.authCode.notFound" || r.json["message"] != "不合法的临时授权码" {
			t.Errorf("%s: %d %s", name, r.status, r.text)
		}
	}
	code := b.code("lina")
	if r := b.exchange(code); r.status != http.StatusOK {
		t.Fatal(r.text)
	}
	notFound("used twice", b.exchange(code))
	notFound("unknown", b.exchange("nothing"))

	late := b.code("lina")
	b.pass(5 * time.Minute)
	notFound("late", b.exchange(late))

	inApp, err := b.InAppCode(DemoAppKey, "lina")
	b.must(err)
	notFound("of another flow", b.exchange(inApp))

	other := DemoApp(callback)
	other.Key, other.Secret = "dingother", "other"
	b.must(b.AddApp(other))
	stolen := b.code("lina")
	notFound("of another app", b.post("/v1.0/oauth2/userAccessToken", map[string]string{
		"clientId": "dingother", "clientSecret": "other", "code": stolen, "grantType": "authorization_code",
	}))
	if r := b.exchange(stolen); r.status != http.StatusOK {
		t.Errorf("another app used up the code: %s", r.text)
	}
}

func TestUserAccessToken_Refresh(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.exchange(b.code("lina"))
	refresh := func(token any) reply {
		t.Helper()
		return b.post("/v1.0/oauth2/userAccessToken", map[string]any{
			"clientId": DemoAppKey, "clientSecret": DemoAppSecret, "refreshToken": token, "grantType": "refresh_token",
		})
	}
	b.pass(2 * time.Hour)
	expired := b.api("/v1.0/contact/users/me", first.json["accessToken"].(string))
	b.same([]any{expired.status, expired.json["code"]}, []any{400, "accesstoken.expired"})

	second := refresh(first.json["refreshToken"])
	if second.status != http.StatusOK || second.json["corpId"] != DemoCorpID || second.json["refreshToken"] == first.json["refreshToken"] {
		t.Fatalf("%d %s", second.status, second.text)
	}
	if me := b.api("/v1.0/contact/users/me", second.json["accessToken"].(string)); me.json["nick"] != "娜娜" {
		t.Error(me.text)
	}
	if r := refresh(first.json["refreshToken"]); r.json["code"] != "invalidParameter.authCode.notFound" {
		t.Errorf("a refresh token was good twice: %s", r.text)
	}
	b.pass(30 * 24 * time.Hour)
	if r := refresh(second.json["refreshToken"]); r.status != http.StatusBadRequest {
		t.Errorf("a refresh token was good for more than 30 days: %s", r.text)
	}
}
