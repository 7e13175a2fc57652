package op

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/op/assertion"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/store"
)

// grantToClient is the client credentials grant: a token that stands for the
// client itself, and for no person.
func (p *Provider) grantToClient(a *ask) (tokenAnswer, error) {
	if a.client.Public() {
		return tokenAnswer{}, wire.InvalidClient()
	}
	return p.grantItself(a)
}

// grantItself gives a token that stands for the client.
func (p *Provider) grantItself(a *ask) (tokenAnswer, error) {
	scopes, ok := ownScopes(a.client, a.form["scope"])
	if !ok {
		return tokenAnswer{}, wire.InvalidScope()
	}
	audience, err := p.audience(a, nil)
	if err != nil {
		return tokenAnswer{}, err
	}
	grant := gatehouse.Grantable{ClientID: a.client.ID, Scopes: scopes, Details: gatehouse.GrantDetails{Audience: audience}}
	var made minted
	err = p.update(a.r.Context(), a.once, func(tx *store.Tx) (err error) {
		made, err = p.mint(tx, mint{client: a.client, family: store.NewID(), grant: grant, held: a.held})
		return err
	})
	if err != nil {
		return tokenAnswer{}, err
	}
	return p.tell(a, made, gatehouse.User{})
}

// ownScopes are the scopes that a client gets for itself: those that it asks
// for, or all that say nothing of a person.
func ownScopes(c gatehouse.Client, parameter string) ([]string, bool) {
	personal := []string{request.ScopeOpenID, request.ScopeProfile, request.ScopeEmail, request.ScopeOffline}
	scopes := request.SplitScope(parameter)
	if len(scopes) == 0 {
		scopes = slices.DeleteFunc(slices.Clone(c.Scopes), func(s string) bool { return slices.Contains(personal, s) })
	}
	return scopes, request.Covers(c.Scopes, scopes) && len(request.Within(scopes, personal)) == 0
}

// asker finds the client of a request to the token endpoint. Who brings a JWT
// that stands for it need not authenticate besides (RFC 7521 section 4.1).
func (p *Provider) asker(r *http.Request, form wire.Params) (gatehouse.Client, *once, error) {
	bare := r.Header.Get("Authorization") == "" && form["client_secret"] == "" &&
		form["client_assertion"] == "" && form["client_assertion_type"] == ""
	if form["grant_type"] != request.GrantBearer || !bare {
		return p.authenticate(r, form)
	}
	id := form["client_id"]
	if id == "" {
		id, _ = assertion.Peek(form["assertion"])
	}
	c, err := p.client(r.Context(), id)
	if err != nil {
		return gatehouse.Client{}, nil, err
	}
	if c == nil || !c.On() {
		return gatehouse.Client{}, nil, wire.InvalidClient()
	}
	return *c, nil, nil
}

// grantByAssertion is the JWT bearer grant (RFC 7523 section 2.1) of service
// accounts: a client brings a JWT, signed by its own key or by an outside system
// that it was registered for, and gets a token that stands for itself.
func (p *Provider) grantByAssertion(a *ask) (tokenAnswer, error) {
	if a.form["assertion"] == "" {
		return tokenAnswer{}, wire.Missing("assertion")
	}
	used, err := p.standsFor(a)
	if err != nil {
		p.log().InfoContext(a.r.Context(), "an assertion was refused", "client", a.client.ID, "why", err)
		return tokenAnswer{}, wire.InvalidGrant()
	}
	if used != nil {
		used.next, a.once = a.once, used
	}
	return p.grantItself(a)
}

// standsFor says whether the assertion of a request stands for its client, and
// what of it is good only once: of an outside system's nothing, since programs
// there keep one token for as long as it is good.
func (p *Provider) standsFor(a *ask) (*once, error) {
	const typ = "authorization-grant+jwt" // draft-ietf-oauth-rfc7523bis
	compact := a.form["assertion"]
	issuer, _ := assertion.Peek(compact)
	audiences := []string{p.issuer(), p.issuer() + "/oauth/token"}
	if issuer == a.client.ID {
		if a.client.FAPI() {
			audiences = audiences[:1]
		}
		claims, err := p.asserted(a.r.Context(), assertion.Of(a.client, p.web(a.client), "", typ), compact, assertion.Want{
			Issuer: issuer, Subject: func(s string) bool { return s == issuer }, Audiences: audiences,
		})
		return &once{issuer: issuer, id: claims.ID, until: claims.Until(), again: wire.InvalidGrant()}, err
	}
	err := errors.New("its issuer is not registered for the client")
	for _, f := range a.client.Settings.Federated {
		if f.Issuer != issuer {
			continue
		}
		meant := audiences
		if f.Audience != "" {
			meant = []string{f.Audience}
		}
		by := assertion.Signer{JWKSURI: f.JWKSURI, HTTP: p.web(a.client), Owner: a.client.ID, Algorithms: assertion.PublicKeyAlgorithms(), Types: []string{typ}}
		if _, err = p.asserted(a.r.Context(), by, compact, assertion.Want{
			Issuer: issuer, Subject: subjectIs(f.Subject), Audiences: meant, Reusable: true,
		}); err == nil {
			return nil, nil
		}
	}
	return nil, err
}

// subjectIs compares subjects letter by letter; a pattern that ends in * takes
// all that begin like it.
func subjectIs(pattern string) func(string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return func(s string) bool { return strings.HasPrefix(s, prefix) }
	}
	return func(s string) bool { return s == pattern }
}
