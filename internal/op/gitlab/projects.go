package gitlab

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/internal/reach"
	"gatehouse/internal/store"
)

// Project is GitLab's BasicProjectDetails entity with the keys of the full one
// that apps decide by. What is not known here is null. The order of the fields
// is GitLab's.
type Project struct {
	ID                int64        `json:"id"`
	Description       *string      `json:"description"`
	Name              string       `json:"name"`
	NameWithNamespace string       `json:"name_with_namespace"`
	Path              string       `json:"path"`
	PathWithNamespace string       `json:"path_with_namespace"`
	CreatedAt         Time         `json:"created_at"`
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
	LastActivityAt    Time         `json:"last_activity_at"`
	Visibility        string       `json:"visibility"`
	Namespace         Namespace    `json:"namespace"`
	Archived          *bool        `json:"archived,omitempty"`
	Permissions       *Permissions `json:"permissions,omitempty"`
}

// Namespace is where a project lies. That of a person has no number here: 0.
type Namespace struct {
	ID        int64   `json:"id"`
	Name      string  `json:"name"`
	Path      string  `json:"path"`
	Kind      string  `json:"kind"`
	FullPath  string  `json:"full_path"`
	ParentID  *int64  `json:"parent_id"`
	AvatarURL *string `json:"avatar_url"`
	WebURL    string  `json:"web_url"`
}

// Permissions are the levels of the person who asks: as a member of the project,
// and by groups.
type Permissions struct {
	Project *Access `json:"project_access"`
	Group   *Access `json:"group_access"`
}

// Access is a level in Permissions.
type Access struct {
	Level        int `json:"access_level"`
	Notification int `json:"notification_level"`
}

func access(level int) *Access {
	if level == 0 {
		return nil
	}
	return &Access{Level: level, Notification: 3} // as in the person's own settings
}

// ProjectOf shapes a project.
func ProjectOf(s reach.Standing, names Names, simple bool) Project {
	r := s.Resource
	p := Project{
		ID: Number(r.ID), Name: r.Name, NameWithNamespace: names.full(r.Path, r.Name, " / "), Path: last(r.Path),
		PathWithNamespace: r.Path, TagList: []string{}, Topics: []string{}, SSHURL: sshURL(r), HTTPURL: r.WebURL + ".git",
		WebURL: r.WebURL, Visibility: cmp.Or(r.Visibility, "private"), Namespace: namespaceOf(r, names),
	}
	if !simple {
		archived := r.State == "archived"
		p.Archived = &archived
		p.Permissions = &Permissions{Project: access(s.Direct), Group: access(s.Above)}
	}
	return p
}

// sshURL is the usual address for git by SSH: GitLab can have another one, which
// is not read.
func sshURL(r gatehouse.Resource) string {
	_, host, _ := strings.Cut(r.WebURL, "://")
	host, _, _ = strings.Cut(host, "/")
	host, _, _ = strings.Cut(host, ":")
	return "git@" + host + ":" + r.Path + ".git"
}

func namespaceOf(r gatehouse.Resource, names Names) Namespace {
	path := strings.TrimSuffix(r.Path, "/"+last(r.Path))
	web := strings.TrimSuffix(r.WebURL, "/"+r.Path)
	n := Namespace{
		ID: Number(r.Parent), Name: cmp.Or(names[path], last(path)), Path: last(path), Kind: "group", FullPath: path, WebURL: web + "/groups/" + path,
	}
	if r.Parent == "" {
		n.Kind, n.WebURL = "user", web+"/"+path
	}
	return n
}

// ProjectQuery is what GET /projects is asked for.
type ProjectQuery struct {
	Window        Window
	Level         int // at least
	Search        string
	Visibility    string
	Archived      *bool
	Simple        bool
	Order         string
	Desc          bool
	Keyset        bool
	After, Before int64 // only ids beyond
}

// ReadProjects reads the parameters of GET /projects.
func ReadProjects(q *Query) ProjectQuery {
	p := ProjectQuery{
		Window: q.Window(), Level: q.Level(), Search: q.Text("search"), Simple: q.Flag("simple", false),
		Visibility: q.OneOf("visibility", "", "private", "internal", "public"),
		Order: q.OneOf("order_by", "created_at", "id", "name", "path", "created_at", "updated_at", "last_activity_at", "similarity", "star_count",
			"storage_size", "repository_size", "wiki_size", "packages_size"),
		Desc:   q.OneOf("sort", "desc", "asc", "desc") == "desc",
		Keyset: q.Text("pagination") == "keyset",
		After:  q.Number("id_after", 0, 0, " is invalid"), Before: q.Number("id_before", 0, 0, " is invalid"),
	}
	if q.Flag("owned", false) {
		p.Level = max(p.Level, ownerLevel)
	}
	q.Flag("membership", false) // all that are listed are the person's
	if q.Text("archived") != "" {
		archived := q.Flag("archived", false)
		p.Archived = &archived
	}
	return p
}

