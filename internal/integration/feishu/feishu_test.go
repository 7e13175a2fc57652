package feishu

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"gatehouse"
	"gatehouse/internal/integration"
)

const (
	callback  = "https://hub.example/users/auth/feishu/callback"
	appSecret = "baBqE5um9LbFGDy3X7LcfxQX1sqpXlwy" // #nosec G101 -- made up
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// reply is what the stand-in answers at one path.
type reply struct {
	status int
	body   string
	hang   bool
	to     string // redirects there
}

// fixture is an answer of testdata.
func fixture(t *testing.T, status int, name string) reply {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return reply{status: status, body: string(body)}
}

// stage is a Feishu that gives recorded answers, with a door in front of it. It
// insists on the requests that the documentation describes.
type stage struct {
	*testing.T
	door    integration.Door
	replies map[string]reply
	sent    map[string]string // to the token endpoint
}

func newStage(t *testing.T, args map[string]any) *stage {
	t.Helper()
	s := &stage{T: t, replies: map[string]reply{tokenPath: fixture(t, 200, "token"), userPath: fixture(t, 200, "user_info")}}
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, release) }))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(release) })
	all := map[string]any{"client_options": map[string]any{"accounts_url": srv.URL, "api_url": srv.URL + "/"}}
	for k, v := range args {
		all[k] = v
	}
	door, err := Kinds()[0].OpenConnection(connection(all), environment(srv.Client()))
	if err != nil {
		t.Fatal(err)
	}
	s.door = door
	return s
}

func (s *stage) serve(w http.ResponseWriter, r *http.Request, release <-chan struct{}) {
	switch r.URL.Path {
	case tokenPath:
		body, _ := io.ReadAll(r.Body)
		s.sent = map[string]string{}
		if r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") || json.Unmarshal(body, &s.sent) != nil {
			s.Errorf("%s %s of %s: %s", r.Method, r.URL, r.Header.Get("Content-Type"), body)
		}
	case userPath:
		if r.Method != http.MethodGet || r.Header.Get("Authorization") != "Bearer eyJhbGciOiJFUzI1NiIs.made-up-access.token" || r.URL.RawQuery != "" {
			s.Errorf("%s %s with %q", r.Method, r.URL, r.Header.Get("Authorization"))
		}
	default:
		s.Errorf("%s was asked for", r.URL)
	}
	a := s.replies[r.URL.Path]
	if a.hang {
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return
	}
	if a.to != "" {
		w.Header().Set("Location", a.to)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func connection(args map[string]any) gatehouse.Connection {
	return gatehouse.Connection{Name: "feishu", Label: "Feishu", Kind: "feishu", AppID: "cli_a5ca35a685b0x26e", AppSecret: appSecret, Args: args}
}

func environment(c *http.Client) integration.Env {
	return integration.Env{HTTP: c, Clock: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)}
}

func attempt() gatehouse.Attempt {
	return gatehouse.Attempt{State: "the-state_1", Nonce: "never sent", Verifier: strings.Repeat("v", 43), RedirectURI: callback}
}

func (s *stage) finish() (gatehouse.Vouched, error) {
	return s.door.Provider.Finish(s.Context(), attempt(), url.Values{"code": {"a61hb967bd094dge949h79bbexd16dfe"}, "state": {"the-state_1"}})
}

// refused wants a sentence of a kind, nobody vouched for, and no secret.
func refused(t *testing.T, v gatehouse.Vouched, err error, kind gatehouse.ErrorKind, says string) *gatehouse.Error {
	t.Helper()
	var e *gatehouse.Error
	if v.Subject != "" || v.Tokens != nil || !errors.As(err, &e) || e.Kind != kind || !strings.Contains(e.Error(), says) {
		t.Fatalf("vouched for %q; got %v, want %s with %q", v.Subject, err, kind, says)
	}
	for _, secret := range []string{appSecret, "made-up-access", "made-up-refresh", "a61hb967bd094dge949h79bbexd16dfe"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error holds a secret: %v", err)
		}
	}
	return e
}

