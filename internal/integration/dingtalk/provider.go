package dingtalk

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse"
)

// provider signs people in. Source of the flow: open.dingtalk.com, "Obtain
// identity credentials" (obtain-identity-credentials) and "Obtain a user token"
// (obtain-user-token). It is not OpenID Connect: no nonce (it is refused), no
// PKCE, no ID token.
type provider struct {
	settings settings
	client   *client
}

// Begin sends the person to DingTalk's own page, which shows the QR code and
// the choice of account and company.
func (p *provider) Begin(_ context.Context, a gatehouse.Attempt) (string, error) {
	if p.settings.flow == flowLegacy {
		return p.beginLegacy(a), nil
	}
	q := url.Values{
		"redirect_uri":  {a.RedirectURI},
		"response_type": {"code"},
		"client_id":     {p.settings.key},
		"scope":         {p.settings.scope},
		"state":         {a.State},
		"prompt":        {p.settings.prompt},
	}
	if a.Fresh && !slices.Contains(strings.Fields(p.settings.prompt), "login") {
		q.Set("prompt", "login "+p.settings.prompt) // the account has to be proved again, not taken from the browser
	}
	if len(p.settings.corpIDs) == 1 {
		q.Set("corpId", p.settings.corpIDs[0]) // nobody has to look for the one company that will do
	}
	return p.settings.login + "/oauth2/auth?" + q.Encode(), nil
}

// Finish redeems the code and says who came, after asking whether the person
// belongs to the company.
func (p *provider) Finish(ctx context.Context, _ gatehouse.Attempt, answer url.Values) (gatehouse.Vouched, error) {
	code, err := codeOf(answer)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	if p.settings.flow == flowLegacy {
		return p.finishLegacy(ctx, code)
	}
	token, err := p.client.userToken(ctx, code)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	if len(p.settings.corpIDs) > 0 && !slices.Contains(p.settings.corpIDs, token.CorpID) {
		return gatehouse.Vouched{}, gatehouse.Errorf(gatehouse.Forbidden, "Only people of certain companies may sign in here, and the company you chose in DingTalk is not one of them. Sign in again and choose another company, or ask an administrator.").
			With("company", token.CorpID)
	}
	me, err := p.client.me(ctx, token.AccessToken)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	if me.UnionID == "" {
		return gatehouse.Vouched{}, nameless()
	}
	company := ""
	if len(p.settings.corpIDs) > 0 {
		company = token.CorpID
	}
	f, err := p.member(ctx, company, me.UnionID)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	v := p.vouch(me, f)
	v.Tokens = &gatehouse.Tokens{
		Access: token.AccessToken, Refresh: token.RefreshToken, Scopes: strings.Fields(p.settings.scope),
		ExpiresAt: p.client.env.Clock.Now().Add(time.Duration(token.ExpireIn) * time.Second),
	}
	note(v.Facts, "company", token.CorpID)
	return v, nil
}

func nameless() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Upstream, "DingTalk did not say who you are (the answer has no unionId), so nobody was signed in. Please try again; if it stays so, tell an administrator.")
}

// codeOf is the code of the answer. DingTalk sends it as authCode and as code,
// with one value; two values are an answer put together by somebody else.
func codeOf(answer url.Values) (string, error) {
	if e := answer.Get("error"); e != "" {
		return "", gatehouse.Errorf(gatehouse.Forbidden, "DingTalk did not sign you in. You may have cancelled; if not, please try again.").
			Because(quoted("error", e))
	}
	code, authCode := answer["code"], answer["authCode"]
	all := append(slices.Clone(code), authCode...)
	if len(code) > 1 || len(authCode) > 1 || len(all) == 0 || all[0] != all[len(all)-1] || all[0] == "" || len(all[0]) > 512 {
		return "", gatehouse.Errorf(gatehouse.Invalid, "The answer that came from DingTalk has no usable code. Please sign in again.")
	}
	return all[0], nil
}

// found is what the directory of a company says about a person.
type found struct {
	member      *member // nil: it does not know them, and need not
	departments []department
	facts       map[string]string // for the administrator
}

// member asks a company's directory about a person: whether they are employed
// there, and as whom. Where anybody may come, what it says is a bonus.
func (p *provider) member(ctx context.Context, company, unionID string) (found, error) {
	f := found{facts: map[string]string{}}
	m, err := p.employed(ctx, company, unionID)
	if err != nil && p.settings.membership == "any" {
		f.because("directory", err)
		return f, nil
	}
	if err != nil {
		return found{}, err
	}
	f.member = &m
	p.readDepartments(ctx, company, &f)
	return f, nil
}

