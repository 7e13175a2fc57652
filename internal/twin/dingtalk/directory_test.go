package dingtalk

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func num(n int64) json.Number { return json.Number(fmt.Sprint(n)) }

func TestGateway(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const path = "/topapi/v2/department/listsub"
	wrapped := func(r reply, code, message, text string) {
		t.Helper()
		b.same([]any{r.status, r.json["errcode"], r.json["sub_code"], r.json["sub_msg"], r.json["errmsg"]},
			[]any{200, json.Number("88"), code, message, text})
		if id, _ := r.json["request_id"].(string); !topRequestID.MatchString(id) {
			t.Errorf("the request_id is %q", id)
		}
	}
	wrapped(b.post(path, nil), "40000", "access_token is blank", "ding talk error[subcode=40000,submsg=access_token is blank]")
	wrapped(b.post(path+"?access_token=x", nil), "40014", "不合法的access_token", "ding talk error[subcode=40014,submsg=不合法的access_token]")

	b.must(b.UpdateApp(DemoAppKey, func(a *App) { a.Permissions = []string{"qyapi_get_member"} }))
	missing := "应用尚未开通所需的权限：[qyapi_get_department_list]，点击链接申请并开通即可：https://open-dev.dingtalk.com/appscope/apply?content=" + DemoAppKey + "%23qyapi_get_department_list"
	wrapped(b.top(path, nil), "60011", missing, "ding talk error[subcode=60011,submsg="+missing+", {requiredScopes=[qyapi_get_department_list]}]")

	token := b.appToken()
	b.pass(2 * time.Hour)
	b.same(b.post(path+"?access_token="+token, nil).json["sub_code"], "42001")

	unknown := b.top("/topapi/v2/user/notexist", nil)
	message := "不合法ApiName，ApiName = dingtalk.oapi.v2.user.notexist"
	b.same([]any{unknown.json["errcode"], unknown.json["sub_msg"], unknown.json["errmsg"]}, []any{json.Number("22"), message, "Invalid method[submsg=" + message + "]"})

	// Outside topapi nothing is wrapped.
	plain := b.get("/microapp/list?access_token=x")
	b.same(plain.json, map[string]any{"errcode": json.Number("40014"), "errmsg": "不合法的access_token"})
	b.failed(b.get("/auth/scopes"), "41001")
	b.failed(b.get("/auth/scopes?access_token="+token), "42001")
}

func TestPermissionNeedsAFreshToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(b.UpdateApp(DemoAppKey, func(a *App) { a.Permissions = []string{} }))
	old := b.appToken()
	b.must(b.UpdateApp(DemoAppKey, func(a *App) { a.Permissions = nil }))
	r := b.post("/topapi/v2/user/get?access_token="+old, map[string]string{"userid": "lina"})
	b.same(r.json["sub_code"], "60011")
	b.same(b.result("/topapi/v2/user/get", map[string]any{"userid": "lina"})["name"], "李娜")
}

func TestUserByUnion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const path = "/topapi/user/getbyunionid"
	ask := func(id string) reply { return b.top(path, map[string]any{"unionid": DemoUnionID(id)}) }
	b.same(ask("lina").json["result"], map[string]any{"contact_type": json.Number("0"), "userid": "lina"})
	// An external contact is found here, and is nobody to v2/user/get.
	b.same(ask("ext-mariana").json["result"], map[string]any{"contact_type": json.Number("1"), "userid": "ext-mariana"})
	b.failed(b.top("/topapi/v2/user/get", map[string]any{"userid": "ext-mariana"}), "60121")
	outsider := ask("outsider")
	b.failed(outsider, "60121")
	b.same(outsider.json["errmsg"], "找不到该用户")
	b.failed(b.top(path, nil), "40035")

	// A form, with the token in it, is as good.
	r := b.form(path, url.Values{"access_token": {b.appToken()}, "unionid": {DemoUnionID("lina")}})
	b.same(r.json["errmsg"], "ok")
}

