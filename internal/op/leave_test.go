package op

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/jobs"
	"gatehouse/internal/op/keys"
	"gatehouse/internal/op/logout"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
)

const goodbye = "https://app.example/bye?kept=1"

// leaving lets "trusted" send people to goodbye after a sign-out.
func (h *house) leaving() {
	h.change("trusted", func(c *gatehouse.Client) { c.PostLogoutRedirectURIs = []string{goodbye} })
}

// enters signs a browser in to "trusted" and gives the ID token.
func (b *browser) enters() (idToken string, answer url.Values) {
	b.h.t.Helper()
	answer = b.get(asking("trusted")).sent(b.h.t)
	return b.h.redeem(answer.Get("code")).tokens(b.h.t).IDToken, answer
}

// sees says whether a browser is signed in: an authorization without a page
// works then alone.
func (b *browser) isIn() bool {
	b.h.t.Helper()
	return b.get(asking("trusted", "prompt", "none")).sent(b.h.t).Get("code") != ""
}

func leavingURL(changes ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(changes); i += 2 {
		v.Set(changes[i], changes[i+1])
	}
	return "/oauth/logout?" + v.Encode()
}

// TestRPInitiatedLogout restates the modules of the OpenID Foundation's plan
// "RP-Initiated Logout" (OpenID Connect RP-Initiated Logout 1.0 sections 2 and 3).
func TestRPInitiatedLogout(t *testing.T) {
	t.Parallel()
	flip := func(s string) string { // a signature that is not right any more
		cut := strings.LastIndex(s, ".") + 5
		return s[:cut] + string("AB"[s[cut]&1]) + string("CD"[s[cut+1]&1]) + s[cut+2:]
	}
	each(t, func(t *testing.T, h *house) {
		h.leaving()
		for module, c := range map[string]struct {
			params func(hint string) []string
			to     string // where the browser goes at once; "": a page
			out    bool   // signed out at once
			status int    // of the page
		}{
			"oidcc-rp-initiated-logout": {
				func(hint string) []string {
					return []string{"id_token_hint", hint, "post_logout_redirect_uri", goodbye, "state", "a b&c"}
				}, goodbye + "&state=a+b%26c", true, 0,
			},
			"oidcc-rp-initiated-logout-no-state": {
				func(hint string) []string {
					return []string{"id_token_hint", hint, "post_logout_redirect_uri", goodbye}
				}, goodbye, true, 0,
			},
			"oidcc-rp-initiated-logout-no-params":  {func(string) []string { return nil }, "", false, http.StatusOK},
			"oidcc-rp-initiated-logout-only-state": {func(string) []string { return []string{"state", "s"} }, "", false, http.StatusOK},
			"oidcc-rp-initiated-logout-no-post-logout-redirect-uri": {
				func(hint string) []string { return []string{"id_token_hint", hint, "state", "s"} }, "/sign-in?auto_sign_in=false&signed_out=true", true, 0,
			},
			"oidcc-rp-initiated-logout-no-id-token-hint": {
				func(string) []string { return []string{"post_logout_redirect_uri", goodbye, "state", "s"} }, "", false, http.StatusBadRequest,
			},
			"no id_token_hint, but client_id": {
				func(string) []string { return []string{"client_id", "trusted", "post_logout_redirect_uri", goodbye} }, "", false, http.StatusOK,
			},
			"oidcc-rp-initiated-logout-bad-post-logout-redirect-uri": {
				func(hint string) []string {
					return []string{"id_token_hint", hint, "post_logout_redirect_uri", "https://app.example/other", "state", "s"}
				}, "", false, http.StatusBadRequest,
			},
			"oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri": {
				func(hint string) []string {
					return []string{"id_token_hint", hint, "post_logout_redirect_uri", goodbye + "&foo=bar", "state", "s"}
				}, "", false, http.StatusBadRequest,
			},
			"oidcc-rp-initiated-logout-modified-id-token-hint": {
				func(hint string) []string {
					return []string{"id_token_hint", flip(hint), "post_logout_redirect_uri", goodbye, "state", "s"}
				}, "", false, http.StatusBadRequest,
			},
			"oidcc-rp-initiated-logout-bad-id-token-hint": {
				func(string) []string {
					return []string{"id_token_hint", "not.a.token", "post_logout_redirect_uri", goodbye, "state", "s"}
				}, "", false, http.StatusBadRequest,
			},
			"client_id of another": {
				func(hint string) []string {
					return []string{"id_token_hint", hint, "client_id", "app", "post_logout_redirect_uri", goodbye}
				}, "", false, http.StatusBadRequest,
			},
		} {
			t.Run(module, func(t *testing.T) {
				b := h.signedIn(h.alice)
				hint, _ := b.enters()
				b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
				p := b.get(leavingURL(c.params(hint)...))
				if got := p.header.Get("Location"); got != c.to {
					t.Errorf("leads to %q, want %q", got, c.to)
				}
				if c.to == "" && p.status != c.status {
					t.Errorf("status %d, want %d:\n%s", p.status, c.status, p.body)
				}
				if b.isIn() == c.out {
					t.Errorf("signed in afterwards: %v", !c.out)
				}
			})
		}
	})
}

