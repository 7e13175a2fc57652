package gitlab

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"gatehouse"
	"gatehouse/internal/integration"
)

// pull is one reading of a GitLab. Three lists are read at once: accounts,
// groups and projects, each in pages of 100 that go on by themselves: a page of
// groups or projects is followed by the members (one GraphQL query) and shares
// of just these, so that members always belong to what was listed, and a page
// is done or not done as a whole.
//
// What is assured: every row that existed from the beginning of the pull to its
// end is in it, or the pull ends with an error (see readList). A row that came
// or went meanwhile may or may not be. One thing is not looked for without
// limit: where a group that has no members is invited to, since GraphQL does not
// show such a share and it gives nobody access today (see emptyGroups).
type pull struct {
	api   *api
	look  *look
	blind atomic.Bool // GraphQL failed in a way that will not pass
	block blockSize

	out   chan integration.Page
	mu    sync.Mutex // guards state, and keeps pages in the order of their checkpoints
	state state
}

// Pull reads accounts, groups, projects, direct memberships and shares.
func (s *Source) Pull(ctx context.Context, from integration.Checkpoint) iter.Seq2[integration.Page, error] {
	return func(yield func(integration.Page, error) bool) {
		st, err := parseCheckpoint(from)
		if err != nil {
			yield(integration.Page{}, err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		p := &pull{api: s.api, state: st, out: make(chan integration.Page), block: blockSize{sources: perPage, members: perPage}}
		done := make(chan error, 1)
		go func() {
			defer close(p.out)
			done <- p.run(ctx, s)
		}()
		defer func() { // also when the consumer stops or panics
			cancel()
			for range p.out { // until the last stream has ended
			}
		}()
		for page := range p.out {
			if !yield(page, nil) {
				return
			}
		}
		if err := <-done; err != nil {
			yield(integration.Page{}, explain(err, s.host()))
		}
	}
}

func (p *pull) run(ctx context.Context, s *Source) error {
	if err := p.begin(ctx, s); err != nil {
		return err
	}
	if err := p.companies(ctx); err != nil {
		return err
	}
	g, all := errgroup.WithContext(ctx)
	if p.look.All {
		g.Go(func() error { return readList(all, p, p.accounts()) })
	}
	g.Go(func() error { return readList(all, p, p.groups()) })
	g.Go(func() error { return readList(all, p, p.projects()) })
	if err := g.Wait(); err != nil {
		return err
	}
	return p.end(ctx)
}

// begin looks around, unless the checkpoint knows already.
func (p *pull) begin(ctx context.Context, s *Source) error {
	if p.look = p.state.Look; p.look != nil {
		return nil
	}
	a := p.api.counted()
	l, err := s.look(ctx, a)
	if err != nil {
		return err
	}
	if err := l.readRoles(ctx, a); err != nil {
		return fmt.Errorf("list custom roles: %w", err)
	}
	if err := l.readAwaiting(ctx, a); err != nil {
		return fmt.Errorf("list pending members: %w", err)
	}
	if err := l.readTypes(ctx, a); err != nil {
		return fmt.Errorf("list bots: %w", err)
	}
	if err := l.readRoots(ctx, a); err != nil {
		return fmt.Errorf("list owned groups: %w", err)
	}
	p.look = l
	page := integration.Page{Step: "accounts", Notes: l.notes, Requests: a.made.Load()}
	return p.emit(ctx, page, func(st *state) { st.Look = l })
}

// end makes sure that the token sees everything still: had it lost its rights on
// the way (or since the checkpoint), lists would be shorter and look whole. Then
// it says what a person should know of the pull.
func (p *pull) end(ctx context.Context) error {
	if p.state.Noted {
		return nil
	}
	a := p.api.counted()
	if p.look.All {
		var users []userRow
		if _, err := a.get(ctx, classUsers, "/users", url.Values{"per_page": {"1"}}, &users); err != nil {
			return err
		}
		if len(users) == 0 || !users[0].full() {
			return errAdminMode()
		}
	}
	page := integration.Page{Step: "shares", Notes: p.notes(), Requests: a.made.Load()}
	return p.emit(ctx, page, func(st *state) { st.Noted = true })
}

func (p *pull) notes() []gatehouse.Note {
	var notes []gatehouse.Note
	note := func(so bool, n gatehouse.Note) {
		if so {
			notes = append(notes, n)
		}
	}
	st := &p.state
	note(st.Skipped > 0, gatehouse.Notef("Pending invitations of people without an account, left out: %d.", st.Skipped))
	note(st.Hidden > 0, gatehouse.Notef("Groups and projects whose members the token may not list: %d. Who has access there was not seen.", st.Hidden))
	note(st.Plain > 0, gatehouse.Notef("Groups and projects that GraphQL did not tell whole and that were read one by one: %d.", st.Plain))
	note(st.Empty > 0, gatehouse.Notef("Groups without members that were not asked where they are invited: %d. Such an invitation gives nobody access today.", st.Empty))
	note(st.Groups.Chains != nil, gatehouse.Notef("There are more than 10,000 groups. GitLab then gives no means to prove that none was missed while others were deleted."))
	return notes
}

// emit yields a page after marking its progress. The lock is held until the
// consumer took it: pages arrive in the order of their checkpoints, and each
// checkpoint counts exactly the pages up to its own.
func (p *pull) emit(ctx context.Context, page integration.Page, mark func(*state)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if mark != nil {
		mark(&p.state)
	}
	next, err := p.state.checkpoint()
	if err != nil {
		return err
	}
	page.Next = next
	select {
	case p.out <- page:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// now is a copy of the progress of a list.
func (p *pull) now(of func(*state) *progress) progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := *of(&p.state)
	c.Pages, c.Chains = slices.Clone(c.Pages), slices.Clone(c.Chains)
	return c
}

// accounts is the list of accounts. It is read only with a token that sees
// everything: what others get is without addresses and, on GitLab.com, everybody.
func (p *pull) accounts() list[userRow] {
	return list[userRow]{
		name: "accounts", class: classUsers, path: "/users", paging: byCursor,
		of:   func(st *state) *progress { return &st.Accounts },
		unit: p.accountPage,
	}
}

func (p *pull) accountPage(ctx context.Context, a *api, rows []userRow, mark func(*state)) error {
	page := integration.Page{Step: "accounts"}
	for _, r := range rows {
		if !r.full() { // Admin Mode was switched on, or the token lost its rights
			return errAdminMode()
		}
		page.Accounts = append(page.Accounts, p.look.account(r))
	}
	page.Requests = a.made.Load()
	return p.emit(ctx, page, mark)
}

func (p *pull) groups() list[groupRow] {
	return list[groupRow]{
		name: "groups", class: classGroups, path: "/groups", paging: byPage,
		of:   func(st *state) *progress { return &st.Groups },
		unit: p.groupPage,
	}
}

func (p *pull) projects() list[projectRow] {
	l := list[projectRow]{
		name: "projects", class: classProjects, path: "/projects", paging: byID,
		of:   func(st *state) *progress { return &st.Projects },
		unit: p.projectPage,
	}
	if !p.look.All { // of the others the token knows the names at best
		l.query = url.Values{"membership": {"true"}}
	}
	return l
}

// projectPage adds the members of a page of projects. Their shares are in the
// rows.
func (p *pull) projectPage(ctx context.Context, a *api, rows []projectRow, mark func(*state)) error {
	page := integration.Page{Step: "projects"}
	sources := make([]source, 0, len(rows))
	for _, r := range rows {
		x := r.resource()
		page.Resources = append(page.Resources, x)
		for _, sh := range r.SharedWithGroups {
			page.Shares = append(page.Shares, sh.share(x.ID, p.look.Roles))
		}
		sources = append(sources, source{kind: x.Kind, id: r.ID})
	}
	m, err := p.members(ctx, a, sources, nil)
	if err != nil {
		return fmt.Errorf("read members of projects: %w", err)
	}
	page.Grants, page.Seen, page.Gaps, page.Requests = m.grants, m.accounts, m.gaps, a.made.Load()
	return p.emit(ctx, page, func(st *state) { m.mark(st); mark(st) })
}

// groupPage adds the members of a page of groups and their shares. All of it is
// one page: what is staged and not in the checkpoint would be read again.
func (p *pull) groupPage(ctx context.Context, a *api, rows []groupRow, mark func(*state)) error {
	page := integration.Page{Step: "groups"}
	directory := map[int64]bool{} // groups whose members REST tells to be a directory's
	sources := make([]source, 0, len(rows))
	for _, r := range rows {
		page.Resources = append(page.Resources, r.resource())
		sources = append(sources, source{kind: gatehouse.ResourceGroup, id: r.ID})
		if len(r.LDAPLinks) > 0 {
			directory[r.ID] = true
		}
	}
	m, err := p.members(ctx, a, sources, directory)
	if err != nil {
		return fmt.Errorf("read members of groups: %w", err)
	}
	shares, asked, err := p.groupShares(ctx, a, m)
	if err != nil {
		return fmt.Errorf("read shares of groups: %w", err)
	}
	page.Grants, page.Seen, page.Shares, page.Gaps, page.Requests = m.grants, m.accounts, shares, m.gaps, a.made.Load()
	return p.emit(ctx, page, func(st *state) {
		m.mark(st)
		st.Empty += int64(len(m.empty) - asked)
		mark(st)
	})
}
