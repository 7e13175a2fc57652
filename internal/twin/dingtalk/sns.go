package dingtalk

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The older sign-in, which DingTalk archived and which is still met: GitLab's
// own integration used it until it was removed.

// older reads the parameters of its sign-in pages.
func (t *Twin) older(next func(*ask) answer) handler {
	return func(c *call) answer {
		a := &ask{call: c, flow: flowSNS, app: t.state.World.app(c.query.Get("appid")), scopes: strings.Fields(c.query.Get("scope"))}
		wrong := &trouble{"40078", "应用不存在：appid 有误", "There is no app with this appid."}
		switch {
		case a.app == nil:
		case c.query.Get("response_type") != "code":
			wrong = invalid("response_type", "must be code")
		case !slices.Equal(a.scopes, []string{"snsapi_login"}):
			wrong = invalid("scope", "must be snsapi_login")
		default:
			a, wrong = a.withRedirect(c.query.Get("redirect_uri"))
		}
		if wrong != nil {
			return t.troublePage(*wrong)
		}
		a.action = "/connect/qrconnect?" + c.URL.RawQuery
		return next(a)
	}
}

type snsUser struct {
	Nick     string `json:"nick"`
	UnionID  string `json:"unionid"`
	DingID   string `json:"dingId"`
	OpenID   string `json:"openid"`
	HighAuth bool   `json:"main_org_auth_high_level"`
}

// snsUserInfo is POST /sns/getuserinfo_bycode: who the code is for.
func (t *Twin) snsUserInfo(c *call) answer {
	app, refusal, ok := t.signed(c)
	if !ok {
		return refusal
	}
	got, ok := t.takeCode(flowSNS, app.Key, c.text("tmp_auth_code"), c.now)
	person := t.state.World.person(got.UnionID)
	if !ok || person == nil {
		return oldError(40078, "不存在的临时授权码")
	}
	return asJSON(http.StatusOK, struct {
		Code    int     `json:"errcode"`
		Message string  `json:"errmsg"`
		User    snsUser `json:"user_info"`
	}{0, "ok", snsUser{
		Nick: person.Nick, UnionID: app.unionID(person.UnionID), OpenID: app.openID(person.UnionID),
		DingID: "$:LWCP_v1:$" + derive(22, "ding", person.UnionID) + "==",
	}})
}

// signed checks the signature that stands in for a token.
func (t *Twin) signed(c *call) (*App, answer, bool) {
	timestamp := c.query.Get("timestamp")
	ms, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return nil, oldError(853001, "时间戳不是数字"), false
	}
	if off := c.now.Sub(time.UnixMilli(ms)); off > time.Minute || off < -time.Minute {
		return nil, oldError(853002, "时间戳与服务器时间相差超过一分钟"), false
	}
	app := t.state.World.app(c.query.Get("accessKey"))
	if app == nil {
		return nil, oldError(853003, "不存在的accessKey"), false
	}
	mac := hmac.New(sha256.New, []byte(app.Secret))
	mac.Write([]byte(timestamp))
	if !hmac.Equal([]byte(base64.StdEncoding.EncodeToString(mac.Sum(nil))), []byte(c.query.Get("signature"))) {
		return nil, oldError(853004, "签名不匹配"), false
	}
	if !app.allows(c.ip()) {
		return nil, oldError(60020, ipText(c.ip(), app)), false
	}
	return app, answer{}, true
}
