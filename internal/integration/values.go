package integration

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// scopeArg is where the scopes stand in the args of every kind.
const scopeArg = "scope"

// All are the fields of a form, the scopes first where the provider has any.
func (f Form) All() []Field {
	if f.NoScopes {
		return f.Fields
	}
	scopes := Field{Arg: scopeArg, Label: "Scopes", Type: WordsField, Usual: f.Scopes}
	return append([]Field{scopes}, f.Fields...)
}

// Split takes what the form has fields for out of the args, as people would
// enter it, and gives the rest. A value that does not fit its field stays in the
// rest, so that nothing is lost. The args are not changed.
func (f Form) Split(args map[string]any) (entered map[string]string, rest map[string]any) {
	entered, rest = map[string]string{}, clone(args)
	for _, field := range f.All() {
		v, ok := lookUp(rest, field.Arg)
		if !ok {
			continue
		}
		text, fits := field.text(v)
		if !fits {
			continue
		}
		entered[field.Arg] = text
		remove(rest, field.Arg)
	}
	return entered, rest
}

// Join puts what was entered into args, over the rest. What is empty, or the
// usual, is not set.
func (f Form) Join(entered map[string]string, rest map[string]any) map[string]any {
	args := clone(rest)
	for _, field := range f.All() {
		text, ok := entered[field.Arg]
		if !ok {
			continue
		}
		remove(args, field.Arg)
		if v := field.value(text); v != nil {
			put(args, field.Arg, v)
		}
	}
	return args
}

// Shown are the args that may be shown to whoever reads the dashboard: those
// that the form names. All others may hold secrets, whatever they are called.
func (f Form) Shown(args map[string]any) map[string]any {
	shown := map[string]any{}
	for _, field := range f.All() {
		if v, ok := lookUp(args, field.Arg); ok {
			put(shown, field.Arg, clean(v))
		}
	}
	return shown
}

// text is a value as it is entered; false when this field cannot hold it.
func (f Field) text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, f.Type != FlagField || v == "true" || v == "false"
	case bool:
		return fmt.Sprint(v), f.Type == FlagField
	case float64, int, int64, json.Number:
		return fmt.Sprint(v), f.Type == TextField
	case []string:
		return strings.Join(v, f.separator()), f.isList()
	case []any:
		words := make([]string, len(v))
		for i, w := range v {
			s, ok := w.(string)
			if !ok {
				return "", false
			}
			words[i] = s
		}
		return strings.Join(words, f.separator()), f.isList()
	}
	return "", false
}

func (f Field) isList() bool { return f.Type == WordsField || f.Type == LinesField }

func (f Field) separator() string {
	if f.Type == LinesField {
		return "\n"
	}
	return " "
}

// value is what was entered as an arg; nil: it is not set.
func (f Field) value(text string) any {
	text = strings.TrimSpace(text)
	switch f.Type {
	case FlagField:
		if text == f.Usual {
			return nil
		}
		return text == "true"
	case WordsField:
		return list(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,;\t\r\n", r) }))
	case LinesField:
		return list(strings.Split(text, "\n"))
	case ChoiceField:
		if len(f.Choices) > 0 && text == f.Choices[0].Value {
			return nil
		}
	case TextField, URLField, SecretField, PickField:
	}
	if text == "" {
		return nil
	}
	return text
}

// list is a list as it comes back from the database; nil when it is empty.
func list(words []string) any {
	var all []any
	for _, w := range words {
		if w = strings.TrimSpace(w); w != "" {
			all = append(all, w)
		}
	}
	if all == nil {
		return nil
	}
	return all
}

func clone(args map[string]any) map[string]any {
	c := make(map[string]any, len(args))
	for k, v := range args {
		if m, ok := v.(map[string]any); ok {
			v = clone(m)
		}
		c[k] = v
	}
	return c
}

// lookUp finds a value by its path: names with dots between them.
func lookUp(args map[string]any, path string) (any, bool) {
	name, below, deeper := strings.Cut(path, ".")
	v, ok := args[name]
	if !deeper || !ok {
		return v, ok && v != nil
	}
	table, ok := v.(map[string]any)
	if !ok {
		return nil, false
	}
	return lookUp(table, below)
}

// remove takes a value away, and the tables that are empty then.
func remove(args map[string]any, path string) {
	name, below, deeper := strings.Cut(path, ".")
	if !deeper {
		delete(args, name)
		return
	}
	if table, ok := args[name].(map[string]any); ok {
		remove(table, below)
		if len(table) == 0 {
			delete(args, name)
		}
	}
}

// put sets a value by its path. What stands in the way and is no table goes.
func put(args map[string]any, path string, v any) {
	name, below, deeper := strings.Cut(path, ".")
	if !deeper {
		args[name] = v
		return
	}
	table, ok := args[name].(map[string]any)
	if !ok {
		table = map[string]any{}
		args[name] = table
	}
	put(table, below, v)
}

// clean is a value without the password that an address may hold.
func clean(v any) any {
	switch v := v.(type) {
	case string:
		if u, err := url.Parse(v); err == nil && u.User != nil {
			return u.Redacted()
		}
	case []any:
		all := make([]any, len(v))
		for i, one := range v {
			all[i] = clean(one)
		}
		return all
	}
	return v
}
