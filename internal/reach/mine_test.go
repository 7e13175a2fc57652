package reach

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// muddled is a company where some are members of projects, some projects are
// somebody's own, and groups are invited to projects.
func muddled(rnd *rand.Rand) store.Staged {
	s := company(12, 14, 40)
	levels := []int{5, 10, 20, 30, 50}
	for i := range 20 {
		s.Grants = append(s.Grants, gatehouse.Grant{
			AccountID: fmt.Sprint(rnd.IntN(12) + 1), ResourceID: gatehouse.ResourceID(fmt.Sprintf("project/%d", rnd.IntN(40)+1)), Role: gatehouse.Role{Level: levels[rnd.IntN(5)]},
		})
		s.Shares = append(s.Shares, gatehouse.Share{
			GroupID: gatehouse.ResourceID(fmt.Sprintf("group/%d", rnd.IntN(14)+1)), ResourceID: gatehouse.ResourceID(fmt.Sprintf("project/%d", rnd.IntN(40)+1)), Cap: gatehouse.Role{Level: levels[rnd.IntN(5)]},
		})
		s.Resources = append(s.Resources, gatehouse.Resource{
			ID: gatehouse.ResourceID(fmt.Sprintf("project/%d", 1000+i)), Kind: gatehouse.ResourceProject, OwnerID: fmt.Sprint(rnd.IntN(12) + 1),
			Name: fmt.Sprint("own", i), Path: fmt.Sprintf("own/own%d", i), State: []string{"", "archived"}[i%2],
		})
	}
	for i := range s.Grants {
		if rnd.IntN(8) == 0 {
			s.Grants[i].Role.Level = 5
		}
	}
	return s
}

// TestMineIsEverythingAPageAtATime: what the database cuts is what was computed
// of everything.
func TestMineIsEverythingAPageAtATime(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		connector := pulled(t, s, muddled(rand.New(rand.NewPCG(7, 7))))
		err := s.View(t.Context(), func(tx *store.Tx) error {
			for who := range 13 {
				accounts := []string{fmt.Sprint(who + 1), fmt.Sprint((who*5)%12 + 1)}[:1+who%2]
				all, err := Everything(tx, connector, accounts)
				if err != nil {
					return err
				}
				m, err := ReadMine(tx, connector, accounts)
				if err != nil {
					return err
				}
				for _, level := range []int{0, 20, 50} {
					compare(t, tx, m, all, level)
				}
				for _, x := range all {
					if x.Resource.Kind != gatehouse.ResourceProject {
						continue
					}
					_, number, _ := strings.Cut(string(x.Resource.ID), "/")
					for _, name := range []string{number, strings.ToUpper(x.Resource.Path)} {
						if got, err := m.Project(tx, name); err != nil || got.Direct != x.Direct || got.Above != x.Above {
							t.Errorf("%v %s: %+v, %v, want %+v", accounts, name, got, err, x)
						}
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func compare(t *testing.T, tx *store.Tx, m *Mine, all []Standing, level int) {
	t.Helper()
	type row struct {
		ID            gatehouse.ResourceID
		Direct, Above int
	}
	rowOf := func(s Standing) row { return row{s.Resource.ID, s.Direct, s.Above} }
	var want []row
	for _, s := range all {
		if s.Resource.Kind == gatehouse.ResourceProject && s.Level() > minimalAccess && s.Level() >= level {
			want = append(want, rowOf(s))
		}
	}
	slices.SortFunc(want, func(a, b row) int {
		return -cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	var got []row
	for offset := 0; ; offset += 7 {
		page, total, err := m.Projects(tx, level, store.ProjectFilter{Desc: true, Limit: 7, Offset: offset}, 1000)
		if err != nil || total != int64(len(want)) {
			t.Fatalf("counted %d of %d: %v", total, len(want), err)
		}
		for _, s := range page {
			got = append(got, rowOf(s))
		}
		if len(page) < 7 {
			break
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("%v with level %d (-want +got):\n%s", m.accounts, level, diff)
	}
}

// TestProjectsAreFiltered by the database as the list asks.
func TestProjectsAreFiltered(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		yes, no := true, false
		projects := []gatehouse.Resource{
			{ID: "project/9", Kind: gatehouse.ResourceProject, OwnerID: "1", Name: "Nine", Path: "a/nine", Visibility: "public"},
			{ID: "project/10", Kind: gatehouse.ResourceProject, OwnerID: "1", Name: "Ten", Path: "a/b_/ten", State: "archived"},
			{ID: "project/11", Kind: gatehouse.ResourceProject, OwnerID: "1", Name: "Elf", Path: "a/bc/elf", Visibility: "private"},
			{ID: "project/100", Kind: gatehouse.ResourceProject, OwnerID: "2", Name: "Other", Path: "o/other"},
		}
		connector := pulled(t, s, store.Staged{Resources: projects})
		for name, c := range map[string]struct {
			f    store.ProjectFilter
			want string
		}{
			"AllByNumber":     {store.ProjectFilter{}, "9 10 11"},
			"Downwards":       {store.ProjectFilter{Desc: true}, "11 10 9"},
			"Search":          {store.ProjectFilter{Search: "EN"}, "10"},
			"SearchIsNoSign":  {store.ProjectFilter{Search: "%"}, ""},
			"Private":         {store.ProjectFilter{Visibility: "private"}, "10 11"},
			"Public":          {store.ProjectFilter{Visibility: "public"}, "9"},
			"Archived":        {store.ProjectFilter{Archived: &yes}, "10"},
			"NotArchived":     {store.ProjectFilter{Archived: &no}, "9 11"},
			"After":           {store.ProjectFilter{After: "project/9"}, "10 11"},
			"Before":          {store.ProjectFilter{Before: "project/11"}, "9 10"},
			"Under":           {store.ProjectFilter{Under: []string{"A/B_"}}, "10"},
			"UnderOneOfTwo":   {store.ProjectFilter{Under: []string{"a/bc", "zzz"}}, "11"},
			"NotBesideByName": {store.ProjectFilter{Under: []string{"a/b"}}, ""},
			"APage":           {store.ProjectFilter{Limit: 1, Offset: 1}, "10"},
		} {
			c.f.Owners, c.f.Limit = []string{"1"}, cmp.Or(c.f.Limit, 10)
			err := s.View(t.Context(), func(tx *store.Tx) error {
				rows, err := tx.Projects(connector, c.f)
				got := make([]string, len(rows))
				for i, r := range rows {
					got[i] = strings.TrimPrefix(string(r.ID), "project/")
				}
				if strings.Join(got, " ") != c.want {
					t.Errorf("%s: %v, want %s", name, got, c.want)
				}
				return err
			})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
