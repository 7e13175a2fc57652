package rest

import (
	"strconv"
	"strings"

	"gatehouse/internal/twin/gitlab/world"
)

type namespaceRow struct {
	ID        int64   `json:"id"`
	Name      string  `json:"name"`
	Path      string  `json:"path"`
	Kind      string  `json:"kind"`
	FullPath  string  `json:"full_path"`
	ParentID  *int64  `json:"parent_id"`
	AvatarURL *string `json:"avatar_url"`
	WebURL    string  `json:"web_url"`
}

type projectSimple struct {
	ID                int64        `json:"id"`
	Description       *string      `json:"description"`
	Name              string       `json:"name"`
	NameWithNamespace string       `json:"name_with_namespace"`
	Path              string       `json:"path"`
	PathWithNamespace string       `json:"path_with_namespace"`
	CreatedAt         *string      `json:"created_at"`
	DefaultBranch     *string      `json:"default_branch"`
	TagList           []string     `json:"tag_list"`
	Topics            []string     `json:"topics"`
	SSHURL            string       `json:"ssh_url_to_repo"`
	HTTPURL           string       `json:"http_url_to_repo"`
	WebURL            string       `json:"web_url"`
	ReadmeURL         *string      `json:"readme_url"`
	ForksCount        int          `json:"forks_count"`
	AvatarURL         *string      `json:"avatar_url"`
	StarCount         int          `json:"star_count"`
	LastActivityAt    *string      `json:"last_activity_at"`
	Visibility        string       `json:"visibility"`
	Namespace         namespaceRow `json:"namespace"`
}

type projectLinks struct {
	Self          string `json:"self"`
	Issues        string `json:"issues"`
	MergeRequests string `json:"merge_requests"`
	RepoBranches  string `json:"repo_branches"`
	Labels        string `json:"labels"`
	Events        string `json:"events"`
	Members       string `json:"members"`
	ClusterAgents string `json:"cluster_agents"`
}

type projectRow struct {
	projectSimple
	RegistryPrefix       string       `json:"container_registry_image_prefix"`
	Links                projectLinks `json:"_links"`
	MarkedForDeletionAt  *string      `json:"marked_for_deletion_at"`
	MarkedForDeletionOn  *string      `json:"marked_for_deletion_on"`
	PackagesEnabled      bool         `json:"packages_enabled"`
	EmptyRepo            bool         `json:"empty_repo"`
	Archived             bool         `json:"archived"`
	Owner                *userBasic   `json:"owner,omitempty"`
	ObjectFormat         string       `json:"repository_object_format"`
	IssuesEnabled        bool         `json:"issues_enabled"`
	MergeRequestsEnabled bool         `json:"merge_requests_enabled"`
	WikiEnabled          bool         `json:"wiki_enabled"`
	JobsEnabled          bool         `json:"jobs_enabled"`
	SnippetsEnabled      bool         `json:"snippets_enabled"`
	RegistryEnabled      bool         `json:"container_registry_enabled"`
	EmailsDisabled       bool         `json:"emails_disabled"`
	EmailsEnabled        bool         `json:"emails_enabled"`
	SharedRunners        bool         `json:"shared_runners_enabled"`
	LFSEnabled           bool         `json:"lfs_enabled"`
	CreatorID            int64        `json:"creator_id"`
	ImportURL            *string      `json:"import_url"`
	ImportType           *string      `json:"import_type"`
	ImportStatus         string       `json:"import_status"`
	OpenIssuesCount      int          `json:"open_issues_count"`
	UpdatedAt            *string      `json:"updated_at"`
	PublicJobs           bool         `json:"public_jobs"`
	SharedWithGroups     []shareRow   `json:"shared_with_groups"`
	RequestAccessEnabled bool         `json:"request_access_enabled"`
	MergeMethod          string       `json:"merge_method"`
	SquashOption         string       `json:"squash_option"`
	*projectRowEE
	Permissions *projectPermissions `json:"permissions,omitempty"`
}

type projectRowEE struct {
	ApprovalsBeforeMerge int  `json:"approvals_before_merge"`
	Mirror               bool `json:"mirror"`
}

type projectAccess struct {
	AccessLevel       int `json:"access_level"`
	NotificationLevel int `json:"notification_level"`
}

type projectPermissions struct {
	ProjectAccess *projectAccess `json:"project_access"`
	GroupAccess   *projectAccess `json:"group_access"`
}

