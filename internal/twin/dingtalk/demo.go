package dingtalk

import "time"

// The companies of the DemoWorld, and what an app for trying out may be called.
const (
	DemoCorpID      = "ding7c1f0a5be2d94e6835c2f4657eb6378f" // 青禾科技, twenty people
	DemoOtherCorpID = "dingb4d80e1a6f3c27d9a1320dcb25e91351" // 云杉咨询, two people
	DemoAppKey      = "dingqinghegatehouse0"
	DemoAppSecret   = "a-made-up-secret-that-only-the-stand-in-accepts"
)

// Departments of the demo company.
const (
	DemoEngineering int64 = 901000100 // 研发中心
	DemoPlatform    int64 = 901000110 // 平台组, in Engineering
	DemoIdentity    int64 = 901000111 // 身份小组, in Platform
	DemoApps        int64 = 901000120 // 应用组, in Engineering
	DemoProduct     int64 = 901000200 // 产品与设计
	DemoSales       int64 = 901000300 // 销售部
	DemoSalesEast   int64 = 901000310 // 华东区, in Sales
	DemoOffice      int64 = 901000400 // 人力行政
)

// DemoApp is an app of the demo company with every permission, for AddApp.
func DemoApp(redirectURIs ...string) App {
	return App{
		Key: DemoAppKey, Secret: DemoAppSecret, Name: "Gatehouse", CorpID: DemoCorpID, AgentID: 2871034561,
		RedirectURIs: redirectURIs,
	}
}

// DemoUnionID is the unionId of a person in the DemoWorld, by the userid in the
// demo company: zhangwei, lina, alice … ; "outsider" is in no company.
func DemoUnionID(userID string) string { return derive(20, "demo", userID) + "iEiE" }

// DemoOpenID is the openId of a person of the DemoWorld in the DemoApp.
func DemoOpenID(userID string) string {
	app := DemoApp()
	return app.openID(DemoUnionID(userID))
}

// DemoWorld returns two companies and their people, the same each time. Apps are
// added with AddApp. Worth knowing by userid:
//
//   - zhangwei leads Engineering, lina leads Identity; both have company mail.
//   - wangfang has no e-mail anywhere; chenjie only a personal one, which the
//     directory does not know; linxiao only a company one.
//   - sunli never activated DingTalk; ext-mariana is an external contact;
//     "outsider" has an account and belongs to no company.
//   - zhoumin is in both companies, under two userids.
func DemoWorld() *World {
	w := &World{Companies: []Company{demoCompany(), demoOther()}}
	for _, row := range demoPeople() {
		w.add(row)
	}
	other := &w.Companies[1]
	other.Members = append(other.Members,
		Member{
			UserID: "025618340927561", UnionID: DemoUnionID("zhoumin"), Name: "周敏", Title: "顾问",
			Mobile: "18800000012", DepartmentIDs: []int64{RootDepartment}, MainAdmin: true,
		},
		Member{
			UserID: "016423561128873", UnionID: DemoUnionID("yunshan-he"), Name: "何云", Title: "合伙人",
			Mobile: "18800000031", OrgEmail: "he.yun@spruce.example.com", DepartmentIDs: []int64{RootDepartment}, Boss: true,
		})
	w.People = append(w.People, Person{UnionID: DemoUnionID("yunshan-he"), Nick: "何云", Mobile: "18800000031"})
	return w
}

func demoCompany() Company {
	return Company{CorpID: DemoCorpID, Name: "青禾科技有限公司", Departments: []Department{
		{ID: RootDepartment, Name: "青禾科技有限公司"},
		{ID: DemoEngineering, ParentID: RootDepartment, Name: "研发中心", Order: 1, Managers: []string{"zhangwei"}},
		{ID: DemoPlatform, ParentID: DemoEngineering, Name: "平台组", Order: 1, Managers: []string{"liuyang"}},
		{ID: DemoIdentity, ParentID: DemoPlatform, Name: "身份小组", Order: 1, Managers: []string{"lina"}},
		{ID: DemoApps, ParentID: DemoEngineering, Name: "应用组", Order: 2, Managers: []string{"alice"}},
		{ID: DemoProduct, ParentID: RootDepartment, Name: "产品与设计", Order: 2, Managers: []string{"huangting"}},
		{ID: DemoSales, ParentID: RootDepartment, Name: "销售部", Order: 3, Managers: []string{"zhaolei"}},
		{ID: DemoSalesEast, ParentID: DemoSales, Name: "华东区", Order: 1},
		{ID: DemoOffice, ParentID: RootDepartment, Name: "人力行政", Order: 4, Managers: []string{"zhoumin"}},
	}}
}

