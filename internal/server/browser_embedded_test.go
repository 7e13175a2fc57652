package server

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/emulation"

	"gatehouse/internal/i18n"
	dingtalktwin "gatehouse/internal/twin/dingtalk"
)

// dingTalkAgent is what the DingTalk client on a computer says that it is.
const dingTalkAgent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/91.0.4472.124 Safari/537.36 DingTalk/7.6.0"

// TestBrowserInsideDingTalk opens the page of the DingTalk client in a browser
// that says it is one, with the stand-in's script in place of DingTalk's.
func TestBrowserInsideDingTalk(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, lang := range i18n.Langs() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			browseInsideDingTalk(t, browser, lang)
		})
	}
}

func browseInsideDingTalk(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir(), lacking(t, "qyapi_get_department_list"))
	b := newTab(t, browser, lang)
	page := r.hub + "/sign-in/dingtalk/embedded?corpid=" + dingtalktwin.DemoCorpID

	// In a browser the page says so, and offers the usual way.
	b.open(page)
	b.sees(b.say("This page signs you in without a question inside the %s app. You have opened it in a browser, where you sign in the usual way.", "DingTalk"))
	b.look("inside-dingtalk-outside")
	b.click(withDingTalk)
	b.sees("DingTalk (stand-in)", "李娜")
	b.click(onDingTalk("lina"))
	b.click(agree)
	b.sees("李娜")
	b.open(r.hub + "/sign-out")
	b.click(demoSignOut)

	// Inside the client, where she is signed in now, nobody is asked anything.
	b.do("be the DingTalk client", command(emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: dingTalkAgent, AcceptLanguage: string(lang)}))
	b.open(page)
	b.sees("李娜", b.say("Sign out"))
	if at := b.at(); at != r.hub+"/user" {
		t.Errorf("she is at %s", at)
	}
	b.open(r.hub + "/sign-out")
	b.click(demoSignOut)

	// The client says no: the page says so, and the usual way stays.
	b.open(r.hub + "/sign-in/dingtalk/embedded?corpid=" + dingtalktwin.DemoOtherCorpID)
	b.sees(b.say("The app did not say who you are. Sign in the usual way."))
	b.look("inside-dingtalk-refused")

	// The administrator reads what the app lacks, and the address to enter there.
	b.open(r.dashboard)
	b.open(r.hub + "/admin/connections/dingtalk")
	b.sees(b.say("The app lacks a permission there: %s.", "qyapi_get_department_list"), b.say("Ask for the permission"))
	b.look("connection-lacks-permission")
}
