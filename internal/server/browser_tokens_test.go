package server

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/i18n"
)

// TestBrowserTokens takes a person to their page Applications: they let an
// application use their access at GitLab, make a token of their own, and take
// both back. What each gives is tried where a program would.
func TestBrowserTokens(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, lang := range i18n.Langs() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			browseTokens(t, browser, lang)
		})
	}
}

const boardSecret = "a-board-secret-of-the-tests-0123456789"

// withBoard adds an application that asks for people's tokens.
func withBoard(_ *dev, c *config.Config) {
	sum := sha256.Sum256([]byte(boardSecret))
	c.Clients = append(c.Clients, gatehouse.Client{
		ID: "board", Name: "Project board", SecretHash: sum[:], Scopes: []string{"provider_tokens"}, GrantTypes: []string{"client_credentials"},
		Enabled: true, Managed: gatehouse.ManagedByFile,
	})
}

func browseTokens(t *testing.T, browser context.Context, lang i18n.Lang) {
	r := startDev(t, t.TempDir(), withBoard)
	b := newTab(t, browser, lang)
	page := r.hub + "/user/applications"
	b.open(r.hub + "/sign-in")
	b.click(withGitLab)
	b.click(onGitLab("3"))
	b.click(authorize)
	b.sees("Alice Turner")
	b.open(page)
	b.sees(b.say("Access at other providers"), "GitLab", "Project board", b.say("You have no tokens"))

	// A token of her own.
	b.follow(b.say("New token"))
	b.sees(b.say("New personal access token"))
	b.look("token-new")
	b.expect("status of 400")
	b.click(`form[action="/user/applications/tokens"] button`)
	b.sees(b.say("The token was not made"))
	b.look("token-refused")
	b.do("name it", chromedp.SendKeys(chromedp.CSS(`#field-name`), "backup"), chromedp.Click(chromedp.CSS(`#field-scope_api`)))
	b.click(`form[action="/user/applications/tokens"] button`)
	b.sees(b.say("Copy it now"), b.say("Copy"))
	b.look("token-made")
	secret := regexp.MustCompile(`gthp_[0-9a-f]{72}`).FindString(b.text())
	var me struct {
		Username string
		Number   json.Number
	}
	ask(t, r.hub+"/api/v1/me", &me, http.StatusOK, "PRIVATE-TOKEN", secret)
	if me.Username == "" {
		t.Fatal("the token does not say who she is")
	}

	// The application may use her access at GitLab, and GitLab knows it.
	board := boardToken(t, r)
	tokens := r.hub + "/api/v1/users/" + me.Number.String() + "/provider_tokens/gitlab"
	var refused struct{ Code string }
	ask(t, tokens, &refused, http.StatusForbidden, "Authorization", "Bearer "+board)
	if refused.Code != "not_consented" {
		t.Errorf("before she allowed it: %q", refused.Code)
	}
	b.open(page)
	b.look("applications-asking")
	b.click(`form[action="/user/applications/board/allow"] button`)
	b.sees(b.say("The application may use your access at other providers now."), b.say("May use your access at other providers."), "backup")
	b.look("applications-full")
	var given struct {
		Token string `json:"access_token"`
	}
	ask(t, tokens, &given, http.StatusOK, "Authorization", "Bearer "+board)
	var there struct{ ID int }
	ask(t, r.gitlab+"/api/v4/user", &there, http.StatusOK, "Authorization", "Bearer "+given.Token)
	if there.ID != 3 {
		t.Errorf("GitLab says that the token is of %d", there.ID)
	}

	// An administrator sees what may act for her, and no token.
	admin := newTab(t, browser, lang)
	admin.open(r.dashboard)
	admin.open(r.hub + "/admin/users")
	admin.follow("Alice Turner")
	admin.follow(b.say("Show tokens"))
	admin.sees("backup", "Project board", "GitLab")
	admin.look("admin-user-tokens")
	if strings.Contains(admin.text(), secret) || strings.Contains(admin.text(), given.Token) {
		t.Error("the administrator sees a token")
	}

	// All of it is taken back.
	b.click(`form[action="/user/applications/board/withdraw"] button`)
	b.sees(b.say("The application may not act for you any more."))
	ask(t, tokens, &refused, http.StatusForbidden, "Authorization", "Bearer "+board)
	b.click(`form[action$="/revoke"] button`)
	b.sees(b.say("The token is revoked."))
	ask(t, r.hub+"/api/v1/me", &refused, http.StatusUnauthorized, "PRIVATE-TOKEN", secret)
	b.click(`form[action$="/forget"] button`)
	b.sees(b.say("The access is forgotten. It comes again when you sign in with that account."))
}

// boardToken is an access token of the application itself.
func boardToken(t *testing.T, r *running) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"board"}, "client_secret": {boardSecret}, "scope": {"provider_tokens"}}
	resp, err := http.PostForm(r.hub+"/oauth/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || got.Token == "" {
		t.Fatalf("no token for the application: %s, %v", resp.Status, err)
	}
	return got.Token
}

// ask gets JSON as a program does.
func ask(t *testing.T, address string, into any, status int, headers ...string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status || json.Unmarshal(body, into) != nil {
		t.Fatalf("%s answered %s: %s (%v)", strings.TrimPrefix(address, "http://"), resp.Status, body, err)
	}
}
