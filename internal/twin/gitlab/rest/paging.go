package rest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"gatehouse/internal/twin/gitlab/caller"
)

const (
	perPageUsual = 20
	perPageMost  = 100
	totalMost    = 10_000 // no totals for longer lists
	offsetMost   = 50_000
)

// pageSize reads per_page and page, and refuses what Grape refuses.
func (c *call) pageSize() (page, perPage int, err error) {
	var problems []string
	read := func(name string, missing int, refused string) int {
		v := c.get(name)
		if v == "" {
			return missing
		}
		n, err := strconv.Atoi(v)
		switch {
		case err != nil:
			problems = append(problems, name+" is invalid")
		case n < 1:
			problems = append(problems, name+refused)
		}
		return n
	}
	page = read("page", 1, " does not have a valid value")
	perPage = min(read("per_page", perPageUsual, " has a value not allowed"), perPageMost)
	if problems != nil {
		return 0, 0, invalid(problems...)
	}
	return page, perPage, nil
}

// offset cuts one page out of a list and sets the paging headers. limited names
// the type of the rows where GitLab refuses far offsets, "" where it does not.
// defaults are the parameters that GitLab's links carry unasked.
func offset[T any](c *call, all []T, limited, defaults string) ([]T, error) {
	page, perPage, err := c.pageSize()
	if err != nil {
		return nil, err
	}
	if limited != "" && page*perPage > offsetMost {
		return nil, &caller.Failure{Status: http.StatusMethodNotAllowed, Body: errorBody{fmt.Sprintf(
			"Offset pagination has a maximum allowed offset of %d for requests that return objects of type %s. "+
				"Remaining records can be retrieved using keyset pagination.", offsetMost, limited)}}
	}
	from := min((page-1)*perPage, len(all))
	to := min(from+perPage, len(all))
	c.offsetHeaders(page, perPage, len(all), to < len(all), defaults)
	return all[from:to], nil
}

// offsetHeaders tells where a page stands. A page behind the end has no neighbours,
// and an empty list still has one page.
func (c *call) offsetHeaders(page, perPage, total int, more bool, defaults string) {
	h := c.header
	pages := max(1, (total+perPage-1)/perPage)
	next, prev := "", ""
	if more {
		next = strconv.Itoa(page + 1)
	}
	if page > 1 && page <= pages {
		prev = strconv.Itoa(page - 1)
	}
	h.Set("X-Per-Page", strconv.Itoa(perPage))
	h.Set("X-Page", strconv.Itoa(page))
	h["X-Next-Page"], h["X-Prev-Page"] = []string{next}, []string{prev}

	var links []string
	link := func(n, rel string) {
		if n != "" {
			links = append(links, fmt.Sprintf("<%s>; rel=%q", c.linkTo(defaults, map[string]string{"page": n, "per_page": strconv.Itoa(perPage)}), rel))
		}
	}
	link(prev, "prev")
	link(next, "next")
	link("1", "first")
	if total <= totalMost {
		h.Set("X-Total", strconv.Itoa(total))
		h.Set("X-Total-Pages", strconv.Itoa(pages))
		link(strconv.Itoa(pages), "last")
	}
	h.Set("Link", strings.Join(links, ", "))
}

// linkTo builds an address of the same list on the external URL. Tokens are not
// repeated.
func (c *call) linkTo(defaults string, set map[string]string) string {
	q, _ := url.ParseQuery(defaults)
	for k, v := range c.r.URL.Query() {
		q[k] = v
	}
	for _, secret := range []string{"private_token", "access_token"} {
		q.Del(secret)
	}
	for k, v := range set {
		q.Set(k, v)
		if v == "" {
			q.Del(k)
		}
	}
	return c.api.URL + c.r.URL.EscapedPath() + "?" + q.Encode()
}

// cursor is GitLab's keyset cursor: the values of the sorted columns of a row
// and which way to go on.
type cursor struct {
	Value string `json:"value,omitempty"`
	ID    string `json:"id"`
	Dir   string `json:"_kd"` // n or p
}

func (k cursor) encode() string {
	raw, _ := json.Marshal(k)
	return base64.URLEncoding.EncodeToString(raw)
}

func decodeCursor(s string) (k cursor, id int64, err error) {
	raw, err := base64.URLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(raw, &k)
	}
	if err == nil {
		id, err = strconv.ParseInt(k.ID, 10, 64)
	}
	if err != nil {
		return cursor{}, 0, invalid("cursor is invalid")
	}
	return k, id, nil
}

// key reads the columns by which a list is sorted.
type key[T any] func(T) (value string, id int64)

// keyset cuts the page after (or before) the cursor of the request. all is
// sorted already, downwards when desc.
func keyset[T any](c *call, all []T, desc bool, k key[T], defaults string) ([]T, error) {
	_, perPage, err := c.pageSize()
	if err != nil {
		return nil, err
	}
	from, to := 0, min(perPage, len(all))
	if text := c.get("cursor"); text != "" {
		at, id, err := decodeCursor(text)
		if err != nil {
			return nil, err
		}
		from, to = cut(all, at, id, desc, k, perPage)
	}
	page := all[from:to]
	if len(page) > 0 {
		keysetLinks(c, page, from > 0, to < len(all), k, defaults)
	}
	return page, nil
}

// cut finds the rows next to a cursor.
func cut[T any](all []T, at cursor, id int64, desc bool, k key[T], perPage int) (from, to int) {
	past := func(x T, orAt bool) bool { // x lies behind the cursor
		v, n := k(x)
		c := strings.Compare(v, at.Value)
		if c == 0 {
			c = int(max(-1, min(1, n-id)))
		}
		if desc {
			c = -c
		}
		return c > 0 || orAt && c == 0
	}
	search := func(orAt bool) int {
		lo, hi := 0, len(all)
		for lo < hi {
			if m := (lo + hi) / 2; past(all[m], orAt) {
				hi = m
			} else {
				lo = m + 1
			}
		}
		return lo
	}
	if at.Dir == "p" {
		to = search(true)
		return max(0, to-perPage), to
	}
	from = search(false)
	return from, min(from+perPage, len(all))
}

func keysetLinks[T any](c *call, page []T, prev, next bool, k key[T], defaults string) {
	var links []string
	add := func(x T, dir, header, rel string) {
		v, id := k(x)
		text := cursor{Value: v, ID: strconv.FormatInt(id, 10), Dir: dir}.encode()
		c.header.Set(header, text)
		links = append(links, fmt.Sprintf("<%s>; rel=%q", c.linkTo(defaults, map[string]string{"cursor": text, "page": ""}), rel))
	}
	if prev {
		add(page[0], "p", "X-Prev-Cursor", "prev")
	}
	if next {
		add(page[len(page)-1], "n", "X-Next-Cursor", "next")
	}
	if links != nil {
		c.header.Set("Link", strings.Join(links, ", "))
	}
}

// noKeyset is the answer to keyset paging by a column that has none.
func noKeyset() error {
	return &caller.Failure{Status: http.StatusMethodNotAllowed, Body: errorBody{"Keyset pagination is not yet available for this type of request"}}
}
