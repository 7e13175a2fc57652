package oauth2_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/oauth2"
)

// gitHub plays GitHub Enterprise Server by the shapes of testdata/github. change
// alters an answer by its path.
type gitHub struct {
	url  string
	asks []*http.Request
	sent url.Values // to the token endpoint
}

type answer struct {
	status int
	body   string
}

func startGitHub(t *testing.T, change map[string]answer) *gitHub {
	t.Helper()
	g := &gitHub{}
	files := map[string]string{
		"/login/oauth/access_token": "token.json", "/api/v3/user": "user.json", "/api/v3/user/emails": "emails.json",
		"/api/v3/user/memberships/orgs/paintings": "membership.json",
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.asks = append(g.asks, r)
		if r.Method == http.MethodPost {
			_ = r.ParseForm()
			g.sent = r.PostForm
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		if a, changed := change[r.URL.Path]; changed {
			w.WriteHeader(a.status)
			_, _ = w.Write([]byte(a.body))
			return
		}
		text, err := os.ReadFile("testdata/github/" + files[r.URL.Path])
		if err != nil {
			w.WriteHeader(http.StatusNotFound)
			text = []byte(`{"message":"Not Found","documentation_url":"https://docs.github.com/rest","status":"404"}`)
		}
		_, _ = w.Write(text)
	}))
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

