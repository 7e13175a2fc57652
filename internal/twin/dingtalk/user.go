package dingtalk

import (
	"cmp"
	"encoding/json"
	"hash/crc32"
	"slices"
	"time"
)

// userByUnion is getbyunionid. It finds external contacts too.
func (t *Twin) userByUnion(v *visit) answer {
	union := v.text("unionid")
	if union == "" {
		return topError(40035, "缺少参数 unionid")
	}
	m := find(v.corp.Members, func(m *Member) bool { return v.app.unionID(m.UnionID) == union })
	if m == nil {
		return topError(60121, "找不到该用户")
	}
	kind := 0
	if m.External {
		kind = 1
	}
	return topOK(struct {
		ContactType int    `json:"contact_type"`
		UserID      string `json:"userid"`
	}{kind, m.UserID})
}

type deptOrder struct {
	DeptID int64 `json:"dept_id"`
	Order  int64 `json:"order"`
}

type deptLeader struct {
	DeptID int64 `json:"dept_id"`
	Leader bool  `json:"leader"`
}

type unionEmployee struct{}

// userView is a member as v2/user/get tells it. Pointers and omitempty: what
// is unset or not permitted is left out, never null.
type userView struct {
	Active           bool          `json:"active"`
	Admin            bool          `json:"admin"`
	Avatar           string        `json:"avatar"`
	Boss             bool          `json:"boss"`
	Senior           bool          `json:"senior"`
	DeptIDList       []int64       `json:"dept_id_list"`
	DeptOrderList    []deptOrder   `json:"dept_order_list"`
	Email            string        `json:"email,omitempty"`
	ExclusiveAccount bool          `json:"exclusive_account"`
	AccountType      string        `json:"exclusive_account_type,omitempty"`
	Extension        string        `json:"extension,omitempty"`
	HideMobile       bool          `json:"hide_mobile"`
	HiredDate        int64         `json:"hired_date,omitempty"`
	JobNumber        string        `json:"job_number,omitempty"`
	LeaderInDept     []deptLeader  `json:"leader_in_dept"`
	ManagerUserID    string        `json:"manager_userid,omitempty"`
	Mobile           string        `json:"mobile,omitempty"`
	StateCode        string        `json:"state_code,omitempty"`
	Name             string        `json:"name"`
	OrgEmail         string        `json:"org_email,omitempty"`
	OrgEmailType     string        `json:"org_email_type,omitempty"`
	RealAuthed       bool          `json:"real_authed"`
	Remark           string        `json:"remark,omitempty"`
	RoleList         []Role        `json:"role_list,omitempty"`
	Telephone        string        `json:"telephone,omitempty"`
	Title            string        `json:"title,omitempty"`
	UnionEmpExt      unionEmployee `json:"union_emp_ext"`
	UnionID          string        `json:"unionid"`
	UserID           string        `json:"userid"`
	WorkPlace        string        `json:"work_place,omitempty"`
}

