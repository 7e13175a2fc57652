package store_test

import (
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// TestWhatIsNotSeenDoesNotEnd: a pull that may not list the members of a group
// says nothing about them.
func TestWhatIsNotSeenDoesNotEnd(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		c := newConnector(t, s, "one")
		first := store.Staged{
			Accounts: []gatehouse.Account{{ID: "1", Name: "listed"}},
			Seen:     []gatehouse.Account{{ID: "2", Name: "only a member"}, {ID: "3", Name: "only a member elsewhere"}},
			Resources: []gatehouse.Resource{
				{ID: "group/1", Kind: gatehouse.ResourceGroup, Path: "a"}, {ID: "group/2", Kind: gatehouse.ResourceGroup, Path: "b"},
			},
			Grants: []gatehouse.Grant{
				{AccountID: "1", ResourceID: "group/1", Role: gatehouse.Role{Level: 30}},
				{AccountID: "2", ResourceID: "group/1", Role: gatehouse.Role{Level: 30}},
				{AccountID: "3", ResourceID: "group/2", Role: gatehouse.Role{Level: 30}},
			},
			Shares: []gatehouse.Share{{GroupID: "group/1", ResourceID: "group/2", Cap: gatehouse.Role{Level: 20}}},
		}
		if n := pull(t, s, c.ID, first); n != 9 {
			t.Errorf("%d rows were written", n)
		}
		move(time.Hour)
		second := store.Staged{
			Accounts: first.Accounts, Resources: first.Resources,
			Gaps: []gatehouse.Gap{{ResourceID: "group/1", Why: gatehouse.GapMembers}, {ResourceID: "group/2", Why: gatehouse.GapShares}, {ResourceID: "group/99", Why: gatehouse.GapHidden}},
		}
		id := stage(t, s, c.ID, second)
		update(t, s, func(tx *store.Tx) error {
			gone, err := tx.CountVanished(c.ID, id)
			is(t, err, "")
			same(t, gone, store.Counts{Accounts: 1, Grants: 1}) // 3 and its membership; not the share
			n, err := tx.FinishPull(c.ID, id)
			if n != 2+3 {
				t.Errorf("%d rows were written", n)
			}
			return err
		})
		view(t, s, func(tx *store.Tx) error {
			now, err := tx.CountCurrent(c.ID)
			is(t, err, "")
			same(t, now, store.Counts{Accounts: 2, Resources: 2, Grants: 2, Shares: 1, Gaps: 3})
			at, err := tx.GapsAt(c.ID, []gatehouse.ResourceID{"group/2", "group/7"})
			is(t, err, "")
			same(t, at, []gatehouse.Gap{{ConnectorID: c.ID, ResourceID: "group/2", Why: gatehouse.GapShares, Since: noon.Add(time.Hour)}})
			page, err := tx.Gaps(c.ID, store.Cursor{Limit: 2})
			is(t, err, "")
			rest, err := tx.Gaps(c.ID, store.Cursor{Limit: 2, After: page.Next})
			is(t, err, "")
			if len(page.Items) != 2 || len(rest.Items) != 1 || rest.Items[0].ResourceID != "group/99" || rest.Next != "" {
				t.Errorf("pages %+v and %+v", page, rest)
			}
			return nil
		})
		if n := pull(t, s, c.ID, second); n != 0 {
			t.Errorf("the same again wrote %d rows", n)
		}
		first.Grants = first.Grants[1:] // seen again, and one is gone
		if n := pull(t, s, c.ID, first); n != 1+1+1+3 {
			t.Errorf("%d rows were written, want the end of a grant, an account and a grant anew, and the end of three gaps", n)
		}
	})
}

func TestSeenAccountsGiveWay(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		c := newConnector(t, s, "one")
		full := []gatehouse.Account{{ID: "1", Name: "full"}}
		seen := []gatehouse.Account{{ID: "1", Name: "seen"}, {ID: "2", Name: "seen"}}
		for name, parts := range map[string][]store.Staged{
			"Before":   {{Accounts: full}, {Seen: seen}},
			"After":    {{Seen: seen}, {Accounts: full}},
			"Together": {{Seen: seen, Accounts: full}},
		} {
			pull(t, s, c.ID, parts...)
			view(t, s, func(tx *store.Tx) error {
				one, err := tx.Account(c.ID, "1")
				is(t, err, "")
				two, err := tx.Account(c.ID, "2")
				if one.Name != "full" || two.Name != "seen" {
					t.Errorf("%s: %q and %q", name, one.Name, two.Name)
				}
				return err
			})
		}
	})
}

func TestVanishedByTree(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		c := newConnector(t, s, "one")
		app := someApp()
		app.Resources = append(app.Resources, gatehouse.Resource{ID: "group/8", Parent: "group/9", Path: "x/8"}, gatehouse.Resource{ID: "group/9", Parent: "group/8", Path: "x/9"})
		pull(t, s, c.ID, app)
		less := app
		less.Grants, less.Shares = nil, nil
		less.Resources = app.Resources[:1]
		id, whole := stage(t, s, c.ID, less), stage(t, s, c.ID, app)
		update(t, s, func(tx *store.Tx) error {
			trees, err := tx.VanishedByTree(c.ID, id)
			is(t, err, "")
			want := map[string]store.Tree{
				"ann/own": {Root: "project/4", Path: "ann/own", Current: store.Counts{Resources: 1}, Gone: store.Counts{Resources: 1}},
				"top":     {Root: "group/1", Path: "top", Current: store.Counts{Resources: 3, Grants: 2, Shares: 1}, Gone: store.Counts{Resources: 2, Grants: 2, Shares: 1}},
			}
			loop := int64(0) // two that lie in each other
			for _, tree := range trees {
				if w, ok := want[tree.Path]; ok {
					same(t, tree, w)
					delete(want, tree.Path)
					continue
				}
				loop += tree.Gone.Resources
			}
			if len(want) > 0 || loop != 2 {
				t.Errorf("missing %v, %d resources in a circle", want, loop)
			}
			trees, err = tx.VanishedByTree(c.ID, whole)
			if len(trees) != 0 {
				t.Errorf("nothing vanishes, but in %+v", trees)
			}
			return err
		})
	})
}
