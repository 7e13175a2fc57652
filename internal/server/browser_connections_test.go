package server

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"gatehouse/internal/config"
	"gatehouse/internal/i18n"
	dingtalktwin "gatehouse/internal/twin/dingtalk"
	gitlabtwin "gatehouse/internal/twin/gitlab"
)

// TestBrowserConnections adds connections as an administrator does it, by the
// labels that stand there, tries them, and signs in with them.
func TestBrowserConnections(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, lang := range i18n.Langs() {
		t.Run("GitLab/"+string(lang), func(t *testing.T) {
			t.Parallel()
			browseAddGitLab(t, browser, lang)
		})
		t.Run("DingTalk/"+string(lang), func(t *testing.T) {
			t.Parallel()
			browseAddDingTalk(t, browser, lang)
		})
	}
}

// press clicks what has exactly this text, in the language of the tab.
func (b *tab) press(english string) int64 {
	b.Helper()
	xpath := fmt.Sprintf(`(//main//a[normalize-space(.)=%[1]q] | //main//button[normalize-space(.)=%[1]q] | //main//*[normalize-space(text())=%[1]q])[1]`, b.say(english))
	return b.navigate("press "+english, chromedp.Click(chromedp.Search(xpath), chromedp.NodeVisible))
}

// switchOver ticks a box, or takes the tick away, by its label.
func (b *tab) switchOver(english string) {
	b.Helper()
	xpath := fmt.Sprintf(`//label[normalize-space(.)=%q]`, b.say(english))
	b.do("switch "+english, chromedp.Click(chromedp.Search(xpath), chromedp.NodeVisible))
}

// inputOf is the selector of the input with this label.
func (b *tab) inputOf(english string) string {
	b.Helper()
	id, err := evaluate[string](b, fmt.Sprintf(`[...document.querySelectorAll("label")].find(l => l.innerText.trim() === %q)?.htmlFor ?? ""`, b.say(english)))
	if err != nil || id == "" {
		b.Fatalf("%s has no field %q (%v):\n%s", b.at(), b.say(english), err, excerptOf(b.text()))
	}
	return `[id="` + id + `"]`
}

// fill replaces what a field holds.
func (b *tab) fill(english, value string) {
	b.Helper()
	field := chromedp.CSS(b.inputOf(english))
	b.do("fill in "+english, chromedp.Clear(field), chromedp.SendKeys(field, value))
}

// addConnection goes from the dashboard to the form for a provider.
func (b *tab) addConnection(r *running, provider string) {
	b.Helper()
	b.open(r.hub + "/admin")
	b.click(`nav a[href="/admin/connections"]`)
	b.press("Add connection")
	b.look("connections-audience")
	b.press("For all users")
	b.sees(b.say("Choose provider"))
	b.look("connections-choose")
	b.press(provider)
	b.sees(b.say("Enable for sign-up and sign-in"), b.say("Use custom credentials"), b.say("Redirect URI"))
}

// signsIn comes by a connection as somebody whom nobody here knows.
func (b *tab) signsIn(r *running, name string) {
	b.Helper()
	b.open(r.hub + "/sign-in")
	b.look("connections-sign-in")
	b.click(`form[action$="/sign-in/` + name + `"] button`)
}

const (
	ownGitLabApp    = "own-application-of-this-test"
	ownGitLabSecret = "gloas-own-secret-of-this-test"
)

