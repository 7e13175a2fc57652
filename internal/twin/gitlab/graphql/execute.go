package graphql

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// A Query is a checked operation, ready to run.
type Query struct {
	plan   plan
	schema *Schema
	// Complexity and Depth are how heavy and how deep the query is.
	Complexity, Depth int
}

// A Request is what a client sends.
type Request struct {
	Query     string
	Operation string // name of the operation, "": the only one
	Variables map[string]any
}

// Prepare reads and checks a request. What is wrong is returned as findings.
func (s *Schema) Prepare(r Request) (*Query, []*Error) {
	doc, err := Parse(r.Query)
	if err != nil {
		return nil, []*Error{asError(err)}
	}
	op, err := choose(doc, r.Operation)
	if err != nil {
		return nil, []*Error{asError(err)}
	}
	if op.Kind != "query" {
		return nil, []*Error{errorAt(op.At, "Schema is not configured for %ss", op.Kind)}
	}
	c := &checker{schema: s, doc: doc, op: op, used: map[string]bool{}}
	c.takeVariables(r.Variables)
	p := c.set(op.Selections, s.Types[s.Query], []any{op.root()}, 1)
	c.unused()
	if c.planned > maxPlanned {
		return nil, []*Error{{Message: "Query is too large"}}
	}
	if c.errors != nil {
		return nil, c.errors
	}
	return &Query{plan: p, schema: s, Complexity: p.weigh(), Depth: c.depth}, nil
}

func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Message: err.Error()}
}

func choose(doc *Document, name string) (*Operation, error) {
	if name == "" && len(doc.Operations) == 1 {
		return doc.Operations[0], nil
	}
	for _, op := range doc.Operations {
		if op.Name == name && name != "" {
			return op, nil
		}
	}
	if name == "" {
		return nil, &Error{Message: "An operation name is required"}
	}
	return nil, &Error{Message: fmt.Sprintf("No operation named %q", name)}
}

// Run answers the query from a root value.
func (q *Query) Run(root any) (json.RawMessage, []*Error) {
	r := &runner{schema: q.schema}
	r.object(q.plan, root, q.schema.Query, nil)
	return r.out.Bytes(), r.errors
}

// runner writes the answer while it resolves it.
type runner struct {
	schema *Schema
	out    bytes.Buffer
	errors []*Error
}

func (r *runner) object(p plan, parent any, typeName string, path []any) {
	if t, ok := parent.(Typed); ok {
		typeName = t.GraphQLType()
	}
	r.out.WriteByte('{')
	first := true
	for _, st := range p {
		if st.on != "" && st.on != typeName {
			continue
		}
		if !first {
			r.out.WriteByte(',')
		}
		first = false
		r.scalar(st.key)
		r.out.WriteByte(':')
		if st.typed {
			r.scalar(typeName)
			continue
		}
		r.step(st, parent, append(path, st.key))
	}
	r.out.WriteByte('}')
}

func (r *runner) step(st *step, parent any, path []any) {
	v, err := st.field.Resolve(parent, st.args)
	if err != nil {
		if len(r.errors) < 100 {
			e := &Error{Message: err.Error(), Locations: []Position{st.at}, Path: slices.Clone(path)}
			r.errors = append(r.errors, e)
		}
		v = nil
	}
	r.value(st, v, path)
}

func (r *runner) value(st *step, v any, path []any) {
	if v == nil {
		r.out.WriteString("null")
		return
	}
	if all, ok := v.([]any); ok {
		r.out.WriteByte('[')
		for i, x := range all {
			if i > 0 {
				r.out.WriteByte(',')
			}
			r.value(st, x, append(path, i))
		}
		r.out.WriteByte(']')
		return
	}
	if st.sub != nil {
		r.object(st.sub, v, st.of.Name, path)
		return
	}
	r.scalar(v)
}

// scalar writes a value; what is common is written without detours, since an
// answer holds thousands of them.
func (r *runner) scalar(v any) {
	switch v := v.(type) {
	case string:
		if plain(v) {
			r.out.WriteByte('"')
			r.out.WriteString(v)
			r.out.WriteByte('"')
			return
		}
	case int:
		r.out.Write(strconv.AppendInt(r.out.AvailableBuffer(), int64(v), 10))
		return
	case bool:
		r.out.Write(strconv.AppendBool(r.out.AvailableBuffer(), v))
		return
	}
	raw, err := json.Marshal(v)
	if err != nil {
		raw = []byte("null")
	}
	r.out.Write(raw)
}

// plain tells whether a text needs no escaping in JSON.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}
