package dingtalk

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

// World is all that the twin knows before anyone calls it.
type World struct {
	People    []Person
	Companies []Company
	Apps      []App
}

// Person is a DingTalk account. It belongs to the human, not to a company: what
// it holds is what the human entered.
type Person struct {
	// UnionID is the account's id as every app without a Developer sees it.
	UnionID string
	Nick    string
	// Email and Mobile are personal, may be empty, and prove nothing.
	Email, Mobile string
	// StateCode is the country code of Mobile; empty means 86.
	StateCode string
	// Avatar is a URL. One that starts with "/" is below the twin's own URL.
	Avatar  string
	Visitor bool
}

// Company is an organisation with its directory.
type Company struct {
	CorpID, Name string
	// Departments must hold the root, whose ID is 1.
	Departments []Department
	Members     []Member
	// Left is who left, the oldest first.
	Left []Leaver
}

// RootDepartment is the ID of every company's root department.
const RootDepartment int64 = 1

// Department is one node of a company's tree.
type Department struct {
	ID int64
	// ParentID is 0 for the root alone.
	ParentID int64
	Name     string
	Order    int64
	// Managers are userids.
	Managers []string
	// Hidden departments are not shown in the phone's address book; the API
	// returns them all the same.
	Hidden bool
}

// Member is one person in one company's directory, or an external contact of it.
type Member struct {
	// UserID is unique in the company and never changes.
	UserID  string
	UnionID string
	// External makes this an external contact (contact_type 1): getbyunionid
	// finds it, nothing else does.
	External bool
	// Inactive: invited, but never activated DingTalk. Such a person is in the
	// directory and cannot sign in.
	Inactive bool

	Name, JobNumber, Title string
	// Mobile is what the company has on record; StateCode "" means 86.
	Mobile, StateCode string
	// Email was typed in by an administrator; OrgEmail is the company mailbox.
	Email, OrgEmail              string
	Telephone, WorkPlace, Remark string
	// Extension is a JSON object as text; "" = none.
	Extension string
	Avatar    string
	// DepartmentIDs is where the person is, the main department first.
	DepartmentIDs []int64
	// Leads are those of DepartmentIDs that the person leads.
	Leads         []int64
	ManagerUserID string
	// Admin is a sub-administrator, MainAdmin the main one.
	Admin, MainAdmin, Boss, Senior bool
	HideMobile                     bool
	ExclusiveAccount               bool
	HiredAt                        time.Time
	Roles                          []Role
}

// Role is a label that a company gives to members.
type Role struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Group string `json:"group_name"`
}

// Leaver is the record of one who left a company.
type Leaver struct {
	UserID, Name, StateCode, Mobile string
	LeftAt                          time.Time
	// Reason is one of oapi, cancel, leave, unknown, delete.
	Reason string
}

// App is an application registered in a company's developer console.
type App struct {
	// Key is the Client ID (AppKey). A Key that starts with "suite" is a
	// third-party app: it sees masked phone numbers.
	Key, Secret, Name string
	// CorpID is the company that the app is installed in.
	CorpID  string
	AgentID int64
	// Developer separates unionIds: apps of one Developer see the same unionId
	// for a person, apps of another one see another. "" sees Person.UnionID.
	Developer string
	// RedirectURIs are compared as a whole.
	RedirectURIs []string
	// Permissions are what the administrator granted (see AllPermissions).
	// nil grants all; an empty, non-nil list grants none.
	Permissions []string
	// AuthedDepartments is the contact scope; nil is the whole company.
	AuthedDepartments []int64
	AuthedUsers       []string
	// AllowedIPs are the addresses that may call; nil allows all.
	AllowedIPs []string
	// QPS limits calls per second and API; 0 does not limit.
	QPS int
	// MembersOnly refuses people outside CorpID already on the sign-in page
	// (error 11055). Without it they come back with a code, and it is the
	// caller who must ask whether they are members.
	MembersOnly bool
	// Callback is where it takes events over HTTP (see Subscribe).
	Callback Callback
}

