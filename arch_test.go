package gatehouse_test

import (
	"bytes"
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors is the plan of the house. A package imports only what lies on a lower
// floor. A side room (op/token under op) lies half a floor below its parent and
// is imported by it and by its siblings above it alone. Where the plan proves
// wrong, change it here and say why in docs/adr.
var floors = map[string]float64{
	"cmd/gatehouse": 9,

	"internal/server": 8,

	"internal/web/entry":   7,
	"internal/web/portal":  7,
	"internal/web/mailbox": 7, // of development
	"internal/web/admin":   7,
	"internal/web/api":     7,
	"internal/web/hooks":   7,
	"internal/demo":        7,

	"internal/self":   6, // what people do with their own user
	"internal/access": 6,
	"internal/signin": 6,
	"internal/op":     6,

	"internal/users":       5,
	"internal/apps":        5,
	"internal/session":     5,
	"internal/reach":       5,
	"internal/provided":    5,
	"internal/pats":        5,
	"internal/credentials": 5,

	"internal/mail":   4.5, // its mails are jobs
	"internal/jobs":   4,
	"internal/web/ui": 4,

	"internal/store":                3,
	"internal/integration/gitlab":   3,
	"internal/integration/dingtalk": 3,
	"internal/integration/openid":   3,
	"internal/integration/oauth2":   3,
	"internal/integration/feishu":   3,
	"internal/integration/wecom":    3,
	"internal/integration/c1z":      3,

	"internal/lists":       1.5, // read by config and by users
	"internal/clientrules": 1.5, // read by all that set something of a client

	"internal/store/foreign":        2, // SQLite files of other software
	"internal/integration":          2,
	"internal/integration/authcode": 2,
	"internal/seal":                 2,
	"internal/config":               2,
	"internal/outgoing":             2,
	"internal/i18n":                 2,
	"internal/geoip":                2,
	"internal/certify":              2, // completeness certificates

	".":                      1,
	"internal/twin/gitlab":   1,
	"internal/twin/dingtalk": 1,
	"internal/twin/openid":   1,
}

// helpers are packages for tests only, and programs beside the house; nothing but
// tests imports them.
var helpers = []string{"internal/store/storetest", "internal/porttest", "internal/passkeytest", "bench", "examples/go"}

// onlyIn says which packages alone may import something, and why.
var onlyIn = []struct {
	imported string
	by       []string
	why      string
}{
	{"database/sql", []string{"internal/store"}, "all SQL is in store"},
	{"modernc.org/sqlite", []string{"internal/store"}, "all SQL is in store"},
	{"github.com/jackc/pgx/v5", []string{"internal/store"}, "all SQL is in store"},
	{"github.com/go-jose/go-jose/v4", []string{"internal/op", "internal/twin", "internal/integration/openid"}, "tokens are signed by op and read by openid"},
	{"github.com/expr-lang/expr", []string{"internal/integration/authcode"}, "expressions are compiled and bounded in one place"},
	{"github.com/spf13/cobra", []string{"cmd/gatehouse"}, "commands are in cmd"},
}

// never says which packages may not import something, and why.
var never = []struct {
	imported string
	by       []string
	why      string
}{
	{"net/http", []string{"internal/users", "internal/signin", "internal/access", "internal/reach", "internal/jobs", "internal/apps"}, "the rules can be read and tested without a browser"},
}

const longest = 500 // lines of a file

// file is a Go file of the project.
type file struct {
	name, pkg string
	test      bool
	generated bool
	lines     int
	ast       *ast.File
}

func sources(t *testing.T) []file {
	t.Helper()
	var all []file
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, file{
			name: filepath.ToSlash(name), pkg: path.Dir(filepath.ToSlash(name)), test: strings.HasSuffix(name, "_test.go"),
			generated: ast.IsGenerated(parsed) || strings.HasSuffix(name, "_templ.go"),
			lines:     bytes.Count(text, []byte("\n")), ast: parsed,
		})
		return nil
	})
	if err != nil {
		t.Fatalf("read the sources: %v", err)
	}
	if len(all) < 20 {
		t.Fatalf("found only %d files: the test looks in the wrong place", len(all))
	}
	return all
}

// floorOf is the floor of a package in halves, so that a side room can lie half
// a floor below its parent. 0: it has none.
func floorOf(pkg string) int {
	if f, ok := floors[pkg]; ok {
		return int(2 * f)
	}
	if f, ok := floors[path.Dir(pkg)]; ok && pkg != "." && path.Dir(pkg) != "." {
		return int(2*f) - 1
	}
	return 0
}

func imports(f file) []string {
	var all []string
	for _, i := range f.ast.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		all = append(all, p)
	}
	return all
}

// ours turns an import path into the folder of one of our packages.
func ours(imported string) (string, bool) {
	if imported == "gatehouse" {
		return ".", true
	}
	return strings.CutPrefix(imported, "gatehouse/")
}

func TestEveryPackageHasAFloor(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		if floorOf(f.pkg) == 0 && !slices.Contains(helpers, f.pkg) {
			t.Errorf("%s: the package has no floor in arch_test.go", f.name)
		}
	}
	for pkg := range maps.Keys(floors) {
		if _, err := os.Stat(filepath.FromSlash(pkg)); err != nil {
			t.Errorf("the plan names %s, which is not there", pkg)
		}
	}
}

