package ruby

import (
	"regexp"
	"strconv"
	"strings"
)

// value reads a literal.
func (r *reader) value(depth int) (Value, error) {
	v := Value{Line: r.line, Column: r.column}
	at := r.place()
	if r.values++; r.values > maxValues {
		return v, fail(at, "the file has more than %d values, which no configuration has", maxValues)
	}
	if depth > maxDepth {
		return v, fail(at, "values are nested more than %d levels deep", maxDepth)
	}
	var err error
	switch c := r.peek(); {
	case r.done():
		return v, fail(at, "a value is missing here")
	case c == '\'', c == '"':
		v.Kind = Text
		v.Text, v.Kind, err = r.text()
	case c == ':' && (r.ahead(1) == '"' || r.ahead(1) == '\''):
		r.next()
		v.Text, v.Kind, err = r.text()
	case c == ':' && word(r.rest()[1:]) != "":
		r.next()
		v.Kind, v.Text = Text, word(r.rest())
		r.skip(len(v.Text))
	case c == '[':
		v.Kind = Array
		v.Items, err = r.array(depth)
	case c == '{':
		v.Kind = Hash
		r.next()
		v.Pairs, err = r.pairs('}', at, depth)
	case c == '%':
		err = r.percent(&v)
	case c == '-' || c >= '0' && c <= '9':
		err = r.number(&v)
	default:
		err = r.named(&v)
	}
	return v, err
}

// text reads a quoted text. One that is only an environment variable is Env.
func (r *reader) text() (string, Kind, error) {
	at, quote := r.place(), r.next()
	var b strings.Builder
	for !r.done() {
		here := r.place()
		switch c := r.next(); {
		case c == quote:
			return b.String(), Text, nil
		case c == '\n' && r.interrupted():
			return "", Text, fail(at, "a text begins here and is never closed")
		case c == '\\' && quote == '\'':
			if n := r.peek(); n == '\'' || n == '\\' {
				b.WriteRune(r.next())
			} else {
				b.WriteRune(c)
			}
		case c == '\\':
			if err := r.escape(&b, here); err != nil {
				return "", Text, err
			}
		case c == '#' && quote == '"' && r.peek() == '{':
			if m := wholeEnv.FindStringSubmatch("#" + r.rest()); m != nil && b.Len() == 0 {
				r.skip(len([]rune(m[0])) - 1)
				return m[1] + m[2], Env, nil
			}
			return "", Text, fail(here, "this text is computed (#{…}), and nothing is executed; write it as it is to be")
		default:
			b.WriteRune(c)
		}
	}
	return "", Text, fail(at, "a text begins here and is never closed")
}

var wholeEnv = regexp.MustCompile(`^#\{\s*ENV\[(?:'([A-Za-z_][A-Za-z0-9_]*)'|"([A-Za-z_][A-Za-z0-9_]*)")\]\s*\}"`)

// escape reads what follows a backslash in a text in double quotes.
func (r *reader) escape(b *strings.Builder, at place) error {
	switch c := r.next(); c {
	case 'n':
		b.WriteByte('\n')
	case 't':
		b.WriteByte('\t')
	case 'r':
		b.WriteByte('\r')
	case 's':
		b.WriteByte(' ')
	case 'e':
		b.WriteByte(0x1b)
	case '0':
		b.WriteByte(0)
	case '\n':
	case 'x', 'u', 'c', 'C', 'M', '1', '2', '3', '4', '5', '6', '7':
		return fail(at, `the escape \%c is not read here; write the character itself`, c)
	default:
		b.WriteRune(c)
	}
	return nil
}

