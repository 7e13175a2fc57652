package gitlab_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/gitlab"
	twin "gatehouse/internal/twin/gitlab"
)

const callback = "https://hub.example/users/auth/gitlab/callback"

func connection(g *gitLab) gatehouse.Connection {
	return gatehouse.Connection{
		Name: "gitlab", Kind: "gitlab", AppID: "app", AppSecret: "gloas-secret",
		Args: map[string]any{"client_options": map[string]any{"site": g.server.URL + "/api/v4"}},
	}
}

func attempt() gatehouse.Attempt {
	return gatehouse.Attempt{State: "state +/&", Verifier: strings.Repeat("verifier-", 6), RedirectURI: callback}
}

// withApp is a twin that knows our application.
func withApp(t *testing.T) *gitLab {
	t.Helper()
	g := start(t, nil, twin.Config{})
	g.AddApplication(twin.Application{
		ID: "app", Secret: "gloas-secret", Name: "Gatehouse", RedirectURIs: []string{callback},
		Scopes: []string{"read_user", "read_api", "api", "openid", "profile", "email"}, Confidential: true,
	})
	return g
}

func openDoor(c gatehouse.Connection, e integration.Env) (integration.Door, error) {
	return gitlab.Kind().OpenConnection(c, e)
}

func door(t *testing.T, c gatehouse.Connection, e integration.Env) integration.Door {
	t.Helper()
	d, err := openDoor(c, e)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// browse goes through GitLab's pages as a person and returns the callback's
// parameters.
func browse(t *testing.T, g *gitLab, address, user string) url.Values {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	e := env(t)
	b := &http.Client{Jar: jar, Transport: e.HTTP.Transport, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	send := func(method, address string, form url.Values) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := b.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp
	}
	send(http.MethodGet, address, nil)
	send(http.MethodPost, g.server.URL+"/users/sign_in", url.Values{"user_id": {user}})
	to, err := send(http.MethodPost, g.server.URL+"/oauth/authorize", u.Query()).Location()
	if err != nil {
		t.Fatal(err)
	}
	return to.Query()
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	t.Run("VouchesForThePersonByID", func(t *testing.T) {
		t.Parallel()
		g := withApp(t)
		now := time.Date(2026, 2, 19, 8, 0, 0, 0, time.UTC)
		e := env(t)
		e.Clock = func() time.Time { return now }
		d := door(t, connection(g), e)
		address, err := d.Provider.Begin(t.Context(), attempt())
		if err != nil {
			t.Fatal(err)
		}
		answer := browse(t, g, address, "2")
		if answer.Get("state") != attempt().State {
			t.Errorf("state %q came back as %q", attempt().State, answer.Get("state"))
		}
		v, err := d.Provider.Finish(t.Context(), attempt(), answer)
		if err != nil {
			t.Fatal(err)
		}
		want := gatehouse.Profile{
			Username: "zhang.wei", Nickname: "zhang.wei", Name: "张伟", Email: "zhang.wei@example.com", Verified: gatehouse.Verified,
			WebURL: g.server.URL + "/zhang.wei", Avatar: v.Profile.Avatar, Title: "Head of Engineering", Organization: "Example", Location: "上海",
		}
		if v.Subject != "2" || !cmp.Equal(want, v.Profile) || v.Profile.Avatar == "" {
			t.Errorf("subject %q: %s", v.Subject, cmp.Diff(want, v.Profile))
		}
		k := v.Tokens
		if k == nil || k.Access == "" || k.Refresh == "" || !cmp.Equal(k.Scopes, []string{"read_user"}) || !k.ExpiresAt.Equal(now.Add(2*time.Hour)) {
			t.Errorf("tokens %+v", k)
		}
		if _, err := d.Provider.Finish(t.Context(), attempt(), answer); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("the code a second time: %v, want Invalid", err)
		}
		fresh, err := d.Refresher.Refresh(t.Context(), *k)
		if err != nil || fresh.Access == k.Access || fresh.Refresh == k.Refresh || !cmp.Equal(fresh.Scopes, k.Scopes) {
			t.Errorf("refreshed to %+v, %v", fresh, err)
		}
		if _, err := d.Refresher.Refresh(t.Context(), *k); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("the old refresh token: %v, want Invalid", err)
		}
		if _, err := d.Refresher.Refresh(t.Context(), gatehouse.Tokens{}); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("no refresh token: %v, want Invalid", err)
		}
	})
	t.Run("ALanguageCountsOnlyWhenItWasChosen", func(t *testing.T) {
		t.Parallel()
		g := withApp(t)
		d := door(t, connection(g), env(t))
		for person, want := range map[string]string{"2": "", "4": "zh-CN"} { // GitLab says "en" of 2, who never chose
			address, err := d.Provider.Begin(t.Context(), attempt())
			if err != nil {
				t.Fatal(err)
			}
			v, err := d.Provider.Finish(t.Context(), attempt(), browse(t, g, address, person))
			if err != nil || v.Profile.Locale != want {
				t.Errorf("person %s: locale %q, want %q (%v)", person, v.Profile.Locale, want, err)
			}
		}
	})
	t.Run("NeedsTheVerifierOfTheAttempt", func(t *testing.T) {
		t.Parallel()
		g := withApp(t)
		d := door(t, connection(g), env(t))
		address, err := d.Provider.Begin(t.Context(), attempt())
		if err != nil {
			t.Fatal(err)
		}
		other := attempt()
		other.Verifier = strings.Repeat("another--", 6)
		if _, err := d.Provider.Finish(t.Context(), other, browse(t, g, address, "2")); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("%v, want Invalid", err)
		}
	})
	t.Run("RefusesWhoIsBlockedMeanwhile", func(t *testing.T) {
		t.Parallel()
		g := withApp(t)
		d := door(t, connection(g), env(t))
		address, err := d.Provider.Begin(t.Context(), attempt())
		if err != nil {
			t.Fatal(err)
		}
		answer := browse(t, g, address, "5")
		if err := g.World.SetState(5, "blocked"); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Provider.Finish(t.Context(), attempt(), answer); !errors.Is(err, gatehouse.Forbidden) {
			t.Errorf("%v, want Forbidden", err)
		}
	})
	t.Run("SaysThatTheSecretIsWrong", func(t *testing.T) {
		t.Parallel()
		g := withApp(t)
		c := connection(g)
		c.AppSecret = "gloas-other"
		d := door(t, c, env(t))
		address, err := d.Provider.Begin(t.Context(), attempt())
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Provider.Finish(t.Context(), attempt(), browse(t, g, address, "2"))
		if !errors.Is(err, gatehouse.Upstream) || !strings.Contains(err.Error(), "Application ID") || strings.Contains(err.Error(), "gloas-other") {
			t.Errorf("%v, want Upstream that names the Application ID", err)
		}
	})
}

