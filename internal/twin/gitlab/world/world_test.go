package world_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/internal/twin/gitlab/world"
)

func TestSaveAndLoadGiveTheSameWorld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, w := range map[string]*world.World{"demo": world.Demo(), "generated": world.Generated(60, 30, 40, 7)} {
		w.AddApplication(world.Application{ID: "app", Scopes: []string{"api"}})
		w.AddToken(world.Token{Value: "t", UserID: 1, Refresh: "r"})
		_ = w.Write(func(d *world.Data) error {
			d.KeepSession(world.Session{Key: "s", UserID: 1, StartedAt: time.Unix(1, 0).UTC(), ReturnTo: "/x"})
			d.KeepCode(world.Code{Value: "c", UserID: 1, Scopes: []string{"api"}, ExpiresAt: time.Unix(60, 0).UTC()}, time.Unix(1, 0))
			return nil
		})
		a, b := filepath.Join(dir, name+"-a"), filepath.Join(dir, name+"-b")
		if err := w.Save(a); err != nil {
			t.Fatal(err)
		}
		again, err := world.Load(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Save(b); err != nil {
			t.Fatal(err)
		}
		first, _ := os.ReadFile(a)
		second, _ := os.ReadFile(b)
		if len(first) < 1000 || string(first) != string(second) {
			t.Errorf("%s: the second file differs from the first", name)
		}
		if info, err := os.Stat(a); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: others may read the file: %v %v", name, info.Mode(), err)
		}
		again.Read(func(d *world.Data) {
			_, session := d.Session("s")
			if _, code := d.Code("c"); !session || !code || d.TokenByRefresh("r") != d.Token("t") {
				t.Errorf("%s: what people signed in with is gone", name)
			}
		})
		kept, err := again.AddUser(world.User{Username: "later"})
		if err != nil || kept.ID <= 1 {
			t.Errorf("%s: %+v %v", name, kept, err)
		}
	}
}