func (c *call) namespaceRow(p *world.Project) namespaceRow {
	if g := c.d.Group(p.GroupID); g != nil {
		row := namespaceRow{ID: g.ID, Name: g.Name, Path: g.Path, Kind: "group", FullPath: g.FullPath, WebURL: c.api.URL + "/groups/" + g.FullPath}
		if g.ParentID != 0 {
			row.ParentID = &g.ParentID
		}
		return row
	}
	u := c.d.User(p.OwnerID)
	avatar := Avatar(u)
	return namespaceRow{
		ID: u.NamespaceID, Name: u.Name, Path: u.Username, Kind: "user", FullPath: u.Username,
		AvatarURL: &avatar, WebURL: c.api.URL + "/" + u.Username,
	}
}

func (c *call) projectSimple(p *world.Project) projectSimple {
	web := c.api.URL + "/" + p.FullPath
	_, host, _ := strings.Cut(c.api.URL, "://")
	host, _, _ = strings.Cut(host, "/")
	host, _, _ = strings.Cut(host, ":")
	row := projectSimple{
		ID: p.ID, Description: orNull(p.Description), Name: p.Name, NameWithNamespace: p.FullName, Path: p.Path,
		PathWithNamespace: p.FullPath, CreatedAt: stamp(p.CreatedAt), TagList: []string{}, Topics: []string{},
		SSHURL: "git@" + host + ":" + p.FullPath + ".git", HTTPURL: web + ".git", WebURL: web,
		LastActivityAt: stamp(p.LastActivityAt), Visibility: p.Visibility, Namespace: c.namespaceRow(p),
	}
	if !p.Empty {
		row.DefaultBranch, row.ReadmeURL = orNull("main"), orNull(web+"/-/blob/main/README.md")
	}
	return row
}

func (c *call) projectRow(p *world.Project) projectRow {
	self := c.api.URL + prefixV4 + "projects/" + strconv.FormatInt(p.ID, 10)
	row := projectRow{
		projectSimple:  c.projectSimple(p),
		RegistryPrefix: strings.TrimPrefix(strings.TrimPrefix(c.api.URL, "https://"), "http://") + "/" + p.FullPath,
		Links: projectLinks{
			Self: self, Issues: self + "/issues", MergeRequests: self + "/merge_requests", RepoBranches: self + "/repository/branches",
			Labels: self + "/labels", Events: self + "/events", Members: self + "/members", ClusterAgents: self + "/cluster_agents",
		},
		MarkedForDeletionAt: orNull(p.MarkedForDeletionOn), MarkedForDeletionOn: orNull(p.MarkedForDeletionOn),
		PackagesEnabled: true, EmptyRepo: p.Empty, Archived: p.Archived, ObjectFormat: "sha1", IssuesEnabled: true,
		MergeRequestsEnabled: true, WikiEnabled: true, JobsEnabled: true, SnippetsEnabled: true, EmailsEnabled: true,
		SharedRunners: true, LFSEnabled: true, CreatorID: p.CreatorID, ImportStatus: "none", UpdatedAt: stamp(p.UpdatedAt),
		PublicJobs: true, SharedWithGroups: c.shareRows(world.InProject(p.ID)), RequestAccessEnabled: true,
		MergeMethod: "merge", SquashOption: "default_off",
	}
	if u := c.d.User(p.OwnerID); u != nil {
		b := c.basic(u)
		row.Owner = &b
	}
	if !c.api.CE {
		row.projectRowEE = &projectRowEE{}
	}
	if c.who.User != nil {
		row.Permissions = c.permissionsOn(p)
	}
	return row
}

// permissionsOn tells the caller's own direct memberships: in the project, and
// the highest in the groups above.
func (c *call) permissionsOn(p *world.Project) *projectPermissions {
	var found projectPermissions
	for _, m := range c.d.MembershipsOf(c.who.User.ID) {
		if m.Pending() {
			continue
		}
		if m.Source == world.InProject(p.ID) {
			found.ProjectAccess = &projectAccess{m.Level, 3}
		}
	}
	for _, g := range c.d.Ancestors(p.GroupID) {
		m := c.d.Member(world.InGroup(g.ID), c.who.User.ID)
		if m != nil && (found.GroupAccess == nil || m.Level > found.GroupAccess.AccessLevel) {
			found.GroupAccess = &projectAccess{m.Level, 3}
		}
	}
	return &found
}
