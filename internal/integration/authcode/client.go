// Package authcode is what providers of OAuth 2.0 and of OpenID Connect have in
// common when a person signs in: how a connection's settings are read, how the
// answer that comes back with the browser is read, how a code becomes tokens,
// and in which words a failure is told. No answer is longer than 1 MiB, no
// redirect is followed, and no secret gets into an error.
package authcode

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse"
)

const (
	// Timeout is how long all requests of one sign-in may take together.
	Timeout = 25 * time.Second

	maxAnswer  = 1 << 20
	maxCode    = 4096
	maxSeconds = int64(10 * 365 * 24 * 60 * 60)
)

// AuthMethod is how a client proves at the token endpoint who it is, by its
// registered name (OpenID Connect Core 9).
type AuthMethod string

// The methods that this build has.
const (
	SecretBasic AuthMethod = "client_secret_basic"
	SecretPost  AuthMethod = "client_secret_post"
	SignedJWT   AuthMethod = "private_key_jwt"
	NoSecret    AuthMethod = "none" // a public client; PKCE protects its codes
)

// Client asks one provider. All fields are needed, but for those that belong to
// another AuthMethod.
type Client struct {
	Label      string // as people know the provider; stands in sentences
	ID, Secret string
	// Assert makes the signed assertion of SignedJWT for a token endpoint.
	Assert func(endpoint string) (string, error)
	HTTP   *http.Client
	Clock  gatehouse.Clock
}

// Label is how people know a connection's provider.
func Label(c gatehouse.Connection) string { return cmp.Or(c.Label, c.Name) }

// Answer is what the token endpoint gave.
type Answer struct {
	gatehouse.Tokens
	IDToken string // "" when there is none
}

