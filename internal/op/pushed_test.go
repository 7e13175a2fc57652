package op

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse"
)

// pushing is a right pushed request of "trusted", with changes as of asking.
func (h *house) pushing(changes ...string) page {
	h.t.Helper()
	v := url.Values{
		"client_id": {"trusted"}, "client_secret": {appSecret}, "redirect_uri": {callback}, "response_type": {"code"},
		"scope": {"openid read_user"}, "state": {"pushed state"}, "code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"},
	}
	return h.post("/oauth/par", changed(v, changes))
}

// pushed is the request_uri of a pushed request.
func (h *house) pushed(changes ...string) string {
	h.t.Helper()
	p := h.pushing(changes...)
	var a pushedAnswer
	if err := json.Unmarshal([]byte(p.body), &a); err != nil || p.status != http.StatusCreated || a.ExpiresIn != 60 || !strings.HasPrefix(a.RequestURI, pushedURN) {
		h.t.Fatalf("not pushed: %d %s", p.status, p.body)
	}
	return a.RequestURI
}

func byPushed(uri string, beside ...string) string {
	return "/oauth/authorize?" + changed(url.Values{"client_id": {"trusted"}, "request_uri": {uri}}, beside).Encode()
}

// RFC 9126: what was pushed counts and nothing beside it, once, for its client,
// for a minute.
func TestA15PushedRequest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		uri := h.pushed()
		got := h.signedIn(h.alice).get(byPushed(uri, "scope", "api", "state", "other", "redirect_uri", "https://evil.example")).sent(t)
		if got.Get("state") != "pushed state" || got.Get("iss") != h.url {
			t.Errorf("the answer is %v", got)
		}
		if a := h.redeem(got.Get("code")).tokens(t); a.Scope != "openid read_user" {
			t.Errorf("the scope is %q", a.Scope)
		}
		// It survives the sign-in, after which its name is worth nothing.
		uri = h.pushed("prompt", "login")
		if got := h.browser().get(byPushed(uri)).sent(t); got.Get("code") == "" {
			t.Errorf("%v", got)
		}
		refused := h.pushed("prompt", "none")
		if got := h.browser().get(byPushed(refused)).sent(t); got.Get("error") != "login_required" {
			t.Errorf("%v", got)
		}
		late, foreign := h.pushed(), h.pushed()
		for name, c := range map[string]string{
			"Again":         byPushed(uri),
			"AfterRefusal":  byPushed(refused),
			"OfAnother":     byPushed(foreign, "client_id", "old"),
			"OfNobody":      byPushed(foreign, "client_id", "nobody"),
			"Unknown":       byPushed(pushedURN + gatehouse.NewSecret()),
			"NoHandle":      byPushed(pushedURN + "x"),
			"AsOurOwnWait":  "/oauth/authorize?request=" + strings.TrimPrefix(foreign, pushedURN),
			"NamedTwice":    byPushed(foreign) + "&request_uri=" + url.QueryEscape(foreign),
			"WithoutClient": byPushed(foreign, "client_id", ""),
		} {
			if p := h.signedIn(h.alice).get(c); p.status < 400 || p.status >= 500 || p.header.Get("Location") != "" {
				t.Errorf("%s: %d %v", name, p.status, p.header)
			}
		}
		if got := h.signedIn(h.alice).get(byPushed(uri, "redirect_uri", callback)).sent(t); got.Get("error") != "invalid_request_uri" {
			t.Errorf("a client that can be told hears %v", got)
		}
		h.clock.add(pushedLife)
		if p := h.signedIn(h.alice).get(byPushed(late)); p.status != http.StatusGone && p.status != http.StatusBadRequest {
			t.Errorf("after its end: %d", p.status)
		}
	})
}

