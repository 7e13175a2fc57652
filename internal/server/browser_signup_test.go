package server

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/i18n"
)

// TestBrowserSignUp takes an administrator through the rules for new people: they
// write lists, mistype one, are told that a colleague was faster, and try other
// rules before they set them.
func TestBrowserSignUp(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, lang := range i18n.Langs() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			browseSignUp(t, browser, lang)
		})
	}
}

const (
	signUpForm = `form[action="/admin/sign-up"]`
	signUpDeny = signUpForm + ` textarea[name="deny"]`
)

func browseSignUp(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir())
	person := newTab(t, browser, lang)
	person.throughDingTalk(r, "lina")
	person.click(agree)
	person.allowDemo("李娜")

	b := newTab(t, browser, lang)
	b.open(r.dashboard)
	b.open(r.hub + "/admin/sign-up")
	b.sees(b.say("Whose addresses may make an account"), b.say("Ways for new people"), "DingTalk")
	b.look("admin-sign-up")
	b.write(signUpDeny, "intern.example.com\n*.evil.example")
	b.click(signUpForm + ` button`)
	b.sees(b.say("The rules are saved, and hold from now on."))
	b.holds("*.evil.example")
	b.look("admin-sign-up-saved")

	b.expect("status of 409")
	if _, err := evaluate[string](b, `document.querySelector('input[name="seen"]').value = "an older state"`); err != nil {
		t.Fatal(err)
	}
	b.write(signUpDeny, "mine.example\n")
	if status := b.click(signUpForm + ` button`); status != http.StatusConflict {
		t.Errorf("the second of two is answered %d", status)
	}
	b.sees(b.say("Somebody else was faster"), "*.evil.example")
	b.holds("mine.example")
	b.look("admin-sign-up-conflict")

	b.expect("status of 400")
	b.write(signUpDeny, "no domain\n")
	b.click(signUpForm + ` button`)
	b.look("admin-sign-up-wrong")

	b.open(r.hub + "/admin/sign-up/dry-run?connection=dingtalk")
	b.sees(b.say("Try it"))
	b.look("admin-dry-run")
	b.open(r.hub + "/admin/sign-up/dry-run?connection=dingtalk&from=identities&new_people=link_only")
	b.sees("李娜", b.say("%d person would not be let in", 1), b.say("For %d it would come out otherwise than today.", 1))
	b.look("admin-dry-run-done")
}

// holds says that the list of what is never taken has a line.
func (b *tab) holds(line string) {
	b.Helper()
	text, err := evaluate[string](b, "document.querySelector('"+signUpDeny+"').value")
	if err != nil || !slices.Contains(strings.Split(text, "\n"), line) {
		b.Errorf("the list at %s has no line %q: %q, %v", b.at(), line, text, err)
	}
}