// Redeem posts a form to the token endpoint and reads the tokens.
func (c *Client) Redeem(ctx context.Context, address string, method AuthMethod, form url.Values) (Answer, error) {
	if err := c.identify(address, method, form); err != nil {
		return Answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return Answer{}, c.Garbled(errors.New("the token endpoint's address is not one"))
	}
	if method == SecretBasic { // both parts form-encoded, RFC 6749 2.3.1
		req.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, header, body, err := c.do(req)
	if err != nil {
		return Answer{}, err
	}
	fields, err := tokenFields(header, body)
	if status/100 != 2 || err == nil && text(fields["error"]) != "" {
		return Answer{}, c.refusal(status, text(fields["error"]))
	}
	if err != nil {
		return Answer{}, c.Garbled(fmt.Errorf("token endpoint: %w", err))
	}
	return c.answer(fields)
}

// identify puts into the form who we are, where it does not go in the header.
func (c *Client) identify(address string, method AuthMethod, form url.Values) error {
	if method != SecretBasic {
		form.Set("client_id", c.ID)
	}
	switch method {
	case SecretPost:
		form.Set("client_secret", c.Secret)
	case SignedJWT: // RFC 7523 2.2
		assertion, err := c.Assert(address)
		if err != nil {
			return fmt.Errorf("sign the client assertion: %w", err)
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	case SecretBasic, NoSecret:
	}
	return nil
}

// answer reads the fields of RFC 6749 5.1.
func (c *Client) answer(fields map[string]any) (Answer, error) {
	a := Answer{IDToken: text(fields["id_token"])}
	a.Access, a.Refresh = text(fields["access_token"]), text(fields["refresh_token"])
	a.Scopes = strings.FieldsFunc(text(fields["scope"]), func(r rune) bool { return r == ' ' || r == ',' })
	switch kind := text(fields["token_type"]); {
	case a.Access == "":
		return Answer{}, c.Garbled(errors.New("token endpoint: no access_token in the answer"))
	case kind != "" && !strings.EqualFold(kind, "bearer"):
		return Answer{}, c.Garbled(errors.New("token endpoint: the token is of a type that is not Bearer"))
	}
	if n, ok := Integer(fields["expires_in"]); ok && n > 0 && n < maxSeconds {
		a.ExpiresAt = c.Clock.Now().Add(time.Duration(n) * time.Second)
	}
	return a, nil
}

// Refresh renews the tokens of a person. What the provider does not tell anew
// stays as it was (RFC 6749 6).
func (c *Client) Refresh(ctx context.Context, address string, method AuthMethod, old gatehouse.Tokens) (gatehouse.Tokens, error) {
	if old.Refresh == "" {
		return gatehouse.Tokens{}, c.ended()
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	a, err := c.Redeem(ctx, address, method, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {old.Refresh}})
	if err != nil {
		return gatehouse.Tokens{}, err
	}
	fresh := a.Tokens
	fresh.Refresh = cmp.Or(fresh.Refresh, old.Refresh)
	if len(fresh.Scopes) == 0 {
		fresh.Scopes = old.Scopes
	}
	return fresh, nil
}

// JSON gets an address and reads its answer, one JSON object with numbers as
// json.Number. bearer, if not "", is the access token to show.
func (c *Client) JSON(ctx context.Context, address, bearer string) (map[string]any, error) {
	body, err := c.Get(ctx, address, bearer)
	if err != nil {
		return nil, err
	}
	fields, err := Object(body)
	if err != nil {
		return nil, c.Garbled(fmt.Errorf("%s: %w", place(address), err))
	}
	return fields, nil
}

// Get gets the body of a good answer.
func (c *Client) Get(ctx context.Context, address, bearer string) ([]byte, error) {
	status, body, err := c.Ask(ctx, address, bearer)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, c.Garbled(fmt.Errorf("%s answered %d", place(address), status))
	}
	return body, nil
}

// Ask gets an address whose answer says something by its status too. One that
// says that the provider is down or has too much to do is an error.
func (c *Client) Ask(ctx context.Context, address, bearer string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, c.Garbled(errors.New("an address of the provider is not one"))
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	status, _, body, err = c.do(req)
	if err != nil {
		return 0, nil, err
	}
	if status == http.StatusTooManyRequests || status >= 500 {
		return 0, nil, c.unreachable(fmt.Errorf("%s answered %d", place(address), status))
	}
	return status, body, nil
}

// do sends a request and reads the answer. It follows no redirect: a code, a
// secret and a token are for the addresses of the settings only.
func (c *Client) do(req *http.Request) (int, http.Header, []byte, error) {
	req.Header.Set("Accept", "application/json")
	own := *c.HTTP
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := own.Do(req) //nolint:gosec // the guarded client, and addresses of checked settings
	if err != nil {
		return 0, nil, nil, c.network(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return 0, nil, nil, c.broken(req, err)
	}
	if len(body) > maxAnswer {
		return 0, nil, nil, c.Garbled(fmt.Errorf("%s answered more than %d bytes", place(req.URL.String()), maxAnswer))
	}
	return resp.StatusCode, resp.Header, body, nil
}

// tokenFields reads JSON, or the form that older providers answer with.
func tokenFields(header http.Header, body []byte) (map[string]any, error) {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if kind != "application/x-www-form-urlencoded" {
		return Object(body)
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("the answer is not a form")
	}
	fields := map[string]any{}
	for key, v := range values {
		fields[key] = v[0]
	}
	return fields, nil
}

// Object reads one JSON object, with numbers as json.Number. One that says
// something twice is refused, since another reader could see something else in
// it (RFC 7519 4, RFC 8259 4). Its errors do not quote the text, which may hold
// tokens.
func Object(body []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := value(d, 0)
	fields, isObject := v.(map[string]any)
	switch {
	case errors.Is(err, errTwice), errors.Is(err, errDeep):
		return nil, err
	case err != nil || !isObject:
		return nil, errors.New("the answer is not a JSON object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the answer goes on after its JSON object")
	}
	return fields, nil
}

const maxDepth = 64

var (
	errTwice = errors.New("the answer says the same thing twice")
	errDeep  = errors.New("the answer is nested too deeply")
)

// value reads the next JSON value.
func value(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return object(d, depth)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := value(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}

func object(d *json.Decoder, depth int) (any, error) {
	fields := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if _, twice := fields[name]; twice {
			return nil, errTwice
		}
		if fields[name], err = value(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return fields, err
}

// place is an address for the log: without the query, which may hold a secret.
func place(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address that is none"
	}
	return u.Scheme + "://" + u.Host + u.Path
}
