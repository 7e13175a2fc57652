package gitlab

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
)

// source is a group or project that has members.
type source struct {
	kind gatehouse.ResourceKind
	id   int64
}

func (s source) resource() gatehouse.ResourceID {
	if s.kind == gatehouse.ResourceProject {
		return projectID(s.id)
	}
	return groupID(s.id)
}

// path is where the REST API has it.
func (s source) path() string {
	if s.kind == gatehouse.ResourceProject {
		return "/projects/" + text(s.id)
	}
	return "/groups/" + text(s.id)
}

func parsePositive(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || text(n) != s {
		return 0, errShape
	}
	return n, nil
}

// membership is what one source says of its direct members.
type membership struct {
	grants   []gatehouse.Grant
	accounts []gatehouse.Account // as seen on the way, for tokens that cannot list accounts
	skipped  int64               // invitations without an account, which are not told whom
	invited  []gatehouse.Account // those who are
	shared   bool                // somebody is a member through a group that is invited here or above
	doubt    bool                // GraphQL may not have told all of a membership; REST does
}

// harvest is what the members of a page of sources give.
type harvest struct {
	grants                  []gatehouse.Grant
	accounts                []gatehouse.Account
	skipped, hidden, single int64
	shared                  []int64 // groups that may have shares of their own
	empty                   []int64 // groups whose invitations GraphQL would not show
	queried                 bool    // GraphQL told of them
	invited                 []gatehouse.Account
	gaps                    []gatehouse.Gap
}

func (h *harvest) mark(st *state) {
	st.Skipped += h.skipped
	st.Hidden += h.hidden
	st.Plain += h.single
}

// members reads the direct members of up to a page of sources of one kind: by
// one GraphQL query, and over REST what GraphQL does not tell whole: also the
// members of groups that a directory keeps.
func (p *pull) members(ctx context.Context, a *api, sources []source, directory map[int64]bool) (*harvest, error) {
	told := map[int64]*membership{}
	if p.look.GraphQL && !p.blind.Load() {
		var err error
		if told, err = p.queryMembers(ctx, a, sources); err != nil {
			return nil, err
		}
	}
	found := make([]*membership, len(sources))
	hidden := make([]bool, len(sources))
	err := each(ctx, len(sources), func(ctx context.Context, i int) error {
		m, unseen, err := p.membersOf(ctx, a, sources[i], told[sources[i].id], directory[sources[i].id])
		found[i], hidden[i] = m, unseen
		return err
	})
	if err != nil {
		return nil, err
	}
	h := &harvest{queried: len(told) > 0}
	for i, m := range found {
		h.add(sources[i], m)
		if hidden[i] {
			h.hidden++
			h.gaps = append(h.gaps, gatehouse.Gap{ResourceID: sources[i].resource(), Why: gatehouse.GapMembers})
		}
		if h.queried && told[sources[i].id] == nil {
			h.single++
		}
	}
	if p.look.All {
		h.accounts = nil // the list of accounts tells more of them
	}
	for i := range h.accounts {
		h.accounts[i] = p.outsider(h.accounts[i])
	}
	h.accounts = distinct(append(h.accounts, h.invited...))
	return h, nil
}

// membersOf completes what GraphQL told of one source (nil: nothing). hidden: the
// token may not see who its members are.
func (p *pull) membersOf(ctx context.Context, a *api, s source, m *membership, directory bool) (_ *membership, hidden bool, err error) {
	plain := m == nil
	if plain || m.doubt || directory {
		listed, err := p.listMembers(ctx, a, s)
		if is(err, http.StatusForbidden, http.StatusNotFound) && !insufficient(err) {
			return &membership{shared: true}, is(err, http.StatusForbidden), nil // 404: gone since
		}
		if err != nil {
			return nil, false, err
		}
		if listed.shared = true; m != nil {
			listed.shared, listed.skipped = m.shared, m.skipped // REST tells neither
		}
		m = listed
	}
	if m.skipped > 0 || plain {
		err = p.addInvitations(ctx, a, s, m)
	}
	return m, false, err
}

