package reach

import (
	"testing"

	"gatehouse"
	"gatehouse/internal/i18n"
)

func TestPathsInWords(t *testing.T) {
	t.Parallel()
	at := func(kind StepKind, path string, level, limit int) Step {
		return Step{Kind: kind, Resource: gatehouse.Resource{Path: path}, Role: gatehouse.Role{Level: level}, Cap: gatehouse.Role{Level: limit}}
	}
	type both struct{ english, chinese string }
	for _, c := range []struct {
		name              string
		path              Path
		summary, sentence both
	}{
		{
			"Direct",
			Path{Kind: Direct, Steps: []Step{at(Member, "eng/app", 30, 0)}},
			both{"Direct member", "直接成员"},
			both{"direct member of eng/app as Developer", "eng/app 的直接成员，角色为 Developer"},
		},
		{
			"Owned",
			Path{Kind: Owned, Steps: []Step{at(Owner, "alice/dotfiles", 50, 0)}},
			both{"Owner of this personal project", "该个人项目的所有者"},
			both{"owner of the personal project alice/dotfiles", "个人项目 alice/dotfiles 的所有者"},
		},
		{
			"Inherited",
			Path{Kind: Inherited, Steps: []Step{at(Member, "eng", 40, 0), at(Inherits, "eng/app", 40, 0)}},
			both{"Inherited from the group eng", "继承自群组 eng"},
			both{"direct member of eng as Maintainer; eng/app lies in eng", "eng 的直接成员，角色为 Maintainer；eng/app 位于 eng 中"},
		},
		{
			"Shared",
			Path{Kind: Shared, Steps: []Step{at(Member, "guests", 50, 0), at(Invited, "eng/app", 20, 20)}},
			both{"Through the group guests, which is invited with at most Reporter", "通过受邀群组 guests（权限上限 Reporter）"},
			both{
				"direct member of guests as Owner; the group guests is invited to eng/app with at most Reporter",
				"guests 的直接成员，角色为 Owner；群组 guests 受邀加入 eng/app，角色最高为 Reporter",
			},
		},
		{
			"InheritedShared",
			Path{Kind: InheritedShared, Steps: []Step{at(Member, "guests", 50, 0), at(Invited, "eng", 30, 30), at(Inherits, "eng/app", 30, 0)}},
			both{"Through the group guests, which is invited to eng with at most Developer", "通过受邀加入 eng 的群组 guests（权限上限 Developer）"},
			both{
				"direct member of guests as Owner; the group guests is invited to eng with at most Developer; eng/app lies in eng",
				"guests 的直接成员，角色为 Owner；群组 guests 受邀加入 eng，角色最高为 Developer；eng/app 位于 eng 中",
			},
		},
		{
			"OfTwoSharesTheLastSaysHowTheResourceIsReached",
			Path{Kind: Shared, Steps: []Step{at(Member, "a", 50, 0), at(Invited, "b", 40, 40), at(Invited, "eng/app", 10, 10)}},
			both{"Through the group b, which is invited with at most Guest", "通过受邀群组 b（权限上限 Guest）"},
			both{
				"direct member of a as Owner; the group a is invited to b with at most Maintainer; the group b is invited to eng/app with at most Guest",
				"a 的直接成员，角色为 Owner；群组 a 受邀加入 b，角色最高为 Maintainer；群组 b 受邀加入 eng/app，角色最高为 Guest",
			},
		},
		{
			"WhatIsNotKnownStaysAsItIs",
			Path{Kind: "borrowed", Steps: []Step{at("borrows", "eng/app", 30, 0)}},
			both{"borrowed", "borrowed"},
			both{"borrows", "borrows"},
		},
		{"WithoutSteps", Path{Kind: Inherited}, both{"inherited", "inherited"}, both{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := (both{Summary(i18n.English, "gitlab", c.path), Summary(i18n.Chinese, "gitlab", c.path)}); got != c.summary {
				t.Errorf("summary %q, want %q", got, c.summary)
			}
			if got := (both{Sentence(i18n.English, "gitlab", c.path), Sentence(i18n.Chinese, "gitlab", c.path)}); got != c.sentence {
				t.Errorf("sentence %q, want %q", got, c.sentence)
			}
		})
	}
}
