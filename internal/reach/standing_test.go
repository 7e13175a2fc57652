package reach

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// of is a World with the grants of some accounts alone, as it is read for them.
func of(w World, accounts []string) World {
	all := w.Grants
	w.Grants = map[gatehouse.ResourceID][]gatehouse.Grant{}
	for id, grants := range all {
		for _, g := range grants {
			if slices.Contains(accounts, g.AccountID) {
				w.Grants[id] = append(w.Grants[id], g)
			}
		}
	}
	return w
}

func levels(all []Standing) []string {
	var lines []string
	for _, s := range all {
		lines = append(lines, fmt.Sprintf("%s direct %d above %d", s.Resource.ID, s.Direct, s.Above))
	}
	return lines
}

// byPaths are the standings as the paths have them.
func byPaths(w World, accounts []string) []string {
	var lines []string
	ids := w.known()
	slices.SortFunc(ids, func(a, b gatehouse.ResourceID) int {
		x, y := w.Resources[a], w.Resources[b]
		if x.Path != y.Path {
			return slices.Compare([]byte(x.Path), []byte(y.Path))
		}
		return slices.Compare([]byte(a), []byte(b))
	})
	for _, id := range ids {
		s := Standing{Resource: w.Resources[id]}
		for _, p := range w.Paths(id) {
			switch {
			case !slices.Contains(accounts, p.AccountID):
			case p.Kind == Direct || p.Kind == Owned:
				s.Direct = max(s.Direct, p.Role.Level)
			default:
				s.Above = max(s.Above, p.Role.Level)
			}
		}
		if s.Level() > 0 {
			lines = append(lines, levels([]Standing{s})...)
		}
	}
	return lines
}

func TestStandingsAgreeWithPaths(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b, _, people := drawn(t)
		for _, accounts := range [][]string{people[:1], people[1:2], people, nil} {
			if diff := cmp.Diff(byPaths(b.World, accounts), levels(of(b.World, accounts).Standings())); diff != "" {
				t.Fatalf("%v (-by paths +standings):\n%s", accounts, diff)
			}
		}
	})
}

func TestStandings(t *testing.T) {
	t.Parallel()
	b := world().lies("a", "b").lies("b", "a").member("ann", "a", 30)
	if got := levels(b.Standings()); len(got) != 2 {
		t.Errorf("a loop in the tree: %v", got)
	}
	b = world().lies("g", "").lies("a", "").invite("g", "a", 40).
		grant(gatehouse.Grant{AccountID: "ann", ResourceID: id("g"), Role: gatehouse.Role{Level: 30}, ExpiresAt: now}).
		grant(gatehouse.Grant{AccountID: "bob", ResourceID: id("g"), Role: gatehouse.Role{Level: 20}, State: "awaiting"})
	if got := levels(b.Standings()); got != nil {
		t.Errorf("what ended or waits gives nothing: %v", got)
	}
	b.member("cho", "g", 20)
	b.Shares[id("a")][0].ExpiresAt = now.Add(-time.Second)
	if diff := cmp.Diff([]string{"group/g direct 20 above 0"}, levels(b.Standings())); diff != "" {
		t.Errorf("an ended share gives nothing: %s", diff)
	}
}

// TestStandingsFromTheStore: what is read for the quick answer is enough for it.
func TestStandingsFromTheStore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := world().
			lies("top", "").lies("mid", "top").lies("p:x", "mid").lies("low", "mid").
			lies("guests", "").lies("deep", "guests").lies("p:y", "deep").
			lies("partners", "").lies("inside", "partners").
			member("ann", "top", 50).member("bob", "p:x", 30).member("cho", "guests", 40).member("dee", "partners", 40).
			member("min", "top", 5).member("cho2", "inside", 20).
			invite("deep", "p:x", 20).invite("partners", "deep", 30).invite("guests", "mid", 10).invite("inside", "low", 50)
		b.Resources[id("p:mine")] = gatehouse.Resource{ID: id("p:mine"), Kind: gatehouse.ResourceProject, Path: "mine", OwnerID: "cho"}
		b.Resources[id("p:hers")] = gatehouse.Resource{ID: id("p:hers"), Kind: gatehouse.ResourceProject, Path: "hers", OwnerID: "ann"}
		connector := kept(t, s, b.World)
		for _, accounts := range [][]string{{"ann"}, {"bob"}, {"cho"}, {"cho", "cho2"}, {"dee"}, {"min"}, {"nobody"}, nil} {
			err := s.View(t.Context(), func(tx *store.Tx) error {
				groups, err := Groups(tx, connector, accounts)
				if err != nil {
					return err
				}
				everything, err := Everything(tx, connector, accounts)
				if err != nil {
					return err
				}
				want := byPaths(b.World, accounts)
				if diff := cmp.Diff(want, levels(everything)); diff != "" {
					t.Errorf("%v (-by paths +everything):\n%s", accounts, diff)
				}
				everything = slices.DeleteFunc(everything, func(s Standing) bool { return s.Resource.Kind != gatehouse.ResourceGroup })
				if diff := cmp.Diff(levels(everything), levels(groups)); diff != "" {
					t.Errorf("%v (-everything +groups):\n%s", accounts, diff)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}
