package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/internal/twin/gitlab/rest"
	"gatehouse/internal/twin/gitlab/world"
)

// step is one request and what must come of it.
type step struct {
	method, path, body string
	status             int
	answer             string // the whole body; "…" at the end: its beginning
}

func (s step) run(t *testing.T, ask func(method, path, body string) answer) {
	t.Helper()
	got := ask(s.method, "/api/v4/"+s.path, s.body)
	want, begins := strings.CutSuffix(s.answer, "…")
	if got.status != s.status || begins && !strings.HasPrefix(got.body, want) || !begins && got.body != want {
		t.Errorf("%s %s %s: %d %s, want %d %s", s.method, s.path, s.body, got.status, got.body, s.status, s.answer)
	}
}

func TestUsersAreMadeAndChanged(t *testing.T) {
	t.Parallel()
	srv, _ := start(t, nil)
	as := func(method, path, body string) answer { return ask(t, srv, method, path, "root-token", body) }
	const good = "&username=new&name=New&force_random_password=true"
	for _, s := range []step{
		{"POST", "users", "username=x", 400, `{"error":"email is missing, name is missing"}`},
		{"POST", "users", "email=a@b.cn&name=x&username=x", 400, `{"error":"password, reset_password, force_random_password are missing, at least one parameter must be provided"}`},
		{"POST", "users", "email=ALICE@example.com" + good, 409, `{"message":"Email has already been taken"}`},
		{"POST", "users", "email=zhangwei@example.org" + good, 409, `{"message":"Email has already been taken"}`},
		{"POST", "users", "email=a@b.cn&name=x&username=Alice&password=correcthorse", 409, `{"message":"Username has already been taken"}`},
		{"POST", "users", "email=a@b.cn&name=x&username=eng&password=correcthorse", 400, `{"message":{"username":["has already been taken"]}}`},
		{"POST", "users", "email=a@b.cn&name=x&username=x&password=short", 400, `{"message":{"password":["is too short (minimum is 8 characters)"]}}`},
		{"POST", "users", "email=a@b.cn&name=x&username=x&password=12345678", 400, `{"message":{"password":["must not contain commonly used combinations of words and letters"]}}`},
		{"POST", "users", "email=a@b.cn&name=x&username=张&password=correcthorse", 400, `{"message":{"username":["can contain only letters, digits, '_', '-' and '.'. …`},
		{"POST", "users", "email=a@b.cn&name=x&username=admin&password=correcthorse", 400, `{"message":{"username":["admin is a reserved name"]}}`},
		{"POST", "users", "email=nobody&name=x&username=x&password=correcthorse", 400, `{"message":{"email":["is invalid"]}}`},
		{"POST", "users", "email=a@b.cn&provider=dingtalk&extern_uid=dUnionLiNa" + good, 400, `{"message":{"identities.extern_uid":["has already been taken. Please contact your administrator to generate a unique extern_uid / NameID"]}}`},
		{"POST", "users", `{"email":"New@b.cn","name":"新人","username":"new","force_random_password":true,"skip_confirmation":true,"provider":"dingtalk","extern_uid":"u9"}`, 201, `{"id":27,"username":"new","public_email":null,"name":"新人","state":"active",…`},
		{"GET", "users?extern_uid=u9&provider=dingtalk", "", 200, `[{"id":27,…`},
		{"PUT", "users/27", "email=alice@example.com", 409, `{"message":"Email has already been taken"}`},
		{"PUT", "users/27", "email=later@b.cn&name=Newer", 200, `{"id":27,"username":"new","public_email":null,"name":"Newer",…`},
		{"GET", "users?search=later@b.cn", "", 200, `[]`}, // waits for its confirmation
		{"PUT", "users/27", "email=now@b.cn&skip_reconfirmation=true&provider=dingtalk&extern_uid=u10", 200, `{"id":27,…`},
		{"GET", "users?extern_uid=u10&provider=dingtalk", "", 200, `[{"id":27,…`},
		{"GET", "users?extern_uid=u9&provider=dingtalk", "", 200, `[]`},
		{"GET", "users?search=now@b.cn", "", 200, `[{"id":27,…`},
		{"PUT", "users/99", "name=x", 404, `{"message":"404 User Not Found"}`},
		{"DELETE", "users/27/identities/dingtalk", "", 204, ``},
		{"DELETE", "users/27/identities/dingtalk", "", 404, `{"message":"404 Identity Not Found"}`},
		{"DELETE", "users/27", "", 204, ``},
		{"GET", "users/27", "", 404, `{"message":"404 User Not Found"}`},
		{"DELETE", "users/9", "", 409, `{"message":"User cannot be removed while is the sole-owner of a group"}`},
		{"DELETE", "users/9?hard_delete=true", "", 204, ``},
		{"GET", "groups/15", "", 404, `{"message":"404 Group Not Found"}`},
	} {
		s.run(t, as)
	}
	if err := srv.World.EditUser(5, func(u *world.User) { u.Doomed = true }); err != nil {
		t.Fatal(err)
	}
	step{"DELETE", "users/5", "", 204, ``}.run(t, as)
	step{"GET", "users/5", "", 200, `{"id":5,…`}.run(t, as)
}

