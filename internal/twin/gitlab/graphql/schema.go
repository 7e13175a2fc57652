package graphql

import "strings"

// The kinds of type, by their names in introspection.
const (
	Object    = "OBJECT"
	Interface = "INTERFACE"
	Scalar    = "SCALAR"
	EnumKind  = "ENUM"
)

// A Schema is what can be asked.
type Schema struct {
	Query string // name of the type of the root
	Types map[string]*Type
}

// A Type is an object, an interface, a scalar or an enum.
type Type struct {
	Kind       string
	Name       string
	Fields     []*Field
	Values     []string // of an enum
	Interfaces []string // of an object
}

// Field finds a field of a type.
func (t *Type) Field(name string) *Field {
	for _, f := range t.Fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// A Field of an object or interface.
type Field struct {
	Name string
	Type string // as in the schema language: [UserCore!]!
	Args []Arg
	// Resolve answers the field for a parent. It returns nil, a string, a number, a
	// bool, a []any, or whatever the resolvers of the field's type take as parent.
	Resolve func(parent any, args Args) (any, error)
	// Cost weighs the field from the weight of what is asked below it; nil: one more.
	Cost func(args Args, below int) int
	// Free fields weigh nothing, with all below them.
	Free bool
}

// An Arg of a field.
type Arg struct {
	Name    string
	Type    string
	Default any
}

// Args are the arguments of a field as Go values: string, int64, float64, bool,
// []any. What was not given is absent.
type Args map[string]any

// Text returns a string argument, or "".
func (a Args) Text(name string) string {
	s, _ := a[name].(string)
	return s
}

// Number returns an integer argument and whether it was given.
func (a Args) Number(name string) (int, bool) {
	n, ok := a[name].(int64)
	return int(n), ok
}

// True tells whether a boolean argument is given and true.
func (a Args) True(name string) bool {
	b, _ := a[name].(bool)
	return b
}

// List returns the strings of a list argument and whether it was given.
func (a Args) List(name string) ([]string, bool) {
	all, ok := a[name].([]any)
	if !ok {
		return nil, false
	}
	texts := make([]string, 0, len(all))
	for _, v := range all {
		if s, ok := v.(string); ok {
			texts = append(texts, s)
		}
	}
	return texts, true
}

// A Typed value says of which object type it is, where a field has an interface.
type Typed interface{ GraphQLType() string }

// base is the name inside the brackets and marks of a type.
func base(t string) string { return strings.Trim(t, "[]!") }

func (s *Schema) is(t *Type, name string) bool {
	if t.Name == name {
		return true
	}
	for _, i := range t.Interfaces {
		if i == name {
			return true
		}
	}
	return false
}