func TestFinishOfAnswers(t *testing.T) {
	t.Parallel()
	g := withApp(t)
	d := door(t, connection(g), env(t))
	for name, c := range map[string]struct {
		answer url.Values
		kind   gatehouse.ErrorKind
		not    string
	}{
		"Denied":      {url.Values{"error": {"access_denied"}, "error_description": {"<b>no</b>"}}, gatehouse.Forbidden, "<b>"},
		"Busy":        {url.Values{"error": {"temporarily_unavailable"}}, gatehouse.Unavailable, ""},
		"Scope":       {url.Values{"error": {"invalid_scope"}}, gatehouse.Upstream, ""},
		"OddError":    {url.Values{"error": {"<script>alert(1)</script>"}}, gatehouse.Upstream, "script"},
		"EmptyError":  {url.Values{"error": {""}}, gatehouse.Upstream, ""},
		"Nothing":     {nil, gatehouse.Invalid, ""},
		"EmptyCode":   {url.Values{"code": {""}}, gatehouse.Invalid, ""},
		"TwoCodes":    {url.Values{"code": {"a", "b"}}, gatehouse.Invalid, ""},
		"HugeCode":    {url.Values{"code": {strings.Repeat("a", 5000)}}, gatehouse.Invalid, ""},
		"UnknownCode": {url.Values{"code": {"0123"}}, gatehouse.Invalid, "0123"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := d.Provider.Finish(t.Context(), attempt(), c.answer)
			if !errors.Is(err, c.kind) || v.Subject != "" {
				t.Fatalf("%+v, %v; want %s", v, err, c.kind)
			}
			if c.not != "" && strings.Contains(err.Error(), c.not) {
				t.Errorf("%q repeats %q", err, c.not)
			}
		})
	}
}

