package dingtalk

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse"
)

// The levels of roles in a department. A level up to 5 gives nothing below the
// department that it is held on (package reach): members of a department are not
// members of those below it, while who manages it manages those, too.
const (
	levelMember  = 5
	levelManager = 30
)

// personRow is somebody of the directory, as v2/user/list and v2/user/get tell
// it. What is unset, or what the app may not see, is not in the answer.
type personRow struct {
	UserID    string  `json:"userid"`
	UnionID   string  `json:"unionid"`
	Name      string  `json:"name"`
	Avatar    string  `json:"avatar"`
	Title     string  `json:"title"`
	JobNumber string  `json:"job_number"`
	Email     string  `json:"email"`
	OrgEmail  string  `json:"org_email"`
	Mobile    string  `json:"mobile"`
	StateCode string  `json:"state_code"`
	Manager   string  `json:"manager_userid"` // not in lists
	Hired     int64   `json:"hired_date"`     // Unix milliseconds
	Active    bool    `json:"active"`         // false: invited, and never came
	Admin     bool    `json:"admin"`
	Leader    bool    `json:"leader"` // of the department whose list this is
	DeptIDs   []int64 `json:"dept_id_list"`
	Leads     []struct {
		DeptID int64 `json:"dept_id"`
		Leader bool  `json:"leader"`
	} `json:"leader_in_dept"` // not in lists
}

// departmentRow is a department as v2/department/get tells it.
type departmentRow struct {
	ID       int64    `json:"dept_id"`
	Parent   int64    `json:"parent_id"` // absent: it is the company itself
	Name     string   `json:"name"`
	Managers []string `json:"dept_manager_userid_list"`
}

// The app's words for the state of an account.
const (
	stateActive       = "active"
	stateNotActivated = "not_activated" // invited, and never came to DingTalk: not a leaver
)

func (s *Source) account(r personRow) gatehouse.Account {
	a := gatehouse.Account{
		ID: r.UserID, Username: r.UserID, Name: r.Name, Type: gatehouse.AccountPerson, State: stateActive,
		Admin: r.Admin, Avatar: r.Avatar, Title: r.Title, JobNumber: r.JobNumber, Phone: phone(r.StateCode, r.Mobile),
		ManagerID: r.Manager,
	}
	if !s.settings.managers { // which lists do not tell either
		a.ManagerID = ""
	}
	if !r.Active {
		a.State = stateNotActivated
	}
	if a.Email = cmp.Or(r.OrgEmail, r.Email); r.OrgEmail != "" {
		a.EmailVerified = s.settings.emailVerified
	}
	if r.UnionID != "" {
		a.Identities = []gatehouse.AccountIdentity{{Provider: "dingtalk", Subject: r.UnionID}}
	}
	if r.Hired > 0 {
		a.HiredAt = time.UnixMilli(r.Hired).UTC()
	}
	return a
}

func departmentID(id int64) gatehouse.ResourceID {
	return gatehouse.ResourceID("department/" + strconv.FormatInt(id, 10))
}

// parseDepartment is the number of a department; 0 when it is none.
func parseDepartment(id gatehouse.ResourceID) int64 {
	text, ok := strings.CutPrefix(string(id), "department/")
	n, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || n < 1 {
		return 0
	}
	return n
}

func grant(userID string, department int64, manager bool) gatehouse.Grant {
	g := gatehouse.Grant{AccountID: userID, ResourceID: departmentID(department), Role: gatehouse.Role{Level: levelMember}}
	if manager {
		g.Role.Level = levelManager
	}
	return g
}

// grants are the memberships that somebody's own record tells.
func (r personRow) grants() []gatehouse.Grant {
	var all []gatehouse.Grant
	for _, id := range r.DeptIDs {
		leads := false
		for _, l := range r.Leads {
			leads = leads || l.DeptID == id && l.Leader
		}
		if id > 0 && !slices.ContainsFunc(all, func(g gatehouse.Grant) bool { return g.ResourceID == departmentID(id) }) {
			all = append(all, grant(r.UserID, id, leads))
		}
	}
	return all
}

// pathOf is a department's name behind those above it, without the company's:
// 研发中心/平台组. A slash in a name is made a dash, since slashes part the levels.
func pathOf(above string, d departmentRow) string {
	name := strings.ReplaceAll(strings.TrimSpace(d.Name), "/", "-")
	if name == "" {
		name = strconv.FormatInt(d.ID, 10)
	}
	if above == "" {
		return name
	}
	return above + "/" + name
}