// employed is the one rule of who belongs to a company: the directory has the
// person, as an employee and not as an external contact, and has no other
// person in their place.
func (p *provider) employed(ctx context.Context, company, unionID string) (member, error) {
	id, err := p.client.userByUnionID(ctx, company, unionID)
	switch {
	case err != nil:
		return member{}, err
	case id.ContactType != 0:
		return member{}, gatehouse.Errorf(gatehouse.Forbidden, "Only employees of this company may sign in with DingTalk here, and its directory has you as an external contact. Ask an administrator if that is wrong.").
			With("contact_type", strconv.Itoa(id.ContactType)).With("userid", id.UserID)
	case id.UserID == "":
		return member{}, errNotEmployed()
	}
	m, err := p.client.user(ctx, company, id.UserID)
	if err != nil {
		return member{}, err
	}
	if m.UnionID != "" && m.UnionID != unionID {
		return member{}, unusable(errors.New("the directory answered with somebody else than was asked for"))
	}
	m.UserID = cmp.Or(m.UserID, id.UserID)
	return m, nil
}

// readDepartments adds the departments. That they cannot be read keeps nobody
// out; the administrator is told, by name, which permission is missing.
func (p *provider) readDepartments(ctx context.Context, company string, f *found) {
	if p.settings.groups == "none" {
		return
	}
	all, err := p.client.departmentsOf(ctx, company, f.member.UserID)
	if err != nil {
		f.because("departments_unread", err)
		return
	}
	f.departments = all
	var told []string
	for _, d := range all {
		told = append(told, d.path+" ("+strconv.FormatInt(d.id, 10)+")")
	}
	note(f.facts, "departments", strings.Join(told, ", "))
}

// because keeps an error that stopped nothing as facts.
func (f *found) because(name string, err error) {
	var e *gatehouse.Error
	if errors.As(err, &e) {
		maps.Copy(f.facts, e.Facts)
	}
	note(f.facts, name, err.Error())
}

func note(facts map[string]string, name, value string) {
	if value != "" {
		facts[name] = value
	}
}

func errNotEmployed() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Forbidden, "Only employees of this company may sign in with DingTalk here, and its directory does not have you as one. Ask an administrator if that is wrong.")
}

// vouch puts together what is known. Personal values (nick, e-mail of users/me)
// are the person's own and prove nothing about the company; the directory's win.
func (p *provider) vouch(me person, f found) gatehouse.Vouched {
	v := gatehouse.Vouched{
		Subject: me.UnionID,
		Aliases: map[string]string{},
		Profile: gatehouse.Profile{Name: me.Nick, Nickname: me.Nick, Avatar: me.AvatarURL},
		Facts:   f.facts,
	}
	if me.OpenID != "" {
		v.Aliases["openid"] = me.OpenID
	}
	email, m := me.Email, f.member
	if m != nil {
		v.Aliases["userid"] = m.UserID
		v.Profile.Name = cmp.Or(m.Name, me.Nick)
		v.Profile.Title = m.Title
		v.Profile.Avatar = cmp.Or(m.Avatar, me.AvatarURL)
		v.Profile.Phone = phone(m.StateCode, m.Mobile)
		email = cmp.Or(m.Email, me.Email)
	}
	for _, d := range f.departments {
		if p.settings.groups == "id" || d.path == "" {
			v.Profile.Groups = append(v.Profile.Groups, strconv.FormatInt(d.id, 10))
		} else {
			v.Profile.Groups = append(v.Profile.Groups, d.path)
		}
	}
	switch p.settings.emailSource {
	case "org_email":
		if m != nil && m.OrgEmail != "" {
			v.Profile.Email = m.OrgEmail
			if p.settings.emailVerified {
				v.Profile.Verified = gatehouse.Verified
			}
		}
	case "email":
		// A personal address: nobody vouches for it, so it never links by itself.
		if email != "" {
			v.Profile.Email, v.Profile.Verified = email, gatehouse.Unverified
		}
	}
	return v
}

// phone is a number of the directory with its country code; what is masked
// (third-party apps get 155****3240) is none.
func phone(stateCode, mobile string) string {
	if mobile == "" || strings.ContainsFunc(mobile, func(r rune) bool { return r < '0' || r > '9' }) {
		return ""
	}
	return "+" + cmp.Or(strings.TrimPrefix(stateCode, "+"), "86") + mobile
}
