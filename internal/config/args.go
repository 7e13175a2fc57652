package config

import (
	"fmt"

	"github.com/goccy/go-yaml"
)

// ParseArgs reads a map of settings (YAML, and so JSON too) that was entered
// somewhere else than in the file. It knows no ${NAME}: whoever enters it must
// not read the program's environment. An error about the text is an *Error, with
// line and column. An empty text is no settings.
func ParseArgs(text string) (map[string]any, error) {
	r := newReader("", "", []byte(text), func(string) (string, bool) { return "", false })
	root := r.tree([]byte(text))
	if err := r.err(); err != nil {
		return nil, err
	}
	switch {
	case root == nil || root.shape == null:
		return map[string]any{}, nil
	case root.shape != dict:
		return nil, &Error{Problems: []Problem{{Line: root.line, Column: root.column, Message: "expected a map (key: value), found " + root.shape.String()}}}
	}
	args, _ := plain(root).(map[string]any)
	return args, nil
}

// FormatArgs is ParseArgs the other way; "" for no settings.
func FormatArgs(args map[string]any) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	text, err := yaml.MarshalWithOptions(args, yaml.Indent(2), yaml.IndentSequence(true))
	if err != nil {
		return "", fmt.Errorf("write settings as YAML: %w", err)
	}
	return string(text), nil
}