// userGet is v2/user/get.
func (t *Twin) userGet(v *visit) answer {
	m, refusal := v.askedMember()
	if m == nil {
		return refusal
	}
	u := userView{
		Active: !m.Inactive, Admin: m.Admin || m.MainAdmin, Avatar: t.absolute(m.Avatar), Boss: m.Boss, Senior: m.Senior,
		DeptIDList: append([]int64{}, m.DepartmentIDs...), ExclusiveAccount: m.ExclusiveAccount, HideMobile: m.HideMobile,
		HiredDate: millis(m.HiredAt), JobNumber: m.JobNumber, ManagerUserID: m.ManagerUserID, Name: m.Name,
		RealAuthed: !m.Inactive, RoleList: m.Roles, Telephone: m.Telephone, Title: m.Title,
		UnionID: v.app.unionID(m.UnionID), UserID: m.UserID,
	}
	u.DeptOrderList, u.LeaderInDept = []deptOrder{}, []deptLeader{}
	for _, id := range m.DepartmentIDs {
		u.DeptOrderList = append(u.DeptOrderList, deptOrder{id, order(m)})
		u.LeaderInDept = append(u.LeaderInDept, deptLeader{id, slices.Contains(m.Leads, id)})
	}
	if m.ExclusiveAccount {
		u.AccountType = "dingtalk"
	}
	if v.may(permMobile) && m.Mobile != "" && !v.app.thirdParty() {
		u.Mobile, u.StateCode = m.Mobile, stateCode(m.StateCode)
	}
	if v.may(permEmail) && !v.app.thirdParty() {
		u.Email, u.OrgEmail, u.Remark, u.WorkPlace, u.Extension = m.Email, m.OrgEmail, m.Remark, m.WorkPlace, m.Extension
		if m.OrgEmail != "" {
			u.OrgEmailType = "base"
		}
	}
	return topOK(u)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// order is where a member stands in a department. The numbers exceed what a
// floating-point number can hold, as DingTalk's do.
func order(m *Member) int64 {
	return 176299999999999512 - int64(crc32.ChecksumIEEE([]byte(m.UserID))%1_000_000)
}

// listedUser is a member as v2/user/list tells it.
type listedUser struct {
	UserID           string  `json:"userid"`
	UnionID          string  `json:"unionid"`
	Name             string  `json:"name"`
	Avatar           string  `json:"avatar"`
	StateCode        string  `json:"state_code,omitempty"`
	Mobile           string  `json:"mobile,omitempty"`
	HideMobile       bool    `json:"hide_mobile"`
	Telephone        string  `json:"telephone"`
	JobNumber        string  `json:"job_number"`
	Title            string  `json:"title"`
	Email            string  `json:"email,omitempty"`
	OrgEmail         string  `json:"org_email,omitempty"`
	WorkPlace        string  `json:"work_place,omitempty"`
	Remark           string  `json:"remark,omitempty"`
	DeptIDList       []int64 `json:"dept_id_list"`
	DeptOrder        int64   `json:"dept_order"`
	Extension        string  `json:"extension,omitempty"`
	HiredDate        int64   `json:"hired_date,omitempty"`
	Active           bool    `json:"active"`
	Admin            bool    `json:"admin"`
	Boss             bool    `json:"boss"`
	Leader           bool    `json:"leader"`
	ExclusiveAccount bool    `json:"exclusive_account"`
}

type userPage[T any] struct {
	HasMore bool `json:"has_more"`
	// NextCursor is there only while there is more.
	NextCursor int64 `json:"next_cursor,omitempty"`
	List       []T   `json:"list"`
}

// userList is v2/user/list: the direct members of one department.
func (t *Twin) userList(v *visit) answer {
	return listUsers(v, func(m *Member, dept int64) listedUser {
		u := listedUser{
			UserID: m.UserID, UnionID: v.app.unionID(m.UnionID), Name: m.Name, Avatar: t.absolute(m.Avatar),
			HideMobile: m.HideMobile, Telephone: m.Telephone, JobNumber: m.JobNumber, Title: m.Title,
			DeptIDList: append([]int64{}, m.DepartmentIDs...), DeptOrder: order(m), HiredDate: millis(m.HiredAt),
			Active: !m.Inactive, Admin: m.Admin || m.MainAdmin, Boss: m.Boss, Leader: slices.Contains(m.Leads, dept),
			ExclusiveAccount: m.ExclusiveAccount,
		}
		if v.may(permMobile) && m.Mobile != "" && !v.app.thirdParty() {
			u.Mobile, u.StateCode = m.Mobile, stateCode(m.StateCode)
		}
		if v.may(permEmail) && !v.app.thirdParty() {
			u.Email, u.OrgEmail, u.Remark, u.WorkPlace, u.Extension = m.Email, m.OrgEmail, m.Remark, m.WorkPlace, m.Extension
		}
		return u
	})
}

type simpleUser struct {
	UserID string `json:"userid"`
	Name   string `json:"name"`
}

// userListSimple is user/listsimple.
func (t *Twin) userListSimple(v *visit) answer {
	return listUsers(v, func(m *Member, _ int64) simpleUser { return simpleUser{m.UserID, m.Name} })
}

func listUsers[T any](v *visit, view func(*Member, int64) T) answer {
	cursor, okCursor := v.number("cursor")
	size, okSize := v.number("size")
	if !okCursor || !okSize || cursor < 0 {
		return topError(400002, "无效的参数")
	}
	if size < 1 || size > 100 {
		return topError(40069, "不合法的分页大小")
	}
	d, refusal := v.askedDepartment()
	if d == nil {
		return refusal
	}
	members := v.corp.in(d.ID)
	if !sortMembers(members, v.text("order_field")) {
		return topError(40035, "不合法的参数")
	}
	page := userPage[T]{List: []T{}}
	from := min(cursor, int64(len(members)))
	to := min(from+size, int64(len(members)))
	for _, m := range members[from:to] {
		page.List = append(page.List, view(m, d.ID))
	}
	if to < int64(len(members)) {
		page.HasMore, page.NextCursor = true, to
	}
	return topOK(page)
}

// sortMembers sorts as asked, and says whether it knows that order. When a
// member was modified is not kept: the order of entry stands in for it.
func sortMembers(members []*Member, by string) bool {
	entry := func(a, b *Member) int { return cmp.Compare(a.HiredAt.UnixNano(), b.HiredAt.UnixNano()) }
	switch by {
	case "", "custom":
	case "entry_asc", "modify_asc":
		slices.SortStableFunc(members, entry)
	case "entry_desc", "modify_desc":
		slices.SortStableFunc(members, func(a, b *Member) int { return entry(b, a) })
	default:
		return false
	}
	return true
}

// userListID is user/listid: no paging, and not cut by the contact scope.
func (t *Twin) userListID(v *visit) answer {
	id, ok := v.number("dept_id")
	if !ok {
		return topError(40035, "缺少参数 dept_id")
	}
	if v.corp.department(id) == nil {
		return topError(60003, "部门不存在")
	}
	ids := []string{}
	for _, m := range v.corp.in(id) {
		ids = append(ids, m.UserID)
	}
	return topOK(struct {
		List []string `json:"userid_list"`
	}{ids})
}

// userInfo is v2/user/getuserinfo: who opened the app inside DingTalk.
func (t *Twin) userInfo(v *visit) answer {
	got, ok := t.takeCode(flowInApp, v.app.Key, v.text("code"), v.now)
	m := v.corp.byUnion(got.UnionID)
	if !ok || m == nil || m.External {
		return topError(40078, "不存在的临时授权码")
	}
	level := 0
	switch {
	case m.MainAdmin:
		level = 1
	case m.Admin:
		level = 2
	case m.Boss:
		level = 100
	}
	return topOK(struct {
		UserID            string `json:"userid"`
		UnionID           string `json:"unionid"`
		AssociatedUnionID string `json:"associated_unionid"`
		DeviceID          string `json:"device_id"`
		Sys               bool   `json:"sys"`
		SysLevel          int    `json:"sys_level"`
		Name              string `json:"name"`
	}{
		m.UserID, v.app.unionID(m.UnionID), derive(20, "associated", m.UnionID) + "iEiE", derive(32, "device", m.UnionID),
		m.Admin || m.MainAdmin, level, m.Name,
	})
}

// extensionOK says whether the text can be an extension.
func extensionOK(text string) bool {
	var fields map[string]string
	return text == "" || json.Unmarshal([]byte(text), &fields) == nil
}
