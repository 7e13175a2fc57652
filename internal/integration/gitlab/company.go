package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"gatehouse"
	"gatehouse/internal/integration"
)

// company is how far the accounts of a top-level group are read. On GitLab.com,
// and with the token of a group's owner, there is no list of all accounts: who
// belongs to the company is told by its enterprise users, whose addresses and
// sign-ins its owners may see, and who costs money by its billable members. All
// others are met as members, and come from outside.
type company struct {
	Root     int64 `json:"root"`
	Users    lane  `json:"users"`
	Billable lane  `json:"billable"`
}

// lane is how far a list is that is read page after page.
type lane struct {
	Pages int   `json:"pages,omitempty"`
	Rows  int64 `json:"rows,omitempty"`
	Total int64 `json:"total,omitempty"` // as the first page said; -1: it did not
	Again bool  `json:"again,omitempty"` // read anew, since it changed while it was read
	Done  bool  `json:"done,omitempty"`
}

// readRoots learns which top-level groups the token's person owns.
func (l *look) readRoots(ctx context.Context, a *api) error {
	if l.All || !l.Enterprise {
		return nil
	}
	rows, err := readAll[groupRow](ctx, a, classGroups, "/groups", url.Values{"owned": {"true"}, "top_level_only": {"true"}, "order_by": {"id"}, "sort": {"asc"}})
	for _, r := range rows {
		if r.ParentID == 0 && r.ID > 0 {
			l.Roots = append(l.Roots, r.ID)
		}
	}
	return err
}

// companies reads the accounts of the owned groups: those of the company first,
// since what they tell counts before what is met on the way.
func (p *pull) companies(ctx context.Context) error {
	if p.now(func(st *state) *progress { return &st.Accounts }).Done || p.look.All {
		return nil
	}
	p.mu.Lock()
	if p.state.Companies == nil {
		for _, root := range p.look.Roots {
			p.state.Companies = append(p.state.Companies, company{Root: root})
		}
	}
	n := len(p.state.Companies)
	p.mu.Unlock()
	for _, read := range []func(context.Context, int) error{p.enterpriseUsers, p.billableMembers} {
		if err := each(ctx, n, read); err != nil {
			return err
		}
	}
	return nil
}

func (p *pull) enterpriseUsers(ctx context.Context, i int) error {
	return readLane(ctx, p, i, "/enterprise_users", func(c *company) *lane { return &c.Users },
		func(rows []userRow) (page integration.Page, mark func(*state)) {
			for _, r := range rows {
				page.Accounts = append(page.Accounts, p.look.account(r))
			}
			return page, func(st *state) { st.Insiders = st.Insiders || len(rows) > 0 }
		})
}

// billableRow is somebody who counts for the price of a group.
type billableRow struct {
	userRow
	LastLoginAt string `json:"last_login_at"`
}

func (p *pull) billableMembers(ctx context.Context, i int) error {
	return readLane(ctx, p, i, "/billable_members", func(c *company) *lane { return &c.Billable },
		func(rows []billableRow) (page integration.Page, mark func(*state)) {
			for _, r := range rows {
				a := p.outsider(r.account())
				a.LastSignInAt = moment(r.LastLoginAt)
				page.Seen = append(page.Seen, a)
			}
			return page, nil
		})
}

// outsider marks a person who is not among the company's own accounts, where
// GitLab tells these: rows that tell more take the mark away.
func (p *pull) outsider(a gatehouse.Account) gatehouse.Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	a.External = a.External || p.state.Insiders && a.Type == gatehouse.AccountPerson
	return a
}

// readLane reads a list of a top-level group. Groups that have no such list, or
// do not show it to this token, have an empty one. If rows went away while it was
// read, it is read again, and then given up.
func readLane[T numbered](ctx context.Context, p *pull, i int, path string, of func(*company) *lane, shape func([]T) (integration.Page, func(*state))) error {
	for {
		p.mu.Lock()
		c := p.state.Companies[i]
		p.mu.Unlock()
		at := *of(&c)
		if at.Done {
			return nil
		}
		a := p.api.counted()
		rows, header, err := lanePage[T](ctx, a, "/groups/"+text(c.Root)+path, at.Pages+1)
		if is(err, http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed) && !insufficient(err) {
			rows, header, err = nil, http.Header{}, nil
		}
		if err != nil {
			return fmt.Errorf("read %s of group %d: %w", path, c.Root, err)
		}
		next, err := at.follow(int64(len(rows)), header)
		if err != nil {
			return err
		}
		page, mark := shape(rows)
		page.Step, page.Requests = "accounts", a.made.Load()
		err = p.emit(ctx, page, func(st *state) {
			*of(&st.Companies[i]) = next
			if mark != nil {
				mark(st)
			}
		})
		if err != nil {
			return err
		}
	}
}

func lanePage[T numbered](ctx context.Context, a *api, path string, number int) ([]T, http.Header, error) {
	var rows []T
	header, err := a.get(ctx, classMembers, path, url.Values{"per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(number)}}, &rows)
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

// follow says where a lane goes on after a page.
func (l lane) follow(rows int64, header http.Header) (lane, error) {
	if l.Pages == 0 {
		l.Total = total(header)
	}
	l.Pages++
	l.Rows += rows
	if header.Get("X-Next-Page") != "" && rows > 0 {
		return l, nil
	}
	now := total(header)
	switch {
	case l.Pages == 1, now < 0, now == l.Total && l.Rows >= now:
		l.Done = true
	case l.Again:
		return l, gatehouse.Errorf(gatehouse.Unavailable, "The pull was given up, because GitLab's list of %s kept changing while it was read. Try again at a quieter time.", "accounts")
	default:
		l = lane{Again: true}
	}
	return l, nil
}
