package server

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse/internal/i18n"
)

// TestBrowserApplications has a person make an application and sign in with it,
// as software that was written for GitLab does, and an administrator look after
// it.
func TestBrowserApplications(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, lang := range i18n.Langs() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			browseApplications(t, browser, lang)
		})
	}
}

func browseApplications(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir())
	app := startApp(t)
	b := newTab(t, browser, lang)
	b.open(r.hub + "/sign-in")
	b.click(withGitLab)
	b.click(onGitLab("3"))
	b.click(authorize)
	b.sees("Alice Turner")
	b.open(r.hub + "/user/applications")
	b.sees(b.say("You made no applications"))
	b.look("applications-none")

	b.follow(b.say("New application"))
	b.look("application-new")
	b.do("enter what is wrong", chromedp.SendKeys(chromedp.CSS(`#field-name`), "Lunch board"), chromedp.SendKeys(chromedp.CSS(`#field-redirect_uris`), "http://board.example/cb"))
	b.expect("status of 422")
	b.click(`form[action="/user/applications/own"] button`)
	b.sees(b.say("The application was not saved"))
	b.look("application-refused")
	b.do("mend it", chromedp.Clear(chromedp.CSS(`#field-redirect_uris`)), chromedp.SendKeys(chromedp.CSS(`#field-redirect_uris`), app.URL+"/cb"),
		chromedp.Click(chromedp.CSS(`#field-scope-read_user`)), chromedp.Click(chromedp.CSS(`#field-scope-read_api`)), chromedp.Click(chromedp.CSS(`#field-require_pkce`)))
	b.click(`form[action="/user/applications/own"] button`)
	b.sees(b.say("Copy the secret now"))
	b.look("application-made")
	id, secret := regexp.MustCompile(`\b[0-9a-f]{64}\b`).FindString(b.text()), regexp.MustCompile(`gths_[0-9a-f]{64}`).FindString(b.text())
	if id == "" || secret == "" {
		t.Fatalf("no id or no secret on the page:\n%s", b.text())
	}
	b.follow(b.say("To the application"))
	b.sees(id, app.URL+"/cb")
	b.look("application-own")

	// Signing in with it.
	b.open(r.hub + "/oauth/authorize?" + url.Values{
		"client_id": {id}, "redirect_uri": {app.URL + "/cb"}, "response_type": {"code"}, "state": {"s"}, "scope": {"openid read_user read_api"},
	}.Encode())
	b.sees("Lunch board")
	b.look("application-consent")
	if !strings.Contains(b.text(), "@alice") {
		t.Errorf("nobody is told who made it:\n%s", b.text())
	}
	b.click(`button[value="allow"]`)
	b.sees("Back at the app")
	token := redeemed(t, r, url.Values{
		"grant_type": {"authorization_code"}, "code": {<-app.codes}, "redirect_uri": {app.URL + "/cb"}, "client_id": {id}, "client_secret": {secret},
	})
	var me struct {
		Username string
		ID       int64
	}
	ask(t, r.hub+"/api/v4/user", &me, http.StatusOK, "Authorization", "Bearer "+token)
	if me.Username == "" || me.ID < 1_000_000_001 {
		t.Errorf("GitLab's face says %+v", me)
	}

	// An administrator sees whose it is, and stops it.
	admin := newTab(t, browser, lang)
	admin.open(r.dashboard)
	admin.open(r.hub + "/admin/clients")
	admin.look("admin-clients")
	admin.follow("Lunch board")
	admin.sees("Alice Turner")
	admin.look("admin-client")
	admin.click(fmt.Sprintf(`form[action="/admin/clients/%s/turn/disable"] button`, id))
	admin.sees(admin.say("Nobody can sign in to it, and its tokens open nothing."))
	var refused struct{ Message string }
	ask(t, r.hub+"/api/v4/user", &refused, http.StatusUnauthorized, "Authorization", "Bearer "+token)
	admin.follow(admin.say("Edit"))
	admin.look("admin-client-edit")
	admin.open(r.hub + "/admin/add-client")
	admin.look("admin-client-add")
	admin.do("fill in", chromedp.SendKeys(chromedp.CSS(`#field-name`), "Wiki"), chromedp.SendKeys(chromedp.CSS(`#field-redirect_uris`), "https://wiki.example.com/cb"))
	admin.click(`form[action="/admin/add-client"] button`)
	admin.sees(admin.say("%s is added", "Wiki"))
	admin.look("admin-client-made")
}

// backApp is an application to which people come back.
type backApp struct {
	*httptest.Server
	codes chan string
}

func startApp(t *testing.T) *backApp {
	t.Helper()
	a := &backApp{codes: make(chan string, 1)}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if code := r.URL.Query().Get("code"); code != "" {
			a.codes <- code
		}
		_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>App</title><h1>Back at the app</h1><p>%s</p>`, html.EscapeString(r.URL.Query().Get("error")))
	}))
	t.Cleanup(a.Close)
	return a
}

// redeemed is the access token that a form gets.
func redeemed(t *testing.T, r *running, form url.Values) string {
	t.Helper()
	resp, err := http.PostForm(r.hub+"/oauth/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got struct {
		Token string `json:"access_token"`
		ID    string `json:"id_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || got.Token == "" || got.ID == "" {
		t.Fatalf("no tokens: %s, %v", resp.Status, err)
	}
	return got.Token
}
