package dingtalk

import (
	"bytes"
	_ "embed" // the page below
	"fmt"
	"hash/crc32"
	"html/template"
	"net/http"
	"strings"
	"unicode/utf8"
)

//go:embed page.html
var pageText string

func parsePage() (*template.Template, error) { return template.New("page").Parse(pageText) }

// view is what the page shows: one of its steps.
type view struct {
	Step      string // people, companies, consent, trouble, home
	Action    string
	App       string
	Last      *personView
	People    []personView
	Companies []*Company
	Scopes    []scopeView
	UnionID   string
	CorpID    string
	Nick      string
	Trouble   trouble
	URL       string
}

type personView struct {
	UnionID, Nick, Note string
	Initial             string
	Hue                 uint32
}

type scopeView struct{ Name, Chinese, English string }

func (t *Twin) render(status int, v view) answer {
	var b bytes.Buffer
	if err := t.page.Execute(&b, v); err != nil {
		return answer{status: http.StatusInternalServerError, body: []byte(err.Error())}
	}
	return answer{status: status, body: b.Bytes(), header: http.Header{
		"Content-Type":  {"text/html; charset=utf-8"},
		"Cache-Control": {"no-store"},
		// No form-action: browsers apply it to the redirect that follows a form.
		"Content-Security-Policy": {"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"},
		"Referrer-Policy":         {"no-referrer"},
		"X-Content-Type-Options":  {"nosniff"},
	}}
}

func (t *Twin) troublePage(p trouble) answer {
	return t.render(http.StatusBadRequest, view{Step: "trouble", Trouble: p})
}

func (t *Twin) home(*call) answer { return t.render(http.StatusOK, view{Step: "home", URL: t.url}) }

// showPeople offers everyone, the one who signed in before first. It is shown
// each time: with prompt=consent nobody is signed in silently.
func (t *Twin) showPeople(a *ask) answer {
	v := view{Step: "people", Action: a.action, App: a.app.Name}
	if p := t.last(a.call); p != nil {
		last := t.describe(a.app, p)
		v.Last = &last
	}
	for i := range t.state.World.People {
		v.People = append(v.People, t.describe(a.app, &t.state.World.People[i]))
	}
	return t.render(http.StatusOK, v)
}

func (t *Twin) showCompanies(a *ask, p *Person, companies []*Company) answer {
	return t.render(http.StatusOK, view{
		Step: "companies", Action: a.action, App: a.app.Name, UnionID: a.app.unionID(p.UnionID), Nick: p.Nick, Companies: companies,
	})
}

func (t *Twin) showConsent(a *ask, p *Person, corpID string) answer {
	v := view{
		Step: "consent", Action: a.action, App: a.app.Name, UnionID: a.app.unionID(p.UnionID), Nick: p.Nick, CorpID: corpID,
		Scopes: []scopeView{{"openid", "你的钉钉身份标识", "Who you are on DingTalk"}},
	}
	if corpID != "" {
		v.Scopes = append(v.Scopes, scopeView{"corpid", "你选择的组织", "The organisation that you chose"})
	}
	for _, s := range a.delegated() {
		switch s {
		case permContactRead:
			v.Scopes = append(v.Scopes, scopeView{s, "昵称、头像等个人信息", "Nickname, picture and e-mail"})
		case permContactMobile:
			v.Scopes = append(v.Scopes, scopeView{s, "个人手机号", "Your phone number"})
		default:
			v.Scopes = append(v.Scopes, scopeView{s, "其他授权", "Something else that the app asks for"})
		}
	}
	return t.render(http.StatusOK, v)
}

// describe says of a person what tells the interesting cases apart.
func (t *Twin) describe(app *App, p *Person) personView {
	first, _ := utf8.DecodeRuneInString(p.Nick)
	v := personView{UnionID: app.unionID(p.UnionID), Nick: p.Nick, Initial: string(first), Hue: crc32.ChecksumIEEE([]byte(p.UnionID)) % 360}
	var notes []string
	for i := range t.state.World.Companies {
		c := &t.state.World.Companies[i]
		m := c.byUnion(p.UnionID)
		if m == nil {
			continue
		}
		note := c.Name
		if m.Name != p.Nick {
			note = m.Name + " · " + note
		}
		if m.Title != "" {
			note += " · " + m.Title
		}
		if m.External {
			note += " · 外部联系人 external contact"
		}
		if m.Inactive {
			note += " · 未激活 not activated"
		}
		notes = append(notes, note)
	}
	if len(notes) == 0 {
		notes = []string{"不在任何组织 in no organisation"}
	}
	v.Note = strings.Join(notes, " / ")
	return v
}

// avatar draws a person's picture.
func (t *Twin) avatar(c *call) answer {
	union, ok := strings.CutSuffix(c.PathValue("name"), ".svg")
	p := t.state.World.person(union)
	if !ok || p == nil {
		return answer{status: http.StatusNotFound, body: []byte("There is no such picture.\n")}
	}
	first, _ := utf8.DecodeRuneInString(p.Nick)
	var initial bytes.Buffer
	template.HTMLEscape(&initial, []byte(string(first)))
	svg := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" fill="hsl(%d 55%% 30%%)"/>`+
		`<text x="32" y="42" font-size="28" font-family="sans-serif" text-anchor="middle" fill="#fff">%s</text></svg>`,
		crc32.ChecksumIEEE([]byte(union))%360, initial.String())
	return answer{status: http.StatusOK, body: []byte(svg), header: http.Header{
		"Content-Type": {"image/svg+xml"}, "Content-Security-Policy": {"default-src 'none'"}, "X-Content-Type-Options": {"nosniff"},
	}}
}
