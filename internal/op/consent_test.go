package op

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
)

func TestA12Consent(t *testing.T) {
	t.Parallel()
	t.Run("ShowsClientScopesAndPerson", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.change("app", func(c *gatehouse.Client) { c.Name = `<script>"App"</script>` })
		got := h.signedIn(h.bob).get(asking("app"))
		if got.status != http.StatusOK || strings.Contains(got.body, "<script>") || strings.Contains(got.body, "Bob <b>") {
			t.Fatalf("A17: %d %s", got.status, got.body)
		}
		for _, want := range []string{"&lt;script&gt;&#34;App&#34;&lt;/script&gt;", "Bob &lt;b&gt;", "app.example", "See your e-mail address", "Read your profile"} {
			if !strings.Contains(got.body, want) {
				t.Errorf("no %q on the page", want)
			}
		}
		if first := strings.Index(got.body, "<form"); !strings.HasPrefix(got.body[first:], `<form method="post" action="/oauth/authorize/consent"`) {
			t.Error("the first form of the page is not its main form")
		}
		policy := got.header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "form-action 'self' https://app.example") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("A18: the policy is %q", policy)
		}
		if got.header.Get("Cache-Control") != "no-store" || got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Referrer-Policy") == "" {
			t.Errorf("A18: %v", got.header)
		}
	})
	t.Run("InChinese", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		if got := h.signedIn(h.alice).get(asking("app", "ui_locales", "zh-CN")); !strings.Contains(got.body, "允许 The App 使用您的账号吗？") {
			t.Errorf("%s", got.body)
		}
	})
	t.Run("AllowedOnceIsNotAskedAgain", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, h *house) {
			b := h.signedIn(h.alice)
			if b.decide(b.get(asking("app", "scope", "openid")), "allow").sent(t).Get("code") == "" {
				t.Error("no code")
			}
			if b.get(asking("app", "scope", "openid")).sent(t).Get("code") == "" {
				t.Error("asked again")
			}
			more := b.get(asking("app", "scope", "openid read_user"))
			if more.status != http.StatusOK {
				t.Errorf("not asked for more: %d", more.status)
			}
			b.decide(more, "allow")
			h.view(func(tx *store.Tx) error {
				c, err := tx.Consent(h.alice.ID, "app")
				if diff := cmp.Diff([]string{"openid", "read_user"}, c.Scopes); diff != "" {
					t.Error(diff)
				}
				return err
			})
			if again := b.get(asking("app", "scope", "openid", "prompt", "consent")); again.status != http.StatusOK {
				t.Errorf("prompt=consent does not ask: %d", again.status)
			}
			h.update(func(tx *store.Tx) error { return tx.DeleteConsent(h.alice.ID, "app") })
			if again := b.get(asking("app", "scope", "openid")); again.status != http.StatusOK {
				t.Errorf("not asked after it was withdrawn: %d", again.status)
			}
		})
	})
	t.Run("PublicClientAsksEachTime", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		b := h.signedIn(h.alice)
		address := asking("phone", "redirect_uri", "http://127.0.0.1:4711/callback")
		first := b.decide(b.get(address), "allow")
		if !strings.HasPrefix(first.header.Get("Location"), "http://127.0.0.1:4711/callback?code=") {
			t.Fatalf("A2: %d %q", first.status, first.header.Get("Location"))
		}
		if again := b.get(address); again.status != http.StatusOK || !strings.Contains(again.body, "Allow") {
			t.Errorf("%d", again.status)
		}
	})
	t.Run("Denied", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		b := h.signedIn(h.alice)
		asked := b.get(asking("app"))
		got := b.decide(asked, "deny").sent(t)
		if got.Get("error") != "access_denied" || got.Get("state") != "the state" || got.Get("iss") != h.url ||
			got.Get("error_description") != "The resource owner or authorization server denied the request." {
			t.Errorf("got %v", got)
		}
		if diff := cmp.Diff([]string{"consent.denied"}, h.actions("consent")); diff != "" {
			t.Error(diff)
		}
		if again := b.decide(asked, "allow"); again.status != http.StatusGone {
			t.Errorf("allowed after it was denied: %d", again.status)
		}
	})
	t.Run("TwoPressesGiveOneCode", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		b := h.signedIn(h.alice)
		asked := b.get(asking("app"))
		b.decide(asked, "allow").sent(t)
		if again := b.decide(asked, "allow"); again.status != http.StatusGone {
			t.Errorf("%d %q", again.status, again.header.Get("Location"))
		}
	})
}

