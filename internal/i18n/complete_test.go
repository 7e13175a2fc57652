package i18n

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What counts as a text for people:
//
//   - the first constant text among the arguments of i18n.T, i18n.Text, ui.T,
//     ui.Text, and of plain t, T and Text, and both texts of ui.Count, in .go
//     files, those that .templ files become among them;
//   - the format of gatehouse.Errorf and gatehouse.Notef, the Message of a
//     gatehouse.Error and the Text of a gatehouse.Note;
//   - the Reason of a Decision, in a literal or assigned to a field Reason.
//
// A constant of the same package and constants joined by + are understood; a
// text that is not constant cannot be checked and is passed over.

// unread are folders whose texts go to operators, in English.
var unread = []string{"bench", "cmd", "internal/config", "internal/twin"}

type use struct{ at, text string }

func TestCatalogue(t *testing.T) {
	t.Parallel()
	t.Run("FilesAreRight", func(t *testing.T) {
		t.Parallel()
		if err := catalogue().err; err != nil {
			t.Error(err)
		}
	})
	t.Run("TranslationsTakeTheSameValues", func(t *testing.T) {
		t.Parallel()
		c := catalogue()
		for _, english := range slices.Sorted(maps.Keys(c.texts)) {
			if diff := cmp.Diff(verbs(english), verbs(c.texts[english])); diff != "" {
				t.Errorf("%s: %q and its translation take different values (-English +Chinese):\n%s", c.origin[english], english, diff)
			}
		}
	})
	t.Run("EveryTextIsTranslated", func(t *testing.T) {
		t.Parallel()
		uses, err := collect(os.DirFS("../.."))
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range uses {
			if _, ok := catalogue().texts[u.text]; !ok {
				t.Errorf("%s: no Chinese for %q; add it to internal/i18n/zh-CN/<package>.json", u.at, u.text)
			}
		}
	})
}

// collect finds all texts of the tree, by file and line.
func collect(fsys fs.FS) ([]use, error) {
	var uses []use
	err := fs.WalkDir(fsys, ".", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		base := path.Base(dir)
		if dir != "." && (strings.HasPrefix(base, ".") || base == "testdata" || slices.Contains(unread, dir)) {
			return fs.SkipDir
		}
		found, err := collectDir(fsys, dir)
		uses = append(uses, found...)
		return err
	})
	return uses, err
}

func collectDir(fsys fs.FS, dir string) ([]use, error) {
	goFiles, err := fs.Glob(fsys, path.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range goFiles {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		// A file that does not parse now is somebody's work in progress: what
		// was understood of it counts.
		if f, _ := parser.ParseFile(set, name, data, parser.SkipObjectResolution); f != nil {
			parsed = append(parsed, f)
		}
	}
	c := collector{set: set, consts: constants(parsed)}
	for _, f := range parsed {
		c.pkg = f.Name.Name
		ast.Inspect(f, c.visit)
	}
	return c.uses, nil
}

// constants are the package's own named texts.
func constants(files []*ast.File) map[string]ast.Expr {
	consts := map[string]ast.Expr{}
	for _, f := range files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				for i, n := range v.Names {
					if i < len(v.Values) {
						consts[n.Name] = v.Values[i]
					}
				}
			}
		}
	}
	return consts
}

type collector struct {
	set    *token.FileSet
	pkg    string
	consts map[string]ast.Expr
	uses   []use
}

func (c *collector) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		c.call(n)
	case *ast.CompositeLit:
		c.literal(n)
	case *ast.AssignStmt:
		for i, l := range n.Lhs {
			if s, ok := l.(*ast.SelectorExpr); ok && s.Sel.Name == "Reason" && i < len(n.Rhs) {
				c.use(n.Rhs[i])
			}
		}
	}
	return true
}

func (c *collector) call(n *ast.CallExpr) {
	args := n.Args
	switch c.name(n.Fun) {
	case "gatehouse.Errorf":
		args = args[min(1, len(args)):] // the kind is a constant text too, inside its own package
		fallthrough
	case "i18n.T", "i18n.Text", "ui.T", "ui.Text", ".t", ".T", ".Text", "gatehouse.Notef":
		for _, arg := range args {
			if c.use(arg) {
				return
			}
		}
	case "ui.Count", ".Count":
		for _, arg := range n.Args {
			c.use(arg)
		}
	}
}

func (c *collector) literal(n *ast.CompositeLit) {
	want := ""
	switch name := c.name(n.Type); {
	case name == "gatehouse.Error":
		want = "Message"
	case name == "gatehouse.Note":
		want = "Text"
	case strings.EqualFold(name[strings.LastIndex(name, ".")+1:], "decision"):
		want = "Reason"
	default:
		return
	}
	for _, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && c.name(kv.Key) == "."+want {
			c.use(kv.Value)
		}
	}
}

