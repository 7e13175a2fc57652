package wecom

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
)

const (
	callback  = "https://hub.example/users/auth/wecom/callback"
	appSecret = "made-up-secret-of-the-app" // #nosec G101 -- made up

	tokenPath, infoPath, userPath     = "/cgi-bin/gettoken", "/cgi-bin/auth/getuserinfo", "/cgi-bin/user/get"
	detailPath, departmentPath, party = "/cgi-bin/auth/getuserdetail", "/cgi-bin/department/get", "/cgi-bin/department/get?id="
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
func fixture(t *testing.T, name string) reply {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return reply{status: 200, body: string(body)}
}

// stage is a WeCom that gives recorded answers, with a door in front of it. It
// insists on the requests that the documentation describes.
type stage struct {
	*testing.T
	door integration.Door

	mu      sync.Mutex
	replies map[string]reply
	asked   map[string]int
	stale   bool // the next token is refused once
}

func newStage(t *testing.T, args map[string]any) *stage {
	t.Helper()
	s := &stage{T: t, asked: map[string]int{}, replies: map[string]reply{
		tokenPath: fixture(t, "gettoken"), infoPath: fixture(t, "getuserinfo"), userPath: fixture(t, "user"), detailPath: fixture(t, "getuserdetail"),
		party + "5": fixture(t, "department"), party + "2": fixture(t, "department_top"), party + "6": {status: 200, body: `{"errcode":60011,"errmsg":"no privilege"}`},
	}}
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, release) }))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(release) })
	all := map[string]any{"agent_id": int64(1000002), "client_options": map[string]any{"api_url": srv.URL}}
	for k, v := range args {
		all[k] = v
	}
	door, err := Kind().OpenConnection(connection(all), environment(srv.Client()))
	if err != nil {
		t.Fatal(err)
	}
	s.door = door
	return s
}

func (s *stage) serve(w http.ResponseWriter, r *http.Request, release <-chan struct{}) {
	s.mu.Lock()
	q, key := r.URL.Query(), r.URL.Path
	if key == departmentPath {
		key += "?id=" + q.Get("id")
	}
	s.asked[key]++
	a, known := s.replies[key]
	switch {
	case !known:
		s.Errorf("%s was asked for", r.URL)
	case r.URL.Path == tokenPath:
		if q.Get("corpid") != "ww1234567890abcdef" || q.Get("corpsecret") != appSecret {
			s.Errorf("%s", r.URL)
		}
	case q.Get("access_token") != "made-up-app-token":
		s.Errorf("%s has no token", r.URL)
	case s.stale:
		a, s.stale = reply{status: 200, body: `{"errcode":42001,"errmsg":"access_token expired"}`}, false
	case r.URL.Path == infoPath && q.Get("code") != "the-code", r.URL.Path == userPath && q.Get("userid") != "LiNa":
		s.Errorf("%s", r.URL)
	case r.URL.Path == detailPath:
		if body, _ := io.ReadAll(r.Body); r.Method != http.MethodPost || string(body) != `{"user_ticket":"made-up-ticket"}` {
			s.Errorf("%s %s", r.Method, body)
		}
	}
	s.mu.Unlock()
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
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func connection(args map[string]any) gatehouse.Connection {
	return gatehouse.Connection{Name: "wecom", Label: "WeCom", Kind: "wecom", AppID: "ww1234567890abcdef", AppSecret: appSecret, Args: args}
}

func environment(c *http.Client) integration.Env {
	return integration.Env{HTTP: c, Clock: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)}
}

func (s *stage) finish() (gatehouse.Vouched, error) {
	return s.door.Provider.Finish(s.Context(), gatehouse.Attempt{}, url.Values{"code": {"the-code"}, "state": {"s"}})
}

// refused wants a sentence of a kind, nobody vouched for, and no secret.
func refused(t *testing.T, v gatehouse.Vouched, err error, kind gatehouse.ErrorKind, says string) *gatehouse.Error {
	t.Helper()
	var e *gatehouse.Error
	if v.Subject != "" || !errors.As(err, &e) || e.Kind != kind || !strings.Contains(e.Error(), says) {
		t.Fatalf("vouched for %q; got %v, want %s with %q", v.Subject, err, kind, says)
	}
	for _, secret := range []string{appSecret, "made-up-app-token", "made-up-ticket", "the-code"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error holds a secret: %v", err)
		}
	}
	return e
}

