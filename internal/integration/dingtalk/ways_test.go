package dingtalk

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	twin "gatehouse/internal/twin/dingtalk"
)

// TestLegacy goes the older way: qrconnect and sns/getuserinfo_bycode.
func TestLegacy(t *testing.T) {
	t.Parallel()
	legacy := map[string]any{"flow": "legacy"}
	t.Run("ItIsTheSamePerson", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, legacy)
		v, err := s.finish(s.pick("lina"))
		if err != nil {
			t.Fatal(err)
		}
		if v.Subject != twin.DemoUnionID("lina") || v.Tokens != nil {
			t.Errorf("%+v", v)
		}
		if diff := cmp.Diff(map[string]string{"openid": twin.DemoOpenID("lina"), "userid": "lina"}, v.Aliases); diff != "" {
			t.Error(diff)
		}
		if v.Profile.Name != "李娜" || v.Profile.Email != "li.na@example.com" || len(v.Profile.Groups) != 1 {
			t.Errorf("%+v", v.Profile)
		}
	})
	t.Run("TheNoIsTheSame", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, legacy)
		_, err := s.finish(s.pick("outsider"))
		wantKind(t, err, gatehouse.Forbidden, "employees")
		_, err = s.finish(s.pick("ext-mariana"))
		wantKind(t, err, gatehouse.Forbidden, "external contact")
	})
	t.Run("ACodeIsGoodOnce", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, legacy)
		answer := s.pick("lina")
		if _, err := s.finish(answer); err != nil {
			t.Fatal(err)
		}
		_, err := s.finish(answer)
		wantKind(t, err, gatehouse.Expired, "")
	})
	t.Run("ACodeOfTheCurrentFlowIsNone", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		answer := s.pick("lina")
		s.provider.(*provider).settings.flow = flowLegacy
		_, err := s.finish(answer)
		wantKind(t, err, gatehouse.Expired, "")
	})
	t.Run("AClockThatIsOffIsTold", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, legacy)
		answer := s.pick("lina")
		s.provider.(*provider).client.env.Clock = func() time.Time { return time.Now().Add(-5 * time.Minute) }
		_, err := s.finish(answer)
		wantKind(t, err, gatehouse.Unavailable, "clock")
	})
	t.Run("AWrongSecretIsTold", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, legacy)
		answer := s.pick("lina")
		s.provider.(*provider).client.settings.secret = "another"
		_, err := s.finish(answer)
		wantKind(t, err, gatehouse.Unavailable, "credentials")
	})
	for name, c := range map[string]struct {
		options map[string]any
		path    string
	}{
		"QRCode":  {nil, "/connect/qrconnect"},
		"GitLabs": {map[string]any{"authorize_method": "qrcode"}, "/connect/qrconnect"},
		"Account": {map[string]any{"authorize_method": "account"}, "/connect/oauth2/sns_authorize"},
	} {
		t.Run("ThePage/"+name, func(t *testing.T) {
			t.Parallel()
			args := map[string]any{"flow": "legacy"}
			if c.options != nil { // as in a gitlab.yml
				args["client_options"], args["authorize_params"] = c.options, map[string]any{"scope": "snsapi_login"}
			}
			s, err := read(connection(args))
			if err != nil || len(s.ignored) != 0 {
				t.Fatalf("%v, %v", s.ignored, err)
			}
			address, err := (&provider{settings: s}).Begin(t.Context(), gatehouse.Attempt{State: "s", RedirectURI: callback})
			u, _ := url.Parse(address)
			if err != nil || u.Host != "oapi.dingtalk.com" || u.Path != c.path || u.Query().Get("scope") != "snsapi_login" || u.Query().Get("appid") != twin.DemoAppKey {
				t.Errorf("%s, %v", address, err)
			}
		})
	}
}

