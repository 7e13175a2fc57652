package dpop

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// NonceLife is how long a nonce is good at least; a new one is given out each
// half of it.
const NonceLife = 2 * time.Minute

// Nonces are the nonces that proofs must name so that none was made beforehand
// (RFC 9449 section 8). They are kept nowhere: a nonce is its time with a code of
// authentication over it, so that all nodes that have the key agree.
type Nonces struct {
	key []byte
}

// NewNonces makes nonces with a key that is derived from a secret of the
// installation.
func NewNonces(secret []byte) Nonces {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("dpop nonce"))
	return Nonces{key: mac.Sum(nil)}
}

const nonceBytes = 8 + 16 // which half life it is of, and the code

// Now is the nonce of a time.
func (n Nonces) Now(now time.Time) string { return n.of(half(now)) }

// Good says whether a nonce is of now or of shortly before.
func (n Nonces) Good(nonce string, now time.Time) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(raw) != nonceBytes {
		return false
	}
	at, here := int64(binary.BigEndian.Uint64(raw)), half(now)
	if at < here-2 || at > here+1 { // the clock of another node may be ahead
		return false
	}
	return subtle.ConstantTimeCompare([]byte(n.of(at)), []byte(nonce)) == 1
}

func half(t time.Time) int64 { return t.Unix() / int64(NonceLife/time.Second/2) }

func (n Nonces) of(at int64) string {
	raw := binary.BigEndian.AppendUint64(make([]byte, 0, nonceBytes), uint64(at))
	mac := hmac.New(sha256.New, n.key)
	mac.Write(raw)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(raw)[:nonceBytes])
}
