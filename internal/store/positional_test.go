package store

import (
	"slices"
	"testing"
	"time"
)

func TestPositional(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]struct {
		text  string
		order []int
		not   bool
	}{
		"select 1":                            {text: "select 1"},
		"a = $1 and b = $2":                   {text: "a = ? and b = ?", order: []int{0, 1}},
		"a = $2 or b = $1 or c = $2":          {text: "a = ? or b = ? or c = ?", order: []int{1, 0, 1}},
		"$12, $1)":                            {text: "?, ?)", order: []int{11, 0}},
		`x = '$1' and "$2" = $1`:              {text: `x = '$1' and "$2" = ?`, order: []int{0}},
		`x like '%''%' escape '\' and y = $1`: {text: `x like '%''%' escape '\' and y = ?`, order: []int{0}},
		"json_extract(a, '$.b') = $1":         {text: "json_extract(a, '$.b') = ?", order: []int{0}},
		"a = ? and b = $1":                    {not: true},
		"a = 'open":                           {not: true},
		"a = $name":                           {not: true},
		"a = $0":                              {not: true},
		"a = $99999999999":                    {not: true},
		"select 1 -- it's $1":                 {not: true},
		"select /* ' */ $1":                   {not: true},
	} {
		text, order, ok := positional(query)
		if ok == want.not || text != want.text || !slices.Equal(order, want.order) {
			t.Errorf("%s: %q %v %t", query, text, order, ok)
		}
	}
}

func TestAssign(t *testing.T) {
	t.Parallel()
	type word string
	type level int
	type yes bool
	var (
		s string
		w word
		i int64
		n int
		l level
		b bool
		y yes
		f float64
		p []byte
		z time.Time
	)
	row := values{"s", "w", int64(1), int64(2), int64(3), int64(1), int64(1), 1.5, []byte("p"), int64(1000)}
	if err := row.Scan(&s, &w, &i, &n, &l, &b, &y, &f, &p, at(&z)); err != nil {
		t.Fatal(err)
	}
	if s != "s" || w != "w" || i != 1 || n != 2 || l != 3 || !b || !bool(y) || f != 1.5 || string(p) != "p" || z.Unix() != 1 {
		t.Error("got", s, w, i, n, l, b, y, f, p, z)
	}
	var small int8
	for name, bad := range map[string]struct {
		row  values
		dest any
	}{
		"text for a number":  {values{"1"}, &i},
		"number for a text":  {values{int64(1)}, &s},
		"nothing for a text": {values{nil}, &s},
		"nothing for a word": {values{nil}, &w},
		"too large":          {values{int64(300)}, &small},
		"number for bytes":   {values{int64(1)}, &p},
		"text for a truth":   {values{"true"}, &b},
	} {
		if err := bad.row.Scan(bad.dest); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := (values{"a"}).Scan(&s, &w); err == nil {
		t.Error("a row that is too short: no error")
	}
}
