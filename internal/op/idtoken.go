package op

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"gatehouse"
	"gatehouse/internal/op/request"
)

// claims are what is said of a person, in an ID token and at user-info. Which
// of them depends on the scopes, by OpenID Connect Core section 5.4. (GitLab
// tells all of them to whoever has openid; we tell what was asked for.)
type claims struct {
	Subject           string `json:"sub"`
	Name              string `json:"name,omitempty"`
	Nickname          string `json:"nickname,omitempty"`
	PreferredUsername string `json:"preferred_username,omitempty"`
	Email             string `json:"email,omitempty"`
	EmailVerified     *bool  `json:"email_verified,omitempty"`
	Profile           string `json:"profile,omitempty"`
	Picture           string `json:"picture,omitempty"`
}

// claimsOf are the claims of a person for some scopes.
func claimsOf(u gatehouse.User, scopes []string, issuer string) claims {
	c := claims{Subject: request.Subject(u)}
	if slices.Contains(scopes, request.ScopeProfile) {
		c.Name, c.Nickname, c.PreferredUsername = u.Name, u.Username, u.Username
		c.Profile, c.Picture = issuer+"/"+u.Username, u.Avatar
	}
	if slices.Contains(scopes, request.ScopeEmail) && u.Email != "" {
		c.Email, c.EmailVerified = u.Email, &u.EmailVerified
	}
	return c
}

// idTokenClaims are the claims of an ID token.
type idTokenClaims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Expiry   int64  `json:"exp"`
	IssuedAt int64  `json:"iat"`
	AuthTime int64  `json:"auth_time,omitempty"`
	Nonce    string `json:"nonce,omitempty"`
	AtHash   string `json:"at_hash"`
	Session  string `json:"sid,omitempty"`
	claims
}

// idToken makes and signs the ID token that goes with an access token.
func (p *Provider) idToken(ctx context.Context, m minted, u gatehouse.User) (string, error) {
	c := idTokenClaims{
		Issuer: p.issuer(), Audience: m.grant.ClientID,
		Expiry: m.at.Add(p.Lifetimes.id()).Unix(), IssuedAt: m.at.Unix(), AuthTime: m.grant.AuthAt.Unix(),
		Nonce: m.grant.Nonce, AtHash: atHash(m.access), Session: m.grant.SessionID,
		claims: claimsOf(u, m.grant.Scopes, p.issuer()),
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode an ID token: %w", err)
	}
	return p.keys().Sign(ctx, payload)
}

// atHash binds an ID token to its access token (OpenID Connect Core section
// 3.1.3.6).
func atHash(access string) string {
	sum := sha256.Sum256([]byte(access))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
