package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
)

// look is what a GitLab says of itself and of the token, before anything is
// read. It is kept in the checkpoint, so that a pull does not change its way in
// the middle.
type look struct {
	Version    string            `json:"version"`
	Enterprise bool              `json:"ee,omitempty"`
	Actor      string            `json:"actor"`
	All        bool              `json:"all,omitempty"`     // rows of administrators: everything is seen
	GraphQL    bool              `json:"graphql,omitempty"` // it can be used for members
	RoleField  bool              `json:"rolefield,omitempty"`
	Roles      map[string]string `json:"roles,omitempty"`    // names of custom roles by id
	RoleLevels []int             `json:"levels,omitempty"`   // their base levels, where GraphQL does not tell them apart
	Awaiting   []string          `json:"awaiting,omitempty"` // usernames of those who wait for approval anywhere
	TypeField  bool              `json:"typefield,omitempty"`
	Roots      []int64           `json:"roots,omitempty"` // top-level groups that the token's person owns, where it does not see everything
	// Types of accounts that are no people, by id; nil: they are told apart by
	// their names.
	Types map[string]gatehouse.AccountType `json:"types,omitempty"`

	scopes  []string
	expires string
	notes   []gatehouse.Note
}

func (l *look) note(n gatehouse.Note) { l.notes = append(l.notes, n) }

// look asks five questions, none of which changes anything.
func (s *Source) look(ctx context.Context, a *api) (*look, error) {
	l := &look{}
	var version struct {
		Version    string `json:"version"`
		Enterprise bool   `json:"enterprise"`
	}
	_, err := a.get(ctx, classOther, "/version", nil, &version)
	if err != nil && (is(err, http.StatusNotFound) || errors.Is(err, errShape)) || err == nil && version.Version == "" {
		return nil, errStranger(s.host()).Because(err)
	}
	if err != nil {
		return nil, err
	}
	l.Version, l.Enterprise = version.Version, version.Enterprise || strings.HasSuffix(version.Version, "-ee")
	if err := l.readToken(ctx, a); err != nil {
		return nil, err
	}
	if err := l.readActor(ctx, a); err != nil {
		return nil, err
	}
	return l, l.readGraphQL(ctx, a)
}

// readToken asks what the token may do. GitLab answers 400 to an OAuth token,
// which tells of itself elsewhere.
func (l *look) readToken(ctx context.Context, a *api) error {
	var self struct {
		Scopes    []string `json:"scopes"`
		ExpiresAt string   `json:"expires_at"`
	}
	_, err := a.get(ctx, classOther, "/personal_access_tokens/self", nil, &self)
	if is(err, http.StatusBadRequest, http.StatusNotFound) {
		var info struct {
			Scope []string `json:"scope"`
		}
		if err := a.root(ctx, "/oauth/token/info", &info); err != nil && ctx.Err() != nil {
			return err
		}
		self.Scopes, err = info.Scope, nil
	}
	if err != nil {
		return err
	}
	l.scopes, l.expires = self.Scopes, self.ExpiresAt
	if l.scopes == nil { // unknown: a refusal names what is missing
		_, err := a.get(ctx, classGroups, "/groups", url.Values{"per_page": {"1"}}, &[]groupRow{})
		return err
	}
	if !l.has("api") && !l.has("read_api") {
		return errScope("read_api")
	}
	if !l.has("api") {
		l.note(gatehouse.Notef("The token has the scope read_api: everything can be read, but changes will need the scope api."))
	}
	return nil
}

func (l *look) has(scope string) bool { return slices.Contains(l.scopes, scope) }

// readActor finds out whether the token sees everything. The list of users
// decides, not the account: with Admin Mode on, a token without the scope
// admin_mode gets the answers of an ordinary account and no error, and a pull
// that believed them would see most of the company vanish.
func (l *look) readActor(ctx context.Context, a *api) error {
	var me struct {
		userRow
		IsAuditor bool `json:"is_auditor"`
	}
	if _, err := a.get(ctx, classOther, "/user", nil, &me); err != nil {
		return err
	}
	if me.ID <= 0 {
		return errShape
	}
	l.Actor = me.Username
	var users []userRow
	if _, err := a.get(ctx, classUsers, "/users", url.Values{"per_page": {"1"}}, &users); err != nil {
		return err
	}
	l.All = len(users) > 0 && users[0].full()
	if !l.All && (me.IsAdmin != nil && *me.IsAdmin || me.IsAuditor) {
		return errAdminMode()
	}
	return nil
}

// full says whether the row is one that only those get who see everything.
func (r userRow) full() bool { return r.IsAdmin != nil && r.Email != nil }

// introspection asks for what differs between versions and editions. The limit
// of complexity is 300 for administrators, whether or not Admin Mode lets this
// token be one: the only sign of it that GitLab gives to such a token.
const introspection = `{
  queryComplexity { limit }
  group: __type(name: "GroupMember") { fields { name } }
  project: __type(name: "ProjectMember") { fields { name } }
  user: __type(name: "UserCore") { fields { name } }
}`

const adminComplexity = 300

type typeFields struct {
	Fields []struct {
		Name string `json:"name"`
	} `json:"fields"`
}

func (t *typeFields) has(name string) bool {
	if t == nil {
		return false
	}
	for _, f := range t.Fields {
		if f.Name == name {
			return true
		}
	}
	return false
}

