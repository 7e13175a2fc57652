package world

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Generated returns a large company for measurements; the same numbers and seed
// give the same company. About 4 % of the groups are at the top and none is
// deeper than six; a user has on average 1.75 direct group memberships and 1.15
// project memberships (personal projects count); 12 % of the projects are
// personal; 8 % of the groups and 12 % of the projects are shared with one group.
// User 1 is the administrator root.
func Generated(users, groups, projects int, seed int64) *World {
	w := New()
	g := &generator{rnd: rand.New(rand.NewPCG(uint64(seed), 18_09)), users: users, groups: groups, projects: projects}
	err := w.Write(func(d *Data) error {
		g.d = d
		for _, fill := range []func() error{g.addUsers, g.addGroups, g.addProjects, g.addMembers, g.addShares} {
			if err := fill(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("the generated world contradicts itself: %v", err))
	}
	return w
}

type generator struct {
	d                       *Data
	rnd                     *rand.Rand
	users, groups, projects int
	groupIDs, projectIDs    []int64
	depth                   map[int64]int
}

func (g *generator) addUsers() error {
	families := []string{"王", "李", "张", "刘", "陈", "Smith", "Garcia", "Novak"}
	for i := 1; i <= g.users; i++ {
		u := User{
			ID: int64(i), Username: fmt.Sprintf("user%05d", i), Name: fmt.Sprintf("%s %d", families[i%len(families)], i),
			Email: fmt.Sprintf("user%05d@example.com", i), CreatedAt: demoStart.Add(time.Duration(i) * time.Minute), CreatedBy: 1,
		}
		u.UpdatedAt, u.ConfirmedAt = u.CreatedAt, u.CreatedAt
		switch {
		case i == 1:
			u.Username, u.Name, u.Email, u.Admin, u.CreatedBy = "root", "Administrator", "admin@example.com", true, 0
		case i%50 == 0:
			u.State = Blocked
		case i%97 == 0:
			u.State = Deactivated
		case i%101 == 0:
			u.Type, u.Username = ProjectBot, fmt.Sprintf("project_%d_bot_%04x", i, i)
		}
		if _, err := g.d.AddUser(u); err != nil {
			return err
		}
	}
	return nil
}

func (g *generator) addGroups() error {
	roots := max(1, g.groups/25)
	g.depth = map[int64]int{}
	for i := range g.groups {
		x := Group{Path: fmt.Sprintf("group%05d", i+1), Name: fmt.Sprintf("Group %05d", i+1), CreatedAt: demoStart}
		if i >= roots {
			for x.ParentID == 0 || g.depth[x.ParentID] >= 6 {
				x.ParentID = g.groupIDs[g.rnd.IntN(i)]
			}
		}
		kept, err := g.d.AddGroup(x)
		if err != nil {
			return err
		}
		g.groupIDs = append(g.groupIDs, kept.ID)
		g.depth[kept.ID] = g.depth[x.ParentID] + 1
	}
	return nil
}

func (g *generator) addProjects() error {
	for i := range g.projects {
		p := Project{
			Path: fmt.Sprintf("project%05d", i+1), Name: fmt.Sprintf("Project %05d", i+1),
			CreatedAt: demoStart.Add(time.Duration(i) * time.Minute), CreatorID: 1,
		}
		p.UpdatedAt, p.LastActivityAt = p.CreatedAt, p.CreatedAt
		if g.groups == 0 || g.rnd.IntN(100) < 12 {
			p.OwnerID = g.someUser()
		} else {
			p.GroupID = g.groupIDs[g.rnd.IntN(len(g.groupIDs))]
		}
		kept, err := g.d.AddProject(p)
		if err != nil {
			return err
		}
		g.projectIDs = append(g.projectIDs, kept.ID)
	}
	return nil
}

func (g *generator) someUser() int64 { return 1 + g.rnd.Int64N(int64(g.users)) }

// addMembers draws memberships until the averages are met. Groups are drawn
// unevenly, so that some have more members than fit on a page.
func (g *generator) addMembers() error {
	levels := []int{Guest, Planner, Reporter, Developer, Developer, Developer, Maintainer, Owner}
	add := func(ids []int64, kind SourceKind, want int) error {
		for done, tries := 0, 0; done < want && len(ids) > 0 && tries < 4*want; tries++ {
			f := g.rnd.Float64()
			src := Source{kind, ids[int(f*f*float64(len(ids)))]}
			user := g.someUser()
			if g.d.Member(src, user) != nil {
				continue
			}
			m := Member{Source: src, UserID: user, Level: levels[g.rnd.IntN(len(levels))], CreatedAt: demoStart, CreatedBy: 1}
			if g.rnd.IntN(20) == 0 {
				m.ExpiresAt = "2031-01-31"
			}
			if _, err := g.d.AddMember(m); err != nil {
				return err
			}
			done++
		}
		return nil
	}
	if err := add(g.groupIDs, GroupSource, g.users*175/100); err != nil {
		return err
	}
	return add(g.projectIDs, ProjectSource, max(0, g.users*115/100-len(g.d.memberByID)+g.users*175/100))
}

func (g *generator) addShares() error {
	share := func(src Source) error {
		id := g.groupIDs[g.rnd.IntN(len(g.groupIDs))]
		if src == InGroup(id) {
			return nil
		}
		_, err := g.d.AddShare(Share{Source: src, GroupID: id, Level: []int{Guest, Reporter, Developer, Maintainer}[g.rnd.IntN(4)]})
		return err
	}
	for _, id := range g.groupIDs {
		if g.rnd.IntN(100) < 8 {
			if err := share(InGroup(id)); err != nil {
				return err
			}
		}
	}
	for _, id := range g.projectIDs {
		if len(g.groupIDs) > 0 && g.rnd.IntN(100) < 12 {
			if err := share(InProject(id)); err != nil {
				return err
			}
		}
	}
	return nil
}
