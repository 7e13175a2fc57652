package dingtalk

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
	twin "gatehouse/internal/twin/dingtalk"
)

const callback = "http://hub.test/users/auth/dingtalk/callback"

// stage is a twin with a provider in front of it.
type stage struct {
	*testing.T
	twin     *twin.Twin
	url      string
	provider integration.Provider
	door     integration.Door
}

func newStage(t *testing.T, args map[string]any) stage {
	t.Helper()
	var tw *twin.Twin
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tw.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	tw, err := twin.New(twin.Config{URL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tw.Close() })
	if err := tw.AddApp(twin.DemoApp(callback)); err != nil {
		t.Fatal(err)
	}
	all := map[string]any{"client_options": map[string]any{"login_url": srv.URL, "api_url": srv.URL, "oapi_url": srv.URL + "/"}}
	for k, v := range args {
		all[k] = v
	}
	door, err := Kind().OpenConnection(connection(all), env(srv.Client()))
	if err != nil {
		t.Fatal(err)
	}
	return stage{T: t, twin: tw, url: srv.URL, provider: door.Provider, door: door}
}

func connection(args map[string]any) gatehouse.Connection {
	return gatehouse.Connection{Name: "dingtalk", Kind: "dingtalk", AppID: twin.DemoAppKey, AppSecret: twin.DemoAppSecret, Args: args}
}

func env(c *http.Client) integration.Env {
	return integration.Env{HTTP: c, Log: slog.New(slog.DiscardHandler)}
}

// pick plays the person on the twin's page and returns what comes back.
func (s stage) pick(userID string) url.Values {
	s.Helper()
	return s.choose(userID, twin.DemoCorpID, gatehouse.Attempt{Nonce: "never sent", Verifier: "never sent"})
}

// choose is pick for one who is in several companies.
func (s stage) choose(userID, company string, a gatehouse.Attempt) url.Values {
	s.Helper()
	a.State, a.RedirectURI = "a state with odd characters &=?#", callback
	address, err := s.provider.Begin(s.Context(), a)
	if err != nil {
		s.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	form := url.Values{"union_id": {twin.DemoUnionID(userID)}, "consent": {"agree"}, "corp_id": {company}}
	answer, err := client.PostForm(address, form)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	back, err := answer.Location()
	if err != nil {
		s.Fatalf("the twin answered %s without a way back", answer.Status)
	}
	if got := back.Query().Get("state"); got != a.State {
		s.Errorf("state came back as %q", got)
	}
	return back.Query()
}

func (s stage) finish(answer url.Values) (gatehouse.Vouched, error) {
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	return s.provider.Finish(ctx, gatehouse.Attempt{RedirectURI: callback}, answer)
}

func TestFinish(t *testing.T) {
	t.Parallel()
	t.Run("TheSubjectIsTheUnionIDAndTheDirectoryWins", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		v, err := s.finish(s.pick("lina"))
		if err != nil {
			t.Fatal(err)
		}
		if v.Subject != twin.DemoUnionID("lina") {
			t.Errorf("subject %q", v.Subject)
		}
		if diff := cmp.Diff(map[string]string{"openid": twin.DemoOpenID("lina"), "userid": "lina"}, v.Aliases); diff != "" {
			t.Error(diff)
		}
		p := v.Profile
		if p.Name != "李娜" || p.Nickname != "娜娜" || p.Email != "li.na@example.com" || p.Verified != gatehouse.Unstated || p.Title != "高级工程师" {
			t.Errorf("profile %+v", p)
		}
		if v.Tokens == nil || v.Tokens.Access == "" || v.Tokens.Refresh == "" || time.Until(v.Tokens.ExpiresAt) < time.Hour {
			t.Errorf("tokens %+v", v.Tokens)
		}
	})
	t.Run("NobodyIsGivenAnAddressThatNobodyVouchesFor", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		for _, who := range []string{"wangfang", "chenjie"} { // none, and a personal one only
			v, err := s.finish(s.pick(who))
			if err != nil || v.Profile.Email != "" {
				t.Errorf("%s: %+v, %v", who, v.Profile, err)
			}
		}
	})
	t.Run("APersonalAddressIsTakenWhenAskedForAndIsUnverified", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, map[string]any{"email_source": "email"})
		v, err := s.finish(s.pick("chenjie"))
		if err != nil || v.Profile.Email != "jay.chen@mail.example.net" || v.Profile.Verified != gatehouse.Unverified {
			t.Errorf("%+v, %v", v.Profile, err)
		}
	})
	t.Run("TheCompanyAddressIsVerifiedOnlyWhereTheConnectionSaysSo", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, map[string]any{"email_verified": true})
		v, err := s.finish(s.pick("linxiao"))
		if err != nil || v.Profile.Email != "lin.xiao@example.com" || v.Profile.Verified != gatehouse.Verified {
			t.Errorf("%+v, %v", v.Profile, err)
		}
	})
	for _, name := range []string{"code", "authCode"} {
		t.Run("TheCodeIsTakenFrom/"+name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, nil)
			if err := s.twin.SendCodeAs(name); err != nil {
				t.Fatal(err)
			}
			if v, err := s.finish(s.pick("alice")); err != nil || v.Subject == "" {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
	t.Run("AnExpiredAppTokenIsFetchedAnewOnce", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		if _, err := s.finish(s.pick("alice")); err != nil {
			t.Fatal(err)
		}
		tokens := &s.provider.(*provider).client.tokens
		tokens.all[""] = appToken{"stale", tokens.all[""].expires}
		if _, err := s.finish(s.pick("bob")); err != nil {
			t.Fatal(err)
		}
		if n := s.twin.Requests()["/v1.0/oauth2/accessToken"]; n != 2 {
			t.Errorf("the app's token was fetched %d times", n)
		}
	})
}