func browseAddGitLab(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir(), func(d *dev, _ *config.Config) {
		d.gitlab.AddApplication(gitlabtwin.Application{
			ID: ownGitLabApp, Secret: ownGitLabSecret, Name: "Gatehouse of our own", Confidential: true, Scopes: []string{"read_user", "openid"},
			RedirectURIs: []string{"http://" + d.places.hub + "/users/auth/our-gitlab/callback"},
		})
	})
	b := newTab(t, browser, lang)
	b.expect("status of 422") // a page of ours: the form with what is wrong
	b.open(r.dashboard)
	b.addConnection(r, "GitLab")
	b.look("connections-form-gitlab")
	b.switchOver("Use custom credentials")
	b.look("connections-form-custom")
	b.fill("Name in addresses", "our-gitlab")
	b.sees(r.hub + "/users/auth/our-gitlab/callback") // it follows what is typed
	b.do("copy", chromedp.Click(chromedp.CSS(`button[data-copied]`), chromedp.NodeVisible))
	b.fill("Client ID", ownGitLabApp)
	b.fill("Scopes", "read_user openid")
	b.fill("URL", "not an address")
	b.switchOver("Create")
	b.press("Save")
	b.sees(b.say("The connection was not saved"), b.say("This is not an address. It begins with https:// and names a host, for example https://id.example.com."))
	b.look("connections-form-wrong")
	b.fill("URL", r.gitlab)
	b.fill("Client Secret", ownGitLabSecret)
	b.press("Save")
	b.sees(b.say("The connection is saved. Test it before people use it."), ownGitLabApp, r.hub+"/users/auth/our-gitlab/callback")
	if text := b.text(); strings.Contains(text, ownGitLabSecret) {
		t.Error("the secret is shown")
	}
	b.look("connections-saved")

	b.press("Test")
	b.click(onGitLab("4"))
	b.click(authorize)
	b.sees(b.say("The provider answered"), b.say("What the provider told"), "li.na@example.com", b.say("An account would be made for this person."))
	b.look("connections-test")

	person := newTab(t, browser, lang)
	person.signsIn(r, "our-gitlab")
	person.click(onGitLab("4"))
	person.click(authorize)
	person.sees("@li.na", "GitLab 2") // in the language that her GitLab tells

	// Changed to the built-in credentials, it works as well: the test knows the person now.
	b.press("To the connection")
	b.press("Edit")
	b.look("connections-edit")
	b.switchOver("Use custom credentials")
	b.press("Save")
	b.press("Test")
	b.click(authorize) // the stand-in knows who is there
	b.sees(b.say("This person would be signed in."))

	b.press("To the connection")
	b.press("Remove")
	b.sees(b.say("Disable"))
	b.look("connections-remove")
	b.press("Disable")
	b.sees(b.say("The connection is disabled: nobody signs in with it any more."))
	person.signOut(r)
	person.open(r.hub + "/sign-in")
	if text := person.text(); strings.Contains(text, "GitLab 2") {
		t.Errorf("a disabled connection is offered:\n%s", text)
	}
}

func browseAddDingTalk(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir(), func(d *dev, _ *config.Config) {
		own := dingtalktwin.DemoApp("http://" + d.places.hub + "/users/auth/dingtalk-3/callback")
		own.Key, own.Secret, own.AgentID = "ding-own-key", "own-secret-of-this-test", 77
		if err := d.dingtalk.AddApp(own); err != nil {
			t.Error(err)
		}
	})
	b := newTab(t, browser, lang)
	b.open(r.dashboard)
	b.addConnection(r, "DingTalk")
	b.look("connections-form-dingtalk")
	b.fill("Label", "钉钉二")
	b.switchOver("Create")
	b.press("Save")
	b.sees(b.say("The connection is saved. Test it before people use it."), "钉钉二")
	b.press("Test")
	b.click(onDingTalk("zhangwei"))
	b.click(agree)
	b.sees(b.say("The provider answered"), "张伟")
	b.look("connections-test-dingtalk")

	person := newTab(t, browser, lang)
	person.signsIn(r, "dingtalk-2")
	person.click(onDingTalk("lina"))
	person.click(agree)
	person.sees("李娜", "钉钉二")

	// Another one with credentials of its own, by the keyboard alone where it matters.
	b.addConnection(r, "DingTalk")
	b.switchOver("Use custom credentials")
	b.fill("Client ID", "ding-own-key")
	b.fill("Client Secret", "own-secret-of-this-test")
	b.do("unfold", chromedp.Click(chromedp.CSS("details > summary"), chromedp.NodeVisible))
	for _, address := range []string{"Address of the sign-in page", "Address of the API", "Address of the older API"} {
		b.fill(address, r.dingtalk)
	}
	b.navigate("save with the enter key", chromedp.SendKeys(chromedp.CSS(b.inputOf("Client ID")), kb.Enter))
	b.sees(b.say("The connection is saved. Test it before people use it."))
	b.press("Test")
	b.click(onDingTalk("outsider"))
	b.click(agree)
	b.sees(b.say("The test failed"))
	b.look("connections-test-refused")
	b.open(r.hub + "/admin/portal")
	b.sees("/user/security", b.say("Visit"))
	b.look("portal-pages")
}
