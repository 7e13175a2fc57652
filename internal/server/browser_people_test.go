package server

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse/internal/config"
	"gatehouse/internal/i18n"
)

// TestBrowserPeople: a newcomer waits, an administrator answers, makes an
// account by hand for somebody, gives a role, and merges two accounts of one
// person and splits them again.
func TestBrowserPeople(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, lang := range i18n.Langs() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			browsePeople(t, browser, lang)
		})
	}
}

func browsePeople(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir(), func(_ *dev, c *config.Config) { c.OmniAuth.BlockAutoCreatedUsers = true })
	person := newTab(t, browser, lang)
	person.throughDingTalk(r, "lina")
	person.expect("status of 403")
	person.click(agree)

	b := newTab(t, browser, lang)
	b.open(r.dashboard)
	b.sees(b.say("%d person waits for approval", 1))
	b.look("admin-overview-waiting")
	b.follow(b.say("Look at them"))
	b.sees("李娜", "DingTalk")
	b.look("admin-approvals")
	b.follow("李娜")
	b.sees(b.say("What the provider told"), b.say("Your answer"))
	b.look("admin-approval")
	b.write(`textarea[name="reason"]`, "欢迎")
	b.click(`button[value="approve"]`)
	b.sees(b.say("The person is approved and may sign in."), b.say("Nobody waits"))
	b.look("admin-approvals-empty")
	person.allowDemo("李娜") // the page turns into the app that she was going to
	person.open(r.hub + "/user")
	person.sees("李娜", "li.na", b.say("Connected accounts"))

	b.byHand(r, browser)
	b.mergeAndSplit(r)
}

// write fills in a field.
func (b *tab) write(selector, text string) {
	b.Helper()
	b.do("write into "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// byHand makes an account and opens it by its one-time link in another browser.
func (b *tab) byHand(r *running, browser context.Context) {
	b.Helper()
	b.open(r.hub + "/admin/users")
	b.follow(b.say("Add user"))
	b.look("admin-user-new")
	b.write(`input[name="username"]`, "na.li")
	b.write(`input[name="name"]`, "Li Na (second)")
	b.write(`input[name="email"]`, "na.li@example.com")
	b.do("choose a role", chromedp.Click(chromedp.CSS(`input[name="role"][value="auditor"]`)))
	b.click(`form[action="/admin/users/new"] button`)
	b.sees("Li Na (second)", b.say("No way to sign in yet"))
	b.look("admin-user-made")
	b.click(`button[name="how"][value="show"]`)
	b.sees(r.hub + "/sign-in/invite?token=")
	b.look("admin-user-link")
	address, err := evaluate[string](b, `document.querySelector("code.copy, input[readonly], .copy").innerText || document.querySelector(".copy").value`)
	if err != nil {
		b.Fatal(err)
	}
	other := newTab(b.T, browser, b.lang)
	other.open(strings.TrimSpace(address))
	other.sees(b.say("Open your account"))
	other.look("invite")
	other.click(`form[action="/sign-in/invite"] button`)
	other.sees("Li Na (second)")
	other.click(`form[action="/user/connections/gitlab"] button`)
	other.click(onGitLab("4"))
	other.click(authorize)
	other.sees(b.say("The account is connected."))
	other.expect("status of 410")
	if status := other.open(address); status == http.StatusOK {
		other.click(`form[action="/sign-in/invite"] button`)
	}
}

// mergeAndSplit joins the two accounts of one person, and takes them apart.
func (b *tab) mergeAndSplit(r *running) {
	b.Helper()
	b.open(r.hub + "/admin/users")
	b.follow("李娜")
	b.look("admin-user-managed")
	b.follow(b.say("Merge another account into this one"))
	b.look("admin-merge-choose")
	b.write(`input[type="search"]`, "second")
	b.click(`form[role="search"] button`)
	b.follow("Li Na (second)")
	b.sees(b.say("What would move"), "GitLab", "na.li@example.com")
	b.look("admin-merge-preview")
	b.click(`form[action$="/merge"] .button-danger`)
	b.sees(b.say("The accounts are merged."), "GitLab", "DingTalk")
	b.look("admin-user-merged")
	b.follow("Li Na (second)")
	b.look("admin-merge-record")
	b.click(`form[action$="/split"] button`)
	b.sees(b.say("The accounts are split again."), "na.li@example.com", "GitLab")
}
