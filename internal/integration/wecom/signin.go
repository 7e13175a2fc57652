package wecom

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration/authcode"
)

// door signs people in. WeCom knows no nonce, no PKCE and no prompt: what makes
// a code worthless to others is the token of the app, and nobody can be made to
// prove again who they are. There are no tokens of the person.
type door struct {
	settings
	client *authcode.Client
	token  appToken
	names  departmentNames
}

// clientAgent is in the User-Agent of WeCom's own browser, on the phone and on
// the computer.
const clientAgent = "wxwork/"

// Begin gives the address of WeCom's page: with the QR code in a browser
// (developer.work.weixin.qq.com/document/path/98152), or the one that asks
// nothing inside the client (path/91022). The parameters stand in the order of
// the documentation.
func (d *door) Begin(_ context.Context, a gatehouse.Attempt) (string, error) {
	esc := url.QueryEscape
	if strings.Contains(a.Agent, clientAgent) {
		return d.oauth + "/connect/oauth2/authorize?appid=" + esc(d.client.ID) + "&redirect_uri=" + esc(a.RedirectURI) +
			"&response_type=code&scope=" + d.scope + "&state=" + esc(a.State) + "&agentid=" + d.agentID + "#wechat_redirect", nil
	}
	lang := "en"
	if a.Locale == "zh-CN" {
		lang = "zh"
	}
	return d.login + "/wwlogin/sso/login?login_type=CorpApp&appid=" + esc(d.client.ID) + "&agentid=" + d.agentID +
		"&redirect_uri=" + esc(a.RedirectURI) + "&state=" + esc(a.State) + "&lang=" + lang, nil
}

// Finish asks whose the code is, and who that is in the company.
func (d *door) Finish(ctx context.Context, _ gatehouse.Attempt, answer url.Values) (gatehouse.Vouched, error) {
	code, err := d.client.Code(answer)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, authcode.Timeout)
	defer cancel()
	who, err := d.identify(ctx, code)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	facts := map[string]string{"company": d.client.ID}
	m, err := d.member(ctx, who.userID)
	switch {
	case err == nil:
	case errors.Is(err, gatehouse.Forbidden) && d.membership == "company" && m.unseen:
		note(facts, "directory", err.Error())
	default:
		return gatehouse.Vouched{}, err
	}
	if who.ticket != "" {
		if err := d.details(ctx, who, &m); err != nil {
			note(facts, "details_unread", err.Error())
		}
	}
	v := d.vouch(who.userID, m, facts)
	d.readDepartments(ctx, m, &v)
	return v, nil
}

// identity is whose a code is.
type identity struct {
	userID string // as WeCom writes it
	ticket string // for details that the person agreed to; "" = none
}

// identify asks auth/getuserinfo (path/98176, path/91023). It answers with a
// userid for everybody in the company, and with an openid for everybody else.
func (d *door) identify(ctx context.Context, code string) (identity, error) {
	told, err := d.get(ctx, "/cgi-bin/auth/getuserinfo", url.Values{"code": {code}})
	if err != nil {
		return identity{}, err
	}
	id, ok := authcode.Subject(cmp.Or(told["userid"], told["UserId"])) // the older spelling is met as well
	outside := authcode.Text(cmp.Or(told["openid"], told["OpenId"]))
	label := d.client.Label
	switch {
	case !ok && outside != "":
		err := gatehouse.Errorf(gatehouse.Forbidden, "Only people of this company may sign in with %s here, and it has you as somebody from outside. Ask an administrator if that is wrong.", label)
		if external := authcode.Text(told["external_userid"]); external != "" {
			err = err.With("external_userid", external)
		}
		return identity{}, err
	case !ok:
		return identity{}, d.client.Garbled(errors.New("getuserinfo: there is neither a userid nor an openid in the answer"))
	case strings.Contains(id, "/"): // CorpId/userid: of a company that is linked with this one
		return identity{}, gatehouse.Errorf(gatehouse.Forbidden, "Only people of this company may sign in with %s here, and you belong to a company that is linked with it. Ask an administrator if that is wrong.", label).
			With("userid", id)
	case !userIDForm.MatchString(id):
		return identity{}, d.client.Garbled(errors.New("getuserinfo: the userid is none"))
	}
	return identity{userID: id, ticket: authcode.Text(told["user_ticket"])}, nil
}

// member is a person of the directory.
type member struct {
	userID, name, alias, title, avatar, mobile, email, bizMail string
	departments                                                []int64
	unseen                                                     bool // the directory does not show them to the app
}

// Codes by which the directory says that it shows somebody not, or has them not.
const (
	notPrivileged = 60011
	noSuchUser    = 60111
)

