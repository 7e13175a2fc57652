package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"
)

// printer writes text for a terminal. What comes from outside is cleaned on its
// way. The first error stays.
type printer struct {
	to   io.Writer
	zone *time.Location
	err  error
}

// line writes one line.
func (p *printer) line(format string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = clean(s)
		}
	}
	p.raw(fmt.Sprintf(format, args...) + "\n")
}

func (p *printer) raw(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.to, s)
	}
}

// fields writes names and values below each other; those without value are left
// out.
func (p *printer) fields(pairs ...[2]string) {
	var rows [][]string
	for _, f := range pairs {
		if f[1] != "" {
			rows = append(rows, []string{f[0], f[1]})
		}
	}
	p.rows(rows)
}

// table writes rows in columns below a head, or a sentence where there are none.
func (p *printer) table(none string, head []string, rows [][]string) {
	if len(rows) == 0 {
		p.line("%s", none)
		return
	}
	p.rows(append([][]string{head}, rows...))
}

// gap is between columns.
const gap = "  "

func (p *printer) rows(rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i := range row {
			row[i] = clean(row[i])
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columns(row[i]))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			b.WriteString(strings.Repeat(" ", widths[i]-columns(cell)))
			b.WriteString(gap)
		}
		p.raw(strings.TrimRight(b.String(), " ") + "\n")
	}
}

// when is a time in the operator's zone; a dash when there is none.
func (p *printer) when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(p.zone).Format("2006-01-02 15:04:05 MST")
}

// columns is how wide a terminal shows a text: Chinese signs take two columns.
func columns(s string) int {
	n := 0
	for _, r := range s {
		switch k := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case k == width.EastAsianWide, k == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// clean takes out of a text what a terminal would carry out, or what would show
// it in another order than it is in.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar, unicode.In(r, unicode.Zl, unicode.Zp):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
