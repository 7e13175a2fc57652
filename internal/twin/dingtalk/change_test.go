package dingtalk

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	get := func(id string) reply { return b.top("/topapi/v2/user/get", map[string]any{"userid": id}) }

	b.must(b.AddUser(DemoCorpID, Member{UserID: "new", UnionID: "union-new", Name: "新人", Mobile: "18811112222"}))
	if p := b.World(); p.person("union-new") == nil || p.company(DemoCorpID).member("new").DepartmentIDs[0] != RootDepartment {
		t.Error("the new member has no account, or is not in the root")
	}
	b.must(b.MoveUser(DemoCorpID, "lina", DemoApps, DemoProduct))
	lina := b.result("/topapi/v2/user/get", map[string]any{"userid": "lina"})
	b.same(lina["dept_id_list"], []any{num(DemoApps), num(DemoProduct)})
	b.same(lina["leader_in_dept"].([]any)[0].(map[string]any)["leader"], false)
	b.must(b.UpdateUser(DemoCorpID, "lina", func(m *Member) { m.OrgEmail = "li@example.com" }))
	b.must(b.UpdatePerson(DemoUnionID("lina"), func(p *Person) { p.Nick = "李" }))
	b.same(b.api("/v1.0/contact/users/me", b.userToken("lina")).json["nick"], "李")
	b.must(b.AddPerson(Person{UnionID: "union-free", Nick: "自由人"}))

	b.must(b.RemoveUser(DemoCorpID, "zhangwei", "oapi"))
	b.failed(get("zhangwei"), "60121")
	b.failed(b.top("/topapi/user/getbyunionid", map[string]any{"unionid": DemoUnionID("zhangwei")}), "60121")
	if _, there := b.result("/topapi/v2/user/get", map[string]any{"userid": "alice"})["manager_userid"]; there {
		t.Error("a leaver still manages somebody")
	}
	b.same(b.result("/topapi/v2/department/get", map[string]any{"dept_id": DemoEngineering})["dept_manager_userid_list"], []any{})
	// The account stays: a leaver can still sign in to DingTalk.
	b.same(b.api("/v1.0/contact/users/me", b.userToken("zhangwei")).json["nick"], "张伟")

	b.must(b.AddDepartment(DemoCorpID, Department{ID: 77, Name: "实验室"}))
	b.must(b.AddDepartment(DemoCorpID, Department{ID: 78, ParentID: 77, Name: "一组"}))
	b.must(b.UpdateDepartment(DemoCorpID, 78, func(d *Department) { d.Name = "二组" }))
	b.same(b.result("/topapi/v2/department/get", map[string]any{"dept_id": 78})["name"], "二组")
	b.must(b.RemoveDepartment(DemoCorpID, 77))
	b.failed(b.top("/topapi/v2/department/get", map[string]any{"dept_id": 78}), "60003")
}

func TestChanges_RefuseContradictions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	before := b.World()
	for name, err := range map[string]error{
		"NoSuchCompany":          b.AddUser("dingnobody", Member{UserID: "x", UnionID: "x"}),
		"NoSuchUser":             b.RemoveUser(DemoCorpID, "nobody", ""),
		"NoSuchUserToMove":       b.MoveUser(DemoCorpID, "nobody", DemoApps),
		"NoSuchDepartment":       b.MoveUser(DemoCorpID, "lina", 7),
		"NoDepartment":           b.MoveUser(DemoCorpID, "lina"),
		"UserIDTaken":            b.AddUser(DemoCorpID, Member{UserID: "lina", UnionID: "x"}),
		"AccountTaken":           b.AddUser(DemoCorpID, Member{UserID: "x", UnionID: DemoUnionID("lina")}),
		"ExtensionIsJSON":        b.UpdateUser(DemoCorpID, "lina", func(m *Member) { m.Extension = "x" }),
		"DepartmentIDTaken":      b.AddDepartment(DemoCorpID, Department{ID: DemoApps}),
		"DepartmentHoldsMembers": b.RemoveDepartment(DemoCorpID, DemoSales),
		"RootStays":              b.RemoveDepartment(DemoCorpID, RootDepartment),
		"NoLoops":                b.UpdateDepartment(DemoCorpID, DemoEngineering, func(d *Department) { d.ParentID = DemoIdentity }),
		"NoSuchDepartmentToName": b.UpdateDepartment(DemoCorpID, 7, func(*Department) {}),
		"NoSuchApp":              b.UpdateApp("x", func(*App) {}),
		"AppNeedsASecret":        b.AddApp(App{Key: "x", CorpID: DemoCorpID}),
		"NoSuchPerson":           b.UpdatePerson("x", func(*Person) {}),
		"PersonTaken":            b.AddPerson(Person{UnionID: DemoUnionID("lina")}),
	} {
		if err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
	if diff := cmp.Diff(before, b.World()); diff != "" {
		t.Errorf("a change that was refused left something behind:\n%s", diff)
	}
}

func TestWorldIsACopy(t *testing.T) {
	t.Parallel()
	mine := DemoWorld()
	twin, err := New(Config{World: mine})
	if err != nil {
		t.Fatal(err)
	}
	mine.Companies[0].Members[0].Name = "changed"
	theirs := twin.World()
	theirs.Companies[0].Members = slices.Clip(theirs.Companies[0].Members[:1])
	if w := twin.World(); w.Companies[0].Members[0].Name == "changed" || len(w.Companies[0].Members) == 1 {
		t.Error("the twin's world was changed behind its back")
	}
}
