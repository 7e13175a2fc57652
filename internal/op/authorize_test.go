package op

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/web/ui"
)

func TestAuthorize(t *testing.T) {
	t.Parallel()
	t.Run("SessionAndTrustNeedNoPage", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, h *house) {
			got := h.signedIn(h.alice).get(asking("trusted")).sent(t)
			if len(got.Get("code")) != 64 || got.Get("state") != "the state" || got.Get("iss") != h.url || h.visits != 0 {
				t.Errorf("got %v after %d visits of the sign-in page", got, h.visits)
			}
		})
	})
	t.Run("NobodySignsInAndComesBack", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		got := h.browser().get(asking("trusted", "login_hint", "张三", "ui_locales", "xx zh-CN")).sent(t)
		if got.Get("code") == "" || h.visits != 1 {
			t.Errorf("got %v after %d visits", got, h.visits)
		}
		if h.demand.Hint != "张三" || h.demand.Locale != "zh-CN" || !h.demand.After.IsZero() || h.demand.Choose {
			t.Errorf("the demand is %+v", h.demand)
		}
	})
	t.Run("ByPOST", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		path, query, _ := strings.Cut(asking("trusted"), "?")
		v, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.signedIn(h.alice).do(http.MethodPost, path, v).sent(t); got.Get("code") == "" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("RequestIsAnsweredOnce", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.signsIn = nil
		b := h.browser()
		back := "/oauth/authorize?" + b.get(asking("trusted")).at.RawQuery
		h.signInTo(b)
		if b.get(back).sent(t).Get("code") == "" {
			t.Error("no code")
		}
		if again := b.get(back); again.status != http.StatusGone || strings.Contains(again.header.Get("Location"), "code=") {
			t.Errorf("the second time: %d %q", again.status, again.header.Get("Location"))
		}
	})
	t.Run("RequestWaitsOnlySoLong", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.signsIn = nil
		b := h.browser()
		back := "/oauth/authorize?" + b.get(asking("trusted")).at.RawQuery
		h.signInTo(b)
		h.clock.add(requestLife)
		if late := b.get(back); late.status != http.StatusGone {
			t.Errorf("too late: %d", late.status)
		}
	})
	t.Run("ClientThatChangedMeanwhileIsLookedAtAgain", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.signsIn = nil
		b := h.browser()
		back := "/oauth/authorize?" + b.get(asking("trusted")).at.RawQuery
		h.signInTo(b)
		h.change("trusted", func(c *gatehouse.Client) { c.Enabled = false })
		if got := b.get(back); got.status != http.StatusBadRequest || got.header.Get("Location") != "" {
			t.Errorf("%d %q", got.status, got.header.Get("Location"))
		}
	})
	for name, handle := range map[string]string{"unknown": gatehouse.NewSecret(), "short": "x", "hostile": "'; drop table requests --\x00"} {
		t.Run("HandleThatIs"+name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			if got := h.signedIn(h.alice).get("/oauth/authorize?request=" + url.QueryEscape(handle)); got.status != http.StatusGone {
				t.Errorf("%d", got.status)
			}
		})
	}
}

// signInTo signs Alice in with a browser.
func (h *house) signInTo(b *browser) {
	h.t.Helper()
	h.clock.add(time.Second)
	b.enter(h.alice)
}

// Errors before the redirect URI is known to be right are pages, never redirects.
func TestA1A4ErrorsArePages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		b := h.signedIn(h.alice)
		for name, address := range map[string]string{
			"A1/WrongRedirect":    asking("trusted", "redirect_uri", "https://evil.example/"),
			"A1/CodePathAppended": asking("trusted", "redirect_uri", callback+"x"),
			"A4/UnknownClient":    asking("nobody"),
			"A4/HostileClient":    asking("no\x00body"),
			"A4/NotUTF8Client":    asking("\xff\xfe"),
			"A4/DisabledClient":   asking("off"),
			"A4/NoClient":         asking("trusted", "client_id", ""),
			"A4/DoubledRedirect":  asking("trusted") + "&redirect_uri=" + url.QueryEscape(callback),
			"A4/DoubledClient":    asking("trusted") + "&client_id=trusted",
			"A4/Broken":           asking("trusted") + "&x=%zz",
			"A4/Nothing":          "/oauth/authorize",
		} {
			got := b.get(address)
			if got.status != http.StatusBadRequest || got.header.Get("Location") != "" || !strings.Contains(got.header.Get("Content-Type"), "text/html") {
				t.Errorf("%s: %d %q", name, got.status, got.header.Get("Location"))
			}
		}
	})
}

