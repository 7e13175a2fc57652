package oauth

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strconv"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/twin/gitlab/world"
)

// secretKeyBase stands in for the instance's secret_key_base.
const secretKeyBase = "stand-in"

// otherModulus belongs to the second published key, whose private half nobody
// has. GitLab publishes more keys than the one that signs ID tokens.
const otherModulus = "uVSijN4B-yZmGqSePONyMvki_hY4LwoP1iMYQovUsRVrXnzxOcjNobnLmEDNQUB3-SZvXHlrQPlH8JLk42xyKhBUMkWbLZGObGEnBUVEFzyYfeFzzfMeZXgXDRG9qyv_EBanZwT6gcq-MxyhDKv6LyQ_1DARPZ2k9r1xkvhHlt4USP1sNE8NzC7TNUQ0RFLyN9-QrA8mcg3ihIKBCN6Ei9UeJANoLTPYNS1Eb9y4etgw8FjgItwUyvrjKifqh0Ok6yMXCg4TXzwyHBc8UUVJAr3peGSrSjWhtLtHpSW6HYmkCZnuZRlOUdWcen0IR6XPuNZN4gyZI_srdceLFx36pQ"

// signing is the key that signs, and all keys that are published.
type signing struct {
	signer jose.Signer
	public keySet
}

type keySet struct {
	Keys []publicKey `json:"keys"`
}

// publicKey is a key with its parts in GitLab's order.
type publicKey struct {
	Kty string `json:"kty"`
	Kid string `json:"kid"`
	E   string `json:"e"`
	N   string `json:"n"`
	Use string `json:"use"`
	Alg string `json:"alg"`
}

// PrepareKeys makes the signing key, if there is none yet, so that it can be saved
// before the first token is signed with it.
func (s *Server) PrepareKeys() error {
	_, err := s.signing()
	return err
}

// openKeys returns the signing key: the configured one, the one kept in the world,
// or a new one that is then kept there.
func (s *Server) openKeys() (*signing, error) {
	key, err := s.privateKey()
	if err != nil {
		return nil, err
	}
	own, err := published(base64.RawURLEncoding.EncodeToString(key.N.Bytes()), key.E)
	if err != nil {
		return nil, err
	}
	other, err := published(otherModulus, 65537)
	if err != nil {
		return nil, err
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: own.Kid}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("open the signing key: %w", err)
	}
	return &signing{signer, keySet{[]publicKey{other, own}}}, nil
}

// published describes a key; its name is the thumbprint of RFC 7638.
func published(modulus string, exponent int) (publicKey, error) {
	n, err := base64.RawURLEncoding.DecodeString(modulus)
	if err != nil {
		return publicKey{}, fmt.Errorf("read a key: %w", err)
	}
	k := jose.JSONWebKey{Key: &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: exponent}}
	print, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return publicKey{}, fmt.Errorf("name a key: %w", err)
	}
	return publicKey{
		Kty: "RSA", Kid: base64.RawURLEncoding.EncodeToString(print), N: modulus, Use: "sig", Alg: string(jose.RS256),
		E: base64.RawURLEncoding.EncodeToString(big.NewInt(int64(exponent)).Bytes()),
	}, nil
}

