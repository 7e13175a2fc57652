package world_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/twin/gitlab/world"
)

// levels reads who reaches a source as somebody sees it.
func levels(w *world.World, viewer int64, src world.Source, rel world.Relation) map[int64]int {
	found := map[int64]int{}
	w.Read(func(d *world.Data) {
		v := world.Viewer{User: d.User(viewer)}
		if v.User != nil && v.User.Admin {
			v.Admin, v.ReadAll = true, true
		}
		for _, m := range d.Sight(v).Reach(src, rel) {
			found[m.UserID] = m.Level
		}
	})
	return found
}

const (
	root      = 1
	effective = world.Direct | world.Inherited | world.Invited
)

func TestReach(t *testing.T) {
	t.Parallel()
	w := world.Demo()
	for _, c := range []struct {
		name   string
		viewer int64
		src    world.Source
		rel    world.Relation
		want   map[int64]int
	}{
		{"MinimalAccessCountsAtTheTop", root, world.InGroup(10), effective, map[int64]int{2: 50, 3: 40, 26: 5, 22: 40, 12: 15}},
		{"MinimalAccessIsNotInherited", root, world.InGroup(13), world.Inherited, map[int64]int{2: 50, 3: 40, 22: 40, 12: 15}},
		// Design is invited to Web as Reporter: its owner 12 and developer 25 are capped.
		{"SharesCapAndTheHighestCounts", root, world.InGroup(13), effective, map[int64]int{8: 40, 10: 30, 14: 30, 2: 50, 3: 40, 22: 40, 12: 20, 25: 20}},
		{"CappedMembersBelowTheCapKeepTheirs", root, world.InProject(9), world.Invited, map[int64]int{2: 40, 3: 40, 22: 40, 12: 15, 4: 40, 5: 30, 6: 30}},
		// An invitation of SRE to the group Payroll carries its direct members only.
		{"GroupInvitationsCarryDirectMembersOnly", root, world.InGroup(16), world.Invited, map[int64]int{7: 10, 9: 10, 23: 10}},
		// Web is invited to Exchange; Design, which is shared into Web, is on no list.
		{"SharedIntoInvitedIsOnNoList", root, world.InProject(12), world.Invited, map[int64]int{8: 10, 10: 10, 14: 10, 2: 10, 3: 10, 22: 10, 12: 10}},
		// Payroll is private and invited to Terraform: Liu Yang sees SRE's project, but
		// not Payroll's people; an owner of Finance does.
		{"PrivateInvitedGroupsAreHidden", 8, world.InProject(5), world.Invited, map[int64]int{}},
		{"PrivateInvitedGroupsAreShownToTheirOwn", 9, world.InProject(5), world.Invited, map[int64]int{24: 20, 9: 20}},
		{"Descendants", root, world.InGroup(11), world.Descendant, map[int64]int{7: 40, 9: 20, 23: 20}},
		{"RequestsAndInvitationsAreNotMembers", root, world.InGroup(14), world.Direct, map[int64]int{12: 50, 25: 30}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, levels(w, c.viewer, c.src, c.rel)); diff != "" {
				t.Errorf("who reaches %v (-want +got):\n%s", c.src, diff)
			}
		})
	}
}

func TestSight(t *testing.T) {
	t.Parallel()
	w := world.Demo()
	for _, c := range []struct {
		name   string
		viewer int64
		src    world.Source
		sees   bool
		level  int
	}{
		{"Inherits", 5, world.InProject(4), true, 30},
		{"Above", 5, world.InGroup(10), true, 0},
		{"MinimalSeesTheGroupOnly", 26, world.InGroup(10), true, 5},
		{"MinimalSeesNothingBelow", 26, world.InGroup(13), false, 0},
		{"ByShareOfAGroup", 25, world.InProject(7), true, 20},
		// Design is shared into Web, which is invited to Exchange: access that no list shows.
		{"BySharedIntoInvited", 25, world.InProject(12), true, 10},
		{"InternalForStaff", 9, world.InProject(1), true, 0},
		{"InternalNotForExternals", 13, world.InProject(8), false, 0},
		{"PublicForStrangers", 0, world.InProject(11), true, 0},
		{"PrivateNotForStrangers", 0, world.InProject(2), false, 0},
		{"WaitingIsNoAccess", 4, world.InProject(12), false, 0},
		{"OwnPersonalProject", 3, world.InProject(14), true, 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w.Read(func(d *world.Data) {
				s := d.Sight(world.Viewer{User: d.User(c.viewer)})
				if s.Sees(c.src) != c.sees || s.Level(c.src) != c.level {
					t.Errorf("sees %v with level %d", s.Sees(c.src), s.Level(c.src))
				}
			})
		})
	}
}
