// Package ruby reads settings out of a file like gitlab.rb, which is a Ruby
// program: assignments of literals such as gitlab_rails['key'] = [ … ]. It runs
// nothing. What is no literal is told with its line, and what it is not asked
// for it passes over.
package ruby

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Kind is what a Value is.
type Kind int

// The kinds of values.
const (
	Nil Kind = iota
	Bool
	Int
	Float
	Text
	Env // Text is the name of an environment variable, from ENV['NAME']
	Array
	Hash
)

// Value is a literal, and where it begins.
type Value struct {
	Line, Column int // from 1, in characters
	Kind         Kind
	Text         string
	Bool         bool
	Int          int64
	Float        float64
	Items        []Value
	Pairs        []Pair
}

// Pair is one of a Hash.
type Pair struct {
	Line, Column int
	Key          string // symbols and texts alike
	Value        Value
}

// Assignment is object['key'] = value.
type Assignment struct {
	Line, Column int
	Object, Key  string
	Op           string // "=", "||=", "+=" or "<<"
	Value        Value
	Under        int // line of the condition or block that it stands in; 0: none
}

// Problem is something that cannot be read.
type Problem struct {
	Line, Column int
	Message      string
}

// Bounds of what is read. Real files are far below them.
const (
	maxDepth    = 30
	maxValues   = 20_000
	maxProblems = 100
)

// Read gives the assignments that are wanted, in their order, and what of them
// could not be read.
func Read(source string, want func(object, key string) bool) ([]Assignment, []Problem) {
	r := &reader{source: []rune(strings.ReplaceAll(strings.TrimPrefix(source, "\ufeff"), "\r\n", "\n")), line: 1, column: 1, fresh: true, want: want}
	for r.statement() {
	}
	if len(r.blocks) > 0 && len(r.problems) == 0 {
		r.problemAt(place{r.blocks[0], 1}, "a block begins here and is never ended")
	}
	return r.found, r.problems
}

type place struct{ line, column int }

type reader struct {
	source       []rune
	at           int
	line, column int
	fresh        bool // nothing but spaces stands before this place in its line
	want         func(object, key string) bool
	found        []Assignment
	problems     []Problem
	blocks       []int // lines at which blocks that are open began
	values       int
}

func (r *reader) place() place { return place{r.line, r.column} }

func (r *reader) peek() rune { return r.ahead(0) }

func (r *reader) ahead(n int) rune {
	if r.at+n < len(r.source) {
		return r.source[r.at+n]
	}
	return 0
}

func (r *reader) done() bool { return r.at >= len(r.source) }

func (r *reader) next() rune {
	c := r.peek()
	if r.done() {
		return 0
	}
	r.at++
	if c == '\n' {
		r.line, r.column, r.fresh = r.line+1, 1, true
	} else {
		r.column++
		r.fresh = r.fresh && (c == ' ' || c == '\t')
	}
	return c
}

func (r *reader) skip(n int) {
	for range n {
		r.next()
	}
}

// farthest bounds how far a line is looked at, so that the time to read a file
// grows with its length only.
const farthest = 2000

// rest is what is left of the line.
func (r *reader) rest() string { return r.look(farthest) }

// look is at most n characters of what is left of the line.
func (r *reader) look(n int) string {
	end := r.at
	for end < len(r.source) && r.source[end] != '\n' && end < r.at+n {
		end++
	}
	return string(r.source[r.at:end])
}

func (r *reader) problemAt(at place, format string, args ...any) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, Problem{at.line, at.column, fmt.Sprintf(format, args...)})
	}
}

// failure is a value that cannot be read.
type failure struct {
	place
	message string
}

// Error is what is wrong, without its place.
func (f failure) Error() string { return f.message }

func fail(at place, format string, args ...any) error {
	return failure{at, fmt.Sprintf(format, args...)}
}

// blank passes over spaces and comments, and line ends if those are meant.
func (r *reader) blank(lines bool) {
	for !r.done() {
		switch c := r.peek(); {
		case c == ' ', c == '\t', c == '\r':
			r.next()
		case c == '\n' && lines, c == ';' && lines:
			r.next()
			r.blockComment()
		case c == '\\' && r.ahead(1) == '\n':
			r.skip(2)
		case c == '#':
			r.toLineEnd()
		default:
			return
		}
	}
}

func (r *reader) toLineEnd() {
	for !r.done() && r.peek() != '\n' {
		r.next()
	}
}

// blockComment passes over =begin … =end.
func (r *reader) blockComment() {
	if r.column != 1 || !strings.HasPrefix(r.rest(), "=begin") {
		return
	}
	for !r.done() && (r.column != 1 || !strings.HasPrefix(r.rest(), "=end")) {
		r.next()
	}
	r.toLineEnd()
}

var (
	assignment = regexp.MustCompile(`^([a-z_][A-Za-z0-9_]*)\[\s*(?:'([^'\\]+)'|"([^"\\#]+)"|:([A-Za-z_][A-Za-z0-9_]*))\s*\]\s*(\|\|=|\+=|<<|=)(?:[^=~>]|$)`)
	opens      = regexp.MustCompile(`^(?:if|unless|case|while|until|for|begin|def|class|module)\b|(?:=|<<|\()\s*(?:if|unless|case|begin)\b|\bdo\s*(?:\|[^|]*\|)?\s*$`)
	ends       = regexp.MustCompile(`^end\b`)
)

// statement reads one statement; false at the end of the file.
func (r *reader) statement() bool {
	if r.at == 0 {
		r.blockComment()
	}
	r.blank(true)
	if r.done() || r.rest() == "__END__" {
		return false
	}
	if m := assignment.FindStringSubmatch(r.rest()); m != nil {
		if key := m[2] + m[3] + m[4]; r.want(m[1], key) {
			r.assign(m, key)
			return true
		}
	}
	r.foreign()
	return true
}

