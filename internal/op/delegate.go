package op

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"

	"gatehouse"
	"gatehouse/internal/op/keys"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// maxActors bounds the chain of clients that exchanged a token.
const maxActors = 5

// exchangeForOwn gives a token of ours for another of ours: with fewer scopes,
// for a resource, or for the client of another one that called it. It stands for
// the same person, may no more than the first and lives no longer, and ends with
// it.
func (p *Provider) exchangeForOwn(a *ask) (tokenAnswer, error) {
	if a.client.Public() {
		return tokenAnswer{}, unauthorizedClient()
	}
	hash, err := p.subjectHash(a)
	if errors.Is(err, gatehouse.NotFound) {
		return tokenAnswer{}, badSubject()
	}
	if err != nil {
		return tokenAnswer{}, err
	}
	var (
		made minted
		user gatehouse.User
	)
	err = p.update(a.r.Context(), a.once, func(tx *store.Tx) error {
		made, user = minted{}, gatehouse.User{}
		subject, err := p.subjectFor(tx, a, hash)
		if err != nil {
			return err
		}
		grant, err := p.delegated(a, subject)
		if err != nil {
			return err
		}
		if grant.UserID != "" {
			if user, err = activeUser(tx, a.client, grant.UserID); err != nil {
				return badSubject()
			}
			if err := introduce(tx, a.client, user); err != nil {
				return err
			}
		}
		if made, err = p.mint(tx, mint{
			client: a.client, family: subject.Family, grant: grant, held: a.held, until: subject.ExpiresAt, jwt: a.form["requested_token_type"] == jwtType,
		}); err != nil {
			return err
		}
		return recordExchange(tx, a, subject)
	})
	if err != nil {
		return tokenAnswer{}, err
	}
	answer, err := p.tellAccess(a, &made, user)
	answer.IssuedTokenType = accessTokenType
	if made.jwt {
		answer.IssuedTokenType = jwtType
	}
	return answer, err
}

// subjectHash is under what the token is stored that a client wants to exchange.
// An ID token stands for the access token that came with it.
func (p *Provider) subjectHash(a *ask) (hash []byte, err error) {
	if a.form["subject_token_type"] != idTokenType {
		return p.tokenHash(a.r.Context(), a.form["subject_token"])
	}
	half, err := p.besideIDToken(a.r.Context(), a.client, a.form["subject_token"])
	if err != nil {
		return nil, err
	}
	err = p.Store.View(a.r.Context(), func(tx *store.Tx) error {
		hash, err = tx.TokenByHalf(half)
		return err
	})
	return hash, err
}

// besideIDToken reads in an ID token of ours, which has not ended and is for this
// very client, half of what the access token is stored under that came with it.
// NotFound for any other. One whose at_hash is not of that (by EdDSA, or beside a
// JWT) is found nowhere.
func (p *Provider) besideIDToken(ctx context.Context, c gatehouse.Client, compact string) ([]byte, error) {
	if len(compact) > maxJWT {
		return nil, gatehouse.NotFound
	}
	payload, err := p.keys().Verify(ctx, compact, keys.TypeJWT)
	if err != nil {
		return nil, gatehouse.NotFound
	}
	var said struct {
		Issuer   string `json:"iss"`
		Audience string `json:"aud"`
		Expiry   int64  `json:"exp"`
		AtHash   string `json:"at_hash"`
	}
	if err := json.Unmarshal(payload, &said); err != nil || said.Issuer != p.issuer() || said.Audience != c.ID || p.Clock.Now().Unix() >= said.Expiry {
		return nil, gatehouse.NotFound
	}
	half, err := base64.RawURLEncoding.DecodeString(said.AtHash)
	if err != nil || len(half) != sha256.Size/2 {
		return nil, gatehouse.NotFound
	}
	return half, nil
}

// subjectFor finds the token that a client wants to exchange: a live one of its
// own, or of a client that it may act for (T18).
func (p *Provider) subjectFor(tx *store.Tx, a *ask, hash []byte) (gatehouse.Token, error) {
	c := a.client
	b, err := liveAccess(tx, hash)
	switch {
	case errors.Is(err, gatehouse.NotFound):
		return b.token, badSubject()
	case err != nil:
		return b.token, err
	case b.token.Grant.ClientID != c.ID && !slices.Contains(c.Settings.ExchangeFrom, b.token.Grant.ClientID):
		return b.token, badSubject()
	case b.token.Grant.ClientID == a.client.ID && !a.held.fits(b.token.Grant.Details):
		return b.token, badSubject() // or a stolen one could be made a free one
	}
	return b.token, nil
}

func badSubject() error {
	return wire.InvalidRequest("The subject_token is not a live access token that this client may exchange.")
}

// delegated is what a client gets for a token: what both may.
func (p *Provider) delegated(a *ask, subject gatehouse.Token) (gatehouse.Grantable, error) {
	old := subject.Grant
	may := slices.DeleteFunc(request.Within(old.Scopes, a.client.Scopes), func(s string) bool {
		return s == request.ScopeOffline || s == request.ScopeProvider && old.ClientID != a.client.ID
	})
	scopes := may
	if asked := request.SplitScope(a.form["scope"]); len(asked) > 0 {
		scopes = asked
	}
	if len(scopes) == 0 || !request.Covers(may, scopes) {
		return old, wire.InvalidScope()
	}
	if a.form["resource"] == "" {
		a.form["resource"] = a.form["audience"]
	}
	audience, err := p.audience(a, nil)
	if err != nil {
		return old, err
	}
	grant := old
	grant.ClientID, grant.Scopes, grant.Nonce = a.client.ID, scopes, ""
	grant.Details = gatehouse.GrantDetails{Audience: audience, ACR: old.Details.ACR, AMR: old.Details.AMR, Actors: old.Details.Actors, From: old.Details.From}
	if len(audience) == 0 && old.ClientID == a.client.ID {
		grant.Details.Audience = old.Details.Audience
	}
	if old.ClientID != a.client.ID {
		grant.Details.Actors = append([]string{a.client.ID}, old.Details.Actors...)
		grant.Details.From = cmp.Or(old.Details.From, old.ClientID)
	}
	if len(grant.Details.Actors) > maxActors {
		return old, wire.InvalidRequest("The subject_token was exchanged too often.")
	}
	return grant, nil
}

// stillStands says whether a token that was exchanged may still be used: while
// all clients that it came by are on. NotFound when not.
func stillStands(find finder, d gatehouse.GrantDetails) error {
	if len(d.Actors) == 0 {
		return nil
	}
	for _, id := range append(slices.Clone(d.Actors[1:]), d.From) {
		if id == "" {
			continue // it was exchanged before this was kept
		}
		c, err := find(id)
		if err != nil {
			return err
		}
		if !c.On() {
			return gatehouse.NotFound
		}
	}
	return nil
}

// recordExchange notes that a client acts for a person who signed in to another.
func recordExchange(tx *store.Tx, a *ask, subject gatehouse.Token) error {
	if subject.Grant.ClientID == a.client.ID {
		return nil
	}
	return tx.Record(gatehouse.Event{
		Actor:  gatehouse.Actor{Kind: gatehouse.ActorClient, ID: a.client.ID, Name: a.client.Name, Address: ui.ClientAddress(a.r)},
		Action: "token.exchanged", Target: "user/" + subject.Grant.UserID, Details: map[string]string{"from": subject.Grant.ClientID},
	})
}
