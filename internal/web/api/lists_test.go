package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store"
)

// walk follows a list to its end by the Link of each page, and says how many
// rows each page had.
func walk[T any](h *house, target string) (all []T, sizes []int) {
	h.t.Helper()
	for range 100 {
		got := h.get(target)
		if got.status != http.StatusOK {
			h.t.Fatalf("%s: %d %s", target, got.status, got.body)
		}
		p := decode[Page[T]](h.t, got)
		all, sizes = append(all, p.Items...), append(sizes, len(p.Items))
		link := got.header.Get("Link")
		if (link == "") != (p.Next == "") {
			h.t.Fatalf("%s: Link %q, next %q", target, link, p.Next)
		}
		if link == "" {
			return all, sizes
		}
		rest, ours := strings.CutPrefix(link, "<"+ourURL+prefix)
		if !ours || !strings.HasSuffix(rest, `>; rel="next"`) {
			h.t.Fatalf("%s: Link %q is not at our address", target, link)
		}
		target = strings.TrimSuffix(rest, `>; rel="next"`)
	}
	h.t.Fatalf("%s has no end", target)
	return nil, nil
}

func TestPaging(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	for i := range 7 {
		h.addUser(gatehouse.User{Username: fmt.Sprintf("page&%d", i), Name: "Page", State: gatehouse.UserPending})
	}
	t.Run("EveryRowOnceAndTheFilterStays", func(t *testing.T) {
		t.Parallel()
		all, sizes := walk[user](h, "/users?limit=3&state=pending&search="+url.QueryEscape("page&"))
		if diff := cmp.Diff([]int{3, 3, 1}, sizes); diff != "" {
			t.Errorf("pages (-want +got):\n%s", diff)
		}
		var names []string
		for _, u := range all {
			names = append(names, u.Username)
		}
		if diff := cmp.Diff([]string{"page&6", "page&5", "page&4", "page&3", "page&2", "page&1", "page&0"}, names); diff != "" {
			t.Errorf("users (-want +got):\n%s", diff)
		}
	})
	t.Run("ComputedLists", func(t *testing.T) {
		t.Parallel()
		whole, _ := walk[reacher](h, "/connectors/gitlab/resources/project-5/access")
		parts, sizes := walk[reacher](h, "/connectors/gitlab/resources/project-5/access?limit=1")
		if diff := cmp.Diff(whole, parts); diff != "" || len(sizes) != len(whole) || len(whole) != 2 {
			t.Errorf("access of %d in pages of %v (-want +got):\n%s", len(whole), sizes, diff)
		}
		wholeReach, _ := walk[reached](h, "/connectors/gitlab/accounts/12/reach")
		partsReach, sizes := walk[reached](h, "/connectors/gitlab/accounts/12/reach?limit=2")
		if diff := cmp.Diff(wholeReach, partsReach); diff != "" || !slices.Equal(sizes, []int{2, 1}) {
			t.Errorf("reach in pages of %v (-want +got):\n%s", sizes, diff)
		}
	})
	t.Run("ACursorThatIsNoneIsRefused", func(t *testing.T) {
		t.Parallel()
		for _, target := range []string{"/users", "/events", "/decisions", "/connectors/gitlab/pulls", "/connectors/gitlab/accounts", "/connectors/gitlab/resources/project-5/access", "/connectors/gitlab/accounts/12/reach"} {
			for _, after := range []string{"x", "e30", "%21", "WyIxIiwiMiIsIjMiXQ"} {
				isProblem(t, h.get(target+"?after="+after), http.StatusBadRequest, "invalid")
			}
		}
	})
	t.Run("LimitsHaveLimits", func(t *testing.T) {
		t.Parallel()
		for _, limit := range []string{"0", "-1", "201", "1.5", "99999999999999999999"} {
			isProblem(t, h.get("/users?limit="+limit), http.StatusUnprocessableEntity, "invalid")
		}
	})
	t.Run("AnEmptyListIsAList", func(t *testing.T) {
		t.Parallel()
		if got := h.get("/users?search=nobody-has-this"); got.body != `{"items":[]}` {
			t.Errorf("%s", got.body)
		}
	})
}

