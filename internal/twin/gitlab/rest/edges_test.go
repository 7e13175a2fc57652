package rest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/twin/gitlab/rest"
	"gatehouse/internal/twin/gitlab/world"
)

// place is what the headers say about where a page stands.
func place(h http.Header) string {
	var rels []string
	for link := range strings.SplitSeq(h.Get("Link"), ", ") {
		_, rel, _ := strings.Cut(link, "rel=")
		rels = append(rels, strings.Trim(rel, `"`))
	}
	one := func(name string) string {
		if v, ok := h[http.CanonicalHeaderKey(name)]; ok {
			return v[0]
		}
		return "none"
	}
	return fmt.Sprintf("page %s of %s, next %s, prev %s, per page %s, total %s, links %s",
		one("X-Page"), one("X-Total-Pages"), one("X-Next-Page"), one("X-Prev-Page"), one("X-Per-Page"), one("X-Total"), strings.Join(rels, " "))
}

func TestPageEdges(t *testing.T) {
	t.Parallel()
	api, _ := start(t, nil) // of 26 people, 9 groups and 15 projects
	for _, c := range []struct{ query, want string }{
		{"users", "page 1 of 2, next 2, prev , per page 20, total 26, links next first last"},
		{"users?page=&per_page=", "page 1 of 2, next 2, prev , per page 20, total 26, links next first last"},
		{"users?per_page=101", "page 1 of 1, next , prev , per page 100, total 26, links first last"},
		{"users?per_page=13&page=2", "page 2 of 2, next , prev 1, per page 13, total 26, links prev first last"},
		{"users?per_page=10&page=2", "page 2 of 3, next 3, prev 1, per page 10, total 26, links prev next first last"},
		{"users?per_page=10&page=4", "page 4 of 3, next , prev , per page 10, total 26, links first last"},
		{"users?username=nobody", "page 1 of 1, next , prev , per page 20, total 0, links first last"},
		{"groups/16/members", "page 1 of 1, next , prev , per page 20, total 1, links first last"},
		{"groups?pagination=keyset&per_page=5", "page 1 of 2, next 2, prev , per page 5, total 10, links next first last"},
	} {
		got := ask(t, api, "GET", "/api/v4/"+c.query, "root-token", "")
		if p := place(got.header); p != c.want || got.status != http.StatusOK {
			t.Errorf("%s: %d %s, want %s", c.query, got.status, p, c.want)
		}
	}
	for query, want := range map[string]string{
		"page=0&per_page=0":          "page does not have a valid value, per_page has a value not allowed",
		"page=-1":                    "page does not have a valid value",
		"per_page=-5":                "per_page has a value not allowed",
		"page=1.5":                   "page is invalid",
		"per_page=many":              "per_page is invalid",
		"sort=up":                    "sort does not have a valid value",
		"two_factor=perhaps":         "two_factor does not have a valid value",
		"provider=dingtalk":          "extern_uid, provider provide all or none of parameters",
		"pagination=keyset&cursor=x": "cursor is invalid",
	} {
		got := ask(t, api, "GET", "/api/v4/users?"+query, "root-token", "")
		if got.status != http.StatusBadRequest || got.body != `{"error":"`+want+`"}` {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
}

func TestLinksLeadToTheExternalURL(t *testing.T) {
	t.Parallel()
	api, _ := start(t, nil)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://10.0.0.7:8080/api/v4/users?search=ang&per_page=2&private_token=root-token", nil)
	link, _, _ := strings.Cut(send(api, r).header.Get("Link"), ", ")
	want := `<https://gitlab.example/api/v4/users?active=false&admins=false&auditors=false&blocked=false&exclude_active=false&exclude_external=false&exclude_humans=false&exclude_internal=false` +
		`&external=false&humans=false&order_by=id&page=2&per_page=2&search=ang&skip_ldap=false&sort=desc&with_custom_attributes=false&without_project_bots=false&without_projects=false>; rel="next"`
	if link != want {
		t.Errorf("link\n%s, want\n%s", link, want)
	}
}

func TestTotalsEndAtTenThousand(t *testing.T) {
	t.Parallel()
	api, _ := start(t, func(a *rest.API) { a.World = world.Generated(10_001, 2, 2, 1) })
	page := func() string {
		return place(ask(t, api, "GET", "/api/v4/users?per_page=100&page=100", "root-token", "").header)
	}
	if got := page(); got != "page 100 of none, next 101, prev 99, per page 100, total none, links prev next first" {
		t.Errorf("10,001 rows: %s", got)
	}
	if err := api.World.RemoveUser(10_001); err != nil {
		t.Fatal(err)
	}
	if got := page(); got != "page 100 of 100, next , prev 99, per page 100, total 10000, links prev first last" {
		t.Errorf("10,000 rows: %s", got)
	}
}

func TestFarOffsets(t *testing.T) {
	t.Parallel()
	api, _ := start(t, nil)
	refused := func(kind string) string {
		return `{"error":"Offset pagination has a maximum allowed offset of 50000 for requests that return objects of type ` + kind + `. Remaining records can be retrieved using keyset pagination."}`
	}
	for _, c := range []struct {
		path, token string
		status      int
		body        string
	}{
		{"users?per_page=100&page=500", "root-token", 200, "[]"},
		{"users?per_page=100&page=501", "root-token", 405, refused("User")},
		{"users?page=2501", "bob-token", 405, refused("User")},
		{"groups?per_page=100&page=501", "root-token", 200, "[]"},
		{"groups?per_page=100&page=501", "", 405, refused("Group")},
		{"projects?per_page=100&page=501", "bob-token", 200, "[]"},
		{"projects?per_page=100&page=501", "", 405, refused("Project")},
		{"groups/10/members?per_page=100&page=501", "root-token", 200, "[]"},
	} {
		if got := ask(t, api, "GET", "/api/v4/"+c.path, c.token, ""); got.status != c.status || got.body != c.body {
			t.Errorf("%s by %q: %d %s", c.path, c.token, got.status, got.body)
		}
	}
}

// walk follows the links of a list to its end and returns the ids in their order,
// and how many pages there were.
func walk(t *testing.T, api *rest.API, path, token string) (ids []int64, pages int) {
	t.Helper()
	for next := "/api/v4/" + path; next != ""; pages++ {
		got := ask(t, api, "GET", next, token, "")
		if got.header["X-Total"] != nil || got.header["X-Page"] != nil {
			t.Fatalf("%s has offset headers: %v", next, got.header)
		}
		ids = append(ids, idsOf(t, got)...)
		next = ""
		for link := range strings.SplitSeq(got.header.Get("Link"), ", ") {
			if address, ok := strings.CutSuffix(link, `>; rel="next"`); ok {
				next = strings.TrimPrefix(address, "<"+external)
			}
		}
	}
	return ids, pages
}

func TestKeysetWalks(t *testing.T) {
	t.Parallel()
	api, _ := start(t, func(a *rest.API) {
		a.World = world.Generated(47, 23, 31, 5)
		for id := int64(10); id < 20; id++ { // of one moment, so that only the id tells them apart
			if err := a.World.EditUser(id, func(u *world.User) { u.CreatedAt, u.UpdatedAt, u.Name = now, now, "Same" }); err != nil {
				t.Fatal(err)
			}
		}
	})
	for _, column := range []string{"id", "name", "username", "created_at", "updated_at"} {
		for _, sort := range []string{"asc", "desc"} {
			t.Run(column+"/"+sort, func(t *testing.T) {
				t.Parallel()
				query := "users?order_by=" + column + "&sort=" + sort
				got, pages := walk(t, api, query+"&pagination=keyset&per_page=7", "root-token")
				want := idsOf(t, ask(t, api, "GET", "/api/v4/"+query+"&per_page=100", "root-token", ""))
				if diff := cmp.Diff(want, got); diff != "" || len(got) != 47 || pages != 7 {
					t.Errorf("%d rows on %d pages (-offset +keyset):\n%s", len(got), pages, diff)
				}
			})
		}
	}
	t.Run("ProjectsEndWithAnEmptyPage", func(t *testing.T) {
		t.Parallel()
		for _, sort := range []string{"asc", "desc"} {
			got, pages := walk(t, api, "projects?pagination=keyset&order_by=id&per_page=31&sort="+sort, "root-token")
			if sort == "desc" {
				slices.Reverse(got)
			}
			if len(got) != 31 || pages != 2 || !slices.IsSorted(got) {
				t.Errorf("%s: %d rows on %d pages: %v", sort, len(got), pages, got)
			}
		}
	})
	t.Run("GroupsOfStrangers", func(t *testing.T) {
		t.Parallel()
		got, pages := walk(t, api, "groups?pagination=keyset&per_page=2", "")
		want := idsOf(t, ask(t, api, "GET", "/api/v4/groups?per_page=100", "", ""))
		if diff := cmp.Diff(want, got); diff != "" || pages != max(1, (len(want)+1)/2) {
			t.Errorf("%d pages (-offset +keyset):\n%s", pages, diff)
		}
	})
	t.Run("Unavailable", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{
			"projects?pagination=keyset", "projects?pagination=keyset&order_by=name", "groups/48/members?pagination=keyset",
			"groups/48/members/all?pagination=keyset", "projects/1/members?pagination=keyset",
		} {
			got := ask(t, api, "GET", "/api/v4/"+path, "root-token", "")
			if got.status != http.StatusMethodNotAllowed || got.body != `{"error":"Keyset pagination is not yet available for this type of request"}` {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
		if got := ask(t, api, "GET", "/api/v4/groups?pagination=keyset&order_by=path", "", ""); got.status != http.StatusMethodNotAllowed {
			t.Errorf("groups by path: %d %s", got.status, got.body)
		}
	})
}