// TestEmbedded signs in with the code that the DingTalk client gives.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	code := func(s stage, who string) string {
		s.Helper()
		c, err := s.twin.InAppCode(twin.DemoAppKey, who)
		if err != nil {
			s.Fatal(err)
		}
		return c
	}
	t.Run("ItIsTheSamePerson", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		v, err := s.door.Embedded.FinishEmbedded(t.Context(), code(s, "lina"))
		if err != nil {
			t.Fatal(err)
		}
		outside, err := s.finish(s.pick("lina"))
		if err != nil {
			t.Fatal(err)
		}
		if v.Subject != outside.Subject || v.Tokens != nil || v.Aliases["userid"] != "lina" {
			t.Errorf("%+v", v)
		}
		// The account's own values come only by the browser's way.
		outside.Profile.Nickname, outside.Profile.Avatar = v.Profile.Nickname, v.Profile.Avatar
		if diff := cmp.Diff(outside.Profile, v.Profile); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("TheCompanyIsListed", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, map[string]any{"corp_ids": []any{twin.DemoCorpID}})
		if p := s.door.Embedded.Page(); p.Company != twin.DemoCorpID || p.ClientID != twin.DemoAppKey || p.Script != jsapi {
			t.Errorf("%+v", p)
		}
		if v, err := s.door.Embedded.FinishEmbedded(t.Context(), code(s, "lina")); err != nil || v.Subject == "" {
			t.Errorf("%+v, %v", v, err)
		}
	})
	t.Run("TheAppsOwnCompanyIsNotListed", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, map[string]any{"corp_ids": []any{twin.DemoOtherCorpID}})
		v, err := s.door.Embedded.FinishEmbedded(t.Context(), code(s, "lina"))
		wantKind(t, err, gatehouse.Unavailable, "not installed")
		if v.Subject != "" {
			t.Errorf("%+v", v)
		}
	})
	t.Run("SwitchedOff", func(t *testing.T) {
		t.Parallel()
		if s := newStage(t, map[string]any{"silent": false}); s.door.Embedded != nil {
			t.Error("silent: false, and yet the door is open")
		}
	})
	t.Run("WhoLeftMeanwhile", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		c := code(s, "lina")
		if err := s.twin.RemoveUser(twin.DemoCorpID, "lina", ""); err != nil {
			t.Fatal(err)
		}
		_, err := s.door.Embedded.FinishEmbedded(t.Context(), c)
		wantKind(t, err, gatehouse.Expired, "")
	})
	s := newStage(t, nil)
	used := code(s, "alice")
	if _, err := s.door.Embedded.FinishEmbedded(t.Context(), used); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		code string
		kind gatehouse.ErrorKind
	}{
		"Used":            {used, gatehouse.Expired},
		"Unknown":         {"nobody gave this", gatehouse.Expired},
		"OfTheBrowserWay": {s.pick("alice").Get("code"), gatehouse.Expired},
		"Empty":           {"", gatehouse.Invalid},
		"Huge":            {strings.Repeat("a", 5000), gatehouse.Invalid},
	} {
		t.Run("ACodeThatIsNone/"+name, func(t *testing.T) {
			t.Parallel()
			v, err := s.door.Embedded.FinishEmbedded(t.Context(), c.code)
			wantKind(t, err, c.kind, "")
			if v.Subject != "" {
				t.Errorf("%+v", v)
			}
		})
	}
}

func TestOpenRefusesWaysThatContradictEachOther(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args map[string]any
		says string
	}{
		"AnUnknownFlow":               {map[string]any{"flow": "newest"}, "flow"},
		"GroupsByGuess":               {map[string]any{"groups": "names"}, "groups"},
		"CompaniesInTheOlderFlow":     {map[string]any{"flow": "legacy", "corp_ids": []any{"ding0001"}}, "corp_ids"},
		"ACompanyThatIsAnAddress":     {map[string]any{"corp_ids": []any{"../token?x="}}, "corp_ids"},
		"AnUnknownPageOfTheOlderFlow": {map[string]any{"flow": "legacy", "client_options": map[string]any{"authorize_method": "fax"}}, "authorize_method"},
		"SilentAsAText":               {map[string]any{"silent": "no"}, "silent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Kind().OpenConnection(connection(c.args), env(http.DefaultClient))
			wantKind(t, err, gatehouse.Invalid, c.says)
		})
	}
}
