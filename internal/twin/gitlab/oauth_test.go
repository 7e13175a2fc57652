package gitlab_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"gatehouse/internal/twin/gitlab"
)

const callback = "https://hub.example/cb"

func withApp(twin *gitlab.Twin, change func(*gitlab.Application)) {
	a := gitlab.Application{
		ID: "app", Secret: "gloas-secret", Name: "Hub", RedirectURIs: []string{callback},
		Scopes: []string{"openid", "profile", "email", "read_user", "api"}, Confidential: true,
	}
	if change != nil {
		change(&a)
	}
	twin.AddApplication(a)
}

// browser keeps cookies and stops at the callback.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(req.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

func fetch(t *testing.T, b *http.Client, method, address string, form url.Values) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return do(t, b, req)
}

func fetchRequest(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	return do(t, http.DefaultClient, req)
}

func do(t *testing.T, b *http.Client, req *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(raw)
}

func oauthConfig(srv *httptest.Server) *oauth2.Config {
	return &oauth2.Config{
		ClientID: "app", ClientSecret: "gloas-secret", RedirectURL: callback, Scopes: []string{"openid", "email"},
		Endpoint: oauth2.Endpoint{AuthURL: srv.URL + "/oauth/authorize", TokenURL: srv.URL + "/oauth/token"},
	}
}

// code signs a person in, allows, and returns the parameters of the callback.
func code(t *testing.T, b *http.Client, srv *httptest.Server, authURL, user string) url.Values {
	t.Helper()
	u, err := url.Parse(authURL)
	if err != nil {
		t.Fatal(err)
	}
	res, page := fetch(t, b, http.MethodGet, authURL, nil)
	if !strings.Contains(page, "<title>GitLab (stand-in)</title>") || !strings.HasSuffix(res.Request.URL.Path, "/users/sign_in") {
		t.Fatalf("no sign-in page but %s: %s", res.Request.URL, page)
	}
	res, page = fetch(t, b, http.MethodPost, srv.URL+"/users/sign_in", url.Values{"user_id": {user}})
	if !strings.Contains(page, "is requesting access") {
		t.Fatalf("no consent page but %s: %s", res.Request.URL, page)
	}
	res, _ = fetch(t, b, http.MethodPost, srv.URL+"/oauth/authorize", u.Query())
	to, err := res.Location()
	if err != nil {
		t.Fatal(err)
	}
	return to.Query()
}

func TestOAuth(t *testing.T) {
	t.Parallel()
	t.Run("SignInWithOpenIDConnect", func(t *testing.T) {
		t.Parallel()
		twin, srv := start(t, func(c *gitlab.Config) { c.Clock = time.Now })
		withApp(twin, nil)
		c := oauthConfig(srv)
		verifier := oauth2.GenerateVerifier()
		got := code(t, browser(t), srv, c.AuthCodeURL("the state", oidc.Nonce("n1"), oauth2.S256ChallengeOption(verifier)), "2")
		if got.Get("state") != "the state" || len(got.Get("code")) != 64 {
			t.Fatalf("callback with %v", got)
		}
		tok, err := c.Exchange(t.Context(), got.Get("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		provider, err := oidc.NewProvider(t.Context(), srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := tok.Extra("id_token").(string)
		id, err := provider.Verifier(&oidc.Config{ClientID: "app"}).Verify(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		if id.Subject != "2" || id.Nonce != "n1" || id.Expiry.Sub(id.IssuedAt) != 2*time.Minute {
			t.Errorf("ID token %+v", id)
		}
		info, err := provider.UserInfo(t.Context(), oauth2.StaticTokenSource(tok))
		if err != nil {
			t.Fatal(err)
		}
		if info.Email != "zhang.wei@example.com" || !info.EmailVerified {
			t.Errorf("userinfo %+v", info)
		}
	})
}
