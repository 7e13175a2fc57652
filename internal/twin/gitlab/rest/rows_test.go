package rest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/twin/gitlab/rest"
	"gatehouse/internal/twin/gitlab/world"
)

// exact checks a body to the letter; URL stands for the external URL.
func exact(t *testing.T, got answer, want string) {
	t.Helper()
	if diff := cmp.Diff(want, strings.ReplaceAll(got.body, external, "URL")); diff != "" {
		t.Errorf("answer %d (-want +got):\n%s", got.status, diff)
	}
}

const aliceBasic = `"id":3,"username":"alice","public_email":"alice@example.com","name":"Alice Turner","state":"active","locked":false,` +
	`"avatar_url":"https://www.gravatar.com/avatar/ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976?s=80&d=identicon","web_url":"URL/alice"`

const rootBasic = `{"id":1,"username":"root","public_email":null,"name":"Administrator","state":"active","locked":false,` +
	`"avatar_url":"https://www.gravatar.com/avatar/258d8dc916db8cea2cafb6c3cd0cb0246efe061421dbd83ec3a350428cabda4f?s=80&d=identicon","web_url":"URL/root"}`

const alicePublic = aliceBasic + `,"created_at":"2024-05-11T08:00:00.000Z","bio":"","location":"","linkedin":"","twitter":"","discord":"","website_url":"","github":"",` +
	`"job_title":"","pronouns":null,"organization":"","bot":false,"work_information":null,"followers":0,"following":0,"is_followed":false,"local_time":null`

const aliceAdmin = `{` + alicePublic + `,"last_sign_in_at":"2026-01-28T19:00:00.000Z","confirmed_at":"2024-05-11T08:00:00.000Z","last_activity_on":"2026-02-06","email":"alice@example.com",` +
	`"theme_id":3,"color_scheme_id":1,"projects_limit":100000,"current_sign_in_at":"2026-02-06T19:00:00.000Z","identities":[],` +
	`"can_create_group":true,"can_create_project":true,"two_factor_enabled":true,"external":false,"private_profile":false,` +
	`"commit_email":"alice@example.com","preferred_language":"en","shared_runners_minutes_limit":null,"extra_shared_runners_minutes_limit":null,"scim_identities":[],` +
	`"is_admin":false,"note":null,"namespace_id":103,"created_by":` + rootBasic + `,"using_license_seat":true,"is_auditor":false,` +
	`"provisioned_by_group_id":null,"enterprise_group_id":null,"enterprise_group_associated_at":null}`

func TestRowsKeepTheOrderOfTheirKeys(t *testing.T) {
	t.Parallel()
	srv, _ := start(t, nil)
	t.Run("UserForAdministrators", func(t *testing.T) {
		t.Parallel()
		exact(t, ask(t, srv, "GET", "/api/v4/users?username=alice", "root-token", ""), "["+aliceAdmin+"]")
	})
	t.Run("UserForOthers", func(t *testing.T) {
		t.Parallel()
		exact(t, ask(t, srv, "GET", "/api/v4/users?username=ALICE", "bob-token", ""), "[{"+aliceBasic+"}]")
		exact(t, ask(t, srv, "GET", "/api/v4/users/3", "bob-token", ""), "{"+alicePublic+"}")
	})
	t.Run("Member", func(t *testing.T) {
		t.Parallel()
		got := ask(t, srv, "GET", "/api/v4/groups/eng/members/3", "root-token", "")
		exact(t, got, `{`+aliceBasic+`,"access_level":40,"created_at":"2024-07-02T08:00:00.000Z","created_by":{"id":2,"username":"zhang.wei",`+
			`"public_email":"zhang.wei@example.com","name":"张伟","state":"active","locked":false,`+
			`"avatar_url":"https://www.gravatar.com/avatar/dae92ea63028947efcc58b3ef81d8bff37a0782f9d253fab62c55600fa36569c?s=80&d=identicon","web_url":"URL/zhang.wei"},`+
			`"expires_at":null,"group_saml_identity":null,"group_scim_identity":null,"email":"alice@example.com","membership_state":"active"}`)
	})
	t.Run("Group", func(t *testing.T) {
		t.Parallel()
		got := ask(t, srv, "GET", "/api/v4/groups?search=sre", "root-token", "")
		exact(t, got, `[{"id":12,"web_url":"URL/groups/eng/platform/sre","name":"SRE 运维","path":"sre","description":"","visibility":"private","share_with_group_lock":false,`+
			`"require_two_factor_authentication":false,"two_factor_grace_period":48,"project_creation_level":"developer","auto_devops_enabled":null,`+
			`"subgroup_creation_level":"maintainer","emails_disabled":false,"emails_enabled":true,"show_diff_preview_in_email":true,"mentions_disabled":null,"lfs_enabled":true,`+
			`"archived":false,"math_rendering_limits_enabled":true,"lock_math_rendering_limits_enabled":false,"default_branch":null,"default_branch_protection":2,`+
			`"default_branch_protection_defaults":{},"avatar_url":null,"request_access_enabled":true,"full_name":"Engineering / Platform / SRE 运维","full_path":"eng/platform/sre",`+
			`"created_at":"2024-05-03T08:00:00.000Z","parent_id":11,"organization_id":1,"shared_runners_setting":"enabled","max_artifacts_size":null,"marked_for_deletion_on":null}]`)
	})
	t.Run("SimpleProject", func(t *testing.T) {
		t.Parallel()
		got := ask(t, srv, "GET", "/api/v4/projects?simple=true&search=notes", "root-token", "")
		if !strings.HasPrefix(got.body, `[{"id":15,"description":null,"name":"笔记","name_with_namespace":"张伟 / 笔记","path":"notes","path_with_namespace":"zhang.wei/notes",`) ||
			!strings.Contains(got.body, `"visibility":"private","namespace":{"id":102,"name":"张伟","path":"zhang.wei","kind":"user","full_path":"zhang.wei","parent_id":null,`) {
			t.Error(got.body)
		}
	})
}

