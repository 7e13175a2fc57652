package dingtalk

import (
	"net/http"
	"slices"
	"strings"
)

// visit is a call to the directory after the gateway let it through.
type visit struct {
	*call
	app         *App
	corp        *Company
	permissions []string // those of the token, not those that the app has now
}

func (v *visit) may(permission string) bool { return slices.Contains(v.permissions, permission) }

func (t *Twin) directoryRoutes() []route {
	const member, inDepartment, departments = "qyapi_get_member", "qyapi_get_department_member", "qyapi_get_department_list"
	return []route{
		t.top("/topapi/user/getbyunionid", member, t.userByUnion),
		t.top("/topapi/v2/user/get", member, t.userGet),
		t.top("/topapi/v2/user/list", inDepartment, t.userList),
		t.top("/topapi/user/listsimple", inDepartment, t.userListSimple),
		t.top("/topapi/user/listid", member, t.userListID),
		t.top("/topapi/v2/department/listsub", departments, t.departmentListSub),
		t.top("/topapi/v2/department/listsubid", departments, t.departmentListSubID),
		t.top("/topapi/v2/department/get", departments, t.departmentGet),
		t.top("/topapi/v2/department/listparentbyuser", departments, t.departmentsOfUser),
		t.top("/topapi/v2/department/listparentbydept", departments, t.departmentsAbove),
		t.top("/topapi/v2/user/getuserinfo", "qyapi_base", t.userInfo),
	}
}

// top is a route of the old API's gateway, which takes GET and POST alike.
func (t *Twin) top(path, permission string, handle func(*visit) answer) route {
	return route{path, func(c *call) answer {
		app, tok, refusal, ok := t.topToken(c)
		if !ok {
			return refusal
		}
		if !app.allows(c.ip()) {
			return gatewayError("60020", ipText(c.ip(), app), "")
		}
		if t.tooFast(app, path, c.now) {
			f := Throttled(path)
			return answer{status: f.Status, header: f.Header, body: []byte(f.Body)}
		}
		if !slices.Contains(tok.Permissions, permission) {
			return gatewayError("60011", "应用尚未开通所需的权限：["+permission+"]，点击链接申请并开通即可：https://open-dev.dingtalk.com/appscope/apply?content="+app.Key+"%23"+permission,
				", {requiredScopes=["+permission+"]}")
		}
		corp := t.state.World.company(app.CorpID)
		if corp == nil {
			return topError(-1, "系统繁忙")
		}
		return handle(&visit{call: c, app: app, corp: corp, permissions: tok.Permissions})
	}}
}

func (t *Twin) topToken(c *call) (*App, appToken, answer, bool) {
	value := c.query.Get("access_token")
	if value == "" {
		value = c.form.Get("access_token") // as DingTalk's own SDKs and samples may send it
	}
	if value == "" {
		return nil, appToken{}, gatewayError("40000", "access_token is blank", ""), false
	}
	tok, ok := t.state.Apps[value]
	app := t.state.World.app(tok.App)
	if !ok || app == nil {
		return nil, appToken{}, gatewayError("40014", "不合法的access_token", ""), false
	}
	if !c.now.Before(tok.Expires) {
		return nil, appToken{}, gatewayError("42001", "access_token已过期", ""), false
	}
	return app, tok, answer{}, true
}

// oldRoutes are the paths of the old API that are not behind topapi's gateway.
func (t *Twin) oldRoutes() []route {
	return []route{
		{"GET /gettoken", t.getToken},
		{"GET /sns/gettoken", t.snsToken},
		{"POST /sns/getuserinfo_bycode", t.snsUserInfo},
		{"/auth/scopes", t.authScopes},
		{"/call_back/get_call_back_failed_result", t.failedCallbacks},
		{"/microapp/list", func(c *call) answer {
			if refusal, ok := t.plainToken(c); !ok {
				return refusal
			}
			return oldError(60011, "没有调用该接口的权限")
		}},
		{"/topapi/", func(c *call) answer {
			message := "不合法ApiName，ApiName = " + apiName(c.URL.Path)
			return asJSON(http.StatusOK, oldAnswer{
				Code: 22, SubMsg: message, Message: "Invalid method[submsg=" + message + "]", RequestID: shortID(),
			})
		}},
		{"/", func(*call) answer { return oldError(404, "请求的URI地址不存在") }},
	}
}

