package reach

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// company is an app as large as a large company's: accounts in groups three deep,
// with projects in all of them. Account 1 owns the topmost group of one part in
// ten; 7 is an ordinary member of some groups.
func company(accounts, groups, projects int) store.Staged {
	s := store.Staged{}
	for i := range accounts {
		s.Accounts = append(s.Accounts, gatehouse.Account{ID: fmt.Sprint(i + 1), Username: fmt.Sprintf("u%d", i+1), State: "active"})
		for j := range 3 {
			s.Grants = append(s.Grants, gatehouse.Grant{
				AccountID: fmt.Sprint(i + 1), ResourceID: gatehouse.ResourceID(fmt.Sprintf("group/%d", (i*31+j*997)%groups+1)), Role: gatehouse.Role{Level: 30},
			})
		}
	}
	paths := map[int]string{}
	for i := range groups {
		id, parent := i+1, gatehouse.ResourceID("")
		paths[id] = fmt.Sprintf("g%d", id)
		if up := (i + 9) / 10; i >= 10 {
			parent, paths[id] = gatehouse.ResourceID(fmt.Sprintf("group/%d", up)), paths[up]+"/"+paths[id]
		}
		s.Resources = append(s.Resources, gatehouse.Resource{ID: gatehouse.ResourceID(fmt.Sprintf("group/%d", id)), Kind: gatehouse.ResourceGroup, Parent: parent, Name: paths[id], Path: paths[id]})
		if i%7 == 0 {
			s.Shares = append(s.Shares, gatehouse.Share{GroupID: gatehouse.ResourceID(fmt.Sprintf("group/%d", id)), ResourceID: gatehouse.ResourceID(fmt.Sprintf("group/%d", (i*13)%groups+1)), Cap: gatehouse.Role{Level: 20}})
		}
	}
	for i := range projects {
		in := i%groups + 1
		s.Resources = append(s.Resources, gatehouse.Resource{
			ID: gatehouse.ResourceID(fmt.Sprintf("project/%d", i+1)), Kind: gatehouse.ResourceProject, Parent: gatehouse.ResourceID(fmt.Sprintf("group/%d", in)),
			Name: fmt.Sprintf("p%d", i), Path: fmt.Sprintf("%s/p%d", paths[in], i),
		})
	}
	return s
}

// pageOfProjects is a page of the list, from its middle, with its total.
func pageOfProjects(tx *store.Tx, connectorID string, accounts []string) ([]Standing, error) {
	m, err := ReadMine(tx, connectorID, accounts)
	if err != nil {
		return nil, err
	}
	page, _, err := m.Projects(tx, 0, store.ProjectFilter{Desc: true, Limit: 101, Offset: 5000}, 10_001)
	return page, err
}

// BenchmarkOfACompany measures what apps are told of, for 50,000 accounts and
// 20,000 projects: of an ordinary member, and of the owner of a large part.
func BenchmarkOfACompany(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *store.Store{
		"sqlite": storetest.Open, "postgres": func(t testing.TB) *store.Store { return storetest.OpenPostgres(t, storetest.Options{}) },
	} {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			staged := company(50_000, 2_000, 20_000)
			staged.Grants = append(staged.Grants, gatehouse.Grant{AccountID: "owner", ResourceID: "group/2", Role: gatehouse.Role{Level: 50}})
			begun := time.Now()
			id := pulled(b, s, staged)
			b.Log(name, "pulled in", time.Since(begun))
			for who, account := range map[string]string{"member": "7", "owner": "owner"} {
				for what, read := range map[string]func(*store.Tx, string, []string) ([]Standing, error){"groups": Groups, "everything": Everything, "page of projects": pageOfProjects} {
					b.Run(who+"/"+what, func(b *testing.B) {
						var took []time.Duration
						n := 0
						for b.Loop() {
							begun := time.Now()
							err := s.View(b.Context(), func(tx *store.Tx) error {
								found, err := read(tx, id, []string{account})
								n = len(found)
								return err
							})
							if err != nil {
								b.Fatal(err)
							}
							took = append(took, time.Since(begun))
						}
						slices.Sort(took)
						b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
						b.ReportMetric(float64(n), "found")
					})
				}
			}
		})
	}
}
