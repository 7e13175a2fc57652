package rest

import (
	"slices"
	"strconv"

	"gatehouse/internal/twin/gitlab/world"
)

// sourceRoutes are the routes that groups and projects have in common.
func sourceRoutes(kind world.SourceKind, at string) []*route {
	scopes := readAPI()
	if kind == world.GroupSource {
		scopes = readGroup()
	}
	list := []*route{
		get(at+"/members", scopes, listMembers).public(),
		get(at+"/members/all", scopes, listAllMembers).limited("members_all").public(),
		get(at+"/members/all/{}", scopes, getAnyMember).public(),
		get(at+"/members/{}", scopes, getMember).public(),
	}
	list = append(list, sourceWriteRoutes(at, scopes)...)
	for _, r := range list {
		r.kind = kind
	}
	return list
}

type memberRow struct {
	userBasic
	AccessLevel       int        `json:"access_level"`
	CreatedAt         *string    `json:"created_at"`
	CreatedBy         *userBasic `json:"created_by,omitempty"`
	ExpiresAt         *string    `json:"expires_at"`
	GroupSAMLIdentity *nullValue `json:"group_saml_identity,omitempty"`
	GroupSCIMIdentity *nullValue `json:"group_scim_identity,omitempty"`
	Email             *string    `json:"email,omitempty"`
	IsUsingSeat       *bool      `json:"is_using_seat,omitempty"`
	Override          *bool      `json:"override,omitempty"`
	MembershipState   string     `json:"membership_state,omitempty"`
	MemberRole        *roleRow   `json:"member_role,omitempty"`
}

// nullValue is a key that is there with the value null.
type nullValue struct{}

// MarshalJSON writes null.
func (nullValue) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

func (c *call) memberRow(m world.Member) memberRow {
	u := c.d.User(m.UserID)
	row := memberRow{userBasic: c.basic(u), AccessLevel: m.Level, CreatedAt: stamp(m.CreatedAt), ExpiresAt: orNull(m.ExpiresAt)}
	if by := c.d.User(m.CreatedBy); by != nil && c.sight.Sees(m.Source) {
		b := c.basic(by)
		row.CreatedBy = &b
	}
	if c.admin() || c.ofCompany(u) {
		row.Email = &u.Email
	}
	if c.api.CE {
		return row
	}
	if c.sight.Level(m.Source) >= world.Owner && m.Source.Kind == world.GroupSource {
		row.GroupSAMLIdentity, row.GroupSCIMIdentity = &nullValue{}, &nullValue{}
	}
	if c.is("show_seat_info") {
		seat := u.State == world.Active && !u.Type.Bot() && m.Level > world.Guest
		row.IsUsingSeat = &seat
	}
	if m.LDAP {
		row.Override = &m.Override
	}
	row.MembershipState = "active"
	if m.Awaiting {
		row.MembershipState = "awaiting"
	}
	if r := c.d.Role(m.RoleID); r != nil {
		row.MemberRole = c.roleRow(r)
	}
	return row
}

// roleRow is a custom role: its fields, then a key for each permission.
type roleRow struct {
	ID          int64   `json:"id"`
	GroupID     *int64  `json:"group_id"`
	Name        string  `json:"name"`
	Description *string `json:"description"`
	BaseLevel   int     `json:"base_access_level"`
	permissions
}

type permissions struct {
	AdminCICDVariables  bool `json:"admin_cicd_variables"`
	AdminGroupMember    bool `json:"admin_group_member"`
	AdminMergeRequest   bool `json:"admin_merge_request"`
	AdminPushRules      bool `json:"admin_push_rules"`
	AdminTerraformState bool `json:"admin_terraform_state"`
	AdminVulnerability  bool `json:"admin_vulnerability"`
	AdminWebHook        bool `json:"admin_web_hook"`
	ArchiveProject      bool `json:"archive_project"`
	ManageDeployTokens  bool `json:"manage_deploy_tokens"`
	ManageGroupTokens   bool `json:"manage_group_access_tokens"`
	ManageProjectTokens bool `json:"manage_project_access_tokens"`
	ReadCode            bool `json:"read_code"`
	ReadDependency      bool `json:"read_dependency"`
	ReadRunners         bool `json:"read_runners"`
	ReadVulnerability   bool `json:"read_vulnerability"`
	RemoveGroup         bool `json:"remove_group"`
	RemoveProject       bool `json:"remove_project"`
}

