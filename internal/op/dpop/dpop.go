// Package dpop checks the proofs by which a client shows that it holds the key
// of its tokens (RFC 9449): a small text that it signs anew for each request. A
// token that is bound to a key is worth nothing to whoever steals it without
// the key. The package reads nothing and changes nothing, but for Seen, which
// remembers proofs.
package dpop

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Bounds of a proof.
const (
	MaxSize = 8 << 10         // bytes; an RSA key of 4096 bits needs a fifth of it
	Life    = 5 * time.Minute // after its iat
	ahead   = time.Minute     // that the client's clock may be before ours
	maxID   = 255             // bytes of jti
)

// Algorithms are the algorithms of proofs, all of them by a public key.
func Algorithms() []string {
	return []string{"ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}
}

// Want is what a proof must say.
type Want struct {
	Method     string   // of the request
	URLs       []string // of the request, of which htu must be one; without query
	Access     string   // the access token that is beside it; "": none
	Algorithms []string // that may be used; none: nothing passes
	Now        time.Time
}

// Proof is a proof that was found to be right. That it did not come before is
// the caller's business: by Thumbprint and ID, until Until.
type Proof struct {
	Thumbprint string // of the key (RFC 7638), as in dpop_jkt and cnf.jkt
	ID         string // jti
	Nonce      string // that it names; whether it must, and which, the caller knows
	Until      time.Time
}

type claims struct {
	ID       string   `json:"jti"`
	Method   string   `json:"htm"`
	URL      string   `json:"htu"`
	IssuedAt *float64 `json:"iat"`
	Access   *string  `json:"ath"`
	Nonce    string   `json:"nonce"`
}

// Check says whether a proof is right (RFC 9449 section 4.3). It costs one
// verification by the key in it.
func Check(compact string, w Want) (Proof, error) {
	signed, key, err := parse(compact, w.Algorithms)
	if err != nil {
		return Proof{}, err
	}
	payload, err := signed.Verify(key)
	if err != nil {
		return Proof{}, errors.New("the signature is not that of the key in it")
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return Proof{}, errors.New("the claims cannot be read")
	}
	at, err := c.check(w)
	if err != nil {
		return Proof{}, err
	}
	print, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return Proof{}, fmt.Errorf("name the key: %w", err)
	}
	return Proof{Thumbprint: base64.RawURLEncoding.EncodeToString(print), ID: c.ID, Nonce: c.Nonce, Until: at.Add(Life)}, nil
}

func parse(compact string, algorithms []string) (*jose.JSONWebSignature, *jose.JSONWebKey, error) {
	if len(compact) > MaxSize {
		return nil, nil, errors.New("the proof is too long")
	}
	var permitted []jose.SignatureAlgorithm
	for _, a := range algorithms {
		if slices.Contains(Algorithms(), a) {
			permitted = append(permitted, jose.SignatureAlgorithm(a))
		}
	}
	signed, err := jose.ParseSignedCompact(compact, permitted)
	if err != nil {
		return nil, nil, errors.New("it is no compact JWS with a permitted algorithm and a public key")
	}
	if len(signed.Signatures) != 1 {
		return nil, nil, errors.New("it has not one signature")
	}
	h := signed.Signatures[0].Header
	typ, _ := h.ExtraHeaders[jose.HeaderType].(string)
	switch {
	case !strings.EqualFold(strings.TrimPrefix(strings.ToLower(typ), "application/"), "dpop+jwt"):
		return nil, nil, errors.New("typ is not dpop+jwt")
	case h.JSONWebKey == nil || !h.JSONWebKey.Valid() || !h.JSONWebKey.IsPublic():
		return nil, nil, errors.New("jwk is not a public key")
	}
	if k, ok := h.JSONWebKey.Key.(*rsa.PublicKey); ok && (k.N.BitLen() < 2048 || k.N.BitLen() > 4096) {
		return nil, nil, errors.New("an RSA key must have 2048 to 4096 bits")
	}
	return signed, h.JSONWebKey, nil
}

// check says what is wrong with the claims, and when the proof was made.
func (c claims) check(w Want) (time.Time, error) {
	switch {
	case c.ID == "" || len(c.ID) > maxID:
		return time.Time{}, errors.New("jti is missing or too long")
	case c.Method != w.Method:
		return time.Time{}, errors.New("htm is another method")
	case !sameURL(c.URL, w.URLs):
		return time.Time{}, errors.New("htu is another address")
	case c.IssuedAt == nil || math.IsNaN(*c.IssuedAt) || math.Abs(*c.IssuedAt) > 1<<40:
		return time.Time{}, errors.New("iat is missing or no time")
	}
	at := time.Unix(int64(*c.IssuedAt), 0)
	switch {
	case w.Now.Sub(at) > Life:
		return at, errors.New("iat is too long ago")
	case at.Sub(w.Now) > ahead:
		return at, errors.New("iat is in the future")
	case w.Access != "" && (c.Access == nil || subtle.ConstantTimeCompare([]byte(*c.Access), []byte(hashOf(w.Access))) != 1):
		return at, errors.New("ath is missing or of another access token")
	}
	return at, nil
}

// hashOf is the ath of an access token (RFC 9449 section 4.2).
func hashOf(access string) string {
	sum := sha256.Sum256([]byte(access))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// IsThumbprint says whether s can be a dpop_jkt.
func IsThumbprint(s string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == sha256.Size
}

func sameURL(got string, wanted []string) bool {
	g, ok := normal(got)
	if !ok {
		return false
	}
	for _, w := range wanted {
		if n, ok := normal(w); ok && n == g {
			return true
		}
	}
	return false
}

// normal is an address as it is compared (RFC 3986 sections 6.2.2 and 6.2.3),
// without query and fragment (RFC 9449 section 4.3).
func normal(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	default:
		return "", false
	}
	path := plainPath(u.EscapedPath())
	if path == "" {
		path = "/"
	}
	return scheme + "://" + strings.TrimSuffix(host, ":") + path, true
}

// plainPath decodes what need not be escaped, and writes what must be in capital
// letters.
func plainPath(escaped string) string {
	var b strings.Builder
	for i := 0; i < len(escaped); i++ {
		if escaped[i] != '%' || i+2 >= len(escaped) {
			b.WriteByte(escaped[i])
			continue
		}
		triplet := strings.ToUpper(escaped[i : i+3])
		if c, err := url.PathUnescape(triplet); err == nil && len(c) == 1 && unreserved(c[0]) {
			b.WriteString(c)
		} else {
			b.WriteString(triplet)
		}
		i += 2
	}
	return b.String()
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