func TestA13ConsentBelongsToBrowserAndPerson(t *testing.T) {
	t.Parallel()
	t.Run("AnotherBrowser", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		asked := h.signedIn(h.alice).get(asking("app"))
		if got := h.signedIn(h.alice).decide(asked, "allow"); got.status != http.StatusForbidden {
			t.Errorf("%d", got.status)
		}
	})
	t.Run("AnotherPersonIsAskedThemself", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		b := h.signedIn(h.alice)
		asked := b.get(asking("app"))
		b.enter(h.bob)
		got := b.decide(asked, "allow")
		if got.status != http.StatusOK || !strings.Contains(got.body, "Bob") {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
	t.Run("SignedOutMeanwhile", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.signsIn = nil
		b := h.signedIn(h.alice)
		asked := b.get(asking("app"))
		h.update(func(tx *store.Tx) error { _, err := tx.EndSessions(h.alice.ID, ""); return err })
		if got := b.decide(asked, "allow"); got.at.Path != "/sign-in" {
			t.Errorf("%d %s", got.status, got.at)
		}
	})
	t.Run("AnotherSiteCannotAnswer", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		b := h.signedIn(h.alice)
		asked := b.get(asking("app"))
		form := url.Values{"decision": {"allow"}, "account": {request.Subject(h.alice)}}
		for _, m := range hidden.FindAllStringSubmatch(asked.body, -1) {
			form.Set(m[1], m[2])
		}
		if got := b.do(http.MethodPost, "/oauth/authorize/consent", form, "Sec-Fetch-Site", "cross-site"); got.status != http.StatusForbidden {
			t.Errorf("%d", got.status)
		}
		if got := b.do(http.MethodPost, "/oauth/authorize/consent", form, "Origin", "https://evil.example"); got.status != http.StatusForbidden {
			t.Errorf("%d", got.status)
		}
	})
	t.Run("BadAnswers", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		b := h.signedIn(h.alice)
		if got := b.decide(b.get(asking("app")), "perhaps"); got.status != http.StatusBadRequest {
			t.Errorf("neither yes nor no: %d", got.status)
		}
		if got := b.do(http.MethodPost, "/oauth/authorize/consent", url.Values{"decision": {"allow"}}); got.status != http.StatusGone {
			t.Errorf("of nothing: %d", got.status)
		}
		if got := b.do(http.MethodPost, "/oauth/authorize/consent", url.Values{"decision": {"allow", "deny"}}); got.status != http.StatusBadRequest {
			t.Errorf("both: %d", got.status)
		}
	})
}

// TestConsentSaysWhoMadeAnApplication: a person's own application is none of the
// company's, and stops when its owner may not come in.
func TestConsentSaysWhoMadeAnApplication(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.change("app", func(c *gatehouse.Client) { c.OwnerID = h.bob.ID })
		b := h.signedIn(h.alice)
		p := b.get(asking("app"))
		if !strings.Contains(p.body, "made by @bob") {
			t.Errorf("the page does not say who made it:\n%s", p.body)
		}
		code := b.decide(p, "allow").sent(t).Get("code")
		token := h.redeem(code, "client_id", "app").tokens(t).AccessToken
		h.setState(h.bob, gatehouse.UserBlocked)
		if got := h.userinfo(token); got.status != http.StatusUnauthorized {
			t.Errorf("T13: its token opens: %d", got.status)
		}
		if p := b.get(asking("app")); p.header.Get("Location") != "" || !strings.Contains(p.body, "switched off") {
			t.Errorf("people are sent to it: %d", p.status)
		}
		h.setState(h.bob, gatehouse.UserActive)
		if got := h.userinfo(token); got.status != http.StatusOK {
			t.Errorf("afterwards: %d", got.status)
		}
		if strings.Contains(b.get(asking("trusted")).body, "made by") {
			t.Error("one of the installation is said to be somebody's")
		}
	})
}

// TestConsentSaysThatGroupsAreTold: of which GitLab, where it is clear.
func TestConsentSaysThatGroupsAreTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.signedIn(h.alice)
	if p := b.get(asking("app")); strings.Contains(p.body, "which groups") {
		t.Error("there is no GitLab")
	}
	h.connect("gitlab")
	if p := b.get(asking("app")); !strings.Contains(p.body, "See to which groups of GITLAB you belong") {
		t.Error("it is not said")
	}
	if p := b.get(asking("app", "scope", "read_user")); strings.Contains(p.body, "which groups") {
		t.Error("without openid none are told")
	}
}

// Who gives an app the tokens of other providers proves anew who they are, on the
// consent page as on their own page.
func TestTokensOfProvidersNeedAFreshProof(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.change("app", func(c *gatehouse.Client) { c.Scopes = append(c.Scopes, request.ScopeProvider) })
	b := h.signedIn(h.alice)
	asked := asking("app", "scope", "openid provider_tokens")
	shown := b.get(asked)
	if !strings.Contains(shown.body, `value="allow"`) {
		t.Fatalf("a fresh session: %d %s", shown.status, shown.body)
	}
	h.clock.add(session.FreshFor + time.Second)
	confirms := func(what string, p page) {
		if p.at.Path != "/sign-in/confirm" || !strings.HasPrefix(p.at.Query().Get("return_to"), "/oauth/authorize?request=") {
			t.Errorf("%s leads to %s", what, p.at)
		}
	}
	confirms("the answer", b.decide(shown, "allow"))
	confirms("the question", b.get(asked))
	if p := b.get(asking("app", "scope", "openid")); !strings.Contains(p.body, `value="allow"`) {
		t.Errorf("less: %d %s", p.status, p.body)
	}
}
