package certify_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse"
	"gatehouse/internal/certify"
)

func keyOf(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

func public(t testing.TB, key ed25519.PrivateKey) ed25519.PublicKey {
	t.Helper()
	p, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		t.Fatal("no public half")
	}
	return p
}

// chain are n certificates of a connector, each on a line.
func chain(t testing.TB, key ed25519.PrivateKey, connector string, n int) []string {
	t.Helper()
	var lines []string
	former := ""
	for i := range n {
		c, err := certify.Sign(key, certify.Statement{
			Connector: certify.Connector{ID: connector, Key: "k-" + connector, Name: `A & <b> "name"` + "\u2028"},
			Number:    int64(i + 1), Former: former, Pull: fmt.Sprint("p", i), Notes: []string{"héllo 世界"},
		})
		if err != nil {
			t.Fatal(err)
		}
		former = c.Digest()
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(b))
	}
	return lines
}

func verify(text string, key ed25519.PublicKey) (certify.Report, error) {
	return certify.Verify(strings.NewReader(text), key)
}

func TestAChainThatHolds(t *testing.T) {
	t.Parallel()
	key := keyOf(1)
	a, b := chain(t, key, "a", 3), chain(t, key, "b", 2)
	r, err := verify(strings.Join([]string{a[0], b[0], a[1], b[1], a[2]}, "\n"), public(t, key))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Chains) != 2 || r.Chains[0].First != 1 || r.Chains[0].Last != 3 || r.Chains[1].Last != 2 || r.Last[0].Pull != "p2" || r.Last[0].Notes[0] != "héllo 世界" {
		t.Errorf("%+v", r)
	}
	if r, err = verify(a[1]+a[2], public(t, key)); err != nil || r.Chains[0].First != 2 {
		t.Errorf("a part of a chain: %+v, %v", r, err)
	}
	var spaced bytes.Buffer
	if err := json.Indent(&spaced, []byte(a[0]), "", "    "); err != nil {
		t.Fatal(err)
	}
	if _, err := verify(spaced.String(), public(t, key)); err != nil {
		t.Errorf("with spaces: %v", err)
	}
}

func TestWhatDoesNotHold(t *testing.T) {
	t.Parallel()
	key := keyOf(1)
	ours, other := chain(t, key, "a", 3), chain(t, keyOf(2), "a", 1)
	replaced := chain(t, key, "a", 1)[0]
	c, err := certify.Sign(key, certify.Statement{Connector: certify.Connector{ID: "a", Key: "k-a"}, Number: 2, Former: strings.Repeat("0", 64)})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var reused certify.Certificate
	if err := json.Unmarshal([]byte(other[0]), &reused); err != nil {
		t.Fatal(err)
	}
	reused.Key = certify.KeyID(public(t, key))
	forged, err := json.Marshal(reused)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ text, says string }{
		"Empty":             {" \n", "no certificate"},
		"NotJSON":           {ours[0] + "\nhello", "certificate 2 of the file cannot be read"},
		"Truncated":         {ours[0][:len(ours[0])-9], "cannot be read"},
		"NoStatement":       {`{"key":"x","signature":"eA=="}`, "not JSON"},
		"Changed":           {strings.Replace(ours[0], "p0", "p9", 1), "signature is wrong"},
		"NoSignature":       {`{"statement":{},"key":"` + certify.KeyID(public(t, key)) + `"}`, "signature is wrong"},
		"AnotherKey":        {other[0], "signed by the key"},
		"AnotherKeysNamed":  {string(forged), "signature is wrong"},
		"OneMissing":        {ours[0] + ours[2], "missing"},
		"TwiceTheSame":      {ours[0] + replaced, "missing"},
		"AnotherOrder":      {ours[1] + ours[0], "missing"},
		"OneReplaced":       {ours[0] + string(elsewhere), "replaced"},
		"FieldWithNoMeaing": {strings.Replace(ours[0], `"released":false`, `"released":false,"more":1`, 1), "signature is wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := verify(tt.text, public(t, key)); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}

// TestNoChangeGoesUnseen: whatever byte of a file is changed, it does not hold,
// or still says the same.
func TestNoChangeGoesUnseen(t *testing.T) {
	t.Parallel()
	key := keyOf(1)
	text := strings.Join(chain(t, key, "a", 2), "\n")
	whole, err := verify(text, public(t, key))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		at := rapid.IntRange(0, len(text)-1).Draw(rt, "at")
		to := rapid.Byte().Draw(rt, "to")
		changed := []byte(text)
		changed[at] = to
		if r, err := verify(string(changed), public(t, key)); err == nil && !cmp.Equal(r, whole) {
			rt.Errorf("byte %d as %q: %+v", at, to, r)
		}
	})
}

func TestGapsAreBoundedAndAllOfThemCount(t *testing.T) {
	t.Parallel()
	var some, more certify.GapList
	for i := range certify.Listed + 5 {
		g := gatehouse.Gap{ResourceID: gatehouse.ResourceID(fmt.Sprintf("group/%05d", i)), Why: gatehouse.GapMembers}
		some.Add(g)
		if i == certify.Listed+4 {
			g.Why = gatehouse.GapHidden // beyond those that are named
		}
		more.Add(g)
	}
	g := some.Gaps()
	if g.Count != certify.Listed+5 || len(g.First) != certify.Listed || g.By["members"] != g.Count {
		t.Errorf("%d gaps, %d named, %v", g.Count, len(g.First), g.By)
	}
	if other := more.Gaps(); other.Digest == g.Digest || other.By["hidden"] != 1 {
		t.Error("a gap that is not named does not count in the digest")
	}
	var none certify.GapList
	if g := none.Gaps(); g.Count != 0 || g.By == nil || g.First == nil || g.Digest != strings.Repeat("0", 64) {
		t.Errorf("%+v", g)
	}
}

func TestPublicKeysAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	key := public(t, keyOf(3))
	text, err := certify.PublicPEM(key)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := certify.ParsePublic([]byte(text)); err != nil || !back.Equal(key) {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{"", "hello", strings.Replace(text, "PUBLIC KEY", "PRIVATE KEY", 2), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"} {
		if _, err := certify.ParsePublic([]byte(bad)); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
	if _, err := certify.Sign(nil, certify.Statement{}); err == nil {
		t.Error("signed with no key")
	}
}
