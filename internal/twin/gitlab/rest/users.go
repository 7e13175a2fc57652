package rest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/world"
)

const userDefaults = "active=false&admins=false&auditors=false&blocked=false&exclude_active=false&exclude_external=false" +
	"&exclude_humans=false&exclude_internal=false&external=false&humans=false&order_by=id&skip_ldap=false&sort=desc" +
	"&with_custom_attributes=false&without_project_bots=false&without_projects=false"

func userRoutes() []*route {
	return slices.Concat([]*route{
		get("user", readUser(), currentUser),
		get("users", readUser(), listUsers).public(),
		get("users/{}", readUser(), getUser).limited("user").public(),
		get("users/{}/memberships", readUser(), userMemberships),
		get("users/{}/emails", readUser(), userEmails),
		get("users/{}/associations_count", readUser(), userAssociations),
		get("users/{}/projects", readAPI(), userProjects).limited("user_projects").public(),
	}, userWriteRoutes(), moderationRoutes())
}

func currentUser(c *call) (any, error) {
	if c.admin() {
		return c.adminRow(c.who.User), nil
	}
	return c.publicRow(c.who.User), nil
}

func listUsers(c *call) (any, error) {
	if c.who.User == nil && !c.has("username") {
		return nil, caller.Forbidden("Not authorized to access /api/v4/users")
	}
	if c.has("saml_provider_id") {
		return nil, caller.Forbidden("The saml_provider_id parameter is no longer supported") // the text is made up, the status is GitLab's
	}
	if err := c.wholeIdentity(); err != nil {
		return nil, err
	}
	if c.has("extern_uid") && !c.admin() {
		return nil, caller.Forbidden("")
	}
	keep, err := c.userFilter()
	if err != nil {
		return nil, err
	}
	page, err := c.userPage(keep)
	if err != nil {
		return nil, err
	}
	if c.who.Viewer.ReadAll {
		return rows(page, c.adminRow), nil
	}
	return rows(page, c.basic), nil
}

// wholeIdentity refuses half an identity.
func (c *call) wholeIdentity() error {
	if c.has("extern_uid") != c.has("provider") {
		return invalid("extern_uid, provider provide all or none of parameters")
	}
	return nil
}

func rows[T, R any](page []T, row func(T) R) []R {
	all := make([]R, 0, len(page))
	for _, x := range page {
		all = append(all, row(x))
	}
	return all
}

// userPage filters, sorts and cuts the list of users.
func (c *call) userPage(keep func(*world.User) bool) ([]*world.User, error) {
	orderBy, err := c.oneOf("order_by", "id", "id", "name", "username", "created_at", "updated_at")
	if err != nil {
		return nil, err
	}
	sort, err := c.oneOf("sort", "desc", "asc", "desc")
	if err != nil {
		return nil, err
	}
	paging, err := c.oneOf("pagination", "legacy", "keyset", "legacy")
	if err != nil {
		return nil, err
	}
	if !c.who.Viewer.ReadAll { // silently ignored
		orderBy, sort = "id", "desc"
	}
	all := make([]*world.User, 0, 256)
	for _, u := range c.d.Users() {
		if keep(u) {
			all = append(all, u)
		}
	}
	column := userKey(orderBy)
	order(all, column, orderBy == "id", sort == "desc")
	if paging == "keyset" {
		return keyset(c, all, sort == "desc", column, userDefaults)
	}
	return offset(c, all, "User", userDefaults)
}

// order sorts rows by a column, then by id. Rows come by id already.
func order[T any](all []T, column key[T], byID, desc bool) {
	if !byID {
		slices.SortStableFunc(all, func(a, b T) int {
			va, ia := column(a)
			vb, ib := column(b)
			return cmp.Or(strings.Compare(va, vb), cmp.Compare(ia, ib))
		})
	}
	if desc {
		slices.Reverse(all)
	}
}

func userKey(orderBy string) key[*world.User] {
	sortable := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000") }
	switch orderBy {
	case "name":
		return func(u *world.User) (string, int64) { return strings.ToLower(u.Name), u.ID }
	case "username":
		return func(u *world.User) (string, int64) { return strings.ToLower(u.Username), u.ID }
	case "created_at":
		return func(u *world.User) (string, int64) { return sortable(u.CreatedAt), u.ID }
	case "updated_at":
		return func(u *world.User) (string, int64) { return sortable(u.UpdatedAt), u.ID }
	}
	return func(u *world.User) (string, int64) { return "", u.ID }
}

// userFilter joins the filters of a request into one question.
func (c *call) userFilter() (func(*world.User) bool, error) {
	created, err := c.between("created_after", "created_before")
	if err != nil {
		return nil, err
	}
	if _, err := c.oneOf("two_factor", "", "enabled", "disabled"); err != nil {
		return nil, err
	}
	var tests []func(*world.User) bool
	when := func(name string, test func(*world.User) bool) {
		if c.is(name) {
			tests = append(tests, test)
		}
	}
	given := func(name string, test func(*world.User, string) bool) {
		if v := c.get(name); v != "" {
			tests = append(tests, func(u *world.User) bool { return test(u, v) })
		}
	}
	given("username", func(u *world.User, v string) bool { return strings.EqualFold(u.Username, v) })
	given("public_email", func(u *world.User, v string) bool { return strings.EqualFold(u.PublicEmail, v) })
	given("search", c.matches)
	when("active", func(u *world.User) bool { return u.State == world.Active && !u.Type.Internal() })
	when("exclude_active", func(u *world.User) bool { return u.State != world.Active })
	when("blocked", func(u *world.User) bool { return u.State == world.Blocked || u.State == world.LDAPBlocked })
	when("humans", func(u *world.User) bool { return u.Type == world.Human })
	when("exclude_humans", func(u *world.User) bool { return u.Type != world.Human })
	when("exclude_internal", func(u *world.User) bool { return !u.Type.Internal() })
	when("without_project_bots", func(u *world.User) bool { return u.Type != world.ProjectBot })
	when("external", func(u *world.User) bool { return u.External })
	when("exclude_external", func(u *world.User) bool { return !u.External })
	if !c.who.Viewer.ReadAll {
		tests = append(tests, visibleToAll)
		return all(tests), nil
	}
	when("admins", func(u *world.User) bool { return u.Admin })
	when("auditors", func(u *world.User) bool { return u.Auditor })
	when("skip_ldap", func(u *world.User) bool { return !hasLDAP(u) })
	when("without_projects", func(u *world.User) bool { return !c.inProject(u) })
	given("two_factor", func(u *world.User, v string) bool { return u.TwoFactor == (v == "enabled") })
	if c.has("extern_uid") {
		owner := c.d.UserByIdentity(c.get("provider"), c.get("extern_uid"))
		tests = append(tests, func(u *world.User) bool { return u == owner })
	}
	tests = append(tests, func(u *world.User) bool { return created(u.CreatedAt) })
	return all(tests), nil
}