func (c *call) roleRow(r *world.Role) *roleRow {
	has := func(name string) bool { return slices.Contains(r.Permissions, name) }
	return &roleRow{
		ID: r.ID, Name: r.Name, Description: orNull(r.Description), BaseLevel: r.BaseLevel,
		permissions: permissions{
			AdminCICDVariables: has("admin_cicd_variables"), AdminGroupMember: has("admin_group_member"),
			AdminMergeRequest: has("admin_merge_request"), AdminPushRules: has("admin_push_rules"),
			AdminTerraformState: has("admin_terraform_state"), AdminVulnerability: has("admin_vulnerability"),
			AdminWebHook: has("admin_web_hook"), ArchiveProject: has("archive_project"),
			ManageDeployTokens: has("manage_deploy_tokens"), ManageGroupTokens: has("manage_group_access_tokens"),
			ManageProjectTokens: has("manage_project_access_tokens"), ReadCode: has("read_code"),
			ReadDependency: has("read_dependency"), ReadRunners: has("read_runners"),
			ReadVulnerability: has("read_vulnerability"), RemoveGroup: has("remove_group"), RemoveProject: has("remove_project"),
		},
	}
}

func listMembers(c *call) (any, error) {
	src, err := c.source()
	if err != nil {
		return nil, err
	}
	if c.get("pagination") == "keyset" {
		return nil, noKeyset()
	}
	var found []world.Member
	for _, m := range c.d.Direct(src) {
		if !m.Pending() && (!m.Awaiting || c.awaitingShown(src)) {
			found = append(found, *m)
		}
	}
	return c.memberPage(found)
}

// awaitingShown tells whether members who wait are on the list: for owners.
func (c *call) awaitingShown(src world.Source) bool { return c.sight.Level(src) >= world.Owner }

const effective = world.Direct | world.Inherited | world.Invited

func listAllMembers(c *call) (any, error) {
	src, err := c.source()
	if err != nil {
		return nil, err
	}
	state, err := c.oneOf("state", "", "awaiting", "active")
	if err != nil {
		return nil, err
	}
	if c.get("pagination") == "keyset" {
		return nil, noKeyset()
	}
	found := slices.DeleteFunc(c.sight.Reach(src, effective), func(m world.Member) bool {
		return state == "active" && m.Awaiting || state == "awaiting" && !m.Awaiting
	})
	if c.settings().WrongMembersAll {
		for i, m := range found {
			found[i].Level = lower(m, src)
		}
	}
	return c.memberPage(found)
}

// lower is the fault behind Settings.WrongMembersAll.
func lower(m world.Member, src world.Source) int {
	if m.Source == src || m.Level <= world.Guest {
		return m.Level
	}
	return m.Level - 10
}

func (c *call) memberPage(found []world.Member) (any, error) {
	ids, skip := c.list("user_ids"), c.list("skip_users")
	query := c.get("query")
	found = slices.DeleteFunc(found, func(m world.Member) bool {
		id := strconv.FormatInt(m.UserID, 10)
		return len(ids) > 0 && !slices.Contains(ids, id) || slices.Contains(skip, id) ||
			query != "" && !c.matches(c.d.User(m.UserID), query)
	})
	page, err := offset(c, found, "", "")
	return rows(page, c.memberRow), err
}

// memberPath reads whose membership of what is asked for.
func (c *call) memberPath() (src world.Source, user int64, err error) {
	if src, err = c.source(); err != nil {
		return src, 0, err
	}
	if user, err = strconv.ParseInt(c.vars[1], 10, 64); err != nil {
		return src, 0, invalid("user_id is invalid")
	}
	return src, user, nil
}

func getMember(c *call) (any, error) {
	src, id, err := c.memberPath()
	if err != nil {
		return nil, err
	}
	m := c.d.Member(src, id)
	if m == nil {
		return nil, noRecord()
	}
	return c.memberRow(*m), nil
}

func getAnyMember(c *call) (any, error) {
	src, id, err := c.memberPath()
	if err != nil {
		return nil, err
	}
	for _, m := range c.sight.Reach(src, effective) {
		if m.UserID == id {
			return c.memberRow(m), nil
		}
	}
	return nil, noRecord()
}
