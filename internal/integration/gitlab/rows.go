package gitlab

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"gatehouse"
)

// The rows of GitLab's REST API, as far as they matter here. Pointers are keys
// whose absence says something.

type userRow struct {
	ID               int64         `json:"id"`
	Username         string        `json:"username"`
	Name             string        `json:"name"`
	State            string        `json:"state"`
	PublicEmail      string        `json:"public_email"`
	AvatarURL        string        `json:"avatar_url"`
	WebURL           string        `json:"web_url"`
	Bot              bool          `json:"bot"`
	CreatedAt        string        `json:"created_at"`
	LastSignInAt     string        `json:"last_sign_in_at"`
	CurrentSignInAt  string        `json:"current_sign_in_at"`
	LastActivityOn   string        `json:"last_activity_on"`
	ConfirmedAt      string        `json:"confirmed_at"`
	Email            *string       `json:"email"`
	Identities       []identityRow `json:"identities"`
	TwoFactorEnabled bool          `json:"two_factor_enabled"`
	External         bool          `json:"external"`
	IsAdmin          *bool         `json:"is_admin"` // only for those who may see everything
}

type identityRow struct {
	Provider  string `json:"provider"`
	ExternUID string `json:"extern_uid"`
}

type groupRow struct {
	ID                  int64      `json:"id"`
	ParentID            int64      `json:"parent_id"` // null at the top
	Name                string     `json:"name"`
	FullPath            string     `json:"full_path"`
	Visibility          string     `json:"visibility"`
	WebURL              string     `json:"web_url"`
	Archived            bool       `json:"archived"`
	MarkedForDeletionOn string     `json:"marked_for_deletion_on"`
	SharedWithGroups    []shareRow `json:"shared_with_groups"` // not in lists
	// Links to groups of a directory, in the Enterprise Edition.
	LDAPLinks []struct{} `json:"ldap_group_links"`
	SAMLLinks []struct{} `json:"saml_group_links"`
}

type projectRow struct {
	ID        int64  `json:"id"`
	Name      string `json:"name"`
	Path      string `json:"path_with_namespace"`
	Namespace struct {
		ID   int64  `json:"id"`
		Kind string `json:"kind"`
	} `json:"namespace"`
	Owner *struct {
		ID int64 `json:"id"`
	} `json:"owner"`
	CreatorID           int64      `json:"creator_id"`
	Visibility          string     `json:"visibility"`
	WebURL              string     `json:"web_url"`
	Archived            bool       `json:"archived"`
	MarkedForDeletionOn string     `json:"marked_for_deletion_on"`
	MarkedForDeletionAt string     `json:"marked_for_deletion_at"`
	SharedWithGroups    []shareRow `json:"shared_with_groups"`
}

type shareRow struct {
	GroupID      int64  `json:"group_id"`
	Level        int    `json:"group_access_level"`
	ExpiresAt    string `json:"expires_at"`
	MemberRoleID int64  `json:"member_role_id"`
}

type memberRow struct {
	userRow
	AccessLevel     int      `json:"access_level"`
	GrantedAt       string   `json:"created_at"` // hides the account's, as in the API
	ExpiresAt       string   `json:"expires_at"`
	MembershipState string   `json:"membership_state"`
	MemberRole      *roleRow `json:"member_role"`
	Override        *bool    `json:"override"` // only for members that LDAP keeps: whether somebody changed it by hand
}

type roleRow struct {
	ID        int64  `json:"id"`
	Name      string `json:"name"`
	BaseLevel int    `json:"base_access_level"`
}

func (r userRow) id() int64    { return r.ID }
func (r groupRow) id() int64   { return r.ID }
func (r projectRow) id() int64 { return r.ID }

func text(id int64) string { return strconv.FormatInt(id, 10) }

func groupID(id int64) gatehouse.ResourceID { return gatehouse.ResourceID("group/" + text(id)) }

func projectID(id int64) gatehouse.ResourceID { return gatehouse.ResourceID("project/" + text(id)) }

func (r userRow) account() gatehouse.Account {
	a := gatehouse.Account{
		ID: text(r.ID), Username: r.Username, Name: r.Name, Email: r.PublicEmail, State: r.State, Type: r.accountType(),
		External: r.External, TwoFactor: r.TwoFactorEnabled, WebURL: r.WebURL, Avatar: r.AvatarURL,
		CreatedAt: moment(r.CreatedAt), LastActiveAt: moment(r.LastActivityOn),
		// GitLab's last_sign_in_at is the sign-in before the current one.
		LastSignInAt: later(moment(r.CurrentSignInAt), moment(r.LastSignInAt)),
	}
	if r.IsAdmin != nil {
		a.Admin = *r.IsAdmin
	}
	if r.Email != nil {
		a.Email, a.EmailVerified = *r.Email, *r.Email != "" && r.ConfirmedAt != ""
	}
	for _, i := range r.Identities {
		a.Identities = append(a.Identities, gatehouse.AccountIdentity{Provider: i.Provider, Subject: i.ExternUID})
	}
	return a
}

