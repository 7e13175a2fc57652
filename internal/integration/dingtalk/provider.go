package dingtalk

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
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
	q := url.Values{
		"redirect_uri":  {a.RedirectURI},
		"response_type": {"code"},
		"client_id":     {p.settings.key},
		"scope":         {p.settings.scope},
		"state":         {a.State},
		"prompt":        {p.settings.prompt},
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
	token, err := p.client.userToken(ctx, code)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	if len(p.settings.corpIDs) > 0 && !slices.Contains(p.settings.corpIDs, token.CorpID) {
		return gatehouse.Vouched{}, gatehouse.Errorf(gatehouse.Forbidden, "Only people of certain companies may sign in here, and the company you chose in DingTalk is not one of them. Sign in again and choose another company, or ask an administrator.")
	}
	me, err := p.client.me(ctx, token.AccessToken)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	if me.UnionID == "" {
		return gatehouse.Vouched{}, gatehouse.Errorf(gatehouse.Upstream, "DingTalk did not say who you are (the answer has no unionId), so nobody was signed in. Please try again; if it stays so, tell an administrator.")
	}
	member, err := p.member(ctx, me.UnionID)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	return p.vouch(me, member, token), nil
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

// member asks the app's company about a person: nil when anybody may come and
// the company does not know this one.
func (p *provider) member(ctx context.Context, unionID string) (*member, error) {
	id, err := p.client.userByUnionID(ctx, unionID)
	if err != nil {
		if p.settings.membership == "any" {
			return nil, nil //nolint:nilerr // anybody may come; what the directory says is a bonus
		}
		return nil, err
	}
	if id.ContactType != 0 || id.UserID == "" {
		if p.settings.membership == "any" {
			return nil, nil
		}
		return nil, errNotEmployed()
	}
	m, err := p.client.user(ctx, id.UserID)
	if err != nil {
		if p.settings.membership == "any" {
			return nil, nil //nolint:nilerr // as above
		}
		return nil, err
	}
	if m.UnionID != "" && m.UnionID != unionID {
		return nil, unusable(errors.New("the directory answered with somebody else than was asked for"))
	}
	return &m, nil
}

func errNotEmployed() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Forbidden, "Only employees of this company may sign in with DingTalk here, and its directory does not have you as one. Ask an administrator if that is wrong.")
}

// vouch puts together what is known. Personal values (nick, e-mail of users/me)
// are the person's own and prove nothing about the company; the directory's win.
func (p *provider) vouch(me person, m *member, t userToken) gatehouse.Vouched {
	v := gatehouse.Vouched{
		Subject: me.UnionID,
		Aliases: map[string]string{},
		Profile: gatehouse.Profile{Name: me.Nick, Nickname: me.Nick, Avatar: me.AvatarURL},
		Tokens: &gatehouse.Tokens{
			Access: t.AccessToken, Refresh: t.RefreshToken, Scopes: strings.Fields(p.settings.scope),
			ExpiresAt: p.client.env.Clock.Now().Add(time.Duration(t.ExpireIn) * time.Second),
		},
	}
	if me.OpenID != "" {
		v.Aliases["openid"] = me.OpenID
	}
	email := me.Email
	if m != nil {
		v.Aliases["userid"] = m.UserID
		v.Profile.Name = cmp.Or(m.Name, me.Nick)
		v.Profile.Title = m.Title
		v.Profile.Avatar = cmp.Or(m.Avatar, me.AvatarURL)
		email = cmp.Or(m.Email, me.Email)
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
