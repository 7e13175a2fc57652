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

type signing struct {
	signer jose.Signer
	public jose.JSONWebKeySet
}

// keys returns the signing key: the configured one, the one kept in the world,
// or a new one that is then kept there.
func (s *Server) keys() (*signing, error) {
	s.keyOnce.Do(func() { s.key, s.keyErr = s.openKeys() })
	return s.key, s.keyErr
}

func (s *Server) openKeys() (*signing, error) {
	key, err := s.privateKey()
	if err != nil {
		return nil, err
	}
	own, err := published(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	n, err := base64.RawURLEncoding.DecodeString(otherModulus)
	if err != nil {
		return nil, fmt.Errorf("read the second key: %w", err)
	}
	other, err := published(&rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537})
	if err != nil {
		return nil, err
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: own.KeyID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("open the signing key: %w", err)
	}
	return &signing{signer, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{other, own}}}, nil
}

func published(key *rsa.PublicKey) (jose.JSONWebKey, error) {
	k := jose.JSONWebKey{Key: key, Use: "sig", Algorithm: string(jose.RS256)}
	print, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return k, fmt.Errorf("name a key: %w", err)
	}
	k.KeyID = base64.RawURLEncoding.EncodeToString(print)
	return k, nil
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
	k, err := s.keys()
	if err != nil {
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=86400")
	writeJSON(w, http.StatusOK, k.public)
}

// claims are those that ID token and userinfo have in common.
type claims struct {
	Sub               string `json:"sub"`
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
	Aud      string `json:"aud"`
	Exp      int64  `json:"exp"`
	Iat      int64  `json:"iat"`
	Nonce    string `json:"nonce,omitempty"`
	AuthTime int64  `json:"auth_time,omitempty"`
	claims
	GroupsDirect []string `json:"groups_direct,omitempty"`
}

type userinfoClaims struct {
	claims
	Groups     []string `json:"groups"`
	Owner      []string `json:"https://gitlab.org/claims/groups/owner,omitempty"`
	Maintainer []string `json:"https://gitlab.org/claims/groups/maintainer,omitempty"`
	Developer  []string `json:"https://gitlab.org/claims/groups/developer,omitempty"`
}

// shared fills the common claims. The address is the primary one with the scope
// email, the public one without.
func (s *Server) shared(u *world.User, scopes []string) claims {
	sub := strconv.FormatInt(u.ID, 10)
	legacy := sha256.Sum256([]byte(sub + "-" + secretKeyBase))
	c := claims{
		Sub: sub, SubLegacy: hex.EncodeToString(legacy[:]), Name: u.Name, Nickname: u.Username, PreferredUsername: u.Username,
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

func gravatar(email string) string {
	sum := sha256.Sum256([]byte(email))
	return "https://www.gravatar.com/avatar/" + hex.EncodeToString(sum[:]) + "?s=80&d=identicon"
}

func (s *Server) idToken(app string, user int64, scopes []string, c *code) (string, error) {
	k, err := s.keys()
	if err != nil {
		return "", err
	}
	now := s.Now()
	body := idClaims{Iss: s.URL, Aud: app, Iat: now.Unix(), Exp: now.Add(idTokenLife).Unix()}
	if c != nil {
		body.Nonce = c.nonce
	}
	s.World.Read(func(d *world.Data) {
		if u := d.User(user); u != nil {
			body.claims = s.shared(u, scopes)
			body.GroupsDirect = directGroups(d, user, 0)
			if !u.CurrentSignInAt.IsZero() {
				body.AuthTime = u.CurrentSignInAt.Unix()
			}
		}
	})
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

// directGroups lists the full paths of direct group memberships, of one level or,
// with 0, of all from Guest on.
func directGroups(d *world.Data, user int64, level int) []string {
	var paths []string
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
// a good token 401, both with an empty body.
func (s *Server) userinfo(w http.ResponseWriter, r *http.Request) {
	var body *userinfoClaims
	status := http.StatusUnauthorized
	value := bearer(r)
	s.World.Read(func(d *world.Data) {
		t := d.Token(value)
		if t == nil || !s.alive(t) || t.UserID == 0 || d.User(t.UserID) == nil {
			return
		}
		if status = http.StatusForbidden; !slices.Contains(t.Scopes, "openid") {
			return
		}
		status = http.StatusOK
		body = &userinfoClaims{
			claims: s.shared(d.User(t.UserID), t.Scopes), Groups: memberGroups(d, t.UserID),
			Owner: directGroups(d, t.UserID, world.Owner), Maintainer: directGroups(d, t.UserID, world.Maintainer),
			Developer: directGroups(d, t.UserID, world.Developer),
		}
	})
	if body != nil {
		writeJSON(w, status, body)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	name, text := "invalid_token", "The access token is invalid"
	if status == http.StatusForbidden {
		name, text = "insufficient_scope", `The request requires scope "openid".`
	}
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="Doorkeeper", error=%q, error_description=%q`, name, text))
	w.WriteHeader(status)
}
