package op

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

func TestToken(t *testing.T) {
	t.Parallel()
	t.Run("AnswersAsGitLabDoes", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		got := h.redeem(h.code("trusted"))
		a := got.tokens(t)
		want := tokenAnswer{
			AccessToken: a.AccessToken, TokenType: "Bearer", ExpiresIn: 7200, RefreshToken: a.RefreshToken,
			Scope: "openid profile email read_user", CreatedAt: h.clock.Now().Unix(), IDToken: a.IDToken,
		}
		if diff := cmp.Diff(want, a); diff != "" || len(a.AccessToken) != 64 || len(a.RefreshToken) != 64 {
			t.Error(diff)
		}
		order := []string{`{"access_token"`, `"token_type"`, `"expires_in"`, `"refresh_token"`, `"scope"`, `"created_at"`, `"id_token"`}
		at := 0
		for _, key := range order {
			i := strings.Index(got.body[at:], key)
			if i < 0 {
				t.Errorf("%s is not in GitLab's order: %s", key, got.body)
				break
			}
			at += i
		}
		if got.header.Get("Content-Type") != "application/json; charset=utf-8" || got.header.Get("Cache-Control") != "no-store" || got.header.Get("Pragma") != "no-cache" {
			t.Errorf("T9: %v", got.header)
		}
	})
	t.Run("WithoutOpenIDThereIsNoIDToken", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		if a := h.grant("scope", "read_user"); a.IDToken != "" || a.Scope != "read_user" {
			t.Errorf("got %+v", a)
		}
	})
	t.Run("NoScopeMeansReadUser", func(t *testing.T) {
		t.Parallel()
		if a := open(t).grant("scope", ""); a.Scope != "read_user" {
			t.Errorf("got %q", a.Scope)
		}
	})
	t.Run("NoRefreshGrantNoRefreshToken", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		code := h.code("short", "code_challenge", "", "code_challenge_method", "")
		a := h.redeem(code, "client_id", "short", "client_secret", otherSecret, "code_verifier", "").tokens(t)
		if a.RefreshToken != "" {
			t.Error("a refresh token all the same")
		}
	})
	t.Run("RedirectURIMayBeLeftOutTwice", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		code := h.code("trusted", "redirect_uri", "", "scope", "read_user")
		h.redeem(code, "redirect_uri", "https://app.example/other").refused(t, 400, "invalid_grant")
		h.redeem(code, "redirect_uri", "").tokens(t)
	})
	t.Run("BasicWithAndWithoutEncoding", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		for _, secret := range []string{url.QueryEscape(appSecret), appSecret} {
			header := "Basic " + base64.StdEncoding.EncodeToString([]byte("trusted:"+secret))
			h.post("/oauth/token", url.Values{
				"grant_type": {"authorization_code"}, "code": {h.code("trusted")}, "redirect_uri": {callback}, "code_verifier": {verifier},
			}, "Authorization", header).tokens(t)
		}
	})
}

func TestT1CodeOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		code := h.code("trusted")
		a := h.redeem(code).tokens(t)
		other := h.grant()
		if h.userinfo(a.AccessToken).status != http.StatusOK {
			t.Fatal("the access token is not good")
		}
		h.redeem(code, "client_id", "old", "client_secret", otherSecret).refused(t, 400, "invalid_grant")
		if h.userinfo(a.AccessToken).status != http.StatusOK {
			t.Fatal("another client can end what a code gave")
		}
		h.redeem(code).refused(t, 400, "invalid_grant")
		if h.userinfo(a.AccessToken).status != http.StatusUnauthorized {
			t.Error("the access token outlives the second use of its code")
		}
		h.refresh(a.RefreshToken).refused(t, 400, "invalid_grant")
		h.redeem(code).refused(t, 400, "invalid_grant") // once more, which ends nothing and is noted no second time
		if h.userinfo(other.AccessToken).status != http.StatusOK {
			t.Error("another sign-in ended as well")
		}
		if diff := cmp.Diff([]string{"code.replayed"}, h.actions("code")); diff != "" {
			t.Error(diff)
		}
	})
}

