package dingtalk

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"

	"gatehouse"
)

// The older flow, which DingTalk archived: a page of the old host gives a code,
// and a signed call says whose it is. There are no tokens of the person in it,
// and it does not tell a company. Self-built apps of old have nothing else.
// Source: open.dingtalk.com, "sns/getuserinfo_bycode" (61677546842).

func (p *provider) beginLegacy(a gatehouse.Attempt) string {
	path := "/connect/qrconnect"
	if p.settings.legacyPage == "sns_authorize" {
		path = "/connect/oauth2/sns_authorize"
	}
	q := url.Values{
		"appid":         {p.settings.key},
		"response_type": {"code"},
		"scope":         {"snsapi_login"},
		"state":         {a.State},
		"redirect_uri":  {a.RedirectURI},
	}
	return p.settings.oapi + path + "?" + q.Encode()
}

func (p *provider) finishLegacy(ctx context.Context, code string) (gatehouse.Vouched, error) {
	me, err := p.client.byCode(ctx, code)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	if me.UnionID == "" {
		return gatehouse.Vouched{}, nameless()
	}
	f, err := p.member(ctx, "", me.UnionID)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	return p.vouch(me, f), nil
}

// byCode asks sns/getuserinfo_bycode. What stands in for a token is a signature
// of the present time, in milliseconds, which may be a minute off.
func (c *client) byCode(ctx context.Context, code string) (person, error) {
	timestamp := strconv.FormatInt(c.env.Clock.Now().UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(c.settings.secret))
	mac.Write([]byte(timestamp))
	q := url.Values{
		"accessKey": {c.settings.key},
		"timestamp": {timestamp},
		"signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}
	answer := struct {
		failure
		User struct {
			Nick    string `json:"nick"`
			UnionID string `json:"unionid"`
			OpenID  string `json:"openid"`
		} `json:"user_info"`
	}{}
	err := c.post(ctx, c.settings.oapi+"/sns/getuserinfo_bycode?"+q.Encode(), map[string]string{"tmp_auth_code": code}, &answer)
	if err == nil {
		err = answer.err()
	}
	u := answer.User
	return person{Nick: u.Nick, UnionID: u.UnionID, OpenID: u.OpenID}, err
}