func TestCurrentUser(t *testing.T) {
	t.Parallel()
	srv, _ := start(t, nil)
	v4, v3 := ask(t, srv, "GET", "/api/v4/user", "bob-token", ""), ask(t, srv, "GET", "/api/v3/user", "bob-token", "")
	if v4.status != 200 || v4.body != v3.body || !strings.HasSuffix(v4.body, `"scim_identities":[]}`) {
		t.Errorf("v4 %s, v3 %s", v4.body, v3.body)
	}
	if got := ask(t, srv, "GET", "/api/v3/projects", "bob-token", ""); got.status != 410 || got.body != `{"error":"API V3 is no longer supported. Use API V4 instead."}` {
		t.Errorf("old API: %d %s", got.status, got.body)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v4/user", nil)
	r.Header.Set("Private-Token", "bob-token")
	r.Header.Set("If-None-Match", v4.header.Get("ETag"))
	if got := send(srv, r); got.status != http.StatusNotModified || got.body != "" {
		t.Errorf("unchanged: %d %q", got.status, got.body)
	}
}

func TestUserFilters(t *testing.T) {
	t.Parallel()
	srv, _ := start(t, nil)
	for query, want := range map[string][]int64{
		"blocked=true":                 {18, 14},
		"admins=true":                  {1},
		"auditors=true":                {11},
		"external=true":                {13},
		"search=张伟":                    {2}, // two letters must be the whole name
		"search=zhang.wei@example.com": {2},
		"search=LI":                    nil,
		"search=mallory":               {16},
		"extern_uid=dUnionLiNa&provider=dingtalk": {4},
		"created_after=2024-08-30T00:00:00Z":      {26},
		"exclude_humans=true":                     {23, 22, 21, 20, 19},
		"two_factor=enabled&sort=asc":             {1, 2, 3, 4, 11},
		"exclude_active=true":                     {18, 17, 16, 15, 14},
	} {
		var rows []struct{ ID int64 }
		ask(t, srv, "GET", "/api/v4/users?per_page=100&"+query, "root-token", "").decode(t, &rows)
		var got []int64
		for _, r := range rows {
			got = append(got, r.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestPeopleWithoutRights(t *testing.T) {
	t.Parallel()
	srv, settings := start(t, nil)
	got := ask(t, srv, "GET", "/api/v4/users?per_page=100&created_after=2030-01-01&order_by=name&sort=asc", "bob-token", "")
	for _, hidden := range []string{`"id":14,`, `"id":16,`, `"id":18,`, `"email"`, `"is_admin"`} {
		if strings.Contains(got.body, hidden) {
			t.Errorf("the list shows %s", hidden)
		}
	}
	if !strings.HasPrefix(got.body, `[{"id":26,`) {
		t.Errorf("sorting is not ignored: %.30s", got.body)
	}
	t.Run("AdminModeHidesSilently", func(t *testing.T) {
		*settings = rest.Settings{AdminMode: true}
		srv.World.AddToken(world.Token{Value: "plain-root", UserID: 1, Scopes: []string{"api"}})
		if got := ask(t, srv, "GET", "/api/v4/users", "plain-root", ""); got.status != 200 || strings.Contains(got.body, `"email"`) {
			t.Errorf("without admin_mode: %d %s", got.status, got.body)
		}
		if got := ask(t, srv, "GET", "/api/v4/users", "root-token", ""); !strings.Contains(got.body, `"email"`) {
			t.Error("with admin_mode nothing is shown")
		}
	})
	t.Run("AuditorsReadEverything", func(t *testing.T) {
		srv.World.AddToken(world.Token{Value: "auditor", UserID: 11, Scopes: []string{"read_api"}})
		if got := ask(t, srv, "GET", "/api/v4/users", "auditor", ""); !strings.Contains(got.body, `"is_admin"`) {
			t.Error(got.body)
		}
		if got := ask(t, srv, "GET", "/api/v4/groups/finance", "auditor", ""); got.status != 200 {
			t.Errorf("a private group: %d", got.status)
		}
	})
	t.Run("PrivateThingsAreNotThere", func(t *testing.T) {
		for _, path := range []string{"groups/16", "groups/finance%2Fpayroll", "projects/10", "projects/finance%2Fpayroll%2Fpayslips", "groups/18/members", "groups/nope"} {
			got := ask(t, srv, "GET", "/api/v4/"+path, "bob-token", "")
			if got.status != 404 || !strings.HasSuffix(got.body, ` Not Found"}`) {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
		if got := ask(t, srv, "GET", "/api/v4/groups/eng%2Fplatform", "bob-token", ""); got.status != 200 {
			t.Errorf("an own group: %d", got.status)
		}
	})
	t.Run("ListOfOwnGroups", func(t *testing.T) {
		var rows []struct {
			FullPath string `json:"full_path"`
		}
		ask(t, srv, "GET", "/api/v4/groups?order_by=id", "bob-token", "").decode(t, &rows)
		var got []string
		for _, r := range rows {
			got = append(got, r.FullPath)
		}
		// Platform and below by membership, Engineering above it; Finance and Open
		// Source by projects that Bob reaches.
		if diff := cmp.Diff([]string{"eng", "eng/platform", "eng/platform/sre", "finance", "open"}, got); diff != "" {
			t.Errorf("own groups (-want +got):\n%s", diff)
		}
	})
}
