package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reader reads one file and collects what is wrong with it.
type reader struct {
	name        string // of the file, as the operator wrote it
	base        string // its folder
	lines       []string
	env         func(string) (string, bool)
	asItStands  bool // ${NAME} means nothing in this file: it is another program's
	understood  bool // the file is YAML, so that all secrets in it are known
	blots       []blot
	clearSecret spot // the first secret that stands in the file itself
	problems    []Problem
	warnings    []Warning
}

func newReader(name, base string, data []byte, env func(string) (string, bool)) *reader {
	if env == nil {
		env = func(string) (string, bool) { return "", false }
	}
	return &reader{
		name: name, base: base, env: env,
		lines: strings.Split(strings.TrimPrefix(string(data), "\ufeff"), "\n"),
	}
}

// section reads a map. Its getters remember which keys are known; done says
// which of the file's are not.
type section struct {
	r     *reader
	v     *value // nil or a map
	path  string
	known []string
}

// section is empty when v is absent or, after a problem, no map.
func (r *reader) section(v *value, path string) *section {
	s := &section{r: r, path: path}
	if v == nil || v.bad || v.shape == null {
		return s
	}
	if v.shape != dict {
		r.wrong(v, path, "a map (key: value)")
		return s
	}
	s.v = v
	return s
}

func (s *section) at(key string) string { return join(s.path, key) }

// has says whether the key stands there, even with nothing after it.
func (s *section) has(key string) bool {
	return s.v != nil && s.v.find(key) != nil
}

// get is the value of a key, or nil when there is none.
func (s *section) get(key string) *value {
	s.known = append(s.known, key)
	if s.v == nil {
		return nil
	}
	e := s.v.find(key)
	if e == nil || e.value.shape == null && !e.value.bad {
		return nil
	}
	return e.value
}

// spot is where a key stands, for warnings.
func (s *section) spot(key string) spot {
	if s.v != nil {
		if e := s.v.find(key); e != nil {
			return spot{e.pos, s.at(key)}
		}
		return spot{s.v.pos, s.at(key)}
	}
	return spot{pos{1, 1}, s.at(key)}
}

// done records the keys that nothing asked for.
func (s *section) done() {
	if s.v == nil {
		return
	}
	for _, e := range s.v.keys {
		if slices.Contains(s.known, e.key) {
			continue
		}
		hint := ""
		if near := nearest(e.key, s.known); near != "" {
			hint = fmt.Sprintf("; did you mean %s?", near)
		}
		s.r.problemAt(e.pos, s.at(clip(e.key)), "there is no such key%s", hint)
	}
}

// unused warns of keys of GitLab's that mean nothing here.
func (s *section) unused(why string, keys ...string) {
	for _, key := range keys {
		s.known = append(s.known, key)
		if s.has(key) {
			s.r.warn(s.spot(key), "%s", why)
		}
	}
}

// wrong records that v is not what was expected.
func (r *reader) wrong(v *value, path, expected string) {
	if v.bad {
		return
	}
	found := v.shape.String()
	if v.shape == number && strings.HasPrefix(expected, "a text") {
		found += "; put it into quotes"
	}
	r.problem(v, path, "expected %s, found %s", expected, found)
}

// missing records that a key with a meaning is not there.
func (s *section) missing(key, meaning string) {
	at := pos{1, 1}
	if s.v != nil {
		at = s.v.pos
		if e := s.v.find(key); e != nil {
			at = e.pos
		}
	}
	s.r.problemAt(at, s.at(key), "is missing: %s", meaning)
}

// text is an optional text.
func (s *section) text(key, otherwise string) string {
	v := s.get(key)
	if v == nil {
		return otherwise
	}
	t, ok := s.r.text(v, s.at(key))
	if !ok || t == "" {
		return otherwise
	}
	return t
}

// required is a text that must be there. It is "" after a problem.
func (s *section) required(key, meaning string) string {
	v := s.get(key)
	if v == nil {
		s.missing(key, meaning)
		return ""
	}
	t, ok := s.r.text(v, s.at(key))
	if ok && strings.TrimSpace(t) == "" {
		if v.from != "" {
			s.r.problem(v, s.at(key), "is missing: %s (the environment variable %s is empty)", meaning, v.from)
		} else {
			s.missing(key, meaning)
		}
	}
	return t
}

const maxText = 64 << 10

// text is the text of v; false after a problem.
func (r *reader) text(v *value, path string) (string, bool) {
	switch {
	case v.bad:
		return "", false
	case v.shape != text:
		r.wrong(v, path, "a text")
		return "", false
	case len(v.text) > maxText:
		r.problem(v, path, "is longer than %d bytes", maxText)
		return "", false
	case strings.ContainsRune(v.text, 0):
		r.problem(v, path, "contains a zero byte")
		return "", false
	}
	return v.text, true
}

