package dpop

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNonces(t *testing.T) {
	t.Parallel()
	n, node, other := NewNonces([]byte("secret")), NewNonces([]byte("secret")), NewNonces([]byte("another"))
	now := time.Unix(1_800_000_000, 0)
	nonce := n.Now(now)
	for after, good := range map[time.Duration]bool{
		0: true, time.Second: true, NonceLife: true, 2 * NonceLife: false, time.Hour: false, -30 * time.Second: true, -2 * NonceLife: false,
	} {
		if node.Good(nonce, now.Add(after)) != good {
			t.Errorf("after %s: %v", after, !good)
		}
	}
	if n.Now(now.Add(NonceLife/2)) == nonce {
		t.Error("it does not rotate")
	}
	if other.Good(nonce, now) {
		t.Error("of another installation")
	}
	for _, bad := range []string{"", "x", nonce + "A", nonce[1:], strings.ToLower(nonce), strings.Repeat("A", len(nonce)), nonce + "=", nonce[:len(nonce)-1] + "\n"} {
		if bad != nonce && n.Good(bad, now) {
			t.Errorf("%q is good", bad)
		}
	}
}

// A nonce is good for its life wherever in a half it was made, and nothing that
// was not made here is ever good.
func TestNoncesAtAnyTime(t *testing.T) {
	t.Parallel()
	n := NewNonces([]byte("secret"))
	rapid.Check(t, func(t *rapid.T) {
		made := time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "made"), 0)
		after := time.Duration(rapid.Int64Range(0, int64(NonceLife)).Draw(t, "after"))
		if !n.Good(n.Now(made), made.Add(after)) {
			t.Fatalf("not good after %s", after)
		}
		if s := rapid.String().Draw(t, "text"); n.Good(s, made) && s != n.Now(made) {
			t.Fatalf("%q is good", s)
		}
	})
}
