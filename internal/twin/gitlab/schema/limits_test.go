package schema_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/world"
)

func TestWhoMayAsk(t *testing.T) {
	t.Parallel()
	s := start(t, nil, caller.Rules{})
	for value, k := range map[string]world.Token{
		"read_user": {UserID: 6, Scopes: []string{"read_user"}}, "openid": {UserID: 6, Scopes: []string{"openid"}},
		"revoked": {UserID: 6, Scopes: []string{"api"}, Revoked: true}, "expired": {UserID: 6, Scopes: []string{"api"}, ExpiresAt: now},
		"blocked": {UserID: 14, Scopes: []string{"api"}}, "pending": {UserID: 17, Scopes: []string{"api"}}, "deactivated": {UserID: 15, Scopes: []string{"api"}},
	} {
		k.Value = value
		s.World.AddToken(k)
	}
	const (
		invalid = `{"errors":[{"message":"Invalid token"}]}`
		denied  = `{"errors":[{"message":"API not accessible for user"}]}`
	)
	for token, want := range map[string]struct {
		status int
		body   string
	}{
		"root-token": {200, `{"data":{"currentUser":{"username":"root"}}}`}, // read_api
		"bob-token":  {200, `{"data":{"currentUser":{"username":"bob"}}}`},  // api
		"":           {200, `{"data":{"currentUser":null}}`},
		"unknown":    {401, invalid}, "read_user": {401, invalid}, "openid": {401, invalid}, "revoked": {401, invalid}, "expired": {401, invalid},
		"blocked": {403, denied}, "pending": {403, denied}, "deactivated": {403, denied},
	} {
		got := query(t, s, token, `{ currentUser { username } }`, nil)
		if got.status != want.status || got.body != want.body || got.header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%q: %d %s", token, got.status, got.body)
		}
	}
}

func TestComplexityByCaller(t *testing.T) {
	t.Parallel()
	s := start(t, nil, caller.Rules{AdminMode: false})
	var fields []string
	for i := range 301 {
		fields = append(fields, fmt.Sprintf("f%d: echo(text: \"\")", i))
	}
	for token, limit := range map[string]int{"": 200, "bob-token": 250, "root-token": 300} {
		if got := query(t, s, token, "{"+strings.Join(fields[:limit], " ")+"}", nil); messages(t, got) != nil {
			t.Errorf("%q: %d are too many: %v", token, limit, messages(t, got))
		}
		got := query(t, s, token, "{"+strings.Join(fields[:limit+1], " ")+"}", nil)
		want := fmt.Sprintf(`{"errors":[{"message":"Query has complexity of %d, which exceeds max complexity of %d"}]}`, limit+1, limit)
		if got.status != http.StatusOK || got.body != want {
			t.Errorf("%q: %d %.200s", token, got.status, got.body)
		}
		half, err := json.Marshal(map[string]string{"query": "{" + strings.Join(fields[:limit/2+1], " ") + "}"})
		if err != nil {
			t.Fatal(err)
		}
		got = send(t, s, http.MethodPost, token, fmt.Sprintf("[%s,%s]", half, half))
		if want := strings.TrimSuffix(strings.Replace(want, fmt.Sprint("of ", limit+1), fmt.Sprint("of ", limit+2), 1), "\n"); got.body != "["+want+","+want+"]" {
			t.Errorf("%q: the limit is not for the sum of a batch: %.300s", token, got.body)
		}
	}
	s.Complexity = func() int { return 1 }
	if got := query(t, s, "root-token", "{"+strings.Join(fields[:2], " ")+"}", nil); len(messages(t, got)) != 1 {
		t.Errorf("another limit: %s", got.body)
	}
}

func TestDepthByCaller(t *testing.T) {
	t.Parallel()
	s := start(t, nil, caller.Rules{})
	nested := func(depth int) string { // group, then parents, then the id
		return `{ group(fullPath: "open") ` + strings.Repeat("{ parent ", depth-2) + "{ id }" + strings.Repeat(" }", depth-2) + " }"
	}
	for token, depth := range map[string]int{"": 15, "bob-token": 20, "root-token": 20} {
		if got := query(t, s, token, nested(depth), nil); got.body != `{"data":{"group":{"parent":null}}}` {
			t.Errorf("%q: depth %d: %s", token, depth, got.body)
		}
		want := fmt.Sprintf("Query has depth of %d, which exceeds max depth of %d", depth+1, depth)
		if diff := cmp.Diff([]string{want}, messages(t, query(t, s, token, nested(depth+1), nil))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", token, diff)
		}
	}
}

