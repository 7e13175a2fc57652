package reach

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// builder makes worlds that read like sentences.
type builder struct{ World }

func world() *builder {
	return &builder{World{
		Resources: map[gatehouse.ResourceID]gatehouse.Resource{},
		Grants:    map[gatehouse.ResourceID][]gatehouse.Grant{},
		Shares:    map[gatehouse.ResourceID][]gatehouse.Share{},
		Now:       now,
	}}
}

func id(path string) gatehouse.ResourceID {
	if strings.HasPrefix(path, "p:") {
		return gatehouse.ResourceID("project/" + path[2:])
	}
	return gatehouse.ResourceID("group/" + path)
}

func (b *builder) lies(path, in string) *builder {
	r := gatehouse.Resource{ID: id(path), Kind: gatehouse.ResourceGroup, Path: path}
	if strings.HasPrefix(path, "p:") {
		r.Kind = gatehouse.ResourceProject
	}
	if in != "" {
		r.Parent = id(in)
	}
	b.Resources[r.ID] = r
	return b
}

func (b *builder) member(who, of string, level int) *builder {
	return b.grant(gatehouse.Grant{AccountID: who, ResourceID: id(of), Role: gatehouse.Role{Level: level}})
}

func (b *builder) grant(g gatehouse.Grant) *builder {
	b.Grants[g.ResourceID] = append(b.Grants[g.ResourceID], g)
	return b
}

func (b *builder) invite(group, to string, limit int) *builder {
	s := gatehouse.Share{GroupID: id(group), ResourceID: id(to), Cap: gatehouse.Role{Level: limit}}
	b.Shares[s.ResourceID] = append(b.Shares[s.ResourceID], s)
	return b
}

// say writes paths as lines: who kind level: steps.
func say(paths []Path) []string {
	var lines []string
	for _, p := range paths {
		var steps []string
		for _, s := range p.Steps {
			steps = append(steps, fmt.Sprintf("%s %s", s.Kind, s.Resource.Path))
		}
		lines = append(lines, fmt.Sprintf("%s %s %d: %s", p.AccountID, p.Kind, p.Role.Level, strings.Join(steps, ", ")))
	}
	return lines
}

func TestPaths(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		world *builder
		ask   string
		want  []string
	}{
		{
			"ADirectMemberReaches", world().lies("a", "").lies("p:x", "a").member("ann", "p:x", 30), "p:x",
			[]string{"ann direct 30: member p:x"},
		},
		{
			"AMemberOfAGroupReachesAllBelow", world().lies("a", "").lies("b", "a").lies("p:x", "b").member("ann", "a", 40), "p:x",
			[]string{"ann inherited 40: member a, inherits p:x"},
		},
		{
			"EveryPathIsKeptAndTheBestComesFirst", world().lies("a", "").lies("p:x", "a").member("ann", "a", 20).member("ann", "p:x", 30), "p:x",
			[]string{"ann direct 30: member p:x", "ann inherited 20: member a, inherits p:x"},
		},
		{
			"AGroupInvitedToAProjectBringsItsMembersUnderTheCap", world().lies("a", "").lies("g", "").lies("p:x", "a").member("ann", "g", 50).invite("g", "p:x", 30), "p:x",
			[]string{"ann shared 30: member g, invited p:x"},
		},
		{
			"ACapNeverRaises", world().lies("a", "").lies("g", "").lies("p:x", "a").member("ann", "g", 10).invite("g", "p:x", 40), "p:x",
			[]string{"ann shared 10: member g, invited p:x"},
		},
		{
			"AGroupInvitedToAProjectBringsInheritedMembersToo", world().lies("a", "").lies("h", "").lies("g", "h").lies("p:x", "a").member("ann", "h", 50).invite("g", "p:x", 30), "p:x",
			[]string{"ann shared 30: member h, inherits g, invited p:x"},
		},
		{
			"AGroupInvitedToAGroupBringsDirectMembersOnly", world().lies("a", "").lies("h", "").lies("g", "h").lies("p:x", "a").member("ann", "h", 50).member("bob", "g", 50).invite("g", "a", 30), "p:x",
			[]string{"bob inherited_shared 30: member g, invited a, inherits p:x"},
		},
		{
			"Trap11/AGroupSharedIntoAnInvitedGroupReachesTheProject", world().lies("g1", "").lies("g2", "").lies("a", "").lies("p:x", "a").member("ann", "g2", 40).invite("g2", "g1", 30).invite("g1", "p:x", 20), "p:x",
			[]string{"ann shared 20: member g2, invited g1, invited p:x"},
		},
		{"SharesOfGroupsAreNotTransitive", world().lies("g1", "").lies("g2", "").lies("a", "").lies("p:x", "a").member("ann", "g2", 40).invite("g2", "g1", 30).invite("g1", "a", 20), "p:x", nil},
		{"Trap10/MinimalAccessGivesNothingBelow", world().lies("a", "").lies("p:x", "a").member("ann", "a", 5), "p:x", nil},
		{"Trap10/MinimalAccessIsSeenWhereItIs", world().lies("a", "").member("ann", "a", 5), "a", []string{"ann direct 5: member a"}},
		{"MinimalAccessIsNotShared", world().lies("g", "").lies("a", "").lies("p:x", "a").member("ann", "g", 5).invite("g", "p:x", 30), "p:x", nil},
		{"NoAccessIsNoAccess", world().lies("a", "").member("ann", "a", 0), "a", nil},
		{"AnUnknownLevelIsKeptByItsNumber", world().lies("a", "").member("ann", "a", 37), "a", []string{"ann direct 37: member a"}},
		{"AnUnknownResourceIsReachedByNobody", world(), "p:x", nil},
		{"ALoopInTheTreeEnds", world().lies("a", "b").lies("b", "a").member("ann", "a", 30), "zzz", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, say(tt.world.Paths(id(tt.ask)))); diff != "" {
				t.Errorf("paths to %s (-want +got):\n%s", tt.ask, diff)
			}
		})
	}
}

