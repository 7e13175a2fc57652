package op

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"

	"gatehouse"
	"gatehouse/internal/op/assertion"
	"gatehouse/internal/op/wire"
)

// jwtBearerAssertion is the client_assertion_type of both ways by JWT (RFC 7523
// section 2.2).
const jwtBearerAssertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// presented is what a request says about which client it is.
type presented struct {
	id        string
	method    string
	secrets   []string // readings of the one secret that was sent
	assertion string   // a JWT, with byAssertion
}

// byAssertion is the method of a request with an assertion, until it is known
// by what it is signed.
const byAssertion = "client_assertion"

// present reads how the client of a request authenticates. More than one way at
// once is an error (RFC 6749 section 2.3).
func present(r *http.Request, form wire.Params) (presented, error) {
	basic, has, err := wire.ReadBasic(r)
	switch {
	case err != nil:
		return presented{}, err
	case form["client_assertion"] != "" || form["client_assertion_type"] != "":
		return presentAssertion(has, form)
	case has && form["client_secret"] != "":
		return presented{}, twoWays()
	case has && form["client_id"] != "" && form["client_id"] != basic.ID:
		return presented{}, wire.InvalidRequest("The Authorization header and the client_id name different clients.")
	case has && basic.Secrets[0] == "":
		return presented{id: basic.ID, method: gatehouse.AuthNone}, nil // an empty secret may be sent or left out (RFC 6749 section 2.3.1)
	case has:
		return presented{id: basic.ID, method: gatehouse.AuthBasic, secrets: basic.Secrets}, nil
	case !wire.Identifier(form["client_id"]):
		return presented{}, wire.InvalidClient()
	case form["client_secret"] != "":
		return presented{id: form["client_id"], method: gatehouse.AuthPost, secrets: []string{form["client_secret"]}}, nil
	}
	return presented{id: form["client_id"], method: gatehouse.AuthNone}, nil
}

func twoWays() error {
	return wire.InvalidRequest("The client authenticates in more than one way. Use one.")
}

// presentAssertion reads an assertion. The client_id may be left out, since it
// is in there (RFC 7521 section 4.2).
func presentAssertion(basic bool, form wire.Params) (presented, error) {
	issuer, ok := assertion.Peek(form["client_assertion"])
	switch {
	case basic || form["client_secret"] != "":
		return presented{}, twoWays()
	case form["client_assertion_type"] != jwtBearerAssertion || !ok || !wire.Identifier(issuer):
		return presented{}, wire.InvalidClient()
	case form["client_id"] != "" && form["client_id"] != issuer:
		return presented{}, wire.InvalidClient()
	}
	return presented{id: issuer, method: byAssertion, assertion: form["client_assertion"]}, nil
}

// authentic says whether what was presented, an assertion apart, proves that it
// is the client. A public client proves nothing, and must not seem to. One that
// names no method uses basic or post, as with GitLab.
func authentic(c gatehouse.Client, pr presented) bool {
	if !c.On() {
		return false
	}
	if c.Public() {
		return pr.method == gatehouse.AuthNone
	}
	if pr.method == gatehouse.AuthNone || c.AuthMethod != "" && c.AuthMethod != pr.method {
		return false
	}
	for _, s := range pr.secrets {
		if subtle.ConstantTimeCompare(gatehouse.Digest(s), c.SecretHash) == 1 {
			return true
		}
	}
	return false
}

// fromClient reads what a client posts to a protocol endpoint, and finds out who
// it is.
func (p *Provider) fromClient(w http.ResponseWriter, r *http.Request) (wire.Params, gatehouse.Client, *once, error) {
	form, err := wire.PostForm(w, r)
	if err != nil {
		return nil, gatehouse.Client{}, nil, err
	}
	c, used, err := p.authenticate(r, form)
	return form, c, used, err
}

// authenticate finds the client of a request to a protocol endpoint, and what of
// its proof is good only once.
func (p *Provider) authenticate(r *http.Request, form wire.Params) (gatehouse.Client, *once, error) {
	pr, err := present(r, form)
	if err != nil {
		return gatehouse.Client{}, nil, err
	}
	c, err := p.client(r.Context(), pr.id)
	if err != nil {
		return gatehouse.Client{}, nil, err
	}
	var (
		used *once
		why  error
	)
	ok := c != nil
	switch {
	case !ok:
	case c.FAPI() && !strongMethod(c.AuthMethod):
		ok, why = false, errors.New("FAPI 2.0 permits private_key_jwt and mutual TLS only")
	case isTLSMethod(c.AuthMethod):
		why = p.byCertificate(r, *c, pr)
		ok = why == nil
	case pr.method == byAssertion:
		used, why = p.byAssertion(r, *c, pr.assertion)
		ok = why == nil
	default:
		ok = authentic(*c, pr)
	}
	if !ok {
		p.log().InfoContext(r.Context(), "client authentication failed", "client", pr.id, "method", pr.method, "known", c != nil, "why", why)
		return gatehouse.Client{}, nil, wire.InvalidClient()
	}
	return *c, used, nil
}

// strongMethod says whether FAPI 2.0 permits a way in which clients prove
// themselves (section 5.3.2.1).
func strongMethod(method string) bool {
	return method == gatehouse.AuthPrivateKeyJWT || isTLSMethod(method)
}

// byAssertion says whether an assertion proves that it is the client: by the
// method that the client registered, and no other (RFC 7523 section 3).
func (p *Provider) byAssertion(r *http.Request, c gatehouse.Client, compact string) (*once, error) {
	const typ = "client-authentication+jwt" // draft-ietf-oauth-rfc7523bis
	var by assertion.Signer
	switch {
	case !c.On():
		return nil, errors.New("the client is switched off")
	case c.AuthMethod == gatehouse.AuthPrivateKeyJWT:
		by = assertion.Of(c, p.web(c), c.Settings.AuthSigningAlg, typ)
	case c.AuthMethod == gatehouse.AuthSecretJWT:
		by = assertion.BySecret(c, c.Settings.AuthSigningAlg, typ)
	default:
		return nil, errors.New("the client is registered for another method")
	}
	want := assertion.Want{
		Issuer: c.ID, Subject: func(s string) bool { return s == c.ID },
		Audiences: []string{p.issuer(), p.issuer() + "/oauth/token", p.issuer() + r.URL.Path},
	}
	if c.FAPI() {
		want.Audiences, want.OneText = []string{p.issuer()}, true
	}
	claims, err := p.asserted(r.Context(), by, compact, want)
	if err != nil {
		return nil, err
	}
	return &once{issuer: c.ID, id: claims.ID, until: claims.Until(), again: wire.InvalidClient()}, nil
}

// asserted gives the claims of an assertion whose signature and claims are right.
func (p *Provider) asserted(ctx context.Context, by assertion.Signer, compact string, w assertion.Want) (assertion.Claims, error) {
	payload, err := p.sets().Verify(ctx, by, compact)
	if err != nil {
		return assertion.Claims{}, err
	}
	claims, err := assertion.ReadClaims(payload)
	if err != nil {
		return assertion.Claims{}, err
	}
	w.Now = p.Clock.Now()
	return claims, claims.Check(w)
}

// web asks addresses that a client registered.
func (p *Provider) web(c gatehouse.Client) *http.Client {
	if p.Web == nil {
		return nil
	}
	return p.Web(c)
}
