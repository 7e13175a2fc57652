package store_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func finding(kind gatehouse.FindingKind, account string) gatehouse.Finding {
	return gatehouse.Finding{Kind: kind, AccountID: account, Subject: "Li " + account, Why: gatehouse.Notef("The account %s is matched to nobody.", "@"+account)}
}

// TestFindingsComeAndGo: a finding that holds goes on with its answer, one that
// does not has ended, and one that comes back is a new one.
func TestFindingsComeAndGo(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		c := newConnector(t, s, "one")
		save := func(wantBegan, wantEnded int, found ...gatehouse.Finding) {
			t.Helper()
			update(t, s, func(tx *store.Tx) error {
				began, ended, err := tx.SaveFindings(c.ID, found)
				if began != wantBegan || ended != wantEnded {
					t.Errorf("%d began and %d ended, want %d and %d", began, ended, wantBegan, wantEnded)
				}
				return err
			})
		}
		list := func(f store.FindingFilter) (words string) {
			t.Helper()
			view(t, s, func(tx *store.Tx) error {
				words = strings.Join(pages(t, func(at store.Cursor) (store.Page[gatehouse.Finding], error) { return tx.Findings(f, at) },
					func(f gatehouse.Finding) string { return string(f.Kind) + "/" + f.AccountID }), " ")
				return nil
			})
			return words
		}
		save(3, 0, finding("orphaned", "a"), finding("orphaned", "b"), finding("left", "a"))
		save(0, 0, finding("orphaned", "a"), finding("orphaned", "b"), finding("left", "a"))
		same(t, list(store.FindingFilter{ConnectorID: c.ID}), "left/a orphaned/b orphaned/a")
		same(t, list(store.FindingFilter{Kind: "left"}), "left/a")
		same(t, list(store.FindingFilter{Search: "LI B"}), "orphaned/b")
		same(t, list(store.FindingFilter{Search: "%"}), "")
		same(t, list(store.FindingFilter{ConnectorID: "another"}), "")

		answered := answerOf(t, s, "orphaned", gatehouse.FindingAnswer{By: "Ann", Reason: "known", At: noon, Until: noon.Add(2 * time.Hour)})
		same(t, list(store.FindingFilter{State: store.FindingOpen}), "left/a orphaned/a")
		same(t, list(store.FindingFilter{State: store.FindingAnswered}), "orphaned/b")
		move(time.Hour)
		renamed := finding("orphaned", "b")
		renamed.Subject = "Li the new"
		save(0, 1, finding("orphaned", "a"), renamed)
		same(t, list(store.FindingFilter{State: store.FindingEnded}), "left/a")
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.Finding(answered)
			is(t, err, "")
			want := renamed
			want.ID, want.ConnectorID, want.FirstSeenAt = answered, c.ID, noon
			want.Answer = gatehouse.FindingAnswer{By: "Ann", Reason: "known", At: noon, Until: noon.Add(2 * time.Hour)}
			same(t, got, want)
			n, err := tx.CountFindings()
			same(t, n, []store.FindingCount{{ConnectorID: c.ID, Kind: "orphaned", Open: 1}})
			return err
		})
		move(time.Hour) // the answer has ended
		same(t, list(store.FindingFilter{State: store.FindingOpen}), "orphaned/b orphaned/a")
		save(0, 2)
		same(t, list(store.FindingFilter{State: store.FindingOpen}), "")
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.AnswerFinding(answered, gatehouse.FindingAnswer{By: "Ann"}), gatehouse.NotFound)
			return nil
		})
		save(1, 0, renamed)
		same(t, list(store.FindingFilter{}), "orphaned/b left/a orphaned/b orphaned/a")
		update(t, s, func(tx *store.Tx) error { return tx.DeleteConnector(c.ID) })
		same(t, list(store.FindingFilter{}), "")
	})
}

// answerOf answers the newest finding of a kind, and gives its id.
func answerOf(t *testing.T, s *store.Store, kind gatehouse.FindingKind, a gatehouse.FindingAnswer) (id string) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error {
		found, err := tx.Findings(store.FindingFilter{Kind: kind}, store.Cursor{})
		is(t, err, "")
		id = found.Items[0].ID
		return tx.AnswerFinding(id, a)
	})
	return id
}

// TestUsersGoneFrom: whoever is in no directory any more, but was.
func TestUsersGoneFrom(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		app := newConnector(t, s, "app")
		var here, there gatehouse.Connector
		update(t, s, func(tx *store.Tx) error {
			here = gatehouse.Connector{Key: "here", Name: "here", Kind: "dingtalk", Managed: gatehouse.ManagedByDashboard}
			there = gatehouse.Connector{Key: "there", Name: "there", Kind: "dingtalk", Managed: gatehouse.ManagedByDashboard}
			is(t, tx.SaveConnector(&here), "")
			return tx.SaveConnector(&there)
		})
		all := []gatehouse.Account{{ID: "stays"}, {ID: "leaves"}, {ID: "moves"}, {ID: "never"}}
		pull(t, s, app.ID, store.Staged{Accounts: all})
		pull(t, s, here.ID, store.Staged{Accounts: all[:3]})
		pull(t, s, there.ID, store.Staged{Accounts: all[2:3]})
		byName := map[string]string{}
		update(t, s, func(tx *store.Tx) error {
			for _, a := range all {
				u := gatehouse.User{Username: a.ID, State: gatehouse.UserActive, External: a.ID == "never"}
				is(t, tx.SaveUser(&u), "")
				byName[a.ID] = u.ID
				is(t, tx.MatchAccount(app.ID, a.ID, u.ID, "manual"), "")
				if a.ID != "never" {
					is(t, tx.MatchAccount(here.ID, a.ID, u.ID, "manual"), "")
				}
				if a.ID == "moves" {
					is(t, tx.MatchAccount(there.ID, a.ID, u.ID, "manual"), "")
				}
			}
			return nil
		})
		pull(t, s, here.ID, store.Staged{Accounts: all[:1]})
		view(t, s, func(tx *store.Tx) error {
			gone, err := tx.UsersGoneFrom(app.ID, "dingtalk")
			is(t, err, "")
			same(t, gone, []string{byName["leaves"]})
			judged, err := tx.UsersToJudge(app.ID)
			same(t, judged, []gatehouse.User{{ID: byName["never"], State: gatehouse.UserActive, External: true}})
			return err
		})
	})
}
