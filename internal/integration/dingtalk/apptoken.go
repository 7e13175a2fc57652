package dingtalk

import (
	"context"
	"errors"
	"sync"
	"time"

	"gatehouse"
)

// tokens keeps the app's own tokens, one for each company that it asked about,
// until shortly before their end. The zero value is empty.
type tokens struct {
	mu  sync.Mutex // held while one is fetched, so that only one is
	all map[string]appToken
}

// appToken is a token of the app, for the whole of a company.
type appToken struct {
	value   string
	expires time.Time
}

// mostTokenLife bounds what an answer may say of a token's life.
const mostTokenLife = 24 * time.Hour

func (t *tokens) forget(company, value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all[company].value == value {
		delete(t.all, company)
	}
}

// appToken is the app's token for a company, "" being the one that the app
// belongs to.
func (c *client) appToken(ctx context.Context, company string) (string, error) {
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	now := c.env.Clock.Now()
	if t := c.tokens.all[company]; now.Before(t.expires) {
		return t.value, nil
	}
	t, seconds, err := c.fetchToken(ctx, company)
	if err == nil && t == "" {
		err = unusable(errors.New("no token of the app in the answer"))
	}
	if err != nil {
		return "", err
	}
	if c.tokens.all == nil {
		c.tokens.all = map[string]appToken{}
	}
	life := min(time.Duration(min(max(seconds, 0), 1<<20))*time.Second*9/10, mostTokenLife)
	c.tokens.all[company] = appToken{t, now.Add(life)}
	return t, nil
}

// fetchToken gets a new token: for the app's own company (accessToken), or for a
// named one in which the app is installed ({corpId}/token). The two answers
// write their names differently.
func (c *client) fetchToken(ctx context.Context, company string) (value string, seconds int64, err error) {
	if company == "" {
		var t struct {
			AccessToken string `json:"accessToken"`
			ExpireIn    int64  `json:"expireIn"`
		}
		err = c.post(ctx, c.settings.api+"/v1.0/oauth2/accessToken",
			map[string]string{"appKey": c.settings.key, "appSecret": c.settings.secret}, &t)
		return t.AccessToken, t.ExpireIn, err
	}
	if !corpIDForm.MatchString(company) { // it becomes part of the address
		return "", 0, unusable(errors.New("the company's corpId is none"))
	}
	var t struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	err = c.post(ctx, c.settings.api+"/v1.0/oauth2/"+company+"/token", map[string]string{
		"client_id": c.settings.key, "client_secret": c.settings.secret, "grant_type": "client_credentials",
	}, &t)
	if name := nameOf(err); name == "unauthorized.client" || name == "unknownError" {
		err = gatehouse.Errorf(gatehouse.Unavailable, "The app of this connection is not installed in the DingTalk company that you chose, so Gatehouse cannot ask whether you belong to it. An administrator must install it there, or take the company off the list.").
			Because(err).With("company", company)
	}
	return t.AccessToken, t.ExpiresIn, err
}
