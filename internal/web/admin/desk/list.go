package desk

import (
	"net/http"
	"net/url"

	"gatehouse/internal/store"
)

// PageSize is how many rows a list shows at once.
const PageSize = 50

// longestQuery bounds what is searched for.
const longestQuery = 200

// List is what every list of the dashboard has.
type List struct {
	Path  string
	Query url.Values // of the address, without the place in the list
	Next  string     // place after this page, "" at the end
	Here  bool       // this is not the first page
}

// NewList is the list that an address asks for.
func NewList(r *http.Request) List {
	q := r.URL.Query()
	l := List{Path: r.URL.EscapedPath(), Here: q.Get("after") != ""}
	for _, name := range []string{"after", "done"} {
		q.Del(name)
	}
	l.Query = q
	return l
}

// Text is a value of the address, cut to what can be meant.
func (l List) Text(name string) string {
	v := l.Query.Get(name)
	if len(v) > longestQuery {
		v = v[:longestQuery]
	}
	return v
}

// FirstHref leads back to the first page, "" when this is it.
func (l List) FirstHref() string {
	if !l.Here {
		return ""
	}
	return address(l.Path, l.Query)
}

// NextHref leads to the next page, "" when there is none.
func (l List) NextHref() string {
	if l.Next == "" {
		return ""
	}
	q := url.Values{"after": {l.Next}}
	for name, values := range l.Query {
		q[name] = values
	}
	return address(l.Path, q)
}

func address(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// Cursor is the place in a list that an address asks for.
func Cursor(r *http.Request) store.Cursor {
	return store.Cursor{After: r.URL.Query().Get("after"), Limit: PageSize}
}
