package lists

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse"
)

func TestPattern(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		entry, canonical string
		matches, not     []string
	}{
		"Address":          {" Alice@Example.com ", "alice@example.com", []string{"alice@example.com"}, []string{"bob@example.com", "alice@sub.example.com", "alice+1@example.com", "alice"}},
		"Domain":           {"example.com", "example.com", []string{"a@example.com"}, []string{"a@sub.example.com", "a@badexample.com", "a@example.com.evil.example", "example.com", ""}},
		"DomainWithAt":     {"@Example.com", "example.com", []string{"a@example.com"}, nil},
		"StarAt":           {"*@example.com", "example.com", []string{"a@example.com"}, nil},
		"Below":            {"*.example.com", "*.example.com", []string{"a@x.example.com", "a@y.x.example.com"}, []string{"a@example.com", "a@xexample.com"}},
		"OneLabelAtTheEnd": {"example.*", "example.*", []string{"a@example.com", "a@example.cn"}, []string{"a@example.com.evil", "a@sub.example.com"}},
		"OneLabelInside":   {"mail.*.example.com", "mail.*.example.com", []string{"a@mail.x.example.com"}, []string{"a@mail.example.com", "a@mail.x.y.example.com"}},
		"Chinese":          {"例子.中国", "xn--fsqu00a.xn--fiqs8s", []string{"a@xn--fsqu00a.xn--fiqs8s"}, nil},
		"RootDot":          {"example.com.", "example.com", []string{"a@example.com"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := Parse(tt.entry)
			if err != nil || p.String() != tt.canonical {
				t.Fatalf("Parse(%q) = %q, %v; want %q", tt.entry, p, err, tt.canonical)
			}
			for _, a := range tt.matches {
				if !p.Matches(a) {
					t.Errorf("%q does not match %q", p, a)
				}
			}
			for _, a := range tt.not {
				if p.Matches(a) {
					t.Errorf("%q matches %q", p, a)
				}
			}
		})
	}
}

func TestBadEntriesAreRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", "*", "*.*", "@", "com", "*@*", "a b@example.com", "alice@*.example.com", "al*@example.com", "ex*mple.com", "**.example.com",
		"http://example.com", "example..com", ".example.com", "-a.com", "alice@@example.com", "a@b@c.de", "例@example.com", strings.Repeat("a", 400) + ".com", "a\x00.com",
	} {
		if p, err := Parse(bad); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("Parse(%q) = %q, %v; want Invalid", bad, p, err)
		}
	}
}

func TestTidy(t *testing.T) {
	t.Parallel()
	got, err := Tidy([]string{"Example.com", "", "@example.com ", "alice@example.com", "*.Example.com"})
	if diff := cmp.Diff([]string{"*.example.com", "alice@example.com", "example.com"}, got); diff != "" || err != nil {
		t.Errorf("Tidy (-want +got), %v:\n%s", err, diff)
	}
	if _, err := Tidy([]string{"example.com", "no"}); !errors.Is(err, gatehouse.Invalid) {
		t.Errorf("a bad entry: %v", err)
	}
	if _, err := Tidy(nil); err != nil {
		t.Errorf("an empty list: %v", err)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	throwaway := &Disposable{domains: []string{"trash.example"}}
	rules := gatehouse.SignUp{Deny: []string{"evil.example", "bad@example.com"}, BlockSubaddresses: true, BlockDisposable: true}
	with := func(allow ...string) gatehouse.SignUp {
		r := rules
		r.Allow = allow
		return r
	}
	tests := map[string]struct {
		rules    gatehouse.SignUp
		address  string
		verified bool
		want     Verdict
	}{
		"NoRules":                             {gatehouse.SignUp{}, "a+b@trash.example", false, Allowed},
		"NoRulesNoAddress":                    {gatehouse.SignUp{}, "", false, Allowed},
		"Usual":                               {rules, "a@example.com", false, Allowed},
		"DeniedAddress":                       {rules, "bad@example.com", true, Denied},
		"DeniedDomain":                        {rules, "a@evil.example", true, Denied},
		"Plus":                                {rules, "a+b@example.com", true, Subaddress},
		"Equals":                              {rules, "a=b@example.com", true, Subaddress},
		"Hash":                                {rules, "a#b@example.com", true, Subaddress},
		"SignsInTheDomainAreNone":             {rules, "a@ex-ample.com", true, Allowed},
		"Throwaway":                           {rules, "a@trash.example", true, Throwaway},
		"BelowThrowaway":                      {rules, "a@x.trash.example", true, Throwaway},
		"NoAddressPassesADenyList":            {rules, "", false, Allowed},
		"NoAddressDoesNotPassAnAllowList":     {with("example.com"), "", false, NoAddress},
		"NotOnTheAllowList":                   {with("other.example"), "a@example.com", true, NotAllowed},
		"OnTheAllowList":                      {with("example.com"), "a@example.com", true, Allowed},
		"AllowNeedsAVerifiedAddress":          {with("example.com"), "a@example.com", false, Unverified},
		"AllowOfTheAddressNeedsOneToo":        {with("a@example.com"), "a@example.com", false, Unverified},
		"AllowWinsOverDeny":                   {with("evil.example"), "a@evil.example", true, Allowed},
		"AllowedDomainWinsOverDeniedAddress":  {with("example.com"), "bad@example.com", true, Allowed},
		"AllowWinsOverThrowaway":              {with("trash.example"), "a@trash.example", true, Allowed},
		"AllowedDomainKeepsSubaddressesOut":   {with("example.com"), "a+b@example.com", true, Subaddress},
		"TheVeryAddressWinsOverSubaddresses":  {with("a+b@example.com"), "a+b@example.com", true, Allowed},
		"AnEntryThatIsNoneOpensNothing":       {gatehouse.SignUp{Allow: []string{"*"}}, "a@example.com", true, NotAllowed},
		"WithoutTheListNothingIsThrownAway":   {gatehouse.SignUp{BlockDisposable: false}, "a@trash.example", true, Allowed},
		"AddressThatIsNotOnTheListUnverified": {with("other.example"), "a@example.com", false, NotAllowed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Judge(tt.rules, throwaway, tt.address, tt.verified); got != tt.want {
				t.Errorf("Judge(%q) = %q, want %q", tt.address, got, tt.want)
			}
		})
	}
}

