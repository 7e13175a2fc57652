package op

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"gatehouse"
	"gatehouse/internal/op/gitlab"
	"gatehouse/internal/op/keys"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/store"
)

// bearing is a live access token with its user.
type bearing struct {
	token gatehouse.Token
	user  gatehouse.User // zero for client credentials
	// client is whose token it is; zero with a personal token.
	client gatehouse.Client
	// personal is set where a personal token was taken for an access token.
	personal gatehouse.PersonalToken
}

// bearer finds the live access token of a value: not revoked, not past its end,
// of a client that is still on. The user may be in any state. NotFound
// otherwise; no other token, nor an ID token, passes for it.
func (p *Provider) bearer(ctx context.Context, value string) (b bearing, err error) {
	hash, err := p.tokenHash(ctx, value)
	if err != nil {
		return b, err
	}
	err = p.Store.Ask(ctx, func(tx *store.Tx) error {
		b, err = liveToken(tx, hash)
		return err
	})
	if err == nil {
		err = b.stands(p.clients(ctx))
	}
	return b, err
}

// finder finds a client: in a transaction, or mostly from memory.
type finder func(id string) (gatehouse.Client, error)

func (p *Provider) clients(ctx context.Context) finder {
	return func(id string) (gatehouse.Client, error) { return p.Store.Client(ctx, id) }
}

// stands finds the client of a live token, which must be on, like all that the
// token came by. NotFound otherwise.
func (b *bearing) stands(find finder) (err error) {
	b.client, err = find(b.token.Grant.ClientID)
	if err == nil && !b.client.On() {
		err = gatehouse.NotFound
	}
	if err == nil {
		err = stillStands(find, b.token.Grant.Details)
	}
	if err == nil { // what was taken from the client is taken from its tokens
		b.token.Grant.Scopes = request.StillAllowed(b.client, b.token.Grant.Scopes)
	}
	return err
}

// liveAccess is bearer for what reads more in the same transaction.
func liveAccess(tx *store.Tx, hash []byte) (bearing, error) {
	b, err := liveToken(tx, hash)
	if err == nil {
		err = b.stands(tx.Client)
	}
	return b, err
}

// liveToken is a live access token with its user, by one question.
func liveToken(tx *store.Tx, hash []byte) (b bearing, err error) {
	b.token, b.user, err = tx.LiveToken(hash)
	if err == nil && b.token.Kind != gatehouse.AccessToken {
		return bearing{}, gatehouse.NotFound
	}
	return b, err
}

// LiveAccess finds the live access token of a value with its user (zero for
// client credentials), who may be in any state: not revoked, not past its end,
// of a client that is still on, and meant for us. NotFound otherwise; no other
// token passes for it.
//
// A token that is bound to a key is none: nobody looks at proofs there.
func (p *Provider) LiveAccess(ctx context.Context, value string) (gatehouse.Token, gatehouse.User, error) {
	b, err := p.bearer(ctx, value)
	if err == nil && (!p.forUs(b.token) || boundTo(b.token.Grant.Details)) {
		return gatehouse.Token{}, gatehouse.User{}, gatehouse.NotFound
	}
	return b.token, b.user, err
}

// userinfo answers /oauth/userinfo (OpenID Connect Core section 5.3).
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) error {
	value, err := userinfoToken(w, r)
	if err != nil {
		return err
	}
	b, err := p.bearer(r.Context(), value)
	if errors.Is(err, gatehouse.NotFound) || err == nil && b.user.State != gatehouse.UserActive {
		return wire.InvalidToken("The access token is invalid")
	}
	if err != nil {
		return err
	}
	if !p.forUs(b.token) { // or whoever it was meant for could read here who brought it
		return wire.InvalidToken("The access token is for another resource. Name the issuer as a resource as well")
	}
	if e := p.mayUse(w, r, b.client, value, b.token.Grant.Details); e != nil {
		return e
	}
	if !slices.Contains(b.token.Grant.Scopes, request.ScopeOpenID) {
		return wire.InsufficientScope(request.ScopeOpenID)
	}
	c := claimsOf(b.user, b.token.Grant.Scopes, b.token.Grant.Details.UserClaims, p.issuer())
	c.Subject = p.subject(b.client, b.user)
	if c.Claims, err = p.groupClaims(r.Context(), b.client, b.user, gitlab.MostInUserinfo); err != nil {
		return err
	}
	if alg := b.client.Settings.UserinfoAlg; alg != "" {
		return p.signedUserinfo(w, r, b.client.ID, alg, c)
	}
	wire.JSON(w, http.StatusOK, c)
	return nil
}

// signedUserinfo answers with a JWT, for clients that registered for it (OpenID
// Connect Core section 5.3.2). Its type is one of its own, so that it passes for
// no ID token.
func (p *Provider) signedUserinfo(w http.ResponseWriter, r *http.Request, clientID, alg string, c claims) error {
	payload, err := json.Marshal(struct {
		Issuer   string `json:"iss"`
		Audience string `json:"aud"`
		claims
	}{p.issuer(), clientID, c})
	if err != nil {
		return fmt.Errorf("encode user-info: %w", err)
	}
	signed, err := p.keys().Sign(r.Context(), alg, keys.TypeUserinfo, payload)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/jwt")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, err = io.WriteString(w, signed)
	return err
}

// userinfoToken reads the token: of the header or, with POST, of the form,
// never of the address and never of both (RFC 6750 section 2).
func userinfoToken(w http.ResponseWriter, r *http.Request) (string, error) {
	if r.URL.Query().Has("access_token") {
		return "", wire.InvalidRequest("The access token must not be in the address. Send it in the Authorization header.")
	}
	value, err := wire.Bearer(r)
	if err != nil {
		return "", err
	}
	if r.Method == http.MethodPost && r.Header.Get("Content-Type") != "" {
		form, err := wire.PostForm(w, r)
		if err != nil {
			return "", err
		}
		posted := form["access_token"]
		if posted != "" && value != "" {
			return "", wire.InvalidRequest("The access token is in the header and in the form. Send it once.")
		}
		if value == "" {
			value = posted
		}
	}
	if value == "" {
		return "", wire.NoToken()
	}
	return value, nil
}