func TestUserGet(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	get := func(id string) map[string]any {
		return b.result("/topapi/v2/user/get", map[string]any{"userid": id, "language": "zh_CN"})
	}

	zhang := get("zhangwei")
	order := zhang["dept_order_list"].([]any)[0].(map[string]any)["order"]
	if n, err := order.(json.Number).Int64(); err != nil || n <= 1<<53 {
		t.Errorf("the order %v fits a float", order)
	}
	delete(zhang, "dept_order_list")
	dept := num(DemoEngineering)
	b.same(zhang, map[string]any{
		"active": true, "admin": true, "avatar": "", "boss": false, "senior": false, "dept_id_list": []any{dept},
		"exclusive_account": false, "extension": `{"工位":"A-12"}`, "hide_mobile": false,
		"hired_date": zhang["hired_date"], "job_number": "QH0002", "leader_in_dept": []any{map[string]any{"dept_id": dept, "leader": true}},
		"manager_userid": "manager4608", "mobile": "18800000002", "state_code": "86", "name": "张伟",
		"org_email": "zhang.wei@example.com", "org_email_type": "base", "real_authed": true,
		"role_list": []any{map[string]any{"group_name": "默认", "id": num(2510438760), "name": "子管理员"}},
		"title":     "技术总监", "union_emp_ext": map[string]any{}, "unionid": DemoUnionID("zhangwei"), "userid": "zhangwei", "work_place": "杭州",
	})

	if sun := get("sunli"); sun["active"] != false {
		t.Error("who never activated DingTalk is in the directory, and not active")
	}
	b.same(get("exclusive-mali")["exclusive_account_type"], "dingtalk")
	for id, absent := range map[string][]string{"exclusive-mali": {"mobile", "state_code", "email"}, "wangfang": {"email", "org_email", "org_email_type"}} {
		user := get(id)
		for _, name := range absent {
			if v, there := user[name]; there {
				t.Errorf("%s of %s is %v: what is unset must be left out", name, id, v)
			}
		}
	}
	b.same(get("01560823457823")["email"], "wu.hao@example.com")
	b.failed(b.top("/topapi/v2/user/get", map[string]any{"userid": "nobody"}), "60121")
	b.failed(b.top("/topapi/v2/user/get", nil), "40035")
}

func TestUserGet_FieldPermissions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(b.UpdateApp(DemoAppKey, func(a *App) { a.Permissions = []string{"qyapi_get_member", "qyapi_get_department_member"} }))
	got := b.result("/topapi/v2/user/get", map[string]any{"userid": "zhangwei"})
	listed := b.result("/topapi/v2/user/list", map[string]any{"dept_id": DemoEngineering, "cursor": 0, "size": 1})["list"].([]any)[0].(map[string]any)
	for _, user := range []map[string]any{got, listed} {
		for _, name := range []string{"mobile", "state_code", "email", "org_email", "work_place", "extension"} {
			if v, there := user[name]; there {
				t.Errorf("%s = %v without the permission", name, v)
			}
		}
	}
}

func TestUserList(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	list := func(more map[string]any) map[string]any {
		t.Helper()
		body := map[string]any{"dept_id": DemoApps, "cursor": 0, "size": 3}
		for k, v := range more {
			body[k] = v
		}
		return b.result("/topapi/v2/user/list", body)
	}
	ids := func(page map[string]any) string {
		var found []string
		for _, u := range page["list"].([]any) {
			found = append(found, u.(map[string]any)["userid"].(string))
		}
		return strings.Join(found, " ")
	}

	first := list(nil)
	b.same([]any{ids(first), first["has_more"], first["next_cursor"]}, []any{"alice bob linxiao", true, json.Number("3")})
	last := list(map[string]any{"cursor": 3})
	_, there := last["next_cursor"]
	b.same([]any{ids(last), last["has_more"], there}, []any{"01560823457823", false, false})
	b.same(ids(list(map[string]any{"order_field": "entry_desc"})), "01560823457823 linxiao bob")
	b.same(list(map[string]any{"cursor": 99})["list"], []any{})
	b.same(ids(list(map[string]any{"dept_id": 1})), "manager4608") // direct members only

	alice := first["list"].([]any)[0].(map[string]any)
	delete(alice, "dept_order")
	delete(alice, "hired_date")
	b.same(alice, map[string]any{
		"userid": "alice", "unionid": DemoUnionID("alice"), "name": "Alice Martin", "avatar": "", "state_code": "86",
		"mobile": "18800000007", "hide_mobile": false, "telephone": "", "job_number": "QH0018", "title": "Team Lead",
		"org_email": "alice@example.com", "dept_id_list": []any{num(DemoApps)}, "active": true, "admin": false, "boss": false,
		"leader": true, "exclusive_account": false,
	})
	simple := b.result("/topapi/user/listsimple", map[string]any{"dept_id": DemoApps, "cursor": 1, "size": 1})
	b.same(simple, map[string]any{"has_more": true, "next_cursor": json.Number("2"), "list": []any{map[string]any{"userid": "bob", "name": "Bob Schneider"}}})
	b.same(b.result("/topapi/user/listid", map[string]any{"dept_id": DemoIdentity}), map[string]any{"userid_list": []any{"lina", "wangfang", "chenjie"}})
}

