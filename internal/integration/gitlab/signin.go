package gitlab

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"gatehouse"
	"gatehouse/internal/integration"
)

const (
	signInTimeout = 25 * time.Second // of the two requests of a sign-in together
	maxProfile    = 1 << 20          // bytes of an answer to /user
)

// door signs people in through GitLab's OAuth application, as GitLab's own
// omniauth-gitlab does: authorization code, then /api/v4/user. The ID token of
// the same GitLab is not used: it lives 120 s, leaves out the state of the
// account, and the scope openid would have to be added to existing applications.
type door struct {
	settings
	env integration.Env
}

// Begin gives the address of GitLab's consent page.
func (d *door) Begin(_ context.Context, a gatehouse.Attempt) (string, error) {
	u, err := url.Parse(d.authorize)
	if err != nil {
		return "", wrongAddress("args.client_options.authorize_url").Because(err)
	}
	q := u.Query()
	for key, values := range d.params {
		q[key] = values
	}
	q.Set("client_id", d.appID)
	q.Set("redirect_uri", a.RedirectURI)
	q.Set("response_type", "code")
	q.Set("scope", strings.Join(d.scopes, " "))
	q.Set("state", a.State)
	if d.openID() {
		q.Set("nonce", a.Nonce)
		// With prompt=login GitLab asks somebody twice who is not signed in there
		// (doorkeeper-openid_connect, helpers/controller.rb), with max_age once.
		if a.Fresh {
			q.Set("max_age", strconv.Itoa(int(freshSkew.Seconds())))
		}
	}
	if d.pkce && a.Verifier != "" {
		q.Set("code_challenge", oauth2.S256ChallengeFromVerifier(a.Verifier))
		q.Set("code_challenge_method", "S256")
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// Finish takes the code to GitLab and asks who the token is.
func (d *door) Finish(ctx context.Context, a gatehouse.Attempt, answer url.Values) (gatehouse.Vouched, error) {
	code, err := codeOf(answer)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, signInTimeout)
	defer cancel()
	var options []oauth2.AuthCodeOption
	if d.pkce && a.Verifier != "" {
		options = append(options, oauth2.VerifierOption(a.Verifier))
	}
	config := d.config()
	config.RedirectURL = a.RedirectURI
	token, err := config.Exchange(context.WithValue(ctx, oauth2.HTTPClient, d.client()), code, options...)
	if err != nil {
		return gatehouse.Vouched{}, tokenError(err)
	}
	profile, err := d.profile(ctx, token.AccessToken)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	v, err := profile.vouch()
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	if err := d.membership(ctx, token.AccessToken, &v); err != nil {
		return gatehouse.Vouched{}, err
	}
	v.Tokens = d.tokens(token)
	v.AuthAt, err = d.authAt(a, v)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	return v, nil
}

// Refresh renews the tokens. GitLab revokes the old pair at once, so the caller
// must not renew the same pair twice at a time.
func (d *door) Refresh(ctx context.Context, old gatehouse.Tokens) (gatehouse.Tokens, error) {
	if old.Refresh == "" {
		return gatehouse.Tokens{}, errEnded()
	}
	ctx, cancel := context.WithTimeout(ctx, signInTimeout)
	defer cancel()
	config := d.config()
	source := config.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, d.client()), &oauth2.Token{RefreshToken: old.Refresh})
	token, err := source.Token()
	if err != nil {
		return gatehouse.Tokens{}, tokenError(err)
	}
	fresh := *d.tokens(token)
	if len(fresh.Scopes) == 0 {
		fresh.Scopes = old.Scopes
	}
	return fresh, nil
}

func (d *door) config() *oauth2.Config {
	return &oauth2.Config{
		ClientID: d.appID, ClientSecret: d.appSecret,
		Endpoint: oauth2.Endpoint{TokenURL: d.token, AuthStyle: oauth2.AuthStyleInHeader},
	}
}

// client follows no redirect: a code, a secret and a token are for the
// configured addresses only.
func (d *door) client() *http.Client {
	c := *d.env.HTTP
	c.Transport = whole{cmp.Or[http.RoundTripper](c.Transport, http.DefaultTransport)}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// whole reads an answer before it gives it, so that one that breaks off is an
// error of the network wherever it breaks off: x/oauth2 would not tell it from
// an answer that is garbage.
type whole struct{ http.RoundTripper }

// RoundTrip keeps the contract of http.RoundTripper; of the body it gives
// maxProfile bytes and one more, by which is seen that there are too many.
func (w whole) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProfile+1))
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

