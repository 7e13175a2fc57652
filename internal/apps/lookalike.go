package apps

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// seen is a name as it looks at a glance: what differs by case, accents, spaces,
// dots, or letters of other scripts that are drawn alike is the same (after
// Unicode Technical Standard 39 section 4, for the letters that names of
// applications are imitated with). It is for comparing only.
func seen(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(norm.NFKC.String(name))) {
		if like, ok := alike(r); ok {
			r = like
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		}
	}
	return strings.NewReplacer("rn", "m", "vv", "w").Replace(b.String())
}

// alike is the Latin letter for which a sign can be taken.
func alike(r rune) (rune, bool) {
	const (
		signs   = "01|ıiаеорсухіјѕԁһкмтвнгԛԝαορνικτυɡөѵ"
		letters = "ollllaeopcyxljsdhkmtbhrqwaopvlktugov"
	)
	i := 0
	for _, s := range signs {
		if s == r {
			return rune(letters[i]), true
		}
		i++
	}
	return r, false
}
