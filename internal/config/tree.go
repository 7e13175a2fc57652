package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	maxTokens = 50_000 // a parser's time grows with their square in bad cases; real files have hundreds
	maxNodes  = 50_000 // after aliases are followed
	maxDepth  = 50
)

// shape is what a value is.
type shape int

const (
	null shape = iota
	text
	number
	flag
	list
	dict
)

func (s shape) String() string {
	return [...]string{"nothing", "a text", "a number", "true or false", "a list", "a map (key: value)"}[s]
}

// value is a node of the file, with aliases followed, merge keys merged and
// ${NAME} put in.
type value struct {
	pos
	shape   shape
	text    string // of a text
	literal string // text before ${NAME} was put in, when it has any other letters
	scalar  any    // int64, uint64, float64 or bool
	from    string // name of the variable whose value is in text; "" = none
	secret  bool   // its text may not be shown
	bad     bool   // a problem was recorded already, so that nothing more is said
	items   []*value
	keys    []entry
	size    int // nodes in it, itself included
}

type entry struct {
	pos
	key   string
	value *value
}

func (v *value) find(key string) *entry {
	for i := range v.keys {
		if v.keys[i].key == key {
			return &v.keys[i]
		}
	}
	return nil
}

// tree parses the file; nil when there is a problem that hides all others.
func (r *reader) tree(data []byte) *value {
	source := strings.TrimPrefix(string(data), "\ufeff")
	file, err := parseYAML(source)
	if err != nil {
		r.syntax(err)
		return nil
	}
	r.understood = true
	var bodies []ast.Node
	for _, d := range file.Docs {
		if d.Body != nil {
			bodies = append(bodies, d.Body)
		}
	}
	if len(bodies) > 1 {
		r.problemAt(place(bodies[1]), "", "a second document begins here; a configuration is one")
		return nil
	}
	b := builder{r: r, anchors: map[string]*value{}}
	if len(bodies) == 0 {
		return &value{pos: pos{1, 1}, shape: dict}
	}
	return b.build(bodies[0], "", false, 0)
}

var errTooMuch = fmt.Errorf("the file has more than %d parts, which no configuration has", maxTokens)

// parseYAML bounds the parser, and turns its panics into errors.
func parseYAML(source string) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			file, err = nil, errors.New("this YAML cannot be read")
		}
	}()
	tokens := lexer.Tokenize(source)
	n := 0
	for _, t := range tokens {
		if t.Type != token.CommentType {
			n++
		}
	}
	if n > maxTokens {
		return nil, errTooMuch
	}
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.){3,}"`)

// syntax records what the parser could not read. Texts of the file that its
// message quotes are taken out, since they may be secrets.
func (r *reader) syntax(err error) {
	at, message := pos{1, 1}, err.Error()
	var e interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if errors.As(err, &e) {
		message = strings.ReplaceAll(quoted.ReplaceAllString(e.GetMessage(), `"…"`), "\t", `\t`)
		if tk := e.GetToken(); tk != nil {
			at = tokenPos(tk)
		}
	}
	r.problemAt(at, "", "this is not YAML: %s", message)
}

func tokenPos(tk *token.Token) pos {
	if tk == nil || tk.Position == nil {
		return pos{1, 1}
	}
	return pos{max(tk.Position.Line, 1), max(tk.Position.Column, 1)}
}

// place is where a node begins.
func place(n ast.Node) pos {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return place(n.Values[0])
		}
	case *ast.MappingValueNode:
		return tokenPos(n.Key.GetToken())
	}
	return tokenPos(n.GetToken())
}

// builder turns the parser's nodes into values.
type builder struct {
	r       *reader
	anchors map[string]*value // whole ones only, so that no value is inside itself
	nodes   int
	full    bool
}

func (b *builder) build(n ast.Node, path string, secret bool, depth int) *value {
	v := &value{pos: pos{1, 1}, size: 1, secret: secret}
	if n == nil {
		return v
	}
	v.pos = place(n)
	if depth > maxDepth {
		b.tooMuch(v.pos, path, fmt.Sprintf("is nested more than %d levels deep", maxDepth))
		v.bad = true
		return v
	}
	if b.count(1, v.pos, path); b.full {
		v.bad = true
		return v
	}
	switch n := n.(type) {
	case *ast.AnchorNode:
		v = b.build(n.Value, path, secret, depth+1)
		b.anchors[n.Name.GetToken().Value] = v
	case *ast.AliasNode:
		return b.alias(n, v, path, secret)
	case *ast.MappingNode:
		b.dict(v, n.Values, path, depth)
	case *ast.MappingValueNode:
		b.dict(v, []*ast.MappingValueNode{n}, path, depth)
	case *ast.SequenceNode:
		v.shape = list
		for i, item := range n.Values {
			v.add(b.build(item, fmt.Sprintf("%s[%d]", path, i), secret, depth+1))
		}
	case *ast.TagNode:
		b.r.problemAt(v.pos, path, "tags such as !!str are not used here; quotes make a text of anything")
		b.build(n.Value, path, secret, depth+1) // for what is secret in it
		v.bad = true
	default:
		b.scalar(v, n, path)
	}
	return v
}