// States of a member.
const (
	stateDisabled = 2
	stateLeft     = 5
)

// member asks user/get (path/90196).
func (d *door) member(ctx context.Context, userID string) (member, error) {
	told, err := d.get(ctx, "/cgi-bin/user/get", url.Values{"userid": {userID}})
	if n := codeOf(err); n == notPrivileged || n == noSuchUser {
		return member{unseen: n == notPrivileged}, gatehouse.Errorf(gatehouse.Forbidden, "The app of this connection at %s is not visible to you, so you cannot sign in with it. Ask an administrator to make it visible to you.", d.client.Label).Because(err)
	}
	if err != nil {
		return member{}, err
	}
	text := func(name string) string { return authcode.Text(told[name]) }
	m := member{
		userID: text("userid"), name: text("name"), alias: text("alias"), title: text("position"), avatar: text("avatar"),
		mobile: text("mobile"), email: text("email"), bizMail: text("biz_mail"),
	}
	if !strings.EqualFold(m.userID, userID) {
		return member{}, d.client.Garbled(errors.New("user/get: the directory answered with somebody else than was asked for"))
	}
	if state, _ := authcode.Integer(told["status"]); state == stateDisabled || state == stateLeft {
		return member{}, gatehouse.Errorf(gatehouse.Forbidden, "Your account at %s is not active any more, so you were not signed in. Ask an administrator of your company if that is wrong.", d.client.Label).
			With("status", strconv.FormatInt(state, 10))
	}
	list, _ := told["department"].([]any)
	for _, v := range list {
		if id, ok := authcode.Integer(v); ok && len(m.departments) < mostDepartments {
			m.departments = append(m.departments, id)
		}
	}
	return m, nil
}

// details asks auth/getuserdetail for what the person agreed to (path/95833).
func (d *door) details(ctx context.Context, who identity, m *member) error {
	told, err := d.post(ctx, "/cgi-bin/auth/getuserdetail", map[string]string{"user_ticket": who.ticket})
	if err != nil {
		return err
	}
	text := func(name string) string { return authcode.Text(told[name]) }
	if !strings.EqualFold(text("userid"), who.userID) {
		return d.client.Garbled(errors.New("getuserdetail: the details are somebody else's"))
	}
	m.avatar, m.mobile = cmp.Or(text("avatar"), m.avatar), cmp.Or(text("mobile"), m.mobile)
	m.email, m.bizMail = cmp.Or(text("email"), m.email), cmp.Or(text("biz_mail"), m.bizMail)
	return nil
}

// vouch puts together what is known. The subject is the userid in small
// letters: in a company no two differ by the size of letters alone.
func (d *door) vouch(userID string, m member, facts map[string]string) gatehouse.Vouched {
	v := gatehouse.Vouched{
		Subject: strings.ToLower(userID),
		Aliases: map[string]string{"userid": userID},
		Profile: gatehouse.Profile{
			Username: userID, Name: cmp.Or(m.name, userID), Nickname: m.alias, Title: m.title, Avatar: m.avatar, Phone: phone(m.mobile),
		},
		Facts: facts,
	}
	switch {
	case d.emailSource == "biz_mail" && m.bizMail != "":
		v.Profile.Email = m.bizMail
		if d.emailVerified {
			v.Profile.Verified = gatehouse.Verified
		}
	case d.emailSource == "email" && m.email != "":
		v.Profile.Email, v.Profile.Verified = m.email, gatehouse.Unverified
	}
	return v
}

// phone is a number with its country code, China's when it has none.
func phone(mobile string) string {
	mobile = strings.ReplaceAll(mobile, " ", "")
	number, international := strings.CutPrefix(mobile, "+")
	switch {
	case number == "" || !digits.MatchString(number):
		return ""
	case international:
		return mobile
	}
	return "+86" + number
}

func note(facts map[string]string, name, value string) {
	if value != "" {
		facts[name] = value
	}
}

// readDepartments adds the departments as groups. That they cannot be read keeps
// nobody out.
func (d *door) readDepartments(ctx context.Context, m member, v *gatehouse.Vouched) {
	if d.groups == "none" {
		return
	}
	var told []string
	asked := 0
	for _, id := range m.departments {
		if id == rootDepartment { // the company itself
			continue
		}
		path, err := d.departmentPath(ctx, id, &asked)
		if err != nil {
			note(v.Facts, "departments_unread", err.Error())
		}
		group := path
		if d.groups == "id" || path == "" {
			group = strconv.FormatInt(id, 10)
		}
		v.Profile.Groups = append(v.Profile.Groups, group)
		told = append(told, strings.TrimSpace(fmt.Sprintf("%s (%d)", path, id)))
	}
	note(v.Facts, "departments", strings.Join(told, ", "))
}