func TestLoadRefusesWhatIsNoWorld(t *testing.T) {
	t.Parallel()
	if _, err := world.Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	for _, text := range []string{"", "[]", `{"Unknown":1}`, `{"Members":[{"ID":1,"UserID":5,"Source":{"Kind":"Group","ID":1}}]}`} {
		file := filepath.Join(t.TempDir(), "world")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := world.Load(file); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestSameNumbersSameWorld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	read := func(w *world.World) string {
		file := filepath.Join(dir, "w")
		if err := w.Save(file); err != nil {
			t.Fatal(err)
		}
		raw, _ := os.ReadFile(file)
		return string(raw)
	}
	if a, b := read(world.Generated(50, 20, 30, 5)), read(world.Generated(50, 20, 30, 5)); a != b {
		t.Error("two worlds of one seed differ")
	}
	if a, b := read(world.Generated(50, 20, 30, 5)), read(world.Generated(50, 20, 30, 6)); a == b {
		t.Error("two seeds give one world")
	}
}

func TestGeneratedHasTheShapeAsked(t *testing.T) {
	t.Parallel()
	world.Generated(2000, 250, 1000, 1).Read(func(d *world.Data) {
		roots, groupRows, projectRows, personal, groupShares, projectShares := 0, 0, 0, 0, 0, 0
		for _, g := range d.Groups() {
			if n := len(d.Ancestors(g.ID)); n > 6 {
				t.Fatalf("group %s is %d deep", g.FullPath, n)
			} else if n == 1 {
				roots++
			}
			groupRows += len(d.Direct(world.InGroup(g.ID)))
			groupShares += len(d.SharesOf(world.InGroup(g.ID)))
		}
		for _, p := range d.Projects() {
			if p.OwnerID != 0 {
				personal++
			}
			projectRows += len(d.Direct(world.InProject(p.ID)))
			projectShares += len(d.SharesOf(world.InProject(p.ID)))
		}
		near := func(what string, got, want int) {
			if got < want*7/10 || got > want*13/10 {
				t.Errorf("%s: %d, not about %d", what, got, want)
			}
		}
		near("users", len(d.Users()), 2000)
		near("roots", roots, 10)
		near("group memberships", groupRows, 3500)
		near("project memberships", projectRows, 2300)
		near("personal projects", personal, 120)
		near("group shares", groupShares, 20)
		near("project shares", projectShares, 120)
	})
}

func TestExpiryCascades(t *testing.T) {
	t.Parallel()
	w := world.Demo()
	// Bob's membership in Platform ends; his direct one in a project of SRE, below
	// it, has no end and goes all the same.
	ended := w.ExpireMemberships(time.Date(2030, 6, 30, 2, 0, 0, 0, time.UTC))
	w.Read(func(d *world.Data) {
		if d.Member(world.InGroup(11), 6) != nil || d.Member(world.InProject(4), 6) != nil {
			t.Error("Bob is still a member")
		}
		if d.Member(world.InProject(11), 6) == nil || d.Member(world.InGroup(16), 24) == nil {
			t.Error("somebody lost what has not ended")
		}
		if len(d.SharesOf(world.InProject(12))) != 0 || len(d.SharesOf(world.InProject(5))) != 1 {
			t.Error("shares did not end as dated")
		}
	})
	if ended != 3 {
		t.Errorf("%d memberships ended", ended)
	}
}

func TestChangesRefuseWhatCannotBe(t *testing.T) {
	t.Parallel()
	w := world.Demo()
	check := func(name string, want error, err error) {
		t.Helper()
		if want == nil && err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := w.AddUser(world.User{Username: "ALICE"})
	check("a username in another case", world.ErrTaken, err)
	_, err = w.AddUser(world.User{Username: "x", Email: "Zhangwei@example.org"})
	check("somebody's second address", world.ErrTaken, err)
	_, err = w.AddUser(world.User{})
	check("no username", nil, err)
	_, err = w.AddGroup(world.Group{Path: "x", ParentID: 999})
	check("no parent", world.ErrUnknown, err)
	_, err = w.AddGroup(world.Group{Path: "Platform", ParentID: 10})
	check("a path in another case", world.ErrTaken, err)
	_, err = w.AddProject(world.Project{Path: "x"})
	check("no namespace", world.ErrUnknown, err)
	_, err = w.AddMember(world.Member{Source: world.InGroup(10), UserID: 2})
	check("twice a member", world.ErrTaken, err)
	_, err = w.AddMember(world.Member{Source: world.InGroup(10), UserID: 999})
	check("nobody", world.ErrUnknown, err)
	_, err = w.Share(world.Share{Source: world.InGroup(13), GroupID: 14})
	check("shared twice", world.ErrTaken, err)
	check("an unknown user", world.ErrUnknown, w.SetState(999, world.Blocked))
	check("not a member", world.ErrUnknown, w.RemoveMember(world.InGroup(10), 9))
	check("not shared", world.ErrUnknown, w.Unshare(world.InGroup(10), 14))
}

func TestPathsFollow(t *testing.T) {
	t.Parallel()
	w := world.Demo()
	if err := w.EditGroup(11, func(g *world.Group) { g.Path = "infra" }); err != nil {
		t.Fatal(err)
	}
	if err := w.EditUser(3, func(u *world.User) { u.Username = "alice.t" }); err != nil {
		t.Fatal(err)
	}
	w.Read(func(d *world.Data) {
		for _, path := range []string{"eng/infra/sre/runbooks", "eng/infra/gateway", "alice.t/dotfiles"} {
			if d.ProjectByPath(path) == nil {
				t.Errorf("no project %s", path)
			}
		}
		if d.GroupByPath("eng/platform/sre") != nil || d.GroupByPath("eng/infra/sre") == nil || d.UserByName("alice") != nil {
			t.Error("an old path still leads somewhere")
		}
	})
	if err := w.RemoveGroup(10); err != nil {
		t.Fatal(err)
	}
	w.Read(func(d *world.Data) {
		if d.Project(4) != nil || d.GroupByPath("eng/infra/sre") != nil || len(d.SharedWith(14)) != 0 {
			t.Error("something below a removed group is left")
		}
		for _, m := range d.MembershipsOf(2) {
			if !d.Exists(m.Source) {
				t.Errorf("a membership of nothing: %+v", m)
			}
		}
	})
}

// TestIndexesAgree changes a world at random and compares what the indexes say.
func TestIndexesAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := world.Generated(12, 8, 8, int64(rapid.IntRange(0, 5).Draw(t, "seed")))
		var groups []int64
		w.Read(func(d *world.Data) {
			for _, g := range d.Groups() {
				groups = append(groups, g.ID)
			}
		})
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			user, group := rapid.Int64Range(1, 12).Draw(t, "user"), rapid.SampledFrom(groups).Draw(t, "group")
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				_ = w.RemoveUser(user)
			case 1:
				_ = w.RemoveGroup(group)
			case 2:
				_, _ = w.AddMember(world.Member{Source: world.InGroup(group), UserID: user, Level: world.Guest})
			case 3:
				_ = w.RemoveMember(world.InGroup(group), user)
			case 4:
				_ = w.EditGroup(group, func(g *world.Group) { g.Name = strings.ToUpper(g.Name) + "x" })
			}
		}
		w.Read(func(d *world.Data) { agree(t, d) })
	})
}

func agree(t *rapid.T, d *world.Data) {
	bySource, byUser := 0, 0
	for _, g := range d.Groups() {
		bySource += len(d.Direct(world.InGroup(g.ID)))
		if d.GroupByPath(g.FullPath) != g {
			t.Fatalf("%s leads elsewhere", g.FullPath)
		}
	}
	for _, p := range d.Projects() {
		bySource += len(d.Direct(world.InProject(p.ID)))
		if d.ProjectByPath(p.FullPath) != p {
			t.Fatalf("%s leads elsewhere", p.FullPath)
		}
	}
	for _, u := range d.Users() {
		byUser += len(d.MembershipsOf(u.ID))
	}
	if bySource != byUser {
		t.Fatalf("%d memberships by source, %d by user", bySource, byUser)
	}
	if len(d.Groups()) != len(d.GroupsByName()) {
		t.Fatalf("%d groups, %d by name", len(d.Groups()), len(d.GroupsByName()))
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := world.Demo()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			_, err := w.AddUser(world.User{Username: fmt.Sprintf("u%d", i)})
			if err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() { w.Read(func(d *world.Data) { d.Sight(world.Viewer{User: d.User(6)}) }) })
	}
	wg.Wait()
	w.Read(func(d *world.Data) {
		if len(d.Users()) != 46 {
			t.Errorf("%d users", len(d.Users()))
		}
	})
}
