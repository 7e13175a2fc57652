package entry

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/signin"
	"gatehouse/internal/web/ui"
)

func TestStrangersCannotFillTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, one())
	w.entry.Limiter = &ui.Limiter{Burst: 2, Every: time.Hour}
	for i, want := range []int{http.StatusSeeOther, http.StatusSeeOther, http.StatusTooManyRequests} {
		p := w.browser().post("/sign-in/one", "")
		if p.status != want || (p.location != "") != (want == http.StatusSeeOther) {
			t.Errorf("sign-in %d: %d to %q", i, p.status, p.location)
		}
	}
	if p := w.browser().get("/sign-in"); p.status != http.StatusOK {
		t.Errorf("the page itself: %d", p.status)
	}
}

func TestSignInPage(t *testing.T) {
	t.Parallel()
	t.Run("OffersWhatMayBeUsed", func(t *testing.T) {
		t.Parallel()
		hostile := gatehouse.Connection{Name: "x", Label: `"><script>alert(1)</script>`, Enabled: true}
		p := newWorld(t, one(), hostile,
			gatehouse.Connection{Name: "off", Label: "Disabled one"},
			gatehouse.Connection{Name: "link", Label: "Link only", Enabled: true, Rules: gatehouse.ConnectionRules{LinkOnly: true}},
		).browser().get("/sign-in")
		if p.status != http.StatusOK || !strings.Contains(p.body, `action="/sign-in/one"`) || !strings.Contains(p.body, "Continue with The One") {
			t.Errorf("status %d, no button:\n%s", p.status, p.body)
		}
		if strings.Contains(p.body, "<script") || strings.Contains(p.body, "Disabled one") || strings.Contains(p.body, "Link only") {
			t.Errorf("the page shows too much:\n%s", p.body)
		}
		if csp := p.header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https: http:") || strings.Contains(csp, "unsafe") {
			t.Errorf("the policy is %q: browsers must be let on to the provider, and nowhere else", csp)
		}
	})
	t.Run("SaysWhenThereIsNoWayIn", func(t *testing.T) {
		t.Parallel()
		if p := newWorld(t).browser().get("/sign-in"); p.status != http.StatusOK || !strings.Contains(p.body, "There is no way in yet") {
			t.Errorf("status %d:\n%s", p.status, p.body)
		}
	})
	t.Run("KeepsOnlyOwnPathsToReturnTo", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, one())
		if p := w.browser().get("/sign-in?return_to=%2Fadmin%2Fusers"); !strings.Contains(p.body, `name="return_to" value="/admin/users"`) {
			t.Errorf("the own path is lost:\n%s", p.body)
		}
		for _, to := range []string{"https://evil.example", "//evil.example", `/\evil.example`} {
			if p := w.browser().get("/sign-in?return_to=" + url.QueryEscape(to)); strings.Contains(p.body, "evil.example\"") && strings.Contains(p.body, `name="return_to"`) {
				t.Errorf("%q is kept", to)
			}
		}
	})
	t.Run("NamesTheAppThatAsks", func(t *testing.T) {
		t.Parallel()
		b := newWorld(t, one()).browser()
		b.request("handle", gatehouse.Demand{Locale: "zh-CN"})
		p := b.get("/sign-in?request=handle")
		for _, want := range []string{`lang="zh-CN"`, "以继续使用 Demo &lt;i&gt;", `name="request" value="handle"`} {
			if !strings.Contains(p.body, want) {
				t.Errorf("no %s in:\n%s", want, p.body)
			}
		}
	})
	t.Run("A13RequestOfAnotherBrowserIsRefused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, one())
		w.browser().request("handle", gatehouse.Demand{})
		if p := w.browser().get("/sign-in?request=handle"); p.status < 400 || p.status > 499 || strings.Contains(p.body, "Demo") {
			t.Errorf("status %d:\n%s", p.status, p.body)
		}
	})
	t.Run("WhoIsSignedInGoesOn", func(t *testing.T) {
		t.Parallel()
		b := newWorld(t, one()).browser()
		b.signIn("alice")
		for target, want := range map[string]string{"/": "/user", "/sign-in": "/user", "/sign-in?return_to=/admin": "/admin"} {
			if p := b.get(target); p.status != http.StatusSeeOther || p.location != want {
				t.Errorf("%s: status %d to %q, want %q", target, p.status, p.location, want)
			}
		}
		b.request("handle", gatehouse.Demand{})
		if p := b.get("/sign-in?request=handle"); p.status != http.StatusOK {
			t.Errorf("a request that wants a sign-in gets status %d to %q", p.status, p.location)
		}
	})
}

