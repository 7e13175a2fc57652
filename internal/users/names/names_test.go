package names

import (
	"regexp"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestSanitize(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"Alice.Smith":        "alice.smith",
		"alice@example.com":  "alice",
		"Alice Smith":        "alicesmith",
		"-_alice..__smith-.": "alice.smith",
		"alice.git":          "alice",
		"alice.atom.git":     "alice",
		"a.git":              "",
		"x":                  "",
		"12345":              "",
		"":                   "",
		"@home":              "",
		"\u202ealice\u200b":  "alice", // signs that turn the direction, or take no room
		"ＡＬＩＣＥ１":             "alice1",
		"ﬁona":               "fiona",
		"Žofie_Müller":       "zofie_muller",
		"Straße":             "strasse",
		"Søren Ærø":          "sorenaero",
		"Łukasz":             "lukasz",
		"张三":                 "zhangsan",
		"欧阳娜娜":               "ouyangnana",
		"单雄信":                "shanxiongxin", // a surname, read otherwise than the word
		"尉迟恭":                "yuchigong",
		"曾国藩":                "zengguofan",
		"吕布":                 "lvbu",
		"張三豐":                "zhangsanfeng",
		"张三(Alice)":          "zhangsanalice",
		"小张_dev":             "xiaozhang_dev",
		"李":                  "li",
		"Иван Петров":        "ivanpetrov",
		"Юлия":               "iuliia",
		"Νίκος":              "nikos",
		"аlice":              "alice", // a Cyrillic а
		"pаypаl":             "paypal",
		"аdmin":              "admin",
		"αdmin":              "admin", // a Greek α
		"𝒶𝓁𝒾𝒸𝑒":              "alice", // mathematical letters
		"アリス":                "",
		"★☆★":                "",
		"\xff\xfealice":      "alice",
	} {
		if got := Sanitize(s); got != want {
			t.Errorf("Sanitize(%q) = %q, want %q", s, got, want)
		}
	}
	if got := Sanitize(strings.Repeat("a", 100_000)); len(got) != Longest {
		t.Errorf("a long name has %d letters", len(got))
	}
}

var valid = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9]|[_.-][a-z0-9])*$`)

// TestSanitizeProperties: what comes out is a username or nothing, and stays as
// it is when it comes again.
func TestSanitizeProperties(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom(nil, unicode.Han, unicode.Cyrillic, unicode.Greek, unicode.Latin, unicode.Punct)))
	rapid.Check(t, func(t *rapid.T) {
		name := Sanitize(text.Draw(t, "name"))
		if name == "" {
			return
		}
		if !valid.MatchString(name) || len(name) < 2 || len(name) > Longest || !strings.ContainsFunc(name, unicode.IsLetter) {
			t.Fatalf("%q is no username", name)
		}
		if again := Sanitize(name); again != name {
			t.Fatalf("%q becomes %q", name, again)
		}
	})
}

func FuzzSanitize(f *testing.F) {
	f.Add("张三@x")
	f.Add("аdmin.git")
	f.Fuzz(func(t *testing.T, s string) {
		if name := Sanitize(s); name != "" && !valid.MatchString(name) {
			t.Fatalf("%q gives %q", s, name)
		}
	})
}
