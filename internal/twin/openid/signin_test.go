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
	for _, want := range []string{"Company sign-in (stand-in)", `name="sub" value="` + DemoSub("qin.shu") + `"`, "林墨", "Gatehouse", "Tomás O’Brien"} {
		if !strings.Contains(people.text, want) {
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

func TestSignIn_LoginHintIsFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, hint := range []string{DemoSub("tomas"), "TOMAS", "tomas@qinghe.example.com"} {
		page := b.get(authPath("login_hint", hint)).text
		if i, j := strings.Index(page, DemoSub("tomas")), strings.Index(page, DemoSub("zhao.yun")); i < 0 || i > j {
			t.Errorf("%s: tomas is not first", hint)
		}
	}
	if page := b.get(authPath("login_hint", "<script>")).text; strings.Contains(page, "<script") {
		t.Error("the page holds markup of the caller's")
	}
}

func TestSignIn_CancelIsAccessDenied(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	q := b.answerOf(b.post(authPath(), url.Values{"cancel": {"1"}, "sub": {DemoSub("nora")}}))
	if q.Get("error") != "access_denied" || q.Get("state") != "st&te" || q.Get("iss") != b.url || q.Has("code") {
		t.Errorf("came back with %v", q)
	}
}

func TestSignIn_DisabledPeopleStayOutside(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	a := b.post(authPath(), url.Values{"sub": {DemoSub("he.jing")}, "consent": {"agree"}})
	if a.status != http.StatusBadRequest || !strings.Contains(a.text, "account_disabled") || a.header.Get("Location") != "" {
		t.Errorf("%d %s", a.status, a.text)
	}
}

// TestSignIn_Parameters: what is wrong with a request is told to the caller, but
// to nobody else than a registered address of theirs.
func TestSignIn_Parameters(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	public := Client{ID: "public", AuthMethod: AuthNone, RedirectURIs: []string{callback}}
	b.add(public)
	for name, c := range map[string]struct {
		pairs []string
		says  string
	}{
		"ResponseTypeMissing":      {[]string{"response_type", "-"}, "invalid_request"},
		"NoImplicitFlow":           {[]string{"response_type", "id_token token"}, "unsupported_response_type"},
		"ScopeWithoutOpenID":       {[]string{"scope", "profile"}, "invalid_scope"},
		"ScopeUnknown":             {[]string{"scope", "openid api"}, "invalid_scope"},
		"ResponseModeUnknown":      {[]string{"response_mode", "fragment"}, "invalid_request"},
		"PromptUnknown":            {[]string{"prompt", "maybe"}, "invalid_request"},
		"PromptNoneStandsAlone":    {[]string{"prompt", "none login"}, "invalid_request"},
		"PromptNoneWithoutSession": {[]string{"prompt", "none"}, "login_required"},
		"MaxAgeNotANumber":         {[]string{"max_age", "soon"}, "invalid_request"},
		"ChallengeShort":           {[]string{"code_challenge", "short"}, "invalid_request"},
		"ChallengeMethodUnknown":   {[]string{"code_challenge", strings.Repeat("a", 43), "code_challenge_method", "S512"}, "invalid_request"},
		"ChallengeMethodAlone":     {[]string{"code_challenge_method", "S256"}, "invalid_request"},
		"PublicClientNeedsPKCE":    {[]string{"client_id", "public"}, "invalid_request"},
		"RequestObject":            {[]string{"request", "e30.e30."}, "request_not_supported"},
		"RequestObjectByReference": {[]string{"request_uri", "https://hub.example.com/r"}, "request_uri_not_supported"},
	} {
		q := b.answerOf(b.get(authPath(c.pairs...)))
		if q.Get("error") != c.says || q.Get("state") != "st&te" || q.Get("iss") != b.url {
			t.Errorf("%s: %v", name, q)
		}
	}
	if q := b.answerOf(b.get(authPath() + "&scope=openid")); q.Get("error") != "invalid_request" {
		t.Errorf("a doubled scope: %v", q)
	}
	for name, path := range map[string]string{
		"ClientUnknown":     authPath("client_id", "nobody"),
		"RedirectElsewhere": authPath("redirect_uri", callback+"/x"),
		"RedirectMissing":   authPath("redirect_uri", "-"),
		"RedirectTwice":     authPath() + "&redirect_uri=" + url.QueryEscape(callback),
	} {
		if a := b.get(path); a.status != http.StatusBadRequest || a.header.Get("Location") != "" {
			t.Errorf("%s: %d %s", name, a.status, a.header.Get("Location"))
		}
	}
}

// TestSignIn_Sessions: a browser that is signed in is asked again only when the
// caller wants it.
func TestSignIn_Sessions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, first, _ := parts(t, b.tokens("nora")["id_token"])
	b.now.pass(600e9)

	for name, path := range map[string]string{"Plain": authPath(), "None": authPath("prompt", "none"), "YoungEnough": authPath("max_age", "600")} {
		a := b.get(path)
		_, claims, _ := parts(t, b.exchange(b.answerOf(a).Get("code")).json["id_token"])
		if claims["sub"] != DemoSub("nora") || claims["auth_time"] != first["auth_time"] || claims["sid"] != first["sid"] {
			t.Errorf("%s: %v after %v", name, claims, first)
		}
	}
	for name, path := range map[string]string{
		"Login": authPath("prompt", "login"), "SelectAccount": authPath("prompt", "select_account"),
		"TooOld": authPath("max_age", "599"), "AgeZero": authPath("max_age", "0"),
	} {
		if a := b.get(path); a.status != http.StatusOK || !strings.Contains(a.text, `name="sub"`) {
			t.Errorf("%s: %d is not the page", name, a.status)
		}
	}
	if q := b.answerOf(b.get(authPath("prompt", "none", "max_age", "1"))); q.Get("error") != "login_required" {
		t.Errorf("an old session: %v", q)
	}
	if q := b.answerOf(b.get(authPath("prompt", "none", "scope", "openid phone"))); q.Get("error") != "consent_required" {
		t.Errorf("a new scope: %v", q)
	}
	if a := b.get(authPath("prompt", "consent")); !strings.Contains(a.text, `name="known"`) {
		t.Errorf("prompt=consent: %d %s", a.status, a.text)
	}
	q := b.answerOf(b.post(authPath("prompt", "consent"), url.Values{"sub": {DemoSub("nora")}, "known": {"1"}, "consent": {"agree"}}))
	if _, claims, _ := parts(t, b.exchange(q.Get("code")).json["id_token"]); claims["auth_time"] != first["auth_time"] {
		t.Error("consent counts as a sign-in")
	}
	again := b.code(authPath("prompt", "login"), "nora")
	if _, claims, _ := parts(t, b.exchange(again).json["id_token"]); claims["auth_time"] != first["auth_time"].(float64)+600 || claims["sid"] != first["sid"] {
		t.Errorf("signed in again: %v", claims)
	}
	_, someone, _ := parts(t, b.tokens("tomas")["id_token"])
	if someone["sid"] == first["sid"] {
		t.Error("another person has the same session")
	}
}