func TestPackagesImportOnlyLowerFloors(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		if f.test || slices.Contains(helpers, f.pkg) {
			continue
		}
		for _, imported := range imports(f) {
			if to, ok := ours(imported); ok {
				mayImport(t, f, to)
			}
		}
	}
}

func mayImport(t *testing.T, f file, to string) {
	t.Helper()
	from, below := floorOf(f.pkg), floorOf(to)
	twin := strings.HasPrefix(f.pkg, "internal/twin/")
	sideRoom := floors[to] == 0 && below != 0
	switch {
	case slices.Contains(helpers, to):
		t.Errorf("%s imports %s, which is for tests only", f.name, to)
	case twin && !strings.HasPrefix(to, twinOf(f.pkg)):
		t.Errorf("%s imports %s: twins import nothing of ours, so that they cannot share our mistakes", f.name, to)
	case sideRoom && path.Dir(to) != f.pkg && path.Dir(to) != path.Dir(f.pkg):
		t.Errorf("%s imports %s, a side room of another package", f.name, to)
	case sideRoom && path.Dir(to) == path.Dir(f.pkg) && floorOf(f.pkg) == below:
		return // side rooms of one parent may use each other; the compiler refuses loops
	case below >= from:
		t.Errorf("%s (floor %g) imports %s (floor %g): only lower floors", f.name, float64(from)/2, to, float64(below)/2)
	}
}

// twinOf is the folder of the twin that a package belongs to.
func twinOf(pkg string) string {
	parts := strings.Split(pkg, "/")
	return strings.Join(parts[:min(3, len(parts))], "/")
}

func TestImportsWithAReason(t *testing.T) {
	t.Parallel()
	under := func(pkg string, roots []string) bool {
		return slices.ContainsFunc(roots, func(r string) bool { return pkg == r || strings.HasPrefix(pkg, r+"/") })
	}
	for _, f := range sources(t) {
		if f.test || slices.Contains(helpers, f.pkg) {
			continue
		}
		for _, imported := range imports(f) {
			for _, rule := range onlyIn {
				if under(imported, []string{rule.imported}) && !under(f.pkg, rule.by) {
					t.Errorf("%s imports %s: %s", f.name, imported, rule.why)
				}
			}
			for _, rule := range never {
				if imported == rule.imported && under(f.pkg, rule.by) {
					t.Errorf("%s imports %s: %s", f.name, imported, rule.why)
				}
			}
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		if !f.generated && f.lines > longest {
			t.Errorf("%s has %d lines; %d is where a file is split", f.name, f.lines, longest)
		}
	}
}

func TestNoInitAndNoVariableThatChanges(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		if f.generated || f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init function: what happens at start is said in server", f.name)
			}
		}
		for name := range assignedPackageVariables(f) {
			t.Errorf("%s assigns to the package variable %s", f.name, name)
		}
	}
}

// assignedPackageVariables finds package variables of a file that a function of
// it assigns to. It looks at names only, so a local variable of the same name
// must be declared in the function.
func assignedPackageVariables(f file) map[string]bool {
	vars, changed := map[string]bool{}, map[string]bool{}
	for _, d := range f.ast.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names {
					vars[n.Name] = true
				}
			}
		}
	}
	for _, d := range f.ast.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			a, ok := n.(*ast.AssignStmt)
			if !ok || a.Tok == token.DEFINE {
				return true
			}
			for _, left := range a.Lhs {
				if name, ok := left.(*ast.Ident); ok && vars[name.Name] && name.Name != "_" && !declares(fn, name.Name) {
					changed[name.Name] = true
				}
			}
			return true
		})
	}
	return changed
}

func declares(fn *ast.FuncDecl, name string) bool {
	found := false
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if i, ok := left.(*ast.Ident); ok && n.Tok == token.DEFINE && i.Name == name {
					found = true
				}
			}
		case *ast.ValueSpec:
			found = found || slices.ContainsFunc(n.Names, func(i *ast.Ident) bool { return i.Name == name })
		case *ast.Field:
			found = found || slices.ContainsFunc(n.Names, func(i *ast.Ident) bool { return i.Name == name })
		}
		return !found
	})
	return found
}

func TestEveryPackageHasOneComment(t *testing.T) {
	t.Parallel()
	comments := map[string][]string{}
	for _, f := range sources(t) {
		if f.test || f.generated {
			continue
		}
		if comments[f.pkg] == nil {
			comments[f.pkg] = []string{}
		}
		if f.ast.Doc != nil {
			comments[f.pkg] = append(comments[f.pkg], f.name)
		}
	}
	for pkg, where := range comments {
		if len(where) != 1 {
			t.Errorf("%s has %d package comments (%s), not one", pkg, len(where), strings.Join(where, ", "))
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	t.Parallel()
	files := sources(t)
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	for _, f := range files {
		if f.test || f.generated {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
					t.Errorf("%s: %s has no comment", f.name, d.Name.Name)
				}
			case *ast.GenDecl:
				undocumented(t, f, d)
			}
		}
	}
}

func undocumented(t *testing.T, f file, d *ast.GenDecl) {
	t.Helper()
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
				t.Errorf("%s: type %s has no comment", f.name, s.Name.Name)
			}
		case *ast.ValueSpec:
			if s.Names[0].IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
				t.Errorf("%s: %s has no comment", f.name, s.Names[0].Name)
			}
		}
	}
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if index, ok := typ.(*ast.IndexExpr); ok {
		typ = index.X
	}
	name, ok := typ.(*ast.Ident)
	return !ok || name.IsExported()
}
