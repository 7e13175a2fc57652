package authcode

import (
	"errors"
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm/runtime"
)

// plusName is the function that stands for + in compiled expressions.
const plusName = "plus"

// adds is an ast.Visitor that puts plus in the place of +: the language itself
// bounds lists, but not texts, and a text that is doubled by each part of a
// short expression takes all memory.
type adds struct{}

// Visit is called for each part of an expression.
func (adds) Visit(node *ast.Node) {
	if n, ok := (*node).(*ast.BinaryNode); ok && n.Operator == "+" {
		ast.Patch(node, &ast.CallNode{
			Callee: &ast.IdentifierNode{Value: plusName}, Arguments: []ast.Node{n.Left, n.Right},
		})
	}
}

// plus is what + does in the language, with bounded texts.
func plus(params ...any) (any, error) {
	left, isText := params[0].(string)
	right, both := params[1].(string)
	switch {
	case !isText || !both:
		return runtime.Add(params[0], params[1]), nil // an error of the expression when they do not go together
	case len(left)+len(right) > maxMade:
		return nil, errors.New("+: the text is too long")
	}
	return left + right, nil
}

// asText is the language's string() of what is short by itself: a whole list or
// table would be written out for each item that an expression goes over.
func asText(params ...any) (any, error) {
	switch v := params[0].(type) {
	case []any, map[string]any:
		return nil, errors.New("string: only a text, a number or a flag becomes a text")
	case string:
		return v, nil
	case nil:
		return "nil", nil
	default:
		return fmt.Sprint(v), nil
	}
}

func join(params ...any) (any, error) {
	list, _ := params[0].([]any)
	separator, _ := params[1].(string)
	parts := make([]string, len(list))
	size := 0
	for i, v := range list {
		parts[i] = Text(v)
		size += len(parts[i]) + len(separator)
	}
	if size > maxMade {
		return nil, errors.New("join: the text is too long")
	}
	return strings.Join(parts, separator), nil
}

func replace(params ...any) (any, error) {
	text, _ := params[0].(string)
	from, _ := params[1].(string)
	to, _ := params[2].(string)
	if len(text)+strings.Count(text, from)*len(to) > maxMade {
		return nil, errors.New("replace: the text is too long")
	}
	return strings.ReplaceAll(text, from, to), nil
}
