package openid

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

// TestPlain_OthersLibrary signs in without OpenID Connect, with PKCE.
func TestPlain_OthersLibrary(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	config := &oauth2.Config{
		ClientID: DemoClientID, ClientSecret: DemoClientSecret, RedirectURL: callback, Scopes: []string{"account", "mail", "teams"},
		Endpoint: oauth2.Endpoint{AuthURL: b.url + pathPlainAuthorize, TokenURL: b.url + pathPlainToken},
	}
	verifier := oauth2.GenerateVerifier()
	begin := strings.TrimPrefix(config.AuthCodeURL("st&te", oauth2.S256ChallengeOption(verifier)), b.url)
	if page := b.get(begin); page.status != http.StatusOK || !strings.Contains(page.text, DemoSub("zhao.yun")) {
		t.Errorf("%d %s", page.status, page.text)
	}
	q := b.answerOf(b.post(begin, url.Values{"sub": {DemoSub("zhao.yun")}, "consent": {"agree"}}))
	if q.Has("iss") || q.Get("state") != "st&te" {
		t.Errorf("came back with %v", q)
	}
	token, err := config.Exchange(t.Context(), q.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	if token.Extra("id_token") != nil || token.RefreshToken != "" || strings.Contains(token.AccessToken, ".") {
		t.Errorf("%+v", token)
	}
	a := b.withToken(pathPlainUserinfo, token.AccessToken)
	want := `{"code":0,"data":{` +
		`"account":{"display_name":"赵云","login":"zhao.yun","mail":"zhao.yun@qinghe.example.com","portrait":"` + b.url + `/media/` + DemoSub("zhao.yun") + `.svg","uid":9007199254740993},` +
		`"mails":[{"address":"zhao.yun@qinghe.example.com","confirmed":true,"primary":true}],` +
		`"teams":[{"path":["engineering"],"slug":"engineering"},{"path":["engineering","platform"],"slug":"engineering/platform"},{"path":["gatehouse-admins"],"slug":"gatehouse-admins"}]},` +
		`"message":"ok"}`
	if diff := cmp.Diff(want, a.text); diff != "" {
		t.Error(diff)
	}
}

func TestPlain_Refusals(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if q := b.answerOf(b.get(plainPath("scope", "openid"))); q.Get("error") != "invalid_scope" || q.Has("iss") {
		t.Errorf("the scope openid: %v", q)
	}
	if a := b.exchangeAt(pathToken, b.code(plainPath(), "nora")); a.json["error"] != "invalid_grant" {
		t.Errorf("a plain code at the OpenID provider: %s", a.text)
	}
	plain := b.exchangeAt(pathPlainToken, b.code(plainPath(), "nora")).json["access_token"].(string)
	if a := b.withToken(pathUserinfo, plain); a.status != http.StatusUnauthorized {
		t.Errorf("a plain token at the OpenID provider: %d", a.status)
	}
	if a := b.withToken(pathPlainUserinfo, b.tokens("nora")["access_token"].(string)); a.status != http.StatusUnauthorized {
		t.Errorf("a token of the OpenID provider: %d", a.status)
	}
	if a := b.get(pathPlainUserinfo); a.status != http.StatusUnauthorized {
		t.Errorf("no token: %d", a.status)
	}
}

func TestPlain_Shapes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	info := func(name string, pairs ...string) string {
		token := b.exchangeAt(pathPlainToken, b.code(plainPath(append(pairs, "prompt", "login")...), name)).json["access_token"].(string)
		return b.withToken(pathPlainUserinfo, token).text
	}
	for name, c := range map[string]struct{ person, scope, want string }{
		"NoMail":        {"xu.heng", "account mail", `"mails":[]`},
		"NotConfirmed":  {"tomas", "account mail", `"confirmed":false`},
		"AccountAlone":  {"nora", "account", `{"code":0,"data":{"account":{"display_name":"Nora Lindqvist","login":"nora"`},
		"NothingButUID": {"ghost", "account", `{"display_name":"","login":"","uid":9007199254741011}`},
	} {
		if got := info(c.person, "scope", c.scope); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	for flaw, want := range map[Flaw]string{PlainNoID: `"}},"message"`, PlainEmptyID: `","uid":""}},`, PlainFractionID: `","uid":12345.5}},`} {
		b.SetFlaws(flaw)
		if got := info("nora", "scope", "account"); !strings.Contains(got, `.svg`+want) {
			t.Errorf("%s: %s", flaw, got)
		}
	}
}
