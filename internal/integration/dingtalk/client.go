package dingtalk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"gatehouse/internal/integration"
	"gatehouse/internal/outgoing"
)

// maxAnswer bounds an answer. The largest we ask for, one person of the
// directory, has a few kilobytes.
const maxAnswer = 1 << 20

// client asks DingTalk. One client belongs to one app (AppKey).
type client struct {
	settings settings
	env      integration.Env

	tokens      tokens      // of the app
	departments departments // names that were read lately
}

// userToken is the answer of POST /v1.0/oauth2/userAccessToken.
type userToken struct {
	AccessToken  string `json:"accessToken"`
	RefreshToken string `json:"refreshToken"`
	ExpireIn     int64  `json:"expireIn"` // seconds
	CorpID       string `json:"corpId"`   // only with scope corpid, when a company was chosen
}

// person is the answer of GET /v1.0/contact/users/me: account-level, personal values.
type person struct {
	Nick      string `json:"nick"`
	AvatarURL string `json:"avatarUrl"`
	OpenID    string `json:"openId"`
	UnionID   string `json:"unionId"`
	Email     string `json:"email"`
}

// unionAnswer is the result of topapi/user/getbyunionid.
type unionAnswer struct {
	UserID      string `json:"userid"`
	ContactType int    `json:"contact_type"` // 0 employee, 1 external
}

// member is the result of topapi/v2/user/get, as far as we use it.
type member struct {
	UserID    string `json:"userid"`
	UnionID   string `json:"unionid"`
	Name      string `json:"name"`
	Avatar    string `json:"avatar"`
	Title     string `json:"title"`
	Email     string `json:"email"`
	OrgEmail  string `json:"org_email"`
	Mobile    string `json:"mobile"`
	StateCode string `json:"state_code"`
}

func (c *client) userToken(ctx context.Context, code string) (userToken, error) {
	var t userToken
	err := c.post(ctx, c.settings.api+"/v1.0/oauth2/userAccessToken", map[string]string{
		"clientId": c.settings.key, "clientSecret": c.settings.secret, "code": code, "grantType": "authorization_code",
	}, &t)
	if err == nil && t.AccessToken == "" {
		err = unusable(errors.New("no accessToken in the answer"))
	}
	return t, err
}

func (c *client) me(ctx context.Context, token string) (person, error) {
	var p person
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.settings.api+"/v1.0/contact/users/me", nil)
	if err != nil {
		return p, err
	}
	r.Header.Set("x-acs-dingtalk-access-token", token)
	return p, c.do(r, &p)
}

func (c *client) userByUnionID(ctx context.Context, company, unionID string) (unionAnswer, error) {
	var u unionAnswer
	err := c.topapi(ctx, company, "/topapi/user/getbyunionid", map[string]any{"unionid": unionID}, &u)
	if code(err) == 60121 {
		return u, errNotEmployed().Because(err)
	}
	return u, err
}

func (c *client) user(ctx context.Context, company, userID string) (member, error) {
	var m member
	err := c.topapi(ctx, company, "/topapi/v2/user/get", map[string]any{"userid": userID, "language": "zh_CN"}, &m)
	if code(err) == 60121 || code(err) == 33012 {
		return m, errNotEmployed().Because(err)
	}
	return m, err
}

// topapi asks the old API about a company ("" = the app's own). Its answers are
// HTTP 200 with an errcode.
func (c *client) topapi(ctx context.Context, company, path string, in, result any) error {
	return c.withToken(ctx, company, func(token string) error {
		answer := struct {
			failure
			Punish string          `json:"punish"`
			Result json.RawMessage `json:"result"`
		}{}
		address := c.settings.oapi + path + "?access_token=" + url.QueryEscape(token)
		if err := c.post(ctx, address, in, &answer); err != nil {
			return err
		}
		if err := answer.err(); err != nil {
			return err
		}
		if answer.Punish != "" {
			return explain(&apiError{Code: codeBlocked, Message: "punish " + answer.Punish})
		}
		return decode(answer.Result, result)
	})
}

// codeBlocked stands for DingTalk's answer to an address that sent too many
// requests ({"status":1111,"punish":"deny"}), which is none of the API.
const codeBlocked = 1111

// withToken makes a call with the app's token for a company. A token that
// DingTalk does not know any more is fetched anew, once.
func (c *client) withToken(ctx context.Context, company string, call func(token string) error) error {
	for try := 0; ; try++ {
		token, err := c.appToken(ctx, company)
		if err != nil {
			return err
		}
		err = call(token)
		k := code(err)
		if try == 0 && (k == 40014 || k == 42001 || nameOf(err) == "InvalidAuthentication") {
			c.tokens.forget(company, token)
			continue
		}
		return err
	}
}

func (c *client) post(ctx context.Context, address string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	return c.do(r, out)
}

// do sends a request and reads the JSON of a good answer, or the error of one
// that is not.
func (c *client) do(r *http.Request, out any) error {
	r.Header.Set("Accept", "application/json")
	answer, err := c.env.HTTP.Do(r)
	if err != nil {
		return unreachable(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return unusable(outgoing.Redact(err))
	}
	if len(body) > maxAnswer {
		return unusable(fmt.Errorf("the answer is longer than %d bytes", maxAnswer))
	}
	if answer.StatusCode/100 != 2 {
		return refusal(answer.StatusCode, body)
	}
	return decode(body, out)
}

func decode(body []byte, out any) error {
	if err := json.Unmarshal(body, out); err != nil {
		return unusable(fmt.Errorf("%s is not the JSON we expect: %w", excerpt(body), err))
	}
	return nil
}

// excerpt is the beginning of a page that came in place of an answer, for the
// administrator. Of anything else it tells only the length: JSON that is not as
// we expect may hold a token all the same.
func excerpt(body []byte) string {
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return fmt.Sprintf("an answer of %d bytes", len(body))
	}
	return strconv.Quote(strings.ToValidUTF8(string(body[:min(len(body), 80)]), "?"))
}
