package gitlab_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/twin/gitlab"
)

// exact checks a body to the letter; URL stands for the address of the twin.
func exact(t *testing.T, url string, got answer, want string) {
	t.Helper()
	if diff := cmp.Diff(want, strings.ReplaceAll(got.body, url, "URL")); diff != "" {
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
	_, srv := start(t, nil)
	t.Run("UserForAdministrators", func(t *testing.T) {
		t.Parallel()
		exact(t, srv.URL, ask(t, srv, "GET", "/api/v4/users?username=alice", "root-token", ""), "["+aliceAdmin+"]")
	})
	t.Run("UserForOthers", func(t *testing.T) {
		t.Parallel()
		exact(t, srv.URL, ask(t, srv, "GET", "/api/v4/users?username=ALICE", "bob-token", ""), "[{"+aliceBasic+"}]")
		exact(t, srv.URL, ask(t, srv, "GET", "/api/v4/users/3", "bob-token", ""), "{"+alicePublic+"}")
	})
	t.Run("Member", func(t *testing.T) {
		t.Parallel()
		got := ask(t, srv, "GET", "/api/v4/groups/eng/members/3", "root-token", "")
		exact(t, srv.URL, got, `{`+aliceBasic+`,"access_level":40,"created_at":"2024-07-02T08:00:00.000Z","created_by":{"id":2,"username":"zhang.wei",`+
			`"public_email":"zhang.wei@example.com","name":"张伟","state":"active","locked":false,`+
			`"avatar_url":"https://www.gravatar.com/avatar/dae92ea63028947efcc58b3ef81d8bff37a0782f9d253fab62c55600fa36569c?s=80&d=identicon","web_url":"URL/zhang.wei"},`+
			`"expires_at":null,"group_saml_identity":null,"group_scim_identity":null,"email":"alice@example.com","membership_state":"active"}`)
	})
	t.Run("Group", func(t *testing.T) {
		t.Parallel()
		got := ask(t, srv, "GET", "/api/v4/groups?search=sre", "root-token", "")
		exact(t, srv.URL, got, `[{"id":12,"web_url":"URL/groups/eng/platform/sre","name":"SRE 运维","path":"sre","description":"","visibility":"private","share_with_group_lock":false,`+
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
	_, srv := start(t, nil)
	v4, v3 := ask(t, srv, "GET", "/api/v4/user", "bob-token", ""), ask(t, srv, "GET", "/api/v3/user", "bob-token", "")
	if v4.status != 200 || v4.body != v3.body || !strings.HasSuffix(v4.body, `"scim_identities":[]}`) {
		t.Errorf("v4 %s, v3 %s", v4.body, v3.body)
	}
	if got := ask(t, srv, "GET", "/api/v3/projects", "bob-token", ""); got.status != 410 || got.body != `{"error":"API V3 is no longer supported. Use API V4 instead."}` {
		t.Errorf("old API: %d %s", got.status, got.body)
	}
	tag := v4.header.Get("ETag")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/api/v4/user", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Private-Token", "bob-token")
	req.Header.Set("If-None-Match", tag)
	if res, body := fetchRequest(t, req); res.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("unchanged: %d %q", res.StatusCode, body)
	}
}

func TestOffsetPages(t *testing.T) {
	t.Parallel()
	_, srv := start(t, func(c *gitlab.Config) { c.World = gitlab.GeneratedWorld(530, 5, 5, 1) })
	get := func(q string) answer { return ask(t, srv, "GET", "/api/v4/users?"+q, "root-token", "") }
	page := func(h http.Header) string {
		return fmt.Sprint(h["X-Per-Page"], h["X-Page"], h["X-Next-Page"], h["X-Prev-Page"], h["X-Total"], h["X-Total-Pages"])
	}
	got := get("per_page=1000")
	if p := page(got.header); p != "[100] [1] [2] [] [530] [6]" {
		t.Errorf("first page: %s", p)
	}
	for _, want := range []string{`page=2&per_page=100`, `rel="next", <` + srv.URL + `/api/v4/users?active=false&admins=false&`, `>; rel="first", <`, `page=6&per_page=100`, `>; rel="last"`} {
		if !strings.Contains(got.header.Get("Link"), want) {
			t.Errorf("no %s in %s", want, got.header.Get("Link"))
		}
	}
	if got := get("page=6&per_page=100"); page(got.header) != "[100] [6] [] [5] [530] [6]" || strings.Contains(got.header.Get("Link"), `rel="next"`) {
		t.Errorf("last page: %s %s", page(got.header), got.header.Get("Link"))
	}
	for q, want := range map[string]string{
		"page=0":               "page does not have a valid value",
		"per_page=0":           "per_page has a value not allowed",
		"page=x":               "page is invalid",
		"order_by=email":       "order_by does not have a valid value",
		"extern_uid=1":         "extern_uid, provider provide all or none of parameters",
		"created_after=sunday": "created_after is invalid",
	} {
		if got := get(q); got.status != 400 || got.body != `{"error":"`+want+`"}` {
			t.Errorf("%s: %d %s", q, got.status, got.body)
		}
	}
}

func TestLongLists(t *testing.T) {
	t.Parallel()
	_, srv := start(t, func(c *gitlab.Config) { c.World = gitlab.GeneratedWorld(10_050, 2, 2, 1) })
	got := ask(t, srv, "GET", "/api/v4/users?page=2", "root-token", "")
	if got.header["X-Total"] != nil || got.header["X-Total-Pages"] != nil || strings.Contains(got.header.Get("Link"), `rel="last"`) || got.header.Get("X-Next-Page") != "3" {
		t.Errorf("over 10,000 rows: %v", got.header)
	}
	got = ask(t, srv, "GET", "/api/v4/users?per_page=100&page=501", "root-token", "")
	if got.status != 405 || !strings.HasPrefix(got.body, `{"error":"Offset pagination has a maximum allowed offset of 50000 for requests that return objects of type User.`) {
		t.Errorf("far offset: %d %s", got.status, got.body)
	}
	if got := ask(t, srv, "GET", "/api/v4/groups?per_page=100&page=501", "root-token", ""); got.status != 200 {
		t.Errorf("far offset of groups: %d", got.status)
	}
}

func TestKeysetPages(t *testing.T) {
	t.Parallel()
	_, srv := start(t, nil)
	got := ask(t, srv, "GET", "/api/v4/users?pagination=keyset&order_by=id&sort=asc&per_page=20", "root-token", "")
	if got.header["X-Total"] != nil || got.header["X-Page"] != nil || got.header.Get("X-Next-Cursor") == "" || !strings.HasSuffix(got.header.Get("Link"), `rel="next"`) {
		t.Errorf("first page: %v", got.header)
	}
	got = ask(t, srv, "GET", "/api/v4/users?pagination=keyset&order_by=id&sort=asc&per_page=20&cursor="+got.header.Get("X-Next-Cursor"), "root-token", "")
	if !strings.HasPrefix(got.body, `[{"id":21,`) || got.header.Get("X-Next-Cursor") != "" || got.header.Get("X-Prev-Cursor") == "" {
		t.Errorf("last page: %v %.20s", got.header, got.body)
	}
	back := ask(t, srv, "GET", "/api/v4/users?pagination=keyset&order_by=id&sort=asc&per_page=20&cursor="+got.header.Get("X-Prev-Cursor"), "root-token", "")
	if !strings.HasPrefix(back.body, `[{"id":1,`) {
		t.Errorf("back: %.20s", back.body)
	}
	got = ask(t, srv, "GET", "/api/v4/projects?pagination=keyset&order_by=id&sort=asc&id_after=14", "root-token", "")
	if !strings.HasPrefix(got.body, `[{"id":15,`) || !strings.Contains(got.header.Get("Link"), "id_after=15") {
		t.Errorf("a page with rows has a link: %v", got.header)
	}
	got = ask(t, srv, "GET", "/api/v4/projects?pagination=keyset&order_by=id&sort=asc&id_after=15", "root-token", "")
	if got.body != "[]" || got.header["Link"] != nil {
		t.Errorf("an empty page has none: %v", got.header)
	}
	for _, path := range []string{"/api/v4/projects?pagination=keyset", "/api/v4/groups/10/members?pagination=keyset"} {
		if got := ask(t, srv, "GET", path, "root-token", ""); got.status != 405 || got.body != `{"error":"Keyset pagination is not yet available for this type of request"}` {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := ask(t, srv, "GET", "/api/v4/groups?pagination=keyset&per_page=3", "root-token", ""); got.header.Get("X-Page") != "1" {
		t.Error("keyset on groups is not ignored for people who are signed in")
	}
	if got := ask(t, srv, "GET", "/api/v4/groups?pagination=keyset&per_page=3", "", ""); got.header["X-Page"] != nil || !strings.Contains(got.body, `"full_path":"open"`) {
		t.Errorf("keyset on groups for strangers: %v %s", got.header, got.body)
	}
}

func TestUserFilters(t *testing.T) {
	t.Parallel()
	_, srv := start(t, nil)
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
	twin, srv := start(t, nil)
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
		twin.Switch(gitlab.Switches{AdminMode: true})
		twin.AddToken(gitlab.Token{Value: "plain-root", UserID: 1, Scopes: []string{"api"}})
		if got := ask(t, srv, "GET", "/api/v4/users", "plain-root", ""); got.status != 200 || strings.Contains(got.body, `"email"`) {
			t.Errorf("without admin_mode: %d %s", got.status, got.body)
		}
		if got := ask(t, srv, "GET", "/api/v4/users", "root-token", ""); !strings.Contains(got.body, `"email"`) {
			t.Error("with admin_mode nothing is shown")
		}
	})
	t.Run("AuditorsReadEverything", func(t *testing.T) {
		twin.AddToken(gitlab.Token{Value: "auditor", UserID: 11, Scopes: []string{"read_api"}})
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
