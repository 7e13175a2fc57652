package op

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"gatehouse"
	"gatehouse/internal/op/gitlab"
	"gatehouse/internal/op/keys"
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
	gitlab.Claims
}

// claimsOf are the claims of a person for some scopes, and those that were asked
// for one by one.
func claimsOf(u gatehouse.User, scopes, names []string, issuer string) claims {
	all := claims{
		Name: u.Name, Nickname: u.Username, PreferredUsername: u.Username, Profile: issuer + "/" + u.Username, Picture: u.Avatar,
	}
	if u.Email != "" {
		all.Email, all.EmailVerified = u.Email, &u.EmailVerified
	}
	told := claims{Subject: request.Subject(u)}
	if slices.Contains(scopes, request.ScopeProfile) {
		told.Name, told.Nickname, told.PreferredUsername = all.Name, all.Nickname, all.PreferredUsername
		told.Profile, told.Picture = all.Profile, all.Picture
	}
	if slices.Contains(scopes, request.ScopeEmail) {
		told.Email, told.EmailVerified = all.Email, all.EmailVerified
	}
	for _, name := range names {
		told.add(name, all)
	}
	return told
}

// add tells one claim of all.
func (c *claims) add(name string, all claims) {
	switch name {
	case "name":
		c.Name = all.Name
	case "nickname":
		c.Nickname = all.Nickname
	case "preferred_username":
		c.PreferredUsername = all.PreferredUsername
	case "profile":
		c.Profile = all.Profile
	case "picture":
		c.Picture = all.Picture
	case "email":
		c.Email = all.Email
	case "email_verified":
		c.EmailVerified = all.EmailVerified
	}
}

// idTokenClaims are the claims of an ID token.
type idTokenClaims struct {
	Issuer   string   `json:"iss"`
	Audience string   `json:"aud"`
	Expiry   int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	AuthTime int64    `json:"auth_time,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	Nonce    string   `json:"nonce,omitempty"`
	AtHash   string   `json:"at_hash"`
	Session  string   `json:"sid,omitempty"`
	claims
}

// idToken makes and signs the ID token that goes with an access token.
func (p *Provider) idToken(ctx context.Context, client gatehouse.Client, m minted, u gatehouse.User) (string, error) {
	c := idTokenClaims{
		Issuer: p.issuer(), Audience: m.grant.ClientID,
		Expiry: m.at.Add(p.Lifetimes.of(client).id()).Unix(), IssuedAt: m.at.Unix(), AuthTime: m.grant.AuthAt.Unix(),
		Nonce: m.grant.Nonce, AtHash: atHash(client.Settings.IDTokenAlg, m.access), Session: p.sid(client, m.grant.SessionID),
		ACR: m.grant.Details.ACR, AMR: m.grant.Details.AMR,
		claims: claimsOf(u, m.grant.Scopes, m.grant.Details.IDClaims, p.issuer()),
	}
	c.Subject = p.subject(client, u)
	var err error
	if c.Claims, err = p.groupClaims(ctx, client, u, gitlab.MostInToken); err != nil {
		return "", err
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode an ID token: %w", err)
	}
	return p.keys().Sign(ctx, client.Settings.IDTokenAlg, keys.TypeJWT, payload)
}

// atHash binds an ID token to its access token (OpenID Connect Core section
// 3.1.3.6) by the hash of the algorithm that signs it; that of Ed25519 is
// SHA-512.
func atHash(algorithm, access string) string {
	sum := gatehouse.Digest(access)
	if algorithm == "EdDSA" {
		long := sha512.Sum512([]byte(access))
		sum = long[:]
	}
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
