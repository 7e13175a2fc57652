package op

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// revoke answers /oauth/revoke (RFC 7009): the token and all that came of the
// same sign-in end at once, as GitLab does it. A token that nobody knows is
// ended already. When the end could not be stored the client hears 503, never
// 200.
func (p *Provider) revoke(w http.ResponseWriter, r *http.Request) error {
	form, c, used, err := p.fromClient(w, r)
	if err != nil {
		return err
	}
	if form["token"] == "" {
		return cmp.Or[error](p.settle(r.Context(), used), wire.Missing("token"))
	}
	hash, _ := p.tokenHash(r.Context(), form["token"]) // nil is found nowhere
	err = p.update(r.Context(), used, func(tx *store.Tx) error { return p.revokeOwn(tx, r, c, hash) })
	var e *wire.Error
	if err != nil && !errors.As(err, &e) {
		return errors.Join(gatehouse.Unavailable, fmt.Errorf("revoke a token: %w", err))
	}
	if err != nil {
		return err
	}
	wire.JSON(w, http.StatusOK, struct{}{})
	return nil
}

func (p *Provider) revokeOwn(tx *store.Tx, r *http.Request, c gatehouse.Client, hash []byte) error {
	t, err := tx.Token(hash)
	if errors.Is(err, gatehouse.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if t.Grant.ClientID != c.ID {
		return &wire.Error{Code: "unauthorized_client", Description: "You are not authorized to revoke this token"}
	}
	if !t.RevokedAt.IsZero() {
		return nil
	}
	if err := revokeWithKin(tx, t); err != nil {
		return err
	}
	return tx.Record(gatehouse.Event{
		Actor:  gatehouse.Actor{Kind: gatehouse.ActorClient, ID: c.ID, Name: c.Name, Address: ui.ClientAddress(r)},
		Action: "token.revoked", Target: "user/" + t.Grant.UserID,
		Details: map[string]string{"kind": string(t.Kind), "family": t.Family},
	})
}

// revokeWithKin ends a token and all that came of the same sign-in; of one that
// was exchanged for another client's, it and what others got for those of its
// client.
func revokeWithKin(tx *store.Tx, t gatehouse.Token) error {
	if len(t.Grant.Details.Actors) > 0 {
		if err := tx.RevokeExchanged(t.Grant.UserID, t.Grant.ClientID, t.Family); err != nil {
			return err
		}
		return tx.RevokeToken(t.Hash)
	}
	return tx.RevokeFamily(t.Family)
}

// introspection is GitLab's answer, with the subject besides.
type introspection struct {
	Active    bool     `json:"active"`
	Scope     string   `json:"scope,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	TokenType string   `json:"token_type,omitempty"`
	Expiry    int64    `json:"exp,omitempty"`
	IssuedAt  int64    `json:"iat,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	Audience  []string `json:"aud,omitempty"` // of tokens that name resources
	Actor     *actor   `json:"act,omitempty"` // of tokens that were exchanged

	Confirmation *confirmation `json:"cnf,omitempty"` // of tokens that are bound (RFC 9449 section 6.2)
}

// introspect answers /oauth/introspect (RFC 7662) to a confidential client about
// its own tokens, and about access tokens that are meant for it. All others are
// inactive to it.
func (p *Provider) introspect(w http.ResponseWriter, r *http.Request) error {
	form, c, used, err := p.fromClient(w, r)
	if err == nil {
		err = p.settle(r.Context(), used)
	}
	if err != nil {
		return err
	}
	if c.Public() {
		return wire.InvalidClient()
	}
	if form["token"] == "" {
		return wire.Missing("token")
	}
	var answer introspection
	hash, _ := p.tokenHash(r.Context(), form["token"]) // nil is found nowhere
	var b bearing
	err = p.Store.Ask(r.Context(), func(tx *store.Tx) error {
		b.token, b.user, err = tx.LiveToken(hash)
		return err
	})
	if err == nil {
		err = stillStands(p.clients(r.Context()), b.token.Grant.Details)
	}
	if err == nil {
		b.client, err = p.meantFor(r.Context(), c, b.token)
	}
	if err == nil {
		answer = p.introspectionOf(b.client, b.token, b.user)
	} else if !errors.Is(err, gatehouse.NotFound) {
		return err
	}
	wire.JSON(w, http.StatusOK, answer)
	return nil
}

// meantFor gives the client of a token that another asks about: itself, or, where
// it is a resource server, that of an access token which names its id as audience
// (RFC 8707) and is still on. NotFound for any other.
func (p *Provider) meantFor(ctx context.Context, asks gatehouse.Client, t gatehouse.Token) (gatehouse.Client, error) {
	if t.Grant.ClientID == asks.ID {
		return asks, nil
	}
	if t.Kind != gatehouse.AccessToken || !slices.Contains(t.Grant.Details.Audience, asks.ID) {
		return gatehouse.Client{}, gatehouse.NotFound
	}
	c, err := p.client(ctx, t.Grant.ClientID)
	if err == nil && (c == nil || !c.On()) {
		err = gatehouse.NotFound
	}
	if err != nil {
		return gatehouse.Client{}, err
	}
	return *c, nil
}

// introspectionOf says what may be known of a live token of a client.
func (p *Provider) introspectionOf(c gatehouse.Client, t gatehouse.Token, u gatehouse.User) introspection {
	personal := t.Grant.UserID != ""
	used := t.Kind == gatehouse.RefreshToken && !t.UsedAt.IsZero()
	if t.Grant.ClientID != c.ID || used || personal && u.State != gatehouse.UserActive {
		return introspection{}
	}
	answer := introspection{
		Active: true, Scope: strings.Join(request.StillAllowed(c, t.Grant.Scopes), " "), ClientID: c.ID,
		Expiry: t.ExpiresAt.Unix(), IssuedAt: t.CreatedAt.Unix(),
		Audience: t.Grant.Details.Audience, Actor: actorsOf(t.Grant.Details.Actors),
		Confirmation: confirmationOf(t.Grant.Details),
	}
	if t.Kind == gatehouse.AccessToken {
		answer.TokenType = typeOf(t.Grant.Details)
	}
	if personal {
		answer.Subject = p.subject(c, u)
	}
	return answer
}

// tokenInfo is GitLab's answer of /oauth/token/info, in GitLab's order.
type tokenInfo struct {
	ResourceOwnerID  *int64      `json:"resource_owner_id"`
	Scope            []string    `json:"scope"`
	ExpiresIn        int64       `json:"expires_in"`
	Application      application `json:"application"`
	CreatedAt        int64       `json:"created_at"`
	Scopes           []string    `json:"scopes"`
	ExpiresInSeconds int64       `json:"expires_in_seconds"`
}

type application struct {
	UID string `json:"uid"`
}

// tokenInfo answers /oauth/token/info to whoever has the token.
func (p *Provider) tokenInfo(w http.ResponseWriter, r *http.Request) error {
	value, err := wire.Bearer(r)
	if err != nil {
		return err
	}
	var b bearing
	if value != "" {
		b, err = p.bearer(r.Context(), value)
	}
	personal := b.token.Grant.UserID != ""
	if value == "" || errors.Is(err, gatehouse.NotFound) || err == nil && personal && b.user.State != gatehouse.UserActive {
		e := wire.InvalidToken("The access token is invalid")
		e.State = "unauthorized"
		return e
	}
	if err != nil {
		return err
	}
	if e := p.mayUse(w, r, b.client, value, b.token.Grant.Details); e != nil {
		return e
	}
	left := int64(b.token.ExpiresAt.Sub(p.Clock.Now()).Seconds())
	info := tokenInfo{
		Scope: b.token.Grant.Scopes, Scopes: b.token.Grant.Scopes, ExpiresIn: left, ExpiresInSeconds: left,
		Application: application{UID: b.token.Grant.ClientID}, CreatedAt: b.token.CreatedAt.Unix(),
	}
	if personal && !request.Pairwise(b.client) { // which is not told who it is elsewhere
		info.ResourceOwnerID = &b.user.Number
	}
	wire.JSON(w, http.StatusOK, info)
	return nil
}