func TestMembersAreChanged(t *testing.T) {
	t.Parallel()
	srv, settings := start(t, nil)
	as := func(method, path, body string) answer { return ask(t, srv, method, path, "root-token", body) }
	for _, s := range []step{
		{"POST", "groups/13/members", "user_id=7", 400, `{"error":"access_level is missing"}`},
		{"POST", "groups/13/members", "access_level=30", 400, `{"error":"user_id, username are missing, at least one parameter must be provided"}`},
		{"POST", "groups/13/members", "access_level=35&user_id=7", 400, `{"message":{"access_level":["is not included in the list"]}}`},
		{"POST", "groups/13/members", "access_level=5&user_id=7", 400, `{"message":{"access_level":["is not included in the list"]}}`},
		{"POST", "groups/14/members", "access_level=5&user_id=7", 201, `{"id":7,…`},
		{"POST", "groups/13/members", "access_level=30&user_id=3", 400, `{"message":{"access_level":["should be greater than or equal to Maintainer inherited membership from group Engineering"]}}`},
		{"POST", "groups/13/members", "access_level=30&user_id=7&expires_at=2020-01-01", 400, `{"message":{"expires_at":["cannot be a date in the past"]}}`},
		{"POST", "groups/13/members", "access_level=30&user_id=99", 404, `{"message":"404 User Not Found"}`},
		{"POST", "groups/13/members", "access_level=30&user_id=8", 409, `{"message":"Member already exists"}`},
		{"POST", "groups/13/members", "access_level=30&user_id=21", 400, `{"message":{"user":["project bots cannot be added to other groups / projects"]}}`},
		{"POST", "groups/18/members", "access_level=30&user_id=7", 400, `{"message":{"user":["is not linked to a SAML account"]}}`},
		{"POST", "groups/18/members", "access_level=30&user_id=4", 201, `{"id":4,…`},
		{"POST", "groups/13/members", "access_level=30&username=liu.yang,alice,nobody", 201, `{"status":"error","message":{"alice":"Access level should be greater than or equal to Maintainer inherited membership from group Engineering","nobody":"User not found"}}`},
		{"GET", "groups/13/members/7", "", 200, `{"id":7,…`},
		{"PUT", "groups/13/members/99", "access_level=30", 404, `{"message":"404 Not found"}`},
		{"PUT", "groups/13/members/3", "access_level=50", 404, `{"message":"404 Not found"}`}, // inherited
		{"PUT", "groups/10/members/2", "access_level=30", 403, `{"message":"403 Forbidden"}`}, // the last owner
		{"DELETE", "groups/10/members/2", "", 403, `{"message":"403 Forbidden"}`},
		{"PUT", "groups/18/members/18", "access_level=40", 403, `{"message":"403 Forbidden"}`}, // kept by LDAP
		{"PUT", "groups/11/members/6", "access_level=40", 200, `{"id":6,…`},
		{"PUT", "groups/12/members/9", "access_level=20&member_role_id=1", 200, `{"id":9,…`},
		{"PUT", "groups/12/members/9", "access_level=30&member_role_id=1", 400, `{"message":{"member_role_id":[…`},
		{"DELETE", "groups/10/members/99", "", 404, `{"message":"404 Not found"}`},
	} {
		s.run(t, as)
	}
	var row struct {
		ExpiresAt string `json:"expires_at"`
	}
	as("GET", "/api/v4/groups/11/members/6", "").decode(t, &row)
	if row.ExpiresAt != "2030-06-30" {
		t.Errorf("a date that was not named changed to %q", row.ExpiresAt)
	}
	t.Run("RemovalCascades", func(t *testing.T) {
		step{"DELETE", "groups/11/members/6?skip_subresources=true", "", 204, ``}.run(t, as)
		step{"GET", "projects/4/members/6", "", 200, `{"id":6,…`}.run(t, as)
		step{"DELETE", "groups/11/members/5", "", 204, ``}.run(t, as)
		step{"GET", "projects/5/members/5", "", 404, `{"message":"404 Not found"}`}.run(t, as)
	})
	t.Run("PromotionsWait", func(t *testing.T) {
		*settings = rest.Settings{QueueRolePromotions: true}
		step{"POST", "groups/13/members", "access_level=30&user_id=24", 202, `{"message":{"username_1":"Request queued for administrator approval."}}`}.run(t, as)
		step{"POST", "groups/13/members", "access_level=30&username=ma.chao,grace", 201, `{"status":"success","queued_users":{"username_1":"Request queued for administrator approval.","username_2":"Request queued for administrator approval."}}`}.run(t, as)
		step{"GET", "groups/13/members/24", "", 404, `{"message":"404 Not found"}`}.run(t, as)
	})
	t.Run("ByPeopleWithoutRights", func(t *testing.T) {
		if got := ask(t, srv, "POST", "/api/v4/groups/11/members", "bob-token", "access_level=10&user_id=24"); got.status != 403 && got.status != 404 {
			t.Errorf("adding: %d %s", got.status, got.body)
		}
	})
}

