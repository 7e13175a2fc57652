package signin

import (
	"regexp"
	"testing"
)

// TestNewState_IsLettersAndDigits: providers differ in what they take as a
// state, and bring back byte for byte; all take these.
func TestNewState_IsLettersAndDigits(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 200 {
		s := newState()
		if !regexp.MustCompile(`^[A-Za-z0-9]{43}$`).MatchString(s) || seen[s] {
			t.Fatalf("%q", s)
		}
		seen[s] = true
	}
}
