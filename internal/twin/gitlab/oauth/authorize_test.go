package oauth_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gatehouse/internal/twin/gitlab/oauth"
	"gatehouse/internal/twin/gitlab/world"
)

// request is an authorization request of the application "app"; a pair with an
// empty value leaves a parameter out.
func request(change ...string) string { return "/oauth/authorize?" + wish(change...).Encode() }

func wish(change ...string) url.Values {
	q := values("client_id", "app", "redirect_uri", callback, "response_type", "code", "scope", "read_user", "state", "s1")
	for i := 0; i < len(change); i += 2 {
		q.Set(change[i], change[i+1])
		if change[i+1] == "" {
			q.Del(change[i])
		}
	}
	return q
}

func TestAuthorizeRefusesOnAPage(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	alice := b.signedIn("3")
	const badURI = "The requested redirect uri is malformed or doesn&#39;t match client redirect URI."
	for name, c := range map[string]struct {
		change []string
		text   string
	}{
		"NoClient":          {[]string{"client_id", ""}, "Missing required parameter: client_id."},
		"UnknownClient":     {[]string{"client_id", "x"}, clientText},
		"NoRedirectURI":     {[]string{"redirect_uri", ""}, badURI},
		"OtherRedirectURI":  {[]string{"redirect_uri", callback + "/"}, badURI},
		"OtherQuery":        {[]string{"redirect_uri", callback + "?a=2"}, badURI},
		"LocalhostPort":     {[]string{"redirect_uri", "http://localhost:81/cb"}, badURI},
		"LoopbackOtherPath": {[]string{"redirect_uri", "http://127.0.0.1:81/other"}, badURI},
		"NoResponseType":    {[]string{"response_type", ""}, "Missing required parameter: response_type."},
		"Implicit":          {[]string{"response_type", "token"}, "The authorization server does not support this response type."},
		"ResponseMode":      {[]string{"response_mode", "web_message"}, "The authorization server does not support this response mode."},
		"Scope":             {[]string{"scope", "sudo"}, scopeText},
		"ChallengeMethod":   {[]string{"code_challenge", "x", "code_challenge_method", "S512"}, "The code_challenge_method must be one of plain, S256."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := b.send(http.MethodGet, request(c.change...), nil, alice)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<pre>"+c.text+"</pre>") || w.Header().Get("Location") != "" {
				t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
			}
		})
	}
	t.Run("UnconfirmedAddress", func(t *testing.T) {
		t.Parallel()
		u, err := b.World.AddUser(world.User{Username: "new"})
		if err != nil {
			t.Fatal(err)
		}
		w := b.send(http.MethodGet, request(), nil, b.signedIn(subject(u)))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<pre>Verify the email address in your account profile before you sign in.</pre>") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func subject(u world.User) string { return strconv.FormatInt(u.ID, 10) }

func TestAuthorizeTakes(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	alice := b.signedIn("3")
	for _, uri := range []string{callback, callback + "?a=1", "http://127.0.0.1/cb", "http://127.0.0.1:4711/cb", "http://localhost/cb"} {
		w := b.send(http.MethodGet, request("redirect_uri", uri), nil, alice)
		if !strings.Contains(w.Body.String(), "is requesting access") {
			t.Errorf("%s: %s", uri, w.Body)
		}
	}
	w := b.send(http.MethodGet, request("scope", ""), nil, alice)
	if !strings.Contains(w.Body.String(), `name="scope" value="api"`) {
		t.Errorf("the usual scope is api: %s", w.Body)
	}
}

func TestConsent(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	alice := b.signedIn("3")
	w := b.send(http.MethodGet, request("nonce", "n1", "code_challenge", "abc", "code_challenge_method", "S256", "response_mode", "form_post"), nil, alice)
	fields := regexp.MustCompile(`type="hidden" name="(\w+)" value="([^"]*)"`).FindAllStringSubmatch(w.Body.String(), -1)
	var got []string
	for _, f := range fields {
		got = append(got, f[1]+"="+f[2])
	}
	all := "client_id=app redirect_uri=https://hub.example/cb state=s1 response_type=code scope=read_user nonce=n1 code_challenge=abc code_challenge_method=S256"
	if want := all + " _method=delete " + all; strings.Join(got, " ") != want || w.Code != http.StatusOK {
		t.Errorf("fields\n%s, want\n%s", strings.Join(got, " "), want)
	}
	t.Run("Allow", func(t *testing.T) {
		t.Parallel()
		w := b.send(http.MethodPost, "/oauth/authorize", wish(), alice)
		if ok, _ := regexp.MatchString(`^https://hub\.example/cb\?code=[0-9a-f]{64}&state=s1$`, w.Header().Get("Location")); !ok || w.Code != http.StatusFound {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	})
	for name, ask := range map[string]func() (int, string){
		"DenyByDELETE": func() (int, string) {
			w := b.send(http.MethodDelete, request(), nil, alice)
			return w.Code, w.Header().Get("Location")
		},
		"DenyByForm": func() (int, string) {
			w := b.send(http.MethodPost, "/oauth/authorize", wish("_method", "delete"), alice)
			return w.Code, w.Header().Get("Location")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, to := ask()
			want := callback + "?error=access_denied&error_description=The+resource+owner+or+authorization+server+denied+the+request.&state=s1"
			if status != http.StatusFound || to != want {
				t.Errorf("%d %s", status, to)
			}
		})
	}
}

func TestConsentIsRemembered(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	alice := b.signedIn("3")
	asked := func(change ...string) bool {
		return strings.Contains(b.send(http.MethodGet, request(change...), nil, alice).Body.String(), "is requesting access")
	}
	b.World.AddToken(world.Token{Kind: world.OAuthToken, Value: "public", UserID: 3, Scopes: []string{"read_user"}, Application: "open", ExpiresAt: now.Add(1e12)})
	if !asked() || !asked("client_id", "open") {
		t.Error("nothing is asked before a token is given, or of a public application")
	}
	b.World.AddToken(world.Token{Kind: world.OAuthToken, Value: "t", UserID: 3, Scopes: []string{"read_user"}, Application: "app", ExpiresAt: now})
	w := b.send(http.MethodGet, request(), nil, alice)
	if body := w.Body.String(); w.Code != http.StatusOK || w.Header().Get("Location") != "" || !strings.Contains(body, `window.location = "https://hub.example/cb?code=`) {
		t.Errorf("no page with a script: %d %s", w.Code, body)
	}
	if !asked("scope", "read_user openid") || !asked("prompt", "consent") {
		t.Error("another scope, or prompt=consent, is not asked for")
	}
	_ = b.World.Write(func(d *world.Data) error { d.Token("t").Revoked = true; return nil })
	if !asked() {
		t.Error("a revoked token counts as consent")
	}
}

func TestStrangersSignIn(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	w := b.send(http.MethodGet, request("client_id", "x"), nil, nil)
	if w.Code != http.StatusFound || w.Header().Get("Location") != "/users/sign_in" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	key, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
	browser := http.Header{"Cookie": {key}}
	w = b.send(http.MethodPost, "/users/sign_in", values("username", "Alice"), browser)
	if got := w.Header().Get("Location"); got != request("client_id", "x") {
		t.Errorf("went on to %s", got)
	}
	if renewed := w.Header().Get("Set-Cookie"); renewed == "" || strings.HasPrefix(renewed, key) {
		t.Errorf("the session keeps its key: %s", renewed)
	}
	if w := b.send(http.MethodGet, request(), nil, browser); w.Code != http.StatusFound {
		t.Error("the old key is signed in")
	}
	t.Run("DeactivatedPeopleComeBack", func(t *testing.T) {
		t.Parallel()
		b.signedIn("15")
		b.World.Read(func(d *world.Data) {
			if u := d.User(15); u.State != world.Active || !u.CurrentSignInAt.Equal(now) || u.LastActivityOn != "2026-03-01" {
				t.Errorf("%+v", u)
			}
		})
	})
	t.Run("BlockingEndsTheSession", func(t *testing.T) {
		t.Parallel()
		browser := b.signedIn("5")
		if err := b.World.SetState(5, world.Blocked); err != nil {
			t.Fatal(err)
		}
		if w := b.send(http.MethodGet, request(), nil, browser); w.Header().Get("Location") != "/users/sign_in" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	})
}

func TestRestartKeepsSignIns(t *testing.T) {
	t.Parallel()
	first := open(t, nil)
	alice := first.signedIn("3")
	to, err := url.Parse(first.send(http.MethodPost, "/oauth/authorize", wish("scope", "openid"), alice).Header().Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.PrepareKeys(); err != nil {
		t.Fatal(err)
	}
	second := open(t, func(c *oauth.Config) { c.World = first.World })
	p := second.pair(app("grant_type", "authorization_code", "code", to.Query().Get("code"), "redirect_uri", callback))
	if w := second.send(http.MethodGet, request(), nil, alice); !strings.Contains(w.Body.String(), "@alice") {
		t.Errorf("the browser is not signed in any more: %d %s", w.Code, w.Body)
	}
	keys := first.send(http.MethodGet, "/oauth/discovery/keys", nil, nil).Body.String()
	if again := second.send(http.MethodGet, "/oauth/discovery/keys", nil, nil).Body.String(); again != keys || p.IDToken == "" {
		t.Error("the signing key changed")
	}
}