func demoOther() Company {
	return Company{CorpID: DemoOtherCorpID, Name: "云杉咨询", Departments: []Department{
		{ID: RootDepartment, Name: "云杉咨询"},
	}}
}

// demoRow is a person of the demo company: the account and the membership.
type demoRow struct {
	id, nick, name string
	// personal is the account's e-mail, org the company's mailbox, typed what
	// the company's administrator entered.
	personal, org, typed string
	job, title           string
	depts, leads         []int64
	manager              string
	more                 func(*Person, *Member)
}

func (w *World) add(row demoRow) {
	n := len(w.People) + 1
	mobile := "188000000" + string(rune('0'+n/10)) + string(rune('0'+n%10))
	person := Person{
		UnionID: DemoUnionID(row.id), Nick: row.nick, Email: row.personal, Mobile: mobile,
		Avatar: "/media/avatar/" + DemoUnionID(row.id) + ".svg",
	}
	member := Member{
		UserID: row.id, UnionID: person.UnionID, Name: row.name, JobNumber: row.job, Title: row.title, Mobile: mobile,
		Email: row.typed, OrgEmail: row.org, DepartmentIDs: row.depts, Leads: row.leads, ManagerUserID: row.manager,
		HiredAt: time.Date(2017, 3, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 4*n, n),
		Roles:   []Role{{ID: 2510438761, Name: "员工", Group: "岗位"}},
	}
	if row.more != nil {
		row.more(&person, &member)
	}
	w.People = append(w.People, person)
	if len(member.DepartmentIDs) > 0 || member.External {
		w.Companies[0].Members = append(w.Companies[0].Members, member)
	}
}

func demoPeople() []demoRow {
	const root = RootDepartment
	return append([]demoRow{
		{id: "manager4608", nick: "老周", name: "周国强", org: "zhou.guoqiang@example.com", job: "QH0001", title: "总经理", depts: []int64{root}, leads: []int64{root}, more: func(_ *Person, m *Member) {
			m.Boss, m.MainAdmin, m.Senior = true, true, true
			m.Roles = []Role{{ID: 2510438759, Name: "主管理员", Group: "默认"}}
		}},
		{id: "zhangwei", nick: "张伟", name: "张伟", personal: "zhang.wei@example.com", org: "zhang.wei@example.com", job: "QH0002", title: "技术总监", depts: []int64{DemoEngineering}, leads: []int64{DemoEngineering}, manager: "manager4608", more: func(_ *Person, m *Member) {
			m.Admin = true
			m.Roles = []Role{{ID: 2510438760, Name: "子管理员", Group: "默认"}}
			m.Extension = `{"工位":"A-12"}`
			m.WorkPlace = "杭州"
		}},
		{id: "liuyang", nick: "洋洋", name: "刘洋", org: "liu.yang@example.com", job: "QH0007", title: "平台负责人", depts: []int64{DemoPlatform}, leads: []int64{DemoPlatform}, manager: "zhangwei"},
		{id: "lina", nick: "娜娜", name: "李娜", personal: "lina.private@mail.example.net", org: "li.na@example.com", job: "QH0011", title: "高级工程师", depts: []int64{DemoIdentity}, leads: []int64{DemoIdentity}, manager: "liuyang"},
		{id: "wangfang", nick: "王芳", name: "王芳", job: "QH0013", title: "工程师", depts: []int64{DemoIdentity}, manager: "lina", more: func(p *Person, _ *Member) { p.Avatar = "" }},
		{id: "chenjie", nick: "Jay", name: "陈杰", personal: "jay.chen@mail.example.net", job: "QH0016", title: "工程师", depts: []int64{DemoPlatform, DemoIdentity}, manager: "liuyang"},
		{id: "alice", nick: "Alice", name: "Alice Martin", personal: "alice@example.com", org: "alice@example.com", job: "QH0018", title: "Team Lead", depts: []int64{DemoApps}, leads: []int64{DemoApps}, manager: "zhangwei"},
		{id: "bob", nick: "Bob", name: "Bob Schneider", org: "bob@example.com", job: "QH0019", title: "Software Engineer", depts: []int64{DemoApps}, manager: "alice"},
		{id: "linxiao", nick: "小林", name: "林晓", org: "lin.xiao@example.com", job: "QH0021", title: "前端工程师", depts: []int64{DemoApps}, manager: "alice"},
		{id: "01560823457823", nick: "吴昊", name: "吴昊", typed: "wu.hao@example.com", job: "QH0022", title: "测试工程师", depts: []int64{DemoApps, DemoPlatform}, manager: "alice"},
	}, demoOffice()...)
}

