package dingtalk

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"

	"golang.org/x/sync/errgroup"

	"gatehouse"
	"gatehouse/internal/integration"
)

const (
	listAtOnce = 100 // people in a page of v2/user/list, the most that DingTalk gives
	stopsInOne = 8   // departments that make one page of a pull
	mostStops  = 100_000
	atOnce     = 16 // calls under way; the pace of each API is the pacer's
)

// walk is how far a pull is: the text of a checkpoint. Departments are read from
// the top down, the last one that was found first, so that few are ever waiting.
type walk struct {
	Format int      `json:"v"`
	Scope  scope    `json:"scope"`
	Begun  bool     `json:"begun,omitempty"`
	Stops  []stop   `json:"stops,omitempty"`  // departments still to be read, the next one last
	People []string `json:"people,omitempty"` // single people of the scope still to be read
	Hidden int64    `json:"hidden,omitempty"` // departments and people that could not be seen
	Found  int64    `json:"found,omitempty"`  // departments so far
	Done   bool     `json:"done,omitempty"`
}

// walkFormat changes when the meaning of a checkpoint does.
const walkFormat = 1

// stop is one department on the way, or the rest of one.
type stop struct {
	ID       int64    `json:"id"`
	Above    string   `json:"above,omitempty"`    // path of the department that it lies in
	Top      bool     `json:"top,omitempty"`      // the scope begins here: what is above cannot be seen
	Cursor   int64    `json:"cursor,omitempty"`   // of the next page of its people
	Begun    bool     `json:"begun,omitempty"`    // the department itself is read, this is about its people
	Managers []string `json:"managers,omitempty"` // not yet met among its people
}

func parseWalk(from integration.Checkpoint) (walk, error) {
	if from == "" {
		return walk{Format: walkFormat}, nil
	}
	var w walk
	if err := json.Unmarshal([]byte(from), &w); err != nil || w.Format != walkFormat {
		return walk{}, gatehouse.Errorf(gatehouse.Invalid, "The pull cannot go on where it stopped, because this version does not understand its checkpoint. Start it anew.").Because(err)
	}
	return w, nil
}

// Pull reads the departments of the contact scope with their people. It says
// nothing of people who joined a department that was read before they came; the
// next pull does. Those who are missed by such a move are asked for (Confirm).
func (s *Source) Pull(ctx context.Context, from integration.Checkpoint) iter.Seq2[integration.Page, error] {
	return func(yield func(integration.Page, error) bool) {
		w, err := parseWalk(from)
		if err != nil {
			yield(integration.Page{}, err)
			return
		}
		p := &pull{Source: s, walk: w, met: map[string]bool{}}
		for !p.Done {
			page, err := p.next(ctx)
			if err != nil {
				yield(integration.Page{}, words(err))
				return
			}
			next, err := json.Marshal(p.walk)
			if err != nil {
				yield(integration.Page{}, err)
				return
			}
			page.Next = integration.Checkpoint(next)
			if !yield(page, nil) {
				return
			}
		}
	}
}

// pull is one reading of a directory.
type pull struct {
	*Source
	walk
	resumed bool            // the scope was compared with that of the checkpoint
	met     map[string]bool // people whose own record was read already
}

// next reads one page and moves the walk on.
func (p *pull) next(ctx context.Context) (integration.Page, error) {
	var made counter
	if !p.resumed {
		page, again, err := p.begin(ctx, &made)
		if err != nil || again {
			return page, err
		}
	}
	var page integration.Page
	var err error
	switch {
	case len(p.Stops) > 0:
		page, err = p.departments(ctx, &made)
	case len(p.People) > 0:
		page, err = p.people(ctx, &made)
	default:
		page, err = p.end(ctx, &made)
	}
	page.Requests = made.Load()
	return page, err
}

// begin asks for the contact scope. If it is not what it was when the checkpoint
// was made, the walk begins anew: half of it would be of another company.
func (p *pull) begin(ctx context.Context, made *counter) (integration.Page, bool, error) {
	now, err := p.scope(ctx, made)
	if err != nil {
		return integration.Page{}, false, err
	}
	p.resumed = true
	if p.Begun && p.Scope.same(now) {
		return integration.Page{}, false, nil
	}
	if len(now.Departments)+len(now.People) == 0 {
		return integration.Page{}, false, gatehouse.Errorf(gatehouse.Forbidden, "The contact scope of the app in DingTalk is empty, so it may see nobody. An administrator sets it in DingTalk's developer console, under Permissions, to all employees.")
	}
	tops, err := p.tops(ctx, now, made)
	if err != nil {
		return integration.Page{}, false, err
	}
	p.walk = walk{Format: walkFormat, Scope: now, Begun: true, People: now.People}
	for _, id := range slices.Backward(tops) {
		p.Stops = append(p.Stops, stop{ID: id, Top: true})
	}
	return integration.Page{Step: "departments", Requests: made.Load(), Notes: p.blind(now)}, true, nil
}