// readGraphQL decides whether members can be read by GraphQL. Where it is
// refused there is another way, so that is a note and no error.
func (l *look) readGraphQL(ctx context.Context, a *api) error {
	var data struct {
		Complexity *struct {
			Limit int `json:"limit"`
		} `json:"queryComplexity"`
		Group   *typeFields `json:"group"`
		Project *typeFields `json:"project"`
		User    *typeFields `json:"user"`
	}
	err := a.graphQL(ctx, introspection, nil, &data)
	switch {
	case ctx.Err() != nil:
		return err
	case err != nil:
		a.log.Info("GitLab refuses GraphQL", "error", err)
		l.note(gatehouse.Notef("GraphQL is refused, so members are read from every group and project one by one, which takes many more requests."))
	case !data.Group.has("accessLevel") || !data.Project.has("accessLevel"):
		l.note(gatehouse.Notef("GraphQL does not tell the members' roles, so they are read from every group and project one by one, which takes many more requests."))
	default:
		l.GraphQL, l.TypeField = true, data.User.has("type")
		l.RoleField = data.Group.has("memberRole") && data.Project.has("memberRole")
	}
	if l.All {
		return nil
	}
	if data.Complexity != nil && data.Complexity.Limit >= adminComplexity {
		return errAdminMode()
	}
	l.note(gatehouse.Notef("The token belongs to %[1]s, who is not an administrator: only the groups and projects that %[1]s"+
		" is a member of are read, with the accounts found there, and without their addresses. What is missing was not seen; it does not mean that nobody has access. "+
		"If %[1]s is an administrator, GitLab's Admin Mode is on: make a token with the scopes api and admin_mode.", l.Actor))
	return nil
}

// probe puts what was seen into the contract's words.
func (l *look) probe() integration.Probe {
	edition := "ce"
	if l.Enterprise {
		edition = "ee"
	}
	return integration.Probe{
		Version: l.Version, Edition: edition, Actor: l.Actor, Admin: l.All,
		Scopes: l.scopes, ExpiresAt: l.expires, Notes: l.notes,
	}
}

// readRoles learns the names of custom roles, which only the Enterprise Edition
// has, and only administrators may list.
func (l *look) readRoles(ctx context.Context, a *api) error {
	if !l.Enterprise || !l.All {
		return nil
	}
	var rows []roleRow
	_, err := a.get(ctx, classOther, "/member_roles", nil, &rows)
	if is(err, http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusUnauthorized) {
		return nil // no licence for them, so nobody has one
	}
	if err != nil {
		return err
	}
	l.Roles = map[string]string{}
	for _, r := range rows {
		l.Roles[text(r.ID)] = r.Name
		if !l.RoleField && !slices.Contains(l.RoleLevels, r.BaseLevel) {
			l.RoleLevels = append(l.RoleLevels, r.BaseLevel)
		}
	}
	return nil
}

// readAwaiting learns who waits for approval as a member, anywhere: GraphQL does
// not tell it of a membership. Only the Enterprise Edition has such members, and
// names each person once for everything below a top-level group; where the
// person waits is then read from the sources themselves (see doubt).
func (l *look) readAwaiting(ctx context.Context, a *api) error {
	if !l.Enterprise || !l.GraphQL {
		return nil
	}
	roots, err := readAll[groupRow](ctx, a, classGroups, "/groups", url.Values{"top_level_only": {"true"}, "order_by": {"id"}, "sort": {"asc"}})
	if err != nil {
		return err
	}
	found := make([][]string, len(roots))
	err = each(ctx, len(roots), func(ctx context.Context, i int) error {
		names, err := awaitingIn(ctx, a, roots[i].ID)
		found[i] = names
		return err
	})
	if errors.Is(err, errNoList) {
		l.note(gatehouse.Notef("This GitLab does not list memberships that wait for approval; they count as active."))
		return nil
	}
	l.Awaiting = slices.Compact(slices.Sorted(slices.Values(slices.Concat(found...))))
	return err
}

var errNoList = errors.New("there is no list of pending members")

func awaitingIn(ctx context.Context, a *api, group int64) ([]string, error) {
	type row struct {
		Username string `json:"username"`
		Approved bool   `json:"approved"`
	}
	rows, err := readAll[row](ctx, a, classMembers, "/groups/"+text(group)+"/pending_members", nil)
	var no *refusal
	switch {
	case errors.As(err, &no) && no.status == http.StatusNotFound && strings.Contains(no.message, "Group"):
		return nil, nil // the group is gone since
	case is(err, http.StatusNotFound, http.StatusMethodNotAllowed):
		return nil, errNoList
	case is(err, http.StatusForbidden, http.StatusBadRequest, http.StatusUnauthorized) && !insufficient(err):
		return nil, nil // somebody else's group
	case err != nil:
		return nil, err
	}
	var names []string
	for _, r := range rows {
		if r.Username != "" && !r.Approved {
			names = append(names, r.Username)
		}
	}
	return names, nil
}

// waits says whether somebody waits for approval somewhere.
func (l *look) waits(username string) bool {
	_, found := slices.BinarySearch(l.Awaiting, username)
	return found
}

// graphQL asks a query and decodes its data. Errors in the answer, even beside
// data, are an error: half an answer is none.
func (a *api) graphQL(ctx context.Context, query string, variables map[string]any, data any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if err := a.post(ctx, body, &answer); err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		return &queryError{answer.Errors[0].Message}
	}
	if len(answer.Data) == 0 || string(answer.Data) == "null" {
		return errShape
	}
	if err := json.Unmarshal(answer.Data, data); err != nil {
		return errors.Join(errShape, err)
	}
	return nil
}

// queryError is what GraphQL says of a query: too complex, too slow, unknown
// fields.
type queryError struct{ message string }

// Error is GitLab's message, cut.
func (e *queryError) Error() string {
	if len(e.message) > 200 {
		return strings.ToValidUTF8(e.message[:200], "")
	}
	return e.message
}