func TestPathsAndTime(t *testing.T) {
	t.Parallel()
	soon, later, past := now.Add(time.Hour), now.Add(48*time.Hour), now.Add(-time.Hour)
	grant := func(who string, until time.Time) gatehouse.Grant {
		return gatehouse.Grant{AccountID: who, ResourceID: id("g"), Role: gatehouse.Role{Level: 30}, ExpiresAt: until}
	}
	b := world().lies("g", "").lies("a", "").lies("p:x", "a").
		grant(grant("ended", past)).grant(grant("ends-now", now)).grant(grant("ends-soon", soon)).grant(grant("stays", time.Time{})).
		grant(gatehouse.Grant{AccountID: "awaiting", ResourceID: id("g"), Role: gatehouse.Role{Level: 30}, State: "awaiting"})
	b.Shares[id("p:x")] = []gatehouse.Share{{GroupID: id("g"), ResourceID: id("p:x"), Cap: gatehouse.Role{Level: 20}, ExpiresAt: later}}
	until := map[string]time.Time{}
	for _, p := range b.Paths(id("p:x")) {
		until[p.AccountID] = p.Until
	}
	want := map[string]time.Time{"ends-soon": soon, "stays": later}
	if diff := cmp.Diff(want, until); diff != "" {
		t.Errorf("who reaches the project, and until when (-want +got):\n%s", diff)
	}
	b.Shares[id("p:x")][0].ExpiresAt = past
	if paths := b.Paths(id("p:x")); len(paths) != 0 {
		t.Errorf("a share that has ended still gives %v", say(paths))
	}
}

func TestPathsOfAPersonalProject(t *testing.T) {
	t.Parallel()
	b := world().lies("p:x", "")
	r := b.Resources[id("p:x")]
	r.OwnerID = "ann"
	b.Resources[r.ID] = r
	if diff := cmp.Diff([]string{"ann owned 50: owner p:x"}, say(b.Paths(r.ID))); diff != "" {
		t.Error(diff)
	}
	b.member("ann", "p:x", 50)
	if diff := cmp.Diff([]string{"ann direct 50: member p:x"}, say(b.Paths(r.ID))); diff != "" {
		t.Errorf("an owner who is in the list is not shown twice:\n%s", diff)
	}
}