// visibleToAll is what people without rights find on the list.
func visibleToAll(u *world.User) bool {
	return u.State != world.Blocked && u.State != world.LDAPBlocked && u.State != world.Banned
}

func all(tests []func(*world.User) bool) func(*world.User) bool {
	return func(u *world.User) bool {
		for _, t := range tests {
			if !t(u) {
				return false
			}
		}
		return true
	}
}

// matches is User.search: part of the name or username (the whole of it for one
// or two letters), or exactly an address.
func (c *call) matches(u *world.User, text string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	if strings.EqualFold(u.PublicEmail, text) || c.who.Viewer.ReadAll && c.d.UserByEmail(text) == u {
		return true
	}
	name, username := strings.ToLower(u.Name), strings.ToLower(u.Username)
	if len([]rune(text)) < 3 {
		return name == text || username == text
	}
	return strings.Contains(name, text) || strings.Contains(username, text)
}

func hasLDAP(u *world.User) bool {
	return slices.ContainsFunc(u.Identities, func(i world.Identity) bool { return strings.HasPrefix(i.Provider, "ldap") })
}

func (c *call) inProject(u *world.User) bool {
	return slices.ContainsFunc(c.d.MembershipsOf(u.ID), func(m *world.Member) bool { return m.Source.Kind == world.ProjectSource })
}

// between reads two times and tells whether another lies after and before them.
func (c *call) between(after, before string) (func(time.Time) bool, error) {
	var limits [2]time.Time
	for i, name := range []string{after, before} {
		v := c.get(name)
		if v == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			t, err = time.Parse(time.DateOnly, v)
		}
		if err != nil {
			return nil, invalid(name + " is invalid")
		}
		limits[i] = t
	}
	return func(t time.Time) bool {
		return (limits[0].IsZero() || t.After(limits[0])) && (limits[1].IsZero() || t.Before(limits[1]))
	}, nil
}

func getUser(c *call) (any, error) {
	if c.who.User == nil {
		return nil, caller.Forbidden("Not authorized!")
	}
	u, err := c.user(c.vars[0])
	if err != nil {
		return nil, err
	}
	if c.who.Viewer.ReadAll {
		return c.detailsRow(u), nil
	}
	if u.State == world.Banned {
		return nil, notFound("User")
	}
	return c.userRow(u), nil
}

type userMembership struct {
	SourceID    int64  `json:"source_id"`
	SourceName  string `json:"source_name"`
	SourceType  string `json:"source_type"`
	AccessLevel int    `json:"access_level"`
}

// userMemberships lists direct memberships from Guest on, without their end.
func userMemberships(c *call) (any, error) {
	u, err := c.userForAdmin()
	if err != nil {
		return nil, err
	}
	kind, err := c.oneOf("type", "", "Project", "Namespace")
	if err != nil {
		return nil, err
	}
	var found []userMembership
	for _, m := range c.d.MembershipsOf(u.ID) {
		row := userMembership{SourceID: m.Source.ID, SourceType: "Project", AccessLevel: m.Level}
		if m.Source.Kind == world.GroupSource {
			row.SourceType, row.SourceName = "Namespace", c.d.Group(m.Source.ID).Name
		} else {
			row.SourceName = c.d.Project(m.Source.ID).Name
		}
		if !m.Pending() && m.Level > world.MinimalAccess && (kind == "" || kind == row.SourceType) {
			found = append(found, row)
		}
	}
	page, err := offset(c, found, "", "")
	return rows(page, func(m userMembership) userMembership { return m }), err
}

type emailRow struct {
	ID          int64   `json:"id"`
	Email       string  `json:"email"`
	ConfirmedAt *string `json:"confirmed_at"`
}

func userEmails(c *call) (any, error) {
	u, err := c.userForAdmin()
	if err != nil {
		return nil, err
	}
	page, err := offset(c, u.Emails, "", "")
	return rows(page, func(e world.Email) emailRow { return emailRow{e.ID, e.Address, stamp(e.ConfirmedAt)} }), err
}

func userAssociations(c *call) (any, error) {
	u, err := c.user(c.vars[0])
	if err != nil {
		return nil, err
	}
	if !c.admin() && u != c.who.User {
		return nil, notFound("User")
	}
	groups, projects := 0, 0
	for _, m := range c.d.MembershipsOf(u.ID) {
		if m.Source.Kind == world.GroupSource {
			groups++
		} else {
			projects++
		}
	}
	return reply{http.StatusOK, map[string]int{"groups_count": groups, "projects_count": projects, "issues_count": 0, "merge_requests_count": 0}}, nil
}