func TestFinishRefuses(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"outsider", "ext-mariana"} {
		t.Run("WhoIsNotEmployed/"+who, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, nil)
			_, err := s.finish(s.pick(who))
			wantKind(t, err, gatehouse.Forbidden, "employees")
			anybody := newStage(t, map[string]any{"membership": "any"})
			if v, err := anybody.finish(anybody.pick(who)); err != nil || v.Subject != twin.DemoUnionID(who) {
				t.Errorf("with membership any: %+v, %v", v, err)
			}
		})
	}
	t.Run("PeopleOfOtherCompanies", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, map[string]any{"corp_ids": []any{"dingsomebodyelse"}})
		_, err := s.finish(s.pick("alice"))
		wantKind(t, err, gatehouse.Forbidden, "companies")
		ours := newStage(t, map[string]any{"corp_ids": []any{twin.DemoCorpID}})
		if _, err := ours.finish(ours.pick("alice")); err != nil {
			t.Error(err)
		}
	})
	s := newStage(t, nil)
	good := s.pick("alice")
	if _, err := s.finish(good); err != nil {
		t.Fatal(err)
	}
	answers := []struct {
		name   string
		answer url.Values
		kind   gatehouse.ErrorKind
	}{
		{"AUsedCode", good, gatehouse.Expired},
		{"AnUnknownCode", url.Values{"code": {"nobody gave this"}}, gatehouse.Expired},
		{"NoCode", url.Values{"state": {"x"}}, gatehouse.Invalid},
		{"AnEmptyCode", url.Values{"code": {""}, "authCode": {""}}, gatehouse.Invalid},
		{"TwoDifferentCodes", url.Values{"code": {"a"}, "authCode": {"b"}}, gatehouse.Invalid},
		{"ADoubledCode", url.Values{"code": {"a", "a"}}, gatehouse.Invalid},
		{"AHugeCode", url.Values{"code": {strings.Repeat("a", 5000)}}, gatehouse.Invalid},
		{"APersonWhoCancelled", url.Values{"error": {"access_denied"}}, gatehouse.Forbidden},
	}
	for _, tt := range answers {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := s.finish(tt.answer)
			wantKind(t, err, tt.kind, "")
		})
	}
}