func TestS9AnExpiredHintOfOursIsEnoughAndForTheSamePersonOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.leaving()
		b := h.signedIn(h.alice)
		hint, _ := b.enters()
		h.clock.add(time.Hour)
		b.enter(h.bob)
		if p := b.get(leavingURL("id_token_hint", hint, "post_logout_redirect_uri", goodbye)); p.status != http.StatusOK || !strings.Contains(p.body, "Sign out?") || !b.isIn() {
			t.Fatalf("somebody else's hint signs out: %d\n%s", p.status, p.body)
		}
		b.enter(h.alice)
		if p := b.get(leavingURL("id_token_hint", hint, "post_logout_redirect_uri", goodbye)); p.header.Get("Location") != goodbye || b.isIn() {
			t.Errorf("an expired hint is none: %d %q", p.status, p.header.Get("Location"))
		}
		if p := b.get(leavingURL("id_token_hint", hint, "post_logout_redirect_uri", goodbye)); p.header.Get("Location") != goodbye {
			t.Errorf("nobody is signed in: %d %q", p.status, p.header.Get("Location"))
		}
	})
}

func TestS9ThePageThatAsksIsAPlainForm(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.leaving()
		b := h.signedIn(h.alice)
		asked := url.Values{"client_id": {"trusted"}, "post_logout_redirect_uri": {goodbye}, "state": {`"><script>`}}
		p := b.do(http.MethodPost, "/oauth/logout", asked) // POST comes without cookies: it leads to GET
		if !strings.Contains(p.body, "Trusted asks to sign you out here.") || strings.Contains(p.body, "<script>") {
			t.Fatalf("no page that asks: %d\n%s", p.status, p.body)
		}
		form := url.Values{"decision": {"stay"}}
		for _, m := range hidden.FindAllStringSubmatch(p.body, -1) {
			form.Set(m[1], strings.NewReplacer("&#34;", `"`, "&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(m[2]))
		}
		if b.do(http.MethodPost, "/oauth/logout/confirm", form); !b.isIn() {
			t.Fatal("who stays is signed out")
		}
		if p := b.do(http.MethodPost, "/oauth/logout/confirm", form, "Sec-Fetch-Site", "cross-site"); p.status != http.StatusForbidden {
			t.Errorf("another site confirms: %d", p.status)
		}
		form.Set("decision", "sign_out")
		if p := b.do(http.MethodPost, "/oauth/logout/confirm", form); p.header.Get("Location") != goodbye+"&state=%22%3E%3Cscript%3E" || b.isIn() {
			t.Errorf("leads to %d %q", p.status, p.header.Get("Location"))
		}
		if p := b.get("/oauth/logout?state=a&state=b"); p.status != http.StatusBadRequest {
			t.Errorf("a parameter twice: %d", p.status)
		}
	})
}

