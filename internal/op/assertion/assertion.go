// Package assertion checks what others sign for a client: the assertions by
// which it proves who it is, those that stand for it, and its signed requests.
// The keys are the client's own, as it registered them or as it publishes them
// at the address that it registered; no address that comes with a signature is
// ever asked.
package assertion

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"gatehouse"
)

// MaxSize is the greatest signed text that is looked at, in bytes.
const MaxSize = 32 << 10

// PublicKeyAlgorithms are the algorithms that we check by a public key.
func PublicKeyAlgorithms() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// SecretAlgorithms are the algorithms that we check by a client's secret.
func SecretAlgorithms() []string { return []string{"HS256", "HS384", "HS512"} }

// Signer says who may have signed something: whose keys or secret, and by which
// algorithms.
type Signer struct {
	JWKS       json.RawMessage // a key set; nil: at JWKSURI
	JWKSURI    string
	HTTP       *http.Client // asks JWKSURI
	Owner      string       // whose signer it is: what is read for one counts for no other
	Secret     string       // for the algorithms of SecretAlgorithms
	Algorithms []string     // that may be used; none: nothing passes
	Types      []string     // values of typ in the header that may be there besides none and JWT
}

// Of is a client as a signer by its own keys, with a public key.
func Of(c gatehouse.Client, web *http.Client, algorithm string, types ...string) Signer {
	s := Signer{JWKS: c.Settings.JWKS, JWKSURI: c.Settings.JWKSURI, HTTP: web, Owner: c.ID, Algorithms: PublicKeyAlgorithms(), Types: types}
	if algorithm != "" {
		s.Algorithms = []string{algorithm}
	}
	if c.FAPI() {
		s.Algorithms = slices.DeleteFunc(s.Algorithms, func(a string) bool { return !slices.Contains(StrictAlgorithms(), a) })
	}
	return s
}

// StrictAlgorithms are those that FAPI 2.0 permits (section 5.4.1).
func StrictAlgorithms() []string { return []string{"PS256", "ES256", "EdDSA"} }

// BySecret is a client as a signer by its secret.
func BySecret(c gatehouse.Client, algorithm string, types ...string) Signer {
	s := Signer{Secret: c.Secret, Algorithms: SecretAlgorithms(), Types: types}
	if algorithm != "" {
		s.Algorithms = []string{algorithm}
	}
	return s
}

// errSignature says that the keys are there, and that none of them signed.
var errSignature = errors.New("no key of the signer made the signature")

// Verify gives the payload of a compact JWS that the signer made.
func (s *Sets) Verify(ctx context.Context, by Signer, compact string) ([]byte, error) {
	signed, err := parse(compact, by)
	if err != nil {
		return nil, err
	}
	if isSecret(signed.Signatures[0].Header.Algorithm) {
		return bySecret(signed, by.Secret)
	}
	keys, err := s.keys(ctx, by, false)
	if err != nil {
		return nil, err
	}
	payload, err := byKeys(signed, keys)
	if err == nil || by.JWKS != nil {
		return payload, err
	}
	if keys, err = s.keys(ctx, by, true); err != nil { // it may have a new key
		return nil, err
	}
	return byKeys(signed, keys)
}

func parse(compact string, by Signer) (*jose.JSONWebSignature, error) {
	if len(compact) > MaxSize {
		return nil, errors.New("the signed text is too long")
	}
	var algorithms []jose.SignatureAlgorithm
	for _, a := range by.Algorithms {
		algorithms = append(algorithms, jose.SignatureAlgorithm(a))
	}
	signed, err := jose.ParseSignedCompact(compact, algorithms)
	if err != nil {
		return nil, errors.New("no compact JWS with a permitted algorithm") // go-jose would quote what came
	}
	if len(signed.Signatures) != 1 {
		return nil, errors.New("not one signature")
	}
	if typ, ok := signed.Signatures[0].Header.ExtraHeaders[jose.HeaderType]; ok && !typed(typ, by.Types) {
		return nil, errors.New("it is meant for something else (typ)")
	}
	return signed, nil
}

// typed says whether a header's typ is one of those that may be there. The
// prefix application/ may be left out (RFC 7515 section 4.1.9).
func typed(typ any, known []string) bool {
	t, ok := typ.(string)
	if !ok {
		return false
	}
	t = strings.TrimPrefix(strings.ToLower(t), "application/")
	return t == "jwt" || slices.Contains(known, t)
}

func isSecret(algorithm string) bool { return slices.Contains(SecretAlgorithms(), algorithm) }

func bySecret(signed *jose.JSONWebSignature, secret string) ([]byte, error) {
	if len(secret) < MinSecret {
		return nil, errors.New("the signer has no secret that is long enough")
	}
	payload, err := signed.Verify([]byte(secret))
	if err != nil {
		return nil, errSignature
	}
	return payload, nil
}

// MinSecret is how long a secret that signs must be, in bytes (RFC 7518 section
// 3.2).
const MinSecret = 32

// byKeys tries the keys that the header may mean: that of its kid and, where one
// side has no kid, all. Each key is for the algorithm that it names, or for
// those of its kind.
func byKeys(signed *jose.JSONWebSignature, keys []jose.JSONWebKey) ([]byte, error) {
	h := signed.Signatures[0].Header
	for i := range keys {
		if h.KeyID != "" && keys[i].KeyID != "" && keys[i].KeyID != h.KeyID || keys[i].Algorithm != "" && keys[i].Algorithm != h.Algorithm {
			continue
		}
		if payload, err := signed.Verify(&keys[i]); err == nil {
			return payload, nil
		}
	}
	return nil, errSignature
}
