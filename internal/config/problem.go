package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxProblems bounds what is said at once; later ones mostly follow from the first.
const maxProblems = 20

// Problem is one thing that is wrong with a configuration, or worth a warning.
type Problem struct {
	File    string
	Line    int    // from 1
	Column  int    // from 1
	Path    string // "clients[0].redirect_uris"; "" for the file as a whole
	Message string
	Excerpt string // the line with a mark under the column; secrets are blotted out; "" when there is none
}

// String is the problem in one line: file:line:column: path: message.
func (p Problem) String() string {
	where := fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Path != "" {
		where += p.Path + ": "
	}
	return where + p.Message
}

// Warning is something that is allowed and probably not meant.
type Warning struct {
	Problem
}

// Error is everything that is wrong with a configuration, in the order of its lines.
type Error struct {
	Problems []Problem
}

// Error is all problems, each with its excerpt, a line for each.
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.String())
		if p.Excerpt != "" {
			b.WriteByte('\n')
			b.WriteString(p.Excerpt)
		}
	}
	return b.String()
}

// pos is where something stands. The zero pos is the file as a whole.
type pos struct {
	line, column int
}

// problem records what is wrong with v, which may be nil: then with its section.
func (r *reader) problem(v *value, path, format string, args ...any) {
	at := pos{1, 1}
	if v != nil {
		at = v.pos
	}
	r.problemAt(at, path, format, args...)
}

func (r *reader) problemAt(at pos, path, format string, args ...any) {
	r.problems = append(r.problems, Problem{
		File: r.name, Line: at.line, Column: at.column, Path: path, Message: fmt.Sprintf(format, args...),
	})
}

func (r *reader) warn(at spot, format string, args ...any) {
	r.warnings = append(r.warnings, Warning{Problem{
		File: r.name, Line: at.line, Column: at.column, Path: at.path, Message: fmt.Sprintf(format, args...),
	}})
}

// spot is a pos with its path.
type spot struct {
	pos
	path string
}

func byPlace(a, b Problem) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// err is all problems so far, sorted, with excerpts; nil when there are none.
func (r *reader) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	all := slices.Clone(r.problems)
	slices.SortStableFunc(all, byPlace)
	all = slices.Compact(all) // an anchor's problem shows up where it is used, too
	if more := len(all) - maxProblems; more > 0 {
		all = all[:maxProblems]
		last := &all[maxProblems-1]
		last.Message += fmt.Sprintf(" (and %d more after this one)", more)
	}
	for i := range all {
		all[i].Excerpt = r.excerpt(all[i].Line, all[i].Column)
	}
	return &Error{Problems: all}
}

func (r *reader) sortedWarnings() []Warning {
	if r == nil {
		return nil
	}
	slices.SortStableFunc(r.warnings, func(a, b Warning) int { return byPlace(a.Problem, b.Problem) })
	for i := range r.warnings {
		r.warnings[i].Excerpt = r.excerpt(r.warnings[i].Line, r.warnings[i].Column)
	}
	return r.warnings
}

const maxExcerpt = 160 // characters of a line

// excerpt is the line with a mark under the column. Tabs become spaces, so that
// the mark stands right.
func (r *reader) excerpt(line, column int) string {
	if line < 1 || line > len(r.lines) {
		return ""
	}
	text := []rune(strings.ReplaceAll(strings.TrimRight(r.lines[line-1], " \t\r"), "\t", " "))
	for i, c := range text {
		if c < ' ' || c == 0x7f {
			text[i] = '·'
		}
	}
	shown, ok := r.blot(line, string(text))
	if !ok {
		return ""
	}
	if short := []rune(shown); len(short) > maxExcerpt {
		shown = string(short[:maxExcerpt]) + "…"
	}
	head := fmt.Sprintf("%5d | ", line)
	before, ok := r.blot(line, string(text[:min(max(column-1, 0), len(text))]))
	if mark := width([]rune(before)); ok && mark < maxExcerpt {
		return head + shown + "\n      | " + strings.Repeat(" ", mark) + "^"
	}
	return head + shown
}

// width is the columns of a terminal that the text takes; Chinese takes two.
func width(text []rune) int {
	n := len(text)
	for _, c := range text {
		if c >= 0x1100 && (c <= 0x115f || c >= 0x2e80 && c <= 0xa4cf || c >= 0xac00 && c <= 0xd7a3 || c >= 0xf900 && c <= 0xfaff || c >= 0xfe30 && c <= 0xfe6f || c >= 0xff00 && c <= 0xff60) {
			n++
		}
	}
	return n
}