func TestAProviderBehindIsToldAndThePersonStillArrives(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.leaving()
		h.op.ProviderLogout = func(_ context.Context, _ gatehouse.Session, path string) string {
			return "https://provider.example/logout?back=" + url.QueryEscape(path)
		}
		b := h.signedIn(h.alice)
		hint, _ := b.enters()
		p := b.get(leavingURL("id_token_hint", hint, "post_logout_redirect_uri", goodbye))
		if p.header.Get("Location") != "https://provider.example/logout?back=%2Fsign-out%2Fdone" {
			t.Fatalf("leads to %q", p.header.Get("Location"))
		}
		if p := b.get(SignedOutPath); p.header.Get("Location") != goodbye {
			t.Errorf("leads to %q", p.header.Get("Location"))
		}
		if p := b.get(SignedOutPath); p.at.Path != "/sign-in" {
			t.Errorf("the second time leads to %s", p.at)
		}
	})
}

// TestFrontChannelLogout restates oidcc-frontchannel-rp-initiated-logout (OpenID
// Connect Front-Channel Logout 1.0 sections 2 and 3).
func TestFrontChannelLogout(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.leaving()
		h.change("trusted", func(c *gatehouse.Client) {
			c.Settings.FrontchannelLogoutURI, c.Settings.FrontchannelSession = "https://app.example/front?a=b", true
		})
		h.change("post", func(c *gatehouse.Client) { c.Settings.FrontchannelLogoutURI = "https://never.example/front" })
		b := h.signedIn(h.alice)
		hint, _ := b.enters()
		sid := claimsIn(t, hint)["sid"].(string)
		p := b.get(leavingURL("id_token_hint", hint, "post_logout_redirect_uri", goodbye))
		frame := "https://app.example/front?a=b&amp;iss=" + url.QueryEscape(h.url) + "&amp;sid=" + sid
		if p.at.Path != SignedOutPath || !strings.Contains(p.body, `<iframe src="`+frame+`"`) || strings.Contains(p.body, "never.example") {
			t.Fatalf("no frame %s at %s:\n%s", frame, p.at, p.body)
		}
		if csp := p.header.Get("Content-Security-Policy"); !strings.Contains(csp, "; frame-src https://app.example/front") || strings.Contains(csp, "script-src") {
			t.Errorf("policy %q", csp)
		}
		if got := p.header.Get("Refresh"); got != "3; url="+goodbye {
			t.Errorf("Refresh: %q", got)
		}
		if b.isIn() {
			t.Error("still signed in")
		}
	})
}

