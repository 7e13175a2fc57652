package authcode

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"gatehouse"
)

// Bounds of expressions. They have no loop but one over a list, so together they
// bound the time: at most maxNodes steps for each of maxItems.
const (
	maxExpression = 2000 // bytes
	maxNodes      = 100
	maxItems      = 1000    // of a list that an expression sees; what is more is not seen
	maxClaim      = 2048    // bytes of a text that an expression sees; a longer one is not there
	maxMade       = 4096    // bytes of a text that an expression makes
	memoryBudget  = 100_000 // elements that an expression may make
)

// Mapping says how fields of a profile are worked out of what a provider tells,
// by expressions over `claims`. Its zero value works nothing out.
type Mapping struct {
	at       string
	programs map[string]*vm.Program
}

// Fields are the texts of a profile by their names in settings.
func Fields(p *gatehouse.Profile) map[string]*string {
	return map[string]*string{
		"username": &p.Username, "nickname": &p.Nickname, "name": &p.Name, "email": &p.Email, "avatar": &p.Avatar,
		"web_url": &p.WebURL, "locale": &p.Locale, "phone": &p.Phone, "title": &p.Title, "organization": &p.Organization,
		"location": &p.Location, "bio": &p.Bio, "pronouns": &p.Pronouns, "website": &p.Website,
	}
}

// FieldNames are the names of all that can be mapped, sorted.
func FieldNames() []string {
	return slices.Sorted(maps.Keys(fieldSet()))
}

func fieldSet() map[string]bool {
	all := map[string]bool{"email_verified": true, "groups": true}
	for name := range Fields(&gatehouse.Profile{}) {
		all[name] = true
	}
	return all
}

// Mapping reads a table of expressions by field of the profile, and compiles
// them. The first that is wrong is named with the place in it.
func (s *Settings) Mapping(key string) Mapping {
	t := s.Table(key)
	m := Mapping{at: s.Name(key)}
	for _, field := range t.Keys() {
		text, isText := t.values[field].(string)
		switch {
		case !fieldSet()[field]:
			t.Wrong(field, "a field of the profile: "+strings.Join(FieldNames(), ", "))
			return Mapping{}
		case !isText || len(text) > maxExpression:
			t.Wrong(field, fmt.Sprintf("an expression over claims, such as 'claims.email ?? \"\"', of at most %d characters", maxExpression))
			return Mapping{}
		}
		program, err := compile("claims", text)
		if err != nil {
			s.refuse(gatehouse.Errorf(gatehouse.Invalid, "The setting %s of the connection %s is not an expression that can be used: %s. Correct it and save again.", t.Name(field), s.shared.connection, err))
			return Mapping{}
		}
		if m.programs == nil {
			m.programs = map[string]*vm.Program{}
		}
		m.programs[field] = program
	}
	return m
}

// compile reads an expression over what has the name. Nothing of it can act: there are only functions
// that make a value of values.
func compile(name, text string) (*vm.Program, error) {
	options := []expr.Option{
		expr.Env(map[string]any{name: map[string]any{}}), expr.MaxNodes(maxNodes), expr.Optimize(false), expr.DisableAllBuiltins(),
		expr.Function("join", join, new(func([]any, string) string)),
		expr.Function("replace", replace, new(func(string, string, string) string)),
		expr.Function("string", asText, new(func(any) string)),
		expr.Function(plusName, plus, new(func(any, any) any)), expr.Patch(adds{}),
	}
	for name, isLoop := range allowed() {
		if !isLoop {
			options = append(options, expr.EnableBuiltin(name))
		}
	}
	program, err := expr.Compile(text, options...)
	if err != nil {
		return nil, located(err)
	}
	node := program.Node()
	c := &checked{}
	ast.Walk(&node, c)
	return program, c.err
}

// allowed are the functions of the language that expressions may use. True: it
// goes over a list.
func allowed() map[string]bool {
	return map[string]bool{
		"all": true, "none": true, "any": true, "one": true, "filter": true, "map": true, "find": true, "count": true,
		"len": false, "lower": false, "upper": false, "trim": false, "trimPrefix": false, "trimSuffix": false, "split": false,
		"first": false, "last": false, "int": false, "indexOf": false, "hasPrefix": false, "hasSuffix": false,
	}
}

