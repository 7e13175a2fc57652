package world

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// What an application for trying out may be called.
const (
	DemoClientID     = "gatehouse"
	DemoClientSecret = "a-made-up-secret-that-only-the-stand-in-accepts"
)

// DemoClient is a client for AddClient that takes its secret by
// client_secret_basic or client_secret_post.
func DemoClient(redirectURIs ...string) Client {
	return Client{ID: DemoClientID, Secret: DemoClientSecret, Name: "Gatehouse", RedirectURIs: redirectURIs}
}

// DemoSub is the subject of a person in the DemoWorld by user name: zhao.yun,
// qin.shu, nora … It is a UUID, as many directories have them.
func DemoSub(username string) string {
	sum := sha256.Sum256([]byte("twin openid " + username))
	x := hex.EncodeToString(sum[:16])
	return strings.Join([]string{x[:8], x[8:12], "4" + x[13:16], "a" + x[17:20], x[20:32]}, "-")
}

// DemoNumber is the id of a person of the DemoWorld at the plain provider, by
// the place in the list. Each is odd and beyond 2^53, so that one who reads it as
// a floating-point number gets somebody else's.
func DemoNumber(place int) int64 { return 9007199254740993 + 2*int64(place) }

// DemoWorld returns the people of a company, the same each time. Clients are
// added with AddClient. Worth knowing by user name:
//
//   - zhao.yun and nora have a verified address; qin.shu's is said to be
//     unverified; lin.mo's says nothing of it; tomas's says "true" as text.
//   - xu.heng and priya have no e-mail; priya has no user name either.
//   - gao.fei's address is written in capitals, and is nora's.
//   - he.jing is disabled; ghost tells nothing but a subject.
func DemoWorld() *World {
	w := &World{People: []Person{
		{
			Name: "赵云", GivenName: "云", FamilyName: "赵", Username: "zhao.yun", Email: "zhao.yun@qinghe.example.com", EmailVerified: true,
			Locale: "zh-CN", Title: "平台工程师", Groups: []string{"engineering", "engineering/platform", "gatehouse-admins"}, Picture: true,
		},
		{
			Name: "秦淑", GivenName: "淑", FamilyName: "秦", Username: "qin.shu", Email: "qin.shu@qinghe.example.com", EmailVerified: false,
			Locale: "zh-CN", Title: "设计师", Groups: []string{"design"}, Picture: true,
		},
		{
			Name: "林墨", GivenName: "墨", FamilyName: "林", Username: "lin.mo", Nickname: "墨墨🐼", Email: "lin.mo@qinghe.example.com",
			Locale: "zh-CN", Title: "实习生", Groups: []string{},
		},
		{
			Name: "许衡", GivenName: "衡", FamilyName: "许", Username: "xu.heng", Phone: "+86 188 0000 0404",
			Locale: "zh-CN", Title: "销售", Groups: []string{"sales", "sales/华东"},
		},
		{
			Name: "Nora Lindqvist", GivenName: "Nora", FamilyName: "Lindqvist", Username: "nora", Email: "nora@qinghe.example.com", EmailVerified: true,
			Locale: "en", Title: "Engineering manager", Groups: []string{"engineering", "managers"}, Picture: true,
		},
		{
			Name: "Tomás O’Brien", GivenName: "Tomás", FamilyName: "O’Brien", Username: "tomas", Email: "tomas@qinghe.example.com", EmailVerified: "true",
			Locale: "en-IE", Title: "Support", Groups: []string{"support"},
		},
		{
			Name: "Priya Raman", GivenName: "Priya", FamilyName: "Raman",
			Locale: "en-IN", Title: "Contractor", Groups: []string{"contractors"}, Claims: map[string]any{"contract_ends": "2030-06-30"},
		},
		{
			Name: "高飞", GivenName: "飞", FamilyName: "高", Username: "gao.fei", Email: "NORA@Qinghe.Example.com",
			Locale: "zh-CN", Title: "外包", Groups: []string{"contractors"},
		},
		{
			Name: "何静", GivenName: "静", FamilyName: "何", Username: "he.jing", Email: "he.jing@qinghe.example.com", EmailVerified: true,
			Locale: "zh-CN", Title: "已离职", Disabled: true,
		},
		{},
	}}
	for i := range w.People {
		p := &w.People[i]
		name := p.Username
		switch {
		case name == "" && p.Name != "":
			name = "priya"
		case name == "":
			name = "ghost"
		}
		p.Sub, p.Number = DemoSub(name), DemoNumber(i)
	}
	return w
}