// All other errors go to the client with state and iss.
func TestA5ErrorsAreTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.signedIn(h.alice)
	for name, c := range map[string]struct{ address, code string }{
		"A4/DoubledParameter":  {asking("trusted") + "&nonce=x", "invalid_request"},
		"A7/Implicit":          {asking("trusted", "response_type", "token"), "unsupported_response_type"},
		"A8/NoPKCE":            {asking("trusted", "code_challenge", "", "code_challenge_method", ""), "invalid_request"},
		"A14/RequestURI":       {asking("trusted", "request_uri", "http://169.254.169.254/"), "request_uri_not_supported"},
		"A14/RequestObject":    {asking("trusted", "request", "eyJhbGciOiJub25lIn0.e30."), "request_not_supported"},
		"T14/Scope":            {asking("trusted", "scope", "openid sudo"), "invalid_scope"},
		"A12/ConsentByNone":    {asking("app", "prompt", "none"), "consent_required"},
		"A16/MaxAgeByNone":     {asking("trusted", "prompt", "none", "max_age", "0"), "login_required"},
		"A16/ForeignHint":      {asking("trusted", "prompt", "none", "id_token_hint", "nonsense"), "login_required"},
		"A10/FragmentResponse": {asking("trusted", "response_mode", "fragment"), "invalid_request"},
	} {
		got := b.get(c.address).sent(t)
		if got.Get("error") != c.code || got.Get("error_description") == "" || got.Get("state") != "the state" || got.Get("iss") != h.url || got.Has("code") {
			t.Errorf("%s: %v", name, got)
		}
	}
	got := h.browser().get(asking("trusted", "prompt", "none")).sent(t)
	if got.Get("error") != "login_required" || h.visits != 0 {
		t.Errorf("nobody by none: %v", got)
	}
}

func TestA6State(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		for name, state := range map[string]string{
			"Long": strings.Repeat("long-", 800), "Odd": "\"'<>&+%20 =?#;/\\\t\r\n张三\u202e", "NotUTF8": "\xff\x00\xfe",
		} {
			// Once straight on, once through the store.
			if got := h.signedIn(h.alice).get(asking("trusted", "state", state)).sent(t); got.Get("state") != state {
				t.Errorf("%s: %q", name, got.Get("state"))
			}
			if got := h.browser().get(asking("trusted", "state", state)).sent(t); got.Get("state") != state {
				t.Errorf("%s, by way of the sign-in: %q", name, got.Get("state"))
			}
		}
		if got := h.signedIn(h.alice).get(asking("trusted", "state", "")).sent(t); got.Has("state") {
			t.Errorf("a state that nobody sent: %v", got)
		}
	})
}

func TestA11RedirectsAre303(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.signedIn(h.alice)
	consent := b.get(asking("app"))
	if got := b.decide(consent, "allow"); got.status != http.StatusSeeOther || got.body != "" {
		t.Errorf("%d %q", got.status, got.body)
	}
}

func TestA13InteractionBelongsToItsBrowser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.signsIn = nil
		mallory := h.browser()
		back := "/oauth/authorize?" + mallory.get(asking("trusted")).at.RawQuery
		// Alice is made to open what Mallory began.
		for name, alice := range map[string]*browser{"WithoutCookie": h.signedIn(h.alice), "WithAnotherCookie": h.signedIn(h.alice)} {
			if name == "WithAnotherCookie" {
				alice.get(asking("trusted", "prompt", "login"))
			}
			got := alice.get(back)
			if got.status != http.StatusForbidden || got.header.Get("Location") != "" {
				t.Errorf("%s: %d %q", name, got.status, got.header.Get("Location"))
			}
		}
	})
}

// TestStrangersCannotFillTheDatabase: an address keeps so many requests and no
// more; who is signed in needs none of them.
func TestStrangersCannotFillTheDatabase(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.signsIn = nil
	h.op.Limiter = &ui.Limiter{Burst: 1, Every: 100 * time.Hour, Clock: h.clock.Now}
	for i := range 102 {
		want := http.StatusOK // the sign-in page
		if i >= 100 {         // a hundred times as many, since the test is on this machine
			want = http.StatusTooManyRequests
		}
		if got := h.browser().get(asking("trusted")); got.status != want || strings.Contains(got.at.Path, "/sign-in") != (want == http.StatusOK) {
			t.Errorf("request %d: %d at %s", i, got.status, got.at.Path)
		}
	}
	if code := h.signedIn(h.alice).get(asking("trusted")).sent(t).Get("code"); code == "" {
		t.Error("who is signed in does not come in either")
	}
}