func demoOffice() []demoRow {
	return []demoRow{
		{id: "huangting", nick: "婷婷", name: "黄婷", org: "huang.ting@example.com", job: "QH0023", title: "产品总监", depts: []int64{DemoProduct}, leads: []int64{DemoProduct}, manager: "manager4608"},
		{id: "zhoumin", nick: "周敏", name: "周敏", personal: "zhou.min@mail.example.net", org: "zhou.min@example.com", job: "QH0024", title: "人事经理", depts: []int64{DemoOffice}, leads: []int64{DemoOffice}, manager: "manager4608", more: func(_ *Person, m *Member) { m.Admin = true }},
		{id: "carol", nick: "Carol", name: "Carol Nguyen", org: "carol@example.com", job: "QH0027", title: "Designer", depts: []int64{DemoProduct}, manager: "huangting"},
		{id: "zhaolei", nick: "赵磊", name: "赵磊", org: "zhao.lei@example.com", job: "QH0030", title: "销售总监", depts: []int64{DemoSales}, leads: []int64{DemoSales}, manager: "manager4608"},
		{id: "01342217609384", nick: "徐静", name: "徐静", job: "QH0031", title: "客户经理", depts: []int64{DemoSalesEast}, manager: "zhaolei", more: func(_ *Person, m *Member) { m.HideMobile = true }},
		// The same name and job number as someone else: neither is a key.
		{id: "zhangwei2", nick: "大伟", name: "张伟", job: "QH0031", title: "客户经理", depts: []int64{DemoSalesEast}, manager: "zhaolei"},
		{id: "sunli", nick: "孙丽", name: "孙丽", org: "sun.li@example.com", job: "QH0035", title: "行政专员", depts: []int64{DemoOffice}, manager: "zhoumin", more: func(p *Person, m *Member) {
			p.Avatar, m.Inactive = "", true
		}},
		{id: "david", nick: "David", name: "David O’Brien", org: "david@example.com", job: "QH0036", title: "Solutions Architect", depts: []int64{DemoSales, DemoEngineering}, manager: "zhaolei", more: func(p *Person, m *Member) {
			p.Mobile, p.StateCode = "4155550136", "1"
			m.Mobile, m.StateCode = p.Mobile, p.StateCode
		}},
		{id: "exclusive-mali", nick: "马丽", name: "马丽", org: "ma.li@example.com", job: "QH0040", title: "实习生", depts: []int64{DemoProduct}, manager: "huangting", more: func(p *Person, m *Member) {
			p.Mobile, m.Mobile, m.ExclusiveAccount = "", "", true
		}},
		{id: "guojing", nick: "郭靖🐎", name: "郭靖", org: "guo.jing@example.com", job: "QH0041", title: "运维工程师", depts: []int64{DemoPlatform}, manager: "liuyang"},
		{id: "ext-mariana", nick: "Mariana", name: "Mariana Souza", personal: "mariana@partner.example.org", title: "Partner", more: func(_ *Person, m *Member) { m.External = true }},
		{id: "outsider", nick: "路人甲", personal: "passer.by@mail.example.net"},
	}
}