// name is "pkg.Name"; "gatehouse.Name" inside package gatehouse, ".name" for an
// other plain name, "." for anything else.
func (c *collector) name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		if c.pkg == "gatehouse" && slices.Contains([]string{"Errorf", "Error", "Notef", "Note", "Decision"}, e.Name) {
			return "gatehouse." + e.Name
		}
		return "." + e.Name
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			return x.Name + "." + e.Sel.Name
		}
	}
	return "."
}

func (c *collector) use(e ast.Expr) bool {
	text, ok := c.constant(e, 0)
	if !ok || text == "" {
		return false
	}
	p := c.set.Position(e.Pos())
	c.uses = append(c.uses, use{fmt.Sprintf("%s:%d", p.Filename, p.Line), text})
	return true
}

func (c *collector) constant(e ast.Expr, depth int) (string, bool) {
	if depth > 50 {
		return "", false
	}
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.ParenExpr:
		return c.constant(e.X, depth+1)
	case *ast.BinaryExpr:
		l, lok := c.constant(e.X, depth+1)
		r, rok := c.constant(e.Y, depth+1)
		return l + r, lok && rok && e.Op == token.ADD
	case *ast.Ident:
		if v, ok := c.consts[e.Name]; ok {
			return c.constant(v, depth+1)
		}
	}
	return "", false
}

var verb = regexp.MustCompile(`%(?:%|[-+# 0]*(?:\d+)?(?:\.\d+)?(?:\[(\d+)\])?([a-zA-Z]))`)

// verbs are the verbs of a format by the number of their argument.
func verbs(format string) map[int]string {
	found, next := map[int]string{}, 1
	for _, m := range verb.FindAllStringSubmatch(format, -1) {
		if m[2] == "" {
			continue
		}
		if m[1] != "" {
			next, _ = strconv.Atoi(m[1])
		}
		found[next] = m[2]
		next++
	}
	return found
}

func TestCollect(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("internal/a/a.go", `package a
const named = "Named " + "text"
func f() {
	i18n.T(lang, "One %s", x)
	i18n.Text(ctx, named)
	ui.T(ctx, ("Two"))
	t("Three")
	other.T("not ours")
	i18n.T(lang, e.Message, e.Args...)
	_ = gatehouse.Errorf(gatehouse.Invalid, "Four")
	_ = &gatehouse.Error{Kind: k, Message: "Five"}
	_ = gatehouse.Decision{Rule: "rule", Reason: "Six"}
	d.Reason = "Seven"
	d.Rule = "no"
	_ = log.Entry{Reason: "no"}
	l.note(gatehouse.Notef("Twelve %d", n))
	_ = []gatehouse.Note{{Text: "not seen: its type stands elsewhere"}, gatehouse.Note{Text: "Thirteen"}}
}`)
	write("internal/a/a_test.go", `package a; func g() { t("not in tests") }`)
	write("internal/a/page_templ.go", "package a\nfunc p() {\n\tg(ui.T(ctx, \"Eight \\\"q\\\"\"), cut(\"no\"))\n\tg(t(ctx, `Nine`), ui.Count(ctx, n, \"Ten\", \"Tens\"))\n}")
	write("cmd/x/main.go", `package main; func f() { t("for operators") }`)
	write("internal/twin/x.go", `package twin; func f() { t("a stand-in's") }`)
	write("errors.go", `package gatehouse; const Invalid Kind = "invalid"; var e = Errorf(Invalid, "Eleven")`)

	got, err := collect(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	want := []use{
		{"errors.go:1", "Eleven"},
		{"internal/a/a.go:4", "One %s"},
		{"internal/a/a.go:5", "Named text"},
		{"internal/a/a.go:6", "Two"},
		{"internal/a/a.go:7", "Three"},
		{"internal/a/a.go:10", "Four"},
		{"internal/a/a.go:11", "Five"},
		{"internal/a/a.go:12", "Six"},
		{"internal/a/a.go:13", "Seven"},
		{"internal/a/a.go:16", "Twelve %d"},
		{"internal/a/a.go:17", "Thirteen"},
		{"internal/a/page_templ.go:3", `Eight "q"`},
		{"internal/a/page_templ.go:4", "Nine"},
		{"internal/a/page_templ.go:4", "Ten"},
		{"internal/a/page_templ.go:4", "Tens"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(use{})); diff != "" {
		t.Error(diff)
	}
}

func TestVerbs(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]map[int]string{
		"none, 100%%":           {},
		"%s has %d":             {1: "s", 2: "d"},
		"%[2]d of %[1]s":        {1: "s", 2: "d"},
		"%-5.2f and %q and %+v": {1: "f", 2: "q", 3: "v"},
	} {
		if diff := cmp.Diff(want, verbs(format)); diff != "" {
			t.Errorf("%q: %s", format, diff)
		}
	}
}