func TestBegin(t *testing.T) {
	t.Parallel()
	for _, k := range Kinds() {
		c := connection(map[string]any{"scope": "offline_access contact:user.email:readonly"})
		d, err := k.OpenConnection(c, environment(http.DefaultClient))
		if err != nil {
			t.Fatal(err)
		}
		address, err := d.Provider.Begin(t.Context(), attempt())
		u, _ := url.Parse(address)
		if err != nil || u.Scheme != "https" || u.Path != authorizePath {
			t.Fatalf("%s, %v", address, err)
		}
		want := url.Values{
			"client_id": {c.AppID}, "response_type": {"code"}, "redirect_uri": {callback}, "state": {"the-state_1"},
			"scope":          {"offline_access contact:user.email:readonly"},
			"code_challenge": {oauth2.S256ChallengeFromVerifier(strings.Repeat("v", 43))}, "code_challenge_method": {"S256"},
		}
		if diff := cmp.Diff(want, u.Query()); diff != "" {
			t.Error(diff)
		}
		host := map[string]string{"feishu": "accounts.feishu.cn", "lark": "accounts.larksuite.com"}[k.Name]
		api := map[string]string{"feishu": "https://open.feishu.cn", "lark": "https://open.larksuite.com"}[k.Name]
		if u.Host != host || !slices.Equal(k.ConnectionHosts(c), []string{api}) {
			t.Errorf("%s goes to %s and asks %v", k.Name, u.Host, k.ConnectionHosts(c))
		}
	}
}

func TestFinish(t *testing.T) {
	t.Parallel()
	t.Run("TheSubjectIsTheUnionID", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		v, err := s.finish()
		want := gatehouse.Vouched{
			Subject: "on-d89jhsdhjsajkda7828enjdj328ydhhw3u43yjhdj",
			Aliases: map[string]string{"openid": "ou-caecc734c2e3328a62489fe0648c4b98779515d3", "user_id": "5d9bd001"},
			Profile: gatehouse.Profile{
				Name: "李娜", Nickname: "Na Li", Email: "li.na@example.com", Avatar: "https://www.feishu.cn/avatar/icon_middle", Phone: "+8613000288300",
			},
			Tokens: &gatehouse.Tokens{
				Access: "eyJhbGciOiJFUzI1NiIs.made-up-access.token", Refresh: "eyJhbGciOiJFUzI1NiIs.made-up-refresh.token",
				Scopes: []string{"auth:user.id:read", "offline_access", "user_profile"}, ExpiresAt: noon.Add(2 * time.Hour),
			},
			Facts: map[string]string{"tenant_key": "736588c92lxf175d", "employee_no": "111222333"},
		}
		if diff := cmp.Diff(want, v); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		sent := map[string]string{
			"grant_type": "authorization_code", "client_id": "cli_a5ca35a685b0x26e", "client_secret": appSecret,
			"code": "a61hb967bd094dge949h79bbexd16dfe", "redirect_uri": callback, "code_verifier": strings.Repeat("v", 43),
		}
		if diff := cmp.Diff(sent, s.sent); diff != "" {
			t.Error(diff)
		}
	})
	for name, c := range map[string]struct {
		args  map[string]any
		email string
		says  gatehouse.Verification
	}{
		"TheCompanysOnly":                  {nil, "li.na@example.com", gatehouse.Unstated},
		"VerifiedWhereTheConnectionSaysSo": {map[string]any{"email_verified": true}, "li.na@example.com", gatehouse.Verified},
		"ContactDetailsAreUnverified":      {map[string]any{"email_source": "email", "email_verified": true}, "lina@mail.example.net", gatehouse.Unverified},
		"None":                             {map[string]any{"email_source": "none"}, "", gatehouse.Unstated},
	} {
		t.Run("Addresses/"+name, func(t *testing.T) {
			t.Parallel()
			v, err := newStage(t, c.args).finish()
			if err != nil || v.Profile.Email != c.email || v.Profile.Verified != c.says {
				t.Errorf("%q is %q, %v", v.Profile.Email, v.Profile.Verified, err)
			}
		})
	}
	t.Run("WithoutPermissionsThereIsLess", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		s.replies[tokenPath], s.replies[userPath] = fixture(t, 200, "token_without_refresh"), fixture(t, 200, "user_info_bare")
		v, err := s.finish()
		if err != nil || v.Subject != "on-7d3a9e8c5b6f4a21b0c9" || v.Profile.Email != "" || v.Profile.Name != "王芳" || v.Tokens.Refresh != "" || len(v.Aliases) != 1 {
			t.Errorf("%+v, %v", v, err)
		}
	})
	t.Run("ListedCompanies", func(t *testing.T) {
		t.Parallel()
		if v, err := newStage(t, map[string]any{"tenant_keys": []any{"another", "736588c92lxf175d"}}).finish(); err != nil || v.Subject == "" {
			t.Errorf("%+v, %v", v, err)
		}
		v, err := newStage(t, map[string]any{"tenant_keys": "another"}).finish()
		e := refused(t, v, err, gatehouse.Forbidden, "companies")
		if e.Facts["tenant_key"] != "736588c92lxf175d" {
			t.Errorf("facts %v", e.Facts)
		}
		s := newStage(t, map[string]any{"tenant_keys": "another"})
		s.replies[userPath] = reply{status: 200, body: `{"code":0,"data":{"union_id":"on-1"}}`}
		v, err = s.finish()
		refused(t, v, err, gatehouse.Forbidden, "companies") // no company told is none of the listed
	})
}

