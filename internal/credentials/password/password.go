// Package password says which passwords are good enough and keeps them as
// argon2id, which costs an attacker as much memory and time for each guess as it
// costs us.
package password

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"gatehouse"
)

// The length of a password in characters (NIST SP 800-63B section 3.1.1.2).
const (
	Shortest = 8
	Longest  = 256
)

// longestBytes bounds what is looked at, whatever it holds.
const longestBytes = 4 * Longest

// fewest is how many different characters a password has.
const fewest = 4

// About is what a password must not hold, since whoever guesses knows it.
type About struct {
	Username, Email string
}

// Check says what is wrong with a password as a new one: nil, or an error of
// kind Invalid with a sentence for the person.
func Check(p string, a About) error {
	if !utf8.ValidString(p) || strings.ContainsFunc(p, unicode.IsControl) {
		return gatehouse.Errorf(gatehouse.Invalid, "The password holds a character that cannot be typed, such as a line break. Choose another one.")
	}
	p = Normal(p)
	lower := strings.ToLower(p)
	switch n := utf8.RuneCountInString(p); {
	case n < Shortest:
		return gatehouse.Errorf(gatehouse.Invalid, "The password is too short. Take at least %d characters; several words are easy to remember.", Shortest)
	case n > Longest || len(p) > longestBytes:
		return gatehouse.Errorf(gatehouse.Invalid, "The password is too long. Take at most %d characters.", Longest)
	case different(p) < fewest:
		return gatehouse.Errorf(gatehouse.Invalid, "The password repeats a few characters only. Choose one that is harder to guess; several words are easy to remember.")
	case a.isIn(lower):
		return gatehouse.Errorf(gatehouse.Invalid, "The password holds your username or address, which everybody knows. Choose another one.")
	case isCommon(p):
		return gatehouse.Errorf(gatehouse.Invalid, "Many people have this password, or one nearly like it, so it is guessed first. Choose another one; several words are easy to remember.")
	}
	return nil
}

// Normal is the one form in which a password is kept and compared (RFC 8265,
// OpaqueString): keyboards write the same letters in more than one way. What the
// profile does not know, such as a sign that is younger than its tables, stays
// as it is but for its composition.
func Normal(p string) string {
	if s, err := precis.OpaqueString.String(p); err == nil {
		return s
	}
	return norm.NFC.String(p)
}

func different(p string) int {
	seen := map[rune]bool{}
	for _, r := range p {
		seen[r] = true
	}
	return len(seen)
}

// shortestKnown is the least of what is known about somebody that counts: a
// shorter one is in many good passwords by chance.
const shortestKnown = 4

func (a About) isIn(password string) bool {
	local, _, _ := strings.Cut(a.Email, "@")
	for _, known := range []string{a.Username, a.Email, local} {
		if known = strings.ToLower(known); utf8.RuneCountInString(known) >= shortestKnown && strings.Contains(password, known) {
			return true
		}
	}
	return false
}
