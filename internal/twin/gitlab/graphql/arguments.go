package graphql

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// arguments checks the arguments of a field and turns them into Go values.
func (c *checker) arguments(s Selection, f *Field, path []any) Args {
	args := Args{}
	for _, a := range f.Args {
		if a.Default != nil {
			args[a.Name] = a.Default
		}
	}
	given := map[string]bool{}
	for _, a := range s.Args {
		i := slices.IndexFunc(f.Args, func(d Arg) bool { return d.Name == a.Name })
		if i < 0 {
			c.fail(a.At, append(slices.Clone(path), a.Name), map[string]any{"code": "argumentNotAccepted", "name": f.Name, "typeName": "Field", "argumentName": a.Name},
				"Field '%s' doesn't accept argument '%s'", f.Name, a.Name)
			continue
		}
		given[a.Name] = true
		c.argument(a, f, f.Args[i], args, path)
	}
	var missing []string
	for _, a := range f.Args {
		if strings.HasSuffix(a.Type, "!") && a.Default == nil && !given[a.Name] {
			missing = append(missing, a.Name)
		}
	}
	if missing != nil {
		c.fail(s.At, path, map[string]any{"code": "missingRequiredArguments", "className": "Field", "name": f.Name, "arguments": strings.Join(missing, ", ")},
			"Field '%s' is missing required arguments: %s", f.Name, strings.Join(missing, ", "))
	}
	return args
}

func (c *checker) argument(a Argument, f *Field, def Arg, args Args, path []any) {
	if r, ok := a.Value.(Ref); ok {
		if !c.declared(string(r)) {
			c.undeclared(string(r), a.At, path)
			return
		}
		if _, known := c.variables[string(r)]; !known {
			c.used[string(r)] = true
			return
		}
	}
	v, ok := c.coerce(c.resolved(a.Value), def.Type)
	if !ok {
		c.fail(a.At, append(slices.Clone(path), a.Name),
			map[string]any{"code": "argumentLiteralsIncompatible", "typeName": "Field", "argumentName": a.Name},
			"Argument '%s' on Field '%s' has an invalid value (%s). Expected type '%s'.", a.Name, f.Name, literal(a.Value), def.Type)
		return
	}
	if v != nil {
		args[a.Name] = v
	}
}

func (c *checker) declared(name string) bool {
	return slices.ContainsFunc(c.op.Variables, func(v Variable) bool { return v.Name == name })
}

func (c *checker) undeclared(name string, at Position, path []any) {
	c.fail(at, path, map[string]any{"code": "variableNotDefined", "variableName": name},
		"Variable $%s is used by %s but not declared", name, c.op.label())
}

// resolved puts the values of variables in.
func (c *checker) resolved(v any) any {
	switch v := v.(type) {
	case Ref:
		c.used[string(v)] = true
		return c.variables[string(v)]
	case []any:
		all := make([]any, len(v))
		for i, x := range v {
			if r, ok := x.(Ref); ok && !c.declared(string(r)) {
				c.undeclared(string(r), c.op.At, []any{c.op.root()})
			}
			all[i] = c.resolved(x)
		}
		return all
	}
	return v
}

// coerce turns a literal or a variable's value into one of a type.
func (c *checker) coerce(v any, t string) (any, bool) {
	if inner, ok := strings.CutSuffix(t, "!"); ok {
		if v == nil {
			return nil, false
		}
		t = inner
	}
	if v == nil {
		return nil, true
	}
	if strings.HasPrefix(t, "[") {
		return c.coerceList(v, t[1:len(t)-1])
	}
	if def := c.schema.Types[t]; def != nil && def.Kind == EnumKind {
		return coerceEnum(v, def)
	}
	return coerceScalar(v, t)
}

func (c *checker) coerceList(v any, inner string) (any, bool) {
	all, ok := v.([]any)
	if !ok {
		all = []any{v}
	}
	out := make([]any, 0, len(all))
	for _, x := range all {
		y, ok := c.coerce(x, inner)
		if !ok {
			return nil, false
		}
		out = append(out, y)
	}
	return out, true
}

func coerceEnum(v any, def *Type) (any, bool) {
	var s string
	switch v := v.(type) {
	case Enum:
		s = string(v)
	case string: // of a variable
		s = v
	default:
		return nil, false
	}
	return s, slices.Contains(def.Values, s)
}

func coerceScalar(v any, t string) (any, bool) {
	switch t {
	case "Int":
		if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<31 {
			return int64(f), true
		}
		n, ok := v.(int64)
		return n, ok && n < 1<<31 && n >= -1<<31
	case "Float":
		if n, ok := v.(int64); ok {
			return float64(n), true
		}
		f, ok := v.(float64)
		return f, ok
	case "Boolean":
		b, ok := v.(bool)
		return b, ok
	case "ID":
		switch n := v.(type) {
		case int64:
			return strconv.FormatInt(n, 10), true
		case float64:
			return strconv.FormatFloat(n, 'f', -1, 64), true
		}
	}
	s, ok := v.(string)
	return s, ok
}

// literal writes a value as it stands in a query.
func literal(v any) string {
	switch v := v.(type) {
	case Enum:
		return string(v)
	case Ref:
		return "$" + string(v)
	case []any:
		var all []string
		for _, x := range v {
			all = append(all, literal(x))
		}
		return "[" + strings.Join(all, ", ") + "]"
	case map[string]any:
		var all []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			all = append(all, k+": "+literal(v[k]))
		}
		return "{" + strings.Join(all, ", ") + "}"
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}

// takeVariables fills in defaults and checks what was sent.
func (c *checker) takeVariables(sent map[string]any) {
	c.variables = map[string]any{}
	for _, v := range c.op.Variables {
		t := c.schema.Types[base(v.Type)]
		if t == nil {
			c.fail(v.At, []any{c.op.root()}, map[string]any{"code": "variableRequiresValidType", "variableName": v.Name, "typeName": base(v.Type)},
				"%s isn't a defined input type (on $%s)", base(v.Type), v.Name)
			continue
		}
		value, given := sent[v.Name]
		if !given && v.Default != nil {
			value, given = v.Default, true
		}
		coerced, ok := c.coerce(value, v.Type)
		if !ok {
			why := "Expected value to not be null"
			if value != nil {
				why = fmt.Sprintf("Could not coerce value %s to %s", literal(value), base(v.Type))
			}
			c.errors = append(c.errors, &Error{
				Message:    fmt.Sprintf("Variable $%s of type %s was provided invalid value", v.Name, v.Type),
				Locations:  []Position{v.At},
				Extensions: map[string]any{"value": value, "problems": []any{map[string]any{"path": []any{}, "explanation": why}}},
			})
			continue
		}
		if given {
			c.variables[v.Name] = coerced
		}
	}
}

// unused tells of variables that were declared for nothing.
func (c *checker) unused() {
	for _, v := range c.op.Variables {
		if !c.used[v.Name] {
			c.fail(v.At, []any{c.op.root()}, map[string]any{"code": "variableNotUsed", "variableName": v.Name},
				"Variable $%s is declared by %s but not used", v.Name, c.op.label())
		}
	}
}