func (h *harvest) add(s source, m *membership) {
	h.grants = append(h.grants, m.grants...)
	h.accounts = append(h.accounts, m.accounts...)
	h.invited = append(h.invited, m.invited...)
	h.skipped += m.skipped
	if s.kind != gatehouse.ResourceGroup {
		return
	}
	if m.shared {
		h.shared = append(h.shared, s.id)
	}
	if !slices.ContainsFunc(m.grants, func(g gatehouse.Grant) bool { return g.Role.Level > minimalAccess && g.State != stateInvited }) {
		h.empty = append(h.empty, s.id)
	}
}

// minimalAccess exists on top-level groups of the Enterprise Edition only, and
// gives nothing through shares. GraphQL's direct members have it there: the
// Enterprise Edition's finder lifts the filter of the open-source one for groups
// that may have it (ee/app/finders/ee/group_members_finder.rb).
const minimalAccess = 5

// listMembers reads the direct members of one source over REST. The list has
// offset pages only, so with more than one page the number of rows is held
// against the total; a list that does not fit is read once more.
func (p *pull) listMembers(ctx context.Context, a *api, s source) (*membership, error) {
	for again := range 2 {
		rows, whole, err := memberRows(ctx, a, s)
		if err != nil {
			return nil, err
		}
		if whole {
			m := &membership{}
			for _, r := range rows {
				m.grants = append(m.grants, r.grant(s.resource()))
				m.accounts = append(m.accounts, r.account())
			}
			return m, nil
		}
		a.log.Debug("members changed while they were read", "source", s.path(), "again", again)
	}
	return nil, gatehouse.Errorf(gatehouse.Unavailable, "The pull was given up, because GitLab's list of %s kept changing while it was read. Try again at a quieter time.", "members")
}

func memberRows(ctx context.Context, a *api, s source) (rows []memberRow, whole bool, err error) {
	seen, first := map[int64]bool{}, int64(-1)
	for page := 1; ; page++ {
		var more []memberRow
		q := url.Values{"per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(page)}}
		header, err := a.get(ctx, classMembers, s.path()+"/members", q, &more)
		if err != nil {
			return nil, false, err
		}
		for _, r := range more {
			if r.ID <= 0 {
				return nil, false, errShape
			}
			if !seen[r.ID] {
				seen[r.ID] = true
				rows = append(rows, r)
			}
		}
		if page == 1 {
			first = total(header)
		}
		if header.Get("X-Next-Page") == "" || len(more) == 0 {
			n := total(header)
			return rows, n < 0 || page == 1 || n == first && n == int64(len(rows)), nil
		}
	}
}

// distinct keeps the first row of each account.
func distinct(all []gatehouse.Account) []gatehouse.Account {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(a gatehouse.Account) bool {
		again := seen[a.ID]
		seen[a.ID] = true
		return again
	})
}

// asked is how many groups without members are asked where they are invited;
// GitLab permits 60 a minute.
const asked = 40

