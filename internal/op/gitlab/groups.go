package gitlab

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/internal/reach"
)

// Group is GitLab's Group entity, as far as it is known here: what is not is as
// in a group where nobody changed anything. The order of the fields is GitLab's.
type Group struct {
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
	MentionsDisabled        *bool    `json:"mentions_disabled"`
	LFSEnabled              bool     `json:"lfs_enabled"`
	Archived                bool     `json:"archived"`
	DefaultBranch           *string  `json:"default_branch"`
	DefaultBranchProtection int      `json:"default_branch_protection"`
	AvatarURL               *string  `json:"avatar_url"`
	RequestAccessEnabled    bool     `json:"request_access_enabled"`
	FullName                string   `json:"full_name"`
	FullPath                string   `json:"full_path"`
	CreatedAt               Time     `json:"created_at"`
	ParentID                *int64   `json:"parent_id"`
	OrganizationID          int64    `json:"organization_id"`
	SharedRunnersSetting    string   `json:"shared_runners_setting"`
	MarkedForDeletionOn     *string  `json:"marked_for_deletion_on"`
	SharedWithGroups        []string `json:"shared_with_groups,omitzero"` // of one group only, and always empty
}

// GroupOf shapes a group; the names of what it lies in are looked up in names.
func GroupOf(r gatehouse.Resource, names Names) Group {
	return Group{
		ID: Number(r.ID), WebURL: r.WebURL, Name: r.Name, Path: last(r.Path), Visibility: cmp.Or(r.Visibility, "private"),
		TwoFactorGracePeriod: 48, ProjectCreationLevel: "developer", SubgroupCreationLevel: "maintainer", EmailsEnabled: true,
		LFSEnabled: true, Archived: r.State == "archived", DefaultBranchProtection: 2, RequestAccessEnabled: true,
		FullName: names.full(r.Path, r.Name, " / "), FullPath: r.Path, ParentID: parent(r.Parent), OrganizationID: 1,
		SharedRunnersSetting: "enabled",
	}
}

// Number is GitLab's own number of a resource, 0 when it has none.
func Number(id gatehouse.ResourceID) int64 {
	_, text, _ := strings.Cut(string(id), "/")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func parent(id gatehouse.ResourceID) *int64 {
	if n := Number(id); n != 0 {
		return &n
	}
	return nil
}

func last(path string) string { return path[strings.LastIndex(path, "/")+1:] }

// Names are the names of groups by their full paths.
type Names map[string]string

// NamesOf are the names of the groups among standings.
func NamesOf(all []reach.Standing) Names {
	names := Names{}
	for _, s := range all {
		if s.Resource.Kind == gatehouse.ResourceGroup {
			names[s.Resource.Path] = s.Resource.Name
		}
	}
	return names
}

// full is a name with those of what it lies in. What we may not name is called
// by its path.
func (n Names) full(path, name, between string) string {
	parts := strings.Split(path, "/")
	full := make([]string, len(parts))
	for i, part := range parts {
		full[i] = cmp.Or(n[strings.Join(parts[:i+1], "/")], part)
	}
	full[len(full)-1] = cmp.Or(name, full[len(full)-1])
	return strings.Join(full, between)
}

// Within keeps what an app may be told: all, or only some groups, by their full
// paths, with what lies in them.
func Within(all []reach.Standing, only []string) []reach.Standing {
	if len(only) == 0 {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(s reach.Standing) bool {
		path := strings.ToLower(s.Resource.Path)
		return !slices.ContainsFunc(only, func(o string) bool {
			o = strings.ToLower(o)
			return path == o && s.Resource.Kind == gatehouse.ResourceGroup || strings.HasPrefix(path, o+"/")
		})
	})
}

// GroupQuery is what GET /groups is asked for.
type GroupQuery struct {
	Window   Window
	Level    int // at least
	TopLevel bool
	Search   string
	Order    string
	Desc     bool
	Skip     []string // ids
}

// ReadGroups reads the parameters of GET /groups.
func ReadGroups(q *Query) GroupQuery {
	g := GroupQuery{
		Window: q.Window(), Level: q.Level(), TopLevel: q.Flag("top_level_only", false), Search: q.Text("search"),
		Order: q.OneOf("order_by", "name", "name", "path", "id", "similarity"),
		Desc:  q.OneOf("sort", "asc", "asc", "desc") == "desc",
		Skip:  append(q.Values["skip_groups[]"], q.Values["skip_groups"]...),
	}
	if q.Flag("owned", false) {
		g.Level = max(g.Level, ownerLevel)
	}
	return g
}

const (
	minimalLevel = 5 // sees that a group exists, and nothing in it
	ownerLevel   = 50
)

// Groups are those of the standings that are asked for, in the order that is
// asked for.
func (g GroupQuery) Groups(all []reach.Standing) []Group {
	names := NamesOf(all)
	var found []Group
	for _, s := range all {
		row := GroupOf(s.Resource, names)
		if s.Resource.Kind == gatehouse.ResourceGroup && row.ID != 0 && s.Level() >= max(g.Level, minimalLevel) &&
			(!g.TopLevel || row.ParentID == nil) && matches(g.Search, row.Name, row.FullPath) && !slices.Contains(g.Skip, strconv.FormatInt(row.ID, 10)) {
			found = append(found, row)
		}
	}
	slices.SortFunc(found, func(a, b Group) int {
		order := cmp.Compare(a.ID, b.ID)
		switch g.Order {
		case "name", "similarity":
			order = cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), order)
		case "path":
			order = cmp.Or(cmp.Compare(a.Path, b.Path), order)
		}
		if g.Desc {
			return -order
		}
		return order
	})
	return found
}

func matches(search string, texts ...string) bool {
	search = strings.ToLower(search)
	return search == "" || slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(t), search) })
}

// Find is the standing towards a group or project that an address names, by its
// number or its full path; false when there is none.
func Find(all []reach.Standing, kind gatehouse.ResourceKind, name string) (reach.Standing, bool) {
	for _, s := range all {
		if s.Resource.Kind == kind && (s.Resource.ID == gatehouse.ResourceID(string(kind)+"/"+name) || strings.EqualFold(s.Resource.Path, name)) {
			return s, true
		}
	}
	return reach.Standing{}, false
}
