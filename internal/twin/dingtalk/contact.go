package dingtalk

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tokenHeader is where the new API expects a token, and nowhere else.
const tokenHeader = "X-Acs-Dingtalk-Access-Token" // #nosec G101 -- a header's name

func (t *Twin) apiRoutes() []route {
	return []route{
		{"POST /v1.0/oauth2/userAccessToken", t.userAccessToken},
		{"POST /v1.0/oauth2/accessToken", t.appTokenV1},
		{"POST /v1.0/oauth2/{corpId}/token", t.corpToken},
		{"GET /v1.0/contact/users/me", t.contactUser},
		{"GET /v1.0/contact/users/{unionId}", t.contactUser},
		{"GET /v1.0/contact/empLeaveRecords", t.leaveRecords},
		{"/v1.0/", func(*call) answer {
			return apiError(http.StatusNotFound, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.")
		}},
	}
}

// apiGate is what the gateway of the new API checks before any API.
func (t *Twin) apiGate(c *call, app *App, path string) (answer, bool) {
	if !app.allows(c.ip()) {
		return apiForbidden("IpNotInWhiteList", ipText(c.ip(), app)), false
	}
	if t.tooFast(app, path, c.now) {
		return apiQPSLimited(), false
	}
	return answer{}, true
}

func missingToken() answer {
	return apiError(http.StatusBadRequest, "AuthenticationFailed.MissingParameter", "缺少参数：x-acs-dingtalk-access-token")
}

func badToken() answer {
	return apiError(http.StatusBadRequest, "InvalidAuthentication", "不合法的access_token")
}

// contactUser is GET /v1.0/contact/users/{unionId}, which takes the token of a
// person; "me" is that person.
func (t *Twin) contactUser(c *call) answer {
	value := c.Header.Get(tokenHeader)
	if value == "" {
		return missingToken()
	}
	tok, ok := t.state.Users[value]
	app := t.state.World.app(tok.App)
	if !ok || app == nil {
		return badToken()
	}
	if !c.now.Before(tok.Expires) {
		return apiError(http.StatusBadRequest, "accesstoken.expired", "access token已过期")
	}
	if refusal, ok := t.apiGate(c, app, "/v1.0/contact/users"); !ok {
		return refusal
	}
	if !slices.Contains(tok.Permissions, permContactRead) {
		return apiNoPermission(permContactRead)
	}
	person := t.state.World.person(tok.UnionID)
	if who := c.PathValue("unionId"); who != "" {
		person = t.state.World.seen(app, who)
	}
	if person == nil {
		return apiError(http.StatusNotFound, "invalidParameter.user.notFound", "找不到该用户")
	}
	return apiOK(t.contactView(person, app, slices.Contains(tok.Permissions, permContactMobile)))
}

type contactView struct {
	Nick      string `json:"nick"`
	AvatarURL string `json:"avatarUrl,omitempty"`
	Mobile    string `json:"mobile,omitempty"`
	OpenID    string `json:"openId"`
	UnionID   string `json:"unionId"`
	Email     string `json:"email,omitempty"`
	StateCode string `json:"stateCode,omitempty"`
	Visitor   bool   `json:"visitor"`
}

func (t *Twin) contactView(p *Person, app *App, mobile bool) contactView {
	v := contactView{
		Nick: p.Nick, AvatarURL: t.absolute(p.Avatar), OpenID: app.openID(p.UnionID), UnionID: app.unionID(p.UnionID),
		Email: p.Email, Visitor: p.Visitor,
	}
	if mobile && p.Mobile != "" {
		v.Mobile, v.StateCode = p.Mobile, stateCode(p.StateCode)
		if app.thirdParty() {
			v.Mobile = masked(p.Mobile)
		}
	}
	return v
}

// absolute completes an avatar's address.
func (t *Twin) absolute(avatar string) string {
	if strings.HasPrefix(avatar, "/") {
		return t.url + avatar
	}
	return avatar
}

func stateCode(s string) string {
	if s == "" {
		return "86"
	}
	return s
}

func masked(mobile string) string {
	if len(mobile) < 8 {
		return "****"
	}
	return mobile[:3] + "****" + mobile[len(mobile)-4:]
}

// leaveRecords is GET /v1.0/contact/empLeaveRecords, which takes an app's token.
func (t *Twin) leaveRecords(c *call) answer {
	value := c.Header.Get(tokenHeader)
	if value == "" {
		return missingToken()
	}
	tok, ok := t.state.Apps[value]
	app := t.state.World.app(tok.App)
	if !ok || app == nil || !c.now.Before(tok.Expires) {
		return badToken()
	}
	if refusal, ok := t.apiGate(c, app, "/v1.0/contact/empLeaveRecords"); !ok {
		return refusal
	}
	if !slices.Contains(tok.Permissions, permLeavers) || app.thirdParty() {
		return apiNoPermission(permLeavers)
	}
	span, ok := readSpan(c)
	if !ok {
		return apiError(http.StatusBadRequest, "invalidParameter.param.invalid", "参数不合法")
	}
	corp := t.state.World.company(app.CorpID)
	if corp == nil {
		return apiError(http.StatusInternalServerError, "system.error", "系统错误")
	}
	return apiOK(corp.leftIn(span))
}

type span struct {
	from, to     time.Time
	skip, atMost int
}

const (
	maxSpan    = 365 * 24 * time.Hour
	maxLeavers = 50
)

func readSpan(c *call) (span, bool) {
	s := span{to: c.now, atMost: maxLeavers}
	var err error
	if s.from, err = time.Parse(time.RFC3339, c.query.Get("startTime")); err != nil {
		return s, false
	}
	if end := c.query.Get("endTime"); end != "" {
		if s.to, err = time.Parse(time.RFC3339, end); err != nil {
			return s, false
		}
	}
	if s.skip, err = readCursor(c.query.Get("nextToken")); err != nil {
		return s, false
	}
	if most := c.query.Get("maxResults"); most != "" {
		if s.atMost, err = strconv.Atoi(most); err != nil {
			return s, false
		}
	}
	return s, s.atMost >= 1 && s.atMost <= maxLeavers && !s.to.Before(s.from) && s.to.Sub(s.from) <= maxSpan
}

// The cursor of leaveRecords begins as "0" and is opaque from then on.
const cursorPrefix = "DCCD"

func readCursor(text string) (int, error) {
	if text == "" || text == "0" {
		return 0, nil
	}
	rest, ok := strings.CutPrefix(text, cursorPrefix)
	n, err := strconv.ParseUint(rest, 36, 31)
	if !ok || err != nil {
		return 0, strconv.ErrSyntax
	}
	return int(n), nil // #nosec G115 -- 31 bits
}

type leaverView struct {
	UserID      string `json:"userId"`
	Name        string `json:"name"`
	StateCode   string `json:"stateCode,omitempty"`
	Mobile      string `json:"mobile,omitempty"`
	LeaveTime   string `json:"leaveTime"`
	LeaveReason string `json:"leaveReason"`
}

type leaverPage struct {
	NextToken string       `json:"nextToken"`
	Records   []leaverView `json:"records"`
}

// leftIn is one page. The last page has an empty nextToken: how DingTalk marks
// the end is not documented.
func (c *Company) leftIn(s span) leaverPage {
	page := leaverPage{Records: []leaverView{}}
	seen := 0
	for _, l := range c.Left {
		if l.LeftAt.Before(s.from) || l.LeftAt.After(s.to) {
			continue
		}
		seen++
		if seen <= s.skip {
			continue
		}
		if len(page.Records) == s.atMost {
			page.NextToken = cursorPrefix + strconv.FormatInt(int64(s.skip+s.atMost), 36)
			break
		}
		page.Records = append(page.Records, leaverView{
			UserID: l.UserID, Name: l.Name, StateCode: l.StateCode, Mobile: l.Mobile,
			LeaveTime: l.LeftAt.UTC().Format("2006-01-02T15:04:05Z"), LeaveReason: l.Reason,
		})
	}
	return page
}