func TestA16Demands(t *testing.T) {
	t.Parallel()
	t.Run("LoginSignsInAgain", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		b := h.signedIn(h.alice)
		h.signsIn = &h.bob
		code := b.get(asking("trusted", "prompt", "login")).sent(t).Get("code")
		if h.visits != 1 || code == "" || h.demand.After.IsZero() {
			t.Fatalf("%d visits, demand %+v", h.visits, h.demand)
		}
		if info := h.userinfo(h.redeem(code).tokens(t).AccessToken); !strings.Contains(info.body, `"`+request.Subject(h.bob)+`"`) {
			t.Errorf("the code is of %s", info.body)
		}
	})
	t.Run("LoginCannotBeSkipped", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.signsIn = nil
		b := h.signedIn(h.alice)
		asked := b.get(asking("trusted", "prompt", "login"))
		back := "/oauth/authorize?" + asked.at.RawQuery
		if got := b.get(back); got.at.Path != "/sign-in" {
			t.Errorf("an old session went through: %d %s %q", got.status, got.at, got.header.Get("Location"))
		}
		h.signInTo(b)
		if b.get(back).sent(t).Get("code") == "" {
			t.Error("no code after signing in")
		}
	})
	t.Run("MaxAge", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		b := h.signedIn(h.alice)
		h.clock.add(time.Minute)
		if b.get(asking("trusted", "max_age", "61")).sent(t).Get("code") == "" || h.visits != 0 {
			t.Errorf("fresh enough, and %d visits", h.visits)
		}
		if b.get(asking("trusted", "max_age", "59")).sent(t).Get("code") == "" || h.visits != 1 {
			t.Errorf("too old, and %d visits", h.visits)
		}
	})
	t.Run("SelectAccountIsAChoice", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		if h.signedIn(h.alice).get(asking("trusted", "prompt", "select_account")).sent(t).Get("code") == "" || h.visits != 1 || !h.demand.Choose {
			t.Errorf("%d visits, demand %+v", h.visits, h.demand)
		}
	})
	t.Run("HintOfAnotherUser", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		hint := h.grant().IDToken
		h.clock.add(time.Hour) // it may be past its end
		if got := h.signedIn(h.alice).get(asking("trusted", "prompt", "none", "id_token_hint", hint)).sent(t); got.Get("code") == "" {
			t.Errorf("her own hint: %v", got)
		}
		if got := h.signedIn(h.bob).get(asking("trusted", "prompt", "none", "id_token_hint", hint)).sent(t); got.Get("error") != "login_required" {
			t.Errorf("another's hint: %v", got)
		}
		h.signsIn = &h.bob
		if got := h.signedIn(h.bob).get(asking("trusted", "id_token_hint", hint)).sent(t); got.Get("error") != "login_required" || h.visits != 1 {
			t.Errorf("who stays another: %v after %d visits", got, h.visits)
		}
	})
	t.Run("BlockedUserGetsNoCode", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.signsIn = nil
		b := h.signedIn(h.alice)
		h.setState(h.alice, gatehouse.UserBlocked)
		if got := b.get(asking("trusted")); got.at.Path != "/sign-in" {
			t.Errorf("%d %s", got.status, got.at)
		}
	})
}

func TestA10FormPost(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.signedIn(h.alice)
	hostile := `"><script>alert(1)</script>'`
	got := b.get(asking("trusted", "response_mode", "form_post", "state", hostile))
	if got.status != http.StatusOK || strings.Contains(got.body, "alert(1)</script>") {
		t.Fatalf("A17: %d %s", got.status, got.body)
	}
	for _, want := range []string{
		`<form method="post" action="` + callback + `"`, `name="code" value="`, `name="iss" value="` + h.url + `"`,
		`name="state" value="&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;"`, `<button type="submit">`,
	} {
		if !strings.Contains(got.body, want) {
			t.Errorf("no %s in %s", want, got.body)
		}
	}
	policy := got.header.Get("Content-Security-Policy")
	if strings.Contains(policy, "unsafe") || !strings.Contains(policy, "script-src 'sha256-") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("A18: the policy is %q", policy)
	}
	if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("A18: %v", got.header)
	}
	failed := b.get(asking("trusted", "response_mode", "form_post", "scope", "sudo"))
	if !strings.Contains(failed.body, `name="error" value="invalid_scope"`) || strings.Contains(failed.body, `name="code"`) {
		t.Errorf("an error by form: %s", failed.body)
	}
}

func TestA19HeadersOfStrangersChangeNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	forged := []string{"X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https", "Forwarded", "host=evil.example;proto=https", "X-Forwarded-For", "1.2.3.4"}
	for _, path := range []string{"/.well-known/openid-configuration", asking("trusted")} {
		b := h.signedIn(h.alice)
		got := b.do(http.MethodGet, path, nil, forged...)
		if all := got.body + got.header.Get("Location"); strings.Contains(all, "evil") || !strings.Contains(all, url.QueryEscape(h.url)) && !strings.Contains(all, h.url) {
			t.Errorf("%s: %d %s", path, got.status, all)
		}
	}
}
