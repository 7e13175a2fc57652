package reach

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// kept puts a world into a store, as a finished pull would, and returns the
// connector's id.
func kept(t *testing.T, s *store.Store, w World, more ...gatehouse.Account) string {
	t.Helper()
	staged := store.Staged{Accounts: more}
	for _, r := range w.Resources {
		staged.Resources = append(staged.Resources, r)
	}
	seen := map[string]bool{}
	for _, grants := range w.Grants {
		for _, g := range grants {
			staged.Grants = append(staged.Grants, g)
			if !seen[g.AccountID] {
				seen[g.AccountID] = true
				staged.Accounts = append(staged.Accounts, gatehouse.Account{ID: g.AccountID, Name: g.AccountID, Username: g.AccountID, State: "active"})
			}
		}
	}
	for _, shares := range w.Shares {
		staged.Shares = append(staged.Shares, shares...)
	}
	return pulled(t, s, staged)
}

// pulled puts what an app is into a store, as a finished pull would, and returns
// the connector's id.
func pulled(t testing.TB, s *store.Store, staged store.Staged) string {
	t.Helper()
	c := gatehouse.Connector{Key: "gitlab", Name: "GitLab", Kind: "gitlab", Enabled: true}
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		if err := tx.SaveConnector(&c); err != nil {
			return err
		}
		p := gatehouse.Pull{ConnectorID: c.ID, State: gatehouse.PullRunning}
		if err := tx.SavePull(&p); err != nil {
			return err
		}
		if err := tx.Stage(p.ID, staged); err != nil {
			return err
		}
		_, err := tx.FinishPull(c.ID, p.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

func TestQuestions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := world().
			lies("top", "").lies("mid", "top").lies("p:x", "mid").
			lies("guests", "").lies("deep", "guests").lies("p:y", "deep").
			lies("partners", "").
			member("ann", "top", 50).member("bob", "p:x", 30).member("cho", "guests", 40).member("dee", "partners", 40).
			member("min", "top", 5).
			invite("deep", "p:x", 20). // cho inherits deep
			invite("partners", "deep", 30).
			invite("unseen", "p:x", 30). // a private group that the token cannot see
			invite("guests", "mid", 10)
		personal := gatehouse.Resource{ID: id("p:mine"), Kind: gatehouse.ResourceProject, Path: "mine", OwnerID: "cho"}
		b.Resources[personal.ID] = personal
		connector := kept(t, s, b.World)

		answers := map[gatehouse.ResourceID]Answer{}
		err := s.View(t.Context(), func(tx *store.Tx) error {
			for r := range b.Resources {
				a, err := OnResource(tx, connector, r)
				if err != nil {
					return err
				}
				answers[r] = a
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Run("WhoReachesAProject", func(t *testing.T) {
			var got []string
			for _, r := range answers[id("p:x")].Reachers {
				got = append(got, say(r.Paths)...)
			}
			want := []string{
				"ann inherited 50: member top, inherits p:x",
				"bob direct 30: member p:x",
				"cho shared 20: member guests, inherits deep, invited p:x",
				"cho inherited_shared 10: member guests, invited mid, inherits p:x",
				"dee shared 20: member partners, invited deep, invited p:x",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]gatehouse.ResourceID{id("mid"), id("top")}, ids(answers[id("p:x")].Ancestors)); diff != "" {
				t.Error(diff)
			}
		})
		t.Run("WhatTheTokenCannotSeeIsTold", func(t *testing.T) {
			var got []string
			for _, g := range answers[id("p:x")].Gaps {
				got = append(got, g.Sentence(i18n.English))
			}
			if diff := cmp.Diff([]string{"The invited group " + string(id("unseen")) + " is hidden from the access token, with everybody in it."}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if n := len(answers[id("top")].Gaps); n != 0 {
				t.Errorf("%d gaps where everything was seen", n)
			}
		})
		t.Run("BothQuestionsAgree", func(t *testing.T) {
			for _, who := range []string{"ann", "bob", "cho", "dee", "min", "nobody"} {
				var reached []Reached
				err := s.View(t.Context(), func(tx *store.Tx) (err error) {
					reached, err = OfAccount(tx, connector, who)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				got := map[gatehouse.ResourceID][]string{}
				for _, r := range reached {
					got[r.Resource.ID] = say(r.Paths)
				}
				want := map[gatehouse.ResourceID][]string{}
				for r, a := range answers {
					for _, reacher := range a.Reachers {
						if reacher.Account.ID == who {
							want[r] = say(reacher.Paths)
						}
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: (-asked by resource +asked by account):\n%s", who, diff)
				}
			}
		})
		t.Run("AnUnknownResourceIsNotFound", func(t *testing.T) {
			err := s.View(t.Context(), func(tx *store.Tx) error {
				_, err := OnResource(tx, connector, "project/404")
				return err
			})
			if !errors.Is(err, gatehouse.NotFound) {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestAMemberWithoutAnAccountRowIsStillShown(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	b := world().lies("a", "")
	connector := kept(t, s, b.World)
	var got []Reacher
	err := s.View(t.Context(), func(tx *store.Tx) (err error) {
		got, err = reachers(tx, connector, []Path{{AccountID: "77", Kind: Direct, Role: gatehouse.Role{Level: 30}}})
		return err
	})
	if err != nil || len(got) != 1 || got[0].Account.ID != "77" || got[0].Account.Name == "" {
		t.Errorf("%+v, %v", got, err)
	}
}
