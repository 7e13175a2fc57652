package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTableStandsInColumns(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	p := &printer{to: &b, zone: time.UTC}
	p.table("none", []string{"NAME", "ROLE"}, [][]string{{"李娜", "Owner"}, {"김", "x"}, {"é\u0301", ""}, {"a\x1b[2J\nb", "Guest"}})
	want := "NAME    ROLE\n李娜    Owner\n김      x\né\u0301\na[2J b  Guest\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":             "plain",
		"two\nlines\tand":   "two lines and",
		"\x1b]0;title\x07x": "]0;titlex",
		"a\u202egnp.exe":    "agnp.exe",
		"\xff\xfeok":        "ok",
		"c1\u009b31m":       "c131m",
		"line\u2028end":     "lineend",
		"中文 emoji 👩\u200d💻": "中文 emoji 👩\u200d💻",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestTimesAreInTheOperatorsZone(t *testing.T) {
	t.Parallel()
	p := &printer{zone: time.FixedZone("CST", 8*3600)}
	if got := p.when(time.Date(2026, 2, 28, 20, 0, 0, 0, time.UTC)); got != "2026-03-01 04:00:00 CST" {
		t.Error(got)
	}
	if got := p.when(time.Time{}); got != "-" {
		t.Error(got)
	}
}

// closed is a pipe whose reader has left.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	for _, asJSON := range []bool{false, true} {
		c := &cli{streams: streams{out: closed{}}, json: asJSON}
		if err := c.print([]string{"x"}, func(p *printer) { p.line("x") }); err == nil {
			t.Errorf("JSON %v: no error", asJSON)
		}
	}
}