// together runs fn n times at once and counts the answers by status.
func together(n int, fn func() page) map[int][]page {
	var (
		mu  sync.Mutex
		wg  sync.WaitGroup
		all = map[int][]page{}
	)
	start := make(chan struct{})
	for range n {
		wg.Go(func() {
			<-start
			p := fn()
			mu.Lock()
			defer mu.Unlock()
			all[p.status] = append(all[p.status], p)
		})
	}
	close(start)
	wg.Wait()
	return all
}

func TestT2OneWinnerOfTwenty(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		code := h.code("trusted")
		all := together(20, func() page { return h.redeem(code) })
		if len(all[200]) != 1 || len(all[400]) != 19 {
			t.Fatalf("%d got tokens, %d were refused, of 20", len(all[200]), len(all[400]))
		}
		for _, p := range all[400] {
			p.refused(t, 400, "invalid_grant")
		}
		if won := all[200][0].tokens(t); h.userinfo(won.AccessToken).status != http.StatusUnauthorized {
			t.Error("T1: what the first one got is still good")
		}
	})
}

func TestT6OneNewTokenOfTwentyRefreshes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		a := h.grant()
		all := together(20, func() page { return h.refresh(a.RefreshToken) })
		if len(all[200]) != 1 || len(all[400]) != 19 {
			t.Fatalf("%d got tokens, %d were refused, of 20", len(all[200]), len(all[400]))
		}
		won := all[200][0].tokens(t)
		if h.userinfo(won.AccessToken).status != http.StatusOK {
			t.Error("a race within the grace ended the family")
		}
		h.refresh(won.RefreshToken).tokens(t)
	})
}

func TestT3T4CodeIsBound(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		code := h.code("trusted")
		for name, c := range map[string]struct {
			changes []string
			error   string
		}{
			"T4/AnotherClient":      {[]string{"client_id", "old", "client_secret", otherSecret}, "invalid_grant"},
			"T4/AnotherRedirect":    {[]string{"redirect_uri", "https://app.example/other"}, "invalid_grant"},
			"T4/NoRedirect":         {[]string{"redirect_uri", ""}, "invalid_request"},
			"A9/WrongVerifier":      {[]string{"code_verifier", strings.Repeat("x", 43)}, "invalid_grant"},
			"A9/NoVerifier":         {[]string{"code_verifier", ""}, "invalid_request"},
			"A9/ChallengeAsIs":      {[]string{"code_verifier", challengeOf(verifier)}, "invalid_grant"},
			"A9/VerifierTooShort":   {[]string{"code_verifier", "short"}, "invalid_grant"},
			"T4/UnknownCode":        {[]string{"code", strings.Repeat("0", 64)}, "invalid_grant"},
			"T4/NoCode":             {[]string{"code", ""}, "invalid_request"},
			"T10/CodeWithNUL":       {[]string{"code", "\x00\xff"}, "invalid_grant"},
			"T4/CodeAsRefreshToken": {[]string{"grant_type", "refresh_token", "refresh_token", code}, "invalid_grant"},
		} {
			got := h.redeem(code, c.changes...)
			got.refused(t, 400, c.error)
			if t.Failed() {
				t.Fatal(name)
			}
		}
		h.redeem(code).tokens(t) // and none of that has used it up

		late := h.code("trusted")
		h.clock.add(time.Minute)
		h.redeem(late).refused(t, 400, "invalid_grant")
	})
}

func TestA9NoDowngrade(t *testing.T) {
	t.Parallel()
	h := open(t)
	without := []string{"code_challenge", "", "code_challenge_method", ""}
	as := func(verifier string) []string {
		return []string{"client_id", "old", "client_secret", otherSecret, "code_verifier", verifier}
	}
	// The challenge was taken out of the request; its client still sends the verifier.
	h.redeem(h.code("old", without...), as(verifier)...).refused(t, 400, "invalid_grant")
	h.redeem(h.code("old", without...), as("")...).tokens(t)
	// A challenge that was sent counts, also where none is required.
	h.redeem(h.code("old"), as("")...).refused(t, 400, "invalid_request")
	h.redeem(h.code("old"), as(verifier)...).tokens(t)
}

