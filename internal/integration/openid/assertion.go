package openid

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/integration/authcode"
)

// assertionLife is short: an assertion is used at once, and once.
const assertionLife = time.Minute

// signingKey is the key by which this client proves who it is. Its zero value
// is none.
type signingKey struct {
	signer jose.Signer
}

// readKey takes the private key from where the secret would be: that is sealed
// where it is kept, and args are not.
func (s *settings) readKey(args *authcode.Settings, secret string) {
	private, algorithm := parseKey(secret)
	if algorithm == "" {
		args.Wrong("client_auth_method", `app_secret to be a private key in PEM (RSA of at least 2048 bits, ECDSA or Ed25519) with "private_key_jwt"`)
		return
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	if id := args.Text("client_key_id", ""); id != "" {
		options.WithHeader("kid", id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: private}, options)
	if err != nil {
		args.Wrong("client_auth_method", "app_secret to be a private key that can sign")
		return
	}
	s.key = signingKey{signer}
}

// parseKey reads a private key; the algorithm is "" when it is none.
func parseKey(text string) (crypto.PrivateKey, jose.SignatureAlgorithm) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, ""
	}
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, ""
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() >= minRSABits {
			return k, jose.RS256
		}
	case *ecdsa.PrivateKey:
		return k, map[int]jose.SignatureAlgorithm{256: jose.ES256, 384: jose.ES384, 521: jose.ES512}[k.Params().BitSize]
	case ed25519.PrivateKey:
		return k, jose.EdDSA
	}
	return nil, ""
}

// assert makes an assertion for the token endpoint (OpenID Connect Core 9, RFC
// 7523 3).
func (k signingKey) assert(client, endpoint string, now time.Time) (string, error) {
	claims, err := json.Marshal(map[string]any{
		"iss": client, "sub": client, "aud": endpoint, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	signed, err := k.signer.Sign(claims)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return signed.CompactSerialize()
}