var (
	// GitLab makes one account for each project or group access token:
	// project_7_bot_0a1b…, in old versions project_7_bot or project_7_bot2.
	tokenBot = regexp.MustCompile(`^(project|group)_\d+_bot(_[0-9a-z]+|\d*)$`)
	// Accounts of GitLab itself (doc/administration/internal_users.md), with the
	// number it appends when the name is taken.
	internalBot = regexp.MustCompile(`(?i)^(alert|support|migration|security|visual-review|automation|admin|suggested-reviewers|service-desk|llm|duo-code-review|gitlab-security|gitlab-automation|gitlab-admin|gitlab-suggested-reviewers|gitlab-llm|gitlab-duo)-?bot\d*$|^GitLabDuo\d*$`)
	ghost       = regexp.MustCompile(`^ghost\d*$`)
	ghostEmail  = regexp.MustCompile(`^ghost\d*@`)
	// Stand-ins for people of imports that nobody claimed yet.
	placeholder = regexp.MustCompile(`_placeholder_(user_)?[0-9a-z]+$|^placeholder_user_|^import_user_`)
)

// accountType tells people from machines. REST does not tell the type, so bots
// are known by their flag and, as in GitLab's own code, by their names. Ordinary
// people may be called like a bot; only the flag makes one of them.
func (r userRow) accountType() gatehouse.AccountType {
	seen := r.Email != nil // flags and addresses are in full rows only
	switch {
	case tokenBot.MatchString(r.Username) && (r.Bot || !seen):
		return gatehouse.AccountTokenBot
	case internalBot.MatchString(r.Username) && (r.Bot || !seen):
		return gatehouse.AccountInternal
	case ghost.MatchString(r.Username) && (!seen || ghostEmail.MatchString(*r.Email)):
		return gatehouse.AccountGhost
	case placeholder.MatchString(r.Username):
		return gatehouse.AccountPlaceholder
	case r.Bot || strings.HasPrefix(r.Username, "service_account_"):
		return gatehouse.AccountService
	}
	return gatehouse.AccountPerson
}

func stateOf(archived bool, marked ...string) string {
	for _, m := range marked {
		if m != "" {
			return "marked_for_deletion"
		}
	}
	if archived {
		return "archived"
	}
	return ""
}

func (r groupRow) resource() gatehouse.Resource {
	x := gatehouse.Resource{
		ID: groupID(r.ID), Kind: gatehouse.ResourceGroup, Name: r.Name, Path: r.FullPath, Visibility: r.Visibility,
		WebURL: r.WebURL, State: stateOf(r.Archived, r.MarkedForDeletionOn),
	}
	if r.ParentID != 0 {
		x.Parent = groupID(r.ParentID)
	}
	switch {
	case len(r.LDAPLinks) > 0:
		x.SyncedBy = "ldap"
	case len(r.SAMLLinks) > 0:
		x.SyncedBy = "saml"
	}
	return x
}

// resource of a personal project has an owner instead of a parent. Its owner is
// a member of it like others.
func (r projectRow) resource() gatehouse.Resource {
	x := gatehouse.Resource{
		ID: projectID(r.ID), Kind: gatehouse.ResourceProject, Name: r.Name, Path: r.Path, Visibility: r.Visibility,
		WebURL: r.WebURL, State: stateOf(r.Archived, r.MarkedForDeletionOn, r.MarkedForDeletionAt),
	}
	switch {
	case r.Namespace.Kind == "group":
		x.Parent = groupID(r.Namespace.ID)
	case r.Owner != nil && r.Owner.ID > 0:
		x.OwnerID = text(r.Owner.ID)
	case r.CreatorID > 0: // versions that leave the owner out
		x.OwnerID = text(r.CreatorID)
	}
	return x
}

func (r shareRow) share(to gatehouse.ResourceID, roles map[string]string) gatehouse.Share {
	s := gatehouse.Share{GroupID: groupID(r.GroupID), ResourceID: to, Cap: gatehouse.Role{Level: r.Level}, ExpiresAt: day(r.ExpiresAt)}
	if r.MemberRoleID != 0 {
		s.Cap.Custom = text(r.MemberRoleID)
		s.Cap.Name = roles[s.Cap.Custom]
	}
	return s
}

func (r memberRow) grant(on gatehouse.ResourceID) gatehouse.Grant {
	g := gatehouse.Grant{
		AccountID: text(r.ID), ResourceID: on, Role: gatehouse.Role{Level: r.AccessLevel},
		ExpiresAt: day(r.ExpiresAt), GrantedAt: second(r.GrantedAt),
	}
	if r.MemberRole != nil {
		g.Role.Name, g.Role.Custom = r.MemberRole.Name, text(r.MemberRole.ID)
	}
	if r.MembershipState != "active" {
		g.State = r.MembershipState
	}
	if r.Override != nil && !*r.Override {
		g.Source = "ldap"
	}
	return g
}

// moment reads a time or a date; what is not one is unknown.
func moment(s string) time.Time {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UTC()
	}
	return day(s)
}

// second is the moment to the second: GraphQL tells no more, and both ways must
// give the same.
func second(s string) time.Time { return moment(s).Truncate(time.Second) }

// day reads the date at the beginning of a text. GraphQL puts the instance's
// midnight behind it, which would move the date in other time zones.
func day(s string) time.Time {
	if len(s) < len(time.DateOnly) {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, s[:len(time.DateOnly)])
	if err != nil {
		return time.Time{}
	}
	return t
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
