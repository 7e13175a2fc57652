package schema

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strconv"

	"gatehouse/internal/twin/gitlab/graphql"
)

const pageMost = 100

// place is where a row stands in the order of a list.
type place struct {
	text string // first column, if it is a text
	num  int64  // first column, if it is a number or time
	id   int64
}

func (a place) compare(b place) int {
	return cmp.Or(cmp.Compare(a.text, b.text), cmp.Compare(a.num, b.num), cmp.Compare(a.id, b.id))
}

// cursor is a place as clients carry it.
type cursor struct {
	Text string `json:"text,omitempty"`
	Num  string `json:"num,omitempty"`
	ID   string `json:"id"`
}

func (a place) cursor() string {
	c := cursor{Text: a.text, ID: strconv.FormatInt(a.id, 10)}
	if a.num != 0 {
		c.Num = strconv.FormatInt(a.num, 10)
	}
	raw, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(raw)
}

var errCursor = errors.New("Please provide a valid cursor") //nolint:staticcheck // GitLab's text

func parseCursor(s string) (place, error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	var c cursor
	if err != nil || json.Unmarshal(raw, &c) != nil {
		return place{}, errCursor
	}
	p := place{text: c.Text}
	if p.id, err = strconv.ParseInt(c.ID, 10, 64); err != nil {
		return place{}, errCursor
	}
	if c.Num != "" {
		if p.num, err = strconv.ParseInt(c.Num, 10, 64); err != nil {
			return place{}, errCursor
		}
	}
	return p, nil
}

// page is a cut of a list.
type page struct {
	nodes      []any
	cursors    []string
	next, prev bool
	total      int
}

type edge struct {
	node   any
	cursor string
}

// cut pages through a list. first and last are capped at 100 without a word.
func cut[T any](all []T, at func(T) place, desc bool, args graphql.Args, wrap func(T) any) (*page, error) {
	compare := func(x, y T) int {
		if desc {
			return at(y).compare(at(x))
		}
		return at(x).compare(at(y))
	}
	if !slices.IsSortedFunc(all, compare) {
		all = slices.SortedFunc(slices.Values(all), compare)
	}
	from, to, err := bounds(all, at, desc, args)
	if err != nil {
		return nil, err
	}
	p := &page{next: to < len(all), prev: from > 0, total: len(all)}
	for _, x := range all[from:to] {
		p.nodes = append(p.nodes, wrap(x))
		p.cursors = append(p.cursors, at(x).cursor())
	}
	return p, nil
}

func bounds[T any](all []T, at func(T) place, desc bool, args graphql.Args) (from, to int, err error) {
	// index of the first row at (or behind) a place
	find := func(text string, behind bool) (int, error) {
		p, err := parseCursor(text)
		i, found := slices.BinarySearchFunc(all, p, func(x T, p place) int {
			if desc {
				return p.compare(at(x))
			}
			return at(x).compare(p)
		})
		if found && behind {
			i++
		}
		return i, err
	}
	to = len(all)
	if text := args.Text("after"); text != "" {
		if from, err = find(text, true); err != nil {
			return 0, 0, err
		}
	}
	if text := args.Text("before"); text != "" {
		if to, err = find(text, false); err != nil {
			return 0, 0, err
		}
	}
	to = max(from, to)
	first, hasFirst := args.Number("first")
	last, hasLast := args.Number("last")
	if hasFirst && first < 0 || hasLast && last < 0 {
		return 0, 0, errors.New("first and last must not be negative")
	}
	if hasLast && !hasFirst {
		return max(from, to-min(last, pageMost)), to, nil
	}
	if !hasFirst {
		first = pageMost
	}
	return from, min(to, from+min(first, pageMost)), nil
}

// pageArgs are the arguments of every connection.
func pageArgs(more ...graphql.Arg) []graphql.Arg {
	return append(more,
		graphql.Arg{Name: "after", Type: "String"}, graphql.Arg{Name: "before", Type: "String"},
		graphql.Arg{Name: "first", Type: "Int"}, graphql.Arg{Name: "last", Type: "Int"})
}

// listed weighs a connection that a resolver of GitLab's answers: what is below
// and one, more for sorting and searching, and a hundredth for each row asked for.
func listed(args graphql.Args, below int) int {
	n := below + 1
	if args["sort"] != nil {
		n++
	}
	if args["search"] != nil {
		n += 5
	}
	rows := pageMost
	for _, name := range []string{"first", "last"} {
		if v, ok := args.Number(name); ok && v >= 0 {
			rows = min(rows, v)
		}
	}
	return n + n*rows/100
}

// connections are the two types around a list of one type.
func connections(name, node string) []*graphql.Type {
	return []*graphql.Type{
		object(name+"Connection",
			field("count", "Int!", func(p *page) any { return p.total }),
			field("edges", "["+name+"Edge]", func(p *page) any {
				all := make([]any, len(p.nodes))
				for i := range p.nodes {
					all[i] = edge{p.nodes[i], p.cursors[i]}
				}
				return all
			}),
			field("nodes", "["+node+"]", func(p *page) any { return append([]any{}, p.nodes...) }),
			field("pageInfo", "PageInfo!", func(p *page) any { return p }),
		),
		object(name+"Edge",
			field("cursor", "String!", func(e edge) any { return e.cursor }),
			field("node", node, func(e edge) any { return e.node }),
		),
	}
}

func pageInfo() *graphql.Type {
	bound := func(pick func([]string) string) func(*page) any {
		return func(p *page) any {
			if len(p.cursors) == 0 {
				return nil
			}
			return pick(p.cursors)
		}
	}
	return object("PageInfo",
		field("endCursor", "String", bound(func(c []string) string { return c[len(c)-1] })),
		field("hasNextPage", "Boolean!", func(p *page) any { return p.next }),
		field("hasPreviousPage", "Boolean!", func(p *page) any { return p.prev }),
		field("startCursor", "String", bound(func(c []string) string { return c[0] })),
	)
}