func TestSignIn_HintOfAnotherPersonIsNotTheSession(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	hint := b.tokens("nora")["id_token"].(string)
	b.tokens("tomas")
	if q := b.answerOf(b.get(authPath("prompt", "none", "id_token_hint", hint))); q.Get("error") != "login_required" {
		t.Errorf("came back with %v", q)
	}
}

func TestSignIn_AskAlways(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.AskAlways = true })
	b.tokens("nora")
	if a := b.get(authPath()); a.status != http.StatusOK || !strings.Contains(a.text, `name="sub"`) {
		t.Errorf("%d is not the page", a.status)
	}
	if q := b.answerOf(b.get(authPath("prompt", "none"))); !q.Has("code") {
		t.Errorf("prompt=none: %v", q)
	}
}

func TestSignIn_RequestByPost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, query, _ := strings.Cut(authPath(), "?")
	form, _ := url.ParseQuery(query)
	a := b.post(pathAuthorize, form)
	if a.status != http.StatusOK || !strings.Contains(a.text, "client_id=gatehouse") || !strings.Contains(a.text, `name="sub"`) {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestSignIn_FormPost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	a := b.post(authPath("response_mode", "form_post", "state", `"><script>`), url.Values{"sub": {DemoSub("nora")}, "consent": {"agree"}})
	for _, want := range []string{`<form method="post" action="` + callback + `">`, `name="code"`, `name="iss" value="` + b.url, `&#34;&gt;&lt;script&gt;`} {
		if !strings.Contains(a.text, want) {
			t.Errorf("the page lacks %s: %s", want, a.text)
		}
	}
	if a.status != http.StatusOK || a.header.Get("Location") != "" || strings.Contains(a.text, "<script") {
		t.Errorf("%d %v", a.status, a.header)
	}
}

func TestSignIn_PKCE(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	verifier := oauth2.GenerateVerifier()
	s256 := []string{"code_challenge", oauth2.S256ChallengeFromVerifier(verifier), "code_challenge_method", "S256"}
	plain := []string{"code_challenge", verifier}
	for name, c := range map[string]struct {
		ask  []string
		sent string
		want int
	}{
		"S256":                        {s256, verifier, 200},
		"S256/Missing":                {s256, "-", 400},
		"S256/Wrong":                  {s256, oauth2.GenerateVerifier(), 400},
		"S256/ChallengeIsNoVerifier":  {s256, s256[1], 400},
		"Plain":                       {plain, verifier, 200},
		"Plain/Wrong":                 {plain, oauth2.GenerateVerifier(), 400},
		"Plain/Missing":               {plain, "-", 400},
		"None":                        {nil, "-", 200},
		"None/VerifierNobodyAskedFor": {nil, verifier, 400},
	} {
		a := b.exchange(b.code(authPath(c.ask...), "nora"), "code_verifier", c.sent)
		if a.status != c.want || c.want == 400 && a.json["error"] != "invalid_grant" {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	client := DemoClient(callback)
	client.RequirePKCE = true
	b.add(client)
	if q := b.answerOf(b.get(authPath())); q.Get("error") != "invalid_request" {
		t.Errorf("without a challenge: %v", q)
	}
}
