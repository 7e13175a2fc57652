package gitlab_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse"
	twin "gatehouse/internal/twin/gitlab"
	"gatehouse/internal/twin/gitlab/world"
)

// The traps of reading a GitLab by their numbers, and where each is tested. Those
// that are not here are of changes, or of what is never asked for (11: seats of
// members, 28: ETags).
func traps() map[int]string {
	return map[int]string{
		1: "reach/query_test.go TestQuestions", 2: "reach/reach_test.go TestPaths", 3: "traps_test.go 03And04And06",
		4: "traps_test.go 03And04And06", 5: "company_test.go TestPullOfWhatMayNotBeListed", 6: "traps_test.go 03And04And06",
		7: "traps_test.go 07CustomRoles", 8: "traps_test.go 08And10Minimal", 10: "traps_test.go 08And10Minimal", 12: "traps_test.go 12Directories",
		13: "traps_test.go 13States", 15: "traps_test.go 15Awaiting", 16: "traps_test.go 16To19Machines", 17: "traps_test.go 16To19Machines",
		18: "traps_test.go 16To19Machines", 19: "traps_test.go 16To19Machines", 20: "company_test.go TestPullOfACompanyOnGitLabCom",
		21: "traps_test.go 21LastSeen", 22: "company_test.go TestPullOfACompanyOnGitLabCom", 23: "pull_test.go TestPullOfLongLists",
		24: "pull_test.go TestPullOfLongLists", 25: "pull_test.go TestPullOfLongLists", 26: "faults_test.go TestPullKeepsWithinLimits",
		27: "faults_test.go TestPullKeepsWithinLimits", 29: "traps_test.go 29Memberships", 30: "pull_test.go TestPull",
		32: "traps_test.go 32Deletion", 47: "pull_test.go TestPullAdapts", 49: "probe_test.go AdminModeWithoutScope",
	}
}

func TestEveryTrapHasATest(t *testing.T) {
	t.Parallel()
	for number, at := range traps() {
		file, name, _ := strings.Cut(at, " ")
		path := file
		if strings.Contains(file, "/") {
			path = filepath.Join("..", "..", filepath.FromSlash(file))
		}
		text, err := os.ReadFile(path) // #nosec G304 -- of the table above
		if err != nil || !strings.Contains(string(text), name) {
			t.Errorf("trap %d: %s has no %s (%v)", number, file, name, err)
		}
	}
}