func claimsIn(t *testing.T, compact string) (claims map[string]any) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(compact, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

// ear is a client's backchannel_logout_uri.
type ear struct {
	*httptest.Server
	mu     sync.Mutex
	status int // that it answers with
	heard  []string
	told   chan struct{}
}

func newEar(t *testing.T) *ear {
	e := &ear{status: http.StatusOK, told: make(chan struct{}, 100)}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		_ = r.ParseForm()
		e.heard = append(e.heard, r.PostForm.Get("logout_token"))
		w.WriteHeader(e.status)
		_, _ = io.WriteString(w, "ok")
		e.told <- struct{}{}
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *ear) answers(status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status = status
}

// waitings are the jobs that tell clients.
func (h *house) waitings() (all []store.JobRow) {
	h.view(func(tx *store.Tx) error {
		page, err := tx.Jobs(store.Logout{}.Kind(), "waiting", store.Cursor{Limit: 100})
		all = page.Items
		return err
	})
	return all
}

// work does what waits, once, and says with what outcome.
func (h *house) work(t *testing.T) {
	t.Helper()
	for _, row := range h.waitings() {
		var args store.Logout
		if err := json.Unmarshal(row.Args, &args); err != nil {
			t.Fatal(err)
		}
		_ = h.op.tellOfEnd(t.Context(), &jobs.Job[store.Logout]{ID: row.ID, Args: args, Attempt: 1, MaxAttempts: 2})
	}
}

// TestBackChannelLogout restates oidcc-backchannel-rp-initiated-logout (OpenID
// Connect Back-Channel Logout 1.0 sections 2.4, 2.5 and 2.7).
func TestBackChannelLogout(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		e := newEar(t)
		h.op.Web = func(gatehouse.Client) *http.Client { return e.Client() }
		h.change("trusted", func(c *gatehouse.Client) {
			c.BackchannelLogoutURI, c.Settings.IDTokenAlg = e.URL, "ES256"
		})
		b := h.signedIn(h.alice)
		hint, _ := b.enters()
		if len(h.waitings()) != 0 {
			t.Fatal("told before the end")
		}
		b.get(leavingURL("id_token_hint", hint))
		h.work(t)
		if len(e.heard) != 1 {
			t.Fatalf("heard %d", len(e.heard))
		}
		payload, err := h.op.keys().Verify(t.Context(), e.heard[0], keys.TypeLogout)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(payload, &got); err != nil {
			t.Fatal(err)
		}
		now := float64(h.clock.Now().Unix())
		id := claimsIn(t, hint)
		want := map[string]any{
			"iss": h.url, "aud": "trusted", "sub": id["sub"], "sid": id["sid"], "iat": now, "exp": now + 120, "jti": got["jti"],
			"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
		}
		if diff := cmp.Diff(want, got); diff != "" || got["jti"] == "" {
			t.Error(diff)
		}
		if _, err := h.op.keys().Verify(t.Context(), e.heard[0], keys.TypeJWT); err == nil {
			t.Error("a logout token passes for an ID token")
		}
	})
}

func TestEveryWayToEndASessionTellsItsClients(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.change("trusted", func(c *gatehouse.Client) { c.BackchannelLogoutURI = "https://app.example/back" })
		by := gatehouse.Actor{Kind: gatehouse.ActorOperator}
		told := 0
		for name, end := range map[string]func(tx *store.Tx, s gatehouse.Session) error{
			"the person ends one": func(tx *store.Tx, s gatehouse.Session) error { return h.sessions.EndOne(tx, by, h.alice.ID, s.ID) },
			"an administrator ends all": func(tx *store.Tx, _ gatehouse.Session) error {
				_, err := h.sessions.EndOthers(tx, by, h.alice.ID, "")
				return err
			},
			"the user is blocked": func(tx *store.Tx, _ gatehouse.Session) error {
				_, err := tx.EndSessions(h.alice.ID, "")
				return err
			},
			"somebody else signs in instead": func(tx *store.Tx, s gatehouse.Session) error {
				_, _, err := h.sessions.Start(tx, session.Start{UserID: h.bob.ID, Replaces: s.ID, ReplacesUser: h.alice.ID})
				return err
			},
		} {
			h.signedIn(h.alice).enters()
			h.update(func(tx *store.Tx) error {
				all, err := tx.Sessions(h.alice.ID)
				if err != nil || len(all) != 1 {
					return errors.Join(err, errors.New("not one session"))
				}
				return end(tx, all[0])
			})
			if told++; len(h.waitings()) != told {
				t.Errorf("%s: %d wait, want %d", name, len(h.waitings()), told)
			}
		}
	})
}

func TestWhoProvesAgainWhoTheyAreStaysSignedInAtClients(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.change("trusted", func(c *gatehouse.Client) { c.BackchannelLogoutURI = "https://app.example/back" })
		hint, _ := h.signedIn(h.alice).enters()
		sid := claimsIn(t, hint)["sid"].(string)
		var later gatehouse.Session
		h.update(func(tx *store.Tx) (err error) {
			_, later, err = h.sessions.Start(tx, session.Start{UserID: h.alice.ID, Replaces: sid, ReplacesUser: h.alice.ID})
			return err
		})
		if n := len(h.waitings()); n != 0 {
			t.Fatalf("%d are told", n)
		}
		h.update(func(tx *store.Tx) error { return tx.EndSession(h.alice.ID, later.ID) })
		w := h.waitings()
		if len(w) != 1 || !strings.Contains(string(w[0].Args), sid) {
			t.Errorf("at the end: %v", w)
		}
	})
}

func TestACodeOfAnEndedSessionGivesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		code := h.code("trusted")
		h.update(func(tx *store.Tx) error { _, err := tx.EndSessions(h.alice.ID, ""); return err })
		h.redeem(code).refused(t, http.StatusBadRequest, "invalid_grant")
	})
}

func TestAClientThatCannotBeToldIsAskedAgainAndThenNoted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		e := newEar(t)
		h.op.Web = func(gatehouse.Client) *http.Client { return e.Client() }
		h.change("trusted", func(c *gatehouse.Client) { c.BackchannelLogoutURI = e.URL })
		tell := func(attempt int) error {
			return h.op.tellOfEnd(t.Context(), &jobs.Job[store.Logout]{Args: store.Logout{ClientID: "trusted", Session: "s", Number: h.alice.Number}, Attempt: attempt, MaxAttempts: 3})
		}
		e.answers(http.StatusBadGateway)
		if tell(1) == nil || tell(2) == nil || len(h.actions("client.logout_failed")) != 0 {
			t.Error("given up too early")
		}
		if tell(3) == nil || len(h.actions("client.logout_failed")) != 1 {
			t.Error("the end of trying is not noted")
		}
		e.answers(http.StatusNoContent)
		if err := tell(1); err != nil {
			t.Error(err)
		}
		if a, b := claimsIn(t, e.heard[0])["jti"], claimsIn(t, e.heard[1])["jti"]; a == b {
			t.Error("the same token was sent twice")
		}
		h.change("trusted", func(c *gatehouse.Client) { c.Enabled = false })
		if err := tell(1); err != nil || len(e.heard) != 4 {
			t.Errorf("a client that is off is told: %v", err)
		}
	})
}

// TestSessionManagement restates oidcc-session-management-rp-initiated-logout
// (OpenID Connect Session Management 1.0 sections 2 and 3).
func TestSessionManagement(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		_, answer := b.enters()
		state := func() string {
			home, _ := url.Parse(h.url)
			for _, c := range b.http.Jar.Cookies(home) {
				if c.Name == "gatehouse_state" {
					return c.Value
				}
			}
			return ""
		}
		unchanged := func(was string) bool {
			hash, salt, _ := strings.Cut(was, ".")
			return hash == stateHash("trusted", "https://app.example", state(), salt)
		}
		was := answer.Get("session_state")
		if was == "" || strings.Contains(was, " ") || !unchanged(was) || state() == "" {
			t.Fatalf("session_state %q with %q", was, state())
		}
		h.update(func(tx *store.Tx) error { _, err := tx.EndSessions(h.alice.ID, ""); return err })
		if got := b.get(asking("trusted", "prompt", "none")).sent(t); got.Get("error") != "login_required" || unchanged(was) {
			t.Errorf("a session that ended elsewhere: %v", got)
		}
		if answer := h.signedIn(h.alice).get(asking("trusted", "scope", "read_user")).sent(t); answer.Has("session_state") {
			t.Error("session_state without openid")
		}
		p := h.machine().get(checkPath)
		if p.header.Get("X-Frame-Options") != "" || strings.Contains(p.header.Get("Content-Security-Policy"), "frame-ancestors") || !strings.Contains(p.body, "postMessage") {
			t.Errorf("no frame: %v", p.header)
		}
	})
}

func TestLogoutTokenHasNoNonce(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(logout.NewToken("https://id.example", "1", "app", "s", time.Unix(1000, 0)))
	if err != nil || strings.Contains(string(b), "nonce") {
		t.Errorf("%s, %v", b, err)
	}
}
