// Package graphql is a small GraphQL engine for a stand-in GitLab: it reads
// queries, checks them against a schema, weighs them, and answers them, with the
// words of the engine that GitLab uses when something is wrong. It knows queries
// only, no mutations.
package graphql

import "fmt"

// A Document is a parsed query text.
type Document struct {
	Operations []*Operation
	Fragments  map[string]*Fragment
}

// An Operation is one query of a document.
type Operation struct {
	Kind       string // query, mutation, subscription
	Name       string
	Variables  []Variable
	Selections []Selection
	At         Position
}

// label is how messages call an operation.
func (o *Operation) label() string {
	if o.Name == "" {
		return "anonymous " + o.Kind
	}
	return o.Name
}

// root is the first part of the path of a finding.
func (o *Operation) root() string {
	if o.Name == "" {
		return o.Kind
	}
	return o.Kind + " " + o.Name
}

// A Variable is declared by an operation.
type Variable struct {
	Name    string
	Type    string // as written, such as [ID!]
	Default any    // nil: none
	At      Position
}

// A Fragment is a named set of fields.
type Fragment struct {
	Name, On   string
	Selections []Selection
	At         Position
}

// A Selection is a field, a spread of a named fragment, or an inline fragment.
type Selection struct {
	Name       string // of the field; "" for fragments
	Alias      string
	Args       []Argument
	Spread     string // name of the fragment
	On         string // type of an inline fragment, "": the same
	Inline     bool
	Directives []Directive
	Selections []Selection
	At         Position
}

func (s *Selection) key() string {
	if s.Alias != "" {
		return s.Alias
	}
	return s.Name
}

// An Argument is given to a field or a directive.
type Argument struct {
	Name  string
	Value any
	At    Position
}

// A Directive is @include or @skip.
type Directive struct {
	Name string
	Args []Argument
	At   Position
}

// Values in a query are nil, bool, int64, float64, string, []any, map[string]any
// and these two.
type (
	// Enum is a bare name.
	Enum string
	// Ref is the name of a variable.
	Ref string
)

// A Position is a place in the query text, counted from one.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// An Error is a finding as GitLab reports it.
type Error struct {
	Message    string         `json:"message"`
	Locations  []Position     `json:"locations,omitempty"`
	Path       []any          `json:"path,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

func errorAt(at Position, format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Locations: []Position{at}}
}
