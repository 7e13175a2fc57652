package rest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/twin/gitlab/world"
)

const groupDefaults = "order_by=name&owned=false&sort=asc&statistics=false&top_level_only=false&with_custom_attributes=false"

func groupRoutes() []*route {
	return slices.Concat([]*route{
		get("groups", readGroup(), listGroups).limited("groups").public(),
		get("groups/{}", readGroup(), getGroup).limited("group").public(),
		get("groups/{}/subgroups", readGroup(), listSubgroups).public(),
		get("groups/{}/descendant_groups", readGroup(), listDescendants).public(),
		get("groups/{}/projects", readGroup(), listGroupProjects).limited("group_projects").public(),
		get("groups/{}/groups/shared", readGroup(), listSharedGroups).limited("group_shares").public(),
		get("groups/{}/invited_groups", readGroup(), listInvitedGroups).limited("group_shares").public(),
		get("groups/{}/pending_members", readGroup(), listPending),
		get("groups/{}/billable_members", readGroup(), listBillable),
		get("groups/{}/enterprise_users", readGroup(), listEnterprise),
	}, groupWriteRoutes())
}

type groupRow struct {
	ID                      int64    `json:"id"`
	WebURL                  string   `json:"web_url"`
	Name                    string   `json:"name"`
	Path                    string   `json:"path"`
	Description             string   `json:"description"`
	Visibility              string   `json:"visibility"`
	ShareWithGroupLock      bool     `json:"share_with_group_lock"`
	RequireTwoFactor        bool     `json:"require_two_factor_authentication"`
	TwoFactorGracePeriod    int      `json:"two_factor_grace_period"`
	ProjectCreationLevel    string   `json:"project_creation_level"`
	AutoDevopsEnabled       *bool    `json:"auto_devops_enabled"`
	SubgroupCreationLevel   string   `json:"subgroup_creation_level"`
	EmailsDisabled          bool     `json:"emails_disabled"`
	EmailsEnabled           bool     `json:"emails_enabled"`
	ShowDiffPreviewInEmail  bool     `json:"show_diff_preview_in_email"`
	MentionsDisabled        *bool    `json:"mentions_disabled"`
	LFSEnabled              bool     `json:"lfs_enabled"`
	Archived                bool     `json:"archived"`
	MathRenderingLimits     bool     `json:"math_rendering_limits_enabled"`
	LockMathRenderingLimits bool     `json:"lock_math_rendering_limits_enabled"`
	DefaultBranch           *string  `json:"default_branch"`
	DefaultBranchProtection int      `json:"default_branch_protection"`
	ProtectionDefaults      struct{} `json:"default_branch_protection_defaults"`
	AvatarURL               *string  `json:"avatar_url"`
	RequestAccessEnabled    bool     `json:"request_access_enabled"`
	FullName                string   `json:"full_name"`
	FullPath                string   `json:"full_path"`
	CreatedAt               *string  `json:"created_at"`
	ParentID                *int64   `json:"parent_id"`
	OrganizationID          int64    `json:"organization_id"`
	SharedRunnersSetting    string   `json:"shared_runners_setting"`
	MaxArtifactsSize        *int     `json:"max_artifacts_size"`
	MarkedForDeletionOn     *string  `json:"marked_for_deletion_on"`
	*groupRowEE
}

// groupRowEE are the links to a directory's groups, where there are any.
type groupRowEE struct {
	LDAPLinks []ldapLink `json:"ldap_group_links,omitempty"`
	SAMLLinks []samlLink `json:"saml_group_links,omitempty"`
}

type ldapLink struct {
	CN       string `json:"cn"`
	Level    int    `json:"group_access"`
	Provider string `json:"provider"`
}

type samlLink struct {
	Name  string `json:"name"`
	Level int    `json:"access_level"`
}

func linksOf(g *world.Group) *groupRowEE {
	row := &groupRowEE{}
	for _, l := range g.LDAPLinks {
		row.LDAPLinks = append(row.LDAPLinks, ldapLink{CN: l.Name, Level: l.Level, Provider: l.Provider})
	}
	for _, l := range g.SAMLLinks {
		row.SAMLLinks = append(row.SAMLLinks, samlLink{Name: l.Name, Level: l.Level})
	}
	return row
}

