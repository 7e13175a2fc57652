package schema_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/world"
)

// members lists "user:level" of a source by some arguments, newest first; an
// invitation is "-".
func members(t *testing.T, ask func(string) answer, source, list, args string) []string {
	t.Helper()
	got := ask(fmt.Sprintf(`{ source: %s { list: %s(%s) { nodes { __typename user { username } accessLevel { integerValue } } } } }`, source, list, args))
	var body struct {
		Data struct {
			Source struct {
				List struct {
					Nodes []struct {
						User        *struct{ Username string }
						AccessLevel struct{ IntegerValue int }
					}
				}
			}
		}
		Errors []struct{ Message string }
	}
	got.decode(t, &body)
	var all []string
	for _, n := range body.Data.Source.List.Nodes {
		name := "-"
		if n.User != nil {
			name = n.User.Username
		}
		all = append(all, fmt.Sprintf("%s:%d", name, n.AccessLevel.IntegerValue))
	}
	if body.Errors != nil {
		all = append(all, body.Errors[0].Message)
	}
	return all
}

func TestGraphQLMembers(t *testing.T) {
	t.Parallel()
	srv := start(t, nil, caller.Rules{})
	for name, c := range map[string]struct {
		token, source, list, args string
		want                      []string
	}{
		"DirectWithInvitations":   {"root-token", `group(fullPath: "eng/web")`, "groupMembers", "relations: [DIRECT]", []string{"-:30", "zhou.tao:30", "zhao.lei:30", "chen.jing:40"}},
		"AccessLevelsDropBlocked": {"root-token", `group(fullPath: "eng/web")`, "groupMembers", "relations: [DIRECT], accessLevels: [DEVELOPER]", []string{"-:30", "zhao.lei:30"}},
		"MinimalOnTheRoot":        {"root-token", `group(fullPath: "eng")`, "groupMembers", "relations: [DIRECT], accessLevels: [MINIMAL_ACCESS]", []string{"huang.mei:5"}},
		"UsuallyWithInherited":    {"root-token", `group(fullPath: "eng/platform/sre")`, "groupMembers", "search: \"wang\"", []string{"wang.fang:30"}},
		"Shared":                  {"root-token", `group(fullPath: "eng/web")`, "groupMembers", "relations: [SHARED_FROM_GROUPS]", []string{"grace:20", "sun.li:20"}},
		"Project":                 {"root-token", `project(fullPath: "eng/platform/gateway")`, "projectMembers", "relations: [DIRECT]", []string{"chen.jing:30"}},
		"SortedByLevel":           {"root-token", `group(fullPath: "eng")`, "groupMembers", "relations: [DIRECT], sort: ACCESS_LEVEL_DESC, first: 2", []string{"zhang.wei:50", "group_10_bot_9a2e:40"}},
		"HiddenGroup":             {"bob-token", `group(fullPath: "partners")`, "groupMembers", "relations: [DIRECT]", nil},
		"ShareOfAHiddenGroup":     {"bob-token", `project(fullPath: "eng/platform/sre/terraform")`, "projectMembers", "relations: [INVITED_GROUPS]", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := members(t, func(q string) answer { return query(t, srv, c.token, q, nil) }, c.source, c.list, c.args)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGraphQLMembersAreTyped(t *testing.T) {
	t.Parallel()
	srv := start(t, nil, caller.Rules{})
	got := query(t, srv, "root-token", `{ project(fullPath: "eng/platform/gateway") { projectMembers(relations: [DIRECT, INHERITED], search: "an") {
		nodes { id ... on ProjectMember { project { fullPath } } ... on GroupMember { group { fullPath } } } } } }`, nil)
	want := `{"data":{"project":{"projectMembers":{"nodes":[{"id":"gid://gitlab/GroupMember/1007","group":{"fullPath":"eng/platform"}},{"id":"gid://gitlab/GroupMember/1001","group":{"fullPath":"eng"}}]}}}}`
	// "an" is in the usernames zhang.wei (Engineering) and wang.fang (Platform).
	if got.body != want {
		t.Errorf("got %s\nwant %s", got.body, want)
	}
}

// TestPageDrift adds and removes people between two pages: nobody comes twice and
// nobody who was there all the time is left out.
func TestPageDrift(t *testing.T) {
	t.Parallel()
	srv := start(t, world.Generated(30, 3, 3, 1), caller.Rules{})
	seen := map[string]int{}
	after := ""
	for range 4 {
		got := query(t, srv, "root-token", `query($c:String){ users(first: 10, after: $c) { pageInfo { endCursor } nodes { username } } }`, map[string]any{"c": after})
		var body struct {
			Data struct {
				Users struct {
					PageInfo struct{ EndCursor string }
					Nodes    []struct{ Username string }
				}
			}
		}
		got.decode(t, &body)
		for _, n := range body.Data.Users.Nodes {
			seen[n.Username]++
		}
		if after = body.Data.Users.PageInfo.EndCursor; after == "" {
			break
		}
		if err := srv.World.RemoveUser(int64(30 - len(seen) + 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := srv.World.AddUser(world.User{Username: fmt.Sprintf("new%d", len(seen)), CreatedAt: now}); err != nil {
			t.Fatal(err)
		}
	}
	for name, n := range seen {
		if n != 1 {
			t.Errorf("%s comes %d times", name, n)
		}
	}
	if len(seen) != 30 {
		t.Errorf("%d users", len(seen))
	}
}
