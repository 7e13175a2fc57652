package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"gatehouse/internal/config"
	"gatehouse/internal/i18n"
	dingtalktwin "gatehouse/internal/twin/dingtalk"
	gitlabtwin "gatehouse/internal/twin/gitlab"
)

// TestBrowser takes the journeys of a newcomer in a real browser, with a mouse.
// A complaint of the browser (Content-Security-Policy, cookies, console) fails
// them, and so does a page that scrolls sideways on a phone.
func TestBrowser(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	journeys := []struct {
		name string
		take func(*testing.T, context.Context, i18n.Lang)
	}{
		{"ThroughDingTalk", browseDingTalk},
		{"WithoutJavaScript", browseWithoutJavaScript},
		{"ThroughGitLabAndAsAnother", browseGitLab},
		{"ThroughACompanyThatIsChosen", browseCompanies},
		{"TheDashboard", browseDashboard},
		{"OwnPages", browseOwnPages},
		{"WhoStaysOutside", browseOutside},
	}
	for _, lang := range i18n.Langs() {
		for _, j := range journeys {
			t.Run(j.name+"/"+string(lang), func(t *testing.T) {
				t.Parallel()
				j.take(t, browser, lang)
			})
		}
	}
}

// The buttons of a journey. They are found by what they send, since their
// texts depend on the language.
const (
	demoSignIn   = `form[action="/sign-in"] button`
	demoSignOut  = `form[action="/sign-out"] button`
	withDingTalk = `form[action$="/sign-in/dingtalk"] button`
	withGitLab   = `form[action$="/sign-in/gitlab"] button`
	agree        = `button[value="agree"]`
	allow        = `button[value="allow"]`
	authorize    = `form[action$="/oauth/authorize"] button.go`
)

func onDingTalk(userID string) string {
	return `li button[value="` + dingtalktwin.DemoUnionID(userID) + `"]`
}

func onGitLab(userID string) string { return `button[name="user_id"][value="` + userID + `"]` }

// throughDingTalk goes from the demo app to Gatehouse's own consent page as
// somebody who has never been there.
func (b *tab) throughDingTalk(r *running, userID string) {
	b.Helper()
	b.open(r.demo)
	b.look("demo-signed-out")
	b.click(demoSignIn)
	b.sees(b.say("to continue to %s", "Demo app"), b.say("Continue with %s", "DingTalk"))
	b.look("sign-in")
	b.click(withDingTalk)
	b.sees("DingTalk (stand-in)", "李娜")
	b.look("dingtalk-people")
	b.click(onDingTalk(userID))
}

// allowDemo consents to the demo app and arrives there.
func (b *tab) allowDemo(name string) {
	b.Helper()
	b.sees(b.say("Allow %s to use your account?", "Demo app"), name)
	b.look("consent")
	b.click(allow)
	b.sees("Hello, " + name)
	b.look("demo-signed-in")
}

// claims reads the ID token's claims off the demo's page.
func (b *tab) claims() map[string]any {
	b.Helper()
	shown, err := evaluate[string](b, `document.getElementById("claims").innerText`)
	claims := map[string]any{}
	if err == nil {
		err = json.Unmarshal([]byte(shown), &claims)
	}
	if err != nil {
		b.Fatalf("the demo's page at %s: %v", b.at(), err)
	}
	return claims
}

func browseDingTalk(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir())
	b := newTab(t, browser, lang)
	b.throughDingTalk(r, "lina")
	b.sees("Gatehouse", "asks to see")
	b.look("dingtalk-consent")
	b.click(agree)
	b.allowDemo("李娜")
	if c := b.claims(); c["email"] != "li.na@example.com" || c["iss"] != r.hub {
		t.Errorf("claims of the ID token: %v", c)
	}
	// Gatehouse knows the browser now: the second time asks nothing.
	b.click(demoSignOut)
	b.click(demoSignIn)
	b.sees("Hello, 李娜")
	b.expect("status of 404") // the demo takes no forms
	b.open(formPost(r))
	b.arrivesByPost(r) // by the script of the page alone
}

func browseWithoutJavaScript(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir())
	b := newTab(t, browser, lang)
	b.scriptless = true
	b.do("disable scripts", command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	b.throughDingTalk(r, "lina")
	b.click(agree)
	b.allowDemo("李娜")
	if c := b.claims(); c["name"] != "李娜" {
		t.Errorf("claims of the ID token: %v", c)
	}
	b.expect("status of 404")
	b.open(formPost(r))
	b.click("form button")
	b.arrivesByPost(r)
}

// formPost asks for an answer by response_mode=form_post (OAuth 2.0 Form Post
// Response Mode, section 2) on the demo app's behalf.
func formPost(r *running) string {
	return r.hub + "/oauth/authorize?" + url.Values{
		"client_id": {devDemoClient}, "redirect_uri": {r.demo + "/callback"}, "response_type": {"code"}, "response_mode": {"form_post"},
		"scope": {"openid"}, "state": {"s"}, "code_challenge": {strings.Repeat("A", 43)}, "code_challenge_method": {"S256"},
	}.Encode()
}

