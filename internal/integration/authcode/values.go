package authcode

import (
	"encoding/json"
	"strconv"
	"strings"

	"gatehouse"
)

// maxSubject is how long an id of a person may be (OpenID Connect Core 2: 255
// characters).
const maxSubject = 255

func text(v any) string {
	s, _ := v.(string)
	return s
}

// Integer reads a whole number, also as a text.
func Integer(v any) (int64, bool) {
	var digits string
	switch v := v.(type) {
	case json.Number:
		digits = v.String()
	case string:
		digits = v
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil
}

// Text reads a text, or a whole number as one. Anything else is "".
func Text(v any) string {
	if s, ok := v.(string); ok {
		return strings.TrimSpace(s)
	}
	if n, ok := Integer(v); ok {
		return strconv.FormatInt(n, 10)
	}
	return ""
}

// Subject reads the id of a person: a text, byte for byte, or a whole number
// other than 0. What could stand for more than one person (nothing, a fraction,
// a flag, something very long) is not one.
func Subject(v any) (string, bool) {
	if s, ok := v.(string); ok {
		return s, strings.TrimSpace(s) != "" && len(s) <= maxSubject && !strings.ContainsRune(s, 0)
	}
	n, ok := Integer(v)
	return strconv.FormatInt(n, 10), ok && n != 0
}

// Verification reads what a provider says of an address. Some say it as a text.
// Anything that is neither yes nor no counts as no.
func Verification(v any) gatehouse.Verification {
	switch v {
	case nil:
		return gatehouse.Unstated
	case true, "true":
		return gatehouse.Verified
	}
	return gatehouse.Unverified
}

// Texts reads a list of texts, or one text.
func Texts(v any) []string {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var all []string
	for _, x := range list {
		if t := Text(x); t != "" {
			all = append(all, t)
		}
	}
	return all
}

// Find goes down a path of names and positions. nil: there is nothing.
func Find(v any, path ...string) any {
	for _, name := range path {
		switch inner := v.(type) {
		case map[string]any:
			v = inner[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(inner) {
				return nil
			}
			v = inner[i]
		default:
			return nil
		}
	}
	return v
}
