package rest_test

import (
	"strings"
	"testing"

	"gatehouse/internal/twin/gitlab/rest"
	"gatehouse/internal/twin/gitlab/world"
)

func TestMemberEdges(t *testing.T) {
	t.Parallel()
	const listed = `{"message":{"access_level":["is not included in the list"]}}`
	for name, c := range map[string]struct {
		token string
		step
	}{
		"NoLevel":              {"root-token", step{"PUT", "groups/11/members/6", "expires_at=2027-01-01", 400, `{"error":"access_level is missing"}`}},
		"LevelIsNoNumber":      {"root-token", step{"POST", "groups/13/members", "access_level=high&user_id=7", 400, `{"error":"access_level is invalid"}`}},
		"UserAndUsername":      {"root-token", step{"POST", "groups/13/members", "access_level=30&user_id=7&username=liu.yang", 400, `{"error":"user_id, username are mutually exclusive"}`}},
		"DateIsNoDate":         {"root-token", step{"POST", "groups/13/members", "access_level=30&user_id=7&expires_at=soon", 400, `{"error":"expires_at is invalid"}`}},
		"SecurityManagerIsOff": {"root-token", step{"POST", "groups/13/members", "access_level=25&user_id=7", 400, listed}},
		"AdminIsNoLevel":       {"root-token", step{"POST", "groups/13/members", "access_level=60&user_id=7", 400, listed}},
		"MinimalInAProject":    {"root-token", step{"POST", "projects/6/members", "access_level=5&user_id=7", 400, listed}},
		"PlannerInAProject":    {"root-token", step{"POST", "projects/6/members", "access_level=15&username=liu.yang", 201, `{"id":7,…`}},
		"PutInThePast":         {"root-token", step{"PUT", "groups/11/members/6", "access_level=30&expires_at=2026-02-28", 400, `{"message":{"expires_at":["cannot be a date in the past"]}}`}},
		"PutBelowInherited":    {"root-token", step{"PUT", "projects/4/members/6", "access_level=20", 400, `{"message":{"access_level":["should be greater than or equal to Developer inherited membership from group Platform"]}}`}},
		"DeleteInherited":      {"root-token", step{"DELETE", "groups/13/members/3", "", 404, `{"message":"404 Not found"}`}},
		"PutWithoutRights":     {"bob-token", step{"PUT", "groups/11/members/5", "access_level=40", 403, `{"message":"403 Forbidden"}`}},
		"PutUnknownNoRights":   {"bob-token", step{"PUT", "groups/11/members/99", "access_level=40", 403, `{"message":"403 Forbidden"}`}},
		"PostWithoutRights":    {"bob-token", step{"POST", "groups/11/members", "access_level=10&user_id=24", 403, `{"message":"403 Forbidden"}`}},
		"PostUnseen":           {"bob-token", step{"POST", "groups/18/members", "access_level=10&user_id=24", 404, `{"message":"404 Group Not Found"}`}},
		"DeleteOfAnother":      {"bob-token", step{"DELETE", "groups/11/members/5", "", 403, `{"message":"403 Forbidden"}`}},
		"Leaving":              {"bob-token", step{"DELETE", "groups/11/members/6", "", 204, ``}},
		"LastOwnerStays":       {"root-token", step{"DELETE", "groups/15/members/9", "", 403, `{"message":"403 Forbidden"}`}},
		"LDAPMemberStays":      {"root-token", step{"DELETE", "groups/18/members/18", "", 403, `{"message":"403 Forbidden"}`}},
		"SeveralAllGood":       {"root-token", step{"POST", "groups/13/members", "access_level=40&user_id=7,24", 201, `{"status":"success"}`}},
		"SeveralSomeAreThere":  {"root-token", step{"POST", "groups/13/members", "access_level=40&user_id=8,24,99", 201, `{"status":"error","message":{"99":"User not found","chen.jing":"User already exists in source"}}`}},
		"UnknownRole":          {"root-token", step{"POST", "groups/13/members", "access_level=20&user_id=7&member_role_id=9", 400, `{"message":{"member_role":["not found"]}}`}},
		"InviteNeedsALevel":    {"root-token", step{"POST", "groups/13/invitations", "email=a@x.com", 400, `{"error":"access_level is missing"}`}},
		"InviteByID":           {"root-token", step{"POST", "projects/6/invitations", "access_level=30&user_id=7", 201, `{"status":"success"}`}},
		"InviteAMember":        {"root-token", step{"POST", "groups/13/invitations", "access_level=30&email=chen.jing@example.com", 201, `{"status":"error","message":{"chen.jing@example.com":"User already exists in source"}}`}},
		"InviteWrongLevel":     {"root-token", step{"POST", "groups/13/invitations", "access_level=7&email=a@x.com", 201, `{"status":"error","message":{"a@x.com":"Access level is not included in the list"}}`}},
		"InviteUnknownID":      {"root-token", step{"POST", "groups/13/invitations", "access_level=30&user_id=99", 201, `{"status":"error","message":{"99":"User not found"}}`}},
		"InviteWithoutRights":  {"bob-token", step{"POST", "groups/11/invitations", "access_level=30&email=a@x.com", 403, `{"message":"403 Forbidden"}`}},
		"DeleteInvitation":     {"root-token", step{"DELETE", "groups/13/invitations/NEWCOMER@example.com", "", 204, ``}},
		"UnknownInvitation":    {"root-token", step{"PUT", "groups/13/invitations/x@example.com", "access_level=20", 404, `{"message":"404 Not found"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, _ := start(t, nil)
			c.run(t, func(method, path, body string) answer { return ask(t, api, method, path, c.token, body) })
		})
	}
}

func TestExpiryChangesOnlyWhenNamed(t *testing.T) {
	t.Parallel()
	api, _ := start(t, nil)
	for _, c := range []struct{ body, want string }{
		{"access_level=30", `"expires_at":"2030-06-30"`},
		{`{"access_level":30,"expires_at":"2027-05-04"}`, `"expires_at":"2027-05-04"`},
		{"access_level=40", `"expires_at":"2027-05-04"`},
		{"access_level=40&expires_at=", `"expires_at":null`},
	} {
		got := ask(t, api, "PUT", "/api/v4/groups/11/members/6", "root-token", c.body)
		if got.status != 200 || !strings.Contains(got.body, c.want) {
			t.Errorf("%s: %d %s, want %s", c.body, got.status, got.body, c.want)
		}
	}
}

// TestInvitedPeopleJoin: an address that somebody has is no invitation.
func TestInvitedPeopleJoin(t *testing.T) {
	t.Parallel()
	api, _ := start(t, nil)
	step{"POST", "groups/13/invitations", `{"email":"ZhangWei@example.org,new@x.com","access_level":50,"expires_at":"2027-01-01"}`, 201, `{"status":"success"}`}.
		run(t, func(method, path, body string) answer { return ask(t, api, method, path, "root-token", body) })
	got := ask(t, api, "GET", "/api/v4/groups/13/members/2", "root-token", "")
	if !strings.Contains(got.body, `"access_level":50,`) || !strings.Contains(got.body, `"expires_at":"2027-01-01"`) {
		t.Errorf("the owner of a secondary address: %d %s", got.status, got.body)
	}
	got = ask(t, api, "GET", "/api/v4/groups/13/invitations", "root-token", "")
	if strings.Contains(got.body, "ZhangWei") || !strings.Contains(got.body, `"invite_email":"new@x.com"`) {
		t.Errorf("invitations %s", got.body)
	}
	if got := ask(t, api, "GET", "/api/v4/groups/13/members", "root-token", ""); strings.Contains(got.body, "new@x.com") {
		t.Errorf("an invitation is among the members: %s", got.body)
	}
}

func TestMinimalAccessIsOfTheEnterprise(t *testing.T) {
	t.Parallel()
	for ce, status := range map[bool]int{true: 400, false: 201} {
		api, _ := start(t, func(a *rest.API) { a.CE = ce })
		if got := ask(t, api, "POST", "/api/v4/groups/14/members", "root-token", "access_level=5&user_id=7"); got.status != status {
			t.Errorf("CE %t: %d %s", ce, got.status, got.body)
		}
	}
}

// TestMinimalAccessIsNowhereBelow is number 9 of what one would not think.
func TestMinimalAccessIsNowhereBelow(t *testing.T) {
	t.Parallel()
	api, _ := start(t, nil)
	has := func(path string) bool {
		return strings.Contains(ask(t, api, "GET", "/api/v4/"+path, "root-token", "").body, `"id":26,`)
	}
	if !has("groups/10/members") || !has("groups/10/members/all") || has("groups/11/members/all") || has("projects/1/members/all") {
		t.Error("Minimal Access is not in its own group alone")
	}
	if got := ask(t, api, "GET", "/api/v4/users/26/memberships", "root-token", ""); got.body != "[]" {
		t.Errorf("memberships of the user: %s", got.body)
	}
	api.World.Read(func(d *world.Data) {
		if d.Member(world.InGroup(10), 26).Level != world.MinimalAccess {
			t.Error("the demo has nobody with Minimal Access")
		}
	})
}
