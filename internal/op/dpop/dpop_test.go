package dpop_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/op/dpop"
)

const (
	address = "https://id.example/oauth/token"
	access  = "the-access-token"
	ath     = "uby9Z8Gb_H_x4fPjwNzgu794b860ifwPsbwnlfNiCFs" // its SHA-256
)

func now() time.Time { return time.Unix(1_800_000_000, 0) }

func want() dpop.Want {
	return dpop.Want{Method: "POST", URLs: []string{address}, Algorithms: dpop.Algorithms(), Now: now()}
}

type key struct {
	algorithm jose.SignatureAlgorithm
	private   any
}

func newKey(t testing.TB) key {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key{jose.ES256, k}
}

// sign makes a proof; changes of the claims are name and value by turns, nil
// takes one out. headers go over those of a right proof.
func (k key) sign(t testing.TB, headers map[jose.HeaderKey]any, changes ...any) string {
	t.Helper()
	c := map[string]any{"jti": "id", "htm": "POST", "htu": address, "iat": now().Unix()}
	for i := 0; i+1 < len(changes); i += 2 {
		name := fmt.Sprint(changes[i])
		if c[name] = changes[i+1]; changes[i+1] == nil {
			delete(c, name)
		}
	}
	o := (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")
	for name, v := range headers {
		if name == "jwk" {
			o.EmbedJWK = false
		}
		o = o.WithHeader(name, v)
	}
	by, err := jose.NewSigner(jose.SigningKey{Algorithm: k.algorithm, Key: k.private}, o)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := by.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestT15RightProofs(t *testing.T) {
	t.Parallel()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	k := newKey(t)
	for name, proof := range map[string]string{
		"ES256":                k.sign(t, nil),
		"EdDSA":                key{jose.EdDSA, ed}.sign(t, nil),
		"PS256":                key{jose.PS256, r}.sign(t, nil),
		"MethodsPort":          k.sign(t, nil, "htu", "https://id.example:443/oauth/token"),
		"CapitalHost":          k.sign(t, nil, "htu", "HTTPS://ID.example/oauth/token"),
		"EscapedForNothing":    k.sign(t, nil, "htu", "https://id.example/%6Fauth/token"),
		"QueryDoesNotCount":    k.sign(t, nil, "htu", address+"?a=b#c"),
		"ABitEarly":            k.sign(t, nil, "iat", now().Add(30*time.Second).Unix()),
		"FourMinutesOld":       k.sign(t, nil, "iat", now().Add(-4*time.Minute).Unix()),
		"FractionOfASecond":    k.sign(t, nil, "iat", float64(now().Unix())+0.5),
		"HashOfNoAccessToken":  k.sign(t, nil, "ath", "x"),
		"MoreClaims":           k.sign(t, nil, "nonce", "n", "exp", 1),
		"TypeWithWholeName":    k.sign(t, map[jose.HeaderKey]any{"typ": "application/dpop+jwt"}),
		"OtherHeadersBesideIt": k.sign(t, map[jose.HeaderKey]any{"kid": "k"}),
	} {
		p, err := dpop.Check(proof, want())
		if err != nil || !dpop.IsThumbprint(p.Thumbprint) || p.ID != "id" || !p.Until.After(now()) {
			t.Errorf("%s: %+v %v", name, p, err)
		}
	}
}

func TestT15WrongProofs(t *testing.T) {
	t.Parallel()
	k, other := newKey(t), newKey(t)
	private, _ := k.private.(*ecdsa.PrivateKey)
	public, _ := other.private.(*ecdsa.PrivateKey)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := k.sign(t, nil)
	for name, proof := range map[string]string{
		"Nothing":          "",
		"Garbage":          "a.b.c",
		"TooLong":          k.sign(t, nil, "x", strings.Repeat("x", dpop.MaxSize)),
		"Unsigned":         "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6Im5vbmUifQ." + strings.Split(good, ".")[1] + ".",
		"BySecret":         key{jose.HS256, []byte(strings.Repeat("s", 32))}.sign(t, map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: []byte("s")}}),
		"OtherType":        k.sign(t, map[jose.HeaderKey]any{"typ": "JWT"}),
		"NoKey":            k.sign(t, map[jose.HeaderKey]any{"jwk": nil}),
		"PrivateKey":       k.sign(t, map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: private}}),
		"OtherKey":         k.sign(t, map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: public.Public()}}),
		"WeakKey":          key{jose.PS256, weak}.sign(t, nil),
		"BrokenSignature":  good[:len(good)-4] + "AAAA",
		"OtherMethod":      k.sign(t, nil, "htm", "GET"),
		"MethodInSmall":    k.sign(t, nil, "htm", "post"),
		"OtherPath":        k.sign(t, nil, "htu", "https://id.example/oauth/par"),
		"OtherHost":        k.sign(t, nil, "htu", "https://evil.example/oauth/token"),
		"OtherPort":        k.sign(t, nil, "htu", "https://id.example:444/oauth/token"),
		"OtherScheme":      k.sign(t, nil, "htu", "http://id.example/oauth/token"),
		"UserInIt":         k.sign(t, nil, "htu", "https://u@id.example/oauth/token"),
		"EscapedSlash":     k.sign(t, nil, "htu", "https://id.example/oauth%2Ftoken"),
		"NoURL":            k.sign(t, nil, "htu", nil),
		"NoMethod":         k.sign(t, nil, "htm", nil),
		"NoTime":           k.sign(t, nil, "iat", nil),
		"TimeAsText":       k.sign(t, nil, "iat", "now"),
		"EndOfAllTimes":    k.sign(t, nil, "iat", 1e300),
		"TooOld":           k.sign(t, nil, "iat", now().Add(-dpop.Life-time.Second).Unix()),
		"FromTheFuture":    k.sign(t, nil, "iat", now().Add(2*time.Minute).Unix()),
		"NoID":             k.sign(t, nil, "jti", nil),
		"IDTooLong":        k.sign(t, nil, "jti", strings.Repeat("x", 256)),
		"AlgorithmNotHere": good,
	} {
		w := want()
		if name == "AlgorithmNotHere" {
			w.Algorithms = []string{"EdDSA", "none", "HS256"}
		}
		if p, err := dpop.Check(proof, w); err == nil {
			t.Errorf("%s passes: %+v", name, p)
		}
	}
}