func TestFinishWhenDingTalkMisbehaves(t *testing.T) {
	t.Parallel()
	const tokenPath, mePath, unionPath = "/v1.0/oauth2/userAccessToken", "/v1.0/contact/users/me", "/topapi/user/getbyunionid"
	faults := []struct {
		name  string
		fault twin.Fault
		kind  gatehouse.ErrorKind
		says  string // in the cause, for the administrator
	}{
		{"HTML", twin.Fault{Prefix: tokenPath, Status: 200, Body: "<html>blocked</html>"}, gatehouse.Upstream, "JSON"},
		{"HTMLWithAnError", twin.Fault{Prefix: mePath, Status: 502, Body: "<html>bad gateway</html>"}, gatehouse.Upstream, "502"},
		{"AnEmptyAnswer", twin.Fault{Prefix: tokenPath, Status: 200, Body: "{}"}, gatehouse.Upstream, "accessToken"},
		{"NobodyInTheAnswer", twin.Fault{Prefix: mePath, Status: 200, Body: `{"nick":"x"}`}, gatehouse.Upstream, ""},
		{"OtherTypes", twin.Fault{Prefix: mePath, Status: 200, Body: `{"unionId":{"a":1}}`}, gatehouse.Upstream, "JSON"},
		{"FiveMegabytes", twin.Fault{Prefix: tokenPath, Status: 200, Body: `{"accessToken":"` + strings.Repeat("a", 5<<20) + `"}`}, gatehouse.Upstream, "longer"},
		{"ATruncatedAnswer", twin.Fault{Prefix: unionPath, Truncate: true}, gatehouse.Upstream, ""},
		{"ABrokenConnection", twin.Fault{Prefix: tokenPath, Reset: true}, gatehouse.Unavailable, ""},
		{"AMissingPermissionIsNamed", twin.Fault{Prefix: mePath, Status: 403, Body: `{"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied","requestid":"R1","message":"m","accessdenieddetail":{"requiredScopes":["Contact.User.Read"]}}`}, gatehouse.Unavailable, "Contact.User.Read"},
		{"AMissingPermissionOfTheOldAPIIsNamed", twin.Fault{Prefix: unionPath, Status: 200, Body: `{"errcode":88,"sub_code":"60011","sub_msg":"应用尚未开通所需的权限：[qyapi_get_member]","errmsg":"x","request_id":"r"}`}, gatehouse.Unavailable, "qyapi_get_member"},
		{"TooManyCalls", twin.Throttled(unionPath), gatehouse.Unavailable, "90018"},
		{"WrongCredentials", twin.Fault{Prefix: tokenPath, Status: 400, Body: `{"code":"invalidClientIdOrSecret","requestid":"R","message":"m"}`}, gatehouse.Unavailable, "invalidClientIdOrSecret"},
	}
	for _, tt := range faults {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, nil)
			answer := s.pick("alice")
			s.twin.SetFaults(twin.Faults{List: []twin.Fault{tt.fault}})
			v, err := s.finish(answer)
			wantKind(t, err, tt.kind, "")
			if v.Subject != "" {
				t.Errorf("somebody was vouched for: %+v", v)
			}
			if err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("the cause does not name %q: %v", tt.says, err)
			}
			if err != nil && strings.Contains(err.Error(), twin.DemoAppSecret) {
				t.Errorf("the secret is in the error: %v", err)
			}
		})
	}
	t.Run("G7/NoTokenInAnError", func(t *testing.T) {
		t.Parallel()
		for _, fault := range []twin.Fault{
			{Prefix: tokenPath, Status: 200, Body: `{"accessToken":"hunter2","expireIn":"7200"}`},
			{Prefix: tokenPath, Status: 200, Body: `{"accessToken":"hunter2`},
			{Prefix: tokenPath, Status: 500, Body: `{"accessToken":"hunter2"}`},
		} {
			s := newStage(t, nil)
			answer := s.pick("alice")
			s.twin.SetFaults(twin.Faults{List: []twin.Fault{fault}})
			_, err := s.finish(answer)
			wantKind(t, err, gatehouse.Upstream, "")
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the token is in the error: %v", err)
			}
		}
	})
	t.Run("H14/SomebodyElseInTheDirectory", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		answer := s.pick("alice")
		s.twin.SetFaults(twin.Faults{List: []twin.Fault{{
			Prefix: "/topapi/v2/user/get", Status: 200, Body: `{"errcode":0,"result":{"userid":"x","unionid":"another","org_email":"boss@example.com"}}`,
		}}})
		v, err := s.finish(answer)
		wantKind(t, err, gatehouse.Upstream, "")
		if v.Subject != "" {
			t.Errorf("somebody was vouched for: %+v", v)
		}
	})
	t.Run("Silence", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		answer := s.pick("alice")
		s.twin.SetFaults(twin.Faults{List: []twin.Fault{{Prefix: tokenPath, Hang: true}}})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.provider.Finish(ctx, gatehouse.Attempt{}, answer)
		wantKind(t, err, gatehouse.Unavailable, "")
	})
}

