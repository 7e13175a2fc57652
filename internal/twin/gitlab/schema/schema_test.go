package schema_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/world"
)

const byUser = `query($c:String){ users(first:100, after:$c){ pageInfo{hasNextPage endCursor} nodes{
  id username name state active bot publicEmail lastActivityOn
  groupMemberships(first:100){pageInfo{hasNextPage endCursor} nodes{accessLevel{integerValue} expiresAt createdAt group{id}}}
  projectMemberships(first:100){pageInfo{hasNextPage endCursor} nodes{accessLevel{integerValue} expiresAt createdAt project{id}}} }}}`

const bySource = `query($after:String){ groups(first:100, after:$after){
  pageInfo{endCursor hasNextPage}
  nodes{ id fullPath visibility parent{id}
    groupMembers(relations:[DIRECT], first:100){
      pageInfo{endCursor hasNextPage}
      nodes{ id user{id} accessLevel{integerValue} memberRole{id name} expiresAt createdAt createdBy{id} } }
    shared: groupMembers(relations:[SHARED_FROM_GROUPS], first:1){ nodes{id} } } } }`

func TestGraphQL(t *testing.T) {
	t.Parallel()
	srv := start(t, nil, caller.Rules{})

	t.Run("UsersWithTheirDirectMemberships", func(t *testing.T) {
		t.Parallel()
		got := query(t, srv, "root-token", byUser, nil)
		var body struct {
			Data struct {
				Users struct {
					Nodes []struct {
						ID               string
						GroupMemberships struct {
							Nodes []struct {
								AccessLevel struct{ IntegerValue int }
								ExpiresAt   *string
								Group       struct{ ID string }
							}
						}
					}
				}
			}
		}
		got.decode(t, &body)
		if len(body.Data.Users.Nodes) != 26 {
			t.Fatalf("%d users: %s", len(body.Data.Users.Nodes), got.body)
		}
		for _, u := range body.Data.Users.Nodes {
			switch u.ID {
			case "gid://gitlab/User/6":
				m := u.GroupMemberships.Nodes
				if len(m) != 1 || m[0].Group.ID != "gid://gitlab/Group/11" || m[0].AccessLevel.IntegerValue != 30 || *m[0].ExpiresAt != "2030-06-30T00:00:00Z" {
					t.Errorf("user 6: %+v", m)
				}
			case "gid://gitlab/User/26":
				if len(u.GroupMemberships.Nodes) != 0 {
					t.Error("Minimal Access is among the memberships of a user")
				}
			}
		}
	})
	t.Run("GroupsWithTheirDirectMembers", func(t *testing.T) {
		t.Parallel()
		got := query(t, srv, "root-token", bySource, nil)
		if e := messages(t, got); e != nil {
			t.Fatal(e)
		}
		for _, want := range []string{
			`{"id":"gid://gitlab/GroupMember/1003","user":{"id":"gid://gitlab/User/26"},"accessLevel":{"integerValue":5},"memberRole":null`,
			`"user":null`, `"memberRole":{"id":"gid://gitlab/MemberRole/1","name":"Release manager"}`,
		} {
			if !strings.Contains(got.body, want) {
				t.Errorf("without %s: %s", want, got.body)
			}
		}
	})
	t.Run("WhatIsWrong", func(t *testing.T) {
		t.Parallel()
		for text, want := range map[string]string{
			`{ users { nodes { identities } } }`:                                      "Field 'identities' doesn't exist on type 'UserCore'",
			`{ users(page: 2) { nodes { id } } }`:                                     "Field 'users' doesn't accept argument 'page'",
			`{ users { nodes } }`:                                                     "Field must have selections (field 'nodes' returns UserCore but has no selections. Did you mean 'nodes { ... }'?)",
			`query($c: String) { currentUser { id } }`:                                "Variable $c is declared by anonymous query but not used",
			`query($c: String!) { users(after: $c) { nodes { id } } }`:                "Variable $c of type String! was provided invalid value",
			`{ users(after: $c) { nodes { id } } }`:                                   "Variable $c is used by anonymous query but not declared",
			`{ users(first: "x") { nodes { id } } }`:                                  `Argument 'first' on Field 'users' has an invalid value ("x"). Expected type 'Int'.`,
			`{ group { id } }`:                                                        "Field 'group' is missing required arguments: fullPath",
			`{ groups { nodes { groupMembers(relations:[ALL]) { nodes { id } } } } }`: "Argument 'relations' on Field 'groupMembers' has an invalid value ([ALL]). Expected type '[GroupMemberRelation!]'.",
			`{ currentUser { ...f } }`:                                                "Fragment f was used, but not defined",
			`{ users(ids:["x"]) { nodes { id } } }`:                                   `"x" is not a valid ID for User.`,
			`mutation { x }`:                                                          "Schema is not configured for mutations",
			`{ currentUser { id }`:                                                    "Expected NAME, actual: end of file at [1, 21]",
		} {
			got := query(t, srv, "root-token", text, nil)
			if e := messages(t, got); got.status != http.StatusOK || len(e) != 1 || e[0] != want {
				t.Errorf("%s: %d %s, want %q", text, got.status, got.body, want)
			}
		}
	})
	t.Run("UnknownFieldTellsWhere", func(t *testing.T) {
		t.Parallel()
		got := query(t, srv, "root-token", "{ users {\n nodes { nope } } }", nil)
		want := `{"errors":[{"message":"Field 'nope' doesn't exist on type 'UserCore'","locations":[{"line":2,"column":10}],"path":["query","users","nodes","nope"],"extensions":{"code":"undefinedField","fieldName":"nope","typeName":"UserCore"}}]}`
		if got.body != want {
			t.Errorf("got %s", got.body)
		}
	})
}