// plainToken checks the token of a path outside topapi.
func (t *Twin) plainToken(c *call) (answer, bool) {
	value := c.query.Get("access_token")
	tok, ok := t.state.Apps[value]
	app := t.state.World.app(tok.App)
	switch {
	case value == "":
		return oldError(41001, "缺少access_token参数"), false
	case !ok || app == nil:
		return oldError(40014, "不合法的access_token"), false
	case !c.now.Before(tok.Expires):
		return oldError(42001, "access_token已过期"), false
	case !app.allows(c.ip()):
		return oldError(60020, ipText(c.ip(), app)), false
	}
	return answer{}, true
}

type orgScopes struct {
	Departments []int64  `json:"authed_dept"`
	Users       []string `json:"authed_user"`
}

// authScopes is GET /auth/scopes: what of the company the app may see.
func (t *Twin) authScopes(c *call) answer {
	if refusal, ok := t.plainToken(c); !ok {
		return refusal
	}
	tok := t.state.Apps[c.query.Get("access_token")]
	app := t.state.World.app(tok.App)
	fields := []string{"name", "avatar", "userid", "jobnumber", "position", "department", "isAdmin", "isBoss", "isLeader"}
	if slices.Contains(tok.Permissions, permMobile) {
		fields = append(fields, "mobile")
	}
	if slices.Contains(tok.Permissions, permEmail) {
		fields = append(fields, "email", "orgEmail", "remark", "workPlace", "extattr")
	}
	return asJSON(http.StatusOK, struct {
		Code    int       `json:"errcode"`
		Message string    `json:"errmsg"`
		Fields  []string  `json:"auth_user_field"`
		Scopes  orgScopes `json:"auth_org_scopes"`
	}{0, "ok", fields, orgScopes{app.authed(), append([]string{}, app.AuthedUsers...)}})
}

func (a *App) authed() []int64 {
	if a.AuthedDepartments == nil {
		return []int64{RootDepartment}
	}
	return append([]int64{}, a.AuthedDepartments...)
}

// seesDepartment says whether a department is in the app's contact scope: it
// or one above it was authorised.
func (v *visit) seesDepartment(id int64) bool {
	authed := v.app.authed()
	return slices.ContainsFunc(v.corp.path(id), func(above int64) bool { return slices.Contains(authed, above) })
}

func (v *visit) seesMember(m *Member) bool {
	return slices.Contains(v.app.AuthedUsers, m.UserID) || slices.ContainsFunc(m.DepartmentIDs, v.seesDepartment)
}

// askedDepartment reads dept_id, which must be there.
func (v *visit) askedDepartment() (*Department, answer) {
	id, ok := v.number("dept_id")
	if !ok || id < 1 {
		return nil, topError(40035, "不合法的参数")
	}
	d := v.corp.department(id)
	if d == nil {
		return nil, topError(60003, "部门不存在")
	}
	if !v.seesDepartment(id) {
		return nil, topError(50004, "请求的部门id不在授权范围内")
	}
	return d, answer{}
}

// askedMember reads userid.
func (v *visit) askedMember() (*Member, answer) {
	id := strings.TrimSpace(v.text("userid"))
	if id == "" {
		return nil, topError(40035, "缺少参数 userid")
	}
	m := v.corp.member(id)
	if m == nil || m.External {
		return nil, topError(60121, "找不到该用户")
	}
	if !v.seesMember(m) {
		return nil, topError(50002, "请求的员工userid不在授权范围内")
	}
	return m, answer{}
}
