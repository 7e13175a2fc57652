package authcode

import (
	"fmt"

	"github.com/expr-lang/expr/vm"
)

// Expression makes a text of values, with the bounds of a Mapping. Its zero
// value makes "".
type Expression struct {
	name    string
	program *vm.Program
}

// Compile reads an expression over what has the name: in a Mapping that is
// claims. What is wrong is told with the place in it.
func Compile(name, text string) (Expression, error) {
	if len(text) > maxExpression {
		return Expression{}, fmt.Errorf("it may have at most %d characters", maxExpression)
	}
	program, err := compile(name, text)
	if err != nil {
		return Expression{}, err
	}
	return Expression{name, program}, nil
}

// Text works the expression out; what is neither a text nor a whole number is "".
func (e Expression) Text(values map[string]any) (string, error) {
	if e.program == nil {
		return "", nil
	}
	v, err := (&vm.VM{MemoryBudget: memoryBudget}).Run(e.program, map[string]any{e.name: seen(values)})
	if err != nil {
		return "", fmt.Errorf("work out an expression over %s: %w", e.name, located(err))
	}
	return Text(plainNumber(v)), nil
}