func (g *gitHub) door(t *testing.T, args map[string]any) integration.Door {
	t.Helper()
	c := gatehouse.Connection{Name: "github", Label: "GitHub", AppID: "client", AppSecret: "s3cret", Args: map[string]any{"url": g.url + "/"}}
	for k, v := range args {
		c.Args[k] = v
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	d, err := oauth2.GitHub().OpenConnection(c, integration.Env{
		HTTP: &http.Client{Transport: transport, Timeout: time.Minute}, Clock: time.Now, Log: slog.New(slog.DiscardHandler), Development: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (g *gitHub) signIn(t *testing.T, args map[string]any) (gatehouse.Vouched, error) {
	t.Helper()
	a := gatehouse.Attempt{State: "state", Verifier: strings.Repeat("verifier-", 6), RedirectURI: callback}
	return g.door(t, args).Provider.Finish(t.Context(), a, url.Values{"code": {"code"}, "state": {"state"}})
}

func TestGitHub(t *testing.T) {
	t.Parallel()
	g := startGitHub(t, nil)
	v, err := g.signIn(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := gatehouse.Profile{
		Username: "mona-lisa", Nickname: "mona-lisa", Name: "Mona Lisa", Email: "mona@example.com", Verified: gatehouse.Verified,
		Avatar: "https://avatars.example.com/u/12345678?v=4", WebURL: "https://github.com/mona-lisa", Organization: "@paintings", Location: "Paris",
		Bio: "Smiles.", Website: "https://mona.example.com",
	}
	if diff := cmp.Diff(want, v.Profile); diff != "" || v.Subject != "12345678" {
		t.Errorf("%q: %s", v.Subject, diff)
	}
	if v.Tokens == nil || !cmp.Equal(v.Tokens.Scopes, []string{"read:org", "user:email"}) || !v.Tokens.ExpiresAt.IsZero() {
		t.Errorf("tokens %+v", v.Tokens)
	}
	if g.sent.Get("client_secret") != "s3cret" || g.sent.Get("code_verifier") == "" {
		t.Errorf("sent %v", g.sent)
	}
	for _, r := range g.asks[1:] {
		if r.Header.Get("Authorization") != "Bearer gho_16C7e42F292c6912E7710c838347Ae178B4a" || r.Header.Get("User-Agent") == "" {
			t.Errorf("%s with %v", r.URL, r.Header) // GitHub answers 403 without a User-Agent
		}
	}
}

func TestGitHub_Addresses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args map[string]any
		want string
	}{
		"GitHubCom":  {map[string]any{"url": "https://github.com/"}, "https://github.com/login/oauth/authorize?"},
		"Enterprise": {map[string]any{"url": "https://github.example.com"}, "https://github.example.com/login/oauth/authorize?"},
		"ClientOptions": {map[string]any{"url": nil, "client_options": map[string]any{
			"site": "https://github.example.com/api/v3", "authorize_url": "https://github.example.com/login/oauth/authorize",
			"token_url": "https://github.example.com/login/oauth/access_token",
		}}, "https://github.example.com/login/oauth/authorize?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := (&gitHub{}).door(t, test.args)
			a := gatehouse.Attempt{State: "state", Verifier: strings.Repeat("verifier-", 6), RedirectURI: callback, Fresh: true}
			address, err := d.Provider.Begin(t.Context(), a)
			if err != nil || !strings.HasPrefix(address, test.want) || !strings.Contains(address, "scope=user%3Aemail") || !strings.Contains(address, "prompt=select_account") {
				t.Errorf("%s, %v", address, err)
			}
		})
	}
	hosts := oauth2.GitHub().ConnectionHosts(gatehouse.Connection{AppID: "a", AppSecret: "b"})
	if !cmp.Equal(hosts, []string{"https://github.com/login/oauth/authorize", "https://github.com/login/oauth/access_token", "https://api.github.com/user"}) {
		t.Errorf("hosts %v", hosts)
	}
}

func TestGitHub_WhoMayComeIn(t *testing.T) {
	t.Parallel()
	const emails, member = "/api/v3/user/emails", "/api/v3/user/memberships/orgs/paintings"
	required := map[string]any{"required_organizations": []any{"sculptures", "Paintings"}}
	for name, test := range map[string]struct {
		args   map[string]any
		change map[string]answer
		check  func(gatehouse.Vouched) bool
		kind   gatehouse.ErrorKind // "" = good
	}{
		"Member": {required, map[string]answer{"/api/v3/user/memberships/orgs/Paintings": {200, `{"state":"active","organization":{"login":"paintings"}}`}}, func(v gatehouse.Vouched) bool {
			return cmp.Equal(v.Profile.Groups, []string{"Paintings"})
		}, ""},
		"NoMember":            {map[string]any{"required_organizations": "sculptures"}, nil, nil, gatehouse.Forbidden},
		"Invited":             {map[string]any{"required_organizations": "paintings"}, map[string]answer{member: {200, `{"state":"pending","organization":{"login":"paintings"}}`}}, nil, gatehouse.Forbidden},
		"NotTold":             {map[string]any{"required_organizations": "paintings"}, map[string]answer{member: {403, `{}`}}, nil, gatehouse.Forbidden},
		"MembershipOfAnother": {map[string]any{"required_organizations": "paintings"}, map[string]answer{member: {200, `{"state":"active","organization":{"login":"others"}}`}}, nil, gatehouse.Upstream},
		"MembershipIsHTML":    {map[string]any{"required_organizations": "paintings"}, map[string]answer{member: {200, `<html>`}}, nil, gatehouse.Upstream},
		"MembershipIsDown":    {map[string]any{"required_organizations": "paintings"}, map[string]answer{member: {503, ``}}, nil, gatehouse.Unavailable},
		"UnverifiedAddress": {nil, map[string]answer{emails: {200, `[{"email":"a@example.com","primary":true,"verified":false}]`}}, func(v gatehouse.Vouched) bool {
			return v.Profile.Email == "a@example.com" && v.Profile.Verified == gatehouse.Unverified
		}, ""},
		"NoAddress": {nil, map[string]answer{emails: {200, `[]`}}, func(v gatehouse.Vouched) bool {
			return v.Profile.Email == "" && v.Profile.Verified == gatehouse.Unstated
		}, ""},
		"AddressesNeedAScope": {nil, map[string]answer{emails: {404, `{"message":"Not Found"}`}}, nil, gatehouse.Upstream},
		"AddressesAreATable":  {nil, map[string]answer{emails: {200, `{"email":"a@example.com"}`}}, nil, gatehouse.Upstream},
		"AddressesAreHuge":    {nil, map[string]answer{emails: {200, strings.Repeat(" ", 2<<20) + `[]`}}, nil, gatehouse.Upstream},
		"CodeIsOld":           {nil, map[string]answer{"/login/oauth/access_token": {200, read(t, "token_error.json")}}, nil, gatehouse.Invalid},
		"SecretIsWrong":       {nil, map[string]answer{"/login/oauth/access_token": {200, `{"error":"incorrect_client_credentials"}`}}, nil, gatehouse.Upstream},
		"LoginIsNoSubject":    {nil, map[string]answer{"/api/v3/user": {200, `{"login":"mona-lisa"}`}}, nil, gatehouse.Upstream},
		"IDIsZero":            {nil, map[string]answer{"/api/v3/user": {200, `{"login":"mona-lisa","id":0}`}}, nil, gatehouse.Upstream},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := startGitHub(t, test.change).signIn(t, test.args)
			switch {
			case test.kind != "" && (!errors.Is(err, test.kind) || v.Subject != "" || v.Tokens != nil):
				t.Errorf("%+v, %v; want %s", v, err, test.kind)
			case test.kind == "" && (err != nil || !test.check(v)):
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/github/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestGitHub_Settings(t *testing.T) {
	t.Parallel()
	good := gatehouse.Connection{Name: "github", AppID: "a", AppSecret: "b"}
	for name, change := range map[string]func(*gatehouse.Connection){
		"NoClientID":      func(c *gatehouse.Connection) { c.AppID = "" },
		"NoSecret":        func(c *gatehouse.Connection) { c.AppSecret = "" },
		"PlainURL":        func(c *gatehouse.Connection) { c.Args = map[string]any{"url": "http://github.example.com"} },
		"NoOrganizations": func(c *gatehouse.Connection) { c.Args = map[string]any{"required_organizations": []any{}} },
		"TooMany": func(c *gatehouse.Connection) {
			c.Args = map[string]any{"required_organizations": strings.Repeat("a ", 21)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good
			change(&c)
			if _, err := oauth2.GitHub().OpenConnection(c, integration.Env{Log: slog.New(slog.DiscardHandler)}); !errors.Is(err, gatehouse.Invalid) {
				t.Errorf("got %v", err)
			}
		})
	}
}
