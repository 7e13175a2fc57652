package password

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"strings"
	"sync"
)

//go:embed common.txt.gz
var commonList []byte

// common are the passwords that are tried first (COMMON.md).
var common = sync.OnceValue(func() map[string]bool {
	r, err := gzip.NewReader(bytes.NewReader(commonList))
	if err != nil {
		panic(err) // the build is broken
	}
	text, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}
	all := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		all[strings.TrimSuffix(line, "\n")] = true
	}
	return all
})

// mostAppended is how much behind a common password does not make it another one.
const mostAppended = 4

// isCommon says whether a password is one of the common ones, also with other
// case and with a few digits and signs behind it: those are tried next.
func isCommon(p string) bool {
	p = strings.ToLower(p)
	for range mostAppended + 1 {
		if common()[p] {
			return true
		}
		if p == "" || isLetter(p[len(p)-1]) {
			return false
		}
		p = p[:len(p)-1]
	}
	return false
}

func isLetter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 0x80 }
