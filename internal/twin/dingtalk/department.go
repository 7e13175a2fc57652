package dingtalk

import "slices"

// listedDepartment is a department as listsub tells it.
type listedDepartment struct {
	DeptID          int64  `json:"dept_id"`
	Name            string `json:"name"`
	ParentID        int64  `json:"parent_id"`
	CreateDeptGroup bool   `json:"create_dept_group"`
	AutoAddUser     bool   `json:"auto_add_user"`
}

// subDepartments reads dept_id, where none is the root, and finds what is
// directly below.
func (v *visit) subDepartments() ([]*Department, answer, bool) {
	if v.text("dept_id") == "" {
		if !v.seesDepartment(RootDepartment) {
			return nil, topError(50004, "请求的部门id不在授权范围内"), false
		}
		return v.corp.children(RootDepartment), answer{}, true
	}
	d, refusal := v.askedDepartment()
	if d == nil {
		return nil, refusal, false
	}
	return v.corp.children(d.ID), answer{}, true
}

// departmentListSub is v2/department/listsub.
func (t *Twin) departmentListSub(v *visit) answer {
	subs, refusal, ok := v.subDepartments()
	if !ok {
		return refusal
	}
	list := []listedDepartment{}
	for _, d := range subs {
		list = append(list, listedDepartment{d.ID, d.Name, d.ParentID, true, true})
	}
	return topOK(list)
}

// departmentListSubID is v2/department/listsubid.
func (t *Twin) departmentListSubID(v *visit) answer {
	subs, refusal, ok := v.subDepartments()
	if !ok {
		return refusal
	}
	ids := []int64{}
	for _, d := range subs {
		ids = append(ids, d.ID)
	}
	return topOK(struct {
		List []int64 `json:"dept_id_list"`
	}{ids})
}

type departmentView struct {
	AutoAddUser      bool     `json:"auto_add_user"`
	Brief            string   `json:"brief"`
	CreateDeptGroup  bool     `json:"create_dept_group"`
	DeptGroupChatID  string   `json:"dept_group_chat_id"`
	DeptID           int64    `json:"dept_id"`
	Managers         []string `json:"dept_manager_userid_list"`
	DeptPermits      []int64  `json:"dept_permits"`
	GroupContainSub  bool     `json:"group_contain_sub_dept"`
	HideDept         bool     `json:"hide_dept"`
	MemberCount      int      `json:"member_count"`
	Name             string   `json:"name"`
	Order            int64    `json:"order"`
	OrgDeptOwner     string   `json:"org_dept_owner,omitempty"`
	OuterDept        bool     `json:"outer_dept"`
	OuterPermitDepts []int64  `json:"outer_permit_depts"`
	OuterPermitUsers []string `json:"outer_permit_users"`
	ParentID         int64    `json:"parent_id,omitempty"` // the root has none
	UserPermits      []string `json:"user_permits"`
}

// departmentGet is v2/department/get.
func (t *Twin) departmentGet(v *visit) answer {
	d, refusal := v.askedDepartment()
	if d == nil {
		return refusal
	}
	view := departmentView{
		AutoAddUser: true, CreateDeptGroup: true, DeptGroupChatID: "chat" + derive(24, "chat", v.corp.CorpID, d.Name),
		DeptID: d.ID, Managers: append([]string{}, d.Managers...), DeptPermits: []int64{}, GroupContainSub: true,
		HideDept: d.Hidden, MemberCount: len(v.corp.in(d.ID)), Name: d.Name, Order: d.Order,
		OuterPermitDepts: []int64{}, OuterPermitUsers: []string{}, ParentID: d.ParentID, UserPermits: []string{},
	}
	// The chat group's owner is not the department's manager: whoever was first.
	if in := v.corp.in(d.ID); len(in) > 0 {
		view.OrgDeptOwner = in[len(in)-1].UserID
	}
	return topOK(view)
}

// departmentsAbove is v2/department/listparentbydept: the department first, the
// root last.
func (t *Twin) departmentsAbove(v *visit) answer {
	d, refusal := v.askedDepartment()
	if d == nil {
		return refusal
	}
	return topOK(struct {
		List []int64 `json:"parent_id_list"`
	}{v.corp.path(d.ID)})
}

type parentPath struct {
	IDs []int64 `json:"parent_dept_id_list"`
}

// departmentsOfUser is v2/department/listparentbyuser: one path for each
// department that the person is in.
func (t *Twin) departmentsOfUser(v *visit) answer {
	m, refusal := v.askedMember()
	if m == nil {
		return refusal
	}
	paths := []parentPath{}
	for _, id := range slices.Sorted(slices.Values(m.DepartmentIDs)) {
		paths = append(paths, parentPath{v.corp.path(id)})
	}
	return topOK(struct {
		List []parentPath `json:"parent_list"`
	}{paths})
}
