package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"gatehouse"
	"gatehouse/internal/integration"
)

const perPage = 100 // GitLab's most

// paging is what a list offers where offset pages do not do.
type paging int

const (
	byPage   paging = iota // nothing: groups, when signed in
	byCursor               // keyset with a cursor: users
	byID                   // keyset with id_after and id_before: projects
)

type numbered interface{ id() int64 }

// list is one of GitLab's long lists.
type list[T numbered] struct {
	name, class, path string
	query             url.Values
	paging            paging
	of                func(*state) *progress
	// unit makes pages of rows and yields them; mark goes with the last one.
	unit func(ctx context.Context, a *api, rows []T, mark func(*state)) error
}

// readList reads a list whole, or fails.
//
// Up to 10,000 rows GitLab tells the total. The first page has the highest ids;
// all before them are read by page number from the lowest id up, several pages at
// once, where new rows move nothing, since ids only grow. Afterwards the first
// page is asked for once more: if the total grew by just the ids that are new
// there, nothing went away, so no row moved up and slipped from a page not yet
// read to one read before. If something did go, the list is read again, by
// keyset, which cannot slip, or, where there is none, once more by number.
//
// Longer lists are read by keyset at once: one page leads to the next, and each
// row that stays is met.
func readList[T numbered](ctx context.Context, p *pull, l list[T]) error {
	for {
		st := p.now(l.of)
		var err error
		switch {
		case st.Done:
			return nil
		case !st.Begun:
			err = l.begin(ctx, p, st)
		case st.Chains != nil:
			err = l.readChains(ctx, p, st)
		default:
			if err = l.readPages(ctx, p, st); err == nil {
				err = l.confirm(ctx, p)
			}
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", l.name, err)
		}
	}
}

// page reads a page by its number.
func (l list[T]) page(ctx context.Context, a *api, sort string, number int) ([]T, http.Header, error) {
	return l.rows(ctx, a, l.with(url.Values{"order_by": {"id"}, "sort": {sort}, "page": {strconv.Itoa(number)}}))
}

// newest reads the page with the highest ids.
func (l list[T]) newest(ctx context.Context, a *api) ([]T, http.Header, error) {
	return l.page(ctx, a, "desc", 1)
}

func (l list[T]) with(q url.Values) url.Values {
	q.Set("per_page", strconv.Itoa(perPage))
	for key, values := range l.query {
		q[key] = values
	}
	return q
}

func (l list[T]) rows(ctx context.Context, a *api, q url.Values) ([]T, http.Header, error) {
	var rows []T
	header, err := a.get(ctx, l.class, l.path, q, &rows)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range rows {
		if r.id() <= 0 {
			return nil, nil, errShape
		}
	}
	return rows, header, nil
}

