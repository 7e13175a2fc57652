package graphql

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// maxPlanned bounds the fields of a query after its fragments are put in.
const maxPlanned = 5000

// plan is a checked selection set: which fields to answer, with which arguments.
type plan []*step

type step struct {
	key   string
	field *Field
	of    *Type // type of the answer, without brackets
	args  Args
	on    string // only for parents of this object type
	sub   plan
	at    Position
	typed bool // __typename
	sels  []Selection
}

// checker turns an operation into a plan and gathers what is wrong with it.
type checker struct {
	schema    *Schema
	doc       *Document
	op        *Operation
	variables map[string]any
	used      map[string]bool
	errors    []*Error
	planned   int
	depth     int // deepest so far
}

func (c *checker) fail(at Position, path []any, ext map[string]any, format string, args ...any) {
	if len(c.errors) < 100 {
		c.errors = append(c.errors, &Error{Message: fmt.Sprintf(format, args...), Locations: []Position{at}, Path: slices.Clone(path), Extensions: ext})
	}
}

// set plans a selection set on a type.
func (c *checker) set(sels []Selection, on *Type, path []any, depth int) plan {
	c.depth = max(c.depth, depth)
	var p plan
	c.collect(sels, on, "", path, nil, &p)
	for _, st := range p {
		c.descend(st, append(slices.Clone(path), st.key), depth)
	}
	return p
}

// collect gathers fields by their key, with fragments put in.
func (c *checker) collect(sels []Selection, on *Type, only string, path []any, inside []string, p *plan) {
	for _, s := range sels {
		if c.planned++; c.planned > maxPlanned {
			return
		}
		if !c.included(s.Directives, path) {
			continue
		}
		switch {
		case s.Spread != "":
			f := c.doc.Fragments[s.Spread]
			if f == nil {
				c.fail(s.At, append(path, "... "+s.Spread), map[string]any{"code": "useAndDefineFragment", "fragmentName": s.Spread},
					"Fragment %s was used, but not defined", s.Spread)
				continue
			}
			if slices.Contains(inside, s.Spread) {
				c.fail(f.At, []any{"fragment " + f.Name}, map[string]any{"code": "infiniteLoop", "fragmentName": f.Name}, "Fragment %s contains an infinite loop", f.Name)
				continue
			}
			c.inside(f.Selections, f.On, s.At, on, only, path, append(slices.Clone(inside), s.Spread), p)
		case s.Inline:
			c.inside(s.Selections, s.On, s.At, on, only, path, inside, p)
		default:
			c.field(s, on, only, append(slices.Clone(path), s.key()), p)
		}
	}
}

// inside puts a fragment in, if its type can be the one at hand.
func (c *checker) inside(sels []Selection, cond string, at Position, on *Type, only string, path []any, seen []string, p *plan) {
	if cond == "" || c.schema.is(on, cond) {
		c.collect(sels, on, only, path, seen, p)
		return
	}
	t := c.schema.Types[cond]
	if t == nil {
		c.fail(at, path, map[string]any{"code": "undefinedType", "typeName": cond}, "No such type %s, so it can't be a fragment condition", cond)
		return
	}
	if on.Kind == Interface && c.schema.is(t, on.Name) {
		c.collect(sels, t, t.Name, path, seen, p)
		return
	}
	c.fail(at, path, map[string]any{"code": "cannotSpreadFragment", "typeName": on.Name},
		"Fragment on %s can't be spread inside %s", cond, on.Name)
}

func (c *checker) included(ds []Directive, path []any) bool {
	for _, d := range ds {
		if d.Name != "include" && d.Name != "skip" {
			c.fail(d.At, path, map[string]any{"code": "undefinedDirective", "directiveName": d.Name}, "Directive @%s is not defined", d.Name)
			continue
		}
		for _, a := range d.Args {
			v, ok := c.resolved(a.Value).(bool)
			if a.Name == "if" && ok && v != (d.Name == "include") {
				return false
			}
		}
	}
	return true
}

// field checks one field and adds it to the plan, or to the step of its key.
func (c *checker) field(s Selection, on *Type, only string, path []any, p *plan) {
	st := &step{key: s.key(), at: s.At, on: only, sels: s.Selections}
	if s.Name == "__typename" {
		st.typed = true
		*p = append(*p, st)
		return
	}
	st.field = on.Field(s.Name)
	if st.field == nil {
		c.fail(s.At, path, map[string]any{"code": "undefinedField", "typeName": on.Name, "fieldName": s.Name},
			"Field '%s' doesn't exist on type '%s'", s.Name, on.Name)
		return
	}
	st.of = c.schema.Types[base(st.field.Type)]
	st.args = c.arguments(s, st.field, path)
	for _, old := range *p {
		if old.key != st.key || old.on != st.on || old.typed {
			continue
		}
		if old.field != st.field || !sameArgs(old.args, st.args) {
			c.fail(s.At, nil, map[string]any{"code": "fieldConflict", "fieldName": st.key}, "Field '%s' has a field conflict", st.key)
		}
		old.sels = append(slices.Clone(old.sels), st.sels...)
		return
	}
	*p = append(*p, st)
}

func sameArgs(a, b Args) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// descend plans what is asked below a field.
func (c *checker) descend(st *step, path []any, depth int) {
	if st.typed || st.of == nil {
		return
	}
	composite := st.of.Kind == Object || st.of.Kind == Interface
	switch {
	case composite && len(st.sels) == 0:
		c.fail(st.at, path, map[string]any{"code": "selectionMismatch", "nodeName": fmt.Sprintf("field '%s'", st.field.Name), "typeName": st.of.Name},
			"Field must have selections (field '%s' returns %s but has no selections. Did you mean '%s { ... }'?)", st.field.Name, st.of.Name, st.field.Name)
	case !composite && len(st.sels) > 0:
		c.fail(st.at, path, map[string]any{"code": "selectionMismatch", "nodeName": fmt.Sprintf("field '%s'", st.field.Name), "typeName": st.of.Name},
			"Selections can't be made on scalars (field '%s' returns %s but has selections [%s])", st.field.Name, st.of.Name, names(st.sels))
	case composite:
		st.sub = c.set(st.sels, st.of, path, depth+1)
	}
}

func names(sels []Selection) string {
	var all []string
	for _, s := range sels {
		all = append(all, fmt.Sprintf("%q", s.Name))
	}
	return strings.Join(all, ", ")
}

// weigh adds up the complexity of a plan.
func (p plan) weigh() int {
	sum := 0
	for _, st := range p {
		switch {
		case st.typed:
			sum++
		case st.field.Free:
		case st.field.Cost != nil:
			sum += st.field.Cost(st.args, st.sub.weigh())
		default:
			sum += 1 + st.sub.weigh()
		}
	}
	return sum
}
