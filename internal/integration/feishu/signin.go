package feishu

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"gatehouse"
	"gatehouse/internal/integration/authcode"
)

// Paths of the API. Source: open.feishu.cn, "Obtain an authorization code",
// "Obtain user_access_token" (v2) and "Obtain user information".
const (
	authorizePath = "/open-apis/authen/v1/authorize"
	tokenPath     = "/open-apis/authen/v2/oauth/token" // #nosec G101 -- an address
	userPath      = "/open-apis/authen/v1/user_info"
)

// door signs people in. It asks for no nonce and knows no prompt: Feishu has
// neither, so that a person cannot be made to prove again who they are.
type door struct {
	settings
	client *authcode.Client
}

// Begin gives the address of Feishu's own page, which shows the QR code and the
// choice of account. Inside the Feishu client it asks nothing.
func (d *door) Begin(_ context.Context, a gatehouse.Attempt) (string, error) {
	q := url.Values{
		"client_id": {d.client.ID}, "response_type": {"code"}, "redirect_uri": {a.RedirectURI}, "state": {a.State},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(a.Verifier)}, "code_challenge_method": {"S256"},
	}
	if len(d.scopes) > 0 {
		q.Set("scope", strings.Join(d.scopes, " "))
	}
	return d.accounts + authorizePath + "?" + q.Encode(), nil
}

// Finish redeems the code, asks who came, and keeps out whoever is of a company
// that is not listed.
func (d *door) Finish(ctx context.Context, a gatehouse.Attempt, answer url.Values) (gatehouse.Vouched, error) {
	code, err := d.client.Code(answer)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, authcode.Timeout)
	defer cancel()
	tokens, err := d.redeem(ctx, map[string]string{
		"grant_type": "authorization_code", "code": code, "redirect_uri": a.RedirectURI, "code_verifier": a.Verifier,
	})
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	p, err := d.person(ctx, tokens.Access)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	if len(d.tenants) > 0 && !slices.Contains(d.tenants, p.TenantKey) {
		return gatehouse.Vouched{}, gatehouse.Errorf(gatehouse.Forbidden, "Only people of certain companies may sign in here with %s, and yours is not one of them. Sign in with an account of another company, or ask an administrator.", d.client.Label).
			With("tenant_key", p.TenantKey)
	}
	v := d.vouch(p)
	v.Tokens = &tokens
	return v, nil
}

// Refresh renews the tokens of a person. They have a refresh token only with the
// scope offline_access, and one is good once.
func (d *door) Refresh(ctx context.Context, old gatehouse.Tokens) (gatehouse.Tokens, error) {
	if old.Refresh == "" {
		return gatehouse.Tokens{}, d.client.Ended()
	}
	ctx, cancel := context.WithTimeout(ctx, authcode.Timeout)
	defer cancel()
	fresh, err := d.redeem(ctx, map[string]string{"grant_type": "refresh_token", "refresh_token": old.Refresh})
	if err != nil {
		return gatehouse.Tokens{}, err
	}
	fresh.Refresh = cmp.Or(fresh.Refresh, old.Refresh)
	if len(fresh.Scopes) == 0 {
		fresh.Scopes = old.Scopes
	}
	return fresh, nil
}

// redeem asks the token endpoint, whose fields stand beside its code, without
// the envelope that other answers have.
func (d *door) redeem(ctx context.Context, fields map[string]string) (gatehouse.Tokens, error) {
	fields["client_id"], fields["client_secret"] = d.client.ID, d.client.Secret
	body, err := json.Marshal(fields)
	if err != nil {
		return gatehouse.Tokens{}, fmt.Errorf("write the token request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.api+tokenPath, bytes.NewReader(body))
	if err != nil {
		return gatehouse.Tokens{}, d.client.Garbled(errors.New("the token endpoint's address is not one"))
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	told, err := d.ask(req)
	if err != nil {
		return gatehouse.Tokens{}, err
	}
	t := gatehouse.Tokens{Access: authcode.Text(told["access_token"]), Refresh: authcode.Text(told["refresh_token"]), Scopes: strings.Fields(authcode.Text(told["scope"]))}
	if kind := authcode.Text(told["token_type"]); t.Access == "" || kind != "" && !strings.EqualFold(kind, "bearer") {
		return gatehouse.Tokens{}, d.client.Garbled(errors.New("token endpoint: no access token of the type Bearer in the answer"))
	}
	if n, ok := authcode.Integer(told["expires_in"]); ok && n > 0 && n < mostSeconds {
		t.ExpiresAt = d.client.Clock.Now().Add(time.Duration(n) * time.Second)
	}
	return t, nil
}

const mostSeconds = int64(10 * 365 * 24 * 60 * 60)

// person is what user_info tells.
type person struct {
	UnionID, OpenID, UserID, TenantKey  string
	Name, EnglishName, Avatar           string
	Email, EnterpriseEmail, Mobile, Job string
}

func (d *door) person(ctx context.Context, token string) (person, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.api+userPath, nil)
	if err != nil {
		return person{}, d.client.Garbled(errors.New("the API's address is not one"))
	}
	req.Header.Set("Authorization", "Bearer "+token)
	told, err := d.ask(req)
	if err != nil {
		return person{}, err
	}
	data, _ := told["data"].(map[string]any)
	text := func(name string) string { return authcode.Text(data[name]) }
	p := person{
		OpenID: text("open_id"), UserID: text("user_id"), TenantKey: text("tenant_key"),
		Name: text("name"), EnglishName: text("en_name"), Avatar: cmp.Or(text("avatar_middle"), text("avatar_url")),
		Email: text("email"), EnterpriseEmail: text("enterprise_email"), Mobile: text("mobile"), Job: text("employee_no"),
	}
	var ok bool
	if p.UnionID, ok = authcode.Subject(data["union_id"]); !ok {
		return person{}, d.client.Garbled(errors.New("user_info: there is no union_id in the answer"))
	}
	return p, nil
}

// vouch puts together what is known. The addresses were entered by the company
// and not proved by the person, so none counts as verified by itself.
func (d *door) vouch(p person) gatehouse.Vouched {
	v := gatehouse.Vouched{
		Subject: p.UnionID,
		Aliases: map[string]string{},
		Profile: gatehouse.Profile{Name: cmp.Or(p.Name, p.EnglishName), Nickname: p.EnglishName, Avatar: p.Avatar, Phone: phone(p.Mobile)},
		Facts:   map[string]string{},
	}
	for kind, id := range map[string]string{"openid": p.OpenID, "user_id": p.UserID} {
		if id != "" {
			v.Aliases[kind] = id
		}
	}
	for name, value := range map[string]string{"tenant_key": p.TenantKey, "employee_no": p.Job} {
		if value != "" {
			v.Facts[name] = value
		}
	}
	switch {
	case d.emailSource == "enterprise_email" && p.EnterpriseEmail != "":
		v.Profile.Email = p.EnterpriseEmail
		if d.emailVerified {
			v.Profile.Verified = gatehouse.Verified
		}
	case d.emailSource == "email" && p.Email != "":
		v.Profile.Email, v.Profile.Verified = p.Email, gatehouse.Unverified
	}
	return v
}

// phone leaves out a number that is masked.
func phone(mobile string) string {
	if strings.ContainsFunc(strings.TrimPrefix(mobile, "+"), func(r rune) bool { return r < '0' || r > '9' }) {
		return ""
	}
	return mobile
}