func TestUserList_Errors(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, c := range map[string]struct {
		body map[string]any
		code string
	}{
		"CursorIsRequired": {map[string]any{"dept_id": 1, "size": 1}, "400002"},
		"SizeIsRequired":   {map[string]any{"dept_id": 1, "cursor": 0}, "400002"},
		"NegativeCursor":   {map[string]any{"dept_id": 1, "cursor": -1, "size": 1}, "400002"},
		"TooMany":          {map[string]any{"dept_id": 1, "cursor": 0, "size": 101}, "40069"},
		"UnknownOrder":     {map[string]any{"dept_id": 1, "cursor": 0, "size": 1, "order_field": "name"}, "40035"},
		"NoDepartment":     {map[string]any{"cursor": 0, "size": 1}, "40035"},
		"UnknownDept":      {map[string]any{"dept_id": 7, "cursor": 0, "size": 1}, "60003"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b.failed(b.top("/topapi/v2/user/list", c.body), c.code)
		})
	}
	b.failed(b.top("/topapi/user/listid", nil), "40035")
	b.failed(b.top("/topapi/user/listid", map[string]any{"dept_id": 7}), "60003")
}

func TestDepartments(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sub := b.top("/topapi/v2/department/listsub", map[string]any{"dept_id": DemoEngineering})
	b.same(sub.json["result"], []any{
		map[string]any{"dept_id": num(DemoPlatform), "name": "平台组", "parent_id": num(DemoEngineering), "create_dept_group": true, "auto_add_user": true},
		map[string]any{"dept_id": num(DemoApps), "name": "应用组", "parent_id": num(DemoEngineering), "create_dept_group": true, "auto_add_user": true},
	})
	b.same(b.top("/topapi/v2/department/listsub", map[string]any{"dept_id": DemoIdentity}).json["result"], []any{})
	top := []any{num(DemoEngineering), num(DemoProduct), num(DemoSales), num(DemoOffice)}
	b.same(b.result("/topapi/v2/department/listsubid", map[string]any{"dept_id": 1})["dept_id_list"], top)
	b.same(b.result("/topapi/v2/department/listsubid", nil)["dept_id_list"], top) // no dept_id is the root

	root := b.result("/topapi/v2/department/get", map[string]any{"dept_id": 1})
	if _, there := root["parent_id"]; there || root["name"] != "青禾科技有限公司" {
		t.Errorf("the root is %v", root)
	}
	identity := b.result("/topapi/v2/department/get", map[string]any{"dept_id": DemoIdentity})
	b.same([]any{identity["parent_id"], identity["dept_manager_userid_list"], identity["org_dept_owner"], identity["user_permits"]},
		[]any{num(DemoPlatform), []any{"lina"}, "chenjie", []any{}})

	up := []any{num(DemoIdentity), num(DemoPlatform), num(DemoEngineering), num(1)}
	b.same(b.result("/topapi/v2/department/listparentbydept", map[string]any{"dept_id": DemoIdentity})["parent_id_list"], up)
	b.same(b.result("/topapi/v2/department/listparentbyuser", map[string]any{"userid": "chenjie"})["parent_list"], []any{
		map[string]any{"parent_dept_id_list": up[1:]}, map[string]any{"parent_dept_id_list": up},
	})
	b.failed(b.top("/topapi/v2/department/get", map[string]any{"dept_id": 7}), "60003")
	b.failed(b.top("/topapi/v2/department/listsub", map[string]any{"dept_id": "x"}), "40035")
	b.failed(b.top("/topapi/v2/department/listparentbyuser", map[string]any{"userid": "nobody"}), "60121")
}

