package graphql

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

type kind int

const (
	end kind = iota
	name
	punct
	number
	text
)

type token struct {
	kind  kind
	value string // text: already unquoted
	at    Position
}

// lexer cuts a query into tokens.
type lexer struct {
	src  string
	pos  int
	line int
	from int // where the line begins
}

func isNameStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (l *lexer) at() Position { return Position{l.line, l.pos - l.from + 1} }

func (l *lexer) skip() {
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == '\n':
			l.pos++
			l.line, l.from = l.line+1, l.pos
		case c == ' ' || c == '\t' || c == '\r' || c == ',':
			l.pos++
		case strings.HasPrefix(l.src[l.pos:], "\ufeff"):
			l.pos += 3
		case c == '#':
			for l.pos < len(l.src) && l.src[l.pos] != '\n' {
				l.pos++
			}
		default:
			return
		}
	}
}

func (l *lexer) next() (token, error) {
	l.skip()
	at := l.at()
	if l.pos >= len(l.src) {
		return token{end, "", at}, nil
	}
	from := l.pos
	switch c := l.src[l.pos]; {
	case isNameStart(c):
		for l.pos < len(l.src) && (isNameStart(l.src[l.pos]) || isDigit(l.src[l.pos])) {
			l.pos++
		}
		return token{name, l.src[from:l.pos], at}, nil
	case c == '-' || isDigit(c):
		l.pos++
		for l.pos < len(l.src) && (isDigit(l.src[l.pos]) || strings.IndexByte(".eE+-", l.src[l.pos]) >= 0) {
			l.pos++
		}
		return token{number, l.src[from:l.pos], at}, nil
	case c == '"':
		return l.quoted(at)
	case strings.HasPrefix(l.src[l.pos:], "..."):
		l.pos += 3
		return token{punct, "...", at}, nil
	case strings.IndexByte("!$&()[]{}:=@|", c) >= 0:
		l.pos++
		return token{punct, string(c), at}, nil
	}
	r, _ := utf8.DecodeRuneInString(l.src[l.pos:])
	return token{}, errorAt(at, "Parse error on bad Unicode escape sequence or unexpected character: %q", string(r))
}

func (l *lexer) quoted(at Position) (token, error) {
	rest := l.src[l.pos:]
	if strings.HasPrefix(rest, `"""`) {
		n := strings.Index(rest[3:], `"""`)
		if n < 0 {
			return token{}, errorAt(at, "Unterminated block string")
		}
		body := rest[3 : 3+n]
		l.line += strings.Count(body, "\n")
		if i := strings.LastIndexByte(body, '\n'); i >= 0 {
			l.from = l.pos + 3 + i + 1
		}
		l.pos += n + 6
		return token{text, strings.TrimSpace(body), at}, nil
	}
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '\n':
			return token{}, errorAt(at, "Unterminated string")
		case '"':
			l.pos += i + 1
			v, err := strconv.Unquote(strings.ReplaceAll(rest[:i+1], `\/`, "/"))
			if err != nil {
				return token{}, errorAt(at, "Invalid string %s", rest[:i+1])
			}
			return token{text, v, at}, nil
		}
	}
	return token{}, errorAt(at, "Unterminated string")
}
