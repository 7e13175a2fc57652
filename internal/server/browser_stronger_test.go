package server

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/i18n"
)

// TestBrowserStronger signs somebody in, by a provider alone, for an app that
// insists on two proofs: they are told what they need, and the app is told that
// they did not.
func TestBrowserStronger(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, lang := range i18n.Langs() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			browseStronger(t, browser, lang)
		})
	}
}

func browseStronger(t *testing.T, browser context.Context, lang i18n.Lang) {
	w := startWatcher(t)
	r := startDev(t, t.TempDir(), func(_ *dev, c *config.Config) {
		c.Clients = append(c.Clients, gatehouse.Client{
			ID: "careful", Name: "Careful app", SecretHash: gatehouse.Digest(exampleSecret), Trusted: true, Enabled: true, RequirePKCE: true,
			Scopes: []string{"openid"}, RedirectURIs: []string{w.URL + "/left"}, Managed: gatehouse.ManagedByFile,
		})
	})
	app := oauth2.Config{ClientID: "careful", RedirectURL: w.URL + "/left", Scopes: []string{"openid"}, Endpoint: oauth2.Endpoint{AuthURL: r.hub + "/oauth/authorize"}}
	insists := url.Values{"claims": {`{"id_token":{"acr":{"essential":true,"value":"` + gatehouse.ACRTwoFactors + `"}}}`}}

	b := newTab(t, browser, lang)
	b.expect("status of 403")
	b.open(app.AuthCodeURL("a state", oauth2.S256ChallengeOption(w.verifier)) + "&" + insists.Encode())
	b.click(withGitLab)
	b.click(onGitLab("3"))
	b.click(authorize)
	b.sees("Careful app", b.say("A second proof is needed"))
	b.look("second-proof-needed")
	b.click(`a[href^="/oauth/authorize?request="]`)
	if at := b.at(); !strings.HasPrefix(at, w.URL+"/left?error=unmet_authentication_requirements") {
		t.Errorf("the app hears %s", at)
	}
}
