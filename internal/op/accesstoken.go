package op

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"gatehouse"
	"gatehouse/internal/op/keys"
)

// Bounds of what can be an access token, in bytes.
const (
	maxOpaque = 512
	maxJWT    = 8 << 10
)

// accessClaims are the claims of an access token that is a JWT (RFC 9068 section
// 2.2). Nothing in them tells more of a person than who they are.
type accessClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience any      `json:"aud"` // one as a text, several as a list
	Expiry   int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	ID       string   `json:"jti"`
	ClientID string   `json:"client_id"`
	Scope    string   `json:"scope,omitempty"`
	AuthTime int64    `json:"auth_time,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	Actor    *actor   `json:"act,omitempty"`

	Confirmation *confirmation `json:"cnf,omitempty"`
}

// actor is who acts for the subject of a token, and for whom they act in turn
// (RFC 8693 section 4.1).
type actor struct {
	ClientID string `json:"client_id"`
	Actor    *actor `json:"act,omitempty"`
}

func actorsOf(clients []string) *actor {
	if len(clients) == 0 {
		return nil
	}
	return &actor{ClientID: clients[0], Actor: actorsOf(clients[1:])}
}

// accessJWT tells an access token as a JWT. It is known here by its jti.
func (p *Provider) accessJWT(ctx context.Context, c gatehouse.Client, m minted, u gatehouse.User) (string, error) {
	d := m.grant.Details
	claims := accessClaims{
		Issuer: p.issuer(), Subject: c.ID, Audience: p.audienceOf(c, d), Expiry: m.expires.Unix(), IssuedAt: m.at.Unix(), ID: m.access,
		ClientID: m.grant.ClientID, Scope: strings.Join(m.grant.Scopes, " "), ACR: d.ACR, AMR: d.AMR, Actor: actorsOf(d.Actors),
		Confirmation: confirmationOf(d),
	}
	if m.grant.UserID != "" {
		claims.Subject, claims.AuthTime = p.subject(c, u), m.grant.AuthAt.Unix()
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode an access token: %w", err)
	}
	return p.keys().Sign(ctx, c.Settings.IDTokenAlg, keys.TypeAccess, payload)
}

// audienceOf are the resources that a token is for: those that were named, else
// the client's first, else ourselves (RFC 9068 section 3).
func (p *Provider) audienceOf(c gatehouse.Client, d gatehouse.GrantDetails) any {
	switch {
	case len(d.Audience) > 1:
		return d.Audience
	case len(d.Audience) == 1:
		return d.Audience[0]
	case len(c.Settings.Resources) > 0:
		return c.Settings.Resources[0]
	}
	return p.issuer()
}

// jtiDigest is what is stored of an access token that is a JWT. Its jti, which
// others may log, is no token by itself.
func jtiDigest(jti string) []byte { return gatehouse.Digest(keys.TypeAccess + ":" + jti) }

// tokenHash is under what a token would be stored that somebody brings: of a JWT
// that we signed as an access token, its jti. NotFound when it can be none. It
// is to be called before a transaction, since it reads the keys.
func (p *Provider) tokenHash(ctx context.Context, value string) ([]byte, error) {
	if strings.Count(value, ".") != 2 {
		if value == "" || len(value) > maxOpaque {
			return nil, gatehouse.NotFound
		}
		return gatehouse.Digest(value), nil
	}
	if len(value) > maxJWT {
		return nil, gatehouse.NotFound
	}
	payload, err := p.keys().Verify(ctx, value, keys.TypeAccess)
	if err != nil {
		return nil, gatehouse.NotFound
	}
	var c accessClaims
	if err := json.Unmarshal(payload, &c); err != nil || c.Issuer != p.issuer() || c.ID == "" {
		return nil, errors.Join(gatehouse.NotFound, err)
	}
	return jtiDigest(c.ID), nil
}

// forUs says whether a token may be used here: one that is for other resources
// may be brought by those, too, who got it there (RFC 9700 section 2.3).
func (p *Provider) forUs(t gatehouse.Token) bool {
	for _, a := range t.Grant.Details.Audience {
		if a == p.issuer() || strings.HasPrefix(a, p.issuer()+"/") {
			return true
		}
	}
	return len(t.Grant.Details.Audience) == 0
}
