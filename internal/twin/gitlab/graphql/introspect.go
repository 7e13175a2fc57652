package graphql

import (
	"maps"
	"slices"
	"strings"
)

// typeRef is a type as introspection sees it: wrapped in marks and brackets.
type typeRef struct {
	schema *Schema
	text   string
}

func (r typeRef) kind() string {
	switch {
	case strings.HasSuffix(r.text, "!"):
		return "NON_NULL"
	case strings.HasPrefix(r.text, "["):
		return "LIST"
	}
	return r.schema.Types[r.text].Kind
}

func (r typeRef) inner() any {
	switch r.kind() {
	case "NON_NULL":
		return typeRef{r.schema, strings.TrimSuffix(r.text, "!")}
	case "LIST":
		return typeRef{r.schema, r.text[1 : len(r.text)-1]}
	}
	return nil
}

func (r typeRef) named() *Type {
	return r.schema.Types[r.text] // nil for wrapped types
}

// Introspectable adds __schema and __type to the root, and the scalars that the
// language itself has. It is called once, when the schema is complete.
func (s *Schema) Introspectable() {
	for _, n := range []string{"Int", "Float", "String", "Boolean", "ID"} {
		if s.Types[n] == nil {
			s.Types[n] = &Type{Kind: Scalar, Name: n}
		}
	}
	for _, t := range introspection(s) {
		s.Types[t.Name] = t
	}
	root := s.Types[s.Query]
	root.Fields = append(root.Fields,
		&Field{Name: "__schema", Type: "__Schema!", Free: true, Resolve: func(any, Args) (any, error) { return s, nil }},
		&Field{Name: "__type", Type: "__Type", Free: true, Args: []Arg{{Name: "name", Type: "String!"}}, Resolve: func(_ any, a Args) (any, error) {
			if s.Types[a.Text("name")] == nil {
				return nil, nil
			}
			return typeRef{s, a.Text("name")}, nil
		}},
	)
}

// of makes a field from a function of its parent's type.
func of[P any](name, typ string, read func(P) any, args ...Arg) *Field {
	return &Field{Name: name, Type: typ, Args: args, Resolve: func(p any, _ Args) (any, error) { return read(p.(P)), nil }}
}

func nothing[P any](P) any { return nil }

func introspection(s *Schema) []*Type {
	ref := func(text string) any { return typeRef{s, text} }
	deprecated := Arg{Name: "includeDeprecated", Type: "Boolean", Default: false}
	return []*Type{
		{Kind: Object, Name: "__Schema", Fields: []*Field{
			of("description", "String", nothing[*Schema]),
			of("queryType", "__Type!", func(s *Schema) any { return ref(s.Query) }),
			of("mutationType", "__Type", nothing[*Schema]),
			of("subscriptionType", "__Type", nothing[*Schema]),
			of("types", "[__Type!]!", func(s *Schema) any {
				return list(slices.Sorted(maps.Keys(s.Types)), ref)
			}),
			of("directives", "[__Directive!]!", func(*Schema) any { return list([]string{"include", "skip"}, func(n string) any { return n }) }),
		}},
		{Kind: Object, Name: "__Type", Fields: typeFields(s, deprecated)},
		{Kind: Object, Name: "__Field", Fields: []*Field{
			of("name", "String!", func(f *Field) any { return f.Name }),
			of("description", "String", nothing[*Field]),
			of("args", "[__InputValue!]!", func(f *Field) any { return list(f.Args, func(a Arg) any { return a }) }, deprecated),
			of("type", "__Type!", func(f *Field) any { return ref(f.Type) }),
			of("isDeprecated", "Boolean!", func(*Field) any { return false }),
			of("deprecationReason", "String", nothing[*Field]),
		}},
		{Kind: Object, Name: "__InputValue", Fields: []*Field{
			of("name", "String!", func(a Arg) any { return a.Name }),
			of("description", "String", nothing[Arg]),
			of("type", "__Type!", func(a Arg) any { return ref(a.Type) }),
			of("defaultValue", "String", func(a Arg) any {
				if a.Default == nil {
					return nil
				}
				return literal(a.Default)
			}),
			of("isDeprecated", "Boolean!", func(Arg) any { return false }),
			of("deprecationReason", "String", nothing[Arg]),
		}},
		{Kind: Object, Name: "__EnumValue", Fields: []*Field{
			of("name", "String!", func(v string) any { return v }),
			of("description", "String", nothing[string]),
			of("isDeprecated", "Boolean!", func(string) any { return false }),
			of("deprecationReason", "String", nothing[string]),
		}},
		{Kind: Object, Name: "__Directive", Fields: []*Field{
			of("name", "String!", func(v string) any { return v }),
			of("description", "String", nothing[string]),
			of("isRepeatable", "Boolean", func(string) any { return false }),
			of("locations", "[String!]!", func(string) any { return []any{"FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"} }),
			of("args", "[__InputValue!]!", func(string) any { return []any{Arg{Name: "if", Type: "Boolean!"}} }, deprecated),
		}},
	}
}

func typeFields(s *Schema, deprecated Arg) []*Field {
	// named reads something of a type that is not wrapped.
	named := func(read func(*Type) any) func(typeRef) any {
		return func(r typeRef) any {
			if t := r.named(); t != nil {
				return read(t)
			}
			return nil
		}
	}
	ref := func(name string) any { return typeRef{s, name} }
	return []*Field{
		of("kind", "String!", func(r typeRef) any { return r.kind() }),
		of("name", "String", named(func(t *Type) any { return t.Name })),
		of("description", "String", nothing[typeRef]),
		of("specifiedByURL", "String", nothing[typeRef]),
		of("fields", "[__Field!]", named(func(t *Type) any {
			if t.Fields == nil {
				return nil
			}
			return list(t.Fields, func(f *Field) any { return f })
		}), deprecated),
		of("interfaces", "[__Type!]", named(func(t *Type) any {
			if t.Kind != Object {
				return nil
			}
			return list(t.Interfaces, ref)
		})),
		of("possibleTypes", "[__Type!]", named(func(t *Type) any {
			if t.Kind != Interface {
				return nil
			}
			return list(s.implementing(t.Name), ref)
		})),
		of("enumValues", "[__EnumValue!]", named(func(t *Type) any {
			if t.Kind != EnumKind {
				return nil
			}
			return list(t.Values, func(v string) any { return v })
		}), deprecated),
		of("inputFields", "[__InputValue!]", nothing[typeRef], deprecated),
		of("isOneOf", "Boolean", nothing[typeRef]),
		of("ofType", "__Type", func(r typeRef) any { return r.inner() }),
	}
}

func (s *Schema) implementing(name string) []string {
	var all []string
	for _, n := range slices.Sorted(maps.Keys(s.Types)) {
		if slices.Contains(s.Types[n].Interfaces, name) {
			all = append(all, n)
		}
	}
	return all
}

func list[T any](all []T, wrap func(T) any) any {
	out := make([]any, 0, len(all))
	for _, x := range all {
		out = append(out, wrap(x))
	}
	return out
}