func TestInvitationsAnswer201WhateverHappens(t *testing.T) {
	t.Parallel()
	srv, _ := start(t, nil)
	as := func(method, path, body string) answer { return ask(t, srv, method, path, "root-token", body) }
	for _, s := range []step{
		{"POST", "groups/13/invitations", "access_level=30", 400, `{"message":"400 Bad request - Must provide either email or user_id as a parameter"}`},
		{"POST", "groups/13/invitations", "access_level=30&email=a@x.com", 201, `{"status":"success"}`},
		{"POST", "groups/13/invitations", "access_level=30&email=A@x.com,broken", 201, `{"status":"error","message":{"A@x.com":"The member's email address has already been taken","broken":"Invite email is invalid"}}`},
		{"POST", "groups/13/invitations", "access_level=30&email=liu.yang@example.com", 201, `{"status":"success"}`},
		{"GET", "groups/13/members/7", "", 200, `{"id":7,…`},
		{"POST", "groups/18/invitations", "access_level=30&email=b@x.com", 201, `{"status":"error","message":{"b@x.com":"The member's email address is not linked to a SAML account"}}`},
		{"GET", "groups/13/invitations?query=newcomer", "", 200, `[{"access_level":30,"created_at":"2025-05-01T08:00:00.000Z","expires_at":null,"invite_email":"newcomer@example.com","invite_token":"invitetoken1101","created_by_name":"陈静"}]`},
		{"PUT", "groups/13/invitations/a%40x.com", "access_level=20&expires_at=2027-01-01", 200, `{"access_level":20,…`},
		{"DELETE", "groups/13/invitations/a@x.com", "", 204, ``},
		{"DELETE", "groups/13/invitations/a@x.com", "", 404, `{"message":"404 Not found"}`},
		{"GET", "groups/14/access_requests", "", 200, `[{"id":10,…`},
		{"PUT", "groups/14/access_requests/10/approve?access_level=20", "", 201, `{"id":10,…`},
		{"GET", "groups/14/members/10", "", 200, `{"id":10,…`},
	} {
		s.run(t, as)
	}
}