type shareRow struct {
	GroupID          int64   `json:"group_id"`
	GroupName        string  `json:"group_name"`
	GroupFullPath    string  `json:"group_full_path"`
	GroupAccessLevel int     `json:"group_access_level"`
	ExpiresAt        *string `json:"expires_at"`
	*shareRowEE
}

type shareRowEE struct {
	MemberRoleID *int64 `json:"member_role_id"`
}

type groupDetail struct {
	groupRow
	SharedWithGroups []shareRow    `json:"shared_with_groups"`
	RunnersToken     *string       `json:"runners_token,omitempty"`
	PreventSharing   *bool         `json:"prevent_sharing_groups_outside_hierarchy"`
	Projects         *[]projectRow `json:"projects,omitempty"`
	SharedProjects   *[]projectRow `json:"shared_projects,omitempty"`
	*groupDetailEE
}

type groupDetailEE struct {
	SharedRunnersMinutes *int `json:"shared_runners_minutes_limit"`
	ExtraRunnersMinutes  *int `json:"extra_shared_runners_minutes_limit"`
	MembershipLock       bool `json:"membership_lock"`
}

func (c *call) groupRow(g *world.Group) groupRow {
	row := groupRow{
		ID: g.ID, WebURL: c.api.URL + "/groups/" + g.FullPath, Name: g.Name, Path: g.Path, Description: g.Description,
		Visibility: g.Visibility, ShareWithGroupLock: g.ShareLock, TwoFactorGracePeriod: 48, ProjectCreationLevel: "developer",
		SubgroupCreationLevel: "maintainer", EmailsEnabled: true, ShowDiffPreviewInEmail: true, LFSEnabled: true,
		Archived: g.Archived, MathRenderingLimits: true, DefaultBranchProtection: 2, RequestAccessEnabled: true,
		FullName: g.FullName, FullPath: g.FullPath, CreatedAt: stamp(g.CreatedAt), OrganizationID: 1,
		SharedRunnersSetting: "enabled", MarkedForDeletionOn: orNull(g.MarkedForDeletionOn),
	}
	if g.ParentID != 0 {
		row.ParentID = &g.ParentID
	}
	if !c.api.CE {
		row.groupRowEE = linksOf(g)
	}
	return row
}

// shareRows lists the invited groups of a source that the caller may see.
func (c *call) shareRows(src world.Source) []shareRow {
	list := []shareRow{}
	for _, s := range c.d.SharesOf(src) {
		g := c.d.Group(s.GroupID)
		if g == nil || !c.sight.Group(g) {
			continue
		}
		row := shareRow{GroupID: g.ID, GroupName: g.Name, GroupFullPath: g.FullPath, GroupAccessLevel: s.Level, ExpiresAt: orNull(s.ExpiresAt)}
		if !c.api.CE {
			row.shareRowEE = &shareRowEE{}
			if s.RoleID != 0 {
				row.MemberRoleID = &s.RoleID
			}
		}
		list = append(list, row)
	}
	return list
}

func (c *call) groupDetail(g *world.Group, withProjects bool) groupDetail {
	row := groupDetail{groupRow: c.groupRow(g), SharedWithGroups: c.shareRows(world.InGroup(g.ID))}
	if c.sight.Level(world.InGroup(g.ID)) >= world.Owner {
		// Of the right shape, good for nothing.
		token := "GR1348941" + strconv.FormatInt(g.ID, 36) + "twin"
		row.RunnersToken = &token
	}
	if g.ParentID == 0 {
		no := false
		row.PreventSharing = &no
	}
	if withProjects {
		own, shared := []projectRow{}, []projectRow{}
		for _, p := range c.groupProjects(g, false, true) {
			if p.GroupID == g.ID {
				own = append(own, c.projectRow(p))
			} else {
				shared = append(shared, c.projectRow(p))
			}
		}
		own, shared = own[:min(100, len(own))], shared[:min(100, len(shared))]
		row.Projects, row.SharedProjects = &own, &shared
	}
	if !c.api.CE {
		row.groupDetailEE = &groupDetailEE{MembershipLock: g.MembershipLock}
	}
	return row
}

func getGroup(c *call) (any, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	return c.groupDetail(g, !c.has("with_projects") || c.is("with_projects")), nil
}

