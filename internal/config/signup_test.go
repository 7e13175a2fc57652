package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
)

func TestSignUp(t *testing.T) {
	t.Parallel()
	base := "url: https://id.example.com\n"
	tests := map[string]struct {
		file string
		want SignUp
	}{
		"NothingIsTheDashboards": {"", SignUp{}},
		"EmptySectionToo":        {"sign_up:\n", SignUp{}},
		"EntriesHaveOneForm": {"sign_up: {allow: ['@Example.com', alice@other.example], deny: ['*.evil.example']}", SignUp{
			SignUp: gatehouse.SignUp{Allow: []string{"alice@other.example", "example.com"}, Deny: []string{"*.evil.example"}},
			Named:  []string{"allow", "deny"},
		}},
		"FlagsOfTheFile": {"sign_up: {block_subaddresses: false, block_disposable: true, disposable_domains_file: /etc/list}", SignUp{
			SignUp: gatehouse.SignUp{BlockDisposable: true}, Named: []string{"block_subaddresses", "block_disposable"},
			DisposableDomainsFile: "/etc/list",
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, warnings, err := Parse("/etc/gatehouse.yml", []byte(base+tt.file), nil)
			if err != nil || len(warnings) != 0 {
				t.Fatalf("%v, warnings %v", err, warnings)
			}
			if diff := cmp.Diff(tt.want, c.SignUp); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSignUpProblems(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"sign_up: {allow: ['*']}":                    "sign_up.allow[0]",
		"sign_up: {deny: [example.com, 'a b@c.de']}": "sign_up.deny[1]",
		"sign_up: {allow: example.com}":              "sign_up.allow",
		"sign_up: {block_disposable: maybe}":         "expected true or false",
		"sign_up: {alow: []}":                        "did you mean allow?",
	} {
		_, _, err := Parse("g.yml", []byte("url: https://id.example.com\n"+file), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
	_, warnings, err := Parse("g.yml", []byte("url: https://id.example.com\nsign_up: {allow: []}"), nil)
	if err != nil || len(warnings) != 1 {
		t.Errorf("an empty allow-list: %v, warnings %v", err, warnings)
	}
}

func TestAccountDeletion(t *testing.T) {
	t.Parallel()
	for text, keep := range map[string]bool{"": false, "account_deletion: true": false, "account_deletion: false": true} {
		c, _, err := Parse("gatehouse.yml", []byte("url: https://id.example.com\n"+text), nil)
		if err != nil || c.KeepAccounts != keep {
			t.Errorf("%q: %v, %v", text, c, err)
		}
	}
	if _, _, err := Parse("gatehouse.yml", []byte("url: https://id.example.com\naccount_deletion: maybe\n"), nil); err == nil {
		t.Error("maybe is neither")
	}
}