func TestT5Refresh(t *testing.T) {
	t.Parallel()
	t.Run("Rotates", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, h *house) {
			first := h.grant()
			second := h.refresh(first.RefreshToken).tokens(t)
			if second.Scope != first.Scope || second.IDToken == "" || second.RefreshToken == first.RefreshToken {
				t.Errorf("got %+v", second)
			}
			if h.userinfo(first.AccessToken).status != http.StatusUnauthorized || h.userinfo(second.AccessToken).status != http.StatusOK {
				t.Error("the new access token does not take the place of the old one")
			}
		})
	})
	t.Run("ReplayWithinTheGraceEndsNothing", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		first := h.grant()
		second := h.refresh(first.RefreshToken).tokens(t)
		h.clock.add(grace)
		h.refresh(first.RefreshToken).refused(t, 400, "invalid_grant")
		if h.userinfo(second.AccessToken).status != http.StatusOK {
			t.Error("the family ended")
		}
		h.refresh(second.RefreshToken).tokens(t)
	})
	t.Run("LaterReplayEndsTheFamily", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, h *house) {
			first := h.grant()
			second := h.refresh(first.RefreshToken).tokens(t)
			h.clock.add(grace + time.Millisecond)
			h.refresh(first.RefreshToken).refused(t, 400, "invalid_grant")
			if h.userinfo(second.AccessToken).status != http.StatusUnauthorized {
				t.Error("the access token is still good")
			}
			h.refresh(second.RefreshToken).refused(t, 400, "invalid_grant")
			if diff := cmp.Diff([]string{"refresh_token.replayed"}, h.actions("refresh_token")); diff != "" {
				t.Error(diff)
			}
		})
	})
	t.Run("ReplayOnceTheSuccessorIsUsedEndsTheFamily", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		first := h.grant()
		second := h.refresh(first.RefreshToken).tokens(t)
		third := h.refresh(second.RefreshToken).tokens(t)
		h.refresh(first.RefreshToken).refused(t, 400, "invalid_grant")
		if h.userinfo(third.AccessToken).status != http.StatusUnauthorized {
			t.Error("the family lives on")
		}
	})
	t.Run("BoundToItsClient", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		first := h.grant()
		h.refresh(first.RefreshToken, "client_id", "old", "client_secret", otherSecret).refused(t, 400, "invalid_grant")
		h.refresh(first.RefreshToken).tokens(t)
	})
	t.Run("ScopeMayShrinkAndNotGrow", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		first := h.grant("scope", "openid read_user")
		h.refresh(first.RefreshToken, "scope", "openid read_user api").refused(t, 400, "invalid_scope")
		less := h.refresh(first.RefreshToken, "scope", "read_user").tokens(t)
		if less.Scope != "read_user" || less.IDToken != "" {
			t.Errorf("got %+v", less)
		}
		if again := h.refresh(less.RefreshToken).tokens(t); again.Scope != "openid read_user" {
			t.Errorf("RFC 6749 section 6: the refresh token has lost scopes: %q", again.Scope)
		}
	})
	t.Run("T14/ScopeTakenFromTheClient", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		first := h.grant("scope", "openid read_user")
		h.change("trusted", func(c *gatehouse.Client) { c.Scopes = []string{"openid"} })
		if got := h.refresh(first.RefreshToken).tokens(t); got.Scope != "openid" {
			t.Errorf("got %q", got.Scope)
		}
	})
	t.Run("T10/AccessTokenIsNone", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		a := h.grant()
		h.refresh(a.AccessToken).refused(t, 400, "invalid_grant")
		h.refresh(a.IDToken).refused(t, 400, "invalid_grant")
		h.refresh("").refused(t, 400, "invalid_request")
	})
}

