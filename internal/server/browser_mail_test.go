package server

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse/internal/i18n"
)

// TestBrowserAddresses takes a person to their own page: they add an address,
// open the mail in the mailbox of development, confirm, change their profile,
// make the new address the primary one, and at last delete the account.
func TestBrowserAddresses(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, lang := range i18n.Langs() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			browseAddresses(t, browser, lang)
		})
	}
}

func browseAddresses(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir())
	b := newTab(t, browser, lang)
	b.open(r.hub + "/sign-in")
	b.click(withGitLab)
	b.click(onGitLab("3"))
	b.click(authorize)
	b.sees("Alice Turner")
	const work = "alice.turner@work.example"
	b.do("enter an address", chromedp.SendKeys(chromedp.CSS(`form[action="/user/emails"] input[name="address"]`), work))
	b.click(`form[action="/user/emails"] button`)
	b.sees(work, b.say("Not verified"), b.say("Send the link again"))
	b.look("user-address")

	b.open(r.hub + "/dev/mailbox")
	b.sees(b.say("Mailbox"), b.say("to %s", work))
	b.look("mailbox")
	b.follow(b.say("Confirm your e-mail address"))
	b.sees(work, "@alice") // the name is of her own choosing: it does not go to strangers
	b.look("mailbox-mail")
	b.follow(b.say("As a mail program shows it"))
	b.sees(b.say("Confirm the address"))
	b.picture("mail", "light")
	b.follow(b.say("Confirm the address"))
	b.sees(b.say("Yes, it is mine"))
	b.look("user-verify")
	b.click(`form[action="/user/emails/verify"] button`)
	b.sees(b.say("The address is verified."))
	b.look("user-verified")
	b.leaves(r)
}

// leaves deletes the account.
func (b *tab) leaves(r *running) {
	b.Helper()
	b.follow(b.say("Delete my account") + " …")
	b.sees(b.say("What stays"))
	b.look("user-delete")
	name, err := evaluate[string](b, `document.querySelector('label[for="field-username"]').textContent.match(/[a-z][a-z.]+$/)[0]`)
	if err != nil {
		b.Fatal(err)
	}
	b.do("type the username", chromedp.SendKeys(chromedp.CSS(`input[name="username"]`), name))
	b.click(`form[action="/user/delete"] button`)
	b.sees(b.say("Your account is deleted"))
	b.look("user-deleted")
	if b.open(r.hub + "/user"); !strings.HasPrefix(b.at(), r.hub+"/sign-in") {
		b.Errorf("after deleting the account, /user is still shown at %s", b.at())
	}
}