func TestFinishOfFaults(t *testing.T) {
	t.Parallel()
	token := func(f twin.Fault) twin.Fault { f.Path = "/oauth/token"; return f }
	user := func(f twin.Fault) twin.Fault { f.Path = "/api/v4/user"; return f }
	profile := func(body string) twin.Fault { return user(twin.Fault{Status: 200, Body: body}) }
	big := `{"id":2,"state":"active","name":"` + strings.Repeat("x", 5<<20) + `"}`
	for name, c := range map[string]struct {
		fault twin.Fault
		kind  gatehouse.ErrorKind
	}{
		"TokenIsHTML":        {token(twin.Fault{HTML: true, Status: 200}), gatehouse.Upstream},
		"TokenIsBadGateway":  {token(twin.Fault{HTML: true}), gatehouse.Unavailable},
		"TokenIsEmpty":       {token(twin.Fault{Status: 200, Body: `{}`}), gatehouse.Upstream},
		"TokenIsOfAnyType":   {token(twin.Fault{Status: 200, Body: `{"access_token":{"a":1}}`}), gatehouse.Upstream},
		"TokenIsFiveMB":      {token(twin.Fault{Status: 200, Body: big}), gatehouse.Upstream},
		"TokenIsReset":       {token(twin.Fault{Reset: true}), gatehouse.Unavailable},
		"TokenIsCut":         {token(twin.Fault{Truncate: 20}), gatehouse.Unavailable},
		"TokenHangs":         {token(twin.Fault{Hang: true}), gatehouse.Unavailable},
		"TokenRedirects":     {token(twin.Fault{Status: 307, Header: http.Header{"Location": {"/elsewhere"}}}), gatehouse.Upstream},
		"TokenIsLimited":     {token(twin.Fault{Status: 429, Body: "Retry later"}), gatehouse.Unavailable},
		"ProfileIsHTML":      {user(twin.Fault{HTML: true, Status: 200}), gatehouse.Upstream},
		"ProfileIsError":     {user(twin.Fault{Status: 500, Body: `{"message":"500 Internal Server Error"}`}), gatehouse.Unavailable},
		"ProfileIsFiveMB":    {profile(big), gatehouse.Upstream},
		"ProfileHangs":       {user(twin.Fault{Hang: true}), gatehouse.Unavailable},
		"ProfileIsReset":     {user(twin.Fault{Reset: true}), gatehouse.Unavailable},
		"ProfileIsCut":       {user(twin.Fault{Truncate: 50}), gatehouse.Unavailable},
		"ProfileRedirects":   {user(twin.Fault{Status: 302, Header: http.Header{"Location": {"/elsewhere"}}}), gatehouse.Upstream},
		"ProfileIsForbidden": {user(twin.Fault{Status: 403, Body: `{"message":"403 Forbidden - Your account has been blocked."}`}), gatehouse.Forbidden},
		"ScopeIsMissing":     {user(twin.Fault{Status: 403, Body: `{"error":"insufficient_scope","scope":"read_user api read_api"}`}), gatehouse.Upstream},
		"IDIsMissing":        {profile(`{"state":"active","username":"x"}`), gatehouse.Upstream},
		"IDIsZero":           {profile(`{"id":0,"state":"active"}`), gatehouse.Upstream},
		"IDIsNegative":       {profile(`{"id":-2,"state":"active"}`), gatehouse.Upstream},
		"IDIsText":           {profile(`{"id":"2","state":"active"}`), gatehouse.Upstream},
		"IDIsFraction":       {profile(`{"id":2.5,"state":"active"}`), gatehouse.Upstream},
		"IDIsNull":           {profile(`{"id":null,"state":"active"}`), gatehouse.Upstream},
		"IsAList":            {profile(`[{"id":2,"state":"active"}]`), gatehouse.Upstream},
		"StateIsMissing":     {profile(`{"id":2}`), gatehouse.Forbidden},
		"StateIsBanned":      {profile(`{"id":2,"state":"banned"}`), gatehouse.Forbidden},
		"StateIsDeactivated": {profile(`{"id":2,"state":"deactivated"}`), gatehouse.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := withApp(t)
			e := env(t)
			d := door(t, connection(g), e)
			address, err := d.Provider.Begin(t.Context(), attempt())
			if err != nil {
				t.Fatal(err)
			}
			answer := browse(t, g, address, "2")
			g.SetFaults(twin.Faults{Rules: []twin.Fault{c.fault}})
			ctx := t.Context()
			if c.fault.Hang {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 200*time.Millisecond)
				defer cancel()
			}
			v, err := d.Provider.Finish(ctx, attempt(), answer)
			if !errors.Is(err, c.kind) || v.Subject != "" || v.Tokens != nil {
				t.Fatalf("%+v, %v; want %s", v, err, c.kind)
			}
			if g.Requests()["GET /elsewhere"]+g.Requests()["POST /elsewhere"] > 0 {
				t.Error("a redirect was followed")
			}
			for _, secret := range []string{"gloas-secret", answer.Get("code")} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q holds a secret", err)
				}
			}
		})
	}
}

