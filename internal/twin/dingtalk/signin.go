package dingtalk

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// sessionCookie remembers who was picked last in this browser.
const sessionCookie = "twin_dingtalk_session"

const maxSessions = 1000

func (t *Twin) signInRoutes() []route {
	return []route{
		{"GET /oauth2/auth", t.current(t.showPeople)},
		{"GET /oauth2/challenge.htm", t.current(t.showPeople)}, // the QR half of the same page
		{"POST /oauth2/auth", t.current(t.picked)},
		{"GET /connect/qrconnect", t.older(t.showPeople)},
		{"GET /connect/oauth2/sns_authorize", t.older(t.showPeople)},
		{"POST /connect/qrconnect", t.older(t.picked)},
		{"GET /dingtalk-jsapi/dingtalk.open.js", t.jsapi},
		{"GET /media/avatar/{name}", t.avatar},
		{"GET /{$}", t.home},
	}
}

// ask is an authorisation request that was found to be in order.
type ask struct {
	*call
	app      *App
	flow     string
	action   string // where the page's forms go
	redirect *url.URL
	scopes   []string
	corpID   string // the company that the caller wants
	manage   bool   // only companies that the person administers
}

// trouble is why a request is not in order. DingTalk shows a page and sends
// nothing back to the caller.
type trouble struct {
	Code             string
	Chinese, English string
}

func (t *Twin) current(next func(*ask) answer) handler {
	return func(c *call) answer {
		a, wrong := t.readAuth(c)
		if wrong != nil {
			return t.troublePage(*wrong)
		}
		a.action = "/oauth2/auth?" + c.URL.RawQuery
		return next(a)
	}
}

// readAuth checks the parameters of the current sign-in.
func (t *Twin) readAuth(c *call) (*ask, *trouble) {
	q := c.query
	a := &ask{call: c, flow: flowOAuth, app: t.state.World.app(q.Get("client_id")), scopes: strings.Fields(q.Get("scope"))}
	prompt := strings.Fields(q.Get("prompt"))
	switch {
	case a.app == nil:
		return nil, &trouble{"900103", "应用不存在：client_id 有误", "There is no app with this client_id."}
	case q.Get("response_type") != "code":
		return nil, invalid("response_type", "must be code")
	case q.Has("nonce"):
		return nil, invalid("nonce", "is not accepted: this is not OpenID Connect")
	case !slices.Contains(a.scopes, "openid") && !slices.Contains(a.scopes, "corpid"):
		return nil, invalid("scope", "must be “openid” or “openid corpid”")
	case len(prompt) == 0 || slices.ContainsFunc(prompt, func(p string) bool { return p != "consent" && p != "login" }):
		return nil, invalid("prompt", "must be consent")
	case (q.Has("org_type") || q.Has("corpId")) && !slices.Contains(a.scopes, "corpid"):
		return nil, invalid("scope", "must hold corpid when org_type or corpId is sent")
	case q.Has("org_type") && q.Get("org_type") != "management":
		return nil, invalid("org_type", "must be management")
	}
	a.manage, a.corpID = q.Has("org_type"), q.Get("corpId")
	if only := q.Get("exclusiveCorpId"); q.Get("exclusiveLogin") == "true" && only != "" {
		a.corpID = only
	}
	return a.withRedirect(q.Get("redirect_uri"))
}

func invalid(name, english string) *trouble {
	return &trouble{"400", "参数 " + name + " 不合法", "The parameter " + name + " " + english + "."}
}

// withRedirect checks where the code is to go: nothing goes anywhere else.
func (a *ask) withRedirect(uri string) (*ask, *trouble) {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || !slices.Contains(a.app.RedirectURIs, uri) {
		return nil, &trouble{
			"redirect_uri", "回调地址与应用登记的重定向 URL 不一致：" + uri,
			"The redirect_uri is not one that is registered for the app (Security settings, Redirect URL): " + uri,
		}
	}
	a.redirect = u
	return a, nil
}

// back sends the browser to the caller.
func (a *ask) back(params url.Values) answer {
	u := *a.redirect
	q := u.Query()
	for name, values := range params {
		q[name] = values
	}
	if a.query.Has("state") {
		q.Set("state", a.query.Get("state"))
	}
	u.RawQuery = q.Encode()
	return answer{status: http.StatusFound, header: http.Header{
		"Location": {u.String()}, "Cache-Control": {"no-store"}, "Referrer-Policy": {"no-referrer"},
	}}
}

