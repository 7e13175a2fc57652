package server

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"gatehouse/internal/i18n"
	"gatehouse/internal/porttest"
)

// TestBrowserPasskey: a real browser makes a passkey at /user/security, signs in
// with it by the button and by its own offer, and confirms with it.
func TestBrowserPasskey(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, lang := range i18n.Langs() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			browsePasskey(t, browser, lang)
		})
	}
}

// startDevAtLocalhost is startDev by a name: browsers have no passkeys for an
// IP address.
func startDevAtLocalhost(t *testing.T) *running {
	t.Helper()
	_, port, _ := strings.Cut(porttest.KeepRow(t, 5), ":")
	r, err := tryDev(t, "localhost:"+port, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// device gives the tab a device with passkeys, which knows who touches it.
func (b *tab) device() webauthn.AuthenticatorID {
	b.Helper()
	var id webauthn.AuthenticatorID
	b.do("plug a device in", command(webauthn.Enable, webauthn.EnableParams{}),
		chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			made, err := cdp.Call(ctx, t, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
				Options: &webauthn.VirtualAuthenticatorOptions{
					Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
					HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
				},
			})
			id = made.AuthenticatorID
			return err
		}))
	return id
}

// touches says whether somebody touches the device when it asks.
func (b *tab) touches(device webauthn.AuthenticatorID, yes bool) {
	b.Helper()
	b.do("touch the device", command(webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: device, Enabled: yes}))
}

const (
	addPasskey     = `form[data-passkey="create"] button`
	signInPasskey  = `form[action="/sign-in/passkey"] button`
	confirmPasskey = `form[action="/sign-in/confirm/passkey"] button`
	signOut        = `form[action="/sign-out"] button`
)

func browsePasskey(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDevAtLocalhost(t)
	b := newTab(t, browser, lang)
	device := b.device()
	b.open(r.dashboard)
	b.open(r.hub + "/user/security")
	b.sees(b.say("You have no passkey."))
	b.look("security-no-passkey")
	b.follow(b.say("Add a passkey"))
	b.look("passkey-new")
	b.click(addPasskey)
	b.sees(b.say("The passkey is added."))
	b.look("security-passkey")

	b.open(r.hub + "/sign-in/confirm?return_to=/user/security")
	b.sees(b.say("Confirm that it is you"), b.say("Confirm with a passkey"))
	b.look("confirm-passkey")
	b.click(confirmPasskey)
	b.sees(b.say("Passkeys"))

	b.touches(device, false)
	b.signsOut(r)
	b.open(r.hub + "/sign-in")
	b.sees(b.say("Sign in with a passkey"))
	b.look("sign-in-local")
	b.touches(device, true)
	b.click(signInPasskey)
	b.sees("dev-administrator")

	// The device takes the browser's own offer without being asked.
	b.expect("NavigationEntryMarkedSkippable")
	b.signsOut(r)
	b.open(r.hub + "/sign-in?return_to=/user/security")
	b.sees(b.say("Sessions"))
	if at := b.at(); at != r.hub+"/user/security" {
		t.Errorf("the offer leads to %s", at)
	}
}

func (b *tab) signsOut(r *running) {
	b.Helper()
	b.open(r.hub + "/sign-out")
	b.click(signOut)
}

// TestBrowserPassword: an administrator sets a password and an authenticator
// app, comes in by them, and confirms with them. At an IP address, the page says
// how there are passkeys on this machine.
func TestBrowserPassword(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, lang := range i18n.Langs() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			browsePassword(t, browser, lang)
		})
	}
}

func browsePassword(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir())
	b := newTab(t, browser, lang)
	b.open(r.dashboard)
	_, port, _ := strings.Cut(strings.TrimPrefix(r.hub, "http://"), ":")
	b.open(r.hub + "/user/security")
	b.sees("gatehouse dev --addr localhost:" + port)
	b.look("security-no-passkeys")
	b.follow(b.say("Set a password"))
	b.look("password-new")
	b.expect("status of 400")
	b.write(`input[name="password"]`, "password1")
	b.click(`form[action="/user/security/password"] button`)
	b.look("password-refused")
	const password = "correct horse battery staple"
	b.write(`input[name="password"]`, password)
	b.click(`form[action="/user/security/password"] button`)
	b.sees(b.say("Change"))

	b.click(`form[action="/user/security/authenticator/begin"] button`)
	b.look("authenticator")
	b.write(`input[name="code"]`, b.appCode())
	b.click(`form[action="/user/security/authenticator"] button`)
	b.look("recovery-codes")
	codes, err := evaluate[string](b, `[...document.querySelectorAll("main li code, main li")].map(e => e.innerText.trim()).join(" ")`)
	recovery := strings.Fields(codes)
	if err != nil || len(recovery) < 10 {
		t.Fatalf("recovery codes: %q, %v", codes, err)
	}
	b.click(`form[action="/user/security/recovery-codes/kept"] button`)
	b.look("security-full")

	b.signsOut(r)
	b.open(r.hub + "/sign-in?return_to=/admin")
	b.write(`input[name="username"]`, "dev-administrator")
	b.write(`input[name="password"]`, "wrong")
	b.click(`form.stack[action="/sign-in"] button`)
	b.look("sign-in-wrong")
	b.write(`input[name="password"]`, password)
	b.click(`form.stack[action="/sign-in"] button`)
	b.sees(b.say("One more step"))
	b.look("sign-in-code")
	b.write(`input[name="code"]`, recovery[0])
	b.click(`form[action="/sign-in/code"] button`)
	b.sees(b.say("Overview"))

	b.open(r.hub + "/sign-in/confirm?return_to=/user/security/password")
	b.look("confirm-password")
	b.write(`input[name="password"]`, password)
	b.write(`input[name="code"]`, recovery[1])
	b.click(`form[action="/sign-in/confirm"] button`)
	b.sees(b.say("Present password"))
	b.look("password-change")
}

// appCode is what the app shows that is set up on the page.
func (b *tab) appCode() string {
	b.Helper()
	key, err := evaluate[string](b, `document.querySelector("code.copy").textContent`)
	if err != nil {
		b.Fatal(err)
	}
	code, err := totp.GenerateCode(strings.ReplaceAll(strings.TrimSpace(key), " ", ""), time.Now())
	if err != nil {
		b.Fatal(err)
	}
	return code
}