func TestFilters(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	h.update(func(tx *store.Tx) error {
		return tx.Record(gatehouse.Event{Actor: gatehouse.Actor{Kind: gatehouse.ActorUser, ID: "me"}, Action: "user.tested", Target: "user/1"})
	})
	ids := func(target string) string {
		var all []string
		for _, row := range want[Page[map[string]any]](h, target).Items {
			for _, key := range []string{"username", "path", "action", "reference"} {
				if v, ok := row[key].(string); ok {
					all = append(all, v)
					break
				}
			}
		}
		return strings.Join(all, " ")
	}
	for target, expected := range map[string]string{
		"/users?role=auditor":                                            "auditor",
		"/users?search=ALICE":                                            "alice",
		"/users?state=blocked":                                           "",
		"/connectors/gitlab/accounts":                                    "alice bob carol robot",
		"/connectors/gitlab/accounts?search=car":                         "carol",
		"/connectors/gitlab/accounts?state=blocked":                      "robot",
		"/connectors/gitlab/accounts?type=person&orphaned=true":          "bob carol",
		"/connectors/gitlab/accounts?orphaned=false":                     "alice bob carol robot",
		"/connectors/gitlab/resources?kind=project":                      "platform/tools/app",
		"/connectors/gitlab/resources?parent=group-8":                    "platform/tools",
		"/connectors/gitlab/resources?search=tools":                      "platform/tools platform/tools/app",
		"/connectors/" + f.connector.ID + "/resources?search=dev":        "devs",
		"/users/" + f.person.ID + "/accounts":                            "alice",
		"/users/" + fmt.Sprint(f.person.Number) + "/accounts":            "alice",
		"/users/" + h.users["nobody"].ID + "/accounts":                   "",
		"/events?actor=me":                                               "user.tested",
		"/events?target=" + url.QueryEscape("connector/"+f.connector.ID): "connector.saved",
		"/events?action=user.t":                                          "user.tested",
		"/decisions?user=" + f.person.ID:                                 "AB12-CD34",
		"/decisions?user=somebody-else":                                  "",
	} {
		if got := ids(target); got != expected {
			t.Errorf("%s: %q, want %q", target, got, expected)
		}
	}
}

func TestDecisionIsFoundByItsReferenceAndSpeaks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	got := want[decision](h, "/decisions/ab12-cd34")
	if got.ID != f.decision.ID || got.Reason != "Hello Alice." || got.Connection != "dingtalk" {
		t.Errorf("%+v", got)
	}
}

func TestMeIsWhoAsks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, who := range []string{"super", "nobody"} {
		got := decode[user](t, h.do(who, http.MethodGet, prefix+"/me", ""))
		if diff := cmp.Diff(showUser(h.users[who]), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", who, diff)
		}
	}
}

func TestAskingAgainCostsLittle(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	target := "/users/" + f.person.ID
	first := h.get(target)
	tag := first.header.Get("ETag")
	for _, header := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		if got := h.get(target, "If-None-Match", header); got.status != http.StatusNotModified || got.body != "" || got.header.Get("ETag") != tag {
			t.Errorf("If-None-Match %s: %d %q", header, got.status, got.body)
		}
	}
	if got := h.do("", http.MethodGet, prefix+target, "", "If-None-Match", tag); got.status != http.StatusUnauthorized {
		t.Errorf("a tag lets somebody in: %d", got.status)
	}
	blocked := h.do("super", http.MethodPost, prefix+target+"/block", "", "If-None-Match", tag)
	if blocked.status != http.StatusOK || blocked.header.Get("ETag") != "" {
		t.Errorf("block: %d %v", blocked.status, blocked.header)
	}
	if got := h.get(target, "If-None-Match", tag); got.status != http.StatusOK || got.header.Get("ETag") == tag {
		t.Errorf("after a change: %d %s", got.status, got.header.Get("ETag"))
	}
	head := h.do("super", http.MethodHead, prefix+target, "")
	if head.status != http.StatusOK || head.header.Get("ETag") == "" {
		t.Errorf("HEAD: %d %v", head.status, head.header)
	}
}