func (d *door) tokens(t *oauth2.Token) *gatehouse.Tokens {
	k := &gatehouse.Tokens{Access: t.AccessToken, Refresh: t.RefreshToken}
	if scope, ok := t.Extra("scope").(string); ok {
		k.Scopes = strings.Fields(scope)
	}
	k.ID, _ = t.Extra("id_token").(string)
	if t.ExpiresIn > 0 && t.ExpiresIn < int64(10*365*24*time.Hour/time.Second) {
		k.ExpiresAt = d.env.Clock.Now().Add(time.Duration(t.ExpiresIn) * time.Second)
	}
	return k
}

// codeOf reads the callback. Its texts come from whoever made the browser call
// it, so only an error code of the usual form is repeated.
func codeOf(answer url.Values) (string, error) {
	if answer.Has("error") {
		return "", answerError(answer.Get("error"))
	}
	codes := answer["code"]
	if len(codes) != 1 || codes[0] == "" || len(codes[0]) > 4096 {
		return "", gatehouse.Errorf(gatehouse.Invalid, "GitLab sent you back without a sign-in code. Start the sign-in again.")
	}
	return codes[0], nil
}

var errorCode = regexp.MustCompile(`^[a-z][a-z_]{1,40}$`)

func answerError(code string) error {
	switch {
	case code == "access_denied":
		return gatehouse.Errorf(gatehouse.Forbidden, "You were not signed in, because access was denied on GitLab's page. Start again and choose to authorize, or sign in another way.")
	case code == "temporarily_unavailable" || code == "server_error":
		return gatehouse.Errorf(gatehouse.Unavailable, "GitLab cannot sign you in at the moment. Try again in some minutes.")
	case !errorCode.MatchString(code):
		code = "unknown_error"
	}
	return gatehouse.Errorf(gatehouse.Upstream, "GitLab refused the sign-in (%s). Ask an administrator to check the connection.", code)
}

func errEnded() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Invalid, "GitLab no longer accepts this sign-in: it took too long or was used before. Start the sign-in again.")
}

func errGarbled() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Upstream, "GitLab answered something that is not a sign-in. Try again; if it stays, ask an administrator to check the connection's addresses.")
}

func errUnreachable() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Unavailable, "GitLab cannot be reached or takes too long to answer. Try again in some minutes.")
}

// tokenError turns a failed exchange into a sentence. The answer's texts stay
// in the cause; x/oauth2 never puts the secret or the code there.
func tokenError(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return netError(err, errGarbled())
	}
	status := 0
	if refused.Response != nil {
		status = refused.Response.StatusCode
	}
	cause := statusError{status: status, code: refused.ErrorCode}
	switch {
	case refused.ErrorCode == "invalid_grant":
		return errEnded().Because(cause)
	case refused.ErrorCode == "invalid_client" || refused.ErrorCode == "unauthorized_client":
		return gatehouse.Errorf(gatehouse.Upstream, "GitLab does not accept this connection's Application ID and secret. Ask an administrator to enter them again.").Because(cause)
	case refused.ErrorCode != "" && errorCode.MatchString(refused.ErrorCode):
		return gatehouse.Errorf(gatehouse.Upstream, "GitLab refused the sign-in (%s). Ask an administrator to check the connection.", refused.ErrorCode).Because(cause)
	case status == http.StatusTooManyRequests || status >= 500:
		return errUnreachable().Because(cause)
	}
	return errGarbled().Because(cause)
}

// netError keeps a sentence that is there already (the guard of outgoing
// requests has its own) and tells silence from garbage.
func netError(err error, garbled *gatehouse.Error) error {
	var known *gatehouse.Error
	if errors.As(err, &known) {
		return known
	}
	var broken *url.Error
	if errors.As(err, &broken) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errUnreachable().Because(err)
	}
	return garbled.Because(err)
}

// statusError is an answer for the log: nothing of its text.
type statusError struct {
	status int
	code   string
}

// Error says what was answered.
func (e statusError) Error() string {
	text := "answered " + strconv.Itoa(e.status)
	if errorCode.MatchString(e.code) {
		text += " " + e.code
	}
	return text
}

// get asks an address of GitLab with the person's token. Of the body it gives at
// most maxProfile bytes and one more.
func (d *door) get(ctx context.Context, address, token string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, errGarbled().Because(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	resp, err := d.client().Do(req)
	if err != nil {
		return 0, nil, netError(err, errUnreachable())
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProfile+1))
	if err != nil {
		return 0, nil, netError(err, errUnreachable())
	}
	return resp.StatusCode, body, nil
}