// What is wrong is said to the client at once, and nothing is kept of it.
func TestA15PushIsCheckedLikeARequest(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, c := range map[string]struct {
		p      page
		status int
		code   string
	}{
		"WrongSecret":     {h.pushing("client_secret", "wrong"), 401, "invalid_client"},
		"NoSecret":        {h.pushing("client_secret", ""), 401, "invalid_client"},
		"OtherMethod":     {h.pushing("client_id", "basic", "client_secret", otherSecret), 401, "invalid_client"},
		"ForeignRedirect": {h.pushing("redirect_uri", "https://evil.example/"), 400, "invalid_request"},
		"NoRedirect":      {h.pushing("redirect_uri", ""), 400, "invalid_request"},
		"NoPKCE":          {h.pushing("code_challenge", "", "code_challenge_method", ""), 400, "invalid_request"},
		"Implicit":        {h.pushing("response_type", "token"), 400, "unsupported_response_type"},
		"UnknownScope":    {h.pushing("scope", "sudo"), 400, "invalid_scope"},
		"NamesOne":        {h.pushing("request_uri", pushedURN+"x"), 400, "invalid_request"},
		"SecretInURL":     {h.post("/oauth/par?client_secret=x", url.Values{}), 400, "invalid_request"},
		"ByGET":           {h.machine().get("/oauth/par"), 405, "invalid_request"},
		"Unsigned":        {h.pushing("request", "x"), 400, "request_not_supported"},
	} {
		t.Run(name, func(t *testing.T) { c.p.refused(t, c.status, c.code) })
	}
	// A public client pushes too (RFC 9126 section 2.1), and a header may say who it is.
	if p := h.pushing("client_id", "phone", "client_secret", "", "redirect_uri", "com.example.phone:/callback"); p.status != http.StatusCreated {
		t.Errorf("a public client: %d %s", p.status, p.body)
	}
	basic := url.Values{"redirect_uri": {callback}, "response_type": {"code"}, "code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"}}
	if p := h.post("/oauth/par", basic, "Authorization", "Basic YmFzaWM6dGhlLW90aGVyLXNlY3JldA=="); p.status != http.StatusCreated {
		t.Errorf("by header: %d %s", p.status, p.body)
	}
	if strings.Contains(h.log.String(), appSecret) {
		t.Error("the secret is in the log")
	}
}

// A request object may be pushed (RFC 9126 section 3).
func TestA15PushedRequestObject(t *testing.T) {
	t.Parallel()
	h := open(t)
	s := h.objects(func(c *gatehouse.Client) { c.Settings.RequireSigned = true })
	uri := h.pushed("request", s.sign("", h.object()), "state", "unsigned")
	if got := h.signedIn(h.alice).get(byPushed(uri)).sent(t); got.Get("state") != "signed state" {
		t.Errorf("%v", got)
	}
	h.pushing().refused(t, http.StatusBadRequest, "invalid_request")
	h.pushing("request", newSigner(t).sign("", h.object())).refused(t, http.StatusBadRequest, "invalid_request_object")
}

func TestA15RequiredPushRefusesPlainRequests(t *testing.T) {
	t.Parallel()
	for name, require := range map[string]func(h *house){
		"ByTheClient": func(h *house) {
			h.change("trusted", func(c *gatehouse.Client) { c.Settings.RequirePushed = true })
		},
		"ByTheInstallation": func(h *house) { h.op.RequirePushed = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			require(h)
			b := h.signedIn(h.alice)
			if got := b.get(asking("trusted")).sent(t); got.Get("error") != "invalid_request" {
				t.Errorf("a plain request: %v", got)
			}
			if got := b.get(byPushed(h.pushed())).sent(t); got.Get("code") == "" {
				t.Errorf("a pushed one: %v", got)
			}
			// Also on its way through the sign-in.
			if got := h.browser().get(byPushed(h.pushed())).sent(t); got.Get("code") == "" {
				t.Errorf("a pushed one: %v", got)
			}
		})
	}
}

func TestA15OneOfTwentyUsesAPushedRequest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		uri, b := h.pushed(), h.signedIn(h.alice)
		var won, lost atomic.Int32
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if p := b.get(byPushed(uri)); strings.Contains(p.header.Get("Location"), "code=") {
					won.Add(1)
				} else if p.status < 500 {
					lost.Add(1)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || lost.Load() != 19 {
			t.Errorf("%d won, %d lost", won.Load(), lost.Load())
		}
	})
}
