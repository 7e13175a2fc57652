package graphql_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/twin/gitlab/graphql"
)

// node is a value of the schema below: a number with a parent and children.
type node struct{ n int }

// GraphQLType is Even or Odd.
func (x node) GraphQLType() string {
	if x.n%2 == 0 {
		return "Even"
	}
	return "Odd"
}

func schema() *graphql.Schema {
	field := func(name, typ string, read func(node, graphql.Args) (any, error), args ...graphql.Arg) *graphql.Field {
		return &graphql.Field{Name: name, Type: typ, Args: args, Resolve: func(p any, a graphql.Args) (any, error) {
			x, _ := p.(node)
			return read(x, a)
		}}
	}
	shared := []*graphql.Field{
		field("n", "Int!", func(x node, _ graphql.Args) (any, error) { return x.n, nil }),
		field("next", "Number", func(x node, a graphql.Args) (any, error) {
			by, _ := a.Number("by")
			return node{x.n + by}, nil
		}, graphql.Arg{Name: "by", Type: "Int", Default: int64(1)}),
		field("broken", "Int", func(node, graphql.Args) (any, error) { return nil, errors.New("it broke") }),
	}
	half := field("half", "Int", func(x node, _ graphql.Args) (any, error) { return x.n / 2, nil })
	s := &graphql.Schema{Query: "Query", Types: map[string]*graphql.Type{
		"Number": {Kind: graphql.Interface, Name: "Number", Fields: shared},
		"Odd":    {Kind: graphql.Object, Name: "Odd", Interfaces: []string{"Number"}, Fields: shared},
		"Even":   {Kind: graphql.Object, Name: "Even", Interfaces: []string{"Number"}, Fields: append([]*graphql.Field{half}, shared...)},
		"Size":   {Kind: graphql.EnumKind, Name: "Size", Values: []string{"BIG", "SMALL"}},
		"Query": {Kind: graphql.Object, Name: "Query", Fields: []*graphql.Field{
			field("start", "Number", func(node, graphql.Args) (any, error) { return node{1}, nil }),
			field("all", "[Number!]", func(_ node, a graphql.Args) (any, error) {
				var out []any
				texts, _ := a.List("ns")
				for _, s := range texts {
					out = append(out, node{len(s)})
				}
				return out, nil
			}, graphql.Arg{Name: "ns", Type: "[ID!]!"}),
			field("size", "String", func(_ node, a graphql.Args) (any, error) { return a.Text("of"), nil }, graphql.Arg{Name: "of", Type: "Size"}),
		}},
	}}
	s.Introspectable()
	return s
}