// tops are the departments at which the walk begins: those of the scope that lie
// in no other one of it.
func (p *pull) tops(ctx context.Context, now scope, made *counter) ([]int64, error) {
	if now.whole() {
		return []int64{rootDepartment}, nil
	}
	inner := make([]bool, len(now.Departments))
	err := each(ctx, len(now.Departments), func(ctx context.Context, i int) error {
		var above struct {
			IDs []int64 `json:"parent_id_list"` // itself first, the root last
		}
		err := p.top(ctx, pathAbove, made, map[string]any{"dept_id": now.Departments[i]}, &above)
		if n := code(err); n == 60003 || n == 50004 {
			return nil
		}
		inner[i] = slices.ContainsFunc(above.IDs, func(id int64) bool {
			return id != now.Departments[i] && slices.Contains(now.Departments, id)
		})
		return err
	})
	var tops []int64
	for i, id := range now.Departments {
		if !inner[i] {
			tops = append(tops, id)
		}
	}
	return tops, err
}

// departments reads a few departments, or their next people, at once.
func (p *pull) departments(ctx context.Context, made *counter) (integration.Page, error) {
	n := min(len(p.Stops), stopsInOne)
	batch := slices.Clone(p.Stops[len(p.Stops)-n:])
	slices.Reverse(batch)
	found := make([]visit, n)
	err := each(ctx, n, func(ctx context.Context, i int) (err error) {
		found[i], err = p.visit(ctx, batch[i], made)
		return err
	})
	if err != nil {
		return integration.Page{}, err
	}
	page := integration.Page{Step: "departments"}
	var rows []personRow
	rest := slices.Clone(p.Stops[:len(p.Stops)-n])
	for _, v := range slices.Backward(found) {
		rest = append(rest, v.next...)
	}
	for _, v := range found {
		if v.hidden {
			p.Hidden++
		}
		if v.resource != nil {
			page.Resources = append(page.Resources, *v.resource)
			p.Found++
		}
		page.Grants = append(page.Grants, v.grants...)
		rows = append(rows, v.people...)
	}
	if len(rest) > mostStops {
		return page, unusable(errors.New("more departments are waiting than any company has"))
	}
	p.Stops = rest
	page.Accounts, err = p.accounts(ctx, rows, made)
	return page, err
}

// visit is what one stop gave.
type visit struct {
	resource *gatehouse.Resource
	people   []personRow
	grants   []gatehouse.Grant
	next     []stop // the rest of it, and what lies below
	hidden   bool
}

// visit reads a department, what lies below it, and one page of its people. A
// department that has gone meanwhile gives nothing.
func (p *pull) visit(ctx context.Context, at stop, made *counter) (visit, error) {
	var v visit
	if !at.Begun {
		var d departmentRow
		err := p.top(ctx, pathDepartment, made, map[string]any{"dept_id": at.ID, "language": "zh_CN"}, &d)
		if n := code(err); n == 60003 || n == 50004 {
			return visit{hidden: n == 50004}, nil
		}
		if err == nil && d.ID != at.ID {
			err = unusable(errors.New("the directory answered with another department than was asked for"))
		}
		if err != nil {
			return v, err
		}
		if err := p.below(ctx, at, d, &v, made); err != nil {
			return v, err
		}
		at.Begun, at.Managers = true, d.Managers
	}
	return v, p.inside(ctx, at, &v, made)
}

// below notes the department and what lies directly below it.
func (p *pull) below(ctx context.Context, at stop, d departmentRow, v *visit, made *counter) error {
	path := pathOf(at.Above, d)
	r := departmentResource(d, path, at.Top)
	v.resource = &r
	var rows []departmentRow
	err := p.top(ctx, pathChildren, made, map[string]any{"dept_id": d.ID, "language": "zh_CN"}, &rows)
	if code(err) == 60003 {
		return nil
	}
	if err != nil {
		return err
	}
	above := path
	if d.ID == rootDepartment {
		above = "" // the company's name is not part of the paths
	}
	for _, r := range rows {
		if r.ID > rootDepartment && r.ID != d.ID {
			v.next = append(v.next, stop{ID: r.ID, Above: above})
		}
	}
	return nil
}