// arrivesByPost waits for the demo's answer to a form: it takes none, and says so.
func (b *tab) arrivesByPost(r *running) {
	b.Helper()
	b.sees("There is no such page.")
	if want := r.demo + "/callback"; b.at() != want {
		b.Errorf("the form led to %s, want %s", b.at(), want)
	}
}

func browseGitLab(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir())
	b := newTab(t, browser, lang)
	b.open(r.demo)
	b.click(demoSignIn)
	b.click(withGitLab)
	b.sees("GitLab (stand-in)", "Alice Turner")
	b.look("gitlab-people")
	b.click(onGitLab("3"))
	b.sees("Gatehouse is requesting access")
	b.look("gitlab-consent")
	b.click(authorize)
	b.allowDemo("Alice Turner")
	b.click(demoSignOut)
	b.signOut(r)

	b.open(r.demo)
	b.click(demoSignIn)
	b.click(withGitLab)
	b.sees("Continue as Alice Turner")
	b.look("gitlab-continue")
	b.follow("Use another account")
	b.click(onGitLab("2"))
	b.sees("张伟")
	b.click(authorize)
	b.allowDemo("张伟")
	if c := b.claims(); c["name"] != "张伟" || c["email"] != "zhang.wei@example.com" {
		t.Errorf("claims of the ID token: %v", c)
	}
}

// signOut leaves Gatehouse by the link on every page.
func (b *tab) signOut(r *running) {
	b.Helper()
	b.open(r.hub + "/user")
	b.click(`a[href="/sign-out"]`) // it may be in the language of the person, not of the browser
	b.look("sign-out")
	b.click(`form[action="/sign-out"] button`)
	b.sees(b.say("You are signed out."))
	b.look("signed-out")
	if b.open(r.hub + "/user"); !strings.HasPrefix(b.at(), r.hub+"/sign-in") {
		b.Errorf("after signing out, /user is still shown at %s", b.at())
	}
}

func browseCompanies(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir())
	b := newTab(t, browser, lang)
	b.throughDingTalk(r, "zhoumin")
	b.sees("青禾科技有限公司", dingtalktwin.DemoOtherCorpID)
	b.look("dingtalk-companies")
	b.click(`button[value="` + dingtalktwin.DemoCorpID + `"]`)
	b.click(agree)
	b.allowDemo("周敏")
}

func browseOutside(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir())
	b := newTab(t, browser, lang)
	b.expect("status of 403") // the page is one, and the console notes it
	b.throughDingTalk(r, "outsider")
	if status := b.click(agree); status != http.StatusForbidden {
		t.Errorf("the outsider is answered %d", status)
	}
	b.sees(b.say("You cannot sign in"))
	b.look("refused")
	b.expect("status of 404")
	if status := b.open(r.hub + "/nothing/here"); status != http.StatusNotFound {
		t.Errorf("a page that is none is answered %d", status)
	}
	b.look("not-found")
}

func browseDashboard(t *testing.T, browser context.Context, lang i18n.Lang) {
	slow := &barrier{open: make(chan struct{})}
	t.Cleanup(slow.lift)
	r := startDev(t, t.TempDir(), func(d *dev, _ *config.Config) { d.gitlab.SetFaults(gitlabtwin.Faults{Hook: slow.hold}) })

	// Somebody comes in, so that there is somebody to see.
	person := newTab(t, browser, lang)
	person.throughDingTalk(r, "lina")
	person.click(agree)
	person.allowDemo("李娜")

	b := newTab(t, browser, lang)
	b.open(r.dashboard)
	b.sees(b.say("Overview"))
	b.look("admin-overview-syncing")

	b.follow(b.say("Users"))
	b.sees("李娜", "Development administrator")
	b.look("admin-users")
	b.follow("李娜")
	b.sees(b.say("Why this account exists"), "allow_single_sign_on")
	b.look("admin-user")
	b.follow(b.say("The whole decision"))
	b.look("admin-decision")

	b.follow(b.say("Connectors"))
	b.sees(b.say("Syncing"))
	b.look("admin-connectors-syncing")
	b.follow("GitLab")
	b.sees(b.say("This page looks again by itself until it is done."))
	b.look("admin-connector-syncing")
	slow.lift()
	b.sees(b.say("Connected"), b.say("Sync now")) // without a click: the page looks again by itself
	b.look("admin-connector")
	b.click(`form[action$="/sync"] button`)
	b.sees(b.say("Sync now"), b.say("Connected"))

	b.click(`a[href$="/accounts"]`)
	b.sees("li.na@example.com")
	b.look("admin-accounts")
	b.follow("Alice Turner")
	b.sees(b.say("What this account can reach"))
	b.look("admin-account")
	browseReach(b, r)
	for _, page := range []string{"connections", "clients", "decisions", "audit"} {
		b.click(`nav a[href="/admin/` + page + `"]`)
		b.look("admin-" + page)
	}
	b.click(`nav a[href="/admin/connections"]`)
	b.follow("DingTalk")
	b.sees(r.hub + "/users/auth/dingtalk/callback")
	b.look("admin-connection")
	b.click(`nav a[href="/admin"]`)
	b.look("admin-overview")
}