func TestFinish_FeishusNoInWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, file string
		status     int
		kind       gatehouse.ErrorKind
		says       string
	}{
		"AUsedCode":             {tokenPath, "token_used_code", 400, gatehouse.Invalid, "used before"},
		"AWrongSecret":          {tokenPath, "token_wrong_secret", 400, gatehouse.Upstream, "client ID and secret"},
		"TheAppIsNotForThem":    {tokenPath, "token_not_available", 400, gatehouse.Forbidden, "make it available"},
		"TheAppIsNotThere":      {tokenPath, "token_not_installed", 400, gatehouse.Unavailable, "not installed"},
		"Busy":                  {tokenPath, "token_busy", 500, gatehouse.Unavailable, "20050"},
		"WhoLeft":               {userPath, "user_info_resigned", 200, gatehouse.Forbidden, "not active"},
		"WhoIsFrozen":           {userPath, "user_info_frozen", 200, gatehouse.Forbidden, "not active"},
		"APermissionIsMissing":  {userPath, "permission", 400, gatehouse.Unavailable, "permission"},
		"OneThatIsInTheText":    {userPath, "permission_text", 400, gatehouse.Unavailable, "permission"},
		"AnErrorWithAGoodState": {tokenPath, "token_used_code", 200, gatehouse.Invalid, "used before"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, nil)
			s.replies[c.path] = fixture(t, c.status, c.file)
			v, err := s.finish()
			e := refused(t, v, err, c.kind, c.says)
			want := map[string]string{"permission": "contact:user.employee:readonly, contact:user.email:readonly", "permission_text": "contact:user.employee:readonly"}[c.file]
			if e.Facts["missing_permission"] != want {
				t.Errorf("facts %v, want %q", e.Facts, want)
			}
		})
	}
}

