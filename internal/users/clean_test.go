package users

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse"
)

func TestCleanEmail(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"Alice@Example.COM":                         "alice@example.com",
		"  alice@example.com ":                      "alice@example.com",
		"alice+tag@example.com":                     "alice+tag@example.com",
		"alice@例子.测试":                               "alice@xn--fsqu00a.xn--0zwm56d",
		"张三@example.com":                            "",
		"K@example.com":                             "k@example.com",
		"\u212a@example.com":                        "", // the Kelvin sign, which is small as k
		"alice":                                     "",
		"alice@":                                    "",
		"@example.com":                              "",
		"Alice <alice@example.com>":                 "",
		"alice@example.com, bob@example.com":        "",
		`"a b"@example.com`:                         "",
		"a@b@example.com":                           "",
		"alice@exa mple.com":                        "",
		"alice@example.com\r\nBcc: bob@example.com": "",
		"": "",
		strings.Repeat("a", 250) + "@example.com": "",
		"alice@[127.0.0.1]":                       "",
	}
	for in, want := range tests {
		if got := cleanEmail(in); got != want {
			t.Errorf("cleanEmail(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	t.Run("HostileTextsAreHarmless", func(t *testing.T) {
		t.Parallel()
		got := clean(gatehouse.Vouched{
			Subject: "s1",
			Aliases: map[string]string{"openid": "o1", "bad": "a\x00b", "": "x"},
			Profile: gatehouse.Profile{
				Name: "Ali\u202ece\u200b\x00\n Smith", Nickname: "\xff\xfe", Avatar: "javascript:alert(1)",
				WebURL: "https://user:pw@example.com/", Verified: "surely", Groups: []string{"a\tb", "\x00"},
			},
		})
		want := gatehouse.Vouched{
			Subject: "s1", Aliases: map[string]string{"openid": "o1"},
			Profile: gatehouse.Profile{Name: "Alice Smith", Verified: gatehouse.Unverified, Groups: []string{"a b"}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("not clean (-want +got):\n%s", diff)
		}
	})
	t.Run("TextsAreBounded", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := rapid.String().Draw(t, "text") + strings.Repeat("好", rapid.IntRange(0, 200).Draw(t, "more"))
			got := OneLine(s)
			if len(got) > maxText || !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\n\r\t\u202e\u200b") || OneLine(got) != got {
				t.Fatalf("OneLine(%q) = %q", s, got)
			}
		})
	})
}

func TestValidSubject(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"1": true, "张三": true, " x ": true, "": false, "a\x00b": false, "a\nb": false, "\xff": false,
		strings.Repeat("a", maxSubject): true, strings.Repeat("a", maxSubject+1): false,
	} {
		if got := validSubject(s); got != want {
			t.Errorf("validSubject(%.20q) = %t, want %t", s, got, want)
		}
	}
}