func TestGraphQLComplexity(t *testing.T) {
	t.Parallel()
	srv := start(t, nil, caller.Rules{})
	score := func(text string) int {
		got := query(t, srv, "root-token", strings.Replace(text, "{", "{ queryComplexity { score limit } ", 1), nil)
		var body struct {
			Data struct{ QueryComplexity struct{ Score, Limit int } }
		}
		got.decode(t, &body)
		if body.Data.QueryComplexity.Limit != 300 {
			t.Fatal(got.body)
		}
		return body.Data.QueryComplexity.Score - 3
	}
	// A connection that is listed costs (what is below + 1, + 1 for its sorting) × 2
	// at a page of 100; one that hangs on its parent costs one.
	if n := score(byUser); n != (3+1+8+2*(1+3+7)+1+1)*2 {
		t.Errorf("users with memberships weigh %d", n)
	}
	if n := score(bySource); n != (3+1+5+(3+13+1)*2+3+1+1)*2 {
		t.Errorf("groups with members weigh %d", n)
	}
	block := `x%d: users(ids:["gid://gitlab/User/1"], first:100) { nodes { id groupMemberships(first:100) { pageInfo { hasNextPage endCursor } nodes { id accessLevel { integerValue } expiresAt createdAt group { id } } } } }`
	var heavy []string
	for i := range 12 {
		heavy = append(heavy, fmt.Sprintf(block, i))
	}
	got := query(t, srv, "root-token", "{"+strings.Join(heavy, "\n")+"}", nil)
	if e := messages(t, got); got.status != 200 || len(e) != 1 || !strings.HasPrefix(e[0], "Query has complexity of ") || !strings.HasSuffix(e[0], ", which exceeds max complexity of 300") {
		t.Errorf("heavy query: %s", got.body)
	}
}

func TestGraphQLPages(t *testing.T) {
	t.Parallel()
	srv := start(t, world.Generated(250, 130, 40, 1), caller.Rules{})
	for _, list := range []string{"users", "groups", "projects"} {
		seen, after, pages := map[string]bool{}, "", 0
		for more := true; more; pages++ {
			text := fmt.Sprintf(`query($c:String){ list: %s(first: 1000, after: $c) { pageInfo { hasNextPage endCursor } nodes { id } } }`, list)
			got := query(t, srv, "root-token", text, map[string]any{"c": after})
			var body struct {
				Data struct {
					List struct {
						PageInfo struct {
							HasNextPage bool
							EndCursor   string
						}
						Nodes []struct{ ID string }
					}
				}
			}
			got.decode(t, &body)
			if len(body.Data.List.Nodes) > 100 {
				t.Errorf("%s: %d rows on a page", list, len(body.Data.List.Nodes))
			}
			for _, n := range body.Data.List.Nodes {
				if seen[n.ID] {
					t.Errorf("%s: %s comes twice", list, n.ID)
				}
				seen[n.ID] = true
			}
			more, after = body.Data.List.PageInfo.HasNextPage, body.Data.List.PageInfo.EndCursor
		}
		want := map[string]int{"users": 250, "groups": 130, "projects": 40}[list]
		if len(seen) != want || pages != (want+99)/100 {
			t.Errorf("%s: %d rows on %d pages", list, len(seen), pages)
		}
	}
}