func (v *value) add(item *value) {
	v.items = append(v.items, item)
	v.size += item.size
}

// count refuses files whose aliases multiply.
func (b *builder) count(n int, at pos, path string) {
	b.nodes += n
	if b.nodes > maxNodes {
		b.tooMuch(at, path, fmt.Sprintf("brings the file to more than %d values", maxNodes))
	}
}

func (b *builder) tooMuch(at pos, path, message string) {
	if !b.full {
		b.r.problemAt(at, path, "%s", message)
	}
	b.full = true
}

func (b *builder) alias(n *ast.AliasNode, v *value, path string, secret bool) *value {
	name := ""
	if n.Value != nil {
		name = n.Value.GetToken().Value
	}
	known := b.anchors[name]
	if known == nil {
		b.r.problemAt(v.pos, path, "no anchor of this name comes before this alias; an asterisk that is meant as text goes into quotes")
		v.bad = true
		return v
	}
	if b.count(known.size, v.pos, path); b.full {
		v.bad = true
		return v
	}
	if secret {
		b.r.hideAll(known)
	}
	return known
}

func (b *builder) dict(v *value, values []*ast.MappingValueNode, path string, depth int) {
	v.shape = dict
	var merged []*value
	for _, kv := range values {
		at := tokenPos(kv.Key.GetToken())
		if kv.Key.IsMergeKey() {
			merged = append(merged, b.build(kv.Value, path, v.secret, depth+1))
			continue
		}
		key, plain := keyText(kv.Key)
		// Built in any case, for what is secret in it.
		item := b.build(kv.Value, join(path, key), v.secret || secretKey(key) || !plain, depth+1)
		if !plain {
			b.r.problemAt(at, path, "expected a plain text as key")
			continue
		}
		if old := v.find(key); old != nil {
			b.r.problemAt(at, join(path, key), "is there twice; line %d has it, too", old.line)
			continue
		}
		if item.shape == null && !item.bad && item.line == tokenPos(kv.GetToken()).line {
			item = &value{pos: at, size: 1} // nothing stands there, so the key is shown
		}
		v.keys = append(v.keys, entry{pos: at, key: key, value: item})
		v.size += item.size
	}
	for _, m := range merged {
		b.merge(v, m, path)
	}
}

// merge puts in what a merge key (<<) names; the map's own keys win.
func (b *builder) merge(v, from *value, path string) {
	switch from.shape {
	case dict:
		for _, e := range from.keys {
			if v.find(e.key) == nil {
				v.keys = append(v.keys, e)
				v.size += e.value.size
			}
		}
	case list:
		for _, item := range from.items {
			if item.shape != dict {
				b.r.problemAt(item.pos, path, "<< takes maps, found %s", item.shape)
				continue
			}
			b.merge(v, item, path)
		}
	default:
		b.r.problemAt(from.pos, path, "<< takes a map, found %s", from.shape)
	}
}

// keyText is a key as text: gitlab.yml has none but plain ones.
func keyText(k ast.MapKeyNode) (string, bool) {
	if s, ok := k.(*ast.StringNode); ok {
		return s.Value, true
	}
	if _, ok := k.(ast.ScalarNode); ok {
		return k.GetToken().Value, true
	}
	return "", false
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (b *builder) scalar(v *value, n ast.Node, path string) {
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.BoolNode:
		v.shape, v.scalar = flag, n.Value
	case *ast.IntegerNode:
		v.shape, v.scalar = number, n.Value
	case *ast.FloatNode:
		v.shape, v.scalar = number, n.Value
	case *ast.StringNode:
		b.text(v, n.Value, n.GetToken(), path)
	case *ast.LiteralNode:
		b.text(v, n.Value.Value, n.Value.GetToken(), path)
	default:
		b.r.problemAt(v.pos, path, "expected a text, a number, true or false, a list or a map")
		v.bad = true
	}
	if v.secret && v.shape != null && v.shape != text {
		b.r.hide(v.pos, n.GetToken().Origin)
	}
}

func (b *builder) text(v *value, literal string, tk *token.Token, path string) {
	v.shape = text
	if !onlyVariable.MatchString(literal) {
		v.literal = literal
	}
	if path == "database" && strings.HasPrefix(literal, "sqlite:") {
		v.secret = false // a path, no password
	}
	if v.secret || userinfo.MatchString(literal) {
		v.secret = true
		if v.literal != "" {
			b.r.hide(v.pos, tk.Origin)
			b.r.hide(v.pos, literal)
		}
		if inClear(path, literal) && b.r.clearSecret.line == 0 {
			b.r.clearSecret = spot{v.pos, path}
		}
	}
	if b.r.asItStands {
		v.text, v.literal = literal, literal
		return
	}
	var ok bool
	v.text, v.from, ok = b.r.expand(v.pos, path, literal)
	v.bad = !ok
}

// inClear says whether a secret stands in the file itself.
func inClear(path, literal string) bool {
	if strings.TrimSpace(literal) == "" || strings.Contains(literal, "${") {
		return false
	}
	return path != "database" || password.MatchString(literal)
}