// picked goes as far as the form's fields lead: a person (union_id), a company
// (corp_id) where one is wanted, the consent (consent) where it is owed. They may
// all be sent at once.
func (t *Twin) picked(a *ask) answer {
	if a.form.Has("cancel") {
		return a.back(url.Values{"error": {"access_denied"}})
	}
	person := t.state.World.seen(a.app, a.form.Get("union_id"))
	if person == nil {
		return t.showPeople(a)
	}
	if !t.state.World.activated(person.UnionID) {
		return t.troublePage(trouble{"11053", person.Nick + "：该账号尚未激活钉钉，无法登录", "This person was invited but has not activated DingTalk, and so cannot sign in."})
	}
	if a.app.MembersOnly && !t.worksFor(person, a.app.CorpID) {
		return t.troublePage(trouble{"11055", "操作失败，你不在组织内", "This person is not in the organisation that the app belongs to."})
	}
	corpID, owed := t.chosen(a, person)
	if owed != nil {
		return t.showCompanies(a, person, owed)
	}
	if a.flow == flowOAuth && t.consentOwed(a, person) {
		if !a.form.Has("consent") {
			return t.showConsent(a, person, corpID)
		}
		t.consent(a, person)
	}
	return t.sendCode(a, person, corpID)
}

func (t *Twin) worksFor(p *Person, corpID string) bool {
	return slices.ContainsFunc(t.state.World.memberships(p.UnionID), func(c *Company) bool { return c.CorpID == corpID })
}

// chosen is the company that the sign-in is for; owed are those to choose from
// when that is still open. Without the scope corpid there is none.
func (t *Twin) chosen(a *ask, p *Person) (corpID string, owed []*Company) {
	if !slices.Contains(a.scopes, "corpid") {
		return "", nil
	}
	companies := slices.DeleteFunc(t.state.World.memberships(p.UnionID), func(c *Company) bool {
		m := c.byUnion(p.UnionID)
		return m.Inactive || (a.manage && !m.Admin && !m.MainAdmin)
	})
	wanted := a.form.Get("corp_id")
	if wanted == "" {
		wanted = a.corpID
	}
	for _, c := range companies {
		if c.CorpID == wanted {
			return c.CorpID, nil
		}
	}
	switch len(companies) {
	case 0:
		return "", nil
	case 1:
		return companies[0].CorpID, nil
	}
	return "", companies
}

// delegated are the scopes that a person grants to an app, beyond who they are.
func (a *ask) delegated() []string {
	asked := []string{permContactRead, permContactMobile}
	for _, s := range a.scopes {
		if strings.Contains(s, ".") && !slices.Contains(asked, s) {
			asked = append(asked, s)
		}
	}
	granted := a.app.permissions()
	return slices.DeleteFunc(asked, func(s string) bool { return !slices.Contains(granted, s) })
}

func consentKey(a *ask, p *Person, scope string) string {
	return a.app.Key + " " + p.UnionID + " " + scope
}

// consentOwed: asked for with prompt=consent, and not given before.
func (t *Twin) consentOwed(a *ask, p *Person) bool {
	if !slices.Contains(strings.Fields(a.query.Get("prompt")), "consent") {
		return false
	}
	return slices.ContainsFunc(append(a.delegated(), "openid"), func(s string) bool { return !t.state.Consents[consentKey(a, p, s)] })
}

func (t *Twin) consent(a *ask, p *Person) {
	t.changed = true
	for _, s := range append(a.delegated(), "openid") {
		t.state.Consents[consentKey(a, p, s)] = true
	}
}

// sendCode ends a sign-in. The code carries what the person consented to; one
// who was never asked gets a code whose token may read nothing.
func (t *Twin) sendCode(a *ask, p *Person, corpID string) answer {
	may := slices.DeleteFunc(a.delegated(), func(s string) bool { return !t.state.Consents[consentKey(a, p, s)] })
	value := t.issueCode(code{Flow: a.flow, App: a.app.Key, UnionID: p.UnionID, CorpID: corpID, Permissions: may}, a.now)
	names := t.codeAs
	if a.flow == flowSNS {
		names = []string{"code"}
	}
	params := url.Values{}
	for _, name := range names {
		params.Set(name, value)
	}
	done := a.back(params)
	session := secret()
	if old, err := a.Cookie(sessionCookie); err == nil {
		delete(t.state.Sessions, old.Value)
	}
	if len(t.state.Sessions) >= maxSessions {
		clear(t.state.Sessions) // a convenience: nothing is lost but "used before"
	}
	t.state.Sessions[session] = p.UnionID
	done.header.Set("Set-Cookie", (&http.Cookie{
		Name: sessionCookie, Value: session, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(t.url, "https:"),
	}).String())
	return done
}

// last is who signed in with this browser before.
func (t *Twin) last(c *call) *Person {
	cookie, err := c.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	union, ok := t.state.Sessions[cookie.Value]
	if !ok {
		return nil
	}
	return t.state.World.person(union)
}
