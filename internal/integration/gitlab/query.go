package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse"
)

const (
	sendMore    = 5                // further pages of large sources in one query; each costs about a seventh of what is allowed
	queryLimit  = 32 * time.Second // GitLab gives a query 30 s
	leastBlock  = 5                // sources in a query; below, REST is no slower
	leastMember = 25
)

// blockSize is how much is asked at once. It shrinks when GitLab finds a query
// too complex or takes too long, for all streams, and stays so until the end of
// the pull.
type blockSize struct {
	mu               sync.Mutex
	sources, members int
}

func (b *blockSize) now() (sources, members int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sources, b.members
}

// shrink halves what a query of this size asked for, first the sources, then the
// members of each. It returns false when nothing smaller makes sense.
func (b *blockSize) shrink(sources, members int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sources < sources || b.members < members {
		return true // another stream did
	}
	switch {
	case b.sources > 2*leastBlock:
		b.sources /= 2
	case b.members > leastMember:
		b.members /= 2
	case b.sources > leastBlock:
		b.sources /= 2
	default:
		return false
	}
	return true
}

// part is one piece of a query: some sources from their beginning, or one from
// where its last page ended.
type part struct {
	sources []source
	after   string
}

// queryMembers reads direct members by GraphQL. Sources that are missing in the
// answer were not told whole.
func (p *pull) queryMembers(ctx context.Context, a *api, sources []source) (map[int64]*membership, error) {
	told := map[int64]*membership{}
	var parts []part
	for len(sources) > 0 || len(parts) > 0 {
		size, members := p.block.now()
		batch, rest, left := nextBatch(parts, sources, size)
		more, err := p.ask(ctx, a, batch, members, told)
		switch {
		case err == nil:
			parts, sources = append(rest, more...), left
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case !shrinkable(err):
			return nil, err
		case unknownField(err) || !p.block.shrink(size, members):
			a.log.Warn("GitLab's GraphQL cannot be used for members", "error", err)
			p.blind.Store(true)
			return map[int64]*membership{}, ctx.Err()
		}
	}
	return told, nil
}

// nextBatch takes the further pages first, which keeps few sources open.
func nextBatch(parts []part, sources []source, size int) (batch, rest []part, left []source) {
	if len(parts) >= sendMore || len(sources) == 0 {
		n := min(len(parts), sendMore, max(1, size/leastBlock))
		return parts[:n], slices.Clone(parts[n:]), sources
	}
	n := min(size, len(sources))
	return []part{{sources: sources[:n]}}, parts, sources[n:]
}

// shrinkable says whether a smaller query may do better, or another way.
func shrinkable(err error) bool {
	var known *gatehouse.Error
	var query *queryError
	var no *refusal
	switch {
	case errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &query) || errors.Is(err, errShape):
		return true
	case errors.As(err, &no):
		return no.status >= 500 || no.tooLong || no.foreign || is(err, http.StatusNotFound, http.StatusForbidden, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge)
	case errors.As(err, &known):
		return known.Kind == gatehouse.Unavailable || known.Kind == gatehouse.Upstream
	}
	return errors.Is(err, context.DeadlineExceeded) || broken(err) == 2
}

// unknownField says whether the query will never do in this version.
func unknownField(err error) bool {
	var query *queryError
	if !errors.As(err, &query) {
		return is(err, http.StatusNotFound, http.StatusForbidden)
	}
	m := query.message
	return strings.Contains(m, "doesn't exist on type") || strings.Contains(m, "doesn't accept argument") || strings.Contains(m, "isn't defined")
}

// ask sends one query and adds what it told. It returns what is left to ask of
// sources that have more members than fit on a page.
func (p *pull) ask(ctx context.Context, a *api, batch []part, members int, told map[int64]*membership) ([]part, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*queryLimit)
	defer cancel()
	query, variables := p.query(batch, members)
	var data map[string]struct {
		Nodes []sourceNode `json:"nodes"`
	}
	if err := a.graphQL(ctx, query, variables, &data); err != nil {
		return nil, err
	}
	var more []part
	for i, b := range batch {
		if b.after != "" && len(data[fmt.Sprintf("p%d", i)].Nodes) == 0 {
			delete(told, b.sources[0].id) // half a list is none
		}
		for _, n := range data[fmt.Sprintf("p%d", i)].Nodes {
			s, ok := n.among(b.sources)
			if !ok {
				continue
			}
			m, err := p.told(s, n, told[s.id])
			if err != nil {
				delete(told, s.id) // REST may tell it better
				continue
			}
			told[s.id] = m
			if n.Members.Info.More {
				more = append(more, part{sources: []source{s}, after: n.Members.Info.End})
			}
		}
	}
	return more, nil
}

