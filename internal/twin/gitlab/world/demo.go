package world

import (
	"fmt"
	"time"
)

// demoStart is when the company of the demo set up its GitLab.
var demoStart = time.Date(2024, 5, 1, 8, 0, 0, 0, time.UTC)

// Demo returns the same small company every time: people of every state with
// Chinese and English names, nested groups, projects, shares, expiring
// memberships, bots, and one group on its way out. Ids never change.
func Demo() *World {
	w := New()
	err := w.Write(func(d *Data) error {
		for _, fill := range []func(*Data) error{demoUsers, demoGroups, demoProjects, demoMembers, demoShares, demoPending} {
			if err := fill(d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("the demo world contradicts itself: %v", err))
	}
	return w
}

type person struct {
	id       int64
	username string
	name     string
	email    string // "": the address GitLab makes up
	public   bool
	state    State
	kind     UserType
	mark     string // a, u, e, 2, p, -: administrator, auditor, external, two-factor, private profile, never signed in
}

func demoPeople() []person {
	return []person{
		{1, "root", "Administrator", "admin@example.com", false, "", "", "a2"},
		{2, "zhang.wei", "张伟", "zhang.wei@example.com", true, "", "", "2"},
		{3, "alice", "Alice Turner", "alice@example.com", true, "", "", "2"},
		{4, "li.na", "李娜", "li.na@example.com", false, "", "", "2"},
		{5, "wang.fang", "王芳", "wang.fang@example.com", false, "", "", ""},
		{6, "bob", "Bob O'Neill", "bob@example.com", true, "", "", ""},
		{7, "liu.yang", "刘洋", "liu.yang@example.com", false, "", "", ""},
		{8, "chen.jing", "陈静", "chen.jing@example.com", true, "", "", "p"},
		{9, "carol", "Carol Ndiaye", "carol@example.com", false, "", "", ""},
		{10, "zhao.lei", "赵磊", "", false, "", "", ""},
		{11, "erin", "Erin Müller", "erin@example.com", false, "", "", "u2"},
		{12, "sun.li", "孙丽", "sun.li@example.com", false, "", "", ""},
		{13, "dave", "Dave Brown", "dave@partner.example.org", true, "", "", "e"},
		{14, "zhou.tao", "周涛", "zhou.tao@example.com", false, Blocked, "", ""},
		{15, "wu.min", "吴敏", "wu.min@example.com", false, Deactivated, "", ""},
		{16, "mallory", "Mallory Gray", "mallory@example.net", false, Banned, "", ""},
		{17, "xu.jie", "徐洁", "xu.jie@example.com", false, PendingApproval, "", "-"},
		{18, "frank", "Frank Castillo", "frank@example.com", false, LDAPBlocked, "", ""},
		{19, "ghost", "Ghost User", "ghost@example.com", false, "", Ghost, "-"},
		{20, "alert-bot", "GitLab Alert Bot", "alert@example.com", false, "", AlertBot, "-"},
		{21, "project_3_bot_5f1c", "deploy token", "project_3_bot_5f1c@noreply.example.com", false, "", ProjectBot, "-"},
		{22, "group_10_bot_9a2e", "renovate", "group_10_bot_9a2e@noreply.example.com", false, "", ProjectBot, "-"},
		{23, "service_account_backup", "Backup", "service_account_backup@noreply.example.com", false, "", ServiceAccount, "-"},
		{24, "ma.chao", "马超", "ma.chao@example.com", false, "", "", ""},
		{25, "grace", "Grace Kim 김은혜", "grace@example.com", true, "", "", ""},
		{26, "huang.mei", "黄梅", "", false, "", "", "-"},
	}
}

func demoUsers(d *Data) error {
	for i, p := range demoPeople() {
		u := p.user(demoStart.AddDate(0, 0, 5*i))
		if _, err := d.AddUser(u); err != nil {
			return err
		}
	}
	d.EditUser(d.User(2), func(u *User) {
		u.Identities = []Identity{{Provider: "dingtalk", ExternUID: "dUnionZhangWei"}}
		u.JobTitle, u.Organization, u.Location = "Head of Engineering", "Example", "上海"
		u.Emails = []Email{{Address: "zhangwei@example.org", ConfirmedAt: demoStart}}
	})
	d.EditUser(d.User(4), func(u *User) {
		u.Identities = []Identity{{Provider: "dingtalk", ExternUID: "dUnionLiNa"}, {Provider: "saml", ExternUID: "li.na@example.com"}}
		u.Language = "zh_CN"
	})
	d.EditUser(d.User(18), func(u *User) {
		u.Identities = []Identity{{Provider: "ldapmain", ExternUID: "uid=frank,ou=people,dc=example,dc=com"}}
	})
	d.EditUser(d.User(24), func(u *User) { u.Locked = true })
	return nil
}

func (p person) user(created time.Time) User {
	u := User{
		ID: p.id, NamespaceID: 100 + p.id, Username: p.username, Name: p.name, Email: p.email,
		State: p.state, Type: p.kind, CreatedAt: created, UpdatedAt: created, ConfirmedAt: created, CreatedBy: 1,
	}
	if p.id == 1 {
		u.CreatedBy = 0
	}
	if p.public {
		u.PublicEmail = p.email
	}
	seen := true
	for _, mark := range p.mark {
		switch mark {
		case 'a':
			u.Admin = true
		case 'u':
			u.Auditor = true
		case 'e':
			u.External = true
		case '2':
			u.TwoFactor = true
		case 'p':
			u.PrivateProfile = true
		case '-':
			seen = false
		}
	}
	if seen {
		at := time.Date(2026, 2, 10, 1, 0, 0, 0, time.UTC).Add(-time.Duration(p.id) * 26 * time.Hour)
		u.LastSignInAt, u.CurrentSignInAt, u.SignInCount = at.AddDate(0, 0, -9), at, int(p.id)*3
		u.LastActivityOn = at.Format(time.DateOnly)
	}
	return u
}

func demoGroups(d *Data) error {
	groups := []Group{
		{ID: 10, Path: "eng", Name: "Engineering", Description: "Everything that is built"},
		{ID: 11, ParentID: 10, Path: "platform", Name: "Platform"},
		{ID: 12, ParentID: 11, Path: "sre", Name: "SRE 运维"},
		{ID: 13, ParentID: 10, Path: "web", Name: "Web"},
		{ID: 14, Path: "design", Name: "设计", Visibility: "internal"},
		{ID: 15, Path: "finance", Name: "财务", Description: "工资和预算"},
		{ID: 16, ParentID: 15, Path: "payroll", Name: "Payroll"},
		{ID: 17, Path: "open", Name: "Open Source", Visibility: "public"},
		{ID: 18, Path: "partners", Name: "Partners", SSOEnforced: true, LDAPLinks: []GroupLink{{Name: "partners", Provider: "ldapmain", Level: Developer}}},
		{ID: 19, Path: "legacy", Name: "Legacy", MarkedForDeletionOn: "2026-02-01"},
	}
	for i, g := range groups {
		g.CreatedAt = demoStart.AddDate(0, 0, i)
		if _, err := d.AddGroup(g); err != nil {
			return err
		}
	}
	return nil
}

func demoProjects(d *Data) error {
	projects := []Project{
		{ID: 1, GroupID: 10, Path: "handbook", Name: "Handbook", Visibility: "internal"},
		{ID: 2, GroupID: 11, Path: "gateway", Name: "Gateway"},
		{ID: 3, GroupID: 11, Path: "deploy", Name: "Deploy"},
		{ID: 4, GroupID: 12, Path: "runbooks", Name: "Runbooks"},
		{ID: 5, GroupID: 12, Path: "terraform", Name: "Terraform"},
		{ID: 6, GroupID: 13, Path: "shop", Name: "Shop 商城"},
		{ID: 7, GroupID: 13, Path: "admin-ui", Name: "Admin UI"},
		{ID: 8, GroupID: 14, Path: "icons", Name: "Icons 图标", Visibility: "internal"},
		{ID: 9, GroupID: 15, Path: "budget", Name: "Budget"},
		{ID: 10, GroupID: 16, Path: "payslips", Name: "Payslips"},
		{ID: 11, GroupID: 17, Path: "sdk", Name: "SDK", Visibility: "public"},
		{ID: 12, GroupID: 18, Path: "exchange", Name: "Exchange"},
		{ID: 13, GroupID: 19, Path: "monolith", Name: "Monolith", Archived: true},
		{ID: 14, OwnerID: 3, Path: "dotfiles", Name: "dotfiles"},
		{ID: 15, OwnerID: 2, Path: "notes", Name: "笔记", Empty: true},
	}
	for i, p := range projects {
		p.CreatedAt = demoStart.AddDate(0, 1, i)
		p.UpdatedAt, p.LastActivityAt = p.CreatedAt.AddDate(1, 0, 0), p.CreatedAt.AddDate(1, 6, 0)
		if p.OwnerID == 0 {
			p.CreatorID = 2
		}
		if _, err := d.AddProject(p); err != nil {
			return err
		}
	}
	return nil
}

func demoMembers(d *Data) error {
	release := d.AddRole(Role{ID: 1, Name: "Release manager", Description: "May deploy", BaseLevel: Reporter, Permissions: []string{"admin_merge_request", "manage_deploy_tokens"}})
	g, p := InGroup, InProject
	members := []Member{
		{Source: g(10), UserID: 2, Level: Owner},
		{Source: g(10), UserID: 3, Level: Maintainer},
		{Source: g(10), UserID: 26, Level: MinimalAccess},
		{Source: g(10), UserID: 22, Level: Maintainer},
		{Source: g(10), UserID: 12, Level: Planner},
		{Source: g(11), UserID: 4, Level: Owner},
		{Source: g(11), UserID: 5, Level: Developer},
		{Source: g(11), UserID: 6, Level: Developer, ExpiresAt: "2030-06-30"},
		{Source: g(12), UserID: 7, Level: Maintainer},
		{Source: g(12), UserID: 9, Level: Reporter, RoleID: release.ID},
		{Source: g(12), UserID: 23, Level: Reporter},
		{Source: g(13), UserID: 8, Level: Maintainer},
		{Source: g(13), UserID: 10, Level: Developer},
		{Source: g(13), UserID: 14, Level: Developer},
		{Source: g(14), UserID: 12, Level: Owner},
		{Source: g(14), UserID: 25, Level: Developer},
		{Source: g(15), UserID: 9, Level: Owner},
		{Source: g(15), UserID: 24, Level: Reporter},
		{Source: g(16), UserID: 24, Level: Maintainer, ExpiresAt: "2031-12-31"},
		{Source: g(17), UserID: 3, Level: Owner},
		{Source: g(17), UserID: 13, Level: Guest},
		{Source: g(18), UserID: 2, Level: Owner},
		{Source: g(18), UserID: 13, Level: Reporter, ExpiresAt: "2029-03-31"},
		{Source: g(18), UserID: 18, Level: Developer, LDAP: true},
		{Source: g(19), UserID: 2, Level: Owner},
		{Source: g(19), UserID: 15, Level: Developer},
		{Source: p(1), UserID: 13, Level: Guest},
		{Source: p(2), UserID: 8, Level: Developer},
		{Source: p(3), UserID: 21, Level: Maintainer},
		{Source: p(4), UserID: 6, Level: Guest},
		{Source: p(5), UserID: 5, Level: Maintainer, ExpiresAt: "2030-01-01"},
		{Source: p(6), UserID: 25, Level: Planner},
		{Source: p(6), UserID: 16, Level: Developer},
		{Source: p(9), UserID: 11, Level: Guest},
		{Source: p(11), UserID: 6, Level: Owner},
		{Source: p(12), UserID: 4, Level: Developer, Awaiting: true},
		{Source: p(14), UserID: 25, Level: Reporter},
	}
	for i, m := range members {
		m.ID = int64(1001 + i)
		m.CreatedAt, m.CreatedBy = demoStart.AddDate(0, 2, i), 2
		if _, err := d.AddMember(m); err != nil {
			return err
		}
	}
	return nil
}

func demoShares(d *Data) error {
	shares := []Share{
		{Source: InGroup(13), GroupID: 14, Level: Reporter},                           // designers read the web group
		{Source: InGroup(16), GroupID: 12, Level: Guest, ExpiresAt: "2030-09-30"},     // SRE looks into payroll
		{Source: InProject(6), GroupID: 14, Level: Developer},                         // and work on the shop
		{Source: InProject(9), GroupID: 11, Level: Maintainer},                        // the cap is above most members
		{Source: InProject(12), GroupID: 13, Level: Guest, ExpiresAt: "2029-12-31"},   // a share that ends
		{Source: InGroup(17), GroupID: 10, Level: Developer},                          // engineers work in the open
		{Source: InProject(5), GroupID: 16, Level: Reporter, ExpiresAt: "2032-01-01"}, // a private group, hidden from most
	}
	for i, s := range shares {
		s.ID = int64(1 + i)
		if _, err := d.AddShare(s); err != nil {
			return err
		}
	}
	return nil
}

// demoPending adds what is on no list of members: an invitation and a request.
func demoPending(d *Data) error {
	pending := []Member{
		{ID: 1101, Source: InGroup(13), Level: Developer, InviteEmail: "newcomer@example.com", InviteToken: "invitetoken1101", CreatedAt: demoStart.AddDate(1, 0, 0), CreatedBy: 8},
		{ID: 1102, Source: InGroup(14), UserID: 10, Level: Developer, CreatedAt: demoStart.AddDate(1, 0, 1), RequestedAt: demoStart.AddDate(1, 0, 1)},
	}
	for _, m := range pending {
		if _, err := d.AddMember(m); err != nil {
			return err
		}
	}
	return nil
}