// groupShares reads the shares of those groups of a page that may have any.
// GitLab lists them nowhere but in the group itself.
func (p *pull) groupShares(ctx context.Context, a *api, h *harvest) (shares []gatehouse.Share, asked int, err error) {
	targets := slices.Clone(h.shared)
	asked = len(h.empty)
	if h.queried { // else every group is read for its shares anyway
		var more []int64
		if more, asked, err = p.emptyGroups(ctx, a, h.empty); err != nil {
			return nil, 0, err
		}
		targets = append(targets, more...)
	}
	slices.Sort(targets)
	targets = slices.Compact(targets)
	found, closed := make([][]gatehouse.Share, len(targets)), make([]bool, len(targets))
	err = each(ctx, len(targets), func(ctx context.Context, i int) error {
		var row groupRow
		_, err := a.get(ctx, classGroup, "/groups/"+text(targets[i]), url.Values{"with_projects": {"false"}}, &row)
		if is(err, http.StatusNotFound) {
			return nil // gone since
		}
		if is(err, http.StatusForbidden) && !insufficient(err) {
			closed[i] = true
			return nil
		}
		if err == nil && row.ID != targets[i] {
			err = errShape
		}
		for _, sh := range row.SharedWithGroups {
			found[i] = append(found[i], sh.share(groupID(row.ID), p.look.Roles))
		}
		return err
	})
	for i, id := range targets {
		if closed[i] && !slices.ContainsFunc(h.gaps, func(g gatehouse.Gap) bool { return g.ResourceID == groupID(id) }) {
			h.gaps = append(h.gaps, gatehouse.Gap{ResourceID: groupID(id), Why: gatehouse.GapShares})
		}
	}
	return slices.Concat(found...), asked, err
}

// emptyGroups asks groups without members where they are invited. GraphQL shows
// a share by the people who come through it, so the share of a group that has
// none is not seen. It gives nobody access, so there is a limit to the effort:
// what stays unasked is counted and told.
func (p *pull) emptyGroups(ctx context.Context, a *api, empty []int64) (targets []int64, done int, err error) {
	p.mu.Lock()
	done = min(len(empty), max(0, asked-int(p.state.Asked)))
	p.state.Asked += int64(done)
	p.mu.Unlock()
	found := make([][]int64, done)
	err = each(ctx, done, func(ctx context.Context, i int) error {
		rows, err := readAll[groupRow](ctx, a, classShared, "/groups/"+text(empty[i])+"/groups/shared", nil)
		if is(err, http.StatusNotFound, http.StatusForbidden, http.StatusMethodNotAllowed) && !insufficient(err) {
			return nil // gone since, or a version without the list
		}
		for _, r := range rows {
			found[i] = append(found[i], r.ID)
		}
		return err
	})
	return slices.Concat(found...), done, err
}

// visibleMemberships lists the memberships of an account that the token may see.
func (s *Source) visibleMemberships(ctx context.Context, user int64) ([]source, error) {
	const query = `query($ids: [ID!]) { users(ids: $ids, first: 1) { nodes {
  groupMemberships(first: 100) { nodes { group { id } } }
  projectMemberships(first: 100) { nodes { project { id } } }
} } }`
	type place struct {
		ID string `json:"id"`
	}
	type places struct {
		Nodes []struct {
			Group   *place `json:"group"`
			Project *place `json:"project"`
		} `json:"nodes"`
	}
	var data struct {
		Users struct {
			Nodes []struct {
				Groups   places `json:"groupMemberships"`
				Projects places `json:"projectMemberships"`
			} `json:"nodes"`
		} `json:"users"`
	}
	if err := s.api.graphQL(ctx, query, map[string]any{"ids": []string{gid("User", user)}}, &data); err != nil {
		return nil, err
	}
	var sources []source
	add := func(kind gatehouse.ResourceKind, at *place) {
		if at == nil {
			return // not to be seen
		}
		if id, err := number(at.ID); err == nil {
			sources = append(sources, source{kind: kind, id: id})
		}
	}
	for _, u := range data.Users.Nodes {
		for _, n := range u.Groups.Nodes {
			add(gatehouse.ResourceGroup, n.Group)
		}
		for _, n := range u.Projects.Nodes {
			add(gatehouse.ResourceProject, n.Project)
		}
	}
	return sources, nil
}

func gid(kind string, id int64) string { return "gid://gitlab/" + kind + "/" + text(id) }

// number is the end of a global id: 42 of gid://gitlab/User/42.
func number(global string) (int64, error) {
	if !strings.HasPrefix(global, "gid://") {
		return 0, errors.Join(errShape, errors.New("no global id"))
	}
	return parsePositive(global[strings.LastIndexByte(global, '/')+1:])
}
