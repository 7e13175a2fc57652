package authcode

import (
	"net/http"

	"gatehouse"
)

// Do sends a request of a provider that has a form of its own, and reads the
// answer: no redirect is followed, at most 1 MiB is read, and what goes wrong on
// the way is told in the words of this package.
func (c *Client) Do(req *http.Request) (status int, body []byte, err error) {
	status, _, body, err = c.do(req)
	return status, body, err
}

// Ended says that a code is not good any more.
func (c *Client) Ended() *gatehouse.Error { return c.ended() }

// Unreachable says that the provider cannot answer now. The cause is for the
// administrator and holds no secret.
func (c *Client) Unreachable(cause error) error { return c.unreachable(cause) }

// Unaccepted says that the provider does not know the client ID and secret.
func (c *Client) Unaccepted() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Upstream, "%s does not accept this connection's client ID and secret. Ask an administrator to enter them again.", c.Label)
}
