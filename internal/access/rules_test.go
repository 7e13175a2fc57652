package access

import (
	"errors"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func TestBrakes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		current, gone store.Counts
		want          string
		trees         []store.Tree
	}{
		{name: "AWholeTopLevelGroupIsLookedAtInABigApp", current: store.Counts{Grants: 10_000}, gone: store.Counts{Grants: 40}, want: "40 of 40 memberships in finance would vanish", trees: []store.Tree{
			{Root: "group/1", Path: "eng", Current: store.Counts{Resources: 900, Grants: 9000}, Gone: store.Counts{Grants: 1000}},
			{Root: "group/2", Path: "finance", Current: store.Counts{Resources: 9, Grants: 40}, Gone: store.Counts{Resources: 9, Grants: 40}},
		}},
		{name: "LessThanAHandfulOfATreeIsEverydayLife", current: store.Counts{Grants: 10_000}, gone: store.Counts{Grants: 9}, want: "", trees: []store.Tree{
			{Root: "group/2", Path: "finance", Current: store.Counts{Grants: 12}, Gone: store.Counts{Grants: 9}},
		}},
		{name: "ProjectsOfATree", current: store.Counts{Resources: 10_000}, gone: store.Counts{Resources: 30}, want: "30 of 40 groups and projects in lab would vanish", trees: []store.Tree{
			{Root: "group/3", Path: "lab", Current: store.Counts{Resources: 40}, Gone: store.Counts{Resources: 30}},
		}},
		{"NothingVanishes", store.Counts{Accounts: 100}, store.Counts{}, "", nil},
		{"AFifthMayVanish", store.Counts{Accounts: 100}, store.Counts{Accounts: 20}, "", nil},
		{"MoreMayNot", store.Counts{Accounts: 100}, store.Counts{Accounts: 21}, "21 of 100 accounts would vanish", nil},
		{"InAHandfulOneIsNoSign", store.Counts{Accounts: 9}, store.Counts{Accounts: 9}, "", nil},
		{"EveryKindCounts", store.Counts{Accounts: 100, Grants: 1000}, store.Counts{Grants: 201}, "201 of 1000 memberships would vanish", nil},
		{"SharesToo", store.Counts{Shares: 10}, store.Counts{Shares: 10}, "10 of 10 shares would vanish", nil},
		{"AFirstPullIsNeverHeld", store.Counts{}, store.Counts{}, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := brakes(DefaultBrake, tt.current, tt.gone, tt.trees).Sentence(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDue(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	long, short := now.Add(-2*time.Hour), now.Add(-30*time.Minute)
	tests := []struct {
		name string
		c    gatehouse.Connector
		want bool
	}{
		{"NeverPulled", gatehouse.Connector{Enabled: true}, true},
		{"LongAgo", gatehouse.Connector{Enabled: true, PulledAt: long, Status: gatehouse.ConnectorConnected}, true},
		{"JustNow", gatehouse.Connector{Enabled: true, PulledAt: short, Status: gatehouse.ConnectorConnected}, false},
		{"ByItsOwnSchedule", gatehouse.Connector{Enabled: true, PulledAt: short, Schedule: "10m"}, true},
		{"Disabled", gatehouse.Connector{PulledAt: long}, false},
		{"PausedByAPersonOrTheBrake", gatehouse.Connector{Enabled: true, PulledAt: long, Status: gatehouse.ConnectorPaused}, false},
		{"NotConfigured", gatehouse.Connector{Enabled: true, Status: gatehouse.ConnectorNotConfigured}, false},
		{"JustConfigured", gatehouse.Connector{Enabled: true, Status: gatehouse.ConnectorNotConfigured, Token: "glpat-x"}, true},
		{"AfterAFailure", gatehouse.Connector{Enabled: true, PulledAt: long, Status: gatehouse.ConnectorFailed}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := due(tt.c, now, time.Hour); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
	if !recently(gatehouse.Pull{EndedAt: now.Add(-time.Minute)}, now, time.Hour) || recently(gatehouse.Pull{EndedAt: now.Add(-time.Hour)}, now, time.Hour) || recently(gatehouse.Pull{}, now, time.Hour) {
		t.Error("a failed pull is tried again after ten minutes, not before")
	}
}

// TestMatch: by an identity of the very same app first, then by an address that
// both sides verified; never by a name, and never a machine.
func TestMatch(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		connector := gatehouse.Connector{Key: "gitlab", Name: "GitLab", Kind: "gitlab", URL: "https://GitLab.test/", Enabled: true}
		same := gatehouse.Connection{Name: "gitlab", Kind: "gitlab", Args: map[string]any{"client_options": map[string]any{"site": "https://gitlab.test/api/v4"}}}
		other := gatehouse.Connection{Name: "gitlab-com", Kind: "gitlab"}
		users := map[string]*gatehouse.User{
			"ann": {Username: "ann", State: gatehouse.UserActive, Email: "ann@example.com", EmailVerified: true},
			"bob": {Username: "bob", State: gatehouse.UserActive, Email: "bob@example.com"}, // not verified by us
			"cho": {Username: "cho", State: gatehouse.UserActive},
			"dee": {Username: "dee", State: gatehouse.UserActive},
		}
		accounts := []gatehouse.Account{
			{ID: "1", Username: "x1", Name: "1", Email: "ANN@example.com", EmailVerified: true, Type: gatehouse.AccountPerson},
			{ID: "2", Username: "bob", Name: "2", Email: "bob@example.com", EmailVerified: true, Type: gatehouse.AccountPerson},
			{ID: "3", Username: "x3", Name: "3", Email: "ann@example.com", EmailVerified: true, Type: gatehouse.AccountPerson}, // cho's by identity
			{ID: "4", Username: "x4", Name: "4", Type: gatehouse.AccountPerson},                                                // dee's id at another GitLab
			{ID: "5", Username: "x5", Name: "5", Email: "ann@example.com", EmailVerified: true, Type: gatehouse.AccountTokenBot},
			{ID: "6", Username: "ann", Name: "6", Email: "ann@example.com", Type: gatehouse.AccountPerson}, // GitLab has not verified it
		}
		b := newBench(t, s, &play{failAt: -1})
		b.update(func(tx *store.Tx) error {
			connector.ID = ""
			connector.Key = "gitlab2"
			errs := []error{tx.SaveConnector(&connector), tx.SaveConnection(&same), tx.SaveConnection(&other)}
			for _, u := range users {
				u.ID = ""
				errs = append(errs, tx.SaveUser(u))
			}
			errs = append(errs,
				tx.SaveIdentity(&gatehouse.Identity{UserID: users["cho"].ID, ConnectionID: same.ID, Subject: "3"}),
				tx.SaveIdentity(&gatehouse.Identity{UserID: users["dee"].ID, ConnectionID: other.ID, Subject: "4"}))
			p := gatehouse.Pull{ConnectorID: connector.ID, State: gatehouse.PullRunning}
			errs = append(errs, tx.SavePull(&p), tx.Stage(p.ID, store.Staged{Accounts: accounts}))
			_, err := tx.FinishPull(connector.ID, p.ID)
			return errors.Join(append(errs, err)...)
		})
		want := map[string][2]string{"1": {"ann", "email"}, "2": {}, "3": {"cho", "identity"}, "4": {}, "5": {}, "6": {}}
		check := func(t *testing.T) {
			t.Helper()
			for id, w := range want {
				err := s.View(t.Context(), func(tx *store.Tx) error {
					a, err := tx.Account(connector.ID, id)
					owner := ""
					if w[0] != "" {
						owner = users[w[0]].ID
					}
					if a.UserID != owner || a.Match != w[1] {
						t.Errorf("account %s: user %q by %q, want %v", id, a.UserID, a.Match, w)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		}
		t.Run("WhenAPersonArrives", func(t *testing.T) {
			for _, u := range users {
				b.update(func(tx *store.Tx) error {
					again, err := tx.User(u.ID)
					return errors.Join(err, matchIn(tx, connector, again))
				})
			}
			check(t)
		})
		t.Run("AfterAPull", func(t *testing.T) {
			b.update(func(tx *store.Tx) error {
				for id := range want {
					if err := tx.MatchAccount(connector.ID, id, "", ""); err != nil {
						return err
					}
				}
				for _, a := range accounts {
					a.ConnectorID = connector.ID
					if err := matchOne(tx, connector, matching{connections: map[string]bool{same.ID: true}}, a); err != nil {
						return err
					}
				}
				return nil
			})
			check(t)
		})
	})
}