// inside reads one page of the people who are directly in a department.
func (p *pull) inside(ctx context.Context, at stop, v *visit, made *counter) error {
	var list struct {
		More bool        `json:"has_more"`
		Next int64       `json:"next_cursor"`
		List []personRow `json:"list"`
	}
	err := p.top(ctx, pathInside, made, map[string]any{"dept_id": at.ID, "cursor": at.Cursor, "size": listAtOnce, "language": "zh_CN"}, &list)
	if n := code(err); n == 60003 || n == 50004 {
		v.hidden = v.hidden || n == 50004
		return nil
	}
	if err != nil {
		return err
	}
	for _, r := range list.List {
		if r.UserID == "" {
			return unusable(errors.New("somebody without a userid"))
		}
		i := slices.Index(at.Managers, r.UserID)
		if i >= 0 {
			at.Managers = slices.Delete(slices.Clone(at.Managers), i, i+1)
		}
		v.grants = append(v.grants, grant(r.UserID, at.ID, r.Leader || i >= 0))
	}
	v.people = list.List
	if !list.More {
		for _, id := range at.Managers { // who manage it without being in it
			v.grants = append(v.grants, grant(id, at.ID, true))
		}
		return nil
	}
	if list.Next <= at.Cursor {
		return unusable(errors.New("the list of a department's people does not go on"))
	}
	at.Cursor = list.Next
	v.next = append(v.next, at) // before what lies below
	return nil
}

// accounts are the people of some rows who were not met before. Who their
// managers are is told by their own records alone.
func (p *pull) accounts(ctx context.Context, rows []personRow, made *counter) ([]gatehouse.Account, error) {
	var fresh []personRow
	for _, r := range rows {
		if !p.met[r.UserID] {
			p.met[r.UserID] = true
			fresh = append(fresh, r)
		}
	}
	if p.settings.managers {
		err := each(ctx, len(fresh), func(ctx context.Context, i int) error {
			r, err := p.person(ctx, fresh[i].UserID, made)
			switch n := code(err); {
			case n == 60121 || n == 33012 || n == 50002: // left meanwhile: what the list said is what there is
				return nil
			case err != nil:
				return err
			}
			fresh[i] = r
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	all := make([]gatehouse.Account, len(fresh))
	for i, r := range fresh {
		all[i] = p.account(r)
	}
	return all, nil
}

// people reads some of the single people of the scope.
func (p *pull) people(ctx context.Context, made *counter) (integration.Page, error) {
	n := min(len(p.People), listAtOnce)
	rows := make([]*personRow, n)
	err := each(ctx, n, func(ctx context.Context, i int) error {
		r, err := p.person(ctx, p.People[i], made)
		switch code := code(err); {
		case code == 60121 || code == 33012 || code == 50002:
			return nil
		case err != nil:
			return err
		}
		rows[i] = &r
		return nil
	})
	if err != nil {
		return integration.Page{}, err
	}
	page := integration.Page{Step: "accounts"}
	for _, r := range rows {
		if r != nil && !p.met[r.UserID] {
			p.met[r.UserID] = true
			page.Accounts = append(page.Accounts, p.account(*r))
		}
	}
	p.People = p.People[n:]
	return page, nil
}

// end makes sure that the scope is what it was: had it shrunk on the way, lists
// would be shorter and look whole.
func (p *pull) end(ctx context.Context, made *counter) (integration.Page, error) {
	now, err := p.scope(ctx, made)
	if err != nil {
		return integration.Page{}, err
	}
	if !p.Scope.same(now) {
		return integration.Page{}, gatehouse.Errorf(gatehouse.Unavailable, "The contact scope of the app in DingTalk was changed while the directory was read, so it is read again.")
	}
	page := integration.Page{Step: "departments"}
	if p.Hidden > 0 {
		page.Notes = append(page.Notes, gatehouse.Notef("Departments that were listed and could not be read: %d. Who is in them was not seen.", p.Hidden))
	}
	p.Done = true
	return page, nil
}

// each does something n times, several at once, until the first error.
func each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i := range n {
		g.Go(func() error { return do(ctx, i) })
	}
	return g.Wait()
}
