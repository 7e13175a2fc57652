package op

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"gatehouse/internal/op/request"
)

// TestJourney lets software that others wrote go the whole way: discovery,
// sign-in, consent, code, tokens, user-info, refresh.
func TestJourney(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		provider, err := oidc.NewProvider(ctx, h.url)
		if err != nil {
			t.Fatal(err)
		}
		app := oauth2.Config{
			ClientID: "app", ClientSecret: appSecret, Endpoint: provider.Endpoint(), RedirectURL: callback,
			Scopes: []string{"openid", "profile", "email", "read_user"},
		}
		pkce := oauth2.GenerateVerifier()
		start := app.AuthCodeURL("state/ü%00 +&=", oidc.Nonce("n-1"), oauth2.S256ChallengeOption(pkce))

		b := h.browser()
		asked := b.get(strings.TrimPrefix(start, h.url))
		answer := b.decide(asked, "allow").sent(t)
		if answer.Get("state") != "state/ü%00 +&=" || answer.Get("iss") != h.url || answer.Get("kept") != "1" {
			t.Errorf("the answer is %v", answer)
		}
		token, err := app.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(pkce))
		if err != nil {
			t.Fatal(err)
		}
		checkIDToken(ctx, t, h, provider, token)
		info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			t.Fatal(err)
		}
		if info.Subject != request.Subject(h.alice) || info.Email != "alice@example.com" || !info.EmailVerified {
			t.Errorf("user-info says %+v", info)
		}

		token.Expiry = time.Now().Add(-time.Minute)
		renewed, err := app.TokenSource(ctx, token).Token()
		if err != nil {
			t.Fatal(err)
		}
		if renewed.AccessToken == token.AccessToken || renewed.RefreshToken == token.RefreshToken {
			t.Error("a refresh gave the same tokens again")
		}
		api := h.machine().do(http.MethodGet, "/api/v4/user", nil, "Authorization", "Bearer "+renewed.AccessToken)
		if api.status != http.StatusOK || !strings.Contains(api.body, `"username":"alice"`) {
			t.Errorf("the API answered %d %s", api.status, api.body)
		}
		if diff := cmp.Diff([]string{"consent.given"}, h.actions("consent")); diff != "" {
			t.Error(diff)
		}
		again := b.get(strings.TrimPrefix(start, h.url)).sent(t)
		if again.Get("code") == "" {
			t.Errorf("who allowed it once is not asked again: %v", again)
		}
		for name, secret := range map[string]string{
			"client secret": appSecret, "code": answer.Get("code"), "access token": token.AccessToken, "refresh token": token.RefreshToken,
			"new refresh token": renewed.RefreshToken, "verifier": pkce, "state": "state/", "ID token": token.Extra("id_token").(string),
		} {
			if strings.Contains(h.log.String(), secret) {
				t.Errorf("G7: the %s is in the log", name)
			}
		}
	})
}

func checkIDToken(ctx context.Context, t *testing.T, h *house, provider *oidc.Provider, token *oauth2.Token) {
	t.Helper()
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: "app", Now: h.clock.Now}).Verify(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		t.Errorf("at_hash: %v", err)
	}
	if id.Nonce != "n-1" || id.Expiry.Sub(id.IssuedAt) != 2*time.Minute {
		t.Errorf("nonce %q, good for %s", id.Nonce, id.Expiry.Sub(id.IssuedAt))
	}
	var told map[string]any
	if err := id.Claims(&told); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"exp", "iat", "nonce", "at_hash"} {
		delete(told, name)
	}
	if at, _ := told["auth_time"].(float64); int64(at) != h.clock.Now().Unix() {
		t.Errorf("auth_time is %v", told["auth_time"])
	}
	if sid, _ := told["sid"].(string); sid == "" {
		t.Error("no sid")
	}
	delete(told, "auth_time")
	delete(told, "sid")
	want := map[string]any{
		"iss": h.url, "aud": "app", "sub": request.Subject(h.alice), "name": "Alice", "nickname": "alice", "preferred_username": "alice",
		"email": "alice@example.com", "email_verified": true, "profile": h.url + "/alice", "picture": "https://img.example/alice.png",
		"acr": acrOne,
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
}
