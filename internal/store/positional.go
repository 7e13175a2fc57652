package store

import "strings"

// positional is a query for SQLite: its driver looks for each $1 by its name
// among all arguments, for each ? by its place. order says which argument (from 0)
// stands at each place. ok is false for a query that is better left alone.
func positional(query string) (text string, order []int, ok bool) {
	var b strings.Builder
	for i := 0; i < len(query); {
		switch c := query[i]; {
		case c == '?', c == '-' && strings.HasPrefix(query[i:], "--"), c == '/' && strings.HasPrefix(query[i:], "/*"):
			return "", nil, false
		case c == '\'', c == '"':
			end := strings.IndexByte(query[i+1:], c)
			if end < 0 {
				return "", nil, false
			}
			b.WriteString(query[i : i+end+2])
			i += end + 2
		case c == '$':
			n, digits := 0, i+1
			for ; digits < len(query) && query[digits] >= '0' && query[digits] <= '9'; digits++ {
				n = 10*n + int(query[digits]-'0')
			}
			if n < 1 || n > mostParameters {
				return "", nil, false
			}
			order = append(order, n-1)
			b.WriteByte('?')
			i = digits
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String(), order, true
}

// mostParameters is the most that PostgreSQL takes, too.
const mostParameters = 65535