// assign reads a wanted assignment.
func (r *reader) assign(m []string, key string) {
	a := Assignment{Line: r.line, Column: r.column, Object: m[1], Key: key, Op: m[5]}
	if len(r.blocks) > 0 {
		a.Under = r.blocks[len(r.blocks)-1]
	}
	for r.next() != ']' {
	}
	r.blank(false)
	r.skip(len(a.Op))
	r.blank(true)
	v, err := r.value(0)
	if err == nil {
		err = r.endOfStatement()
	}
	if err != nil {
		f, _ := err.(failure) //nolint:errorlint,forcetypeassert // made by this package alone
		r.problemAt(f.place, "%s", f.message)
		r.recover(a.Line)
		return
	}
	a.Value = v
	r.found = append(r.found, a)
}

// endOfStatement refuses what changes a value after it.
func (r *reader) endOfStatement() error {
	r.blank(false)
	switch c := r.peek(); {
	case r.done(), c == '\n', c == ';':
		return nil
	case word(r.rest()) == "if", word(r.rest()) == "unless":
		return fail(r.place(), "this setting stands under a condition, which is not evaluated; write it without, as it is to be")
	}
	return fail(r.place(), "the value is computed from here on, and nothing is executed; write it as it is to be")
}

var plainWord = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*[?!]?`)

func word(s string) string { return plainWord.FindString(s) }

var nextStatement = regexp.MustCompile(`^\s*[a-z_][A-Za-z0-9_]*(?:\[['":]|\s*=[^=>~])|^\s*[a-z_]+_url\b`)

// recover goes on at the next line, after that of the failed statement, that
// looks like a statement of its own.
func (r *reader) recover(from int) {
	for !r.done() {
		if r.column == 1 && r.line > from && nextStatement.MatchString(r.rest()) {
			return
		}
		r.next()
	}
}

// foreign passes over a statement that nobody asked for: to the end of its line,
// and further while a text or a bracket is open. Blocks are counted, so that it
// is known what stands under a condition.
func (r *reader) foreign() {
	began, head := r.place(), r.rest()
	switch {
	case ends.MatchString(head) && len(r.blocks) > 0:
		r.blocks = r.blocks[:len(r.blocks)-1]
	case opens.MatchString(withoutComment(head)) && !closesItself(head):
		r.blocks = append(r.blocks, r.line)
	}
	var depth []place
	var heredocs []string
	for !r.done() {
		switch c := r.peek(); {
		case c == '\n':
			r.next()
			if !r.heredocs(&heredocs, began) {
				return
			}
			if len(depth) == 0 {
				return
			}
		case c == '#' && r.startsComment():
			r.toLineEnd()
		case c == '\\':
			r.skip(2)
		case c == '\'', c == '"', c == '`':
			if at := r.place(); !r.throughText(c) {
				r.problemAt(at, "a text begins here and is never closed, so nothing after it can be read")
				return
			}
		case c == '[', c == '{', c == '(':
			depth = append(depth, r.place())
			r.next()
		case (c == ']' || c == '}' || c == ')') && len(depth) > 0:
			depth = depth[:len(depth)-1]
			r.next()
		case c == '<' && r.ahead(1) == '<' && heredoc.MatchString(r.look(longestName)):
			m := heredoc.FindStringSubmatch(r.look(longestName))
			heredocs = append(heredocs, m[2])
			r.skip(len([]rune(m[0])))
		default:
			r.next()
		}
		if r.column == 1 && len(depth) > 0 && r.interrupted() {
			r.problemAt(depth[0], "a bracket is opened here and never closed")
			return
		}
	}
	if len(depth) > 0 {
		r.problemAt(depth[0], "a bracket is opened here and never closed")
	}
}

// interrupted says whether a wanted statement begins on this line, which none
// does inside of brackets.
func (r *reader) interrupted() bool {
	m := assignment.FindStringSubmatch(strings.TrimLeft(r.rest(), " \t"))
	return m != nil && r.want(m[1], m[2]+m[3]+m[4])
}

func (r *reader) startsComment() bool {
	return r.at == 0 || slices.Contains([]rune{' ', '\t', '\n', ';', ')', ']', '}', ','}, r.source[r.at-1])
}

var comment = regexp.MustCompile(`(?:^|\s)#.*$`)

func withoutComment(s string) string { return comment.ReplaceAllString(s, "") }

var ownEnd = regexp.MustCompile(`[\s;]end\s*$`)

func closesItself(head string) bool { return ownEnd.MatchString(withoutComment(head)) }

// longestName bounds the name at which a text of several lines ends.
const longestName = 80

var heredoc = regexp.MustCompile("^<<[-~]?(['\"`]?)([A-Za-z_][A-Za-z0-9_]*)['\"`]?")

// heredocs passes over the texts that belong to the line before.
func (r *reader) heredocs(names *[]string, began place) bool {
	for _, name := range *names {
		for strings.TrimSpace(r.rest()) != name {
			if r.done() {
				r.problemAt(began, "a text that ends with a line %s begins here and is never ended", name)
				return false
			}
			r.toLineEnd()
			r.next()
		}
		r.toLineEnd()
		r.next()
	}
	*names = nil
	return true
}

// throughText passes over a quoted text; false when it never ends.
func (r *reader) throughText(quote rune) bool {
	r.next()
	for !r.done() {
		switch r.next() {
		case '\\':
			r.next()
		case quote:
			return true
		}
	}
	return false
}
