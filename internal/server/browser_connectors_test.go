package server

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"gatehouse/internal/config"
	"gatehouse/internal/i18n"
	gitlabtwin "gatehouse/internal/twin/gitlab"
)

const (
	ownerToken  = "glpat-of-the-owner-of-this-test"
	narrowToken = "glpat-without-a-scope-of-this-test"
)

// TestBrowserConnectors adds a GitLab connector to a new app as its owner does
// it, by the labels that stand there, and sees it connect.
func TestBrowserConnectors(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, lang := range i18n.Langs() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			browseAddConnector(t, browser, lang)
		})
	}
}

func browseAddConnector(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir(), func(d *dev, _ *config.Config) {
		ends := time.Now().Add(20 * 24 * time.Hour)
		d.gitlab.AddToken(gitlabtwin.Token{Value: ownerToken, UserID: 1, Name: "Gatehouse", Scopes: []string{"api"}, ExpiresAt: ends})
		d.gitlab.AddToken(gitlabtwin.Token{Value: narrowToken, UserID: 1, Name: "Gatehouse", Scopes: []string{"read_user"}})
	})
	b := newTab(t, browser, lang)
	b.expect("status of 422") // a page of ours: the form with what is wrong
	b.open(r.dashboard)
	b.click(`nav a[href="/admin/connectors"]`)
	b.look("connectors-list")
	b.press("Add connector")
	b.look("connectors-kinds")
	b.click(`main a[href="/admin/add-connector/gitlab"]`)
	b.sees(b.say("Managed apps"))
	b.look("connectors-apps")
	b.press("A new app")
	b.look("connectors-form")
	b.fill("Name of the app", "Forge")
	b.fill("Name in addresses", "forge")
	b.do("name an owner", chromedp.SendKeys(chromedp.CSS(b.inputOf("Owners")), "ann@example.com"))
	b.fill("URL", "http://10.1.2.3")
	b.fill("Personal access token", narrowToken)
	b.press("Save")
	b.sees(b.say("The connector was not saved"), "10.1.2.3/32")
	b.look("connectors-form-private")
	b.fill("URL", r.gitlab)
	b.fill("Personal access token", narrowToken)
	b.press("Save")
	b.sees(b.say("The access token lacks the scope %s. Make a token that has it in GitLab and enter it here.", "read_api"))
	b.look("connectors-form-scope")
	b.fill("Personal access token", ownerToken)
	b.press("Save")
	b.sees(b.say("Connected"))
	b.sees("Forge", "ann@example.com", b.say("everything"), b.say("Next sync"))
	b.look("connectors-connected")
	b.press("Choose from a list")
	b.sees("eng")
	b.look("connectors-choose")
	b.press("Choose")
	b.sees(b.say("The connector is saved."))
	b.sees(b.say("Connected"))
	b.click(`main td a[href*="/pulls/"]`)
	b.sees(b.say("Steps"), b.say("Reading accounts"), b.say("Comparing with what was known"))
	b.look("connectors-sync")
	b.open(r.hub + "/admin/connectors/forge")
	b.press("Pause")
	b.sees(b.say("Nothing is read until it is resumed. What was read before stays, and a sync that was under way goes on where it stopped."))
	b.look("connectors-paused")
	b.press("Resume")
	b.sees(b.say("Connected"))
	b.press("Disconnect app")
	b.look("connectors-remove")
	b.fill(b.say("Type its name: %s", "Forge"), "Forge")
	b.click(`main form[action$="/remove"] button`)
	b.sees(b.say("The app is disconnected, and its secrets are deleted."))
	b.look("connectors-disconnected")
}
