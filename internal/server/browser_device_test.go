package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/i18n"
)

// TestBrowserDevice connects a device without a browser: its person types in the
// code that it shows, after a sign-in, and allows what it asks for.
func TestBrowserDevice(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, lang := range i18n.Langs() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			browseDevice(t, browser, lang)
		})
	}
}

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// withTelevision adds a client for devices.
func withTelevision(_ *dev, c *config.Config) {
	c.Clients = append(c.Clients, gatehouse.Client{
		ID: "tv", Name: "Living room television", AuthMethod: gatehouse.AuthNone, Scopes: []string{"openid", "profile", "read_user"},
		GrantTypes: []string{deviceGrant}, RequirePKCE: true, Enabled: true, Managed: gatehouse.ManagedByFile,
	})
}

func browseDevice(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir(), withTelevision)
	var wish struct {
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
		Address    string `json:"verification_uri"`
	}
	deviceAsks(t, r.hub+"/oauth/authorize_device", url.Values{"client_id": {"tv"}, "scope": {"openid read_user"}}, http.StatusOK, &wish)

	b := newTab(t, browser, lang)
	b.open(wish.Address)
	b.click(withGitLab)
	b.click(onGitLab("3"))
	b.click(authorize)
	b.sees(b.say("Connect a device"))
	b.look("device-code")
	b.expect("status of 404")
	b.do("a wrong code", chromedp.SendKeys(chromedp.CSS(`#field-user_code`), "bbbb bbbb"))
	b.click(`form[action="/oauth/device"] button`)
	b.sees(b.say("No device waits with this code. Look again at what your device shows: the code may have expired."))
	b.look("device-wrong")
	b.do("the code", chromedp.SetValue(chromedp.CSS(`#field-user_code`), strings.ToLower(wish.UserCode)))
	b.click(`form[action="/oauth/device"] button`)
	b.sees("Living room television", wish.UserCode)
	b.look("device-confirm")
	b.click(`form[action="/oauth/device/confirm"] button[value="allow"]`)
	b.sees(b.say("Your device is connected"))
	b.look("device-done")

	var got struct {
		AccessToken string `json:"access_token"`
	}
	deviceAsks(t, r.hub+"/oauth/token", url.Values{"client_id": {"tv"}, "grant_type": {deviceGrant}, "device_code": {wish.DeviceCode}}, http.StatusOK, &got)
	var me struct{ Username string }
	ask(t, r.hub+"/api/v4/user", &me, http.StatusOK, "Authorization", "Bearer "+got.AccessToken)
	if me.Username == "" {
		t.Error("the token does not say who she is")
	}
}

// deviceAsks posts a form as a device does.
func deviceAsks(t *testing.T, address string, form url.Values, status int, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil || resp.StatusCode != status {
		t.Fatalf("%s: %d %v", address, resp.StatusCode, err)
	}
}
