package oauth2_test

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/oauth2"
	twin "gatehouse/internal/twin/openid"
)

const callback = "https://hub.example/users/auth/company/callback"

var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

type company struct {
	*twin.Twin
	url  string
	conn gatehouse.Connection
	env  integration.Env
}

func start(t *testing.T, client twin.Client) *company {
	t.Helper()
	c := &company{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	c.url = server.URL
	var err error
	if c.Twin, err = twin.New(twin.Config{URL: c.url, SigningKey: key()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := c.AddClient(client); err != nil {
		t.Fatal(err)
	}
	c.conn = gatehouse.Connection{Name: "company", Label: "Qinghe", AppID: client.ID, AppSecret: client.Secret, Args: map[string]any{
		"client_options": map[string]any{
			"site": c.url, "authorize_url": "/plain/authorize", "token_url": "/plain/token", "user_info_url": "/plain/userinfo",
		},
		"user_response_structure": map[string]any{
			"root_path": []any{"data", "account"}, "id_path": "uid",
			"attributes": map[string]any{
				"name": "display_name", "nickname": "login", "username": "login", "image": "portrait",
				"email": []any{"data", "mails", int64(0), "address"}, "email_verified": []any{"data", "mails", "0", "confirmed"},
			},
		},
		"authorize_params": map[string]any{"scope": "account mail"},
	}}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c.env = integration.Env{HTTP: &http.Client{Transport: transport, Timeout: time.Minute}, Log: slog.New(slog.DiscardHandler)}
	return c
}

func (c *company) signIn(t *testing.T, sub string) (gatehouse.Vouched, error) {
	t.Helper()
	d, err := oauth2.Kinds()[0].OpenConnection(c.conn, c.env)
	if err != nil {
		t.Fatal(err)
	}
	a := gatehouse.Attempt{State: "st&te", Verifier: strings.Repeat("verifier-", 6), RedirectURI: callback}
	address, err := d.Provider.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	b := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := b.PostForm(address, url.Values{"sub": {sub}, "consent": {"agree"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	u, err := resp.Location()
	if err != nil {
		t.Fatalf("the provider answered %d instead of sending the browser back", resp.StatusCode)
	}
	if u.Query().Get("state") != a.State {
		t.Errorf("state came back as %q", u.Query().Get("state"))
	}
	return d.Provider.Finish(t.Context(), a, u.Query())
}

func refused(t *testing.T, v gatehouse.Vouched, err error, kinds ...gatehouse.ErrorKind) {
	t.Helper()
	var e *gatehouse.Error
	if v.Subject != "" || v.Tokens != nil || !errors.As(err, &e) || !slices.Contains(kinds, e.Kind) {
		t.Fatalf("vouched for %q; %v is of none of the kinds %v", v.Subject, err, kinds)
	}
	if s := e.Sentence(); len(s) < 20 || !strings.HasSuffix(s, ".") || strings.ContainsAny(s, "<>{}") {
		t.Errorf("not a sentence: %q", s)
	}
	if strings.Contains(err.Error(), twin.DemoClientSecret) {
		t.Errorf("the error holds a secret: %v", err)
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	basic, post, pkce := twin.DemoClient(callback), twin.DemoClient(callback), twin.DemoClient(callback)
	basic.AuthMethod, post.AuthMethod, pkce.RequirePKCE = twin.AuthBasic, twin.AuthPost, true
	for name, test := range map[string]struct {
		client twin.Client
		method any
	}{"InTheHeader": {basic, "basic"}, "InTheForm": {post, "query"}, "AsItComes": {pkce, nil}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, test.client)
			c.conn.Args["client_auth_method"] = test.method
			got, err := c.signIn(t, twin.DemoSub("zhao.yun"))
			if err != nil {
				t.Fatal(err)
			}
			if got.Tokens == nil || got.Tokens.Access == "" || !slices.Equal(got.Tokens.Scopes, []string{"account", "mail"}) {
				t.Errorf("tokens: %+v", got.Tokens)
			}
			got.Tokens = nil
			want := gatehouse.Vouched{Subject: "9007199254740993", Profile: gatehouse.Profile{
				Username: "zhao.yun", Nickname: "zhao.yun", Name: "赵云", Email: "zhao.yun@qinghe.example.com", Verified: gatehouse.Verified,
				Avatar: c.url + "/media/" + twin.DemoSub("zhao.yun") + ".svg",
			}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSignIn_Addresses(t *testing.T) {
	t.Parallel()
	c := start(t, twin.DemoClient(callback))
	attributes := c.conn.Args["user_response_structure"].(map[string]any)["attributes"].(map[string]any)
	if v, err := c.signIn(t, twin.DemoSub("qin.shu")); err != nil || v.Profile.Verified != gatehouse.Unverified {
		t.Errorf("a plain no is %q, %v", v.Profile.Verified, err)
	}
	if v, err := c.signIn(t, twin.DemoSub("xu.heng")); err != nil || v.Profile.Email != "" || v.Profile.Verified != gatehouse.Unstated {
		t.Errorf("nothing is %q %q, %v", v.Profile.Email, v.Profile.Verified, err)
	}
	delete(attributes, "email_verified")
	if v, err := c.signIn(t, twin.DemoSub("zhao.yun")); err != nil || v.Profile.Email == "" || v.Profile.Verified != gatehouse.Unstated {
		t.Errorf("what is not mapped is %q, %v", v.Profile.Verified, err)
	}
}

// TestBegin_Fresh: what asks the person again is said in the settings, for
// providers that know something.
func TestBegin_Fresh(t *testing.T) {
	t.Parallel()
	c := start(t, twin.DemoClient(callback))
	c.conn.Args["fresh_params"] = map[string]any{"prompt": "login", "state": "not-taken"}
	d, err := oauth2.Kinds()[0].OpenConnection(c.conn, c.env)
	if err != nil {
		t.Fatal(err)
	}
	for fresh, want := range map[bool]string{true: "login", false: ""} {
		address, err := d.Provider.Begin(t.Context(), gatehouse.Attempt{State: "state", RedirectURI: callback, Fresh: fresh})
		u, _ := url.Parse(address)
		if err != nil || u.Query().Get("prompt") != want || u.Query().Get("state") != "state" {
			t.Errorf("fresh %v: %s, %v", fresh, address, err)
		}
	}
}

func TestSignIn_Mapping(t *testing.T) {
	t.Parallel()
	c := start(t, twin.DemoClient(callback))
	c.conn.Args["mapping"] = map[string]any{
		"username": `claims.data.account.nothing ?? claims.data.account.uid`,
		"email":    `find(claims.data.mails, .confirmed == true)?.address ?? ""`, "email_verified": `true`, "groups": `["company"]`,
	}
	v, err := c.signIn(t, twin.DemoSub("zhao.yun"))
	want := gatehouse.Profile{Username: v.Subject, Email: "zhao.yun@qinghe.example.com", Verified: gatehouse.Verified, Groups: []string{"company"}}
	v.Profile.Name, v.Profile.Nickname, v.Profile.Avatar = "", "", ""
	if diff := cmp.Diff(want, v.Profile); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	c.conn.Args["mapping"] = map[string]any{"name": `claims.data.account.uid.name`}
	v, err = c.signIn(t, twin.DemoSub("zhao.yun"))
	refused(t, v, err, gatehouse.Upstream)
}

func TestSignIn_NoFaultVouchesForAnybody(t *testing.T) {
	t.Parallel()
	for _, flaw := range []twin.Flaw{twin.PlainNoID, twin.PlainEmptyID, twin.PlainFractionID, twin.AnswerError, twin.TokenType, twin.MixedUpCode} {
		t.Run(string(flaw), func(t *testing.T) {
			t.Parallel()
			c := start(t, twin.DemoClient(callback))
			c.SetFlaws(flaw)
			v, err := c.signIn(t, twin.DemoSub("nora"))
			refused(t, v, err, gatehouse.Upstream, gatehouse.Unavailable, gatehouse.Invalid)
		})
	}
	for _, path := range []string{"/plain/token", "/plain/userinfo"} {
		for name, fault := range map[string]twin.Fault{
			"Hangs": {Prefix: path, Hang: true}, "Drips": {Prefix: path, Drip: 50 * time.Millisecond}, "Huge": {Prefix: path, Huge: 64 << 20},
			"IsAPage": twin.WebPage(path), "StopsHalfway": {Prefix: path, Truncate: true}, "Breaks": {Prefix: path, Reset: true},
			"RedirectsElsewhere": twin.Redirected(path), "Is500": twin.Broken(path), "IsEmpty": twin.EmptyObject(path),
			"IsAnError": twin.ErrorObject(path), "SaysItTwice": {Prefix: path, Duplicate: map[string]any{"access_token": "other", "data": map[string]any{"account": map[string]any{"uid": 5}}}}, "IsNull": {Prefix: path, Status: 200, Body: "null"},
		} {
			t.Run(strings.Trim(path, "/")+"/"+name, func(t *testing.T) {
				t.Parallel()
				c := start(t, twin.DemoClient(callback))
				c.SetFaults(twin.Faults{List: []twin.Fault{fault}})
				if fault.Hang || fault.Drip > 0 {
					c.env.HTTP.Timeout = 300 * time.Millisecond
				}
				v, err := c.signIn(t, twin.DemoSub("nora"))
				refused(t, v, err, gatehouse.Upstream, gatehouse.Unavailable)
				for at := range c.Requests() {
					if strings.HasPrefix(at, "/elsewhere") {
						t.Errorf("followed a redirect to %s", at)
					}
				}
			})
		}
	}
}

// gitlabs is the section that GitLab's documentation gives (integration/oauth2_generic.md),
// with the addresses put in.
const gitlabs = `
url: https://hub.example
omniauth:
  providers:
    - { name: "oauth2_generic",
        label: "Provider name", # optional label for login button, defaults to "Oauth2 Generic"
        app_id: "gatehouse",
        app_secret: "SECRET",
        args: {
          client_options: {
            site: "SITE",
            user_info_url: "/plain/userinfo",
            authorize_url: "/plain/authorize",
            token_url: "/plain/token"
          },
          user_response_structure: {
            root_path: ['data', 'account'],
            id_path: ['data', 'account', 'uid'],
            attributes: {
              email: "mail",
              name: "display_name",
              nickname: "login"
            }
          },
          authorize_params: {
            scope: "account mail"
          },
          strategy_class: "OmniAuth::Strategies::OAuth2Generic"
        }
      }
`

func TestSettings_SectionOfAGitLab(t *testing.T) {
	t.Parallel()
	c := start(t, twin.DemoClient(callback))
	text := strings.NewReplacer("SITE", c.url, "SECRET", twin.DemoClientSecret).Replace(gitlabs)
	parsed, _, err := config.Parse("gitlab.yml", []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	c.conn = parsed.Connections()[0]
	if names := []string{oauth2.Kinds()[0].Name, oauth2.Kinds()[1].Name}; !slices.Contains(names, c.conn.Kind) {
		t.Fatalf("the section is of kind %q", c.conn.Kind)
	}
	v, err := c.signIn(t, twin.DemoSub("zhao.yun"))
	if err != nil || v.Subject != "9007199254740993" || v.Profile.Email != "zhao.yun@qinghe.example.com" || v.Profile.Verified != gatehouse.Unstated || v.Profile.Nickname != "zhao.yun" {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	options := func(m map[string]any) map[string]any { return map[string]any{"client_options": m} }
	for name, test := range map[string]struct {
		args  map[string]any
		names string // what the sentence must name; "" = the settings are good
	}{
		"Good":              {},
		"WholeAddresses":    {options(map[string]any{"authorize_url": "https://a.example/a", "token_url": "https://b.example/t", "user_info_url": "https://c.example/u"}), ""},
		"NoUserInfo":        {options(map[string]any{"site": "https://id.example.com"}), "args.client_options.user_info_url"},
		"NoSite":            {options(map[string]any{"user_info_url": "https://id.example.com/u"}), "args.client_options.site"},
		"SiteWithoutTLS":    {options(map[string]any{"site": "http://id.example.com", "user_info_url": "/u"}), "args.client_options.site"},
		"PathWithoutSite":   {options(map[string]any{"user_info_url": "/u"}), "args.client_options.site"},
		"IDPathIsATable":    {map[string]any{"user_response_structure": map[string]any{"id_path": map[string]any{}}}, "args.user_response_structure.id_path"},
		"RootPathIsOfFlags": {map[string]any{"user_response_structure": map[string]any{"root_path": []any{true}}}, "args.user_response_structure.root_path"},
		"Method":            {map[string]any{"client_auth_method": "mtls"}, "args.client_auth_method"},
		"UnknownAttribute":  {map[string]any{"user_response_structure": map[string]any{"attributes": map[string]any{"shoe_size": "x"}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := options(map[string]any{"site": "https://id.example.com", "user_info_url": "/me"})
			maps.Copy(args, test.args)
			_, err := oauth2.Kinds()[0].OpenConnection(
				gatehouse.Connection{Name: "company", AppID: "id", AppSecret: "very-secret", Args: args},
				integration.Env{HTTP: http.DefaultClient, Log: slog.New(slog.DiscardHandler)},
			)
			if test.names == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, gatehouse.Invalid) || !strings.Contains(err.Error(), test.names) || strings.Contains(err.Error(), "very-secret") {
				t.Errorf("%v does not name %s", err, test.names)
			}
		})
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	hosts := oauth2.Kinds()[1].ConnectionHosts
	c := gatehouse.Connection{AppID: "id", AppSecret: "secret", Args: map[string]any{
		"client_options": map[string]any{"site": "http://id.internal", "token_url": "https://tokens.internal/t", "user_info_url": "/me"},
	}}
	if diff := cmp.Diff([]string{"http://id.internal/oauth/authorize", "https://tokens.internal/t", "http://id.internal/me"}, hosts(c)); diff != "" {
		t.Error(diff)
	}
	c.AppSecret = ""
	if got := hosts(c); got != nil {
		t.Errorf("wrong settings open %v", got)
	}
}
