package assertion

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// key is a key pair of tests.
type key struct {
	private any
	public  any
	id      string
}

var testKeys = sync.OnceValue(func() map[string]key {
	ec, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	big, err2 := rsa.GenerateKey(rand.Reader, 2048)
	small, err3 := rsa.GenerateKey(rand.Reader, 1024)
	public, private, err4 := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		panic(err)
	}
	return map[string]key{
		"ec": {ec, ec.Public(), "ec"}, "rsa": {big, big.Public(), "rsa"}, "small": {small, small.Public(), "small"}, "ed": {private, public, "ed"},
	}
})

func setOf(t *testing.T, keys ...jose.JSONWebKey) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (k key) jwk(algorithm, use string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.public, KeyID: k.id, Algorithm: algorithm, Use: use}
}

func sign(t *testing.T, algorithm string, k any, kid, typ, payload string) string {
	t.Helper()
	o := &jose.SignerOptions{}
	if typ != "" {
		o = o.WithType(jose.ContentType(typ))
	}
	if kid != "" {
		o = o.WithHeader("kid", kid)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(algorithm), Key: k}, o)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// T16: only the registered key, and by an algorithm that is meant for it.
func TestT16Verify(t *testing.T) {
	t.Parallel()
	k := testKeys()
	secret := strings.Repeat("s", 32)
	set := setOf(t, k["ec"].jwk("", ""), k["rsa"].jwk("PS256", "sig"), k["ed"].jwk("EdDSA", ""))
	public := Signer{JWKS: set, Algorithms: PublicKeyAlgorithms(), Types: []string{"client-authentication+jwt"}}
	only := func(algorithm string) Signer { s := public; s.Algorithms = []string{algorithm}; return s }
	es := sign(t, "ES256", k["ec"].private, "ec", "JWT", `{"iss":"app"}`)
	parts := strings.Split(es, ".")
	publicBytes, err := json.Marshal(k["rsa"].public)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		by   Signer
		text string
		ok   bool
	}{
		"ES256":                      {public, es, true},
		"EdDSA":                      {public, sign(t, "EdDSA", k["ed"].private, "ed", "", `{}`), true},
		"PS256AsTheKeySays":          {public, sign(t, "PS256", k["rsa"].private, "rsa", "", `{}`), true},
		"RS256ByAKeyForPS256":        {public, sign(t, "RS256", k["rsa"].private, "rsa", "", `{}`), false},
		"WithoutKid":                 {public, sign(t, "ES256", k["ec"].private, "", "", `{}`), true},
		"OtherKid":                   {public, sign(t, "ES256", k["ec"].private, "ed", "", `{}`), false},
		"OtherKey":                   {Signer{JWKS: setOf(t, k["rsa"].jwk("", "")), Algorithms: PublicKeyAlgorithms()}, es, false},
		"ItsType":                    {public, sign(t, "ES256", k["ec"].private, "ec", "client-authentication+jwt", `{}`), true},
		"ItsTypeInFull":              {public, sign(t, "ES256", k["ec"].private, "ec", "application/Client-Authentication+JWT", `{}`), true},
		"AnotherType":                {public, sign(t, "ES256", k["ec"].private, "ec", "oauth-authz-req+jwt", `{}`), false},
		"OnlyAlgorithmRegistered":    {only("ES256"), es, true},
		"OtherAlgorithmRegistered":   {only("EdDSA"), es, false},
		"HMACByThePublicKey":         {public, sign(t, "HS256", publicBytes, "rsa", "", `{}`), false},
		"NoneIsNoAlgorithm":          {public, "eyJhbGciOiJub25lIn0." + parts[1] + ".", false},
		"PayloadChanged":             {public, parts[0] + ".eyJpc3MiOiJvdGhlciJ9." + parts[2], false},
		"Secret":                     {Signer{Secret: secret, Algorithms: SecretAlgorithms()}, sign(t, "HS256", []byte(secret), "", "", `{}`), true},
		"SecretWrong":                {Signer{Secret: secret, Algorithms: SecretAlgorithms()}, sign(t, "HS256", []byte(strings.Repeat("t", 32)), "", "", `{}`), false},
		"SecretMissing":              {Signer{Algorithms: SecretAlgorithms()}, sign(t, "HS256", []byte(secret), "", "", `{}`), false},
		"SecretShort":                {Signer{Secret: "short", Algorithms: SecretAlgorithms()}, sign(t, "HS256", []byte(secret), "", "", `{}`), false},
		"KeyForEncryption":           {Signer{JWKS: setOf(t, k["ec"].jwk("", "enc")), Algorithms: PublicKeyAlgorithms()}, es, false},
		"ShortRSA":                   {Signer{JWKS: setOf(t, k["small"].jwk("", "")), Algorithms: PublicKeyAlgorithms()}, sign(t, "RS256", k["small"].private, "", "", `{}`), false},
		"NoKeys":                     {Signer{Algorithms: PublicKeyAlgorithms()}, es, false},
		"NotAToken":                  {public, "a.b.c", false},
		"TooLong":                    {public, es + strings.Repeat("A", MaxSize), false},
		"NoAlgorithmsNothingPasses":  {Signer{JWKS: set}, es, false},
		"JSONSerializationIsRefused": {public, `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &Sets{Clock: func() time.Time { return noon }}
			if _, err := s.Verify(t.Context(), c.by, c.text); (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestT16Claims(t *testing.T) {
	t.Parallel()
	usual := func() map[string]any {
		return map[string]any{"iss": "app", "sub": "app", "aud": "https://hub", "exp": noon.Add(time.Minute).Unix(), "jti": "1", "iat": noon.Unix()}
	}
	want := Want{
		Issuer: "app", Subject: func(s string) bool { return s == "app" },
		Audiences: []string{"https://hub", "https://hub/oauth/token"}, Now: noon,
	}
	for name, c := range map[string]struct {
		change map[string]any // nil value: taken out
		reuse  bool
		ok     bool
	}{
		"Usual":                       {nil, false, true},
		"AudienceAsList":              {map[string]any{"aud": []string{"https://hub/oauth/token"}}, false, true},
		"TwoOfOurs":                   {map[string]any{"aud": []string{"https://hub/oauth/token", "https://hub"}}, false, true},
		"OursAndAnother":              {map[string]any{"aud": []string{"https://hub", "https://evil"}}, false, false},
		"AnotherAudience":             {map[string]any{"aud": "https://evil"}, false, false},
		"AudienceLikeOurs":            {map[string]any{"aud": "https://hub/"}, false, false},
		"NoAudience":                  {map[string]any{"aud": nil}, false, false},
		"AudienceOfNumbers":           {map[string]any{"aud": []int{1}}, false, false},
		"AnotherIssuer":               {map[string]any{"iss": "other"}, false, false},
		"AnotherSubject":              {map[string]any{"sub": "other"}, false, false},
		"NoSubject":                   {map[string]any{"sub": nil}, false, false},
		"Expired":                     {map[string]any{"exp": noon.Add(-leeway).Unix()}, false, false},
		"ExpiredWithinTheLeeway":      {map[string]any{"exp": noon.Add(-leeway + time.Second).Unix()}, false, true},
		"NoExpiry":                    {map[string]any{"exp": nil}, false, false},
		"ExpiryAsText":                {map[string]any{"exp": "soon"}, false, false},
		"AnHour":                      {map[string]any{"exp": noon.Add(time.Hour).Unix()}, false, true},
		"LongerThanAnHour":            {map[string]any{"exp": noon.Add(time.Hour + leeway + time.Second).Unix()}, false, false},
		"HugeExpiry":                  {map[string]any{"exp": 1e300}, false, false},
		"FractionOfASecond":           {map[string]any{"exp": float64(noon.Add(time.Minute).Unix()) + 0.5}, false, true},
		"NotYet":                      {map[string]any{"nbf": noon.Add(time.Minute).Unix()}, false, false},
		"IssuedInTheFuture":           {map[string]any{"iat": noon.Add(time.Minute).Unix()}, false, false},
		"NoID":                        {map[string]any{"jti": nil}, false, false},
		"LongID":                      {map[string]any{"jti": strings.Repeat("x", 256)}, false, false},
		"IDAsNumber":                  {map[string]any{"jti": 7}, false, false},
		"ReusableNeedsNoID":           {map[string]any{"jti": nil}, true, true},
		"ReusableMayLast":             {map[string]any{"exp": noon.Add(24 * time.Hour).Unix()}, true, true},
		"ReusableNeedsExpiry":         {map[string]any{"exp": nil}, true, false},
		"ReusableNeedsTheAudience":    {map[string]any{"aud": "https://evil"}, true, false},
		"ReusableExpiresLikeAllOther": {map[string]any{"exp": noon.Add(-time.Hour).Unix()}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := usual()
			for k, v := range c.change {
				m[k] = v
				if v == nil {
					delete(m, k)
				}
			}
			b, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			w := want
			w.Reusable = c.reuse
			claims, err := ReadClaims(b)
			if err == nil {
				err = claims.Check(w)
			}
			if (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestParseSet(t *testing.T) {
	t.Parallel()
	k := testKeys()
	private, err := json.Marshal(jose.JSONWebKey{Key: k["ec"].private})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		set string
		n   int // 0: refused
	}{
		"Usual":               {string(setOf(t, k["ec"].jwk("", ""), k["rsa"].jwk("", "sig"))), 2},
		"UnknownIsPassedOver": {`{"keys":[{"kty":"XX"},` + strings.TrimPrefix(string(setOf(t, k["ec"].jwk("", ""))), `{"keys":[`), 1},
		"HugeIsPassedOver":    {`{"keys":[{"kty":"RSA","e":"AQAB","n":"` + strings.Repeat("_", 4*683) + `"},` + strings.TrimPrefix(string(setOf(t, k["ec"].jwk("", ""))), `{"keys":[`), 1},
		"Private":             {`{"keys":[` + string(private) + `]}`, 0},
		"Symmetric":           {`{"keys":[{"kty":"oct","k":"AAAA"}]}`, 0},
		"None":                {`{"keys":[]}`, 0},
		"NoSet":               {`[]`, 0},
		"NoJSON":              {`<html>`, 0},
	} {
		got, err := ParseSet([]byte(c.set))
		if len(got) != c.n || (err == nil) != (c.n > 0) {
			t.Errorf("%s: %d keys, %v", name, len(got), err)
		}
	}
}

// A published key set is asked for once in a while, is asked again for a key
// that is not known, and not more often than every half minute.
func TestSetsAreKept(t *testing.T) {
	t.Parallel()
	k := testKeys()
	var asked atomic.Int64
	var current atomic.Pointer[json.RawMessage]
	first := setOf(t, k["ec"].jwk("", ""))
	current.Store(&first)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if set := current.Load(); set != nil {
			_, _ = w.Write(*set)
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(web.Close)
	now := noon
	s := &Sets{Clock: func() time.Time { return now }}
	by := Signer{JWKSURI: web.URL, HTTP: web.Client(), Algorithms: PublicKeyAlgorithms()}
	old, renewed := sign(t, "ES256", k["ec"].private, "ec", "", `{}`), sign(t, "EdDSA", k["ed"].private, "ed", "", `{}`)
	verify := func(what, text string, ok bool, times int64) {
		t.Helper()
		if _, err := s.Verify(t.Context(), by, text); (err == nil) != ok {
			t.Errorf("%s: %v", what, err)
		}
		if n := asked.Load(); n != times {
			t.Errorf("%s: asked %d times, not %d", what, n, times)
		}
	}
	verify("the first", old, true, 1)
	verify("again", old, true, 1)
	verify("an unknown key at once", renewed, false, 1)
	now = now.Add(pause)
	verify("an unknown key", renewed, false, 2)
	second := setOf(t, k["ed"].jwk("", ""))
	current.Store(&second)
	now = now.Add(pause)
	verify("the new key", renewed, true, 3)
	verify("the old key is gone", old, false, 3)
	current.Store(nil)
	now = now.Add(fresh)
	verify("the old set while there is no answer", renewed, true, 4)
	now = now.Add(stale)
	verify("not for ever", renewed, false, 5)
	verify("a failure is not repeated at once", renewed, false, 5)
}

// A stranger's client can name the jwks_uri of another, in our own network, which
// only that one may have asked.
func TestSetsOfOneAreNotSpoiltByAnother(t *testing.T) {
	t.Parallel()
	k := testKeys()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(setOf(t, k["ec"].jwk("", ""))) }))
	t.Cleanup(web.Close)
	s := &Sets{Clock: func() time.Time { return noon }}
	refuses := &http.Client{Transport: refusing{}}
	owner := Signer{JWKSURI: web.URL, HTTP: web.Client(), Owner: "app", Algorithms: PublicKeyAlgorithms()}
	stranger := Signer{JWKSURI: web.URL, HTTP: refuses, Owner: "stranger", Algorithms: PublicKeyAlgorithms()}
	text := sign(t, "ES256", k["ec"].private, "ec", "", `{}`)
	if _, err := s.Verify(t.Context(), stranger, text); err == nil {
		t.Fatal("the guard was passed")
	}
	if _, err := s.Verify(t.Context(), owner, text); err != nil {
		t.Errorf("whoever may ask is locked out: %v", err)
	}
	if _, err := s.Verify(t.Context(), stranger, text); err == nil {
		t.Error("H9: what one may ask passes for what the other may")
	}
}

// refusing is a guard that lets nothing through.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("not a public address")
}

func TestSetsAreBounded(t *testing.T) {
	t.Parallel()
	s := &Sets{Clock: func() time.Time { return noon }}
	for i := range mostSets + 10 {
		s.set(fmt.Sprint(i))
	}
	if len(s.all) != mostSets {
		t.Errorf("%d sets", len(s.all))
	}
}

func TestFetchIsBounded(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 100)) }))
	t.Cleanup(web.Close)
	if _, err := Fetch(t.Context(), web.Client(), web.URL, 99); err == nil {
		t.Error("a body that is too long")
	}
	if b, err := Fetch(t.Context(), web.Client(), web.URL, 100); err != nil || len(b) != 100 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func FuzzAssertion(f *testing.F) {
	f.Add("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJhcHAifQ.AA", []byte(`{"iss":"a","aud":["x"],"exp":1e400}`))
	f.Add("..", []byte(`{"keys":[{"kty":"EC"}]}`))
	s := &Sets{Clock: func() time.Time { return noon }}
	f.Fuzz(func(t *testing.T, compact string, payload []byte) {
		by := Of(gatehouse.Client{Settings: gatehouse.ClientSettings{JWKS: payload}}, nil, "")
		if _, err := s.Verify(t.Context(), by, compact); err == nil {
			t.Error("a signature without a key")
		}
		if issuer, ok := Peek(compact); ok && issuer == "" {
			t.Error("an issuer that is none")
		}
		c, err := ReadClaims(payload)
		if err == nil && c.Check(Want{Issuer: "app", Subject: func(string) bool { return true }, Audiences: []string{"a"}, Now: noon}) == nil &&
			(c.Issuer != "app" || c.ID == "" || c.Expiry.Before(noon.Add(-leeway))) {
			t.Errorf("passed: %+v", c)
		}
	})
}
