package gitlab

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/twin/gitlab/world"
)

// readByOthers is what a client that others wrote found in the demo's company,
// see interop/gitlab/reading.*.
type readByOthers struct {
	Me         string                    `json:"me"`
	Users      []int64                   `json:"users"`
	PagedUsers []int64                   `json:"paged_users"`
	Groups     []string                  `json:"groups"`
	Projects   []string                  `json:"projects"`
	Members    map[string]map[string]int `json:"members"`
	AllMembers map[string]int            `json:"all_members"`
	Shares     map[string]int            `json:"shares"`
	Blocked    bool                      `json:"blocked"`
	State      string                    `json:"state"`
	Unblocked  bool                      `json:"unblocked"`
	Missing    []any                     `json:"missing"`
	Refused    int                       `json:"refused"`
	Added      []any                     `json:"added"`
	Gone       bool                      `json:"gone"`
}

// whatIsThere is what they must find, worked out of the world itself.
func whatIsThere() readByOthers {
	want := readByOthers{
		Me: "root", Members: map[string]map[string]int{}, AllMembers: map[string]int{}, Shares: map[string]int{"design": world.Developer},
		Blocked: true, State: "blocked", Unblocked: true, Missing: []any{404.0, "404 Group Not Found"}, Refused: 400,
		Added: []any{25.0, float64(world.Reporter), "2031-01-31"}, Gone: true,
	}
	DemoWorld().Read(func(d *Data) {
		for _, u := range d.Users() {
			want.Users = append(want.Users, u.ID)
		}
		for _, p := range d.Projects() {
			want.Projects = append(want.Projects, p.FullPath)
		}
		for _, g := range d.Groups() {
			want.Groups = append(want.Groups, g.FullPath)
			want.Members[g.FullPath] = map[string]int{}
			for _, m := range d.Direct(InGroup(g.ID)) {
				if !m.Pending() {
					want.Members[g.FullPath][d.User(m.UserID).Username] = m.Level
				}
			}
		}
	})
	for _, path := range []string{"eng", "eng/platform", "eng/platform/sre"} {
		for who, level := range want.Members[path] {
			if level > world.MinimalAccess || path == "eng/platform/sre" {
				want.AllMembers[who] = max(level, want.AllMembers[who])
			}
		}
	}
	want.PagedUsers = want.Users
	slices.Sort(want.Groups)
	slices.Sort(want.Projects)
	return want
}

func TestClientsThatRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		program string
		args    []string
		needs   func() error
	}{
		"PythonGitLab": {"/usr/bin/python3", []string{"reading.py"}, func() error {
			if err := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", "import gitlab").Run(); err != nil {
				return missing("python-gitlab is missing (Debian: apt-get install python3-gitlab)")
			}
			return nil
		}},
		"Gitbeaker": {"node", []string{"reading.js"}, func() error {
			if _, err := os.Stat(filepath.Join(clientsFolder, "node_modules", "@gitbeaker")); err != nil {
				return missing("the clients are missing: npm ci --prefix interop/gitlab")
			}
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var found readByOthers
			unmodified(t, c.needs, c.program, &found, c.args...)
			if diff := cmp.Diff(whatIsThere(), found); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(slices.Collect(maps.Keys(found.Members))) < 10 {
				t.Errorf("only %d groups have members", len(found.Members))
			}
		})
	}
}
