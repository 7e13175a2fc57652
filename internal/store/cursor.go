package store

import (
	"encoding/base64"
	"encoding/json"

	"gatehouse"
)

// Cursor asks for a page of a list: at most Limit rows (0: 50, at most 200)
// after the one that After names ("" = from the start). After is opaque: it is
// the Next of the page before. One that is not is an Invalid error.
type Cursor struct {
	After string
	Limit int
}

// Page is a page of a list. Next is "" at the end.
type Page[T any] struct {
	Items []T
	Next  string
}

const (
	defaultPage = 50
	largestPage = 200
	largestKey  = 16 << 10 // of a cursor, in bytes
)

func (c Cursor) limit() int {
	switch {
	case c.Limit <= 0:
		return defaultPage
	case c.Limit > largestPage:
		return largestPage
	}
	return c.Limit
}

// key gives the n parts of the key that After names; nil at the start.
func (c Cursor) key(n int) ([]string, error) {
	if c.After == "" {
		return nil, nil
	}
	wrong := gatehouse.Errorf(gatehouse.Invalid, "This page of the list cannot be found. Start again from its first page.")
	if len(c.After) > largestKey {
		return nil, wrong
	}
	b, err := base64.RawURLEncoding.DecodeString(c.After)
	if err != nil {
		return nil, wrong.Because(err)
	}
	var key []string
	if err := json.Unmarshal(b, &key); err != nil {
		return nil, wrong.Because(err)
	}
	if len(key) != n {
		return nil, wrong
	}
	return key, nil
}

// paged cuts the one row too many that says that there is a next page, and
// names the last row that is left.
func paged[T any](c Cursor, items []T, key func(T) []string) Page[T] {
	n := c.limit()
	if len(items) <= n {
		return Page[T]{Items: items}
	}
	items = items[:n]
	b := []byte(asJSON(key(items[n-1])))
	return Page[T]{Items: items, Next: base64.RawURLEncoding.EncodeToString(b)}
}
