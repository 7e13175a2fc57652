package gitlab_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse"
	twin "gatehouse/internal/twin/gitlab"
)

// of signs a person of the demo's GitLab in, with the door's own settings.
func (g *gitLab) signIn(t *testing.T, args map[string]any, user string, faults ...twin.Fault) (gatehouse.Vouched, error) {
	t.Helper()
	c := connection(g)
	for k, v := range args {
		c.Args[k] = v
	}
	d := door(t, c, env(t))
	address, err := d.Provider.Begin(t.Context(), attempt())
	if err != nil {
		t.Fatal(err)
	}
	answer := browse(t, g, address, user)
	g.SetFaults(twin.Faults{Rules: faults})
	return d.Provider.Finish(t.Context(), attempt(), answer)
}

// TestRequiredGroups uses the demo's company: 3 is Maintainer of eng, 4 Owner of
// eng/platform, 7 Maintainer of eng/platform/sre, 13 Guest of open and Reporter of
// partners, 26 has Minimal Access to eng, 12 is Planner of eng.
func TestRequiredGroups(t *testing.T) {
	t.Parallel()
	g := withApp(t)
	type list = []any
	for name, test := range map[string]struct {
		groups any
		level  any
		user   string
		in     bool
	}{
		"Direct":                   {list{"eng/platform"}, nil, "4", true},
		"Inherited":                {list{"eng/platform/sre"}, nil, "3", true},
		"OneOfSeveral":             {"finance, eng/platform", nil, "4", true},
		"OfAnotherCase":            {list{"/Eng/Platform/"}, nil, "4", true},
		"BelowIsNotAbove":          {list{"eng"}, nil, "4", false},
		"NoPartOfAName":            {list{"eng/plat"}, nil, "4", false},
		"MinimalAccessIsNoMember":  {list{"eng"}, nil, "26", false},
		"OfAnother":                {list{"finance"}, nil, "3", false},
		"OfNone":                   {list{"no/such/group"}, nil, "3", false},
		"RoleDirect":               {list{"eng/platform"}, "owner", "4", true},
		"RoleInherited":            {list{"eng/platform/sre"}, "maintainer", "3", true},
		"RoleByNumber":             {list{"eng/platform/sre"}, int64(40), "3", true},
		"RoleIsHigher":             {list{"eng/platform/sre"}, "Reporter", "3", true},
		"RoleIsTooLow":             {list{"eng"}, "developer", "12", false},
		"RoleInAnotherGroup":       {list{"finance"}, "guest", "3", false},
		"RoleInOneOfSeveral":       {list{"finance", "eng/platform"}, "developer", "3", true},
		"RoleInAGroupOneMayNotSee": {list{"finance/payroll"}, "guest", "13", false},
		"RoleByMinimalAccess":      {list{"eng"}, "guest", "26", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := g.signIn(t, map[string]any{"required_groups": test.groups, "min_access_level": test.level}, test.user)
			switch {
			case test.in && (err != nil || v.Subject != test.user || len(v.Profile.Groups) == 0):
				t.Errorf("%+v, %v", v, err)
			case !test.in && (!errors.Is(err, gatehouse.Forbidden) || v.Subject != "" || !strings.Contains(err.Error(), "required_groups")):
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
	t.Run("GroupsAreTold", func(t *testing.T) {
		t.Parallel()
		v, err := g.signIn(t, map[string]any{"scope": "openid profile email"}, "3")
		want := []string{"eng", "eng/platform", "eng/platform/sre", "eng/web", "open"}
		if err != nil || !slices.Equal(v.Profile.Groups, want) || v.Profile.Email == "" {
			t.Errorf("%v, %v, want %v", v.Profile.Groups, err, want)
		}
	})
}

// TestRequiredGroups_FailShut: what cannot be asked lets nobody in (H14).
func TestRequiredGroups_FailShut(t *testing.T) {
	t.Parallel()
	claims := func(f twin.Fault) twin.Fault { f.Path = "/oauth/userinfo"; return f }
	member := func(f twin.Fault) twin.Fault { f.Path = "/api/v4/groups/eng/members/all/3"; return f }
	big := `{"sub":"3","id":3,"access_level":50,"groups":["eng","` + strings.Repeat("x", 5<<20) + `"]}`
	for name, test := range map[string]struct {
		fault twin.Fault
		kind  gatehouse.ErrorKind
	}{
		"ClaimsOfAnother":   {claims(twin.Fault{Status: 200, Body: `{"sub":"2","groups":["eng"]}`}), gatehouse.Upstream},
		"ClaimsOfNobody":    {claims(twin.Fault{Status: 200, Body: `{"groups":["eng"]}`}), gatehouse.Upstream},
		"ClaimsWithout":     {claims(twin.Fault{Status: 200, Body: `{"sub":"3"}`}), gatehouse.Forbidden},
		"ClaimsOfAnyType":   {claims(twin.Fault{Status: 200, Body: `{"sub":"3","groups":"eng"}`}), gatehouse.Upstream},
		"ClaimsAreHTML":     {claims(twin.Fault{HTML: true, Status: 200}), gatehouse.Upstream},
		"ClaimsAreHuge":     {claims(twin.Fault{Status: 200, Body: big}), gatehouse.Upstream},
		"ClaimsAreDown":     {claims(twin.Fault{HTML: true}), gatehouse.Unavailable},
		"ClaimsNeedAScope":  {claims(twin.Fault{Status: 403}), gatehouse.Upstream},
		"ClaimsRedirect":    {claims(twin.Fault{Status: 302, Header: http.Header{"Location": {"/elsewhere"}}}), gatehouse.Upstream},
		"MemberIsAnother":   {member(twin.Fault{Status: 200, Body: `{"id":2,"access_level":50}`}), gatehouse.Upstream},
		"MemberWaits":       {member(twin.Fault{Status: 200, Body: `{"id":3,"access_level":50,"membership_state":"awaiting"}`}), gatehouse.Forbidden},
		"MemberOfAnyType":   {member(twin.Fault{Status: 200, Body: `{"id":3,"access_level":"50"}`}), gatehouse.Upstream},
		"MemberIsAList":     {member(twin.Fault{Status: 200, Body: `[{"id":3,"access_level":50}]`}), gatehouse.Upstream},
		"MemberIsDown":      {member(twin.Fault{Status: 500}), gatehouse.Unavailable},
		"MemberIsLimited":   {member(twin.Fault{Status: 429}), gatehouse.Unavailable},
		"MemberIsReset":     {member(twin.Fault{Reset: true}), gatehouse.Unavailable},
		"MemberNeedsAScope": {member(twin.Fault{Status: 403, Body: `{"error":"insufficient_scope"}`}), gatehouse.Upstream},
		"MemberIsHuge":      {member(twin.Fault{Status: 200, Body: big}), gatehouse.Upstream},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := map[string]any{"required_groups": "eng"}
			if strings.HasPrefix(name, "Member") {
				args["min_access_level"] = "developer"
			}
			g := withApp(t)
			v, err := g.signIn(t, args, "3", test.fault)
			if !errors.Is(err, test.kind) || v.Subject != "" || v.Tokens != nil {
				t.Errorf("%+v, %v; want %s", v, err, test.kind)
			}
			if g.Requests()["GET /elsewhere"] > 0 {
				t.Error("a redirect was followed")
			}
		})
	}
}

func TestRequiredGroups_Settings(t *testing.T) {
	t.Parallel()
	g := withApp(t)
	for name, args := range map[string]map[string]any{
		"EmptyList":        {"required_groups": []any{}},
		"EmptyPath":        {"required_groups": "/"},
		"NoList":           {"required_groups": map[string]any{}},
		"TooMany":          {"required_groups": strings.Repeat("a ", 21)},
		"UnknownRole":      {"required_groups": "eng", "min_access_level": "boss"},
		"RoleTooHigh":      {"required_groups": "eng", "min_access_level": int64(60)},
		"RoleWithoutGroup": {"min_access_level": "developer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connection(g)
			for k, v := range args {
				c.Args[k] = v
			}
			if _, err := openDoor(c, env(t)); !errors.Is(err, gatehouse.Invalid) || !strings.Contains(err.Error(), "args.") {
				t.Errorf("got %v", err)
			}
		})
	}
}
