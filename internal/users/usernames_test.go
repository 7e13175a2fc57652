package users

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"gatehouse"
)

func TestWish(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		profile gatehouse.Profile
		claim   string
		want    string
	}{
		"Username":                    {gatehouse.Profile{Username: "Alice.Smith", Nickname: "ally"}, "", "alice.smith"},
		"NicknameBeforeTheAt":         {gatehouse.Profile{Nickname: "ally@work"}, "", "ally"},
		"AddressBeforeTheAt":          {gatehouse.Profile{Name: "Alice", Email: "alice.s@example.com"}, "", "alice.s"},
		"ChineseNickname":             {gatehouse.Profile{Nickname: "小张", Email: "zs1990@example.com"}, "", "xiaozhang"},
		"ChineseNameAlone":            {gatehouse.Profile{Name: "张三"}, "", "zhangsan"},
		"SymbolsFallToTheAddress":     {gatehouse.Profile{Username: "★☆★", Nickname: "123", Email: "zhangsan@example.com"}, "", "zhangsan"},
		"UnknownScriptIsReadable":     {gatehouse.Profile{Username: "アリス"}, "", "user-"},
		"ReservedFallsToTheNext":      {gatehouse.Profile{Username: "admin", Nickname: "root", Email: "alice@example.com"}, "", "alice"},
		"ReservedAloneIsReadable":     {gatehouse.Profile{Username: "Admin"}, "", "user-"},
		"LookAlikeOfAReservedIsOne":   {gatehouse.Profile{Username: "аdmin", Nickname: "bob"}, "", "bob"}, // a Cyrillic а
		"NumbersAloneAreNoName":       {gatehouse.Profile{Username: "12345"}, "", "user-"},
		"NothingIsReadable":           {gatehouse.Profile{}, "", "user-"},
		"ClaimComesFirst":             {gatehouse.Profile{Username: "u1", Nickname: "ally", Email: "alice@example.com"}, "nickname", "ally"},
		"ClaimOfTheAddress":           {gatehouse.Profile{Username: "u1", Email: "alice@example.com"}, "email", "alice"},
		"ClaimOfTheName":              {gatehouse.Profile{Username: "u1", Name: "Li Na"}, "name", "lina"},
		"EmptyClaimFallsToTheUsual":   {gatehouse.Profile{Username: "u1"}, "nickname", "u1"},
		"UnknownClaimFallsToTheUsual": {gatehouse.Profile{Username: "u1"}, "shoe_size", "u1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := wish(gatehouse.Connection{ID: "c1", Args: map[string]any{"gitlab_username_claim": tt.claim}}, gatehouse.Vouched{Subject: "s1", Profile: tt.profile})
			if tt.want == "user-" && regexp.MustCompile(`^user-\d{6}$`).MatchString(got) {
				return
			}
			if got != tt.want {
				t.Errorf("wish = %q, want %q", got, tt.want)
			}
		})
	}
}

var valid = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9]|[_.-][a-z0-9])*$`)

// TestPickUsername: whatever people are called, everybody gets a valid name of
// their own, and never GitLab's blank1.
func TestPickUsername(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		taken := map[string]bool{}
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"alice", "Alice", "张三", "章三", "admin", "аdmin", "Иван", "", "blank", "a.git", "x.git.git"}))
		for i := range rapid.IntRange(1, 40).Draw(t, "people") {
			c := gatehouse.Connection{ID: "c1"}
			v := gatehouse.Vouched{Subject: string(rune('A' + i)), Profile: gatehouse.Profile{
				Username: text.Draw(t, "username"), Nickname: text.Draw(t, "nickname"), Email: cleanEmail(text.Draw(t, "local") + "@example.com"),
			}}
			name, err := pickUsername(wish(c, v), seed(c, v), func(names []string) (map[string]bool, error) {
				found := map[string]bool{}
				for _, n := range names {
					found[n] = taken[n]
				}
				return found, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if !valid.MatchString(name) || len(name) > 100 || isReserved(name) || taken[name] {
				t.Fatalf("person %d got the name %q", i, name)
			}
			taken[name] = true
		}
	})
}

func TestPickUsernameTaken(t *testing.T) {
	t.Parallel()
	pick := func(taken func(string) bool) (string, error) {
		return pickUsername("alice", "seed", func(names []string) (map[string]bool, error) {
			found := map[string]bool{}
			for _, n := range names {
				found[n] = taken(n)
			}
			return found, nil
		})
	}
	if got, err := pick(func(n string) bool { return n == "alice" || n == "alice1" }); got != "alice2" || err != nil {
		t.Errorf("with alice and alice1 taken: %q, %v; want alice2", got, err)
	}
	if got, err := pick(func(n string) bool { return len(n) <= len("alice1") }); len(got) < len("alice1000") || err != nil {
		t.Errorf("with all short ones taken: %q, %v; want a longer number", got, err)
	}
	if got, err := pick(func(string) bool { return true }); gatehouse.KindOf(err) != gatehouse.Conflict {
		t.Errorf("with everything taken: %q, %v; want a Conflict", got, err)
	}
}