// model computes effective levels another way: forward from each account, as
// GitLab's recursive query does, by sets and without paths.
func model(w World, account string) map[gatehouse.ResourceID]int {
	level := map[gatehouse.ResourceID]int{}
	raise := func(id gatehouse.ResourceID, l int) bool {
		if l > level[id] {
			level[id] = l
			return true
		}
		return false
	}
	direct := map[gatehouse.ResourceID]int{}
	for id, grants := range w.Grants {
		for _, g := range grants {
			if g.AccountID == account && g.Role.Level > 0 {
				direct[id] = max(direct[id], g.Role.Level)
			}
		}
	}
	for id, l := range direct {
		raise(id, l)
	}
	for target, shares := range w.Shares { // groups in groups: direct members only
		for _, s := range shares {
			if l := min(direct[s.GroupID], s.Cap.Level); w.Resources[target].Kind == gatehouse.ResourceGroup && direct[s.GroupID] > 5 && l > 5 {
				raise(target, l)
			}
		}
	}
	settle := func() {
		for changed := true; changed; {
			changed = false
			for id, r := range w.Resources {
				if l := level[r.Parent]; r.Parent != "" && l > 5 && raise(id, l) {
					changed = true
				}
			}
		}
	}
	settle()
	for target, shares := range w.Shares {
		for _, s := range shares {
			if l := level[s.GroupID]; w.Resources[target].Kind == gatehouse.ResourceProject && l > 5 {
				raise(target, min(l, s.Cap.Level))
			}
		}
	}
	return level
}

// drawn is a world of chance, with its paths and people.
func drawn(t *rapid.T) (b *builder, all, people []string) {
	levels := []int{5, 10, 15, 20, 30, 37, 40, 50}
	b = world()
	var groups []string
	for i := range rapid.IntRange(1, 8).Draw(t, "groups") {
		parent := rapid.SampledFrom(append([]string{""}, groups...)).Draw(t, "parent")
		name := fmt.Sprintf("g%d", i)
		b.lies(name, parent)
		groups = append(groups, name)
	}
	all = append(all, groups...)
	for i := range rapid.IntRange(0, 5).Draw(t, "projects") {
		name := fmt.Sprintf("p:%d", i)
		b.lies(name, rapid.SampledFrom(groups).Draw(t, "in"))
		all = append(all, name)
	}
	people = []string{"ann", "bob", "cho"}
	for range rapid.IntRange(0, 10).Draw(t, "grants") {
		b.member(rapid.SampledFrom(people).Draw(t, "who"), rapid.SampledFrom(all).Draw(t, "of"), rapid.SampledFrom(levels).Draw(t, "level"))
	}
	for range rapid.IntRange(0, 6).Draw(t, "shares") {
		b.invite(rapid.SampledFrom(groups).Draw(t, "group"), rapid.SampledFrom(all).Draw(t, "to"), rapid.SampledFrom(levels[1:]).Draw(t, "cap"))
	}
	return b, all, people
}

func TestPathsAgreeWithAnIndependentComputation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b, all, people := drawn(t)
		for _, who := range people {
			want := model(b.World, who)
			for _, path := range all {
				got := 0
				for _, p := range b.Paths(id(path)) {
					if p.AccountID == who {
						got = max(got, p.Role.Level)
					}
				}
				if got != want[id(path)] {
					t.Fatalf("%s on %s: by paths %d, by the model %d", who, path, got, want[id(path)])
				}
			}
		}
	})
}

func TestRoleName(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind string
		role gatehouse.Role
		want string
	}{
		{"gitlab", gatehouse.Role{Level: 30}, "Developer"},
		{"gitlab", gatehouse.Role{Level: 15}, "Planner"},
		{"gitlab", gatehouse.Role{Level: 37}, "Level 37"},
		{"gitlab", gatehouse.Role{Level: 30, Name: "Release manager"}, "Release manager"},
		{"other", gatehouse.Role{Level: 30}, "Level 30"},
	}
	for _, tt := range tests {
		if got := RoleName(tt.kind, tt.role); got != tt.want {
			t.Errorf("RoleName(%s, %+v) = %q, want %q", tt.kind, tt.role, got, tt.want)
		}
	}
}