func TestFinish_HostileAnswersVouchForNobody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path string
		r    reply
		kind gatehouse.ErrorKind
	}{
		"HTML":              {tokenPath, reply{status: 200, body: "<html>blocked</html>"}, gatehouse.Upstream},
		"HTMLAndDown":       {userPath, reply{status: 502, body: "<html>bad gateway</html>"}, gatehouse.Unavailable},
		"AnEmptyAnswer":     {tokenPath, reply{status: 200, body: ""}, gatehouse.Upstream},
		"NoCode":            {tokenPath, reply{status: 200, body: `{"access_token":"x"}`}, gatehouse.Upstream},
		"CodeIsAText":       {tokenPath, reply{status: 200, body: `{"code":"none","access_token":"x"}`}, gatehouse.Upstream},
		"CodeIsTwice":       {tokenPath, reply{status: 200, body: `{"code":1,"code":0,"access_token":"x"}`}, gatehouse.Upstream},
		"NoToken":           {tokenPath, reply{status: 200, body: `{"code":0}`}, gatehouse.Upstream},
		"AnotherTokenType":  {tokenPath, reply{status: 200, body: `{"code":0,"access_token":"x","token_type":"mac"}`}, gatehouse.Upstream},
		"Huge":              {tokenPath, reply{status: 200, body: `{"code":0,"access_token":"` + strings.Repeat("a", 2<<20) + `"}`}, gatehouse.Upstream},
		"ARedirect":         {tokenPath, reply{status: 302, to: "https://evil.example/", body: `{"code":0}`}, gatehouse.Upstream},
		"NobodyAtAll":       {userPath, reply{status: 200, body: `{"code":0,"msg":"success"}`}, gatehouse.Upstream},
		"NoUnionID":         {userPath, reply{status: 200, body: `{"code":0,"data":{"open_id":"ou-1","name":"x"}}`}, gatehouse.Upstream},
		"AnEmptyUnionID":    {userPath, reply{status: 200, body: `{"code":0,"data":{"union_id":" "}}`}, gatehouse.Upstream},
		"AUnionIDOfALot":    {userPath, reply{status: 200, body: `{"code":0,"data":{"union_id":["on-1","on-2"]}}`}, gatehouse.Upstream},
		"AnEndlessUnionID":  {userPath, reply{status: 200, body: `{"code":0,"data":{"union_id":"` + strings.Repeat("o", 5000) + `"}}`}, gatehouse.Upstream},
		"DataIsAList":       {userPath, reply{status: 200, body: `{"code":0,"data":[{"union_id":"on-1"}]}`}, gatehouse.Upstream},
		"AnUnknownCode":     {userPath, reply{status: 200, body: `{"code":31337,"msg":"<script>"}`}, gatehouse.Upstream},
		"GoodWithABadState": {userPath, reply{status: 403, body: `{"code":0,"data":{"union_id":"on-1"}}`}, gatehouse.Upstream},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, nil)
			s.replies[c.path] = c.r
			v, err := s.finish()
			e := refused(t, v, err, c.kind, "")
			if strings.Contains(e.Sentence(), "<") {
				t.Errorf("markup of theirs in our sentence: %s", e.Sentence())
			}
		})
	}
	t.Run("Silence", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		s.replies[tokenPath] = reply{hang: true}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		v, err := s.door.Provider.Finish(ctx, attempt(), url.Values{"code": {"c"}})
		refused(t, v, err, gatehouse.Unavailable, "")
	})
	for name, answer := range map[string]url.Values{
		"NoCode": {"state": {"x"}}, "TwoCodes": {"code": {"a", "b"}}, "AHugeCode": {"code": {strings.Repeat("a", 5000)}},
	} {
		t.Run("TheAnswerOfTheBrowser/"+name, func(t *testing.T) {
			t.Parallel()
			v, err := newStage(t, nil).door.Provider.Finish(t.Context(), attempt(), answer)
			refused(t, v, err, gatehouse.Invalid, "")
		})
	}
	t.Run("ThePersonSaidNo", func(t *testing.T) {
		t.Parallel()
		v, err := newStage(t, nil).door.Provider.Finish(t.Context(), attempt(), url.Values{"error": {"access_denied"}})
		refused(t, v, err, gatehouse.Forbidden, "denied")
	})
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil)
	got, err := s.door.Refresher.Refresh(t.Context(), gatehouse.Tokens{Access: "a", Refresh: "r", Scopes: []string{"x"}})
	want := gatehouse.Tokens{
		Access: "eyJhbGciOiJFUzI1NiIs.made-up-access.token", Refresh: "eyJhbGciOiJFUzI1NiIs.made-up-refresh.token",
		Scopes: []string{"auth:user.id:read", "offline_access", "user_profile"}, ExpiresAt: noon.Add(2 * time.Hour),
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if s.sent["grant_type"] != "refresh_token" || s.sent["refresh_token"] != "r" || s.sent["code"] != "" {
		t.Errorf("sent %v", s.sent)
	}
	s.replies[tokenPath] = reply{status: 400, body: `{"code":20073,"error":"invalid_grant"}`}
	if _, err := s.door.Refresher.Refresh(t.Context(), gatehouse.Tokens{Refresh: "r"}); !errors.Is(err, gatehouse.Invalid) {
		t.Errorf("a used one: %v", err)
	}
	if _, err := s.door.Refresher.Refresh(t.Context(), gatehouse.Tokens{Access: "a"}); !errors.Is(err, gatehouse.Invalid) {
		t.Errorf("without one: %v", err)
	}
}

func TestOpenRefusesWrongSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		c    gatehouse.Connection
		says string
	}{
		"NoSecret":        {gatehouse.Connection{Name: "f", AppID: "x"}, "app_secret"},
		"NoID":            {gatehouse.Connection{Name: "f", AppSecret: "x"}, "app_id"},
		"UnknownSource":   {connection(map[string]any{"email_source": "guess"}), "email_source"},
		"ATenantOfSpaces": {connection(map[string]any{"tenant_keys": []any{"../x"}}), "tenant_keys"},
		"AnAddress":       {connection(map[string]any{"client_options": map[string]any{"api_url": "open.feishu.cn"}}), "api_url"},
		"PlainHTTP":       {connection(map[string]any{"client_options": map[string]any{"api_url": "http://open.feishu.cn"}}), "api_url"},
		"VerifiedMaybe":   {connection(map[string]any{"email_verified": "maybe"}), "email_verified"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Kinds()[0].OpenConnection(c.c, environment(http.DefaultClient))
			refused(t, gatehouse.Vouched{}, err, gatehouse.Invalid, c.says)
			if hosts := Kinds()[0].ConnectionHosts(c.c); len(hosts) > 1 {
				t.Errorf("wrong settings name %v", hosts)
			}
		})
	}
}