func TestJourney(t *testing.T) {
	t.Parallel()
	t.Run("EndsSignedInOnTheOwnPage", func(t *testing.T) {
		t.Parallel()
		b := newWorld(t, one()).browser()
		if p := b.signIn("alice"); p.status != http.StatusSeeOther || p.location != "/user" || !b.signedIn() {
			t.Errorf("status %d to %q: %s", p.status, p.location, p.body)
		}
	})
	t.Run("ReturnsToThePageThatWanted", func(t *testing.T) {
		t.Parallel()
		b := newWorld(t, one()).browser()
		state := b.begin("return_to=" + url.QueryEscape("/admin/users?q=a b"))
		if p := b.get("/users/auth/one/callback?code=alice&state=" + state); p.location != "/admin/users?q=a b" {
			t.Errorf("to %q", p.location)
		}
	})
	t.Run("H11NeverReturnsElsewhere", func(t *testing.T) {
		t.Parallel()
		b := newWorld(t, one()).browser()
		state := b.begin("return_to=" + url.QueryEscape("//evil.example"))
		if p := b.get("/users/auth/one/callback?code=alice&state=" + state); p.location != "/user" {
			t.Errorf("to %q", p.location)
		}
	})
	t.Run("GoesOnWithTheRequestOfAnApp", func(t *testing.T) {
		t.Parallel()
		b := newWorld(t, one()).browser()
		b.request("handle", gatehouse.Demand{})
		state := b.begin("request=handle")
		if p := b.get("/users/auth/one/callback?code=alice&state=" + state); p.location != "/oauth/authorize?request=handle" {
			t.Errorf("to %q", p.location)
		}
	})
	t.Run("AnswerAsFormComesBackByGet", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, one())
		b := w.browser()
		form := url.Values{"code": {"alice"}, "state": {b.begin("")}, "odd": {"a&b=ü"}}
		stranger := w.browser() // a cross-site POST brings no Lax cookies
		p := stranger.post("/users/auth/one/callback", form.Encode())
		u, err := url.Parse(p.location)
		if p.status != http.StatusSeeOther || err != nil || u.Path != "/users/auth/one/callback" || u.RawQuery != form.Encode() || stranger.signedIn() {
			t.Fatalf("status %d to %q", p.status, p.location)
		}
		if p := b.get(p.location); p.location != "/user" || !b.signedIn() {
			t.Errorf("status %d to %q: %s", p.status, p.location, p.body)
		}
	})
	t.Run("S2OnlyAPostBegins", func(t *testing.T) {
		t.Parallel()
		if p := newWorld(t, one()).browser().get("/sign-in/one"); p.status < 400 || p.location != "" {
			t.Errorf("status %d to %q", p.status, p.location)
		}
	})
	t.Run("ProviderIsAskedInThePersonsLanguage", func(t *testing.T) {
		t.Parallel()
		b := newWorld(t, one()).browser()
		b.cookies["gatehouse_lang"] = "zh-CN"
		if p := b.post("/sign-in/one", ""); !strings.Contains(p.location, "ui_locales=zh-CN") {
			t.Errorf("to %q", p.location)
		}
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		connection gatehouse.Connection
		answer     string // with STATE for the right state
		status     int
		says       string
	}{
		{"ProviderRefusesInWords", one(), "code=stranger&state=STATE", 403, "Only people of &lt;b&gt;ACME&lt;/b&gt; may sign in."},
		{"AccessDenied", one(), "error=access_denied&error_description=%3Cscript%3E&state=STATE", 403, "You cannot sign in"},
		{"ProviderFails", one(), "state=STATE", 502, "The sign-in did not work"},
		{"UnknownState", one(), "code=alice&state=unknown", 410, "You cannot sign in"},
		{"NoState", one(), "code=alice", 410, "You cannot sign in"},
		{"TooLong", one(), "code=" + strings.Repeat("x", longestAnswer) + "&state=STATE", 400, "too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newWorld(t, c.connection).browser()
			p := b.get("/users/auth/one/callback?" + strings.ReplaceAll(c.answer, "STATE", b.begin("")))
			if p.status != c.status || !strings.Contains(p.body, c.says) || strings.Contains(p.body, "<script") {
				t.Errorf("status %d, want %d and %q:\n%s", p.status, c.status, c.says, p.body)
			}
			if b.signedIn() {
				t.Error("somebody is signed in")
			}
			if !strings.Contains(p.body, "Reference") {
				t.Error("the page has no reference")
			}
		})
	}
	t.Run("H2AnotherBrowserCannotFinish", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, one())
		state, other := w.browser().begin(""), w.browser()
		if p := other.get("/users/auth/one/callback?code=alice&state=" + state); p.status != 403 || other.signedIn() {
			t.Errorf("status %d", p.status)
		}
	})
	t.Run("UnknownConnection", func(t *testing.T) {
		t.Parallel()
		if p := newWorld(t, one()).browser().post("/sign-in/nobody", ""); p.status != 404 {
			t.Errorf("status %d", p.status)
		}
	})
	t.Run("LongFormAnswer", func(t *testing.T) {
		t.Parallel()
		if p := newWorld(t, one()).browser().post("/users/auth/one/callback", "code="+strings.Repeat("x", longestAnswer)); p.status != 400 {
			t.Errorf("status %d", p.status)
		}
	})
	t.Run("UnknownAddress", func(t *testing.T) {
		t.Parallel()
		if p := newWorld(t).browser().get("/nothing/here"); p.status != 404 || !strings.Contains(p.body, "Page not found") {
			t.Errorf("status %d:\n%s", p.status, p.body)
		}
	})
}

