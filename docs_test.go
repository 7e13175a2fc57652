package gatehouse_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// tested is what the tests of the house are called, and all of their text.
type tested struct {
	names map[string]bool
	text  string
}

var testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w*)\(`)

func allTests(t *testing.T) tested {
	t.Helper()
	all := tested{names: map[string]bool{}}
	var text strings.Builder
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range testFunction.FindAllSubmatch(source, -1) {
			all.names[string(m[1])] = true
		}
		text.Write(source)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all.text = text.String()
	return all
}

// has says whether a test that a document names is there: TestName,
// TestName/part, where the part is written in the tests, or TestBeginning….
func (a tested) has(name string) bool {
	function, part, _ := strings.Cut(name, "/")
	if beginning, more := strings.CutSuffix(function, "…"); more {
		for n := range a.names {
			if strings.HasPrefix(n, beginning) {
				return true
			}
		}
		return false
	}
	part = strings.TrimPrefix(part, "fapi2-security-profile-final-")
	return a.names[function] && (part == "" || strings.HasSuffix(part, "…") || strings.Contains(a.text, `"`+part+`"`))
}

// TestDocumentsNameTestsThatExist: what the documents of security and of
// conformance say is proved by a test that is there.
func TestDocumentsNameTestsThatExist(t *testing.T) {
	t.Parallel()
	all := allTests(t)
	if all.has("TestNobodyWroteThis") || all.has("TestDocumentsNameTestsThatExist/a part"+" that nobody wrote") {
		t.Fatal("a test that is not there is found")
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)[^`]*)`")
	for _, path := range []string{"docs/security.md", "docs/conformance.md"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found := named.FindAllSubmatch(text, -1)
		if len(found) < 20 {
			t.Errorf("%s names %d tests", path, len(found))
		}
		for _, m := range found {
			if !all.has(string(m[1])) {
				t.Errorf("%s names %s, which is not there", path, m[1])
			}
		}
	}
}

// TestEverySecurityRequirementHasATest: each row of the provider's part of
// docs/security.md names at least one test.
func TestEverySecurityRequirementHasATest(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	covered := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 6 || !regexp.MustCompile(`(Test|Fuzz|[AT]\d+/)`).MatchString(cells[len(cells)-2]) {
			continue
		}
		for _, id := range regexp.MustCompile(`[AT]\d+`).FindAllString(cells[1], -1) {
			covered[id] = true
		}
	}
	for letter, last := range map[string]int{"A": 19, "T": 22} {
		for n := 1; n <= last; n++ {
			if id := letter + strconv.Itoa(n); !covered[id] {
				t.Errorf("%s has no test", id)
			}
		}
	}
}
