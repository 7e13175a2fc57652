package ui

import (
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestOwnPath(t *testing.T) {
	t.Parallel()
	for p, own := range map[string]bool{
		"/":                                    true,
		"/user":                                true,
		"/user?done=connected#sessions":        true,
		"/oauth/authorize?request=a%2Fb&x=%5C": true,
		"/admin/users?q=王小明":                   true,
		"/a//b":                                true,
		"/%2f/evil.example":                    true, // a path of ours, however odd
		"":                                     false,
		"user":                                 false,
		"//evil.example":                       false,
		"///evil.example":                      false,
		`/\evil.example`:                       false,
		`\\evil.example`:                       false,
		`/user\..\x`:                           false,
		"/\t/evil.example":                     false,
		"/\n/evil.example":                     false,
		"/user\r\nSet-Cookie: a=b":             false,
		"/\x00":                                false,
		"/\x7f":                                false,
		"https://evil.example/":                false,
		"javascript:alert(1)":                  false,
		" /user":                               false,
		"/bad%zz":                              false,
		"/\xff":                                false,
		"/" + strings.Repeat("a", longestPath): false,
	} {
		want := ""
		if own {
			want = p
		}
		if got := OwnPath(p); got != want {
			t.Errorf("OwnPath(%q) = %q, want %q", p, got, want)
		}
	}
}

func TestOwnPathNeverLeavesTheHost(t *testing.T) {
	t.Parallel()
	base, err := url.Parse("https://id.example.com/sign-in")
	if err != nil {
		t.Fatal(err)
	}
	pieces := rapid.SampledFrom([]string{"/", "\\", "//", "@", ":", "evil.example", "..", ".", "%2f", "%5c", "\t", "?", "#", "https", "a"})
	rapid.Check(t, func(t *rapid.T) {
		p := OwnPath("/" + strings.Join(rapid.SliceOfN(pieces, 0, 8).Draw(t, "pieces"), ""))
		if p == "" {
			return
		}
		u, err := base.Parse(p)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme {
			t.Fatalf("%q leads to %v (%v)", p, u, err)
		}
	})
}
