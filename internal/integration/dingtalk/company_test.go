package dingtalk

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	twin "gatehouse/internal/twin/dingtalk"
)

// update alters the app that the connection uses.
func (s stage) update(fn func(*twin.App)) {
	s.Helper()
	if err := s.twin.UpdateApp(twin.DemoAppKey, fn); err != nil {
		s.Fatal(err)
	}
}

// without are all permissions but one.
func without(permission string) []string {
	return slices.DeleteFunc(twin.AllPermissions(), func(p string) bool { return p == permission })
}

// wantFact is what the administrator finds with a refusal.
func wantFact(t *testing.T, err error, name, value string) {
	t.Helper()
	var e *gatehouse.Error
	if !errors.As(err, &e) || e.Facts[name] != value {
		t.Errorf("got %v with %v; want the fact %s = %q", err, e, name, value)
	}
}

func TestDepartmentsAreGroups(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		who    string
		groups string // the setting
		want   []string
	}{
		"WithTheNamesFromTheTopDown":  {"lina", "path", []string{"研发中心/平台组/身份小组"}},
		"EachThatThePersonIsIn":       {"chenjie", "path", []string{"研发中心/平台组", "研发中心/平台组/身份小组"}},
		"TheCompanyItselfIsNone":      {"manager4608", "path", nil},
		"OrByTheirIDs":                {"lina", "id", []string{strconv.FormatInt(twin.DemoIdentity, 10)}},
		"OrNotAtAll":                  {"lina", "none", nil},
		"OfDifferentBranchesOfTheOrg": {"david", "path", []string{"研发中心", "销售部"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, map[string]any{"groups": c.groups})
			v, err := s.finish(s.pick(c.who))
			if diff := cmp.Diff(c.want, v.Profile.Groups); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
			if c.groups == "none" && s.twin.Requests()["/topapi/v2/department/listparentbyuser"] != 0 {
				t.Error("departments were asked for all the same")
			}
			if c.who == "lina" && c.groups == "path" && v.Facts["departments"] != "研发中心/平台组/身份小组 ("+strconv.FormatInt(twin.DemoIdentity, 10)+")" {
				t.Errorf("facts %v", v.Facts)
			}
		})
	}
	t.Run("NamesAreRemembered", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		for _, who := range []string{"lina", "wangfang"} {
			if _, err := s.finish(s.pick(who)); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.twin.Requests()["/topapi/v2/department/get"]; n != 3 {
			t.Errorf("three departments were asked for %d times", n)
		}
	})
	t.Run("ASlashInANamePartsNothing", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		if err := s.twin.UpdateDepartment(twin.DemoCorpID, twin.DemoIdentity, func(d *twin.Department) { d.Name = " 身份/安全 " }); err != nil {
			t.Fatal(err)
		}
		v, err := s.finish(s.pick("lina"))
		if err != nil || !slices.Equal(v.Profile.Groups, []string{"研发中心/平台组/身份-安全"}) {
			t.Errorf("%q, %v", v.Profile.Groups, err)
		}
	})
	t.Run("WhatTheAppMayNotSeeIsLeftOut", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		s.update(func(a *twin.App) { a.AuthedDepartments = []int64{twin.DemoPlatform} })
		v, err := s.finish(s.pick("lina"))
		if err != nil || !slices.Equal(v.Profile.Groups, []string{"平台组/身份小组"}) {
			t.Errorf("%q, %v", v.Profile.Groups, err)
		}
	})
	for name, fault := range map[string]twin.Fault{
		"Throttled": twin.Throttled("/topapi/v2/department/get"),
		"Garbled":   {Prefix: "/topapi/v2/department/listparentbyuser", Status: 200, Body: "<html>"},
	} {
		t.Run("KeepNobodyOut/"+name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, nil)
			answer := s.pick("lina")
			s.twin.SetFaults(twin.Faults{List: []twin.Fault{fault}})
			v, err := s.finish(answer)
			if err != nil || v.Subject == "" || len(v.Profile.Groups) != 0 || v.Facts["departments_unread"] == "" {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
}

func TestAMissingPermissionIsNamed(t *testing.T) {
	t.Parallel()
	link := "https://open-dev.dingtalk.com/appscope/apply?content=" + twin.DemoAppKey + "%23"
	for _, permission := range []string{"Contact.User.Read", "qyapi_get_member"} {
		t.Run(permission+"KeepsOut", func(t *testing.T) {
			t.Parallel()
			s := newStage(t, nil)
			s.update(func(a *twin.App) { a.Permissions = without(permission) })
			v, err := s.finish(s.pick("lina"))
			wantKind(t, err, gatehouse.Unavailable, "permission")
			wantFact(t, err, gatehouse.FactMissingPermission, permission)
			if v.Subject != "" {
				t.Errorf("%+v", v)
			}
			if strings.HasPrefix(permission, "qyapi") {
				wantFact(t, err, gatehouse.FactPermissionLink, link+permission)
			}
		})
	}
	t.Run("OneForGroupsDoesNot", func(t *testing.T) {
		t.Parallel()
		const permission = "qyapi_get_department_list"
		s := newStage(t, nil)
		s.update(func(a *twin.App) { a.Permissions = without(permission) })
		v, err := s.finish(s.pick("lina"))
		if err != nil || v.Subject == "" || len(v.Profile.Groups) != 0 {
			t.Fatalf("%+v, %v", v, err)
		}
		if v.Facts[gatehouse.FactMissingPermission] != permission || v.Facts[gatehouse.FactPermissionLink] != link+permission {
			t.Errorf("facts %v", v.Facts)
		}
	})
}

func TestCompanies(t *testing.T) {
	t.Parallel()
	// choose plays zhoumin, who is in both companies, and picks one.
	choose := func(s stage, company string) (gatehouse.Vouched, error) {
		return s.finish(s.choose("zhoumin", company, gatehouse.Attempt{}))
	}
	for name, c := range map[string]struct {
		args    map[string]any
		company string
		kind    gatehouse.ErrorKind // "" = let in
	}{
		"InternalIsTheAppsOwn":            {nil, twin.DemoCorpID, ""},
		"InternalWhicheverWasChosen":      {nil, twin.DemoOtherCorpID, ""},
		"Listed":                          {map[string]any{"corp_ids": []any{twin.DemoCorpID}}, twin.DemoCorpID, ""},
		"ListedAsAText":                   {map[string]any{"corp_ids": twin.DemoCorpID + " dingother"}, twin.DemoCorpID, ""},
		"NotListed":                       {map[string]any{"corp_ids": []any{"dingsomebodyelse", twin.DemoCorpID}}, twin.DemoOtherCorpID, gatehouse.Forbidden},
		"ListedButTheAppIsNotThere":       {map[string]any{"corp_ids": []any{twin.DemoCorpID, twin.DemoOtherCorpID}}, twin.DemoOtherCorpID, gatehouse.Unavailable},
		"ListedAndDingTalksWordIsEnough":  {map[string]any{"corp_ids": []any{twin.DemoCorpID, twin.DemoOtherCorpID}, "membership": "any"}, twin.DemoOtherCorpID, ""},
		"AnyAndStillNotListed":            {map[string]any{"corp_ids": []any{"dingsomebodyelse", twin.DemoCorpID}, "membership": "any"}, twin.DemoOtherCorpID, gatehouse.Forbidden},
		"AnyTakesEverybody":               {map[string]any{"membership": "any"}, twin.DemoOtherCorpID, ""},
		"AListedOneIsAskedWithItsOwnName": {map[string]any{"corp_ids": []any{twin.DemoCorpID}, "groups": "none"}, twin.DemoCorpID, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, c.args)
			v, err := choose(s, c.company)
			if c.kind == "" {
				if err != nil || v.Subject != twin.DemoUnionID("zhoumin") || v.Facts["company"] != c.company {
					t.Errorf("%+v, %v", v, err)
				}
				return
			}
			wantKind(t, err, c.kind, "compan")
			wantFact(t, err, "company", c.company)
			if v.Subject != "" {
				t.Errorf("%+v", v)
			}
		})
	}
	t.Run("AnExternalContactIsToldSo", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		_, err := s.finish(s.pick("ext-mariana"))
		wantKind(t, err, gatehouse.Forbidden, "external contact")
		wantFact(t, err, "contact_type", "1")
	})
	t.Run("WhomTheAppMayNotSeeIsToldSo", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		s.update(func(a *twin.App) { a.AuthedDepartments = []int64{twin.DemoSales} })
		_, err := s.finish(s.pick("lina"))
		wantKind(t, err, gatehouse.Forbidden, "contact scope")
	})
	t.Run("ALeaverIsOutAtOnce", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, nil)
		answer := s.pick("lina")
		if err := s.twin.RemoveUser(twin.DemoCorpID, "lina", ""); err != nil {
			t.Fatal(err)
		}
		_, err := s.finish(answer)
		wantKind(t, err, gatehouse.Forbidden, "employees")
	})
}

// TestBegin_AsksAgainForAFreshSignIn: DingTalk's page then asks for the account,
// which the prompt login stands for.
func TestBegin_AsksAgainForAFreshSignIn(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]any{"corp_ids": []any{twin.DemoCorpID}})
	for fresh, want := range map[bool]string{false: "consent", true: "login consent"} {
		address, err := s.provider.Begin(t.Context(), gatehouse.Attempt{State: "s", RedirectURI: callback, Fresh: fresh})
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if q := u.Query(); err != nil || q.Get("prompt") != want || q.Has("nonce") || q.Get("corpId") != twin.DemoCorpID {
			t.Errorf("fresh %v: %s", fresh, address)
		}
	}
}
