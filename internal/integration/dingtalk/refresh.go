package dingtalk

import (
	"cmp"
	"context"
	"errors"
	"time"

	"gatehouse"
)

// Refresh renews a person's tokens ("Obtain a user token", grantType
// refresh_token). A refresh token lives 30 days, and a refresh gives a new pair.
// That an old one is refused as an unknown code is inferred: DingTalk documents
// no error of its own for it.
func (p *provider) Refresh(ctx context.Context, old gatehouse.Tokens) (gatehouse.Tokens, error) {
	if old.Refresh == "" {
		return gatehouse.Tokens{}, errEnded()
	}
	t, err := p.client.renew(ctx, old.Refresh)
	if errors.Is(err, gatehouse.Expired) {
		return gatehouse.Tokens{}, errEnded().Because(err)
	}
	if err != nil {
		return gatehouse.Tokens{}, err
	}
	return gatehouse.Tokens{
		Access: t.AccessToken, Refresh: cmp.Or(t.RefreshToken, old.Refresh), Scopes: old.Scopes, // it tells none
		ExpiresAt: p.client.env.Clock.Now().Add(time.Duration(t.ExpireIn) * time.Second),
	}, nil
}

func (c *client) renew(ctx context.Context, refresh string) (userToken, error) {
	var t userToken
	err := c.post(ctx, c.settings.api+"/v1.0/oauth2/userAccessToken", map[string]string{
		"clientId": c.settings.key, "clientSecret": c.settings.secret, "refreshToken": refresh, "grantType": "refresh_token",
	}, &t)
	if err == nil && t.AccessToken == "" {
		err = unusable(errors.New("no accessToken in the answer"))
	}
	return t, err
}

func errEnded() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Expired, "DingTalk does not renew this access any more: it was unused for too long, or was taken back. Sign in with DingTalk again.")
}
