// Package names makes usernames out of what people are called elsewhere:
// readable, in plain letters, whatever script the name is written in. A username
// that looks like another one of another script comes out as that other one, so
// that nobody passes for somebody else.
package names

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Longest bounds a username before a suffix.
const Longest = 60

// Sanitize makes a username as GitLab does: cut at the @, letters without their
// accents, nothing but letters, digits and _.-, none of those three doubled or
// at an end. Unlike GitLab's it is small, other scripts are written in Latin
// letters as far as we can (张三 is zhangsan), and it is "" when too little is
// left to know a person by.
func Sanitize(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "@")
	var b strings.Builder
	last := '-'
	for _, r := range strings.ToLower(norm.NFKD.String(latin(norm.NFKC.String(clip(s))))) {
		switch {
		case r == '_', r == '.', r == '-':
			if strings.ContainsRune("_.-", last) {
				continue
			}
		case r < '0', r > 'z', r > '9' && r < 'a':
			continue
		}
		b.WriteRune(r)
		last = r
		if b.Len() == Longest {
			break
		}
	}
	return usable(b.String())
}

// longestInput bounds what is looked at: no name that people have is longer.
const longestInput = 1024

func clip(s string) string {
	if len(s) > longestInput {
		s = s[:longestInput]
	}
	return strings.ToValidUTF8(s, "")
}

// usable takes away what a username may not end with, which addresses would
// misread; "" when it is no name then.
func usable(name string) string {
	name = strings.TrimRight(name, "_.-")
	for {
		cut := name
		for _, ending := range []string{".git", ".atom"} {
			cut = strings.TrimRight(strings.TrimSuffix(cut, ending), "_.-")
		}
		if cut == name {
			break
		}
		name = cut
	}
	if len(name) < 2 || !strings.ContainsFunc(name, unicode.IsLetter) {
		return ""
	}
	return name
}