func total(h http.Header) int64 {
	n, err := strconv.ParseInt(h.Get("X-Total"), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// begin reads the first page and decides how to go on.
func (l list[T]) begin(ctx context.Context, p *pull, st progress) error {
	a := p.api.counted()
	rows, header, err := l.newest(ctx, a)
	if err != nil {
		return err
	}
	st = progress{Begun: true, Again: st.Again, Total: total(header), Rows: int64(len(rows))}
	if len(rows) > 0 {
		st.Top = rows[0].id()
	}
	if st.Total < 0 {
		st.Total, st.Rows, st.Chains = 0, 0, l.chains(st.Top)
		return p.emit(ctx, l.progressPage(a), func(all *state) { *l.of(all) = st })
	}
	st.Done = st.Total <= perPage && st.Rows == st.Total // one answer cannot drift
	return l.unit(ctx, a, rows, func(all *state) { *l.of(all) = st })
}

// readPages reads those pages that are not done.
func (l list[T]) readPages(ctx context.Context, p *pull, st progress) error {
	var open []int
	for number := 1; int64(number)*perPage < st.Total; number++ { // the last hundred are there
		if !st.has(number) {
			open = append(open, number)
		}
	}
	return each(ctx, len(open), func(ctx context.Context, i int) error {
		a := p.api.counted()
		rows, _, err := l.page(ctx, a, "asc", open[i])
		if err != nil {
			return err
		}
		return l.unit(ctx, a, rows, func(all *state) {
			done := l.of(all)
			done.add(open[i])
			done.Rows += int64(len(rows))
		})
	})
}

// confirm proves that nothing was missed, or has the list read again.
func (l list[T]) confirm(ctx context.Context, p *pull) error {
	a := p.api.counted()
	rows, header, err := l.newest(ctx, a)
	if err != nil {
		return err
	}
	st := p.now(l.of)
	var fresh []T
	for _, r := range rows {
		if r.id() > st.Top {
			fresh = append(fresh, r)
		}
	}
	whole := total(header) == st.Total+int64(len(fresh)) && len(fresh) < perPage && st.Rows >= st.Total
	switch {
	case whole && len(fresh) > 0:
		return l.unit(ctx, a, fresh, func(all *state) { l.of(all).Done = true })
	case whole:
		return p.emit(ctx, l.progressPage(a), func(all *state) { l.of(all).Done = true })
	case st.Again:
		return gatehouse.Errorf(gatehouse.Unavailable, "The pull was given up, because GitLab's list of %s kept changing while it was read. Try again at a quieter time.", l.name)
	}
	next := progress{Again: true}
	if l.paging != byPage {
		next = progress{Begun: true, Again: true, Chains: l.chains(0)}
	}
	return p.emit(ctx, l.progressPage(a), func(all *state) { *l.of(all) = next })
}

// progressPage is a page that only moves the checkpoint on.
func (l list[T]) progressPage(a *api) integration.Page {
	return integration.Page{Step: l.name, Requests: a.made.Load()}
}

// chains divides what is to be read by keyset. Ids of projects can be bounded on
// both sides, so their range is cut into as many pieces as streams.
func (l list[T]) chains(top int64) []chain {
	if l.paging != byID || top < streams*perPage {
		return []chain{{}}
	}
	all := make([]chain, streams)
	for i := range all {
		all[i] = chain{After: top / streams * int64(i), Before: top/streams*int64(i+1) + 1}
	}
	all[streams-1].Before = 0 // and whatever comes
	return all
}

func (l list[T]) readChains(ctx context.Context, p *pull, st progress) error {
	err := each(ctx, len(st.Chains), func(ctx context.Context, i int) error { return l.readChain(ctx, p, i) })
	if err != nil {
		return err
	}
	return p.emit(ctx, l.progressPage(p.api.counted()), func(all *state) { l.of(all).Done = true })
}

func (l list[T]) readChain(ctx context.Context, p *pull, i int) error {
	for {
		c := p.now(l.of).Chains[i]
		if c.Done {
			return nil
		}
		a := p.api.counted()
		rows, header, err := l.rows(ctx, a, l.with(l.chainQuery(c)))
		if err != nil {
			return err
		}
		next, err := l.follow(c, rows, header)
		if err != nil {
			return err
		}
		err = l.unit(ctx, a, rows, func(all *state) {
			done := l.of(all)
			done.Chains[i] = next
			done.Rows += int64(len(rows))
		})
		if err != nil {
			return err
		}
	}
}

func (l list[T]) chainQuery(c chain) url.Values {
	q := url.Values{"order_by": {"id"}, "sort": {"asc"}}
	if l.paging == byPage {
		q.Set("page", strconv.Itoa(c.Page+1))
		return q
	}
	q.Set("pagination", "keyset")
	if c.Cursor != "" {
		q.Set("cursor", c.Cursor)
	}
	if c.After > 0 {
		q.Set("id_after", text(c.After))
	}
	if c.Before > 0 {
		q.Set("id_before", text(c.Before))
	}
	return q
}

// follow finds out where a chain goes on. An empty page ends it: projects have a
// link to a next page until then. Of the link only the cursor is taken, since it
// leads to GitLab's own idea of its address.
func (l list[T]) follow(c chain, rows []T, header http.Header) (chain, error) {
	if len(rows) == 0 {
		c.Done = true
		return c, nil
	}
	if l.paging == byPage {
		c.Page++
		c.Done = header.Get("X-Next-Page") == ""
		return c, nil
	}
	last := rows[len(rows)-1].id()
	if last <= c.After {
		return c, errShape // it would go round in a circle
	}
	link := nextLink(header)
	switch cursor := link.Get("cursor"); {
	case link == nil:
		c.Done = true
	case l.paging == byID:
		c.After = last
	case cursor == "" || cursor == c.Cursor:
		return c, errShape
	default:
		c.Cursor, c.After = cursor, 0
	}
	return c, nil
}

// nextLink is the query of the Link header's next page; nil: there is none.
func nextLink(h http.Header) url.Values {
	for _, part := range strings.Split(strings.Join(h.Values("Link"), ","), ",") {
		address, rel, ok := strings.Cut(part, ";")
		if !ok || !strings.Contains(rel, `rel="next"`) {
			continue
		}
		u, err := url.Parse(strings.Trim(strings.TrimSpace(address), "<>"))
		if err == nil {
			return u.Query()
		}
	}
	return nil
}

// readAll reads a short list by offset pages one after another. It is for lists
// where a row more or less is not a matter of access.
func readAll[T any](ctx context.Context, a *api, class, path string, q url.Values) ([]T, error) {
	var all []T
	for page := 1; ; page++ {
		query := url.Values{"per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(page)}}
		for key, values := range q {
			query[key] = values
		}
		var rows []T
		header, err := a.get(ctx, class, path, query, &rows)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
		if header.Get("X-Next-Page") == "" || len(rows) == 0 {
			return all, nil
		}
	}
}

// each runs n pieces of work, several at once.
func each(ctx context.Context, n int, work func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(streams)
	for i := range n {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return work(ctx, i)
		})
	}
	return g.Wait()
}