func TestAutoSignIn(t *testing.T) {
	t.Parallel()
	auto := one()
	auto.Rules.AutoSignInWithProvider = true
	w := newWorld(t, auto)
	if p := w.browser().get("/sign-in"); p.status != http.StatusSeeOther || !strings.HasPrefix(p.location, "https://provider.example/") {
		t.Errorf("status %d to %q", p.status, p.location)
	}
	if p := w.browser().get("/sign-in?auto_sign_in=false"); p.status != http.StatusOK {
		t.Errorf("auto_sign_in=false: status %d to %q", p.status, p.location)
	}
	b := w.browser()
	b.signIn("alice")
	out := b.post("/sign-out", "")
	if p := b.get(out.location); p.status != http.StatusOK || !strings.Contains(p.body, "You are signed out.") {
		t.Errorf("after signing out: status %d to %q", p.status, p.location)
	}
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	b := newWorld(t, one()).browser()
	b.signIn("alice")
	old := b.cookies["gatehouse_session"]
	if p := b.get("/sign-out"); p.status != http.StatusOK || !b.signedIn() || !strings.Contains(p.body, `<form method="post" action="/sign-out">`) {
		t.Fatalf("GET: status %d:\n%s", p.status, p.body)
	}
	if p := b.post("/sign-out", ""); p.status != http.StatusSeeOther || b.signedIn() {
		t.Errorf("POST: status %d, signed in %v", p.status, b.signedIn())
	}
	b.cookies["gatehouse_session"] = old
	if p := b.get("/"); p.location != "/sign-in" {
		t.Errorf("S8: the old cookie lives: to %q", p.location)
	}
	for _, p := range []page{b.w.browser().get("/sign-out"), b.w.browser().post("/sign-out", "")} {
		if p.status != http.StatusSeeOther || !strings.HasPrefix(p.location, "/sign-in?") {
			t.Errorf("nobody signed in: status %d to %q", p.status, p.location)
		}
	}
}

func TestClaim(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token, err := w.sign.MakeLink(t.Context(), signin.PurposeClaim, "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // looking at it does not use it up
		if p := w.browser().get("/sign-in/claim?token=" + token); p.status != http.StatusOK || !strings.Contains(p.body, token) {
			t.Fatalf("status %d:\n%s", p.status, p.body)
		}
	}
	b := w.browser()
	if p := b.post("/sign-in/claim", "token="+token); p.status != http.StatusSeeOther || p.location != "/admin" || !b.signedIn() {
		t.Fatalf("status %d to %q: %s", p.status, p.location, p.body)
	}
	if p := b.post("/sign-in/claim", "token="+token); p.location != "/admin" {
		t.Errorf("pressed twice: status %d to %q", p.status, p.location)
	}
	other := w.browser()
	if p := other.post("/sign-in/claim", "token="+token); p.status != http.StatusGone || other.signedIn() {
		t.Errorf("taken twice: status %d", p.status)
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, one())
	b := w.browser()
	b.signIn("alice")
	user := userOf(t, w)
	token, err := w.sign.MakeLink(t.Context(), signin.PurposeDev, user.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	fresh := w.browser()
	if p := fresh.get("/sign-in/link?token=" + token); p.status != http.StatusSeeOther || p.location != "/admin" || !fresh.signedIn() {
		t.Errorf("status %d to %q: %s", p.status, p.location, p.body)
	}
	for _, bad := range []string{token, "", "wrong", strings.Repeat("x", 5000)} {
		other := w.browser()
		if p := other.get("/sign-in/link?token=" + bad); p.status != http.StatusGone || other.signedIn() {
			t.Errorf("token %.20q: status %d", bad, p.status)
		}
	}
	if p := w.browser().post("/sign-in/claim", "token="+token); p.status != http.StatusGone {
		t.Errorf("a link for another purpose: status %d", p.status)
	}
}
