package openid

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// algorithms are what the twin can sign with and takes from clients.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA}
}

// RotateKeys signs with new keys from now on. The old ones stay in the key set
// if keepOld, so that tokens under way are still good; else they are gone, as
// after a key was stolen.
func (t *Twin) RotateKeys(keepOld bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := t.state.signingKey(string(jose.RS256)); err != nil {
		return err
	}
	old := t.state.Keys
	t.state.Keys, t.changed = nil, true
	if keepOld {
		t.state.Keys = slices.Clone(old)
	}
	renewed := map[string]bool{}
	for _, k := range old {
		if renewed[k.Algorithm] {
			continue
		}
		renewed[k.Algorithm] = true
		key, err := newKey(k.Algorithm)
		if err == nil {
			err = t.state.addKey(k.Algorithm, key)
		}
		if err != nil {
			return err
		}
	}
	return t.save()
}

// KeyIDs are the kid of every published key, the oldest first.
func (t *Twin) KeyIDs() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ids []string
	for _, k := range t.state.Keys {
		ids = append(ids, k.KeyID)
	}
	return ids
}

func newKey(algorithm string) (any, error) {
	var key any
	var err error
	switch algorithm {
	case string(jose.ES256):
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case string(jose.EdDSA):
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		return nil, fmt.Errorf("make a key for %s: %w", algorithm, err)
	}
	return key, nil
}

func (s *state) addKey(algorithm string, private any) error {
	k := jose.JSONWebKey{Key: private, Algorithm: algorithm, Use: "sig"}
	print, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return fmt.Errorf("name a key: %w", err)
	}
	k.KeyID = base64.RawURLEncoding.EncodeToString(print)
	s.Keys = append(s.Keys, k)
	return nil
}

// key is the newest of an algorithm; nil = there is none yet.
func (s *state) key(algorithm string) *jose.JSONWebKey {
	for _, k := range slices.Backward(s.Keys) {
		if k.Algorithm == algorithm {
			return &k
		}
	}
	return nil
}

// signingKey is the newest of an algorithm, made now if there is none.
func (s *state) signingKey(algorithm string) (*jose.JSONWebKey, error) {
	if k := s.key(algorithm); k != nil {
		return k, nil
	}
	private, err := newKey(algorithm)
	if err == nil {
		err = s.addKey(algorithm, private)
	}
	return s.key(algorithm), err
}

func (t *Twin) jwks(*call) answer {
	if len(t.state.Keys) == 0 {
		t.changed = true
	}
	if _, err := t.state.signingKey(string(jose.RS256)); err != nil {
		return failed(err)
	}
	set := jose.JSONWebKeySet{}
	for _, k := range t.state.Keys {
		set.Keys = append(set.Keys, k.Public())
	}
	a := asJSON(200, set)
	a.header.Set("Cache-Control", "public, max-age=300")
	return a
}

// sign makes a JWT of the claims, as wrong as the flaws of the moment want it.
func (t *Twin) sign(algorithm, typ string, claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("write the claims: %w", err)
	}
	if t.flawed(DuplicateClaims) {
		extra, _ := json.Marshal(t.state.World.other(fmt.Sprint(claims["sub"])).Sub)
		payload = slices.Concat(payload[:len(payload)-1], []byte(`,"sub":`), extra, []byte("}"))
	}
	known := len(t.state.Keys)
	key, err := t.state.signingKey(algorithm)
	if err != nil {
		return "", err
	}
	t.changed = t.changed || len(t.state.Keys) != known
	return t.seal(*key, typ, payload)
}

// seal signs a payload with a key, or with what a flaw puts in its place.
func (t *Twin) seal(key jose.JSONWebKey, typ string, payload []byte) (string, error) {
	signing := jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key.Key}
	options := (&jose.SignerOptions{}).WithType(jose.ContentType(typ)).WithHeader("kid", key.KeyID)
	switch {
	case t.flawed(AlgNone):
		header, err := json.Marshal(map[string]string{"alg": "none", "typ": typ})
		return base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload) + ".", err
	case t.flawed(HS256PublicKey):
		secret, err := publicPEM(key)
		if err != nil {
			return "", err
		}
		signing = jose.SigningKey{Algorithm: jose.HS256, Key: secret}
	case t.flawed(UnknownKey):
		options.WithHeader("kid", secret())
	case t.flawed(NoKeyID):
		delete(options.ExtraHeaders, "kid")
	case t.flawed(StrangersKey), t.flawed(EmbeddedKey):
		strange, err := newKey(key.Algorithm)
		if err != nil {
			return "", err
		}
		signing.Key = strange
		if t.flawed(EmbeddedKey) {
			signing.Key, options.EmbedJWK = jose.JSONWebKey{Key: strange, Algorithm: key.Algorithm}, true
		}
	case t.flawed(CriticalHeader):
		options.WithCritical("twin").WithHeader("twin", true)
	}
	signer, err := jose.NewSigner(signing, options)
	if err != nil {
		return "", fmt.Errorf("open a signing key: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	token, err := signed.CompactSerialize()
	if err == nil && t.flawed(BadSignature) {
		token, err = spoil(token)
	}
	return token, err
}

// publicPEM is the published key as the text file that people pass around.
func publicPEM(key jose.JSONWebKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public().Key)
	if err != nil {
		return nil, fmt.Errorf("write the public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// spoil turns one bit of a token's signature.
func spoil(token string) (string, error) {
	head, tail, _ := cutLast(token)
	raw, err := base64.RawURLEncoding.DecodeString(tail)
	if err != nil || len(raw) == 0 {
		return "", fmt.Errorf("spoil a signature of %d bytes: %w", len(raw), err)
	}
	raw[len(raw)/2] ^= 1
	return head + "." + base64.RawURLEncoding.EncodeToString(raw), nil
}

func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// opened is the payload of a token that the twin signed, by any key still
// published; nil = it did not.
func (t *Twin) opened(token string) map[string]any {
	signed, err := jose.ParseSignedCompact(token, algorithms())
	if err != nil {
		return nil
	}
	for _, k := range t.state.Keys {
		payload, err := signed.Verify(k.Public().Key)
		if err != nil {
			continue
		}
		var claims map[string]any
		if json.Unmarshal(payload, &claims) != nil {
			return nil
		}
		return claims
	}
	return nil
}

// half is the left half of a hash, for at_hash (OpenID Connect Core, 3.1.3.6).
func half(algorithm, value string) string {
	if algorithm == string(jose.EdDSA) {
		sum := sha512.Sum512([]byte(value))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