func TestQueryLength(t *testing.T) {
	t.Parallel()
	s := start(t, nil, caller.Rules{})
	text := func(n int) string {
		q := "query($t: String!) { echo(text: $t) } #"
		return q + strings.Repeat("张", n-len([]rune(q)))
	}
	long := map[string]any{"t": strings.Repeat("x", 20_000)} // variables do not count
	if got := query(t, s, "root-token", text(10_000), long); got.status != http.StatusOK || messages(t, got) != nil {
		t.Errorf("10,000 characters: %d %.100s", got.status, got.body)
	}
	if got := query(t, s, "root-token", text(10_001), long); got.status != http.StatusUnprocessableEntity || got.body != `{"errors":[{"message":"Query too large"}]}` {
		t.Errorf("10,001 characters: %d %.100s", got.status, got.body)
	}
	one, err := json.Marshal(map[string]any{"query": text(5001), "variables": map[string]string{"t": ""}})
	if err != nil {
		t.Fatal(err)
	}
	if got := send(t, s, http.MethodPost, "root-token", fmt.Sprintf("[%s,%s]", one, one)); got.status != http.StatusUnprocessableEntity {
		t.Errorf("the length is not that of the whole batch: %d", got.status)
	}
}

// TestNotInGraphQL lists what only REST tells.
func TestNotInGraphQL(t *testing.T) {
	t.Parallel()
	s := start(t, nil, caller.Rules{})
	for _, c := range []struct{ typ, list, field string }{
		{"UserCore", "users", "identities"},
		{"UserCore", "users", "isAdmin"},
		{"UserCore", "users", "external"},
		{"UserCore", "users", "email"},
		{"UserCore", "users", "twoFactorEnabled"},
		{"Group", "groups", "sharedWithGroups"},
		{"Project", "projects", "sharedWithGroups"},
	} {
		got := query(t, s, "root-token", fmt.Sprintf("{ %s { nodes { %s } } }", c.list, c.field), nil)
		want := fmt.Sprintf("Field '%s' doesn't exist on type '%s'", c.field, c.typ)
		if diff := cmp.Diff([]string{want}, messages(t, got)); diff != "" || got.status != http.StatusOK {
			t.Errorf("%d (-want +got):\n%s", got.status, diff)
		}
	}
	for token, want := range map[string]string{
		"root-token": `[{"email":"zhang.wei@example.com"},{"email":"zhangwei@example.org"}]`, "bob-token": `[]`,
	} {
		got := query(t, s, token, `{ user(username: "zhang.wei") { emails { nodes { email } } } }`, nil)
		if got.body != `{"data":{"user":{"emails":{"nodes":`+want+`}}}}` {
			t.Errorf("addresses for %s: %s", token, got.body)
		}
	}
}

// TestOthersSeeLess: nested memberships follow what the caller may see.
func TestOthersSeeLess(t *testing.T) {
	t.Parallel()
	s := start(t, nil, caller.Rules{})
	const carol = `{ user(username: "carol") { groupMemberships { nodes { group { fullPath } } } } }`
	for token, want := range map[string]string{
		"root-token": `[{"group":{"fullPath":"finance"}},{"group":{"fullPath":"eng/platform/sre"}}]`,
		"bob-token":  `[{"group":{"fullPath":"finance"}},{"group":{"fullPath":"eng/platform/sre"}}]`,
		"":           `[]`,
	} {
		if got := query(t, s, token, carol, nil); got.body != `{"data":{"user":{"groupMemberships":{"nodes":`+want+`}}}}` {
			t.Errorf("%q: %s", token, got.body)
		}
	}
	const chen = `{ user(username: "chen.jing") { projectMemberships { nodes { project { fullPath } } } } }`
	for token, want := range map[string]string{"root-token": `[{"project":{"fullPath":"eng/platform/gateway"}}]`, "bob-token": `[]`} {
		if got := query(t, s, token, chen, nil); got.body != `{"data":{"user":{"projectMemberships":{"nodes":`+want+`}}}}` {
			t.Errorf("a private profile for %s: %s", token, got.body)
		}
	}
	got := query(t, s, "bob-token", `{ users(ids: ["gid://gitlab/User/14", "gid://gitlab/User/6"]) { nodes { username } } }`, nil)
	if got.body != `{"data":{"users":{"nodes":[{"username":"bob"}]}}}` {
		t.Errorf("blocked people for others: %s", got.body)
	}
}
