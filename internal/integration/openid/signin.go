package openid

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"gatehouse"
	"gatehouse/internal/integration/authcode"
)

// door signs people in by the authorization code flow (OpenID Connect Core 3.1).
type door struct {
	settings
	client   *authcode.Client
	clock    gatehouse.Clock
	log      *slog.Logger
	metadata *cache[metadata]
	keys     *cache[[]jose.JSONWebKey]
	warned   sync.Once // of a redirect_uri that is not ours
}

// Begin gives the address of the provider's own page.
func (d *door) Begin(ctx context.Context, a gatehouse.Attempt) (string, error) {
	m, err := d.metadata.get(ctx)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(m.Authorization)
	if err != nil {
		return "", d.client.Garbled(fmt.Errorf("authorization_endpoint: %q is not an address", clip(m.Authorization)))
	}
	if d.redirect != "" && d.redirect != a.RedirectURI {
		d.warned.Do(func() {
			d.log.WarnContext(ctx, "args.client_options.redirect_uri is not this installation's callback and has no effect", "setting", d.redirect, "callback", a.RedirectURI)
		})
	}
	u.RawQuery = d.request(u.Query(), a).Encode()
	return u.String(), nil
}

// request adds the parameters of the authorization request to those that the
// endpoint has itself.
func (d *door) request(q url.Values, a gatehouse.Attempt) url.Values {
	if a.LoginHint != "" {
		q.Set("login_hint", a.LoginHint)
	}
	if a.Locale != "" {
		q.Set("ui_locales", a.Locale)
	}
	maps.Copy(q, d.params)
	if a.Fresh {
		maps.Copy(q, d.fresh)
	}
	q.Set("client_id", d.client.ID)
	q.Set("redirect_uri", a.RedirectURI)
	q.Set("response_type", "code")
	q.Set("scope", strings.Join(d.scopes, " "))
	q.Set("state", a.State)
	q.Set("nonce", a.Nonce)
	if d.pkce && a.Verifier != "" {
		q.Set("code_challenge", oauth2.S256ChallengeFromVerifier(a.Verifier))
		q.Set("code_challenge_method", "S256")
	}
	return q
}

// Finish takes the code to the provider, checks what it says and puts it into
// our words.
func (d *door) Finish(ctx context.Context, a gatehouse.Attempt, answer url.Values) (gatehouse.Vouched, error) {
	ctx, cancel := context.WithTimeout(ctx, authcode.Timeout)
	defer cancel()
	m, err := d.metadata.get(ctx)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	if err := d.checkSender(m, answer); err != nil {
		return gatehouse.Vouched{}, err
	}
	code, err := d.client.Code(answer)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	tokens, err := d.client.Redeem(ctx, m.Token, d.authMethod(m), d.exchange(a, code))
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	told, err := d.checkToken(ctx, a, tokens)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	if err := d.checkHosted(told.claims); err != nil {
		return gatehouse.Vouched{}, err
	}
	all, err := d.askMore(ctx, m, told.claims, tokens.Access)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	v, err := d.vouch(all)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	v.AuthAt, v.Origin = told.authAt, d.origin(told.claims, tokens.IDToken)
	v.TwoFactors = askedTwice(told.claims, d.two)
	tokens.ID = tokens.IDToken
	if len(tokens.Scopes) == 0 {
		tokens.Scopes = slices.Clone(d.scopes) // RFC 6749 5.1: not said means as asked
	}
	v.Tokens = &tokens.Tokens
	return v, nil
}

func (d *door) exchange(a gatehouse.Attempt, code string) url.Values {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.RedirectURI}}
	if d.pkce && a.Verifier != "" {
		form.Set("code_verifier", a.Verifier)
	}
	if d.sendScope {
		form.Set("scope", strings.Join(d.scopes, " "))
	}
	return form
}

// Refresh renews the tokens. A provider may take the old pair back at once, so
// the caller must not renew the same pair twice at a time.
func (d *door) Refresh(ctx context.Context, old gatehouse.Tokens) (gatehouse.Tokens, error) {
	m, err := d.metadata.get(ctx)
	if err != nil {
		return gatehouse.Tokens{}, err
	}
	return d.client.Refresh(ctx, m.Token, d.authMethod(m), old)
}

// LogoutURL is the address at which the provider ends its session (OpenID
// Connect RP-Initiated Logout 2); "" when the provider has none. idToken and
// returnTo may be "".
func (d *door) LogoutURL(ctx context.Context, idToken, returnTo string) (string, error) {
	m, err := d.metadata.get(ctx)
	if err != nil || m.EndSession == "" {
		return "", err
	}
	u, err := url.Parse(m.EndSession)
	if err != nil {
		return "", d.client.Garbled(fmt.Errorf("end_session_endpoint: %q is not an address", clip(m.EndSession)))
	}
	q := u.Query()
	q.Set("client_id", d.client.ID)
	if idToken != "" {
		q.Set("id_token_hint", idToken)
	}
	if d.afterwards != "" {
		returnTo = d.afterwards
	}
	if returnTo != "" {
		q.Set("post_logout_redirect_uri", returnTo)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}