// Cursor is the parameter that carries the last id in keyset paging, "" where
// there is none: it goes by id alone.
func (p ProjectQuery) Cursor() string {
	switch {
	case p.Order != "id":
		return ""
	case p.Desc:
		return "id_before"
	}
	return "id_after"
}

// Numbered says whether the order asked for is that of numbers, which the database
// knows.
func (p ProjectQuery) Numbered() bool { return p.Order != "name" && p.Order != "path" }

// Filter is the query for the database, of a client that may be told of some
// groups only, or of all. It asks for one row more than the page has.
func (p ProjectQuery) Filter(only []string) store.ProjectFilter {
	f := store.ProjectFilter{
		Search: p.Search, Visibility: p.Visibility, Archived: p.Archived, Under: only, Desc: p.Desc,
		Limit: p.Window.Size + 1, Offset: (p.Window.Page - 1) * p.Window.Size,
	}
	if p.Keyset {
		f.Offset = 0
	}
	if p.After != 0 {
		f.After = projectID(p.After)
	}
	if p.Before != 0 {
		f.Before = projectID(p.Before)
	}
	return f
}

func projectID(n int64) gatehouse.ResourceID {
	return gatehouse.ResourceID("project/" + strconv.FormatInt(n, 10))
}

// Projects are those of the standings that are asked for, in the order that is
// asked for. When a project was made is not known: its number tells the order.
func (p ProjectQuery) Projects(all []reach.Standing) []reach.Standing {
	found := slices.DeleteFunc(slices.Clone(all), func(s reach.Standing) bool { return !p.wants(s) })
	slices.SortFunc(found, func(a, b reach.Standing) int {
		order := cmp.Compare(Number(a.Resource.ID), Number(b.Resource.ID))
		switch p.Order {
		case "name":
			order = cmp.Or(cmp.Compare(strings.ToLower(a.Resource.Name), strings.ToLower(b.Resource.Name)), order)
		case "path":
			order = cmp.Or(cmp.Compare(last(a.Resource.Path), last(b.Resource.Path)), order)
		}
		if p.Desc {
			return -order
		}
		return order
	})
	return found
}

func (p ProjectQuery) wants(s reach.Standing) bool {
	r, id := s.Resource, Number(s.Resource.ID)
	return r.Kind == gatehouse.ResourceProject && id != 0 && s.Level() > minimalLevel && s.Level() >= p.Level &&
		(p.Visibility == "" || p.Visibility == cmp.Or(r.Visibility, "private")) &&
		(p.Archived == nil || *p.Archived == (r.State == "archived")) &&
		(p.After == 0 || id > p.After) && (p.Before == 0 || id < p.Before) &&
		matches(p.Search, r.Name, r.Path)
}

// Member is the person's own membership, as GET /groups/:id/members/all/:user_id
// has it.
type Member struct {
	ID              int64   `json:"id"`
	Username        string  `json:"username"`
	PublicEmail     *string `json:"public_email"`
	Name            string  `json:"name"`
	State           string  `json:"state"`
	Locked          bool    `json:"locked"`
	AvatarURL       *string `json:"avatar_url"`
	WebURL          string  `json:"web_url"`
	AccessLevel     int     `json:"access_level"`
	CreatedAt       Time    `json:"created_at"`
	ExpiresAt       *string `json:"expires_at"`
	MembershipState string  `json:"membership_state"`
}

// MemberOf shapes a person's membership.
func MemberOf(u gatehouse.User, s reach.Standing, url string) Member {
	return Member{
		ID: u.Number, Username: u.Username, Name: u.Name, State: state(u.State), AvatarURL: optional(u.Avatar),
		WebURL: url + "/" + u.Username, AccessLevel: s.Level(), MembershipState: "active",
	}
}

// Is says whether an address names a person, by their number.
func Is(u gatehouse.User, id string) bool { return id == strconv.FormatInt(u.Number, 10) }