// browseReach finds a project and reads who reaches it by which of the four ways.
func browseReach(b *tab, r *running) {
	b.Helper()
	b.click(`nav a[href="/admin/connectors"]`)
	b.follow("GitLab")
	b.click(`a[href$="/resources"]`)
	b.sees("eng/web/shop", "eng/platform/gateway")
	b.look("admin-resources")
	b.do("search", chromedp.SendKeys(chromedp.CSS(`input[type="search"]`), "shop"))
	b.click(`form[role="search"] button`)
	b.follow("eng/web/shop")
	if want := r.hub + "/admin/connectors/gitlab/resources/project/6"; b.at() != want {
		b.Errorf("the project is at %s, want %s", b.at(), want)
	}
	b.do("open what is folded", chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(e => e.open = true)`))
	b.sees(b.say("Direct member"), b.say("Inherited from the group %s", "eng"),
		b.say("Through the group %s, which is invited with at most %s", "design", "Developer"),
		b.say("Through the group %s, which is invited to %s with at most %s", "design", "eng/web", "Reporter"))
	b.look("admin-project")
}

// barrier holds requests to the API of the GitLab twin up until it is lifted.
type barrier struct {
	once sync.Once
	open chan struct{}
}

func (x *barrier) lift() { x.once.Do(func() { close(x.open) }) }

func (x *barrier) hold(r *http.Request) *gitlabtwin.Fault {
	if strings.HasPrefix(r.URL.Path, "/api/") && !strings.HasSuffix(r.URL.Path, "/user") {
		select {
		case <-x.open:
		case <-r.Context().Done():
		}
	}
	return nil
}

func browseOwnPages(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir())
	b := newTab(t, browser, lang)
	b.throughDingTalk(r, "lina")
	b.click(agree)
	b.allowDemo("李娜")
	b.open(r.hub + "/user")
	b.sees(b.say("Connected accounts"), "DingTalk")
	b.look("user")
	b.open(r.hub + "/user/applications")
	b.sees("Demo app")
	b.look("user-applications")
	b.open(r.hub + "/user/security")
	b.sees(b.say("This browser"))
	b.look("user-security")
	b.open(r.hub + "/user")
	for _, l := range i18n.Langs() {
		b.follow(l.Name())
		b.sees(i18n.T(l, "Connected accounts"))
		if shown, _ := evaluate[string](b, "document.documentElement.lang"); shown != string(l) {
			t.Errorf("the page says that it is in %q, want %q", shown, l)
		}
	}
	b.follow(lang.Name())
	b.prefers("light")
	for _, step := range []struct{ link, shows string }{{"Dark", "dark"}, {"Light", "light"}, {"System", "light"}} {
		b.follow(b.say(step.link))
		if shown := b.scheme(); shown != step.shows {
			t.Errorf("after %s on a light system the page is %s", step.link, shown)
		}
	}
	b.prefers("dark")
	if shown := b.scheme(); shown != "dark" {
		t.Errorf("System on a dark system is %s", shown)
	}
	b.connectGitLab(r)
	b.open(r.hub + "/user/applications")
	b.withdraw()
}

// scheme is light or dark by the colour behind the page.
func (b *tab) scheme() string {
	b.Helper()
	light, err := evaluate[bool](b, `getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g).reduce((a, x) => a + +x, 0) > 384`)
	if err != nil {
		b.Fatal(err)
	}
	if light {
		return "light"
	}
	return "dark"
}

// connectGitLab links a second way in, from one's own page.
func (b *tab) connectGitLab(r *running) {
	b.Helper()
	b.click(`form[action="/user/connections/gitlab"] button`)
	b.click(onGitLab("4"))
	b.click(authorize)
	b.sees(b.say("The account is connected."))
	if want := r.hub + "/user"; !strings.HasPrefix(b.at(), want) {
		b.Errorf("after connecting, the browser is at %s", b.at())
	}
	b.look("user-connected")
}

// withdraw takes back what the demo app was allowed.
func (b *tab) withdraw() {
	b.Helper()
	b.click(`form[action$="/withdraw"] button`)
	b.sees(b.say("The application may not act for you any more."), b.say("No application may act for you"))
	b.look("user-withdrawn")
}