// trapped is the demo's company with what the traps need, read by both ways.
func trapped(t *testing.T, switches twin.Switches) (*gitLab, map[string]*found) {
	t.Helper()
	w := twin.DemoWorld()
	err := w.Write(func(d *twin.Data) error {
		for _, u := range []twin.User{
			{ID: 40, Username: "service_account_ci", Name: "CI", Type: world.ServiceAccount},
			{ID: 41, Username: "ghost1", Name: "Ghost", Type: world.Ghost, Email: "ghost1@example.com"},
			{ID: 42, Username: "alice_placeholder_user_7", Name: "Placeholder Alice", Type: world.Placeholder},
			{ID: 43, Username: "migration-bot", Name: "Migration Bot", Type: world.MigrationBot},
			{ID: 44, Username: "placeholder.jones", Name: "Called like one", Email: "pj@example.com"},
		} {
			if _, err := d.AddUser(u); err != nil {
				return err
			}
		}
		for _, m := range []twin.Member{
			{Source: twin.InGroup(14), UserID: 3, Level: world.SecurityManager},
			{Source: twin.InGroup(14), UserID: 6, Level: 35},
			{Source: twin.InProject(8), UserID: 40, Level: 30},
		} {
			if _, err := d.AddMember(m); err != nil {
				return err
			}
		}
		_, err := d.AddShare(twin.Share{Source: twin.InProject(8), GroupID: 12, Level: 20, RoleID: 1})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	g := start(t, w, twin.Config{Switches: switches})
	ways := map[string]*found{"GraphQL": mustPull(t, g.source(t, rootToken))}
	switches.GraphQLStatus = http.StatusNotFound
	g.Switch(switches)
	ways["REST"] = mustPull(t, g.source(t, rootToken))
	return g, ways
}

func TestTraps(t *testing.T) {
	t.Parallel()
	g, ways := trapped(t, twin.Switches{WrongMembersAll: true})
	for way, f := range ways {
		t.Run("03And04And06MembersAllIsNotAsked/"+way, func(t *testing.T) {
			for route := range g.Requests() {
				if strings.Contains(route, "members/all") {
					t.Errorf("%s was asked", route)
				}
			}
			if x := f.Grants["4 on group/11"]; x.Role.Level != world.Owner {
				t.Errorf("li.na's own membership is %+v", x)
			}
		})
		t.Run("07CustomRolesAndUnknownLevelsAreKept/"+way, func(t *testing.T) {
			if x := f.Grants["9 on group/12"]; x.Role.Level != world.Reporter || x.Role.Custom != "1" || x.Role.Name != "Release manager" {
				t.Errorf("a custom role is %+v", x.Role)
			}
			if s := f.Shares["group/12 in project/8"]; s.Cap.Custom != "1" || s.Cap.Level != world.Reporter {
				t.Errorf("a share with a custom role is %+v", s)
			}
			for who, level := range map[string]int{"3": 25, "6": 35} {
				if x := f.Grants[who+" on group/14"]; x.Role.Level != level {
					t.Errorf("level %d is kept as %+v", level, x.Role)
				}
			}
			if x := f.Grants["12 on group/10"]; x.Role.Level != 15 {
				t.Errorf("a planner is %+v", x.Role)
			}
		})
		t.Run("08And10MinimalAccessIsSeen/"+way, func(t *testing.T) {
			if x := f.Grants["26 on group/10"]; x.Role.Level != world.MinimalAccess {
				t.Errorf("Minimal Access is %+v", x)
			}
		})
		t.Run("12DirectoriesAreNamed/"+way, func(t *testing.T) {
			if f.Resources["group/18"].SyncedBy != "ldap" || f.Grants["18 on group/18"].Source != "ldap" || f.Grants["2 on group/18"].Source != "" {
				t.Errorf("group %+v, members %+v and %+v", f.Resources["group/18"], f.Grants["18 on group/18"], f.Grants["2 on group/18"])
			}
		})
		t.Run("13StatesStayRaw/"+way, func(t *testing.T) {
			for who, state := range map[string]string{"14": "blocked", "15": "deactivated", "16": "banned", "17": "blocked_pending_approval", "18": "ldap_blocked"} {
				if got := f.Accounts[who].State; got != state {
					t.Errorf("account %s is %q, want %q", who, got, state)
				}
			}
		})
		t.Run("15AwaitingMembersAreSeen/"+way, func(t *testing.T) {
			if x := f.Grants["4 on project/12"]; x.State != "awaiting" {
				t.Errorf("who waits is %+v", x)
			}
		})
		t.Run("16To19MachinesAreToldApart/"+way, func(t *testing.T) {
			for who, kind := range map[string]gatehouse.AccountType{
				"21": gatehouse.AccountTokenBot, "22": gatehouse.AccountTokenBot, "23": gatehouse.AccountService, "40": gatehouse.AccountService,
				"19": gatehouse.AccountGhost, "41": gatehouse.AccountGhost, "20": gatehouse.AccountInternal, "43": gatehouse.AccountInternal,
				"42": gatehouse.AccountPlaceholder, "44": gatehouse.AccountPerson, "3": gatehouse.AccountPerson,
			} {
				if got := f.Accounts[who].Type; got != kind {
					t.Errorf("account %s (%s) is %q, want %q", who, f.Accounts[who].Username, got, kind)
				}
			}
		})
		t.Run("21LastSeenIsTwoThings/"+way, func(t *testing.T) {
			a := f.Accounts["5"]
			if a.LastSignInAt.IsZero() || a.LastActiveAt.IsZero() || a.LastSignInAt.Equal(a.LastActiveAt) || a.LastActiveAt.Truncate(24*time.Hour) != a.LastActiveAt {
				t.Errorf("signed in %v, active %v", a.LastSignInAt, a.LastActiveAt)
			}
		})
		t.Run("32DeletionIsAState/"+way, func(t *testing.T) {
			if s := f.Resources["group/19"].State; s != "marked_for_deletion" {
				t.Errorf("the group is %q", s)
			}
		})
	}
	t.Run("29MembershipsOfOneAccount", func(t *testing.T) {
		g.Switch(twin.Switches{})
		a, grants, err := g.source(t, rootToken).Account(t.Context(), strconv.Itoa(9))
		if err != nil || a.Username != "carol" || len(grants) == 0 {
			t.Fatalf("%+v, %d grants, %v", a, len(grants), err)
		}
		for _, x := range grants {
			if want := ways["REST"].Grants["9 on "+string(x.ResourceID)]; want != x {
				t.Errorf("%+v, want %+v", x, want)
			}
		}
	})
}

// TestBothWaysGiveTheSameOfTheTraps is of what GraphQL alone does not tell.
func TestBothWaysGiveTheSameOfTheTraps(t *testing.T) {
	t.Parallel()
	_, ways := trapped(t, twin.Switches{})
	same(t, ways["GraphQL"], ways["REST"])
}
