package gatehouse_test

import (
	"regexp"
	"strings"
	"testing"

	"gatehouse"
)

var hexSecret = regexp.MustCompile(`^[0-9a-f]{64}$`)

func TestSecrets(t *testing.T) {
	t.Parallel()
	a, b := gatehouse.NewSecret(), gatehouse.NewSecret()
	if a == b || !gatehouse.IsSecret(a) || !gatehouse.IsSecret(b) {
		t.Errorf("two secrets: %q, %q", a, b)
	}
	if string(gatehouse.Digest(a)) == string(gatehouse.Digest(b)) || len(gatehouse.Digest(a)) != 32 {
		t.Error("the digests of two secrets are alike, or no SHA-256")
	}
	if x, y := gatehouse.NewHexSecret(), gatehouse.NewHexSecret(); x == y || !hexSecret.MatchString(x) || !hexSecret.MatchString(y) {
		t.Errorf("two secrets in hexadecimal digits: %q, %q", x, y)
	}
	for _, s := range []string{"", "x", a[1:], a + "A", a + "=", strings.Repeat("+", 43), strings.Repeat("é", 43), a[:42] + "\n", strings.Repeat("A", 42) + "B"} {
		if gatehouse.IsSecret(s) {
			t.Errorf("%q counts as a secret", s)
		}
	}
}
