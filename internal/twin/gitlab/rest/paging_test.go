package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gatehouse/internal/twin/gitlab/rest"
	"gatehouse/internal/twin/gitlab/world"
)

func TestOffsetPages(t *testing.T) {
	t.Parallel()
	srv, _ := start(t, func(a *rest.API) { a.World = world.Generated(530, 5, 5, 1) })
	get := func(q string) answer { return ask(t, srv, "GET", "/api/v4/users?"+q, "root-token", "") }
	page := func(h http.Header) string {
		return fmt.Sprint(h["X-Per-Page"], h["X-Page"], h["X-Next-Page"], h["X-Prev-Page"], h["X-Total"], h["X-Total-Pages"])
	}
	got := get("per_page=1000")
	if p := page(got.header); p != "[100] [1] [2] [] [530] [6]" {
		t.Errorf("first page: %s", p)
	}
	for _, want := range []string{`page=2&per_page=100`, `rel="next", <` + external + `/api/v4/users?active=false&admins=false&`, `>; rel="first", <`, `page=6&per_page=100`, `>; rel="last"`} {
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

func TestKeysetPages(t *testing.T) {
	t.Parallel()
	srv, _ := start(t, nil)
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
