package gitlab

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/reach"
)

// FuzzListParameters: whatever a list is asked with, the page is a part of it, the
// headers are lines, and no token that came in the address goes back; and what an
// address names is found only by its whole number or path.
func FuzzListParameters(f *testing.F) {
	f.Add("page=2&per_page=3&order_by=path&sort=desc&search=g", "7")
	f.Add("page=99999999999999999999&per_page=-1&min_access_level=999", "company/group-7")
	f.Add("pagination=keyset&order_by=id&id_after=3&id_before=9&per_page=2&private_token=glpat-secret-of-somebody", "COMPANY/group-1")
	f.Add("owned=maybe&archived=t&simple=%00&visibility=secret&skip_groups[]=1&skip_groups=x", "group/1")
	f.Add("page=%0d%0aSet-Cookie:a=b&search=%ff&access_token=glpat-secret-of-somebody", "%00")
	f.Add("page=1073741824&per_page=100&page=2", "-1")
	var all []reach.Standing
	for i := range 12 {
		kind := []gatehouse.ResourceKind{gatehouse.ResourceGroup, gatehouse.ResourceProject}[i%2]
		all = append(all, reach.Standing{Resource: gatehouse.Resource{
			ID: gatehouse.ResourceID(fmt.Sprintf("%s/%d", kind, i)), Kind: kind, Name: fmt.Sprint("Group ", i), Path: fmt.Sprint("company/group-", i),
		}, Direct: 10 * (i%5 + 1)})
	}
	f.Fuzz(func(t *testing.T, query, name string) {
		v, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		if s, ok := Find(all, gatehouse.ResourceGroup, name); ok && name != fmt.Sprint(Number(s.Resource.ID)) && !strings.EqualFold(name, s.Resource.Path) {
			t.Errorf("%q is %s", name, s.Resource.ID)
		}
		q := &Query{Values: v}
		groups, projects := ReadGroups(q), ReadProjects(q)
		if failure := q.Failure(); failure != nil {
			if failure.Status != http.StatusBadRequest {
				t.Errorf("status %d", failure.Status)
			}
			return
		}
		for _, w := range []Window{groups.Window, projects.Window} {
			if w.Page < 1 || w.Size < 1 || w.Size > longestPage {
				t.Fatalf("window %+v", w)
			}
		}
		h := http.Header{}
		rows := groups.Groups(all)
		page := Cut(rows, groups.Window, h, "https://id.example/api/v4/groups", v)
		if len(page) > groups.Window.Size || len(page) > len(rows) {
			t.Errorf("%d of %d", len(page), len(rows))
		}
		if found := projects.Projects(all); projects.Keyset && projects.Cursor() != "" {
			CutAfter(found, projects.Window, h, "https://id.example/api/v4/projects", v, projects.Cursor(), func(s reach.Standing) int64 { return Number(s.Resource.ID) })
		}
		for key, values := range h {
			for _, value := range values {
				if strings.ContainsAny(value, "\r\n\x00") || strings.Contains(value, "private_token=") || strings.Contains(value, "access_token=") {
					t.Errorf("%s: %q", key, value)
				}
			}
		}
	})
}