func TestGraphQLEditionsAndSwitches(t *testing.T) {
	t.Parallel()
	t.Run("CommunityEditionHasNoMemberRole", func(t *testing.T) {
		t.Parallel()
		srv := start(t, nil, caller.Rules{CE: true})
		got := query(t, srv, "root-token", bySource, nil)
		if diff := cmp.Diff([]string{"Field 'memberRole' doesn't exist on type 'GroupMember'"}, messages(t, got)); diff != "" {
			t.Error(diff)
		}
		got = query(t, srv, "root-token", `{ __type(name: "GroupMember") { kind fields { name type { kind ofType { name } } } } }`, nil)
		if strings.Contains(got.body, "memberRole") || !strings.Contains(got.body, `{"name":"id","type":{"kind":"NON_NULL","ofType":{"name":"ID"}}}`) {
			t.Error(got.body)
		}
	})
	t.Run("Refused", func(t *testing.T) {
		t.Parallel()
		srv := start(t, nil, caller.Rules{})
		if got := query(t, srv, "nonsense", "{ currentUser { id } }", nil); got.status != 401 || got.body != `{"errors":[{"message":"Invalid token"}]}` {
			t.Errorf("bad token: %d %s", got.status, got.body)
		}
		if err := srv.World.SetState(6, "blocked"); err != nil {
			t.Fatal(err)
		}
		if got := query(t, srv, "bob-token", "{ currentUser { id } }", nil); got.status != 403 || got.body != `{"errors":[{"message":"API not accessible for user"}]}` {
			t.Errorf("blocked: %d %s", got.status, got.body)
		}
		if got := query(t, srv, "", "{ currentUser { id } users { nodes { id } } }", nil); !strings.Contains(got.body, `{"data":{"currentUser":null,"users":null}`) {
			t.Errorf("stranger: %s", got.body)
		}
		if got := query(t, srv, "root-token", "{ currentUser { id } #"+strings.Repeat("x", 10_000)+"\n}", nil); got.status != 422 || messages(t, got)[0] != "Query too large" {
			t.Errorf("long query: %d", got.status)
		}
	})
	t.Run("SeveralAtOnce", func(t *testing.T) {
		t.Parallel()
		srv := start(t, nil, caller.Rules{})
		body := send(t, srv, http.MethodPost, "root-token", `[{"query":"{currentUser{id}}"},{"query":"{echo(text:\"hi\")}"}]`).body
		if body != `[{"data":{"currentUser":{"id":"gid://gitlab/User/1"}}},{"data":{"echo":"\"root\" says: hi"}}]` {
			t.Error(body)
		}
	})
}

func TestGraphQLFields(t *testing.T) {
	t.Parallel()
	srv := start(t, nil, caller.Rules{})
	for text, want := range map[string]string{
		`{ user(username: "zhang.wei") { id groupCount emails { nodes { email } } type human } }`:                                                          `{"data":{"user":{"id":"gid://gitlab/User/2","groupCount":3,"emails":{"nodes":[{"email":"zhang.wei@example.com"},{"email":"zhangwei@example.org"}]},"type":"HUMAN","human":true}}}`,
		`{ user(id: "gid://gitlab/User/99") { id } }`:                                                                                                      `{"data":{"user":null}}`,
		`{ project(fullPath: "alice/dotfiles") { group { id } namespace { fullPath } archived } }`:                                                         `{"data":{"project":{"group":null,"namespace":{"fullPath":"alice"},"archived":false}}}`,
		`{ group(fullPath: "eng") { groupMembersCount parent { id } projects(includeSubgroups: true, first: 2) { count edges { cursor node { id } } } } }`: `{"data":{"group":{"groupMembersCount":5,"parent":null,"projects":{"count":7,"edges":[{"cursor":"eyJpZCI6IjcifQ","node":{"id":"gid://gitlab/Project/7"}},{"cursor":"eyJpZCI6IjYifQ","node":{"id":"gid://gitlab/Project/6"}}]}}}}`,
		`{ groups(sort: "id_asc", topLevelOnly: true, first: 2) { nodes { id markedForDeletion } } }`:                                                      `{"data":{"groups":{"nodes":[{"id":"gid://gitlab/Group/10","markedForDeletion":false},{"id":"gid://gitlab/Group/14","markedForDeletion":false}]}}}`,
		`{ users(ids: ["gid://gitlab/User/3", "gid://gitlab/User/14"], sort: CREATED_ASC) { nodes { username state active } } }`:                           `{"data":{"users":{"nodes":[{"username":"alice","state":"active","active":true},{"username":"zhou.tao","state":"blocked","active":false}]}}}`,
		`{ projects(personal: true, last: 1) { nodes { fullPath } pageInfo { hasPreviousPage } } }`:                                                        `{"data":{"projects":{"nodes":[{"fullPath":"alice/dotfiles"}],"pageInfo":{"hasPreviousPage":true}}}}`,
		`{ metadata { version enterprise } }`:                                                                                                              `{"data":{"metadata":{"version":"18.9.0-ee","enterprise":true}}}`,
	} {
		if got := query(t, srv, "root-token", text, nil); got.body != want {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got.body, want)
		}
	}
	got := query(t, srv, "root-token", `{ users(after: "!") { nodes { id } } }`, nil)
	if e := messages(t, got); len(e) != 1 || e[0] != "Please provide a valid cursor" {
		t.Error(got.body)
	}
}