func TestVerification(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]gatehouse.Verification{
		`"email":"a@b.c","confirmed_at":"2026-01-02T03:04:05.678Z"`: gatehouse.Verified,
		`"email":"a@b.c","confirmed_at":null`:                       gatehouse.Unverified,
		`"email":"a@b.c","confirmed_at":""`:                         gatehouse.Unverified,
		`"email":"a@b.c","confirmed_at":"yes"`:                      gatehouse.Unverified,
		`"email":"a@b.c","confirmed_at":true`:                       gatehouse.Unverified,
		`"email":"a@b.c"`:                                           gatehouse.Unstated,
		`"email":"","confirmed_at":"2026-01-02T03:04:05.678Z"`:      gatehouse.Unstated,
	} {
		g := withApp(t)
		d := door(t, connection(g), env(t))
		address, err := d.Provider.Begin(t.Context(), attempt())
		if err != nil {
			t.Fatal(err)
		}
		answer := browse(t, g, address, "2")
		g.SetFaults(twin.Faults{Rules: []twin.Fault{{Path: "/api/v4/user", Status: 200, Body: `{"id":2,"state":"active",` + body + `}`}}})
		v, err := d.Provider.Finish(t.Context(), attempt(), answer)
		if err != nil || v.Profile.Verified != want {
			t.Errorf("%s: %q, %v; want %q", body, v.Profile.Verified, err, want)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	begin := func(t *testing.T, args m, log io.Writer) (*url.URL, error) {
		t.Helper()
		e := env(t)
		e.Log = slog.New(slog.NewTextHandler(log, nil))
		d, err := gitlab.Kind().OpenConnection(gatehouse.Connection{AppID: "app", AppSecret: "s", Args: args}, e)
		if err != nil {
			return nil, err
		}
		address, err := d.Provider.Begin(t.Context(), attempt())
		if err != nil {
			return nil, err
		}
		return url.Parse(address)
	}
	for name, c := range map[string]struct {
		args  m
		at    string
		scope string
		has   map[string]string // "-": not there
	}{
		"Defaults":          {nil, "https://gitlab.com/oauth/authorize", "read_user", map[string]string{"gl_auth_type": "login", "code_challenge_method": "S256", "response_type": "code"}},
		"SiteOfTheAPI":      {m{"client_options": m{"site": "https://g.example/api/v4/"}}, "https://g.example/oauth/authorize", "read_user", nil},
		"SiteBelowARoot":    {m{"client_options": m{"site": "https://g.example/git/api/v4"}}, "https://g.example/git/oauth/authorize", "read_user", nil},
		"OwnAddress":        {m{"client_options": m{"authorize_url": "https://login.example/a?x=1"}}, "https://login.example/a", "read_user", map[string]string{"x": "1"}},
		"OwnPath":           {m{"client_options": m{"site": "https://g.example", "authorize_url": "/a"}}, "https://g.example/a", "read_user", nil},
		"MoreScopes":        {m{"scope": "read_user  openid"}, "https://gitlab.com/oauth/authorize", "read_user openid", map[string]string{"gl_auth_type": "-"}},
		"ScopesAsAList":     {m{"scope": []any{"api", "openid"}}, "https://gitlab.com/oauth/authorize", "api openid", map[string]string{"gl_auth_type": "-"}},
		"OwnParameters":     {m{"authorize_params": m{"prompt": "login", "state": "fixed", "redirect_uri": "https://evil"}}, "https://gitlab.com/oauth/authorize", "read_user", map[string]string{"prompt": "login", "state": attempt().State, "redirect_uri": callback}},
		"WithoutPKCE":       {m{"pkce": false}, "https://gitlab.com/oauth/authorize", "read_user", map[string]string{"code_challenge": "-"}},
		"UnknownKeyIsKnown": {m{"colour": "red"}, "https://gitlab.com/oauth/authorize", "read_user", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			u, err := begin(t, c.args, &log)
			if err != nil {
				t.Fatal(err)
			}
			q := u.Query()
			if u.Scheme+"://"+u.Host+u.Path != c.at || q.Get("scope") != c.scope || q.Get("client_id") != "app" || len(q["state"]) != 1 {
				t.Errorf("address %s", u)
			}
			for key, want := range c.has {
				if want == "-" && q.Has(key) || want != "-" && q.Get(key) != want {
					t.Errorf("%s is %q, want %q", key, q.Get(key), want)
				}
			}
			if warned := strings.Contains(log.String(), "args.colour"); warned != (c.args["colour"] != nil) {
				t.Errorf("log: %s", &log)
			}
		})
	}
	for name, args := range map[string]m{
		"client_options":           {"client_options": "https://x"},
		"site":                     {"client_options": m{"site": 7.5}},
		"args.client_options.site": {"client_options": m{"site": "gitlab.example.com"}},
		"token_url":                {"client_options": m{"token_url": "javascript:alert(1)"}},
		"scope":                    {"scope": m{}},
		"args.scope":               {"scope": []any{1}},
		"pkce":                     {"pkce": "maybe"},
		"authorize_params":         {"authorize_params": []any{}},
	} {
		if _, err := begin(t, args, io.Discard); !errors.Is(err, gatehouse.Invalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v, want Invalid that names %s", args, err, name)
		}
	}
	for _, c := range []gatehouse.Connection{{AppSecret: "s"}, {AppID: "a"}} {
		if _, err := gitlab.Kind().OpenConnection(c, env(t)); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	hosts := gitlab.Kind().ConnectionHosts(gatehouse.Connection{AppID: "a", AppSecret: "s", Args: m{"client_options": m{"site": "https://g.example:8443"}}})
	if len(hosts) != 3 || !strings.HasPrefix(hosts[1], "https://g.example:8443/") {
		t.Errorf("hosts %q", hosts)
	}
}