// listGroups leaves out, unless asked otherwise, what the caller has no part in;
// administrators and auditors see everything.
func listGroups(c *call) (any, error) {
	everything := c.who.User == nil || c.who.Viewer.ReadAll
	if c.has("all_available") {
		everything = c.is("all_available")
	}
	minimum, err := c.number("min_access_level", 0)
	if err != nil {
		return nil, err
	}
	if c.is("owned") {
		minimum = world.Owner
	}
	own := c.d.Sight(world.Viewer{User: c.who.User})
	return c.groupPage(c.d.GroupsByName(), func(g *world.Group) bool {
		if !c.sight.Group(g) || c.is("top_level_only") && g.ParentID != 0 {
			return false
		}
		if minimum > 0 && own.Level(world.InGroup(g.ID)) < int(minimum) {
			return false
		}
		return everything || own.Joined(g)
	})
}

func listSubgroups(c *call) (any, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	return c.groupPage(byName(c.d.Children(g.ID)), c.sight.Group)
}

func listDescendants(c *call) (any, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	return c.groupPage(byName(c.d.Descendants(g.ID)), c.sight.Group)
}

// listSharedGroups lists the groups that the group was invited to.
func listSharedGroups(c *call) (any, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	var found []*world.Group
	for _, s := range c.d.SharedWith(g.ID) {
		if s.Source.Kind == world.GroupSource {
			found = append(found, c.d.Group(s.Source.ID))
		}
	}
	return c.groupPage(byName(found), c.sight.Group)
}

// listInvitedGroups lists the groups that are invited to the group.
func listInvitedGroups(c *call) (any, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	var found []*world.Group
	for _, s := range c.d.SharesOf(world.InGroup(g.ID)) {
		found = append(found, c.d.Group(s.GroupID))
	}
	return c.groupPage(byName(found), c.sight.Group)
}

func byName(all []*world.Group) []*world.Group {
	return slices.SortedFunc(slices.Values(all), world.CompareGroups)
}

// groupPage filters groups that come by name, sorts and cuts them. Keyset paging
// is for strangers only; signed in it is ignored.
func (c *call) groupPage(from []*world.Group, keep func(*world.Group) bool) (any, error) {
	orderBy, err := c.oneOf("order_by", "name", "name", "path", "id", "similarity")
	if err != nil {
		return nil, err
	}
	sort, err := c.oneOf("sort", "asc", "asc", "desc")
	if err != nil {
		return nil, err
	}
	wanted := c.groupFilter()
	var found []*world.Group
	for _, g := range from {
		if wanted(g) && keep(g) {
			found = append(found, g)
		}
	}
	switch orderBy {
	case "id":
		slices.SortFunc(found, func(a, b *world.Group) int { return cmp.Compare(a.ID, b.ID) })
	case "path":
		slices.SortFunc(found, func(a, b *world.Group) int { return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.ID, b.ID)) })
	}
	if sort == "desc" {
		slices.Reverse(found)
	}
	if c.get("pagination") == "keyset" && c.who.User == nil {
		if orderBy != "name" || sort != "asc" {
			return nil, noKeyset()
		}
		page, err := keyset(c, found, false, func(g *world.Group) (string, int64) { return strings.ToLower(g.Name), g.ID }, groupDefaults)
		return rows(page, c.groupRow), err
	}
	limited := ""
	if c.who.User == nil {
		limited = "Group"
	}
	page, err := offset(c, found, limited, groupDefaults)
	return rows(page, c.groupRow), err
}

func (c *call) groupFilter() func(*world.Group) bool {
	search, visibility, marked := strings.ToLower(c.get("search")), c.get("visibility"), c.get("marked_for_deletion_on")
	archived, active := c.has("archived"), c.has("active")
	skip := c.list("skip_groups")
	return func(g *world.Group) bool {
		switch {
		case search != "" && !strings.Contains(strings.ToLower(g.Name), search) && !strings.Contains(strings.ToLower(g.Path), search):
			return false
		case visibility != "" && g.Visibility != visibility:
			return false
		case marked != "" && g.MarkedForDeletionOn != marked:
			return false
		case archived && g.Archived != c.is("archived"):
			return false
		case active && (!g.Archived && g.MarkedForDeletionOn == "") != c.is("active"):
			return false
		}
		return !slices.Contains(skip, strconv.FormatInt(g.ID, 10))
	}
}