func TestGroupsSharesAndProjectsAreChanged(t *testing.T) {
	t.Parallel()
	srv, _ := start(t, nil)
	as := func(method, path, body string) answer { return ask(t, srv, method, path, "root-token", body) }
	for _, s := range []step{
		{"POST", "groups", "name=X&path=eng", 400, `{"message":"Failed to save group {:path=>[\"has already been taken\"]}"}`},
		{"POST", "groups", "name=New&path=new&parent_id=10", 201, `{"id":127,"web_url":"` + external + `/groups/eng/new",…`},
		{"PUT", "groups/127", "path=web", 400, `{"message":{"path":["has already been taken"]}}`},
		{"PUT", "groups/127", "path=newer", 200, `{"id":127,"web_url":"` + external + `/groups/eng/newer",…`},
		{"GET", "groups/eng%2Fnewer?with_projects=false", "", 200, `{"id":127,…`},
		{"POST", "groups/127/share", "group_id=14&group_access=30&expires_at=2027-01-01", 201, `{"id":127,…`},
		{"POST", "groups/127/share", "group_id=14&group_access=30", 409, `{"message":"Shared group The group has already been shared with this group"}`},
		{"POST", "groups/127/share", "group_id=999&group_access=30", 404, `{"message":"404 Group Not Found"}`},
		{"DELETE", "groups/127/share/14", "", 204, ``},
		{"DELETE", "groups/127/share/14", "", 404, `{"message":"404 Group Link Not Found"}`},
		{"POST", "projects/1/share", "group_id=14&group_access=20", 201, `{"id":9,"project_id":1,"group_id":14,"group_access":20,"expires_at":null}`},
		{"POST", "projects", "name=api&namespace_id=127", 201, `{"id":16,"description":null,"name":"api","name_with_namespace":"Engineering / New / api",…`},
		{"POST", "projects", "name=api&namespace_id=127", 400, `{"message":{"name":["has already been taken"],"path":["has already been taken"],"project_namespace.name":["has already been taken"]}}`},
		{"DELETE", "projects/16", "", 202, `{"message":"202 Accepted"}`},
		{"DELETE", "groups/127", "", 202, `{"message":"202 Accepted"}`},
		{"GET", "groups?marked_for_deletion_on=2026-03-01&order_by=id", "", 200, `[{"id":127,…`},
	} {
		s.run(t, as)
	}
}

func TestUnknownRoutesAndMethods(t *testing.T) {
	t.Parallel()
	srv, _ := start(t, nil)
	as := func(method, path, body string) answer { return ask(t, srv, method, path, "root-token", body) }
	for _, s := range []step{
		{"GET", "nothing", "", 404, `{"error":"404 Not Found"}`},
		{"PATCH", "users", "", 405, `{"error":"405 Not Allowed"}`},
		{"GET", "users/x", "", 404, `{"error":"404 Not Found"}`},
		{"POST", "users", "{broken", 400, `{"error":"message body does not match declared format"}`},
		{"GET", "version", "", 200, `{"version":"18.9.0-ee","revision":"6714c913","kas":{"enabled":true,"externalUrl":"wss://kas.example.com","externalK8sProxyUrl":"https://kas.example.com/k8s-proxy/","version":"18.9.0"},"enterprise":true}`},
		{"GET", "personal_access_tokens/self", "", 200, `{"id":1,"name":"","revoked":false,"created_at":null,"description":null,"scopes":["api","admin_mode","sudo"],"user_id":1,"last_used_at":"2026-03-01T09:00:00.000Z","active":true,"expires_at":"2027-03-01","last_used_ips":[]}`},
		{"GET", "users/9/memberships", "", 200, `[{"source_id":12,"source_name":"SRE 运维","source_type":"Namespace","access_level":20},{"source_id":15,"source_name":"财务","source_type":"Namespace","access_level":50}]`},
		{"GET", "users/26/memberships", "", 200, `[]`}, // Minimal Access is left out
	} {
		s.run(t, as)
	}
	if got := ask(t, srv, http.MethodGet, "/api/v4/users", "", ""); got.status != 403 || got.body != `{"message":"403 Forbidden - Not authorized to access /api/v4/users"}` {
		t.Errorf("stranger: %d %s", got.status, got.body)
	}
}