// line is a text without line breaks and other control characters.
func (r *reader) line(v *value, path string) (string, bool) {
	t, ok := r.text(v, path)
	if ok && strings.ContainsFunc(t, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		r.problem(v, path, "contains a line break or another control character")
		return "", false
	}
	return t, ok
}

// flag is true or false. Text that came from the environment counts, too.
func (s *section) flag(key string, otherwise bool) bool {
	v := s.get(key)
	if v == nil || v.bad {
		return otherwise
	}
	if b, ok := asFlag(v); ok {
		return b
	}
	s.r.wrong(v, s.at(key), "true or false")
	return otherwise
}

func asFlag(v *value) (b, ok bool) {
	if v.shape == text && v.from != "" && (v.text == "true" || v.text == "false") {
		return v.text == "true", true
	}
	b, ok = v.scalar.(bool)
	return b, ok && v.shape == flag
}

// number is a whole number within bounds.
func (s *section) number(key string, otherwise, least, most int) int {
	v := s.get(key)
	if v == nil || v.bad {
		return otherwise
	}
	n, ok := asNumber(v)
	if !ok {
		s.r.wrong(v, s.at(key), "a whole number")
		return otherwise
	}
	if n < int64(least) || n > int64(most) {
		s.r.problem(v, s.at(key), "expected a whole number from %d to %d", least, most)
		return otherwise
	}
	return int(n)
}

func asNumber(v *value) (int64, bool) {
	switch n := v.scalar.(type) {
	case int64:
		return n, true
	case uint64:
		return int64(min(n, math.MaxInt64)), true
	}
	if v.shape == text && v.from != "" {
		n, err := strconv.ParseInt(v.text, 10, 64)
		return n, err == nil
	}
	return 0, false
}

// duration is a positive time like 90s or 2h.
func (s *section) duration(key string, otherwise time.Duration) time.Duration {
	v := s.get(key)
	if v == nil || v.bad {
		return otherwise
	}
	const expected = "a time with its unit, such as 60s, 15m or 2h"
	if v.shape != text {
		s.r.problem(v, s.at(key), "expected %s, found %s", expected, v.shape)
		return otherwise
	}
	d, err := time.ParseDuration(v.text)
	if err != nil {
		s.r.problem(v, s.at(key), "expected %s, found %s", expected, shown(v))
		return otherwise
	}
	if d < time.Second {
		s.r.problem(v, s.at(key), "expected a time of a second or more, found %s", shown(v))
		return otherwise
	}
	return d
}

// item is one value of a list.
type item struct {
	*value
	path string
}

// list is the items of a key that takes a list of what; nil when there is none.
func (s *section) list(key, what string) []item {
	v := s.get(key)
	if v == nil || v.bad {
		return nil
	}
	if v.shape != list {
		s.r.wrong(v, s.at(key), "a list of "+what)
		return nil
	}
	return itemsOf(v, s.at(key))
}

func itemsOf(v *value, path string) []item {
	items := make([]item, 0, len(v.items))
	for i, each := range v.items {
		items = append(items, item{each, fmt.Sprintf("%s[%d]", path, i)})
	}
	return items
}

// texts is a list of texts, each on one line and only once, that check accepts.
// check says what was expected, or "".
func (s *section) texts(key string, check func(item, string) string) []string {
	var all []string
	for _, i := range s.list(key, "texts") {
		t, ok := s.r.line(i.value, i.path)
		switch {
		case !ok:
			continue
		case t == "":
			s.r.problem(i.value, i.path, "is empty")
			continue
		case slices.Contains(all, t):
			s.r.problem(i.value, i.path, "is in the list twice")
			continue
		}
		if problem := check(i, t); problem != "" {
			s.r.problem(i.value, i.path, "%s", problem)
			continue
		}
		all = append(all, t)
	}
	return all
}

func anyText(item, string) string { return "" }

// oneOf accepts texts of a list.
func oneOf(known []string) func(item, string) string {
	return func(i item, t string) string {
		if slices.Contains(known, t) {
			return ""
		}
		hint := ""
		if near := nearest(t, known); near != "" && i.from == "" {
			hint = fmt.Sprintf(" (did you mean %s?)", near)
		}
		return fmt.Sprintf("expected one of %s, found %s%s", strings.Join(known, ", "), shown(i.value), hint)
	}
}

// shown is a text as a message may quote it: never a secret, nor what came
// from the environment, which may be one.
func shown(v *value) string {
	switch {
	case v.from != "":
		return "what ${" + v.from + "} gives"
	case v.secret, secretName.MatchString(v.text): // an unclosed quote may have swallowed one
		return "a text that is not shown here"
	}
	return strconv.Quote(clip(v.text))
}

// clip shortens a text for a message.
func clip(t string) string {
	if short := []rune(t); len(short) > 80 {
		return string(short[:80]) + "…"
	}
	return t
}