func TestContactScope(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	scopes := func() any { return b.get("/auth/scopes?access_token=" + b.appToken()).json["auth_org_scopes"] }
	b.same(scopes(), map[string]any{"authed_dept": []any{num(1)}, "authed_user": []any{}})

	b.must(b.UpdateApp(DemoAppKey, func(a *App) {
		a.AuthedDepartments, a.AuthedUsers = []int64{DemoPlatform}, []string{"carol"}
	}))
	b.same(scopes(), map[string]any{"authed_dept": []any{num(DemoPlatform)}, "authed_user": []any{"carol"}})
	for path, id := range map[string]int64{"listsub": 1, "listsubid": 1, "get": DemoApps} {
		b.failed(b.top("/topapi/v2/department/"+path, map[string]any{"dept_id": id}), "50004")
	}
	b.failed(b.top("/topapi/v2/department/listsub", nil), "50004")
	b.failed(b.top("/topapi/v2/user/list", map[string]any{"dept_id": DemoApps, "cursor": 0, "size": 9}), "50004")
	b.failed(b.top("/topapi/v2/user/get", map[string]any{"userid": "alice"}), "50002")
	for _, inside := range []string{"lina", "carol"} { // below the department; by name
		b.same(b.result("/topapi/v2/user/get", map[string]any{"userid": inside})["userid"], inside)
	}
	// listid is not cut by the contact scope.
	b.same(len(b.result("/topapi/user/listid", map[string]any{"dept_id": DemoApps})["userid_list"].([]any)), 4)
}

func TestUserInfo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const path = "/topapi/v2/user/getuserinfo"
	code, err := b.InAppCode(DemoAppKey, "zhangwei")
	b.must(err)
	got := b.result(path, map[string]any{"code": code})
	b.same([]any{got["userid"], got["unionid"], got["name"], got["sys"], got["sys_level"]},
		[]any{"zhangwei", DemoUnionID("zhangwei"), "张伟", true, json.Number("2")})
	used := b.top(path, map[string]any{"code": code})
	b.failed(used, "40078")
	b.same(used.json["errmsg"], "不存在的临时授权码")
	// The code of a browser sign-in is another thing.
	b.failed(b.top(path, map[string]any{"code": b.code("lina")}), "40078")

	for id, level := range map[string]string{"manager4608": "1", "lina": "0"} {
		code, err := b.InAppCode(DemoAppKey, id)
		b.must(err)
		b.same(b.result(path, map[string]any{"code": code})["sys_level"], json.Number(level))
	}
	for _, id := range []string{"nobody", "sunli", "ext-mariana"} {
		if _, err := b.InAppCode(DemoAppKey, id); err == nil {
			t.Errorf("%s opened the app", id)
		}
	}
	if _, err := b.InAppCode("dingnobody", "lina"); err == nil {
		t.Error("an app that does not exist was opened")
	}
}

func TestHome(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if r := b.get("/"); r.status != http.StatusOK || !strings.Contains(r.text, b.url) {
		t.Errorf("%d %s", r.status, r.text)
	}
	picture := b.get("/media/avatar/" + DemoUnionID("lina") + ".svg")
	b.same([]any{picture.status, picture.header.Get("Content-Type"), strings.Contains(picture.text, "娜")}, []any{200, "image/svg+xml", true})
	b.same(b.get("/media/avatar/nobody.svg").status, 404)
}