// array reads [ … ]. Pairs in it without braces are one hash, as in Ruby.
func (r *reader) array(depth int) ([]Value, error) {
	at := r.place()
	r.next()
	var items []Value
	for {
		r.blank(true)
		switch {
		case r.done(), r.fresh && r.interrupted():
			return nil, fail(at, "a list is opened here and never closed")
		case r.peek() == ']':
			r.next()
			return items, nil
		case r.atPair():
			here := r.place()
			pairs, err := r.pairs(']', at, depth)
			return append(items, Value{Line: here.line, Column: here.column, Kind: Hash, Pairs: pairs}), err
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
		if err := r.separator(']', at); err != nil {
			return nil, err
		}
	}
}

var pairKey = regexp.MustCompile(`^(?:([A-Za-z_][A-Za-z0-9_]*[?!]?):(?:[^:]|$)|"((?:[^"\\#]|\\.)*)"\s*(?::(?:[^:]|$)|=>)|'((?:[^'\\]|\\.)*)'\s*(?::(?:[^:]|$)|=>)|:([A-Za-z_][A-Za-z0-9_]*[?!]?)\s*=>|:"((?:[^"\\#]|\\.)*)"\s*=>)`)

func (r *reader) atPair() bool { return pairKey.MatchString(r.rest()) }

// pairs reads the pairs of a hash up to its end. open is where that was opened.
func (r *reader) pairs(end rune, open place, depth int) ([]Pair, error) {
	var all []Pair
	for {
		r.blank(true)
		switch {
		case r.done(), r.fresh && r.interrupted():
			return nil, fail(open, "%s is opened here and never closed", opened(end))
		case r.peek() == end:
			r.next()
			return all, nil
		}
		m := pairKey.FindStringSubmatch(r.rest())
		if m == nil {
			return nil, fail(r.place(), "expected a key such as name: or 'name' =>")
		}
		p := Pair{Line: r.line, Column: r.column, Key: m[1] + m[2] + m[3] + m[4] + m[5]}
		r.skip(len([]rune(strings.TrimRight(keyPart(m[0]), " \t"))))
		r.blank(true)
		if r.done() || r.fresh && r.interrupted() {
			return nil, fail(open, "%s is opened here and never closed", opened(end))
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		p.Value = v
		all = append(all, p)
		if err := r.separator(end, open); err != nil {
			return nil, err
		}
	}
}

func opened(end rune) string {
	if end == ']' {
		return "a list"
	}
	return "a hash"
}

// keyPart is the key with its colon or arrow, without the character after it
// that the pattern looks at.
func keyPart(m string) string {
	if strings.HasSuffix(m, "=>") || strings.HasSuffix(m, ":") {
		return m
	}
	runes := []rune(m)
	return string(runes[:len(runes)-1])
}

// separator reads the comma after a value; its end may follow instead.
func (r *reader) separator(end rune, open place) error {
	r.blank(true)
	switch {
	case r.done(), r.fresh && r.interrupted():
		return fail(open, "%s is opened here and never closed", opened(end))
	case r.peek() == ',':
		r.next()
		return nil
	case r.peek() == end:
		return nil
	}
	return fail(r.place(), "expected a comma or %q here; a value that is computed cannot be read, since nothing is executed", end)
}

var closers = map[rune]rune{'(': ')', '[': ']', '{': '}', '<': '>'}

// percent reads %w[a b], %i[a b] and %q(text).
func (r *reader) percent(v *Value) error {
	at := r.place()
	kind, open := r.ahead(1), r.ahead(2)
	end, ok := closers[open]
	if !ok {
		end = open
	}
	if !strings.ContainsRune("wiq", kind) || open == 0 || open == ' ' || open == '\n' || word(string(open)) != "" {
		return fail(at, "this way of writing a value is not read here; write it with quotes or brackets")
	}
	r.skip(3)
	from := r.at
	for !r.done() && r.peek() != end {
		r.next()
	}
	if r.done() {
		return fail(at, "this is opened here and never closed")
	}
	inner := string(r.source[from:r.at])
	r.next()
	if kind == 'q' {
		v.Kind, v.Text = Text, inner
		return nil
	}
	v.Kind = Array
	for _, f := range strings.Fields(inner) {
		v.Items = append(v.Items, Value{Line: v.Line, Column: v.Column, Kind: Text, Text: f})
	}
	return nil
}

var numeral = regexp.MustCompile(`^-?[0-9][0-9_]*(\.[0-9][0-9_]*)?([eE][+-]?[0-9]+)?`)

func (r *reader) number(v *Value) error {
	at, m := r.place(), numeral.FindString(r.rest())
	plain := strings.ReplaceAll(m, "_", "")
	var err error
	if strings.ContainsAny(plain, ".eE") {
		v.Kind = Float
		v.Float, err = strconv.ParseFloat(plain, 64)
	} else {
		v.Kind = Int
		v.Int, err = strconv.ParseInt(plain, 10, 64)
	}
	if m == "" || err != nil || len(plain) > 1 && strings.TrimLeft(plain, "-")[0] == '0' && v.Kind == Int && plain != "0" {
		return fail(at, "this number cannot be read")
	}
	r.skip(len(m))
	return nil
}

var env = regexp.MustCompile(`^ENV(?:\[\s*(?:'([A-Za-z_][A-Za-z0-9_]*)'|"([A-Za-z_][A-Za-z0-9_]*)")\s*\]|\.fetch\(\s*(?:'([A-Za-z_][A-Za-z0-9_]*)'|"([A-Za-z_][A-Za-z0-9_]*)")\s*\))`)

// named reads true, false, nil and ENV['NAME'].
func (r *reader) named(v *Value) error {
	at, w := r.place(), word(r.rest())
	switch w {
	case "true", "false":
		v.Kind, v.Bool = Bool, w == "true"
	case "nil":
		v.Kind = Nil
	case "ENV":
		m := env.FindStringSubmatch(r.rest())
		if m == nil {
			return fail(at, "this is computed, and nothing is executed; write the value as it is to be")
		}
		v.Kind, v.Text = Env, m[1]+m[2]+m[3]+m[4]
		r.skip(len([]rune(m[0])))
		return nil
	case "":
		return fail(at, "expected a value, found %q", r.peek())
	default:
		return fail(at, "%s is computed, and nothing is executed; write the value as it is to be", w)
	}
	r.skip(len(w))
	return nil
}
