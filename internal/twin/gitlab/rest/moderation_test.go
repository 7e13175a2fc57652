package rest_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/twin/gitlab/world"
)

// TestModerationOfEveryState is section 2.7 of the wire facts: each call on an
// account of each state, the answer and the state afterwards.
func TestModerationOfEveryState(t *testing.T) {
	t.Parallel()
	const (
		active, blocked, ldap                    = world.Active, world.Blocked, world.LDAPBlocked
		banned, deactivated, pending             = world.Banned, world.Deactivated, world.PendingApproval
		yes, no, null, done                      = "true", "false", "null", `{"message":"Success"}`
		modified                                 = "403 Forbidden - LDAP blocked users cannot be modified by the API"
		dormant                                  = "The user you are trying to deactivate has been active in the past 90 days and cannot be deactivated"
		cannotDeactivate                         = "Error occurred. A blocked user cannot be deactivated"
		cannotActivate                           = "Error occurred. A blocked user must be unblocked to be activated"
		notPending, noRequest                    = "The user you are trying to approve is not pending approval", "User does not have a pending request"
		gone                         world.State = "gone"
	)
	for call, cases := range map[string][]struct {
		from   world.State
		status int
		answer string // the body, or the text of its message
		to     world.State
	}{
		"block": {
			{active, 201, yes, blocked},
			{deactivated, 201, yes, blocked},
			{blocked, 201, null, blocked},
			{banned, 201, null, banned},
			{pending, 201, null, pending},
			{ldap, 403, modified, ldap},
		},
		"unblock": {
			{active, 201, no, active},
			{blocked, 201, yes, active},
			{banned, 201, yes, active},
			{pending, 201, yes, active},
			{deactivated, 403, "403 Forbidden - Deactivated users cannot be unblocked by the API", deactivated},
			{ldap, 403, "403 Forbidden - LDAP blocked users cannot be unblocked by the API", ldap},
		},
		"deactivate": {
			{active, 403, dormant, active},
			{deactivated, 201, null, deactivated},
			{blocked, 403, cannotDeactivate, blocked},
			{banned, 403, cannotDeactivate, banned},
			{pending, 403, cannotDeactivate, pending},
			{ldap, 403, cannotDeactivate, ldap},
		},
		"activate": {
			{active, 201, yes, active},
			{deactivated, 201, yes, active},
			{blocked, 403, cannotActivate, blocked},
			{banned, 403, cannotActivate, banned},
			{pending, 403, cannotActivate, pending},
			{ldap, 403, cannotActivate, ldap},
		},
		"ban": {
			{active, 201, yes, banned},
			{banned, 403, "You cannot ban banned users.", banned},
			{blocked, 403, "You cannot ban blocked users.", blocked},
			{deactivated, 403, "You cannot ban deactivated users.", deactivated},
			{ldap, 403, "You cannot ban ldap_blocked users.", ldap},
			{pending, 403, "You cannot ban blocked_pending_approval users.", pending},
		},
		"unban": {
			{banned, 201, yes, active}, {active, 403, "You cannot unban active users.", active}, {blocked, 403, "You cannot unban blocked users.", blocked},
		},
		"approve": {{pending, 201, done, active}, {active, 409, notPending, active}, {blocked, 409, notPending, blocked}},
		"reject":  {{pending, 200, done, gone}, {active, 409, noRequest, active}, {banned, 409, noRequest, banned}},
	} {
		for _, c := range cases {
			t.Run(call+"/"+string(c.from), func(t *testing.T) {
				t.Parallel()
				api, _ := start(t, nil)
				if err := api.World.EditUser(7, func(u *world.User) { u.State, u.LastActivityOn = c.from, "2025-12-02" }); err != nil {
					t.Fatal(err)
				}
				got := ask(t, api, "POST", "/api/v4/users/7/"+call, "root-token", "")
				want := c.answer
				if c.status >= 400 {
					want = fmt.Sprintf(`{"message":%q}`, c.answer)
				}
				if got.status != c.status || got.body != want {
					t.Errorf("%d %s, want %d %s", got.status, got.body, c.status, want)
				}
				to := gone
				api.World.Read(func(d *world.Data) {
					if u := d.User(7); u != nil {
						to = u.State
					}
				})
				if to != c.to {
					t.Errorf("afterwards %s, want %s", to, c.to)
				}
			})
		}
	}
}

