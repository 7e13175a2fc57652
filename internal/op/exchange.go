package op

import (
	"errors"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/provided"
	"gatehouse/internal/web/ui"
)

// The types of tokens that are taken and given (RFC 8693 section 3): access
// tokens, which may be JWTs. ID tokens are taken only.
const (
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
	jwtType         = "urn:ietf:params:oauth:token-type:jwt"
	idTokenType     = "urn:ietf:params:oauth:token-type:id_token"
)

// connectionURN goes before a connection's name where an audience is a URN.
const connectionURN = "urn:gatehouse:connection:"

// grantByExchange is token exchange (RFC 8693): a client brings an access token
// of ours, and gets another of ours in its place or, if it names a connection, a
// token of the person there.
func (p *Provider) grantByExchange(a *ask) (tokenAnswer, error) {
	if err := checkExchange(a.form); err != nil {
		return tokenAnswer{}, err
	}
	if p.namesConnection(a) {
		return p.exchangeForProvider(a)
	}
	return p.exchangeForOwn(a)
}

// namesConnection says whether a request asks for a provider's token.
func (p *Provider) namesConnection(a *ask) bool {
	audience, resource := a.form["audience"], a.form["resource"]
	return audience != "" && !slices.Contains(a.client.Settings.Resources, audience) ||
		strings.HasPrefix(resource, p.issuer()+"/users/auth/")
}

// exchangeForProvider gives the person's token at a provider they sign in with
// for the access token that their sign-in gave the client. The person has allowed
// it, by the scope.
func (p *Provider) exchangeForProvider(a *ask) (tokenAnswer, error) {
	if !provided.MayAsk(a.client) {
		return tokenAnswer{}, &wire.Error{Code: "unauthorized_client", Description: "The client is not registered for the scope provider_tokens."}
	}
	if wanted := a.form["requested_token_type"]; wanted == jwtType {
		return tokenAnswer{}, wire.InvalidRequest("The requested_token_type must be " + accessTokenType + ".")
	}
	connection, ok := p.exchangeTarget(a.form)
	if !ok {
		return tokenAnswer{}, invalidTarget("Name one connection by the audience or the resource, once.")
	}
	u, err := p.subjectOf(a)
	if err != nil {
		return tokenAnswer{}, err
	}
	by := provided.Asker{ClientID: a.client.ID, Actor: gatehouse.Actor{
		Kind: gatehouse.ActorClient, ID: a.client.ID, Name: a.client.Name, Address: ui.ClientAddress(a.r),
	}}
	g, err := p.Provided.Give(a.r.Context(), by, u.ID, connection)
	if err != nil {
		return tokenAnswer{}, exchangeError(err)
	}
	if !request.Covers(g.Scopes, request.SplitScope(a.form["scope"])) {
		return tokenAnswer{}, wire.InvalidScope()
	}
	return p.exchanged(g), nil
}

// exchanged is the answer with a provider's token.
func (p *Provider) exchanged(g provided.Given) tokenAnswer {
	now := p.Clock.Now()
	answer := tokenAnswer{
		AccessToken: g.Access, IssuedTokenType: accessTokenType, TokenType: "Bearer",
		Scope: strings.Join(g.Scopes, " "), CreatedAt: now.Unix(),
	}
	if !g.ExpiresAt.IsZero() {
		answer.ExpiresIn = int64(g.ExpiresAt.Sub(now).Seconds())
	}
	return answer
}

// checkExchange says whether a request asks for what there is.
func checkExchange(form wire.Params) error {
	wanted := form["requested_token_type"]
	switch {
	case form["subject_token"] == "":
		return wire.Missing("subject_token")
	case form["subject_token_type"] == "":
		return wire.Missing("subject_token_type")
	case !slices.Contains([]string{accessTokenType, jwtType, idTokenType}, form["subject_token_type"]):
		return wire.InvalidRequest("The subject_token_type must be " + accessTokenType + ", " + jwtType + " or " + idTokenType + ".")
	case wanted != "" && wanted != accessTokenType && wanted != jwtType:
		return wire.InvalidRequest("The requested_token_type must be " + accessTokenType + " or " + jwtType + ".")
	case form["actor_token"] != "" || form["actor_token_type"] != "":
		return wire.InvalidRequest("An actor_token is not supported: the client itself is who acts.")
	}
	return nil
}

// exchangeTarget is the connection that a request names: by the audience, its
// name or its URN, or by the resource, its address here. Of two, both name it.
func (p *Provider) exchangeTarget(form wire.Params) (string, bool) {
	audience := strings.TrimPrefix(form["audience"], connectionURN)
	resource, ours := strings.CutPrefix(form["resource"], p.issuer()+"/users/auth/")
	switch {
	case form["resource"] == "":
		return audience, audience != ""
	case !ours || resource == "" || audience != "" && audience != resource:
		return "", false
	}
	return resource, true
}

// subjectOf is whose access token a client brings: a live one that was given to
// this very client, for a person who may still come in, and with the scope. No
// answer says which of it is missing.
func (p *Provider) subjectOf(a *ask) (gatehouse.User, error) {
	b, err := p.bearer(a.r.Context(), a.form["subject_token"])
	if err != nil && !errors.Is(err, gatehouse.NotFound) {
		return gatehouse.User{}, err
	}
	if err != nil || b.token.Grant.ClientID != a.client.ID || b.token.Grant.UserID == "" || b.user.State != gatehouse.UserActive || !a.held.fits(b.token.Grant.Details) ||
		!slices.Contains(b.token.Grant.Scopes, request.ScopeProvider) {
		return gatehouse.User{}, wire.InvalidRequest("The subject_token is not a live access token that a person's sign-in gave this client with the scope provider_tokens.")
	}
	return b.user, nil
}

// exchangeError puts a refusal into the words of RFC 8693 section 2.2.2.
func exchangeError(err error) error {
	var no *provided.Refused
	if !errors.As(err, &no) {
		return err
	}
	switch no.Why {
	case provided.Reconnect:
		return invalidTarget("The provider renews this person's token no more (reconnect_needed). They must sign in with it again.")
	case provided.Disabled:
		return invalidTarget("The connection is disabled (connection_disabled).")
	case provided.NotConnected:
		return invalidTarget("No token of this person is kept for the connection (not_connected).")
	case provided.NotConsented, provided.Inactive:
	}
	return wire.InvalidRequest("The person does not allow that their tokens are used (" + no.Code() + ").")
}

func invalidTarget(description string) *wire.Error {
	return &wire.Error{Code: "invalid_target", Description: description}
}
