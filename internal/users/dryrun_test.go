package users

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// words are what a dry run says, a line for each person.
func words(tried []Tried) []string {
	var all []string
	for _, t := range tried {
		line := fmt.Sprintf("%s: %s by %s", t.Person.Profile.Email, t.Then.Outcome, t.Then.Rule)
		if t.User.Username != "" {
			line += " as " + t.User.Username
		}
		if t.Changed() {
			line += fmt.Sprintf(" (now %s)", t.Now.Outcome)
		}
		all = append(all, line)
	}
	return all
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s, "gitlab", gatehouse.ConnectionRules{})
		saved(t, s, gatehouse.User{Username: "ann", Email: "ann@corp.example", EmailVerified: true, State: gatehouse.UserActive})
		saved(t, s, gatehouse.User{Username: "eve", Email: "eve@corp.example", EmailVerified: true, State: gatehouse.UserBlocked})
		saved(t, s, gatehouse.User{Username: "bob", Email: "bob@corp.example", State: gatehouse.UserActive})
		people := []gatehouse.Vouched{
			person("1", "ann", "Ann@corp.example", gatehouse.Verified),
			person("2", "ann2", "ann@corp.example", gatehouse.Verified),
			person("3", "eve", "eve@corp.example", gatehouse.Verified),
			person("4", "bob", "bob@corp.example", gatehouse.Verified),
			person("5", "cid", "cid@other.example", ""),
			person("6", "ann3", "ann@corp.example", gatehouse.Unverified),
			person("1", "ann", "ann@corp.example", gatehouse.Verified), // once more
			{},
		}
		proposed := h.c
		proposed.Rules = gatehouse.ConnectionRules{AllowSingleSignOn: true, BlockAutoCreatedUsers: true, TrustedDomains: []string{"corp.example"}}
		var got []Tried
		h.update(func(tx *store.Tx) (err error) {
			got, err = h.DryRun(tx, proposed, people)
			return err
		})
		want := []string{
			"ann@corp.example: linked by trusted_domains as ann (now refused)",
			"ann@corp.example: refused by identity_differs",
			"eve@corp.example: refused by blocked as eve",
			"bob@corp.example: pending by block_auto_created_users (now refused)", // bob only claims the address
			"cid@other.example: pending by block_auto_created_users (now refused)",
			"ann@corp.example: refused by address_unverified",
			": failed by subject",
		}
		lines := words(got)
		for i := range lines { // that the reason differs is not the point here
			lines[i] = strings.Replace(lines[i], "identity_differs (now refused)", "identity_differs", 1)
			lines[i] = strings.Replace(lines[i], "blocked as eve (now refused)", "blocked as eve", 1)
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("dry run (-want +got):\n%s", diff)
		}
		h.update(func(tx *store.Tx) error {
			users, _ := tx.Users(store.UserFilter{}, store.Cursor{})
			decisions, _ := tx.Decisions("", store.Cursor{})
			identities, err := tx.ConnectionIdentities(h.c.ID, 10)
			if len(users.Items) != 3 || len(decisions.Items) != 0 || len(identities) != 0 {
				t.Errorf("it wrote: %d users, %d decisions, %d identities", len(users.Items), len(decisions.Items), len(identities))
			}
			return err
		})

		// What it says is what happens.
		h.c.Rules = proposed.Rules
		h.update(func(tx *store.Tx) error { return tx.SaveConnection(&h.c) })
		for i, v := range people[:6] {
			if _, d := h.come(v, ""); d.Outcome != got[i].Then.Outcome || d.Rule != got[i].Then.Rule {
				t.Errorf("%s: %s by %s, but the dry run said %s by %s", v.Profile.Email, d.Outcome, d.Rule, got[i].Then.Outcome, got[i].Then.Rule)
			}
		}
	})
}

func TestDryRunIsBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.Open(t), "gitlab", creating)
	err := h.Store.View(t.Context(), func(tx *store.Tx) error {
		_, err := h.DryRun(tx, h.c, make([]gatehouse.Vouched, MostTried+1))
		return err
	})
	if !errors.Is(err, gatehouse.Invalid) {
		t.Errorf("got %v, want Invalid", err)
	}
}

func TestPeopleOf(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s, "gitlab", creating)
		h.come(person("1", "ann", "ann@corp.example", gatehouse.Verified), "")
		h.c.Rules = gatehouse.ConnectionRules{}
		h.come(person("2", "bob", "bob@corp.example", gatehouse.Unverified), "")
		h.come(person("2", "bob", "bob@new.example", ""), "")
		h.come(person("3", "cid", "", ""), "")
		of := func(from string) (all []string, err error) {
			err = s.View(t.Context(), func(tx *store.Tx) error {
				people, err := h.PeopleOf(tx, h.c, from)
				for _, v := range people {
					all = append(all, fmt.Sprintf("%s %s %s %s", v.Subject, v.Profile.Username, v.Profile.Email, v.Profile.Verified))
				}
				return err
			})
			return all, err
		}
		for from, want := range map[string][]string{
			TryIdentities: {"1 ann ann@corp.example verified"},
			TryRefused:    {"3 cid  ", "2 bob bob@new.example "},
		} {
			if got, err := of(from); cmp.Diff(want, got) != "" || err != nil {
				t.Errorf("%s, %v (-want +got):\n%s", from, err, cmp.Diff(want, got))
			}
		}
		if _, err := of("nosuch"); !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("an unknown connector: %v", err)
		}
	})
}

func TestAsPerson(t *testing.T) {
	t.Parallel()
	gitlab := gatehouse.Connection{Kind: "gitlab"}
	a := gatehouse.Account{ID: "7", Username: "ann", Email: "ann@corp.example", EmailVerified: true, Identities: []gatehouse.AccountIdentity{{Provider: "dingtalk", Subject: "union"}}}
	for want, c := range map[string][2]string{"7": {"gitlab", "gitlab"}, "union": {"dingtalk", "gitlab"}, "account key 7": {"openid", "gitlab"}} {
		v := asPerson(a, gatehouse.Connection{Kind: c[0]}, gatehouse.Connector{Key: "key", Kind: c[1]})
		if v.Subject != want || v.Profile.Verified != gatehouse.Verified || v.Profile.Email != a.Email {
			t.Errorf("%v: %+v, want subject %q", c, v, want)
		}
	}
	if v := asPerson(gatehouse.Account{ID: "1"}, gitlab, gatehouse.Connector{Kind: "gitlab"}); v.Profile.Verified != gatehouse.Unstated {
		t.Errorf("%+v", v)
	}
}