// TestAllowListIsTheOnlyDoor: whatever the rest says, who is not on a list that
// is not empty, or whose address nobody verified, makes no account.
func TestAllowListIsTheOnlyDoor(t *testing.T) {
	t.Parallel()
	domains := rapid.SampledFrom([]string{"a.example", "b.example", "x.a.example", "trash.example"})
	throwaway := builtinList(t)
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(rapid.OneOf(domains, rapid.SampledFrom([]string{"*.example", "a+1@a.example", "*.a.example"})), 1, 3)
		r := gatehouse.SignUp{
			Allow: entries.Draw(t, "allow"), Deny: entries.Draw(t, "deny"),
			BlockSubaddresses: rapid.Bool().Draw(t, "sub"), BlockDisposable: rapid.Bool().Draw(t, "throwaway"),
		}
		address := rapid.SampledFrom([]string{"", "a@", "a+1@"}).Draw(t, "local")
		if address != "" {
			address += domains.Draw(t, "domain")
		}
		verified := rapid.Bool().Draw(t, "verified")
		if Judge(r, throwaway, address, verified) != Allowed {
			return
		}
		on := false
		for _, e := range r.Allow {
			p, err := Parse(e)
			if err != nil {
				t.Fatal(err)
			}
			on = on || p.Matches(address)
		}
		if !on || !verified {
			t.Fatalf("%q (verified %t) got in past %v", address, verified, r.Allow)
		}
	})
}

func builtinList(t *testing.T) *Disposable {
	t.Helper()
	d, err := OpenDisposable("")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestBuiltin(t *testing.T) {
	t.Parallel()
	d := builtinList(t)
	if d.Len() < 5000 {
		t.Errorf("%d domains", d.Len())
	}
	for address, want := range map[string]bool{
		"a@mailinator.com": true, "a@sub.mailinator.com": true, "a@gmail.com": false, "a@qq.com": false, "a@163.com": false,
		"a@outlook.com": false, "a@com": false, "": false, "a@xyz-mailinator.com": false,
	} {
		if d.Has(address) != want {
			t.Errorf("Has(%q) is not %t", address, want)
		}
	}
	var none *Disposable
	if none.Has("a@mailinator.com") || none.Len() != 0 {
		t.Error("no list has something")
	}
}

func TestOpenDisposable(t *testing.T) {
	t.Parallel()
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "list.txt")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	d, err := OpenDisposable(write("# of today\n\nTrash.example # really\nb.example\r\ntrash.example\n"))
	if err != nil || d.Len() != 2 || !d.Has("a@trash.example") || !d.Has("a@b.example") {
		t.Errorf("got %v, %v", d, err)
	}
	for name, text := range map[string]string{"line 2 is no domain": "a.example\nhttp://b.example\n", "line 1 is no domain": "*.example\n", "token too long": strings.Repeat("a", 5000)} {
		if _, err := OpenDisposable(write(text)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%.20q: %v, want %q", text, err, name)
		}
	}
	if _, err := OpenDisposable(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"example.com", "*.example.com", "a@b.cd", "@@", "*"} {
		f.Add(s, "a@b.cd")
	}
	f.Fuzz(func(t *testing.T, entry, address string) {
		p, err := Parse(entry)
		if err != nil {
			return
		}
		p.Matches(address)
		again, err := Parse(p.String())
		if err != nil || again.String() != p.String() {
			t.Fatalf("%q becomes %q, and then %q, %v", entry, p, again, err)
		}
	})
}
