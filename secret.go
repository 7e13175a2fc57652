package gatehouse

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// secretBytes is how many random bytes a secret has.
const secretBytes = 32

// NewSecret is a new token, state or handle: 256 random bits in base64url
// without padding, 43 characters.
func NewSecret() string {
	b := random()
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// NewHexSecret is a new secret as GitLab's are: 256 random bits as 64 hexadecimal
// digits.
func NewHexSecret() string {
	b := random()
	return hex.EncodeToString(b[:])
}

func random() (b [secretBytes]byte) {
	_, _ = rand.Read(b[:]) // never fails: crypto/rand stops the program instead
	return b
}

// IsSecret says whether a text is made like one of NewSecret. What is not cannot
// be one, and need not be looked for in the database.
func IsSecret(s string) bool {
	if len(s) != base64.RawURLEncoding.EncodedLen(secretBytes) {
		return false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == secretBytes
}

// Digest is what is kept of a secret: its SHA-256. A secret is random already,
// so that nothing slower is needed.
func Digest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
