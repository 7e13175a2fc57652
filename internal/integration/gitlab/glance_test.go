package gitlab_test

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
	twin "gatehouse/internal/twin/gitlab"
)

// TestGlanceFindsWhatNoHookTells: trap 44, with few requests.
func TestGlanceFindsWhatNoHookTells(t *testing.T) {
	t.Parallel()
	g := start(t, twin.DemoWorld(), twin.Config{})
	glancer := g.source(t, rootToken).(integration.Glancer)
	mark := ""
	look := func() (accounts []string, notices []gatehouse.Notice) {
		t.Helper()
		found, err := glancer.Glance(t.Context(), mark)
		if err != nil {
			t.Fatal(err)
		}
		if found.Requests != 3 {
			t.Errorf("%d requests", found.Requests)
		}
		mark = found.Next
		for _, a := range found.Accounts {
			accounts = append(accounts, a.ID+" "+a.State)
		}
		return accounts, found.Notices
	}
	expect := func(what string, accounts []string, notices ...gatehouse.Notice) {
		t.Helper()
		got, told := look()
		if diff := gocmp.Diff(accounts, got) + gocmp.Diff(notices, told); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	expect("the first look only finds out where things stand", nil)
	expect("nothing changed", nil)
	later := time.Now().Add(time.Hour)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(g.World.EditUser(3, func(u *twin.User) { u.State, u.UpdatedAt = "blocked", later }))
	must(g.World.EditUser(4, func(u *twin.User) { u.CurrentSignInAt, u.UpdatedAt = later, later.Add(time.Second) }))
	expect("somebody was blocked; somebody signed in who had not for long", []string{"4 active", "3 blocked"})
	expect("nothing more", nil)
	_, err := g.World.AddProject(twin.Project{ID: 700, GroupID: 12, Path: "new"})
	must(err)
	_, err = g.World.AddGroup(twin.Group{ID: 800, Path: "new"})
	must(err)
	expect("a group and a project came", nil,
		gatehouse.Notice{Kind: gatehouse.NoticeResource, Subject: "group/800", Event: "new"}, gatehouse.Notice{Kind: gatehouse.NoticeResource, Subject: "project/700", Event: "new"})
	must(g.World.RemoveGroup(800))
	expect("a group went", nil, gatehouse.Notice{Kind: gatehouse.NoticeAll, Event: "groups or projects are gone"})
	t.Run("ATokenThatDoesNotSeeEverythingFindsNothing", func(t *testing.T) {
		g.AddToken(twin.Token{Value: "glpat-ordinary", UserID: 4, Scopes: []string{"api"}})
		found, err := g.source(t, "glpat-ordinary").(integration.Glancer).Glance(t.Context(), mark)
		if err != nil || len(found.Accounts)+len(found.Notices) != 0 || found.Next != mark {
			t.Errorf("%+v, %v", found, err)
		}
	})
}