// A proof beside an access token is for that one alone.
func TestT15HashOfTheAccessToken(t *testing.T) {
	t.Parallel()
	k, w := newKey(t), want()
	w.Access = access
	for name, c := range map[string]struct {
		proof string
		right bool
	}{
		"OfIt":      {k.sign(t, nil, "ath", ath), true},
		"None":      {k.sign(t, nil), false},
		"OfAnother": {k.sign(t, nil, "ath", "x"+ath[1:]), false},
		"NoText":    {k.sign(t, nil, "ath", 1), false},
	} {
		if _, err := dpop.Check(c.proof, w); (err == nil) != c.right {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSeenRemembersProofs(t *testing.T) {
	t.Parallel()
	var s dpop.Seen
	p := dpop.Proof{Thumbprint: "key", ID: "id"}
	at := now()
	if !s.First(p, at) || s.First(p, at) {
		t.Error("a proof is good once")
	}
	if !s.First(dpop.Proof{Thumbprint: "other", ID: "id"}, at) {
		t.Error("ids are each key's own")
	}
	if s.First(p, at.Add(dpop.Life+2*time.Minute)) {
		t.Error("it is forgotten too early")
	}
	s.First(dpop.Proof{ID: "x"}, at.Add(4*dpop.Life))
	s.First(dpop.Proof{ID: "y"}, at.Add(8*dpop.Life))
	if !s.First(p, at.Add(8*dpop.Life)) {
		t.Error("it is never forgotten")
	}
}

// Whatever comes, it is no crash, and only what the key signed passes.
func FuzzProof(f *testing.F) {
	k := newKey(f)
	f.Add(k.sign(f, nil))
	f.Add("a.b.c")
	f.Add("")
	f.Fuzz(func(t *testing.T, proof string) {
		p, err := dpop.Check(proof, want())
		if err == nil && (p.ID == "" || len(p.ID) > 255 || !dpop.IsThumbprint(p.Thumbprint)) {
			t.Errorf("%+v", p)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	proof := newKey(b).sign(b, nil)
	for b.Loop() {
		if _, err := dpop.Check(proof, want()); err != nil {
			b.Fatal(err)
		}
	}
}
