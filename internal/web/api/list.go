package api

import (
	"encoding/base64"
	"slices"

	"gatehouse"
	"gatehouse/internal/store"
)

// none is the input of an address without parameters.
type none struct{}

// Paging are the parameters of every list that comes a page at a time.
type Paging struct {
	After string `query:"after" maxLength:"16384" doc:"The next of the page before; nothing for the first page"`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most"`
}

func (p Paging) cursor() store.Cursor { return store.Cursor{After: p.After, Limit: p.Limit} }

// Page is a page of a list.
type Page[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"For after, to get the next page; absent on the last one"`
}

func (p Page[T]) next() string { return p.Next }

// pageOf makes a page of what the store found.
func pageOf[F, T any](found store.Page[F], show func(F) T) Page[T] {
	return Page[T]{Items: shown(found.Items, show), Next: found.Next}
}

// whole is a list that comes as a whole.
func whole[F, T any](found []F, show func(F) T) Page[T] { return Page[T]{Items: shown(found, show)} }

// shown never is nil, so that programs see a list in any case.
func shown[F, T any](found []F, show func(F) T) []T {
	all := make([]T, 0, len(found))
	for _, v := range found {
		all = append(all, show(v))
	}
	return all
}

// cut takes a page out of a list that was computed as a whole. The key of the
// last row of a page is the place after it.
func cut[F any](all []F, p Paging, key func(F) string) (store.Page[F], error) {
	if p.After != "" {
		b, err := base64.RawURLEncoding.DecodeString(p.After)
		at := slices.IndexFunc(all, func(v F) bool { return key(v) == string(b) })
		if err != nil || at < 0 {
			return store.Page[F]{}, gatehouse.Errorf(gatehouse.Invalid, "There is no such page of this list. Ask for the list from its start.")
		}
		all = all[at+1:]
	}
	if len(all) <= p.Limit {
		return store.Page[F]{Items: all}, nil
	}
	all = all[:p.Limit]
	return store.Page[F]{Items: all, Next: base64.RawURLEncoding.EncodeToString([]byte(key(all[p.Limit-1])))}, nil
}

// orEmpty makes a list that is absent an empty one.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
