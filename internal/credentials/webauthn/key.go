package webauthn

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"math/big"
)

// The signatures that we take, in the order in which we like them: their numbers
// in the COSE registry (RFC 9053, RFC 8812).
const (
	es256 = -7
	eddsa = -8
	rs256 = -257
)

// Algorithms are the signatures that a passkey may have, the best first.
func Algorithms() []int { return []int{es256, eddsa, rs256} }

// Parameters of a COSE key (RFC 9052 section 7, RFC 9053 section 7, RFC 8230
// section 4). The negative ones mean another thing for each type.
const (
	coseType      = int64(1)
	coseAlgorithm = int64(3)
	coseCurve     = int64(-1)
	coseX         = int64(-2)
	coseY         = int64(-3)
	coseN         = int64(-1)
	coseE         = int64(-2)

	typeOKP = int64(1)
	typeEC2 = int64(2)
	typeRSA = int64(3)

	curveP256    = int64(1)
	curveEd25519 = int64(6)
)

var errKey = errors.New("the key of the passkey is none that we take")

// publicKey reads a COSE key and gives it as PKIX.
func publicKey(item any) ([]byte, error) {
	m, ok := item.(map[any]any)
	if !ok {
		return nil, errKey
	}
	var key any
	switch {
	case m[coseType] == typeEC2 && m[coseAlgorithm] == int64(es256) && m[coseCurve] == curveP256:
		key = p256(bytesOf(m[coseX]), bytesOf(m[coseY]))
	case m[coseType] == typeOKP && m[coseAlgorithm] == int64(eddsa) && m[coseCurve] == curveEd25519:
		if x := bytesOf(m[coseX]); len(x) == ed25519.PublicKeySize {
			key = ed25519.PublicKey(x)
		}
	case m[coseType] == typeRSA && m[coseAlgorithm] == int64(rs256):
		key = rsaKey(bytesOf(m[coseN]), bytesOf(m[coseE]))
	}
	if key == nil {
		return nil, errKey
	}
	return x509.MarshalPKIXPublicKey(key)
}

func bytesOf(v any) []byte {
	b, _ := v.([]byte)
	return b
}

// p256 is nil (without a type) for what is no point of the curve.
func p256(x, y []byte) any {
	if len(x) != 32 || len(y) != 32 {
		return nil
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil
	}
	return key
}

func rsaKey(n, e []byte) any {
	modulus := new(big.Int).SetBytes(n)
	if bits := modulus.BitLen(); bits < 2048 || bits > 8192 || len(e) == 0 || len(e) > 4 {
		return nil
	}
	exponent := int(new(big.Int).SetBytes(e).Int64())
	if exponent < 3 || exponent%2 == 0 {
		return nil
	}
	return &rsa.PublicKey{N: modulus, E: exponent}
}

// verify says whether a signature is the key's.
func verify(pkix, signed, signature []byte) bool {
	key, err := x509.ParsePKIXPublicKey(pkix)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(signed)
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(k, sum[:], signature)
	case ed25519.PublicKey:
		return ed25519.Verify(k, signed, signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, sum[:], signature) == nil
	}
	return false
}