// located is an error of the compiler in one line.
func located(err error) error {
	var at *file.Error
	if !errors.As(err, &at) {
		return err
	}
	return fmt.Errorf("line %d, column %d: %s", at.Line, at.Column+1, at.Message)
}

// checked is an ast.Visitor that finds what could take long.
type checked struct{ err error }

// Visit is called for each part of an expression.
func (c *checked) Visit(node *ast.Node) {
	if c.err != nil {
		return
	}
	switch n := (*node).(type) {
	case *ast.BuiltinNode:
		isLoop, known := allowed()[n.Name]
		switch {
		case !known:
			c.err = fmt.Errorf("the function %s may not be used here", n.Name)
		case isLoop && loopsInLoop(n.Arguments):
			c.err = fmt.Errorf("%s goes over a list inside of another one, which may take too long", n.Name)
		}
	case *ast.BinaryNode:
		if _, isText := n.Right.(*ast.StringNode); n.Operator == "matches" && !isText {
			c.err = errors.New("what follows matches must be a text, not something worked out")
		}
		if n.Operator == ".." {
			c.err = errors.New("the operator .. may not be used here")
		}
	}
}

// loops counts loops in an expression.
type loops int

// Visit is called for each part of an expression.
func (l *loops) Visit(node *ast.Node) {
	if _, ok := (*node).(*ast.PredicateNode); ok {
		*l++
	}
}

// loopsInLoop says whether what is done for each item goes over a list itself.
func loopsInLoop(arguments []ast.Node) bool {
	var l loops
	for _, a := range arguments {
		if p, ok := a.(*ast.PredicateNode); ok {
			ast.Walk(&p.Node, &l)
		}
	}
	return l > 0
}

// Has says whether a field is worked out.
func (m Mapping) Has(field string) bool { return m.programs[field] != nil }

// Apply works the fields out of claims and puts them into the profile; the
// others stay. What is said of an address counts only for that address: one
// that is worked out counts as verified only if that is worked out too.
func (m Mapping) Apply(p *gatehouse.Profile, claims map[string]any) error {
	if len(m.programs) == 0 {
		return nil
	}
	env := map[string]any{"claims": seen(claims)}
	values := map[string]any{}
	for field, program := range m.programs {
		v, err := (&vm.VM{MemoryBudget: memoryBudget}).Run(program, env)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", m.at, field, located(err))
		}
		values[field] = v
	}
	for field, to := range Fields(p) {
		if m.Has(field) {
			*to = Text(plainNumber(values[field]))
		}
	}
	if m.Has("groups") {
		p.Groups = Texts(plainNumber(values["groups"]))
	}
	switch {
	case p.Email == "":
		p.Verified = gatehouse.Unstated
	case m.Has("email_verified"):
		p.Verified = Verification(values["email_verified"])
	case m.Has("email"):
		p.Verified = gatehouse.Unstated
	}
	return nil
}

// seen is a value as expressions see it: with numbers of the language, and
// without what is too long.
func seen(v any) any {
	switch v := v.(type) {
	case map[string]any:
		all := make(map[string]any, len(v))
		for name, inner := range v {
			all[name] = seen(inner)
		}
		return all
	case []any:
		list := make([]any, min(len(v), maxItems))
		for i := range list {
			list[i] = seen(v[i])
		}
		return list
	case string:
		if len(v) > maxClaim {
			return nil
		}
	case json.Number:
		if n, ok := Integer(v); ok {
			return int(n)
		}
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return f
	}
	return v
}

// plainNumber turns whole numbers, also those of a list, into what Text reads.
// It goes no deeper: a list can hold itself many times over.
func plainNumber(v any) any {
	switch v := v.(type) {
	case int:
		return json.Number(fmt.Sprint(v))
	case []any:
		list := make([]any, min(len(v), maxItems))
		for i := range list {
			if list[i] = v[i]; isWhole(v[i]) {
				list[i] = json.Number(fmt.Sprint(v[i]))
			}
		}
		return list
	}
	return v
}

func isWhole(v any) bool {
	_, ok := v.(int)
	return ok
}