func (s *Server) privateKey() (*rsa.PrivateKey, error) {
	if s.SigningKey != nil {
		return s.SigningKey, nil
	}
	var kept string
	s.World.Read(func(d *world.Data) { kept = d.Secret("signing_key") })
	if block, _ := pem.Decode([]byte(kept)); block != nil {
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	raw := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	err = s.World.Write(func(d *world.Data) error { d.SetSecret("signing_key", string(raw)); return nil })
	return key, err
}

// jwks answers GET /oauth/discovery/keys.
func (s *Server) jwks(w http.ResponseWriter, _ *http.Request) {
	k, err := s.signing()
	if err != nil {
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=86400")
	writeJSON(w, http.StatusOK, k.public)
}

// claims are those that ID token and userinfo have in common, beside sub.
type claims struct {
	SubLegacy         string `json:"sub_legacy"`
	Name              string `json:"name,omitempty"`
	Nickname          string `json:"nickname,omitempty"`
	PreferredUsername string `json:"preferred_username,omitempty"`
	Email             string `json:"email,omitempty"`
	EmailVerified     *bool  `json:"email_verified,omitempty"`
	Website           string `json:"website,omitempty"`
	Profile           string `json:"profile,omitempty"`
	Picture           string `json:"picture,omitempty"`
}

type idClaims struct {
	Iss      string `json:"iss"`
	Sub      string `json:"sub"`
	Aud      string `json:"aud"`
	Exp      int64  `json:"exp"`
	Iat      int64  `json:"iat"`
	Nonce    string `json:"nonce,omitempty"`
	AuthTime int64  `json:"auth_time,omitempty"`
	claims
	GroupsDirect []string `json:"groups_direct"`
}

type userinfoClaims struct {
	Sub string `json:"sub"`
	claims
	Groups     []string `json:"groups"`
	Owner      []string `json:"https://gitlab.org/claims/groups/owner,omitempty"`
	Maintainer []string `json:"https://gitlab.org/claims/groups/maintainer,omitempty"`
	Developer  []string `json:"https://gitlab.org/claims/groups/developer,omitempty"`
}

// shared fills the common claims. The address is the primary one with the scope
// email, the public one without.
func (s *Server) shared(u *world.User, scopes []string) claims {
	legacy := sha256.Sum256([]byte(subject(u) + "-" + secretKeyBase))
	c := claims{
		SubLegacy: hex.EncodeToString(legacy[:]), Name: u.Name, Nickname: u.Username, PreferredUsername: u.Username,
		Website: u.WebsiteURL, Profile: s.URL + "/" + u.Username, Picture: cmp.Or(u.AvatarURL, gravatar(u.Email)), Email: u.PublicEmail,
	}
	if slices.Contains(scopes, "email") {
		c.Email = u.Email
	}
	if c.Email != "" {
		verified := !u.ConfirmedAt.IsZero()
		c.EmailVerified = &verified
	}
	return c
}

func subject(u *world.User) string { return strconv.FormatInt(u.ID, 10) }

func gravatar(email string) string {
	sum := sha256.Sum256([]byte(email))
	return "https://www.gravatar.com/avatar/" + hex.EncodeToString(sum[:]) + "?s=80&d=identicon"
}

func (s *Server) idToken(app string, user int64, scopes []string, nonce string) (string, error) {
	k, err := s.signing()
	if err != nil {
		return "", err
	}
	now := s.Now()
	body := idClaims{Iss: s.URL, Aud: app, Iat: now.Unix(), Exp: now.Add(idTokenLife).Unix(), Nonce: nonce}
	s.World.Read(func(d *world.Data) {
		if u := signer(d, user); u != nil {
			body.Sub, body.claims, body.GroupsDirect = subject(u), s.shared(u, scopes), directGroups(d, user, 0)
			if !u.CurrentSignInAt.IsZero() {
				body.AuthTime = u.CurrentSignInAt.Unix()
			}
		}
	})
	if body.Sub == "" {
		return "", fmt.Errorf("user %d is not active", user)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return "", fmt.Errorf("write an ID token: %w", err)
	}
	signed, err := k.signer.Sign(raw)
	if err != nil {
		return "", fmt.Errorf("sign an ID token: %w", err)
	}
	return signed.CompactSerialize()
}

// signer returns the person whom OpenID Connect speaks of, or nil. GitLab looks
// among active people only and fails, with a 500, when it finds none; so its code
// says, it was not tried.
func signer(d *world.Data, user int64) *world.User {
	if u := d.User(user); u != nil && u.State == world.Active {
		return u
	}
	return nil
}

// directGroups lists the full paths of direct group memberships, of one level or,
// with 0, of all from Guest on.
func directGroups(d *world.Data, user int64, level int) []string {
	paths := []string{}
	for _, m := range d.MembershipsOf(user) {
		if m.Pending() || m.Awaiting || m.Source.Kind != world.GroupSource || m.Level <= world.MinimalAccess {
			continue
		}
		if level == 0 || m.Level == level {
			paths = append(paths, d.Group(m.Source.ID).FullPath)
		}
	}
	slices.Sort(paths)
	return paths
}

// memberGroups lists direct groups and everything below them.
func memberGroups(d *world.Data, user int64) []string {
	seen := map[string]bool{}
	paths := []string{}
	add := func(path string) {
		if !seen[path] {
			seen[path] = true
			paths = append(paths, path)
		}
	}
	for _, path := range directGroups(d, user, 0) {
		add(path)
		for _, g := range d.Descendants(d.GroupByPath(path).ID) {
			add(g.FullPath)
		}
	}
	slices.Sort(paths)
	return paths
}

// userinfo answers /oauth/userinfo. Without the scope openid it says 403, without
// a good token 401, both with an empty body, and why only with the 401.
func (s *Server) userinfo(w http.ResponseWriter, r *http.Request) {
	value := bearer(r)
	var body userinfoClaims
	var dead string
	status := http.StatusOK
	s.World.Read(func(d *world.Data) {
		t := accessToken(d, value)
		switch {
		case t == nil || !s.alive(t):
			status, dead = http.StatusUnauthorized, s.deadness(t)
			return
		case !slices.Contains(t.Scopes, "openid"):
			status = http.StatusForbidden
			return
		}
		u := signer(d, t.UserID)
		if u == nil {
			status = http.StatusInternalServerError
			return
		}
		body = userinfoClaims{
			Sub: subject(u), claims: s.shared(u, t.Scopes), Groups: memberGroups(d, u.ID), Owner: directGroups(d, u.ID, world.Owner),
			Maintainer: directGroups(d, u.ID, world.Maintainer), Developer: directGroups(d, u.ID, world.Developer),
		}
	})
	if status == http.StatusOK {
		writeJSON(w, status, body)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if dead != "" {
		w.Header().Set("WWW-Authenticate", challenge("invalid_token", dead))
	}
	w.WriteHeader(status)
}