// query builds the text for a batch. Roles are asked for only where the schema
// has them, since an unknown field fails the whole.
func (p *pull) query(batch []part, members int) (string, map[string]any) {
	list, kind, field := "groups", "Group", "groupMembers"
	if batch[0].sources[0].kind == gatehouse.ResourceProject {
		list, kind, field = "projects", "Project", "projectMembers"
	}
	user := "id"
	if len(p.look.Awaiting) > 0 {
		user = "id username"
	}
	if !p.look.All {
		user = "id username name state bot publicEmail webUrl avatarUrl"
	}
	role := ""
	if p.look.RoleField {
		role = " memberRole { id name }"
	}
	variables := map[string]any{}
	var head, body strings.Builder
	for i, b := range batch {
		shared := ""
		if kind == "Group" && b.after == "" {
			shared = " shared: groupMembers(relations: [SHARED_FROM_GROUPS], first: 1) { nodes { id } }"
		}
		ids := make([]string, len(b.sources))
		for j, s := range b.sources {
			ids[j] = gid(kind, s.id)
		}
		variables[fmt.Sprintf("i%d", i)] = ids
		after := ""
		fmt.Fprintf(&head, " $i%d: [ID!]", i)
		if b.after != "" {
			variables[fmt.Sprintf("a%d", i)] = b.after
			fmt.Fprintf(&head, " $a%d: String", i)
			after = fmt.Sprintf(", after: $a%d", i)
		}
		fmt.Fprintf(&body, "  p%d: %s(ids: $i%d, first: %d) { nodes { id%s\n    members: %s(relations: [DIRECT], first: %d%s) {\n"+
			"      pageInfo { hasNextPage endCursor }\n      nodes { user { %s } accessLevel { integerValue }%s expiresAt createdAt } } } }\n",
			i, list, i, len(b.sources), shared, field, members, after, user, role)
	}
	return "query(" + strings.TrimSpace(head.String()) + ") {\n" + body.String() + "}", variables
}

// What GraphQL tells of a source.
type sourceNode struct {
	ID     string `json:"id"`
	Shared *struct {
		Nodes []struct{} `json:"nodes"`
	} `json:"shared"`
	Members *struct {
		Info struct {
			More bool   `json:"hasNextPage"`
			End  string `json:"endCursor"`
		} `json:"pageInfo"`
		Nodes []memberNode `json:"nodes"`
	} `json:"members"` // null: not for this token
}

type memberNode struct {
	User *userNode `json:"user"` // null: an invitation, or nobody that the token may see
	Role *struct {
		Level int `json:"integerValue"`
	} `json:"accessLevel"`
	Custom *struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"memberRole"`
	ExpiresAt string `json:"expiresAt"`
	CreatedAt string `json:"createdAt"`
}

type userNode struct {
	ID          string `json:"id"`
	Username    string `json:"username"`
	Name        string `json:"name"`
	State       string `json:"state"`
	Bot         bool   `json:"bot"`
	PublicEmail string `json:"publicEmail"`
	WebURL      string `json:"webUrl"`
	AvatarURL   string `json:"avatarUrl"`
}

// among finds which of the sources the node is; nothing else is believed.
func (n sourceNode) among(sources []source) (source, bool) {
	id, err := number(n.ID)
	i := slices.IndexFunc(sources, func(s source) bool { return s.id == id })
	if err != nil || i < 0 {
		return source{}, false
	}
	return sources[i], true
}

// told adds a node to what earlier pages told of the source.
func (p *pull) told(s source, n sourceNode, m *membership) (*membership, error) {
	if m == nil {
		m = &membership{shared: n.Shared != nil && len(n.Shared.Nodes) > 0}
	}
	if n.Members == nil || n.Members.Info.More && n.Members.Info.End == "" {
		return nil, errShape
	}
	for _, row := range n.Members.Nodes {
		if row.User == nil {
			m.skipped++
			continue
		}
		g, err := p.grant(s, row)
		if err != nil {
			return nil, err
		}
		m.grants = append(m.grants, g)
		m.doubt = m.doubt || p.look.waits(row.User.Username) || g.Role.Custom == "" && slices.Contains(p.look.RoleLevels, g.Role.Level)
		if !p.look.All {
			u := row.User
			account := userRow{
				Username: u.Username, Name: u.Name, State: strings.ToLower(u.State), Bot: u.Bot,
				PublicEmail: u.PublicEmail, WebURL: u.WebURL, AvatarURL: u.AvatarURL,
			}.account()
			account.ID = g.AccountID
			m.accounts = append(m.accounts, account)
		}
	}
	return m, nil
}

func (p *pull) grant(s source, row memberNode) (gatehouse.Grant, error) {
	user, err := number(row.User.ID)
	if err != nil {
		return gatehouse.Grant{}, err
	}
	if row.Role == nil {
		return gatehouse.Grant{}, errShape
	}
	g := gatehouse.Grant{
		AccountID: text(user), ResourceID: s.resource(), Role: gatehouse.Role{Level: row.Role.Level},
		ExpiresAt: day(row.ExpiresAt), GrantedAt: second(row.CreatedAt),
	}
	if row.Custom != nil {
		custom, err := number(row.Custom.ID)
		if err != nil {
			return gatehouse.Grant{}, err
		}
		g.Role.Custom, g.Role.Name = text(custom), row.Custom.Name
	}
	return g, nil
}
