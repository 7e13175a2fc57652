package config

import (
	"regexp"
	"strings"
)

var (
	variable     = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)
	onlyVariable = regexp.MustCompile(`^\s*\$\{[A-Za-z_][A-Za-z0-9_]*\}\s*$`)
)

// expand puts in the environment: ${NAME} is its value, $${ is a plain ${, any
// other dollar sign is itself. It works on one scalar after parsing, so that a
// value can never change the structure of the file. from is the first variable
// that was put in; ok is false when a problem was recorded.
func (r *reader) expand(at pos, path, literal string) (result, from string, ok bool) {
	ok = true
	var b strings.Builder
	for rest := literal; rest != ""; {
		i := strings.IndexByte(rest, '$')
		if i < 0 {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:i])
		rest = rest[i:]
		switch m := variable.FindStringSubmatch(rest); {
		case strings.HasPrefix(rest, "$${"):
			b.WriteString("${")
			rest = rest[len("$${"):]
		case m != nil:
			if from == "" {
				from = m[1]
			}
			put, set := r.env(m[1])
			if !set {
				r.problemAt(at, path, "the environment variable %s is not set", m[1])
				ok = false
			}
			b.WriteString(put)
			rest = rest[len(m[0]):]
		case strings.HasPrefix(rest, "${"):
			r.problemAt(at, path, "expected ${NAME} with a name of letters, digits and _; a literal ${ is written $${")
			return "", from, false
		default:
			b.WriteByte('$')
			rest = rest[1:]
		}
	}
	return b.String(), from, ok
}
