package authcode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"

	"gatehouse"
)

// Code reads the answer that came back with the browser. Its texts are those of
// whoever made the browser call us, so only an error code of the usual form is
// repeated.
func (c *Client) Code(answer url.Values) (string, error) {
	if answer.Has("error") {
		return "", c.denial(answer.Get("error"))
	}
	codes := answer["code"]
	if len(codes) != 1 || codes[0] == "" || len(codes[0]) > maxCode {
		return "", gatehouse.Errorf(gatehouse.Invalid, "%s sent you back without a usable sign-in code. Start the sign-in again.", c.Label)
	}
	return codes[0], nil
}

var errorCode = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{1,60}$`)

func (c *Client) denial(code string) error {
	switch code {
	case "access_denied":
		return gatehouse.Errorf(gatehouse.Forbidden, "You were not signed in, because access was denied at %s. Start again if that was a mistake, or sign in another way.", c.Label)
	case "temporarily_unavailable", "server_error":
		return gatehouse.Errorf(gatehouse.Unavailable, "%s cannot sign you in at the moment. Try again in some minutes.", c.Label)
	}
	return c.refused(code)
}

func (c *Client) refused(code string) *gatehouse.Error {
	if !errorCode.MatchString(code) {
		code = "unknown_error"
	}
	return gatehouse.Errorf(gatehouse.Upstream, "%s refused the sign-in (%s). Ask an administrator to check the connection.", c.Label, code)
}

// refusal turns a refusal of the token endpoint into a sentence.
func (c *Client) refusal(status int, code string) error {
	cause := fmt.Errorf("the token endpoint answered %d", status)
	if errorCode.MatchString(code) {
		cause = fmt.Errorf("the token endpoint answered %d %s", status, code)
	}
	switch {
	case code == "invalid_grant" || code == "bad_verification_code": // the latter is GitHub's
		return c.ended().Because(cause)
	case code == "invalid_client" || code == "unauthorized_client" || code == "incorrect_client_credentials" || code == "" && status == http.StatusUnauthorized:
		return gatehouse.Errorf(gatehouse.Upstream, "%s does not accept this connection's client ID and secret. Ask an administrator to enter them again.", c.Label).Because(cause)
	case status == http.StatusTooManyRequests || status >= 500:
		return c.unreachable(cause)
	case errorCode.MatchString(code):
		return c.refused(code).Because(cause)
	}
	return c.Garbled(cause)
}

func (c *Client) ended() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Invalid, "%s no longer accepts this sign-in: it took too long or was used before. Start the sign-in again.", c.Label)
}

// Garbled says that the provider answered what cannot be used. The cause is for
// the administrator and holds no secret.
func (c *Client) Garbled(cause error) error {
	return gatehouse.Errorf(gatehouse.Upstream, "%s answered something that cannot be used, so nobody was signed in. Try again; if it stays so, ask an administrator to check the connection's addresses.", c.Label).Because(cause)
}

// Unmapped says that the connection's mapping could not work with what the
// provider told.
func (c *Client) Unmapped(cause error) error {
	return gatehouse.Errorf(gatehouse.Upstream, "What %s says of you does not fit the connection's mapping of fields, so nobody was signed in. Ask an administrator to check it.", c.Label).Because(cause)
}

func (c *Client) unreachable(cause error) error {
	return gatehouse.Errorf(gatehouse.Unavailable, "%s cannot be reached or takes too long to answer, so nobody was signed in. Try again in some minutes.", c.Label).Because(cause)
}

// network keeps a sentence that is there already (the guard of outgoing
// requests has its own), and takes the address off what net/http says.
func (c *Client) network(err error) error {
	var known *gatehouse.Error
	if errors.As(err, &known) {
		return known
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = fmt.Errorf("%s: %w", place(u.URL), u.Err)
	}
	return c.unreachable(err)
}

// broken tells an answer that stopped from one that is too long for the client.
func (c *Client) broken(req *http.Request, err error) error {
	err = fmt.Errorf("read the answer of %s: %w", place(req.URL.String()), err)
	var timeout interface{ Timeout() bool }
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.As(err, &timeout) && timeout.Timeout() {
		return c.unreachable(err)
	}
	return c.Garbled(err)
}
