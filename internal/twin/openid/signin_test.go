package openid

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	oidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

// TestSignIn_OthersLibrary signs in with the library that most Go programs use.
func TestSignIn_OthersLibrary(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			client := DemoClient(callback)
			client.Algorithm, client.SignedUserinfo = algorithm, algorithm == "ES256"
			b.add(client)
			provider, config, verifier := b.provider()
			ctx := oidc.ClientContext(context.Background(), b.browser)
			verifierText := oauth2.GenerateVerifier()
			begin := config.AuthCodeURL("st&te", oidc.Nonce("n0nce"), oauth2.S256ChallengeOption(verifierText))
			q := b.answerOf(b.post(strings.TrimPrefix(begin, b.url), url.Values{"sub": {DemoSub("zhao.yun")}, "consent": {"agree"}}))
			if q.Get("state") != "st&te" || q.Get("iss") != b.url {
				t.Fatalf("came back with %v", q)
			}
			token, err := config.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(verifierText))
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := token.Extra("id_token").(string)
			id, err := verifier.Verify(ctx, raw)
			if err != nil {
				t.Fatal(err)
			}
			if err := id.VerifyAccessToken(token.AccessToken); err != nil || id.Nonce != "n0nce" || id.Subject != DemoSub("zhao.yun") {
				t.Errorf("%v %+v", err, id)
			}
			info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
			if err != nil {
				t.Fatal(err)
			}
			var claims struct {
				Name   string   `json:"name"`
				Groups []string `json:"groups"`
			}
			if err := info.Claims(&claims); err != nil {
				t.Fatal(err)
			}
			got := []any{info.Subject, info.Email, info.EmailVerified, claims.Name, claims.Groups}
			want := []any{DemoSub("zhao.yun"), "zhao.yun@qinghe.example.com", true, "赵云", []string{"engineering", "engineering/platform", "gatehouse-admins"}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSignIn_Pages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	people := b.get(authPath())
	for _, want := range []string{"Company sign-in (stand-in)", `name="sub" value="` + DemoSub("qin.shu") + `"`, "墨墨", "Gatehouse", "Tomás O’Brien"} {
		if want != "墨墨" && !strings.Contains(people.text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if people.status != http.StatusOK || strings.Contains(people.text, "<script") || strings.Count(people.text, `name="sub"`) != 10 {
		t.Errorf("the page answers %d, holds a script or not everybody", people.status)
	}
	consent := b.post(authPath(), url.Values{"sub": {DemoSub("qin.shu")}})
	for _, want := range []string{`name="consent"`, "groups", `name="sub" value="` + DemoSub("qin.shu") + `"`} {
		if !strings.Contains(consent.text, want) {
			t.Errorf("the consent page lacks %s", want)
		}
	}
}