func run(t *testing.T, text string, variables map[string]any) (string, []*graphql.Error) {
	t.Helper()
	q, findings := schema().Prepare(graphql.Request{Query: text, Variables: variables})
	if findings != nil {
		return "", findings
	}
	data, findings := q.Run(nil)
	return string(data), findings
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		query     string
		variables map[string]any
		want      string
	}{
		"Aliases":         {`{ a: start { n } b: start { next(by: 4) { n } } }`, nil, `{"a":{"n":1},"b":{"next":{"n":5}}}`},
		"MergedFields":    {`{ start { n } start { next { n } } }`, nil, `{"start":{"n":1,"next":{"n":2}}}`},
		"Typename":        {`{ __typename start { __typename next { __typename } } }`, nil, `{"__typename":"Query","start":{"__typename":"Odd","next":{"__typename":"Even"}}}`},
		"Fragments":       {`query Q { start { ...f } } fragment f on Number { n next { ...g } } fragment g on Number { n }`, nil, `{"start":{"n":1,"next":{"n":2}}}`},
		"ByType":          {`{ all(ns: ["a", "ab"]) { n ... on Even { half } } }`, nil, `{"all":[{"n":1},{"n":2,"half":1}]}`},
		"OneForAList":     {`query($v: [ID!]!) { all(ns: $v) { n } }`, map[string]any{"v": "abc"}, `{"all":[{"n":3}]}`},
		"VariablesInList": {`query($v: ID!) { all(ns: [$v, 12]) { n } }`, map[string]any{"v": "abc"}, `{"all":[{"n":3},{"n":2}]}`},
		"Defaults":        {`query($by: Int = 7) { start { next(by: $by) { n } } }`, nil, `{"start":{"next":{"n":8}}}`},
		"ArgumentDefault": {`query($by: Int) { start { next(by: $by) { n } } }`, nil, `{"start":{"next":{"n":2}}}`},
		"FromJSON":        {`query($by: Int) { start { next(by: $by) { n } } }`, map[string]any{"by": float64(3)}, `{"start":{"next":{"n":4}}}`},
		"Skip":            {`query($no: Boolean!) { start { n @skip(if: $no) next @include(if: $no) { n } } }`, map[string]any{"no": true}, `{"start":{"next":{"n":2}}}`},
		"Enum":            {`{ size(of: BIG) }`, nil, `{"size":"BIG"}`},
		"EnumByVariable":  {`query($s: Size) { size(of: $s) }`, map[string]any{"s": "SMALL"}, `{"size":"SMALL"}`},
		"Comments":        {"# first\n{ start { n, } } # last", nil, `{"start":{"n":1}}`},
		"BlockString":     {`{ all(ns: ["""a"b"""]) { n } }`, nil, `{"all":[{"n":3}]}`},
		"Introspection":   {`{ __type(name: "Number") { kind name possibleTypes { name } fields { name } } __schema { queryType { name } } }`, nil, `{"__type":{"kind":"INTERFACE","name":"Number","possibleTypes":[{"name":"Even"},{"name":"Odd"}],"fields":[{"name":"n"},{"name":"next"},{"name":"broken"}]},"__schema":{"queryType":{"name":"Query"}}}`},
		"UnknownType":     {`{ __type(name: "Nope") { name } }`, nil, `{"__type":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, findings := run(t, c.query, c.variables)
			if findings != nil || got != c.want {
				t.Errorf("got %s, findings %v, want %s", got, findings, c.want)
			}
		})
	}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		`{ start { ...f } } fragment f on Number { next { ...f } }`: "", // bounded below
		`{ start { ...f } } fragment f on Number { ...f }`:          "Fragment f contains an infinite loop",
		`{ start { ... on Query { start { n } } } }`:                "Fragment on Query can't be spread inside Number",
		`{ start { ... on Nope { n } } }`:                           "No such type Nope, so it can't be a fragment condition",
		`{ start { n @nope } }`:                                     "Directive @nope is not defined",
		`{ start { a: n a: broken } }`:                              "Field 'a' has a field conflict",
		`{ start { n { n } } }`:                                     `Selections can't be made on scalars (field 'n' returns Int but has selections ["n"])`,
		`{ size(of: HUGE) }`:                                        "Argument 'of' on Field 'size' has an invalid value (HUGE). Expected type 'Size'.",
		`{ all(ns: [null]) { n } }`:                                 "Argument 'ns' on Field 'all' has an invalid value ([null]). Expected type '[ID!]!'.",
		`query($v: Nope) { start { next(by: $v) { n } } }`:          "Nope isn't a defined input type (on $v)",
		`query A { size } query B { size }`:                         "An operation name is required",
		`subscription { size }`:                                     "Schema is not configured for subscriptions",
		`{ start { broken } }`:                                      "it broke",
		``:                                                          "Unexpected end of document",
		`{`:                                                         "Expected NAME, actual: end of file at [1, 2]",
		`{ size(of: "x }`:                                           "Unterminated string",
		`{ size(of: 1.2.3) }`:                                       `Expected a number, actual: "1.2.3"`,
		`{ ~ }`:                                                     `Parse error on bad Unicode escape sequence or unexpected character: "~"`,
		`{ ` + strings.Repeat("start { next { ", 40) + "n":          "Query is nested too deep",
	} {
		_, findings := run(t, query, nil)
		if len(findings) == 0 || want != "" && findings[0].Message != want {
			t.Errorf("%.60s: %v, want %q", query, findings, want)
		}
	}
}

func TestErrorsOfResolversLeaveTheRest(t *testing.T) {
	t.Parallel()
	got, findings := run(t, `{ all(ns: ["a"]) { n broken } }`, nil)
	if got != `{"all":[{"n":1,"broken":null}]}` || len(findings) != 1 || len(findings[0].Path) != 3 || findings[0].Path[1] != 0 {
		t.Errorf("%s %+v", got, findings)
	}
}

// TestFragmentsCannotExplode asks for 2^30 fields in few letters.
func TestFragmentsCannotExplode(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("{ start { ...f0 } }")
	for i := range 30 {
		next := "n"
		if i < 29 {
			next = fmt.Sprintf("a: next { ...f%d } b: next { ...f%d }", i+1, i+1)
		}
		fmt.Fprintf(&b, " fragment f%d on Number { %s }", i, next)
	}
	if _, findings := run(t, b.String(), nil); len(findings) == 0 {
		t.Error("the query is taken")
	}
}

func TestDepthAndWeight(t *testing.T) {
	t.Parallel()
	q, findings := schema().Prepare(graphql.Request{Query: `{ start { n next { n next { n } } } }`})
	if findings != nil || q.Depth != 4 || q.Complexity != 6 {
		t.Errorf("depth %d, weight %d, %v", q.Depth, q.Complexity, findings)
	}
}

func FuzzPrepare(f *testing.F) {
	for _, s := range []string{`{ start { n } }`, `query($a:[ID!]! = ["x"]) { all(ns:$a) { ...f } } fragment f on Number { n }`, `{a(b:{c:[1,-2.5e3,"\u00e9"]})@skip(if:true)}`, "{ \"\"\"", "..."} {
		f.Add(s)
	}
	s := schema()
	f.Fuzz(func(t *testing.T, text string) {
		q, findings := s.Prepare(graphql.Request{Query: text})
		if (q == nil) == (findings == nil) {
			t.Fatalf("%q gives neither a query nor findings", text)
		}
		if q != nil {
			q.Run(nil)
		}
	})
}
