package gitlab

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"gatehouse"
)

// freshSkew is how far GitLab's clock may be from ours, and how long before a
// fresh sign-in was asked for the person may have signed in to GitLab.
const freshSkew = time.Minute

// openID says whether the sign-in is one of OpenID Connect to GitLab. Only then
// does it heed max_age and send an ID token.
func (d *door) openID() bool { return slices.Contains(d.scopes, "openid") }

// authAt reads out of the ID token when the person signed in to GitLab; zero when
// that is not said. Who the person is was asked of GitLab's API, so a token that
// speaks of somebody else is a contradiction. Its signature is not looked at: it
// came from GitLab itself, over TLS (OpenID Connect Core 3.1.3.7, point 6).
func (d *door) authAt(a gatehouse.Attempt, v gatehouse.Vouched) (time.Time, error) {
	if v.Tokens.ID == "" {
		return time.Time{}, nil
	}
	var c struct {
		Audience string `json:"aud"`
		Subject  string `json:"sub"`
		Nonce    string `json:"nonce"`
		AuthTime int64  `json:"auth_time"`
	}
	parts := strings.Split(v.Tokens.ID, ".")
	if len(parts) != 3 {
		return time.Time{}, errGarbled().Because(errors.New("the ID token is none"))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(raw, &c) != nil {
		return time.Time{}, errGarbled().Because(errors.New("the ID token cannot be read"))
	}
	var at time.Time
	if c.AuthTime > 0 {
		at = time.Unix(c.AuthTime, 0)
	}
	switch {
	case c.Audience != d.appID || c.Subject != v.Subject || c.Nonce != a.Nonce:
		return at, errGarbled().Because(errors.New("the ID token is of another person, application or sign-in"))
	case a.Fresh && at.Before(a.CreatedAt.Add(-freshSkew)):
		return at, gatehouse.Errorf(gatehouse.Forbidden, "GitLab did not ask you again who you are, which is needed here. Sign out there, and then do it again; or confirm in another way.").
			Because(errors.New("ID token: auth_time is missing or from before the sign-in was asked for (max_age)"))
	}
	return at, nil
}