// AllPermissions returns the permissions that the twin looks at, by the names
// that DingTalk's console and error texts use.
func AllPermissions() []string {
	return []string{
		"qyapi_base", "qyapi_get_member", "qyapi_get_department_member", "qyapi_get_department_list",
		permMobile, permEmail, permContactRead, permContactMobile, permLeavers,
	}
}

const (
	permMobile        = "fieldMobile" // phone numbers in the directory
	permEmail         = "fieldEmail"  // e-mail and other personal fields in the directory
	permContactRead   = "Contact.User.Read"
	permContactMobile = "Contact.User.mobile"
	permLeavers       = "Contact.Common.Read"
)

func (a *App) permissions() []string {
	if a.Permissions == nil {
		return AllPermissions()
	}
	return slices.Clone(a.Permissions)
}

func (a *App) thirdParty() bool { return strings.HasPrefix(a.Key, "suite") }

// derive makes an id that looks like DingTalk's and is the same each time.
func derive(length int, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	text := base64.StdEncoding.EncodeToString(sum[:])
	text = strings.NewReplacer("+", "p", "/", "s", "=", "").Replace(text)
	return text[:length]
}

// unionID is the person's id as the app sees it.
func (a *App) unionID(union string) string {
	if a.Developer == "" {
		return union
	}
	return derive(20, "union", a.Developer, union) + "iEiE"
}

// openID is the person's id in this one app.
func (a *App) openID(union string) string { return derive(20, "open", a.Key, union) + "iE" }

func (w *World) app(key string) *App {
	return find(w.Apps, func(a *App) bool { return a.Key == key })
}

func (w *World) company(corpID string) *Company {
	return find(w.Companies, func(c *Company) bool { return c.CorpID == corpID })
}

// person finds an account by the unionId without a Developer.
func (w *World) person(union string) *Person {
	return find(w.People, func(p *Person) bool { return p.UnionID == union })
}

// seen finds an account by the unionId that the app sees.
func (w *World) seen(a *App, union string) *Person {
	return find(w.People, func(p *Person) bool { return a.unionID(p.UnionID) == union })
}

// memberships are the companies that list the account as their own.
func (w *World) memberships(union string) []*Company {
	var found []*Company
	for i := range w.Companies {
		if m := w.Companies[i].byUnion(union); m != nil && !m.External {
			found = append(found, &w.Companies[i])
		}
	}
	return found
}

// activated says whether the account can sign in at all: one that companies
// invited and that never answered cannot.
func (w *World) activated(union string) bool {
	companies := w.memberships(union)
	for _, c := range companies {
		if !c.byUnion(union).Inactive {
			return true
		}
	}
	return len(companies) == 0
}

func (c *Company) member(userID string) *Member {
	return find(c.Members, func(m *Member) bool { return m.UserID == userID })
}

func (c *Company) byUnion(union string) *Member {
	return find(c.Members, func(m *Member) bool { return m.UnionID == union })
}

func (c *Company) department(id int64) *Department {
	return find(c.Departments, func(d *Department) bool { return d.ID == id })
}

// path is the department and all above it, up to the root.
func (c *Company) path(id int64) []int64 {
	var ids []int64
	for d := c.department(id); d != nil && len(ids) <= len(c.Departments); d = c.department(d.ParentID) {
		ids = append(ids, d.ID)
	}
	return ids
}

func (c *Company) children(id int64) []*Department {
	var found []*Department
	for i := range c.Departments {
		if c.Departments[i].ParentID == id {
			found = append(found, &c.Departments[i])
		}
	}
	slices.SortStableFunc(found, func(a, b *Department) int { return int(a.Order - b.Order) })
	return found
}

// in are the direct members of a department.
func (c *Company) in(id int64) []*Member {
	var found []*Member
	for i := range c.Members {
		if m := &c.Members[i]; !m.External && slices.Contains(m.DepartmentIDs, id) {
			found = append(found, m)
		}
	}
	return found
}

func find[T any](list []T, is func(*T) bool) *T {
	for i := range list {
		if is(&list[i]) {
			return &list[i]
		}
	}
	return nil
}
