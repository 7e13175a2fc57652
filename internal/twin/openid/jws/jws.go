// Package jws signs what the stand-in says, rightly or wrongly, and keeps the
// keys for it.
package jws

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

// Algorithms are what can be signed with, and what is taken from clients.
func Algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA}
}

// Wrong is a way to sign wrongly; "" signs rightly.
type Wrong string

// What can be wrong in a signature.
const (
	BadSignature   Wrong = "bad-signature"    // a bit of the signature is turned
	AlgNone        Wrong = "alg-none"         // there is no signature
	HS256PublicKey Wrong = "hs256-public-key" // HS256 with the public key, as PEM, for a secret
	UnknownKey     Wrong = "unknown-key"      // kid is not in the key set, the signature is good
	NoKeyID        Wrong = "no-key-id"        // kid is absent, which is allowed; the signature is good
	StrangersKey   Wrong = "strangers-key"    // signed by a stranger under our kid
	EmbeddedKey    Wrong = "embedded-key"     // signed by a stranger whose key is in the header
	CriticalHeader Wrong = "critical-header"  // crit names an extension that nobody knows
)

// Keys are private; the newest of each algorithm is the last.
type Keys []jose.JSONWebKey

// Add makes a key the newest of an algorithm.
func (k *Keys) Add(algorithm string, private any) error {
	key := jose.JSONWebKey{Key: private, Algorithm: algorithm, Use: "sig"}
	print, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return fmt.Errorf("name a key: %w", err)
	}
	key.KeyID = base64.RawURLEncoding.EncodeToString(print)
	*k = append(*k, key)
	return nil
}

// Ensure makes a key of an algorithm, unless there is one, and says whether it
// did.
func (k *Keys) Ensure(algorithm string) (bool, error) {
	if k.newest(algorithm) != nil {
		return false, nil
	}
	return true, k.make(algorithm)
}

// Rotate makes a new key of each algorithm. The old ones stay if keepOld.
func (k *Keys) Rotate(keepOld bool) error {
	old, kept := *k, Keys{}
	if keepOld {
		kept = slices.Clone(old)
	}
	renewed := map[string]bool{}
	for _, key := range old {
		if renewed[key.Algorithm] {
			continue
		}
		renewed[key.Algorithm] = true
		if err := kept.make(key.Algorithm); err != nil {
			return err
		}
	}
	*k = kept
	return nil
}

// Public is the key set as it is published.
func (k Keys) Public() jose.JSONWebKeySet {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, key := range k {
		set.Keys = append(set.Keys, key.Public())
	}
	return set
}

func (k *Keys) make(algorithm string) error {
	private, err := newKey(algorithm)
	if err != nil {
		return err
	}
	return k.Add(algorithm, private)
}

func (k Keys) newest(algorithm string) *jose.JSONWebKey {
	for _, key := range slices.Backward(k) {
		if key.Algorithm == algorithm {
			return &key
		}
	}
	return nil
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

// Sign makes a JWS of a payload with the newest key of an algorithm, or with what
// the first of the wrongs puts in its place.
func (k Keys) Sign(algorithm, typ string, payload []byte, wrongs ...Wrong) (string, error) {
	key := k.newest(algorithm)
	if key == nil {
		return "", fmt.Errorf("there is no key for %s", algorithm)
	}
	wrong := Wrong("")
	if len(wrongs) > 0 {
		wrong = wrongs[0]
	}
	if wrong == AlgNone {
		header, err := json.Marshal(map[string]string{"alg": "none", "typ": typ})
		return base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload) + ".", err
	}
	signing, options, err := signer(*key, wrong)
	if err != nil {
		return "", err
	}
	s, err := jose.NewSigner(signing, options.WithType(jose.ContentType(typ)))
	if err != nil {
		return "", fmt.Errorf("open a signing key: %w", err)
	}
	signed, err := s.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	token, err := signed.CompactSerialize()
	if err == nil && wrong == BadSignature {
		token, err = spoil(token)
	}
	return token, err
}

// signer is what signs, and what the header says of it.
func signer(key jose.JSONWebKey, wrong Wrong) (jose.SigningKey, *jose.SignerOptions, error) {
	signing := jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key.Key}
	options := (&jose.SignerOptions{}).WithHeader("kid", key.KeyID)
	var err error
	switch wrong {
	case HS256PublicKey:
		signing.Algorithm = jose.HS256
		signing.Key, err = PublicPEM(key)
	case UnknownKey:
		options.WithHeader("kid", strings.ToLower(rand.Text()))
	case NoKeyID:
		delete(options.ExtraHeaders, "kid")
	case StrangersKey:
		signing.Key, err = newKey(key.Algorithm)
	case EmbeddedKey:
		var strange any
		strange, err = newKey(key.Algorithm)
		signing.Key, options.EmbedJWK = jose.JSONWebKey{Key: strange, Algorithm: key.Algorithm}, true
	case CriticalHeader:
		options.WithCritical("twin").WithHeader("twin", true)
	default: // the signature is good, or spoilt later
	}
	return signing, options, err
}

// PublicPEM is a published key as the text file that people pass around.
func PublicPEM(key jose.JSONWebKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public().Key)
	if err != nil {
		return nil, fmt.Errorf("write the public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// spoil turns one bit of a token's signature.
func spoil(token string) (string, error) {
	dot := strings.LastIndexByte(token, '.')
	raw, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil || len(raw) == 0 {
		return "", fmt.Errorf("spoil a signature of %d bytes: %w", len(raw), err)
	}
	raw[len(raw)/2] ^= 1
	return token[:dot+1] + base64.RawURLEncoding.EncodeToString(raw), nil
}

// Open is the payload of a token that was signed with one of the keys; nil = it
// was not.
func (k Keys) Open(token string) map[string]any {
	signed, err := jose.ParseSignedCompact(token, Algorithms())
	if err != nil {
		return nil
	}
	for _, key := range k {
		payload, err := signed.Verify(key.Public().Key)
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

// Half is the left half of a hash, for at_hash (OpenID Connect Core, 3.1.3.6).
func Half(algorithm, value string) string {
	if algorithm == string(jose.EdDSA) {
		sum := sha512.Sum512([]byte(value))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
