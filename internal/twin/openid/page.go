package openid

import (
	"bytes"
	_ "embed" // the page below
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/internal/twin/openid/world"
)

//go:embed page.html
var pageText string

func parsePage() (*template.Template, error) { return template.New("page").Parse(pageText) }

// view is what the page shows: one of its steps.
type view struct {
	Step    string // people, consent, post, signout, out, trouble, home
	Action  string
	App     string
	People  []personView
	Sub     string
	Name    string
	Known   bool
	Scopes  []scopeView
	Fields  []field
	Trouble trouble
	URL     string
	Flaws   []flawView
	Places  []string
	Broken  []string     // failures to choose from
	Now     []string     // failures switched on
	Here    []world.Face // who is signed in somewhere
}

type personView struct {
	world.Face
	First bool // hinted at, or signed in already
}

type scopeView struct{ Name, Chinese, English string }

type field struct{ Name, Value string }

type flawView struct {
	Flaw Flaw
	On   bool
}

func (t *Twin) render(status int, v view) answer {
	var b bytes.Buffer
	if err := t.page.Execute(&b, v); err != nil {
		return failed(err)
	}
	return answer{status: status, body: b.Bytes(), header: http.Header{
		"Content-Type":  {"text/html; charset=utf-8"},
		"Cache-Control": {"no-store"},
		// No form-action: browsers apply it to the redirect that follows a form.
		"Content-Security-Policy": {"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"},
		"Referrer-Policy":         {"no-referrer"},
		"X-Content-Type-Options":  {"nosniff"},
	}}
}

func (t *Twin) troublePage(p trouble) answer {
	return t.render(http.StatusBadRequest, view{Step: "trouble", Trouble: p})
}

// showPeople offers everyone; whom login_hint names, or who is signed in, first.
func (t *Twin) showPeople(a *ask) answer {
	v := view{Step: "people", Action: a.action(), App: a.client.Title()}
	hint := strings.ToLower(strings.TrimSpace(a.params.Get("login_hint")))
	for i := range t.state.World.People {
		p := &t.state.World.People[i]
		shown := personView{Face: p.Face()}
		switch {
		case hint != "":
			shown.First = slices.Contains([]string{p.Sub, strings.ToLower(p.Username), strings.ToLower(p.Email)}, hint)
		case a.session != nil:
			shown.First = p.Sub == a.session.Sub
		}
		v.People = append(v.People, shown)
	}
	slices.SortStableFunc(v.People, func(a, b personView) int {
		switch {
		case a.First && !b.First:
			return -1
		case b.First && !a.First:
			return 1
		}
		return 0
	})
	return t.render(http.StatusOK, v)
}

// action is where the forms of a page go: the request again, in the query.
func (a *ask) action() string { return a.URL.Path + "?" + a.params.Encode() }

func (t *Twin) showConsent(a *ask, p *Person, known bool) answer {
	v := view{Step: "consent", Action: a.action(), App: a.client.Title(), Sub: p.Sub, Name: p.Face().Name, Known: known}
	texts := map[string][2]string{
		"openid": {"你的身份标识", "Who you are"}, "profile": {"姓名、用户名和头像", "Your name, user name and picture"},
		"account": {"姓名、用户名和头像", "Your name, user name and picture"}, "email": {"你的邮箱", "Your e-mail address"},
		"mail": {"你的邮箱", "Your e-mail address"}, "phone": {"你的手机号", "Your phone number"}, "groups": {"你所在的组", "Your groups"},
		"teams": {"你所在的组", "Your groups"}, "offline_access": {"在你离开后继续访问", "Access while you are away"},
	}
	for _, s := range a.scopes {
		v.Scopes = append(v.Scopes, scopeView{s, texts[s][0], texts[s][1]})
	}
	return t.render(http.StatusOK, v)
}

// formPost is the answer as a form. Providers send it by a script; here a button
// does, as on a browser without scripts.
func (t *Twin) formPost(uri string, answered url.Values) answer {
	v := view{Step: "post", Action: uri}
	for name, values := range answered {
		v.Fields = append(v.Fields, field{name, values[0]})
	}
	slices.SortFunc(v.Fields, func(a, b field) int { return strings.Compare(a.Name, b.Name) })
	return t.render(http.StatusOK, v)
}

func (t *Twin) showSignOut(action string, p *Person) answer {
	v := view{Step: "signout", Action: action}
	if p != nil {
		v.Name = p.Face().Name
	}
	return t.render(http.StatusOK, v)
}

// home shows the addresses and a switch for each fault.
func (t *Twin) home(*call) answer {
	v := view{Step: "home", URL: t.url, Places: faultPlaces(), Broken: failureNames()}
	for _, f := range AllFlaws() {
		v.Flaws = append(v.Flaws, flawView{f, t.flawed(f)})
	}
	for _, f := range t.faults.List {
		v.Now = append(v.Now, describe(f))
	}
	v.Here = t.here()
	return t.render(http.StatusOK, v)
}

// here lists who is signed in with some browser.
func (t *Twin) here() []world.Face {
	signedIn := map[string]bool{}
	for _, s := range t.state.Sessions {
		signedIn[s.Sub] = true
	}
	var faces []world.Face
	for i := range t.state.World.People {
		if p := &t.state.World.People[i]; signedIn[p.Sub] {
			faces = append(faces, p.Face())
		}
	}
	return faces
}

// switches sets the faults that the home page's form names.
func (t *Twin) switches(c *call) answer {
	if http.NewCrossOriginProtection().Check(c.Request) != nil {
		return answer{status: http.StatusForbidden, body: []byte("This form was sent from another site.\n")}
	}
	f := Faults{Latency: t.faults.Latency}
	for _, name := range c.form["flaw"] {
		if !slices.Contains(AllFlaws(), Flaw(name)) {
			return answer{status: http.StatusBadRequest, body: []byte("There is no such switch.\n")}
		}
		f.Flaws = append(f.Flaws, Flaw(name))
	}
	if place := c.form.Get("place"); slices.Contains(faultPlaces(), place) {
		if failure, ok := failures(place)[c.form.Get("failure")]; ok {
			f.List = []Fault{failure}
		}
	}
	t.setFaults(f)
	return answer{status: http.StatusSeeOther, header: http.Header{"Location": {"/"}}}
}

// picture draws a person's portrait.
func (t *Twin) picture(c *call) answer {
	sub, ok := strings.CutSuffix(c.PathValue("name"), ".svg")
	p := t.state.World.Person(sub)
	if !ok || p == nil || !p.Picture {
		return answer{status: http.StatusNotFound, body: []byte("There is no such picture.\n")}
	}
	v := p.Face()
	svg := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" fill="hsl(%d 55%% 30%%)"/>`+
		`<text x="32" y="42" font-size="28" font-family="sans-serif" text-anchor="middle" fill="#fff">%s</text></svg>`,
		v.Hue, template.HTMLEscapeString(v.Initial))
	return answer{status: http.StatusOK, body: []byte(svg), header: http.Header{
		"Content-Type": {"image/svg+xml"}, "Content-Security-Policy": {"default-src 'none'"}, "X-Content-Type-Options": {"nosniff"},
	}}
}
