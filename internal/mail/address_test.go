package mail

import (
	"strings"
	"testing"
)

func TestCleanAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Zhang.San+work@Example.COM":      "zhang.san+work@example.com",
		" a@b.example ":                   "a@b.example",
		"a@中文.example":                    "a@xn--fiq228c.example",
		"":                                "",
		"a":                               "",
		"a@":                              "",
		"@b.example":                      "",
		"a@b.example, c@d.example":        "",
		"Zhang <a@b.example>":             "",
		"\"a b\"@c.example":               "",
		"a@b.example\r\nBcc: c@d.ex":      "",
		"aı@b.example":                    "", // a dotless i becomes an i in some databases
		"a@[127.0.0.1]":                   "",
		"a\x00@b.example":                 "",
		strings.Repeat("a", 260) + "@b.c": "",
		strings.Repeat("a@b.c,", 9999):    "",
	} {
		if got := CleanAddress(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
