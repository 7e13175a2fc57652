package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/twin/gitlab/rest"
	"gatehouse/internal/twin/gitlab/world"
)

// idsOf reads the ids of a list, in its order.
func idsOf(t *testing.T, got answer) []int64 {
	t.Helper()
	var rows []struct{ ID int64 }
	if got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	got.decode(t, &rows)
	var all []int64
	for _, r := range rows {
		all = append(all, r.ID)
	}
	return all
}

func TestLists(t *testing.T) {
	t.Parallel()
	srv, _ := start(t, nil)
	for _, c := range []struct {
		path string
		want []int64
	}{
		{"groups?top_level_only=true&order_by=id", []int64{10, 14, 15, 17, 18, 19}},
		{"groups?visibility=public", []int64{17}},
		{"groups?order_by=id&sort=desc&skip_groups=19,18", []int64{17, 16, 15, 14, 13, 12, 11, 10}},
		{"groups?active=false", []int64{19}},
		{"groups?owned=true", nil}, // root owns nothing by membership
		{"groups/10/subgroups", []int64{11, 13}},
		{"groups/10/descendant_groups?order_by=id", []int64{11, 12, 13}},
		{"groups/14/groups/shared", []int64{13}},
		{"groups/13/invited_groups", []int64{14}},
		{"groups/10/projects?order_by=id&sort=asc", []int64{1}},
		{"groups/10/projects?order_by=id&sort=asc&include_subgroups=true", []int64{1, 2, 3, 4, 5, 6, 7}},
		{"groups/14/projects?order_by=id&sort=asc", []int64{6, 8}},
		{"groups/14/projects?order_by=id&sort=asc&with_shared=false", []int64{8}},
		{"users/3/projects", []int64{14}},
		{"projects?order_by=id&sort=asc&archived=true", []int64{13}},
		{"projects?order_by=id&sort=asc&visibility=internal", []int64{1, 8}},
		{"projects?order_by=name&sort=asc&search=eng/web&search_namespaces=true", []int64{7, 6}},
		{"projects?order_by=id&sort=asc&id_after=12&id_before=15", []int64{13, 14}},
		{"projects?order_by=updated_at&sort=asc&updated_after=2025-06-14", []int64{14, 15}},
		{"projects?order_by=updated_at&updated_after=2030-01-01", nil},
		{"projects?order_by=last_activity_at&sort=asc&last_activity_before=2025-12-03", []int64{1, 2}},
		{"groups/13/members?user_ids[]=8&user_ids[]=10", []int64{8, 10}},
		{"groups/13/members?skip_users[]=8", []int64{10, 14}},
		{"groups/13/members?query=zhao", []int64{10}},
		{"groups/13/members/all", []int64{2, 3, 22, 8, 10, 14, 12, 25}}, // 12 reaches more through Design
		{"projects/12/members", []int64{4}},
		{"projects/12/members/all?state=awaiting", []int64{4}},
		{"groups/18/pending_members", []int64{1036}}, // the membership of 4, by its own id
		{"groups/10/pending_members", []int64{1101}}, // the invitation to Web
	} {
		t.Run(c.path, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, idsOf(t, ask(t, srv, "GET", "/api/v4/"+c.path, "root-token", ""))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestListsForAUser(t *testing.T) {
	t.Parallel()
	srv, _ := start(t, nil)
	for path, want := range map[string][]int64{
		"projects?order_by=id&sort=asc&membership=true": {2, 3, 4, 5, 9, 11},
		"groups?min_access_level=30&order_by=id":        {11, 12},
		"groups/10/subgroups":                           {11}, // Web is not Bob's
		"groups/18/members":                             nil,
	} {
		got := ask(t, srv, "GET", "/api/v4/"+path, "bob-token", "")
		if want == nil {
			if got.status != 404 {
				t.Errorf("%s: %d", path, got.status)
			}
			continue
		}
		if diff := cmp.Diff(want, idsOf(t, got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	if got := ask(t, srv, "GET", "/api/v4/projects/4", "bob-token", ""); !strings.HasSuffix(got.body, `"permissions":{"project_access":{"access_level":10,"notification_level":3},"group_access":{"access_level":30,"notification_level":3}}}`) {
		t.Errorf("own permissions: %s", got.body)
	}
}

func TestGroupShows(t *testing.T) {
	t.Parallel()
	srv, _ := start(t, nil)
	const shares = `"shared_with_groups":[{"group_id":12,"group_name":"SRE 运维","group_full_path":"eng/platform/sre","group_access_level":10,"expires_at":"2030-09-30","member_role_id":null}]`
	with := ask(t, srv, "GET", "/api/v4/groups/16", "root-token", "").body
	without := ask(t, srv, "GET", "/api/v4/groups/16?with_projects=false", "root-token", "").body
	if !strings.Contains(with, shares) || !strings.Contains(with, `"projects":[{"id":10,`) || !strings.Contains(with, `"runners_token":"`) {
		t.Errorf("with projects: %s", with)
	}
	if !strings.Contains(without, shares) || strings.Contains(without, `"projects"`) {
		t.Errorf("without projects: %s", without)
	}
	if list := ask(t, srv, "GET", "/api/v4/groups", "root-token", "").body; strings.Contains(list, "shared_with_groups") {
		t.Error("the list shows shares")
	}
	if list := ask(t, srv, "GET", "/api/v4/projects", "root-token", "").body; !strings.Contains(list, `"shared_with_groups":[{"group_id":14,`) {
		t.Error("the list of projects shows no shares")
	}
}

func TestOddsAndEnds(t *testing.T) {
	t.Parallel()
	srv, settings := start(t, nil)
	as := func(method, path, body string) answer { return ask(t, srv, method, path, "root-token", body) }
	for _, s := range []step{
		{"GET", "users/2/emails", "", 200, `[{"id":1,"email":"zhangwei@example.org","confirmed_at":"2024-05-01T08:00:00.000Z"}]`},
		{"GET", "projects/4/members/all/6", "", 200, `{"id":6,…`},
		{"GET", "projects/4/members/all/13", "", 404, `{"message":"404 Not found"}`},
		{"GET", "member_roles", "", 200, `[{"id":1,"group_id":null,"name":"Release manager","description":"May deploy","base_access_level":20,"admin_cicd_variables":false,…`},
		{"GET", "groups/11/pending_members", "", 400, `{"message":"400 Bad request"}`}, // not at the top
		{"POST", "groups/19/restore", "", 201, `{"id":19,…`},
		{"POST", "groups/19/restore", "", 400, `{"message":"Group has not been marked for deletion"}`},
		{"POST", "groups/15/access_requests", "", 201, `{"id":1,…`},
		{"POST", "groups/15/access_requests", "", 403, `{"message":"403 Forbidden"}`},
		{"DELETE", "groups/15/access_requests/1", "", 204, ``},
		{"DELETE", "groups/15/access_requests/1", "", 404, `{"message":"404 Not found"}`},
		{"POST", "users/5/personal_access_tokens", "name=x", 400, `{"error":"scopes is missing"}`},
	} {
		s.run(t, as)
	}
	var made struct{ Token string }
	as("POST", "/api/v4/users/5/personal_access_tokens", `{"name":"ci","scopes":["read_user"]}`).decode(t, &made)
	if got := ask(t, srv, "GET", "/api/v4/user", made.Token, ""); got.status != 200 || !strings.HasPrefix(got.body, `{"id":5,`) {
		t.Errorf("the new token: %d %s", got.status, got.body)
	}
	if got := ask(t, srv, "DELETE", "/api/v4/personal_access_tokens/self", made.Token, ""); got.status != 204 {
		t.Errorf("revoking oneself: %d %s", got.status, got.body)
	}
	if got := ask(t, srv, "GET", "/api/v4/user", made.Token, ""); got.status != 401 {
		t.Errorf("afterwards: %d", got.status)
	}
	if err := srv.World.EditGroup(13, func(g *world.Group) { g.MembershipLock = true }); err != nil {
		t.Fatal(err)
	}
	step{"POST", "projects/6/members", "user_id=7&access_level=30", 405, `{"message":"405 Method Not Allowed"}`}.run(t, as)
	*settings = rest.Settings{WrongMembersAll: true}
	for _, m := range []struct {
		id, level int
	}{{0, 40}, {1, 30}} { // 2 and 3 of Engineering, each a level too low in Web
		var rows []struct {
			AccessLevel int `json:"access_level"`
		}
		as("GET", "/api/v4/groups/13/members/all", "").decode(t, &rows)
		if row := rows[m.id]; row.AccessLevel != m.level {
			t.Errorf("the wrong members/all gives %d", row.AccessLevel)
		}
	}
}
