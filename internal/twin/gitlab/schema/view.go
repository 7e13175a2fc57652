package schema

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/graphql"
	"gatehouse/internal/twin/gitlab/world"
)

// view is one request: the world as its caller sees it. It is the root value of
// its queries.
type view struct {
	d     *world.Data
	who   caller.Caller
	sight *world.Sight
	rules caller.Rules
	limit int
	score int
}

func asFailure(err error, f **caller.Failure) bool { return errors.As(err, f) }

var errNotAvailable = errors.New("The resource that you are attempting to access does not exist or you don't have permission to perform this action") //nolint:staticcheck // GitLab's text

// gid writes a global id.
func gid(kind string, id int64) string {
	return "gid://gitlab/" + kind + "/" + strconv.FormatInt(id, 10)
}

// ids reads global ids of one kind; bare numbers are taken too.
func ids(texts []string, kind string) (map[int64]bool, error) {
	found := map[int64]bool{}
	for _, t := range texts {
		n, err := strconv.ParseInt(strings.TrimPrefix(t, "gid://gitlab/"+kind+"/"), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a valid ID for %s.", t, kind) //nolint:staticcheck // GitLab's text
		}
		found[n] = true
	}
	return found, nil
}

// clock writes a time as GraphQL's Time.
func clock(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// midnight writes a date as GraphQL's Time.
func midnight(date string) any {
	if date == "" {
		return nil
	}
	return date + "T00:00:00Z"
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// field makes a field from a function of the parent.
func field[P any](name, typ string, read func(P) any) *graphql.Field {
	return &graphql.Field{Name: name, Type: typ, Resolve: func(p any, _ graphql.Args) (any, error) { return read(p.(P)), nil }}
}

// fieldWith makes a field with arguments.
func fieldWith[P any](name, typ string, args []graphql.Arg, read func(P, graphql.Args) (any, error)) *graphql.Field {
	return &graphql.Field{Name: name, Type: typ, Args: args, Resolve: func(p any, a graphql.Args) (any, error) { return read(p.(P), a) }}
}

func object(name string, fields ...*graphql.Field) *graphql.Type {
	return &graphql.Type{Kind: graphql.Object, Name: name, Fields: fields}
}
