package op

import (
	"crypto/subtle"
	"net/http"

	"gatehouse"
	"gatehouse/internal/op/wire"
)

// The ways in which a client proves who it is (OpenID Connect Core section 9).
const (
	authBasic = "client_secret_basic"
	authPost  = "client_secret_post"
	authNone  = "none"
)

// presented is what a request says about which client it is.
type presented struct {
	id      string
	method  string
	secrets []string // readings of the one secret that was sent
}

// present reads how the client of a request authenticates. More than one way at
// once is an error (RFC 6749 section 2.3).
func present(r *http.Request, form wire.Params) (presented, error) {
	basic, has, err := wire.ReadBasic(r)
	switch {
	case err != nil:
		return presented{}, err
	case form["client_assertion"] != "" || form["client_assertion_type"] != "":
		return presented{}, wire.InvalidClient()
	case has && form["client_secret"] != "":
		return presented{}, wire.InvalidRequest("The client authenticates in more than one way. Use one.")
	case has && form["client_id"] != "" && form["client_id"] != basic.ID:
		return presented{}, wire.InvalidRequest("The Authorization header and the client_id name different clients.")
	case has && basic.Secrets[0] == "":
		return presented{id: basic.ID, method: authNone}, nil // an empty secret may be sent or left out (RFC 6749 section 2.3.1)
	case has:
		return presented{id: basic.ID, method: authBasic, secrets: basic.Secrets}, nil
	case !wire.Identifier(form["client_id"]):
		return presented{}, wire.InvalidClient()
	case form["client_secret"] != "":
		return presented{id: form["client_id"], method: authPost, secrets: []string{form["client_secret"]}}, nil
	}
	return presented{id: form["client_id"], method: authNone}, nil
}

// authentic says whether what was presented proves that it is the client. A
// public client proves nothing, and must not seem to.
func authentic(c gatehouse.Client, pr presented) bool {
	if !c.Enabled {
		return false
	}
	if c.Public() {
		return pr.method == authNone
	}
	if pr.method == authNone || c.AuthMethod != "" && c.AuthMethod != pr.method {
		return false
	}
	for _, s := range pr.secrets {
		if subtle.ConstantTimeCompare(digest(s), c.SecretHash) == 1 {
			return true
		}
	}
	return false
}

// authenticate finds the client of a request to a protocol endpoint.
func (p *Provider) authenticate(r *http.Request, form wire.Params) (gatehouse.Client, error) {
	pr, err := present(r, form)
	if err != nil {
		return gatehouse.Client{}, err
	}
	c, err := p.client(r.Context(), pr.id)
	if err != nil {
		return gatehouse.Client{}, err
	}
	if c == nil || !authentic(*c, pr) {
		p.log().InfoContext(r.Context(), "client authentication failed", "client", pr.id, "method", pr.method, "known", c != nil)
		return gatehouse.Client{}, wire.InvalidClient()
	}
	return *c, nil
}
