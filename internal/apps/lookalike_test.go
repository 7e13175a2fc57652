package apps

import (
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func TestG9NamesThatLookAlike(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"GitLab", "gitlab", true},
		{"GitLab", "GitLаb", true}, // Cyrillic а
		{"GitLab", "GltLab", true},
		{"GitLab", "GitIab", true},
		{"GitLab", "Git Lab.", true},
		{"GitLab", "GіtLab", true},                // Ukrainian і
		{"GitLab", "ＧｉｔＬａｂ", true},                // full width
		{"Payroll", "Pаyroll", true},              // Cyrillic а
		{"Mattermost", "Matterrnost", true},       // rn
		{"Wiki", "Wíkï", true},                    // accents
		{"考勤", "考 勤", true},                       // a space
		{"Forum", "F0rum", true},                  // zero
		{"GitLab", "GitHub", false},               // another one
		{"考勤", "报销", false},                       // another one
		{"Wiki", "Wiki of Alice", false},          // its owner says whose it is
		{"ВКонтакте", "Вести", false},             // another one, not Latin
		{"Board", "Boards of the company", false}, // another one
	} {
		if got := seen(c.a) == seen(c.b); got != c.same {
			t.Errorf("%q and %q: alike is %t (%q, %q)", c.a, c.b, got, seen(c.a), seen(c.b))
		}
	}
}

// What people make themselves must not look like an application or an app of the
// company.
func TestG9OwnApplicationsDoNotLookLikeTheCompanys(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		u := gatehouse.User{Username: "alice", Name: "Alice", State: gatehouse.UserActive}
		err := s.Update(t.Context(), func(tx *store.Tx) error {
			if err := tx.SaveUser(&u); err != nil {
				return err
			}
			if err := tx.SaveConnector(&gatehouse.Connector{Key: "gitlab", Name: "Main GitLab", Kind: "gitlab"}); err != nil {
				return err
			}
			return tx.SaveClient(&gatehouse.Client{ID: "payroll", Name: "Payroll", Enabled: true})
		})
		if err != nil {
			t.Fatal(err)
		}
		for name, good := range map[string]bool{
			"Payroll": false, "Pаyroll": false, "PAY ROLL": false, "Main GitLаb": false, "Gatehouse": false, "Gаtehouse": false, "…": false, "Alice's board": true,
		} {
			c := gatehouse.Client{ID: "own", OwnerID: u.ID, Name: name, Scopes: []string{"openid"}}
			var problems Problems
			if err := s.View(t.Context(), func(tx *store.Tx) (err error) {
				problems, err = checkOwnClient(tx, c)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if (len(problems) == 0) != good {
				t.Errorf("%q: %v", name, problems)
			}
		}
	})
}