func TestModerationRefuses(t *testing.T) {
	t.Parallel()
	api, _ := start(t, nil)
	if err := api.World.EditUser(7, func(u *world.User) { u.LastActivityOn = "2025-12-01" }); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		token, path string
		status      int
		message     string
	}{
		{"root-token", "1/block", 403, "403 Forbidden - The API initiating user cannot be blocked by the API"},
		{"root-token", "20/block", 403, "An internal user cannot be blocked"},
		{"root-token", "20/deactivate", 403, "Internal users cannot be deactivated"},
		{"root-token", "99/block", 404, "404 User Not Found"},
		{"root-token", "99/approve", 404, "404 User Not Found"},
		{"bob-token", "7/block", 403, "403 Forbidden"},
		{"bob-token", "99/unblock", 403, "403 Forbidden"},
		{"bob-token", "17/approve", 403, "You are not allowed to approve a user"},
		{"bob-token", "17/reject", 403, "You are not allowed to reject a user"},
		{"", "7/block", 401, "401 Unauthorized"},
	} {
		got := ask(t, api, "POST", "/api/v4/users/"+c.path, c.token, "")
		if got.status != c.status || got.body != `{"message":"`+c.message+`"}` {
			t.Errorf("%s by %q: %d %s", c.path, c.token, got.status, got.body)
		}
	}
	if got := ask(t, api, "POST", "/api/v4/users/7/deactivate", "root-token", ""); got.status != 201 {
		t.Errorf("90 days without activity are not enough: %d %s", got.status, got.body)
	}
	if got := ask(t, api, "POST", "/api/v4/users/21/block", "root-token", ""); got.body != "true" {
		t.Errorf("the bot of a project is not blocked: %s", got.body)
	}
}

// TestScopes tells which scopes open which door, and what the refusal names.
func TestScopes(t *testing.T) {
	t.Parallel()
	api, _ := start(t, nil)
	for _, scope := range []string{"read_user", "read_api", "api", "openid", "ai_workflows", "read_repository"} {
		api.World.AddToken(world.Token{Value: scope, UserID: 1, Scopes: []string{scope}})
	}
	const users, all, groups, write = "read_user api read_api", "api read_api", "ai_workflows api read_api", "api"
	for _, c := range []struct{ method, path, needed string }{
		{"GET", "user", users},
		{"GET", "users", users},
		{"GET", "users/3", users},
		{"GET", "users/3/memberships", users},
		{"GET", "version", users},
		{"GET", "metadata", users},
		{"GET", "groups", groups},
		{"GET", "groups/10", groups},
		{"GET", "groups/10/members", groups},
		{"GET", "projects", all},
		{"GET", "projects/1/members/all", all},
		{"GET", "member_roles", all},
		{"POST", "users/7/block", write},
		{"PUT", "groups/11/members/6", write},
		{"DELETE", "users/99", write},
		{"POST", "groups/13/invitations", write},
	} {
		for _, scope := range []string{"read_user", "read_api", "api", "openid", "ai_workflows", "read_repository"} {
			got := ask(t, api, c.method, "/api/v4/"+c.path, scope, "")
			refused := got.status == 403 && strings.Contains(got.body, `"insufficient_scope"`)
			if refused == strings.Contains(" "+c.needed+" ", " "+scope+" ") {
				t.Errorf("%s %s with %s: %d %.80s", c.method, c.path, scope, got.status, got.body)
			}
			if refused && !strings.HasSuffix(got.body, `,"scope":"`+c.needed+`"}`) {
				t.Errorf("%s %s names other scopes: %s", c.method, c.path, got.body)
			}
			if challenge := got.header.Get("WWW-Authenticate"); refused && !strings.HasPrefix(challenge, `Bearer realm="Protected by OAuth 2.0", error="insufficient_scope"`) {
				t.Errorf("challenge %s", challenge)
			}
		}
	}
}