func TestT7RefreshHasAnAbsoluteEnd(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.op.Lifetimes = Lifetimes{Refresh: 10 * time.Hour, RefreshAbsolute: 25 * time.Hour}
	a := h.grant()
	for range 2 {
		h.clock.add(9 * time.Hour)
		a = h.refresh(a.RefreshToken).tokens(t)
	}
	h.clock.add(7 * time.Hour) // the 25th hour of the family, the 7th of the token
	h.refresh(a.RefreshToken).refused(t, 400, "invalid_grant")

	idle := h.grant()
	h.clock.add(10 * time.Hour)
	h.refresh(idle.RefreshToken).refused(t, 400, "invalid_grant")
}

func TestT8TokenEndpointIsStrict(t *testing.T) {
	t.Parallel()
	h := open(t)
	m := h.machine()
	if got := m.get("/oauth/token?grant_type=authorization_code"); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "POST" {
		t.Errorf("GET: %d", got.status)
	}
	right := url.Values{"grant_type": {"client_credentials"}, "client_id": {"robot"}, "client_secret": {otherSecret}}
	h.post("/oauth/token", right).tokens(t)
	h.post("/oauth/token?client_secret="+otherSecret, right).refused(t, 400, "invalid_request")
	doubled := url.Values{"grant_type": {"client_credentials", "client_credentials"}, "client_id": {"robot"}, "client_secret": {otherSecret}}
	h.post("/oauth/token", doubled).refused(t, 400, "invalid_request")
	h.post("/oauth/token", right, "Content-Type", "application/json").refused(t, 400, "invalid_request")
	h.post("/oauth/token", right, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("robot:"+otherSecret))).refused(t, 400, "invalid_request")
	right.Set("filler", strings.Repeat("x", 64<<10))
	h.post("/oauth/token", right).refused(t, http.StatusRequestEntityTooLarge, "invalid_request")
}

func TestT9ClientErrors(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		for name, form := range map[string]url.Values{
			"WrongSecret": {"client_id": {"robot"}, "client_secret": {"wrong"}},
			"Unknown":     {"client_id": {"nobody"}, "client_secret": {"wrong"}},
			"Hostile":     {"client_id": {"\x00\xff"}, "client_secret": {"wrong"}},
			"Disabled":    {"client_id": {"off"}, "client_secret": {otherSecret}},
			"None":        {},
		} {
			form.Set("grant_type", "client_credentials")
			got := h.post("/oauth/token", form)
			got.refused(t, http.StatusUnauthorized, "invalid_client")
			if !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Basic ") || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %v", name, got.header)
			}
		}
	})
}

func TestWrongSecretsAreLimitedByAddress(t *testing.T) {
	t.Parallel()
	h := open(t)
	code := h.code("trusted")
	h.op.Refusals = &ui.Limiter{Clock: h.clock.Now, Every: 100 * time.Second, Burst: 1} // this machine: a hundred at once, one a second
	for range 200 {                                                                     // strangers can make an app bring made-up codes, as many as they like
		h.redeem("wrong").refused(t, 400, "invalid_grant")
	}
	for range 50 {
		h.redeem("wrong", "client_secret", "wrong").refused(t, 401, "invalid_client")
		h.redeem("wrong", "client_id", "phone", "client_secret", "").refused(t, 400, "invalid_grant")
	}
	h.redeem(code).refused(t, 429, "temporarily_unavailable")
	h.post("/oauth/introspect", trusted("x", "client_secret", "wrong")).refused(t, 429, "temporarily_unavailable")
	h.clock.add(time.Second)
	h.redeem(code).tokens(t) // what is right is not counted
	h.grant()
}

