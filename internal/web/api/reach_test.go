package api

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAccessSaysWhoAndWhyByEveryPath(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	got := want[accessList](h, "/connectors/gitlab/resources/project-5/access")
	var above []string
	for _, r := range got.Ancestors {
		above = append(above, r.ID)
	}
	if got.Resource.Path != "platform/tools/app" || got.Resource.Parent != "group-9" || !cmp.Equal(above, []string{"group-9", "group-8"}) {
		t.Errorf("resource %+v in %v", got.Resource, above)
	}
	if len(got.Items) != 2 {
		t.Fatalf("%d reach it", len(got.Items))
	}
	app, platform, devs := place{"project-5", "project", "platform/tools/app"}, place{"group-8", "group", "platform"}, place{"group-7", "group", "devs"}
	developer, reporter, maintainer := role{Level: 30, Name: "Developer"}, role{Level: 20, Name: "Reporter"}, role{Level: 40, Name: "Maintainer"}

	bob := got.Items[0]
	if bob.Account.Username != "bob" || bob.Account.UserID != "" || bob.Role != maintainer {
		t.Errorf("first: %+v", bob)
	}
	wantBob := []path{
		{Kind: "inherited", Role: maintainer, Sentence: "direct member of platform as Maintainer; platform/tools/app lies in platform", Steps: []step{
			{Kind: "member", Resource: platform, Role: maintainer}, {Kind: "inherits", Resource: app, Role: maintainer},
		}},
		{Kind: "direct", Role: reporter, Sentence: "direct member of platform/tools/app as Reporter", Steps: []step{{Kind: "member", Resource: app, Role: reporter}}},
	}
	if diff := cmp.Diff(wantBob, bob.Paths); diff != "" {
		t.Errorf("bob's paths (-want +got):\n%s", diff)
	}

	alice := got.Items[1]
	if alice.Account.UserID != f.person.ID || alice.Account.MatchedBy != "identity" || alice.Role != reporter {
		t.Errorf("second: %+v", alice)
	}
	wantAlice := []path{{
		Kind: "inherited_shared", Role: reporter,
		Sentence: "direct member of devs as Developer; the group devs is invited to platform with at most Reporter; platform/tools/app lies in platform",
		Steps: []step{
			{Kind: "member", Resource: devs, Role: developer},
			{Kind: "invited", Resource: platform, Role: reporter, Cap: &reporter},
			{Kind: "inherits", Resource: app, Role: reporter},
		},
	}}
	times := cmpopts.IgnoreTypes(time.Time{})
	if diff := cmp.Diff(wantAlice, alice.Paths, times); diff != "" {
		t.Errorf("alice's paths (-want +got):\n%s", diff)
	}
	p := alice.Paths[0]
	if p.Until.IsZero() || !p.Until.Equal(p.Steps[1].ExpiresAt) || !p.Steps[0].ExpiresAt.IsZero() {
		t.Errorf("the invitation ends, and with it the path: %+v", p)
	}
}

func TestSentencesOfPathsAreEnglishForEverybody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	got := want[accessList](h, "/connectors/gitlab/resources/group-8/access", "Accept-Language", "zh-CN")
	if len(got.Items) != 2 {
		t.Fatalf("%d reach it", len(got.Items))
	}
	const sentence = "direct member of devs as Developer; the group devs is invited to platform with at most Reporter"
	if s := got.Items[1].Paths[0].Sentence; s != sentence {
		t.Errorf("%s, want %s", s, sentence)
	}
}

func TestReachSaysWhatAnAccountReaches(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	got := want[reachList](h, "/connectors/gitlab/accounts/11/reach")
	type line struct {
		ID, Role, Kind string
	}
	var lines []line
	for _, r := range got.Items {
		lines = append(lines, line{r.Resource.ID, r.Role.Name, r.Paths[0].Kind})
	}
	expected := []line{
		{"group-7", "Developer", "direct"},
		{"group-8", "Reporter", "shared"},
		{"group-9", "Reporter", "inherited_shared"},
		{"project-5", "Reporter", "inherited_shared"},
	}
	if diff := cmp.Diff(expected, lines); diff != "" {
		t.Errorf("reach (-want +got):\n%s", diff)
	}
	if got.Account.Username != "alice" || got.Account.Connector != "gitlab" {
		t.Errorf("account %+v", got.Account)
	}
	if nothing := want[reachList](h, "/connectors/gitlab/accounts/13/reach"); nothing.Items == nil || len(nothing.Items) != 0 {
		t.Errorf("carol reaches %v", nothing.Items)
	}
}

func TestResourceIdsGoThereAndBack(t *testing.T) {
	t.Parallel()
	for public, id := range map[string]string{"project-5": "project/5", "group-a-b": "group/a-b", "": "", "-": "/"} {
		if got := string(resourceID(public)); got != id {
			t.Errorf("%q is %q, want %q", public, got, id)
		}
		if got := publicID(resourceID(public)); got != public {
			t.Errorf("%q comes back as %q", public, got)
		}
	}
}
