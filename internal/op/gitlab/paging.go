package gitlab

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// What GitLab's lists keep to.
const (
	usualPage   = 20
	longestPage = 100
	totalsUpTo  = 10_000 // longer lists have no totals
)

// Query reads the parameters of a list as GitLab's API does. What is wrong is
// noted, all of it, until Failure asks.
type Query struct {
	Values url.Values
	wrong  []string
}

// Text is a parameter, "" when it is not there.
func (q *Query) Text(name string) string { return strings.TrimSpace(q.Values.Get(name)) }

// Flag is a parameter that is true or false.
func (q *Query) Flag(name string, missing bool) bool {
	switch strings.ToLower(q.Text(name)) {
	case "":
		return missing
	case "true", "t", "1", "yes", "y", "on":
		return true
	case "false", "f", "0", "no", "n", "off":
		return false
	}
	q.wrong = append(q.wrong, name+" is invalid")
	return missing
}

// Number is a parameter that is a number, at least least.
func (q *Query) Number(name string, missing, least int64, refused string) int64 {
	t := q.Text(name)
	if t == "" {
		return missing
	}
	n, err := strconv.ParseInt(t, 10, 64)
	switch {
	case err != nil:
		q.wrong = append(q.wrong, name+" is invalid")
	case n < least:
		q.wrong = append(q.wrong, name+refused)
	default:
		return n
	}
	return missing
}

// OneOf is a parameter with one of some values.
func (q *Query) OneOf(name, missing string, values ...string) string {
	t := q.Text(name)
	switch {
	case t == "":
		return missing
	case slices.Contains(values, t):
		return t
	}
	q.wrong = append(q.wrong, name+" does not have a valid value")
	return missing
}

// Level is min_access_level: 0 when it is not there.
func (q *Query) Level() int {
	n := q.Number("min_access_level", 0, 0, " does not have a valid value")
	if q.Text("min_access_level") != "" && !slices.Contains([]int64{5, 10, 15, 20, 25, 30, 40, 50}, n) {
		q.wrong = append(q.wrong, "min_access_level does not have a valid value")
	}
	if n > 100 {
		return 100
	}
	return int(n)
}

// Failure is what was wrong, in GitLab's words; nil when nothing was.
func (q *Query) Failure() *Failure {
	if len(q.wrong) == 0 {
		return nil
	}
	slices.Sort(q.wrong)
	return &Failure{Status: http.StatusBadRequest, Body: ErrorBody{Error: strings.Join(slices.Compact(q.wrong), ", ")}}
}

// Window is the page of a list that is asked for.
type Window struct{ Page, Size int }

// Window reads page and per_page.
func (q *Query) Window() Window {
	page := q.Number("page", 1, 1, " does not have a valid value")
	size := q.Number("per_page", usualPage, 1, " has a value not allowed")
	return Window{Page: int(min(page, 1<<30)), Size: int(min(size, longestPage))}
}

// Cut takes the page out of a list, and tells in the headers where it stands.
// self is the address of the list without its query.
func Cut[T any](all []T, w Window, h http.Header, self string, q url.Values) []T {
	from := min((w.Page-1)*w.Size, len(all))
	to := min(from+w.Size, len(all))
	w.Tell(len(all), to < len(all), h, self, q)
	return all[from:to]
}

// Counted is how far a list has to be counted for its totals to be told, or not.
const Counted = totalsUpTo + 1

// Tell says in the headers where a page stands in a list of so many, of which
// there are more behind it.
func (w Window) Tell(total int, more bool, h http.Header, self string, q url.Values) {
	pages := max(1, (total+w.Size-1)/w.Size)
	next, prev := "", ""
	if more {
		next = strconv.Itoa(w.Page + 1)
	}
	if w.Page > 1 && w.Page <= pages {
		prev = strconv.Itoa(w.Page - 1)
	}
	h.Set("X-Per-Page", strconv.Itoa(w.Size))
	h.Set("X-Page", strconv.Itoa(w.Page))
	h["X-Next-Page"], h["X-Prev-Page"] = []string{next}, []string{prev} // empty at the ends, not absent
	links := []string{}
	add := func(page, rel string) {
		if page != "" {
			links = append(links, link(self, q, rel, "page", page, "per_page", strconv.Itoa(w.Size)))
		}
	}
	add(prev, "prev")
	add(next, "next")
	add("1", "first")
	if total <= totalsUpTo {
		h.Set("X-Total", strconv.Itoa(total))
		h.Set("X-Total-Pages", strconv.Itoa(pages))
		add(strconv.Itoa(pages), "last")
	}
	h.Set("Link", strings.Join(links, ", "))
}

// CutAfter is Cut of a list by ids, from one on: keyset paging. after is the
// name of the parameter that carries the last id.
func CutAfter[T any](all []T, w Window, h http.Header, self string, q url.Values, after string, id func(T) int64) []T {
	to := min(w.Size, len(all))
	h.Set("X-Per-Page", strconv.Itoa(w.Size))
	if to < len(all) {
		h.Set("Link", link(self, q, "next", "page", "", "per_page", strconv.Itoa(w.Size), after, strconv.FormatInt(id(all[to-1]), 10)))
	}
	return all[:to]
}

// link is a link to the same list with some parameters changed. No token that
// came in the address goes back.
func link(self string, q url.Values, rel string, changes ...string) string {
	all := url.Values{}
	for name, values := range q {
		if name != "private_token" && name != "access_token" {
			all[name] = values
		}
	}
	for i := 0; i+1 < len(changes); i += 2 {
		all.Set(changes[i], changes[i+1])
		if changes[i+1] == "" {
			all.Del(changes[i])
		}
	}
	return fmt.Sprintf("<%s?%s>; rel=%q", self, all.Encode(), rel)
}

// NoKeyset is for keyset paging by what has none.
func NoKeyset() *Failure {
	return &Failure{Status: http.StatusMethodNotAllowed, Body: ErrorBody{Error: "Keyset pagination is not yet available for this type of request"}}
}

// Missing is for a thing of the API that is not there, or not for this person.
func Missing(what string) *Failure {
	return &Failure{Status: http.StatusNotFound, Body: Message{"404 " + what + " Not Found"}}
}

// BadRequest is for a request that cannot be met.
func BadRequest(why string) *Failure {
	return &Failure{Status: http.StatusBadRequest, Body: Message{"400 Bad request - " + why}}
}