func TestBegin(t *testing.T) {
	t.Parallel()
	d, err := Kind().OpenConnection(connection(map[string]any{"agent_id": "1000002", "client_scope": "snsapi_privateinfo"}), environment(http.DefaultClient))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ agent, locale, want string }{
		"InABrowser":  {"Mozilla/5.0", "zh-CN", "https://login.work.weixin.qq.com/wwlogin/sso/login?login_type=CorpApp&appid=ww1234567890abcdef&agentid=1000002&redirect_uri=https%3A%2F%2Fhub.example%2Fusers%2Fauth%2Fwecom%2Fcallback&state=s1&lang=zh"},
		"InEnglish":   {"", "en", "https://login.work.weixin.qq.com/wwlogin/sso/login?login_type=CorpApp&appid=ww1234567890abcdef&agentid=1000002&redirect_uri=https%3A%2F%2Fhub.example%2Fusers%2Fauth%2Fwecom%2Fcallback&state=s1&lang=en"},
		"InTheClient": {"Mozilla/5.0 (iPhone) wxwork/4.1.0 MicroMessenger/7.0.1", "zh-CN", "https://open.weixin.qq.com/connect/oauth2/authorize?appid=ww1234567890abcdef&redirect_uri=https%3A%2F%2Fhub.example%2Fusers%2Fauth%2Fwecom%2Fcallback&response_type=code&scope=snsapi_privateinfo&state=s1&agentid=1000002#wechat_redirect"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := d.Provider.Begin(t.Context(), gatehouse.Attempt{State: "s1", RedirectURI: callback, Agent: c.agent, Locale: c.locale})
			if err != nil || got != c.want {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
}

func TestFinish(t *testing.T) {
	t.Parallel()
	t.Run("TheSubjectIsTheUserID", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		v, err := s.finish()
		want := gatehouse.Vouched{
			Subject: "lina", Aliases: map[string]string{"userid": "LiNa"},
			Profile: gatehouse.Profile{
				Username: "LiNa", Name: "李娜", Nickname: "娜娜", Title: "高级工程师", Email: "li.na@example.com", Phone: "+8613800000000",
				Avatar: "https://wework.qpic.cn/avatar/0", Groups: []string{"研发中心/身份-安全组", "6"}, // the app may not see the name of 6
			},
			Facts: map[string]string{"company": "ww1234567890abcdef", "departments": "研发中心/身份-安全组 (5), (6)"},
		}
		if diff := cmp.Diff(want, v); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		if _, err := s.finish(); err != nil || s.asked[tokenPath] != 1 || s.asked[party+"2"] != 1 || s.asked[detailPath] != 0 {
			t.Errorf("the second time: %v, %v", s.asked, err)
		}
	})
	t.Run("CapitalsMakeNoOtherPerson", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		s.replies[userPath] = fixture(t, "user_bare") // the directory writes lina
		v, err := s.finish()
		if err != nil || v.Subject != "lina" || v.Profile.Email != "" || v.Profile.Username != "LiNa" {
			t.Errorf("%+v, %v", v, err)
		}
	})
	t.Run("TheOlderSpelling", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		s.replies[infoPath] = fixture(t, "getuserinfo_older")
		if v, err := s.finish(); err != nil || v.Subject != "lina" {
			t.Errorf("%+v, %v", v, err)
		}
	})
	t.Run("WhatThePersonAgreedToWins", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, map[string]any{"email_verified": true})
		s.replies[infoPath] = fixture(t, "getuserinfo_ticket")
		v, err := s.finish()
		p := v.Profile
		if err != nil || p.Email != "na.li@example.com" || p.Verified != gatehouse.Verified || p.Phone != "+8613900000000" || p.Avatar != "https://shp.qpic.cn/bizmp/made-up/0" {
			t.Errorf("%+v, %v", p, err)
		}
	})
	t.Run("DetailsOfSomebodyElseAreLeftOut", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		s.replies[infoPath] = fixture(t, "getuserinfo_ticket")
		s.replies[detailPath] = reply{status: 200, body: `{"errcode":0,"userid":"boss","biz_mail":"boss@example.com"}`}
		v, err := s.finish()
		if err != nil || v.Profile.Email != "li.na@example.com" || v.Facts["details_unread"] == "" {
			t.Errorf("%+v, %v", v, err)
		}
	})
	t.Run("AnotherSourceOfTheAddress", func(t *testing.T) {
		t.Parallel()
		for source, want := range map[string]string{"email": "lina@mail.example.net", "none": ""} {
			v, err := newStage(t, map[string]any{"email_source": source, "email_verified": true}).finish()
			if err != nil || v.Profile.Email != want || v.Profile.Verified == gatehouse.Verified {
				t.Errorf("%s: %+v, %v", source, v.Profile, err)
			}
		}
	})
	t.Run("DepartmentsByIDOrNotAtAll", func(t *testing.T) {
		t.Parallel()
		for setting, want := range map[string][]string{"id": {"5", "6"}, "none": nil} {
			v, err := newStage(t, map[string]any{"groups": setting}).finish()
			if diff := cmp.Diff(want, v.Profile.Groups); err != nil || diff != "" {
				t.Errorf("%s: %v\n%s", setting, err, diff)
			}
		}
	})
	t.Run("ATokenThatIsOverIsFetchedAnewOnce", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		s.stale = true
		if v, err := s.finish(); err != nil || v.Subject != "lina" || s.asked[tokenPath] != 2 {
			t.Errorf("%+v, %v, %v", v, err, s.asked)
		}
	})
}

