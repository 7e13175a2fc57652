// Package certify makes and checks completeness certificates: signed records of
// one whole reading of a connected app, saying what was read, in how many pages,
// and what could not be seen. Each names the digest of the one before it of the
// same connector, so that none can be left out or changed later without it
// showing. They are checked without the installation, with its public key alone.
package certify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"gatehouse"
)

// Format is what a Statement of this build says of its own form.
const Format = "gatehouse-completeness-1"

// Listed is how many gaps a Statement names at most; Gaps.Count and Gaps.Digest
// are of all.
const Listed = 1000

// Statement is what a certificate says. Times are in UTC.
type Statement struct {
	Format    string    `json:"format"`    // Format
	Connector Connector `json:"connector"` // as it was when the pull ended
	Number    int64     `json:"number"`    // 1, 2, 3 … of the certificates of a connector
	Former    string    `json:"former"`    // Digest of the one before; "" of the first
	Pull      string    `json:"pull"`      // id
	BeganAt   time.Time `json:"began_at"`
	EndedAt   time.Time `json:"ended_at"`
	Released  bool      `json:"released"` // it was held, and a person let it through
	App       App       `json:"app"`      // what the app said of itself and of our token
	Steps     []Step    `json:"steps"`    // what was read, in the order in which it was begun
	Read      Counts    `json:"read"`     // rows read; an app drifts, so some may have been read twice
	Known     Counts    `json:"known"`    // what is known of the app since
	Written   int64     `json:"written"`  // rows of history in which that differed from before
	Gaps      Gaps      `json:"gaps"`     // what could not be seen
	Notes     []string  `json:"notes"`    // remarks of the pull, in English
}

// Connector is which app was read.
type Connector struct {
	ID   string `json:"id"`
	Key  string `json:"key"`
	Name string `json:"name"`
	Kind string `json:"kind"`
	URL  string `json:"url"`
}

// App is what an app said when it was asked before the pull.
type App struct {
	Version string   `json:"version,omitempty"`
	Edition string   `json:"edition,omitempty"`
	Actor   string   `json:"actor,omitempty"` // whose token it was
	Admin   bool     `json:"admin"`           // the token sees everything, as the app says
	Scopes  []string `json:"scopes,omitempty"`
}

// Step is one step of the pull.
type Step struct {
	Name     string `json:"name"`
	Pages    int64  `json:"pages"`
	Requests int64  `json:"requests"`
	Counts
}

// Counts are numbers of rows.
type Counts struct {
	Accounts  int64 `json:"accounts"`
	Resources int64 `json:"resources"`
	Grants    int64 `json:"grants"`
	Shares    int64 `json:"shares"`
}

// Gaps are what could not be seen. Hash says how Digest is made.
type Gaps struct {
	Count  int64            `json:"count"`
	By     map[string]int64 `json:"by"`     // by gatehouse.GapWhy
	Digest string           `json:"digest"` // SHA-256 of all, as a Hash makes it
	First  []Gap            `json:"first"`  // at most Listed, by resource
}

// Gap is one of them.
type Gap struct {
	Resource string `json:"resource"`
	Why      string `json:"why"`
}

// GapList gathers Gaps without keeping more than Listed of them. The zero
// GapList is ready for use.
type GapList struct {
	gaps Gaps
	all  bytes.Buffer
	sum  [sha256.Size]byte
}

// Add adds one; the caller adds them in the order of their resources. The digest
// goes on from the former one: SHA-256 of it (at first 32 zeros), the reason, a
// line feed and the resource.
func (l *GapList) Add(g gatehouse.Gap) {
	if l.gaps.By == nil {
		l.gaps.By = map[string]int64{}
	}
	l.gaps.Count++
	l.gaps.By[string(g.Why)]++
	if len(l.gaps.First) < Listed {
		l.gaps.First = append(l.gaps.First, Gap{Resource: string(g.ResourceID), Why: string(g.Why)})
	}
	l.all.Reset()
	l.all.Write(l.sum[:])
	l.all.WriteString(string(g.Why) + "\n" + string(g.ResourceID))
	l.sum = sha256.Sum256(l.all.Bytes())
}

// Gaps are what was added.
func (l *GapList) Gaps() Gaps {
	g := l.gaps
	g.Digest = hex.EncodeToString(l.sum[:])
	if g.By == nil {
		g.By, g.First = map[string]int64{}, []Gap{}
	}
	return g
}

// Certificate is a signed Statement, as it is kept and given out. What is signed
// is the statement as JSON without spaces between its parts.
type Certificate struct {
	Statement json.RawMessage `json:"statement"`
	Key       string          `json:"key"`       // KeyID of the key
	Signature string          `json:"signature"` // Ed25519, in base64
}

// signedFor goes before what is signed, so that a signature is good for nothing
// else.
const signedFor = "gatehouse completeness certificate\n"

// Sign makes the certificate of a statement. Its Format is filled in.
func Sign(key ed25519.PrivateKey, s Statement) (Certificate, error) {
	s.Format = Format
	text, err := json.Marshal(s)
	if err != nil {
		return Certificate{}, fmt.Errorf("write the statement: %w", err)
	}
	if len(key) != ed25519.PrivateKeySize {
		return Certificate{}, errors.New("the key for certificates is no Ed25519 key")
	}
	public := ed25519.PublicKey(key[ed25519.PrivateKeySize-ed25519.PublicKeySize:]) // as key.Public has it
	signature := ed25519.Sign(key, append([]byte(signedFor), text...))
	return Certificate{Statement: text, Key: KeyID(public), Signature: base64.StdEncoding.EncodeToString(signature)}, nil
}

// compact is what is signed of a certificate.
func (c Certificate) compact() ([]byte, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, c.Statement); err != nil {
		return nil, errors.New("its statement is not JSON")
	}
	return b.Bytes(), nil
}

// Digest is SHA-256 of the statement, in hexadecimal: what the next certificate
// names as the former. "" when the statement is not JSON.
func (c Certificate) Digest() string {
	text, err := c.compact()
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// KeyID names a key: SHA-256 of its 32 bytes, in hexadecimal.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:])
}

// PublicPEM writes a public key as other programs read one (RFC 8410).
func PublicPEM(key ed25519.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("write the public key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

// ParsePublic reads what PublicPEM wrote.
func ParsePublic(text []byte) (ed25519.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errors.New("it is not a public key in PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("its public key cannot be read")
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("it is not an Ed25519 key")
	}
	return key, nil
}
