package dingtalk

import (
	"crypto/subtle"
	"net/http"
	"slices"
	"time"
)

// appTokens issues tokens of an app, for the whole of its company.

type expiring struct {
	AccessToken string `json:"accessToken"`
	ExpireIn    int64  `json:"expireIn"`
}

// issueApp gives the token that is still good, with its life renewed. It gives
// a new one when the app's permissions changed since: a token carries the
// permissions of its day.
func (t *Twin) issueApp(app *App, now time.Time) string {
	t.changed = true
	t.state.sweep(now)
	grants := app.permissions()
	for value, tok := range t.state.Apps {
		if tok.App == app.Key && now.Before(tok.Expires) && slices.Equal(tok.Permissions, grants) {
			tok.Expires = now.Add(tokenLife)
			t.state.Apps[value] = tok
			return value
		}
	}
	value := secret()
	t.state.Apps[value] = appToken{App: app.Key, Permissions: grants, Expires: now.Add(tokenLife)}
	return value
}

// credentials finds the app that has this secret.
func (t *Twin) credentials(key, value string) *App {
	app := t.state.World.app(key)
	if app == nil || subtle.ConstantTimeCompare([]byte(app.Secret), []byte(value)) != 1 {
		return nil
	}
	return app
}

func badClient() answer {
	return apiError(http.StatusBadRequest, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")
}

// appTokenV1 is POST /v1.0/oauth2/accessToken.
func (t *Twin) appTokenV1(c *call) answer {
	if missing, ok := c.mandatory("appKey", "appSecret"); !ok {
		return missing
	}
	app := t.credentials(c.field("appKey"), c.field("appSecret"))
	if app == nil {
		return badClient()
	}
	if refusal, ok := t.apiGate(c, app, "/v1.0/oauth2/accessToken"); !ok {
		return refusal
	}
	return apiOK(expiring{AccessToken: t.issueApp(app, c.now), ExpireIn: int64(tokenLife.Seconds())})
}

// mandatory checks the JSON body of a call to the new API: a form is no body.
func (c *call) mandatory(names ...string) (answer, bool) {
	if c.json == nil {
		return apiMissing("body"), false
	}
	for _, name := range names {
		if c.field(name) == "" {
			return apiMissing(name), false
		}
	}
	return answer{}, true
}

// corpToken is POST /v1.0/oauth2/{corpId}/token.
func (t *Twin) corpToken(c *call) answer {
	if c.json == nil {
		return apiMissing("body")
	}
	corp := t.state.World.company(c.PathValue("corpId"))
	if corp == nil {
		return apiError(http.StatusInternalServerError, "unknownError", "未知错误")
	}
	if c.field("grant_type") != "client_credentials" {
		return apiError(http.StatusBadRequest, "unsupported.grant.type", "unsupported grant type")
	}
	app := t.credentials(c.field("client_id"), c.field("client_secret"))
	if app == nil {
		return apiError(http.StatusBadRequest, "invalid.client", "invalid client")
	}
	if app.CorpID != corp.CorpID {
		return apiError(http.StatusUnauthorized, "unauthorized.client", "unauthorized client")
	}
	return apiOK(struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}{t.issueApp(app, c.now), int64(tokenLife.Seconds())})
}

type oldToken struct {
	Code        int    `json:"errcode"`
	AccessToken string `json:"access_token"`
	Message     string `json:"errmsg"`
	ExpiresIn   int64  `json:"expires_in"`
}

// getToken is GET /gettoken. The surplus parameters that OAuth libraries send
// are let be.
func (t *Twin) getToken(c *call) answer {
	return t.oldTokenFor(c, "appkey", "appsecret", "缺少参数 corpid or appkey")
}

// snsToken is GET /sns/gettoken of the older sign-in.
func (t *Twin) snsToken(c *call) answer {
	return t.oldTokenFor(c, "appid", "appsecret", "缺少参数 appid")
}

func (t *Twin) oldTokenFor(c *call, keyName, secretName, missing string) answer {
	if c.query.Get(keyName) == "" {
		return oldError(40035, missing)
	}
	app := t.credentials(c.query.Get(keyName), c.query.Get(secretName))
	if app == nil {
		return oldError(40096, "不合法的appKey或appSecret")
	}
	if !app.allows(c.ip()) {
		return oldError(60020, ipText(c.ip(), app))
	}
	return asJSON(http.StatusOK, oldToken{
		AccessToken: t.issueApp(app, c.now), Message: "ok", ExpiresIn: int64(tokenLife.Seconds()),
	})
}

func ipText(ip string, app *App) string {
	return "访问ip不在白名单之中,request ip=" + ip + " appKey(" + app.Key + ")"
}

// userAccessToken is POST /v1.0/oauth2/userAccessToken.
func (t *Twin) userAccessToken(c *call) answer {
	if missing, ok := c.mandatory("clientId", "clientSecret", "grantType"); !ok {
		return missing
	}
	app := t.credentials(c.field("clientId"), c.field("clientSecret"))
	if app == nil {
		return badClient()
	}
	if refusal, ok := t.apiGate(c, app, "/v1.0/oauth2/userAccessToken"); !ok {
		return refusal
	}
	switch c.field("grantType") {
	case "authorization_code":
		if got, ok := t.takeCode(flowOAuth, app.Key, c.field("code"), c.now); ok {
			return t.issueUser(userToken{App: app.Key, UnionID: got.UnionID, CorpID: got.CorpID, Permissions: got.Permissions}, c.now)
		}
	case "refresh_token":
		// A refresh token is good once: its successor comes with the answer.
		value := c.field("refreshToken")
		if got, ok := t.state.Refresh[value]; ok && got.App == app.Key && c.now.Before(got.Expires) {
			delete(t.state.Refresh, value)
			return t.issueUser(got, c.now)
		}
	default:
		return apiError(http.StatusBadRequest, "invalidParameter.grantType", "不支持的grantType")
	}
	return apiError(http.StatusBadRequest, "invalidParameter.authCode.notFound", "不合法的临时授权码")
}

func (t *Twin) issueUser(tok userToken, now time.Time) answer {
	t.changed = true
	t.state.sweep(now)
	access, refresh := secret(), secret()
	tok.Expires = now.Add(tokenLife)
	t.state.Users[access] = tok
	tok.Expires = now.Add(refreshLife)
	t.state.Refresh[refresh] = tok
	return apiOK(struct {
		ExpireIn     int64  `json:"expireIn"`
		AccessToken  string `json:"accessToken"`
		RefreshToken string `json:"refreshToken"`
		CorpID       string `json:"corpId,omitempty"`
	}{int64(tokenLife.Seconds()), access, refresh, tok.CorpID})
}

// issueCode makes a code that is good once, for five minutes.
func (t *Twin) issueCode(c code, now time.Time) string {
	t.changed = true
	t.state.sweep(now)
	value := secret()
	c.Expires = now.Add(codeLife)
	t.state.Codes[value] = c
	return value
}

// takeCode uses a code up. One that belongs to another flow or app stays: it
// was not theirs to use.
func (t *Twin) takeCode(flow, appKey, value string, now time.Time) (code, bool) {
	got, ok := t.state.Codes[value]
	if !ok || got.Flow != flow || got.App != appKey {
		return code{}, false
	}
	t.changed = true
	delete(t.state.Codes, value)
	return got, now.Before(got.Expires)
}