func TestFinish_OnlyPeopleOfTheCompany(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, file string
		args       map[string]any
		says       string
		fact       string
	}{
		"FromOutside":         {infoPath, "getuserinfo_outside", nil, "from outside", "external_userid"},
		"OfALinkedCompany":    {infoPath, "getuserinfo_linked", nil, "linked", "userid"},
		"ToWhomTheAppIsNone":  {userPath, "user_unseen", nil, "not visible", ""},
		"WhoIsNotThere":       {userPath, "user_absent", map[string]any{"membership": "company"}, "not visible", ""},
		"WhoseAccountIsEnded": {userPath, "user_disabled", map[string]any{"membership": "company"}, "not active", "status"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, c.args)
			s.replies[c.path] = fixture(t, c.file)
			v, err := s.finish()
			e := refused(t, v, err, gatehouse.Forbidden, c.says)
			if c.fact != "" && e.Facts[c.fact] == "" {
				t.Errorf("facts %v", e.Facts)
			}
		})
	}
	t.Run("EverybodyInItWhereTheConnectionSaysSo", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, map[string]any{"membership": "company"})
		s.replies[userPath] = fixture(t, "user_unseen")
		v, err := s.finish()
		if err != nil || v.Subject != "lina" || v.Profile.Name != "LiNa" || v.Facts["directory"] == "" {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

func TestFinish_WeComsNoInWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path string
		r    string // file, or the answer itself
		kind gatehouse.ErrorKind
		says string
		fact string
	}{
		"AUsedCode":        {infoPath, "getuserinfo_code", gatehouse.Invalid, "used before", ""},
		"AWrongSecret":     {tokenPath, "gettoken_secret", gatehouse.Upstream, "client ID and secret", ""},
		"OurAddress":       {tokenPath, "gettoken_ip", gatehouse.Unavailable, "trusted addresses", "server_address"},
		"OurDomain":        {infoPath, "getuserinfo_domain", gatehouse.Unavailable, "trusted domain", ""},
		"AClosedAPI":       {userPath, `{"errcode":48002,"errmsg":"api forbidden"}`, gatehouse.Unavailable, "permission", "missing_permission"},
		"Busy":             {userPath, `{"errcode":-1,"errmsg":"system busy"}`, gatehouse.Unavailable, "", ""},
		"TooManyCalls":     {infoPath, `{"errcode":45009,"errmsg":"api freq out of limit"}`, gatehouse.Unavailable, "", ""},
		"AnUnknownRefusal": {infoPath, `{"errcode":31337,"errmsg":"<script>"}`, gatehouse.Upstream, "31337", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, nil)
			if strings.HasPrefix(c.r, "{") {
				s.replies[c.path] = reply{status: 200, body: c.r}
			} else {
				s.replies[c.path] = fixture(t, c.r)
			}
			v, err := s.finish()
			e := refused(t, v, err, c.kind, c.says)
			if c.fact != "" && e.Facts[c.fact] == "" || strings.Contains(e.Sentence(), "<") {
				t.Errorf("%s, facts %v", e.Sentence(), e.Facts)
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
		"HTMLAndDown":       {infoPath, reply{status: 502, body: "<html>"}, gatehouse.Unavailable},
		"AnEmptyAnswer":     {infoPath, reply{status: 200, body: ""}, gatehouse.Upstream},
		"NoErrcode":         {infoPath, reply{status: 200, body: `{"userid":"LiNa"}`}, gatehouse.Upstream},
		"ErrcodeTwice":      {infoPath, reply{status: 200, body: `{"errcode":40029,"errcode":0,"userid":"LiNa"}`}, gatehouse.Upstream},
		"NoToken":           {tokenPath, reply{status: 200, body: `{"errcode":0}`}, gatehouse.Upstream},
		"Nobody":            {infoPath, reply{status: 200, body: `{"errcode":0,"errmsg":"ok"}`}, gatehouse.Upstream},
		"AnEmptyUserID":     {infoPath, reply{status: 200, body: `{"errcode":0,"userid":""}`}, gatehouse.Upstream},
		"AUserIDOfALot":     {infoPath, reply{status: 200, body: `{"errcode":0,"userid":["a","b"]}`}, gatehouse.Upstream},
		"AUserIDOfSpaces":   {infoPath, reply{status: 200, body: `{"errcode":0,"userid":"li na&x=1"}`}, gatehouse.Upstream},
		"AnEndlessUserID":   {infoPath, reply{status: 200, body: `{"errcode":0,"userid":"` + strings.Repeat("a", 200) + `"}`}, gatehouse.Upstream},
		"SomebodyElse":      {userPath, reply{status: 200, body: `{"errcode":0,"userid":"boss","biz_mail":"boss@example.com"}`}, gatehouse.Upstream},
		"NobodyInTheRecord": {userPath, reply{status: 200, body: `{"errcode":0,"name":"李娜"}`}, gatehouse.Upstream},
		"Huge":              {userPath, reply{status: 200, body: `{"errcode":0,"userid":"LiNa","name":"` + strings.Repeat("a", 2<<20) + `"}`}, gatehouse.Upstream},
		"ARedirect":         {infoPath, reply{status: 302, to: "https://evil.example/", body: `{"errcode":0,"userid":"LiNa"}`}, gatehouse.Upstream},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, nil)
			s.replies[c.path] = c.r
			v, err := s.finish()
			refused(t, v, err, c.kind, "")
		})
	}
	t.Run("Silence", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		s.replies[tokenPath] = reply{hang: true}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		v, err := s.door.Provider.Finish(ctx, gatehouse.Attempt{}, url.Values{"code": {"the-code"}})
		refused(t, v, err, gatehouse.Unavailable, "")
	})
	t.Run("WithoutACode", func(t *testing.T) {
		t.Parallel()
		v, err := newStage(t, nil).door.Provider.Finish(t.Context(), gatehouse.Attempt{}, url.Values{"state": {"s"}}) // a person who said no
		refused(t, v, err, gatehouse.Invalid, "")
	})
	t.Run("DepartmentsThatGoInCircles", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		s.replies[party+"2"] = reply{status: 200, body: `{"errcode":0,"department":{"id":2,"name":"circle","parentid":5}}`}
		if v, err := s.finish(); err != nil || v.Subject != "lina" {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

func TestOpenRefusesWrongSettings(t *testing.T) {
	t.Parallel()
	with := func(key string, value any) gatehouse.Connection {
		return connection(map[string]any{"agent_id": "1000002", key: value})
	}
	for name, c := range map[string]struct {
		c    gatehouse.Connection
		says string
	}{
		"NoSecret":      {gatehouse.Connection{Name: "w", AppID: "x", Args: map[string]any{"agent_id": "1"}}, "app_secret"},
		"NoAgent":       {connection(nil), "agent_id"},
		"AnAgentOfText": {with("agent_id", "1000002&scope=x"), "agent_id"},
		"Scope":         {with("client_scope", "openid"), "client_scope"},
		"Membership":    {with("membership", "any"), "membership"},
		"Groups":        {with("groups", "yes"), "groups"},
		"EmailSource":   {with("email_source", "guess"), "email_source"},
		"PlainHTTP":     {with("client_options", map[string]any{"api_url": "http://qyapi.weixin.qq.com"}), "api_url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Kind().OpenConnection(c.c, environment(http.DefaultClient))
			refused(t, gatehouse.Vouched{}, err, gatehouse.Invalid, c.says)
		})
	}
	if diff := cmp.Diff([]string{apiHost}, hosts(with("client_scope", "snsapi_base"))); diff != "" {
		t.Error(diff)
	}
}