func wantKind(t *testing.T, err error, kind gatehouse.ErrorKind, says string) {
	t.Helper()
	var e *gatehouse.Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(e.Sentence(), says) {
		t.Errorf("got %v, want %s with %q in its sentence", err, kind, says)
	}
}

func TestOpenRefusesWrongSettings(t *testing.T) {
	t.Parallel()
	options := func(key, value string) map[string]any {
		return map[string]any{"client_options": map[string]any{key: value}}
	}
	tests := []struct {
		name string
		c    gatehouse.Connection
		says string
	}{
		{"NoSecret", gatehouse.Connection{Name: "d", AppID: "x"}, "app_secret"},
		{"AnUnknownMembership", connection(map[string]any{"membership": "everyone"}), "membership"},
		{"AnUnknownEmailSource", connection(map[string]any{"email_source": "guess"}), "email_source"},
		{"ANumberForAScope", connection(map[string]any{"scope": 3}), "scope"},
		{"AnAddressWithoutScheme", connection(options("api_url", "api.dingtalk.com")), "api_url"},
		{"AnAddressWithAnotherScheme", connection(options("oapi_url", "file:///etc/passwd")), "oapi_url"},
		{"OptionsThatAreAList", connection(map[string]any{"client_options": []any{}}), "client_options"},
		{"CompaniesWithoutTheScopeThatTellsThem", connection(map[string]any{"scope": "openid", "corp_ids": []any{"ding1"}}), "corpid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Kind().OpenConnection(tt.c, env(http.DefaultClient))
			wantKind(t, err, gatehouse.Invalid, tt.says)
		})
	}
}

func TestOpenTakesGitLabsSettings(t *testing.T) {
	t.Parallel()
	s, err := read(connection(map[string]any{
		"client_options":   map[string]any{"site": "https://oapi.dingtalk.io", "authorize_method": "qrcode"},
		"authorize_params": map[string]any{"scope": "openid"},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if s.oapi != "https://oapi.dingtalk.io" || s.api != apiHost || s.scope != "openid" {
		t.Errorf("%+v", s)
	}
	if diff := cmp.Diff([]string{"args.client_options.authorize_method"}, s.ignored); diff != "" {
		t.Error(diff)
	}
	older, err := read(connection(map[string]any{"authorize_params": map[string]any{"scope": "snsapi_login"}}))
	if err != nil || older.scope != "openid corpid" {
		t.Errorf("a scope of the older flow: %q, %v", older.scope, err)
	}
	if diff := cmp.Diff([]string{loginHost, apiHost, "https://oapi.dingtalk.io"}, hosts(connection(map[string]any{
		"client_options": map[string]any{"site": "https://oapi.dingtalk.io"},
	}))); diff != "" {
		t.Error(diff)
	}
}