func TestA7GrantsThatWeDoNotHave(t *testing.T) {
	t.Parallel()
	h := open(t)
	for grant, says := range map[string]string{
		"password": "no application should see a password", "implicit": "leaves tokens in addresses",
		"urn:ietf:params:oauth:grant-type:unknown": "not supported by the authorization server",
	} {
		got := h.post("/oauth/token", url.Values{"grant_type": {grant}, "client_id": {"trusted"}, "client_secret": {appSecret}, "username": {"alice"}, "password": {"x"}})
		got.refused(t, 400, "unsupported_grant_type")
		if !strings.Contains(got.body, says) {
			t.Errorf("%s: %s", grant, got.body)
		}
	}
	h.post("/oauth/token", url.Values{"client_id": {"trusted"}, "client_secret": {appSecret}}).refused(t, 400, "invalid_request")
}

func TestT14ClientCredentials(t *testing.T) {
	t.Parallel()
	h := open(t)
	form := func(changes ...string) url.Values {
		return changed(url.Values{"grant_type": {"client_credentials"}, "client_id": {"robot"}, "client_secret": {otherSecret}}, changes)
	}
	a := h.post("/oauth/token", form()).tokens(t)
	if a.Scope != "read_user api" || a.RefreshToken != "" || a.IDToken != "" {
		t.Errorf("got %+v", a)
	}
	h.post("/oauth/token", form("scope", "openid")).refused(t, 400, "invalid_scope")
	h.post("/oauth/token", form("scope", "sudo")).refused(t, 400, "invalid_scope")
	h.post("/oauth/token", form("client_id", "trusted", "client_secret", appSecret)).refused(t, 400, "unauthorized_client")
	h.post("/oauth/token", form("client_id", "phone", "client_secret", "")).refused(t, 400, "unauthorized_client")
	h.post("/oauth/token", form("grant_type", "refresh_token", "refresh_token", "x")).refused(t, 400, "unauthorized_client")
	if got := h.userinfo(a.AccessToken); got.status != http.StatusUnauthorized {
		t.Errorf("a client is a person: %d %s", got.status, got.body)
	}
}

func TestT13EndsAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		a, code := h.grant(), h.code("trusted")
		h.setState(h.alice, gatehouse.UserBlocked)
		h.redeem(code).refused(t, 400, "invalid_grant")
		h.refresh(a.RefreshToken).refused(t, 400, "invalid_grant")
		if got := h.userinfo(a.AccessToken); got.status != http.StatusUnauthorized {
			t.Errorf("a blocked user: %d", got.status)
		}
		h.setState(h.alice, gatehouse.UserActive)
		h.change("trusted", func(c *gatehouse.Client) { c.Enabled = false })
		if got := h.userinfo(a.AccessToken); got.status != http.StatusUnauthorized {
			t.Errorf("a disabled client: %d", got.status)
		}
		h.redeem(code).refused(t, 401, "invalid_client")
		h.change("trusted", func(c *gatehouse.Client) { c.Enabled = true })
		h.update(func(tx *store.Tx) error { return tx.RevokeUserTokens(h.alice.ID, "") })
		h.redeem(code).refused(t, 400, "invalid_grant")
		h.refresh(a.RefreshToken).refused(t, 400, "invalid_grant")
	})
}

// A verifier of another's form never passes, whatever the challenge.
func TestProves(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		challenge, verifier string
		want                bool
	}{
		"Right":          {challengeOf(verifier), verifier, true},
		"RFC7636":        {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", true},
		"Neither":        {"", "", true},
		"OnlyVerifier":   {"", verifier, false},
		"OnlyChallenge":  {challengeOf(verifier), "", false},
		"BadAlphabet":    {challengeOf(strings.Repeat("!", 43)), strings.Repeat("!", 43), false},
		"TooLong":        {challengeOf(strings.Repeat("a", 129)), strings.Repeat("a", 129), false},
		"LongestAllowed": {challengeOf(strings.Repeat("a", 128)), strings.Repeat("a", 128), true},
	} {
		if proves(c.challenge, c.verifier) != c.want {
			t.Errorf("%s: %v", name, !c.want)
		}
	}
}
