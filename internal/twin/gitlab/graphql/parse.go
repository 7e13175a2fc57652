package graphql

import (
	"fmt"
	"strconv"
	"strings"
)

// maxNesting bounds how deep a query may be nested at all.
const maxNesting = 60

// Parse reads a query text. What is wrong with it is an [Error].
func Parse(src string) (*Document, error) {
	p := &parser{lex: lexer{src: src, line: 1}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	d := &Document{Fragments: map[string]*Fragment{}}
	for p.tok.kind != end {
		if err := p.definition(d); err != nil {
			return nil, err
		}
	}
	if len(d.Operations) == 0 {
		return nil, errorAt(p.tok.at, "Unexpected end of document")
	}
	return d, nil
}

type parser struct {
	lex   lexer
	tok   token
	depth int
}

func (p *parser) advance() (err error) {
	p.tok, err = p.lex.next()
	return err
}

func (p *parser) unexpected(wanted string) error {
	got := "end of file"
	if p.tok.kind != end {
		got = strconv.Quote(p.tok.value)
	}
	return errorAt(p.tok.at, "Expected %s, actual: %s at [%d, %d]", wanted, got, p.tok.at.Line, p.tok.at.Column)
}

func (p *parser) peek(v string) bool { return p.tok.kind == punct && p.tok.value == v }

// take goes on if the token is this one.
func (p *parser) take(v string) (bool, error) {
	if !p.peek(v) {
		return false, nil
	}
	return true, p.advance()
}

func (p *parser) expect(v string) error {
	if ok, err := p.take(v); ok || err != nil {
		return err
	}
	return p.unexpected(strconv.Quote(v))
}

func (p *parser) name() (string, error) {
	if p.tok.kind != name {
		return "", p.unexpected("NAME")
	}
	v := p.tok.value
	return v, p.advance()
}

func (p *parser) enter() error {
	p.depth++
	if p.depth > maxNesting {
		return errorAt(p.tok.at, "Query is nested too deep")
	}
	return nil
}

func (p *parser) definition(d *Document) error {
	at := p.tok.at
	if p.peek("{") {
		sel, err := p.selections()
		d.Operations = append(d.Operations, &Operation{Kind: "query", Selections: sel, At: at})
		return err
	}
	word, err := p.name()
	if err != nil {
		return err
	}
	switch word {
	case "query", "mutation", "subscription":
		return p.operation(d, &Operation{Kind: word, At: at})
	case "fragment":
		return p.fragment(d, at)
	}
	return errorAt(at, "Expected one of SCHEMA, SCALAR, TYPE, ENUM, INPUT, UNION, INTERFACE, actual: IDENTIFIER (%q) at [%d, %d]", word, at.Line, at.Column)
}

func (p *parser) operation(d *Document, o *Operation) (err error) {
	if p.tok.kind == name {
		if o.Name, err = p.name(); err != nil {
			return err
		}
	}
	if ok, err := p.take("("); err != nil {
		return err
	} else if ok {
		for !p.peek(")") {
			v, err := p.variable()
			if err != nil {
				return err
			}
			o.Variables = append(o.Variables, v)
		}
		if err := p.advance(); err != nil {
			return err
		}
	}
	if _, err := p.directives(); err != nil {
		return err
	}
	o.Selections, err = p.selections()
	d.Operations = append(d.Operations, o)
	return err
}

func (p *parser) variable() (v Variable, err error) {
	v.At = p.tok.at
	if err = p.expect("$"); err != nil {
		return v, err
	}
	if v.Name, err = p.name(); err != nil {
		return v, err
	}
	if err = p.expect(":"); err != nil {
		return v, err
	}
	if v.Type, err = p.typeRef(); err != nil {
		return v, err
	}
	if ok, err := p.take("="); err != nil || !ok {
		return v, err
	}
	v.Default, err = p.value()
	return v, err
}

func (p *parser) typeRef() (string, error) {
	if err := p.enter(); err != nil {
		return "", err
	}
	defer func() { p.depth-- }()
	var t string
	if ok, err := p.take("["); err != nil {
		return "", err
	} else if ok {
		inner, err := p.typeRef()
		if err != nil {
			return "", err
		}
		if err := p.expect("]"); err != nil {
			return "", err
		}
		t = "[" + inner + "]"
	} else if t, err = p.name(); err != nil {
		return "", err
	}
	ok, err := p.take("!")
	if ok {
		t += "!"
	}
	return t, err
}

func (p *parser) fragment(d *Document, at Position) (err error) {
	f := &Fragment{At: at}
	if f.Name, err = p.name(); err != nil {
		return err
	}
	if on, err := p.name(); err != nil || on != "on" {
		return p.unexpected("ON")
	}
	if f.On, err = p.name(); err != nil {
		return err
	}
	if _, err = p.directives(); err != nil {
		return err
	}
	if d.Fragments[f.Name] != nil {
		return errorAt(at, "Fragment name %q must be unique", f.Name)
	}
	d.Fragments[f.Name] = f
	f.Selections, err = p.selections()
	return err
}

func (p *parser) selections() ([]Selection, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	var all []Selection
	for !p.peek("}") {
		s, err := p.selection()
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil, p.unexpected("NAME")
	}
	return all, p.advance()
}

func (p *parser) selection() (s Selection, err error) {
	s.At = p.tok.at
	if ok, err := p.take("..."); err != nil {
		return s, err
	} else if ok {
		return s, p.spread(&s)
	}
	if s.Name, err = p.name(); err != nil {
		return s, err
	}
	if ok, err := p.take(":"); err != nil {
		return s, err
	} else if ok {
		s.Alias = s.Name
		if s.Name, err = p.name(); err != nil {
			return s, err
		}
	}
	if s.Args, err = p.arguments(); err != nil {
		return s, err
	}
	if s.Directives, err = p.directives(); err != nil {
		return s, err
	}
	if p.peek("{") {
		s.Selections, err = p.selections()
	}
	return s, err
}

func (p *parser) spread(s *Selection) (err error) {
	if p.tok.kind == name && p.tok.value != "on" {
		if s.Spread, err = p.name(); err != nil {
			return err
		}
		s.Directives, err = p.directives()
		return err
	}
	s.Inline = true
	if p.tok.kind == name {
		if err = p.advance(); err != nil {
			return err
		}
		if s.On, err = p.name(); err != nil {
			return err
		}
	}
	if s.Directives, err = p.directives(); err != nil {
		return err
	}
	s.Selections, err = p.selections()
	return err
}

func (p *parser) arguments() ([]Argument, error) {
	if ok, err := p.take("("); err != nil || !ok {
		return nil, err
	}
	var all []Argument
	for !p.peek(")") {
		a := Argument{At: p.tok.at}
		var err error
		if a.Name, err = p.name(); err != nil {
			return nil, err
		}
		if err = p.expect(":"); err != nil {
			return nil, err
		}
		if a.Value, err = p.value(); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, p.advance()
}

func (p *parser) directives() ([]Directive, error) {
	var all []Directive
	for p.peek("@") {
		d := Directive{At: p.tok.at}
		err := p.advance()
		if err != nil {
			return nil, err
		}
		if d.Name, err = p.name(); err != nil {
			return nil, err
		}
		if d.Args, err = p.arguments(); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

func (p *parser) value() (any, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	t := p.tok
	switch {
	case t.kind == punct && t.value == "$":
		if err := p.advance(); err != nil {
			return nil, err
		}
		n, err := p.name()
		return Ref(n), err
	case t.kind == punct && t.value == "[":
		return p.listValue()
	case t.kind == punct && t.value == "{":
		return p.objectValue()
	case t.kind == text:
		return t.value, p.advance()
	case t.kind == number:
		v, err := numeral(t)
		if err != nil {
			return nil, err
		}
		return v, p.advance()
	case t.kind == name:
		return word(t.value), p.advance()
	}
	return nil, p.unexpected("a value")
}

func word(s string) any {
	switch s {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	}
	return Enum(s)
}

func numeral(t token) (any, error) {
	if !strings.ContainsAny(t.value, ".eE") {
		if n, err := strconv.ParseInt(t.value, 10, 64); err == nil {
			return n, nil
		}
	}
	f, err := strconv.ParseFloat(t.value, 64)
	if err != nil {
		return nil, errorAt(t.at, "Expected a number, actual: %q", t.value)
	}
	return f, nil
}

func (p *parser) listValue() (any, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	all := []any{}
	for !p.peek("]") {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, p.advance()
}

func (p *parser) objectValue() (any, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	all := map[string]any{}
	for !p.peek("}") {
		n, err := p.name()
		if err != nil {
			return nil, err
		}
		if err = p.expect(":"); err != nil {
			return nil, err
		}
		if all[n], err = p.value(); err != nil {
			return nil, fmt.Errorf("field %s: %w", n, err)
		}
	}
	return all, p.advance()
}
