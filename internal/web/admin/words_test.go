package admin

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/reach"
)

func TestPathsInWords(t *testing.T) {
	t.Parallel()
	at := func(kind reach.StepKind, path string, level, limit int) reach.Step {
		return reach.Step{Kind: kind, Resource: gatehouse.Resource{Path: path}, Role: gatehouse.Role{Level: level}, Cap: gatehouse.Role{Level: limit}}
	}
	member, inherits, invited := reach.Member, reach.Inherits, reach.Invited
	for _, c := range []struct {
		path             reach.Path
		english, chinese string
	}{
		{reach.Path{Kind: reach.Direct, Steps: []reach.Step{at(member, "eng/app", 30, 0)}}, "Direct member", "直接成员"},
		{reach.Path{Kind: reach.Owned, Steps: []reach.Step{at(reach.Owner, "alice/dotfiles", 50, 0)}}, "Owner of this personal project", "该个人项目的所有者"},
		{
			reach.Path{Kind: reach.Inherited, Steps: []reach.Step{at(member, "eng", 40, 0), at(inherits, "eng/app", 40, 0)}},
			"Inherited from the group eng", "继承自群组 eng",
		},
		{
			reach.Path{Kind: reach.Shared, Steps: []reach.Step{at(member, "guests", 50, 0), at(invited, "eng/app", 20, 20)}},
			"Through the group guests, which is invited with at most Reporter", "通过受邀群组 guests（权限上限 Reporter）",
		},
		{
			reach.Path{Kind: reach.InheritedShared, Steps: []reach.Step{at(member, "guests", 50, 0), at(invited, "eng", 30, 30), at(inherits, "eng/app", 30, 0)}},
			"Through the group guests, which is invited to eng with at most Developer", "通过受邀加入 eng 的群组 guests（权限上限 Developer）",
		},
		{ // two shares in a row: the last one says how the resource is reached
			reach.Path{Kind: reach.Shared, Steps: []reach.Step{at(member, "a", 50, 0), at(invited, "b", 40, 40), at(invited, "eng/app", 10, 10)}},
			"Through the group b, which is invited with at most Guest", "通过受邀群组 b（权限上限 Guest）",
		},
	} {
		if got := inWords(t.Context(), "gitlab", c.path); got != c.english {
			t.Errorf("got %q, want %q", got, c.english)
		}
		if got := inWords(i18n.With(t.Context(), i18n.Chinese), "gitlab", c.path); got != c.chinese {
			t.Errorf("got %q, want %q", got, c.chinese)
		}
	}
}

func TestTook(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		40 * time.Millisecond: "40 ms", 1400 * time.Millisecond: "1.4 s", 12 * time.Second: "12 s", 61 * time.Second: "1 min 1 s", 2*time.Hour + 5*time.Minute: "2 h 5 min",
	} {
		if got := took(t.Context(), gatehouse.Pull{StartedAt: noon, EndedAt: noon.Add(d)}); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	if got := took(t.Context(), gatehouse.Pull{StartedAt: noon}); got != "" {
		t.Errorf("still running: %q", got)
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"user/01a1fe1f-b25d-782b-a92d-61f7b91738ba": "user/…b91738ba",
		"client/demo": "client/demo",
		"client/a-name-that-is-exactly-36-letters-xx": "client/a-name-that-is-exactly-36-letters-xx",
		"installation": "installation",
	} {
		if got := short(target); got != want {
			t.Errorf("short(%q) = %q, want %q", target, got, want)
		}
	}
}

func TestOnlyKnownOptionsAreShown(t *testing.T) {
	t.Parallel()
	got := options(map[string]any{
		"scope": []any{"openid", "email"}, "issuer": "https://idp.example", "discovery": true, "private_key": "s3cr3t",
		"client_options": map[string]any{"site": "https://me:s3cr3t@gitlab.example", "secret": "s3cr3t", "identifier": "x"},
	})
	want := []option{{"scope", "openid email"}, {"issuer", "https://idp.example"}, {"discovery", "true"}, {"site", "https://me:xxxxx@gitlab.example"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := options(map[string]any{"client_options": "garbage"}); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestUnknownWordsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for got, want := range map[string]string{
		accountType(ctx, "robot"): "robot", matchedBy(ctx, "magic"): "magic", visibility(ctx, "secret"): "secret", step(ctx, "dancing"): "dancing",
		factLabel(ctx, "new_fact"): "new_fact", factLabel(ctx, "rule_auto_link_user"): "Rule auto_link_user", resourceKind(ctx, "board"): "board",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
