package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestArgs(t *testing.T) {
	t.Parallel()
	type table = map[string]any
	for name, tt := range map[string]struct {
		text string
		want table
	}{
		"Empty":   {"", table{}},
		"Comment": {"# nothing\n", table{}},
		"YAML":    {"prompt: login\nmax_age: 60\nclient_options:\n  pkce: true\n  list: [a, b]\n", table{"prompt": "login", "max_age": int64(60), "client_options": table{"pkce": true, "list": []any{"a", "b"}}}},
		"JSON":    {`{"a": {"b": [1.5, "x"]}}`, table{"a": table{"b": []any{1.5, "x"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseArgs(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
			text, err := FormatArgs(got)
			if err != nil {
				t.Fatal(err)
			}
			again, err := ParseArgs(text)
			if diff := cmp.Diff(got, again); diff != "" || err != nil {
				t.Errorf("%q read again: %v\n%s", text, err, diff)
			}
		})
	}
}

func TestArgsThatAreWrong(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"List":        "- a\n- b\n",
		"Text":        "just words",
		"Syntax":      "a: [1, 2\nb: }",
		"Twice":       "a: 1\na: 2\n",
		"Environment": "a: ${HOME}\n",
		"Laughs":      "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
		"Deep":        strings.Repeat("[", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseArgs(text)
			e, ok := AsError(err)
			if !ok || len(e.Problems) == 0 || e.Problems[0].Line < 1 {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}
