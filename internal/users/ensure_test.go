package users

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// house is a Users on a database with one connection.
type house struct {
	*Users
	t fataler
	c gatehouse.Connection
}

type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func newHouse(t fataler, s *store.Store, name string, rules gatehouse.ConnectionRules) *house {
	t.Helper()
	h := &house{&Users{Store: s, Admins: []string{"Boss@example.com", "no address"}}, t, gatehouse.Connection{
		Name: name, Kind: "gitlab", Label: "GitLab", Enabled: true, Managed: gatehouse.ManagedByFile, Rules: rules,
	}}
	h.update(func(tx *store.Tx) error { return tx.SaveConnection(&h.c) })
	return h
}

func (h *house) update(fn func(*store.Tx) error) {
	h.t.Helper()
	if err := h.Store.Update(context.Background(), fn); err != nil {
		h.t.Fatal(err)
	}
}

// come is a sign-in, or (with linkTo) the connecting of an identity.
func (h *house) come(v gatehouse.Vouched, linkTo string) (user gatehouse.User, d gatehouse.Decision) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error {
		var err error
		user, d, err = h.Ensure(tx, h.c, v, EnsureOptions{Address: "192.0.2.1", LinkUserID: linkTo})
		return err
	})
	return user, d
}

func (h *house) stored(id string) (u gatehouse.User) {
	h.t.Helper()
	h.update(func(tx *store.Tx) (err error) {
		u, err = tx.User(id)
		return err
	})
	return u
}

func (h *house) identities(userID string) (all []gatehouse.Identity) {
	h.t.Helper()
	h.update(func(tx *store.Tx) (err error) {
		all, err = tx.Identities(userID)
		return err
	})
	return all
}

func (h *house) actions(userID string) []string {
	h.t.Helper()
	var actions []string
	h.update(func(tx *store.Tx) error {
		actions = nil
		page, err := tx.Events(store.EventFilter{Target: "user/" + userID}, store.Cursor{})
		for _, e := range slices.Backward(page.Items) {
			actions = append(actions, e.Action)
		}
		return err
	})
	return actions
}

func person(subject, username, email string, said gatehouse.Verification) gatehouse.Vouched {
	return gatehouse.Vouched{Subject: subject, Profile: gatehouse.Profile{Username: username, Name: "Name of " + username, Email: email, Verified: said}}
}

var creating = gatehouse.ConnectionRules{AllowSingleSignOn: true}

func TestEnsure(t *testing.T) {
	t.Parallel()
	t.Run("NewcomerIsMadeAndKnownTheNextTime", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			h := newHouse(t, s, "gitlab", creating)
			u, d := h.come(person("7", "Alice", "Alice@Example.com", gatehouse.Verified), "")
			want := gatehouse.User{Username: "alice", Name: "Name of Alice", Email: "alice@example.com", State: gatehouse.UserActive, Provenance: d.ID}
			got := h.stored(u.ID)
			if got.Number < gatehouse.FirstUserNumber || got.LastSignInAt.IsZero() {
				t.Errorf("number %d, last sign-in %v", got.Number, got.LastSignInAt)
			}
			got.ID, got.Number, got.CreatedAt, got.UpdatedAt, got.LastSignInAt = "", 0, time.Time{}, time.Time{}, time.Time{}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("wrong user (-want +got):\n%s", diff)
			}
			var kept gatehouse.Decision
			h.update(func(tx *store.Tx) (err error) {
				kept, err = tx.Decision(d.Reference)
				return err
			})
			if kept.ID != d.ID || kept.UserID != u.ID || kept.Outcome != gatehouse.OutcomeCreated || kept.Address != "192.0.2.1" || kept.Facts["username"] != "alice" {
				t.Errorf("kept decision: %+v", kept)
			}
			again, d := h.come(person("7", "Renamed", "new@example.com", gatehouse.Verified), "")
			if again.ID != u.ID || d.Rule != "identity" || again.Username != "alice" || again.Email != "alice@example.com" {
				t.Errorf("second time: %s by %s, want %s", again.ID, d.Rule, u.ID)
			}
			h.update(func(tx *store.Tx) error {
				page, err := tx.Jobs(Arrived{}.Kind(), "", store.Cursor{})
				if len(page.Items) != 1 || !strings.Contains(string(page.Items[0].Args), u.ID) {
					t.Errorf("jobs after arriving once and coming once more: %+v", page.Items)
				}
				return err
			})
			if diff := cmp.Diff([]string{"user.created", "identity.linked"}, h.actions(u.ID)); diff != "" {
				t.Errorf("audit log (-want +got):\n%s", diff)
			}
		})
	})
	t.Run("H6 SameSubjectAtTwoConnectionsIsTwoPeople", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			one, two := newHouse(t, s, "one", creating), newHouse(t, s, "two", creating)
			a, _ := one.come(person("7", "alice", "", ""), "")
			b, _ := two.come(person("7", "alice", "", ""), "")
			if a.ID == b.ID || b.Username != "alice1" {
				t.Errorf("users %s and %s (%s)", a.ID, b.ID, b.Username)
			}
		})
	})
	t.Run("SubjectsDifferByEveryByte", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			h := newHouse(t, s, "gitlab", creating)
			seen := map[string]bool{}
			for _, subject := range []string{"abc", "ABC", "abc ", "ábc", "a\u0301bc"} {
				u, _ := h.come(person(subject, "alice", "", ""), "")
				if seen[u.ID] {
					t.Errorf("subject %q is somebody else already", subject)
				}
				seen[u.ID] = true
			}
		})
	})
	t.Run("UnverifiedEmailNeverLinks", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			h := newHouse(t, s, "gitlab", gatehouse.ConnectionRules{AllowSingleSignOn: true, AutoLinkUser: true})
			pre, _ := h.come(person("1", "squatter", "alice@example.com", ""), "") // pre-registered, unverified
			u, d := h.come(person("2", "alice", "alice@example.com", gatehouse.Verified), "")
			if u.ID == pre.ID || d.Outcome != gatehouse.OutcomeCreated || !u.EmailVerified {
				t.Errorf("got %s by %s, verified %t", d.Outcome, d.Rule, u.EmailVerified)
			}
			if h.stored(pre.ID).EmailVerified {
				t.Error("the squatter's address became verified")
			}
		})
	})
	t.Run("VerifiedEmailLinksWhereItMay", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			trusted := newHouse(t, s, "gitlab", gatehouse.ConnectionRules{AllowSingleSignOn: true, TrustedDomains: []string{"example.com"}})
			other := newHouse(t, s, "other", creating)
			linking := newHouse(t, s, "linking", gatehouse.ConnectionRules{AutoLinkUser: true})
			u, _ := trusted.come(person("1", "alice", "alice@example.com", gatehouse.Verified), "")
			if !u.EmailVerified {
				t.Fatal("the trusted connection's address is not verified")
			}
			if _, d := other.come(person("2", "alice", "ALICE@example.com", gatehouse.Verified), ""); d.Rule != "address_taken" || d.UserID != "" {
				t.Errorf("the connection without trust: %s by %s", d.Outcome, d.Rule)
			}
			l, d := linking.come(person("3", "alice", "ALICE@example.com", ""), "")
			if l.ID != u.ID || d.Outcome != gatehouse.OutcomeLinked || len(linking.identities(u.ID)) != 2 {
				t.Errorf("the linking connection: %s by %s", d.Outcome, d.Rule)
			}
		})
	})
	t.Run("EmptySubjectIsNobody", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			h := newHouse(t, s, "gitlab", creating)
			for _, subject := range []string{"", "a\x00", "\xff", strings.Repeat("x", 600)} {
				u, d := h.come(person(subject, "alice", "", ""), "")
				if u.ID != "" || d.Outcome != gatehouse.OutcomeFailed || d.Rule != "subject" || d.Reference == "" {
					t.Errorf("subject %.10q: user %q, %s by %s", subject, u.ID, d.Outcome, d.Rule)
				}
			}
		})
	})
	t.Run("NewcomerWaitsAndIsApproved", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			h := newHouse(t, s, "gitlab", gatehouse.ConnectionRules{AllowSingleSignOn: true, BlockAutoCreatedUsers: true})
			u, d := h.come(person("1", "alice", "", ""), "")
			if d.Outcome != gatehouse.OutcomePending || h.stored(u.ID).State != gatehouse.UserPending || !h.stored(u.ID).LastSignInAt.IsZero() {
				t.Fatalf("newcomer: %s, %s", d.Outcome, h.stored(u.ID).State)
			}
			if _, d := h.come(person("1", "alice", "", ""), ""); d.Outcome != gatehouse.OutcomePending {
				t.Errorf("the second time: %s", d.Outcome)
			}
			h.update(func(tx *store.Tx) error {
				return h.Approve(tx, gatehouse.Actor{Kind: gatehouse.ActorUser, ID: "x"}, u.ID, Answer{})
			})
			if _, d := h.come(person("1", "alice", "", ""), ""); d.Outcome != gatehouse.OutcomeSignedIn {
				t.Errorf("after approval: %s", d.Outcome)
			}
		})
	})
	t.Run("AdministratorOfTheFileGetsTheRole", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			h := newHouse(t, s, "gitlab", gatehouse.ConnectionRules{AllowSingleSignOn: true, BlockAutoCreatedUsers: true})
			u, d := h.come(person("1", "boss", "boss@EXAMPLE.com", gatehouse.Verified), "")
			if d.Outcome != gatehouse.OutcomeCreated || u.Role != gatehouse.RoleSuperAdministrator || !u.EmailVerified {
				t.Fatalf("%s by %s, role %q", d.Outcome, d.Rule, u.Role)
			}
			h.update(func(tx *store.Tx) error {
				u := h.user(tx, u.ID)
				u.Role = ""
				return tx.SaveUser(&u)
			})
			if u, _ := h.come(person("1", "boss", "", ""), ""); u.Role != gatehouse.RoleSuperAdministrator {
				t.Errorf("the second time: role %q", u.Role)
			}
		})
	})
	t.Run("OlderIdIsRecognisedOnceAndRenewed", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			h := newHouse(t, s, "dingtalk", creating)
			old, _ := h.come(person("openid1", "alice", "", ""), "")
			v := person("union1", "alice", "", "")
			v.Aliases = map[string]string{"openid": "openid1", "userid": "u"}
			u, d := h.come(v, "")
			ids := h.identities(u.ID)
			if u.ID != old.ID || d.Rule != "alias" || len(ids) != 1 || ids[0].Subject != "union1" || ids[0].Aliases["openid"] != "openid1" {
				t.Fatalf("user %s (was %s) by %s, identities %+v", u.ID, old.ID, d.Rule, ids)
			}
			if _, d := h.come(v, ""); d.Rule != "identity" {
				t.Errorf("the second time by %s", d.Rule)
			}
			// Another person with a subject that is the first one's userid, and with the same userid later.
			w := person("union2", "bob", "", "")
			w.Aliases = map[string]string{"userid": "u", "openid": "union1"}
			b, d := h.come(w, "")
			if b.ID == u.ID || d.Outcome != gatehouse.OutcomeCreated {
				t.Errorf("somebody else came in as the first: %s by %s", d.Outcome, d.Rule)
			}
			if ids := h.identities(u.ID); ids[0].Aliases["userid"] != "" {
				t.Errorf("the userid is said of two people: %v", ids[0].Aliases)
			}
		})
	})
	t.Run("ProfileIsSyncedOnlyByTheRule", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			rules := gatehouse.ConnectionRules{AllowSingleSignOn: true, AutoLinkUser: true, SyncProfile: true, SyncProfileAttributes: []string{"name", "email"}}
			h := newHouse(t, s, "gitlab", rules)
			taken, _ := h.come(person("9", "taken", "taken@example.com", gatehouse.Verified), "")
			u, _ := h.come(person("1", "alice", "alice@example.com", gatehouse.Verified), "")
			v := person("1", "alice", "new@example.com", "")
			v.Profile.Name = "New Name"
			u, _ = h.come(v, "")
			if u.Name != "New Name" || u.Email != "new@example.com" || u.EmailVerified {
				t.Errorf("S13: synced to %q %q, verified %t", u.Name, u.Email, u.EmailVerified)
			}
			err := s.View(t.Context(), func(tx *store.Tx) error {
				kept, err := tx.Emails(u.ID)
				if len(kept) != 1 || kept[0].Address != "alice@example.com" || !kept[0].Verified {
					t.Errorf("of the verified address of before was kept: %+v", kept)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
			u, _ = h.come(person("1", "alice", "taken@example.com", gatehouse.Verified), "")
			if u.Email != "new@example.com" || !h.stored(taken.ID).EmailVerified {
				t.Errorf("took the verified address of somebody else: %q", u.Email)
			}
			u, _ = h.come(person("1", "", "", ""), "")
			if u.Email != "new@example.com" {
				t.Errorf("a silent provider took the address away: %q", u.Email)
			}
			u, _ = h.come(person("1", "alice", "new@example.com", gatehouse.Verified), "")
			if !u.EmailVerified {
				t.Error("the address is verified by who is trusted for it, and not here")
			}
		})
	})
	t.Run("ConnectingAddsAndChangesNothingElse", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			first := newHouse(t, s, "gitlab", creating)
			second := newHouse(t, s, "dingtalk", gatehouse.ConnectionRules{SyncProfile: true, SyncProfileAttributes: []string{"name", "email"}})
			u, _ := first.come(person("1", "alice", "alice@example.com", ""), "")
			_, d := second.come(person("d1", "爱丽丝", "a@corp.example", ""), u.ID)
			got := first.stored(u.ID)
			if d.Outcome != gatehouse.OutcomeLinked || got.Name != u.Name || got.Email != u.Email || len(first.identities(u.ID)) != 2 {
				t.Errorf("%s by %s: %q %q", d.Outcome, d.Rule, got.Name, got.Email)
			}
			b, _ := first.come(person("2", "bob", "", ""), "")
			if _, d := second.come(person("d1", "x", "", ""), b.ID); d.Rule != "identity_taken" {
				t.Errorf("somebody else's: %s by %s", d.Outcome, d.Rule)
			}
			if in, _ := second.come(person("d1", "x", "", ""), ""); in.ID != u.ID {
				t.Error("the connected identity does not sign in")
			}
		})
	})
	t.Run("ConnectingByNobodyIsAnError", func(t *testing.T) {
		t.Parallel()
		s := storetest.Open(t)
		h := newHouse(t, s, "gitlab", creating)
		err := s.Update(t.Context(), func(tx *store.Tx) error {
			_, _, err := h.Ensure(tx, h.c, person("1", "a", "", ""), EnsureOptions{LinkUserID: store.NewID()})
			return err
		})
		if !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("got %v, want NotFound", err)
		}
	})
}

func (h *house) user(tx *store.Tx, id string) gatehouse.User {
	h.t.Helper()
	u, err := tx.User(id)
	if err != nil {
		h.t.Fatal(err)
	}
	return u
}

// TestEnsureRace: two first sign-ins of one person at once make one account.
func TestEnsureRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s, "gitlab", creating)
		const people, times = 3, 4
		ids := make([][times]string, people)
		start := make(chan struct{})
		var wg sync.WaitGroup
		for p := range people {
			for i := range times {
				wg.Go(func() {
					<-start
					err := s.Update(t.Context(), func(tx *store.Tx) error {
						u, _, err := h.Ensure(tx, h.c, person(fmt.Sprint(p), "same", "", ""), EnsureOptions{})
						ids[p][i] = u.ID
						return err
					})
					if err != nil {
						t.Errorf("person %d: %v", p, err)
					}
				})
			}
		}
		close(start)
		wg.Wait()
		seen := map[string]bool{}
		for p := range people {
			for _, id := range ids[p] {
				if id != ids[p][0] || id == "" {
					t.Errorf("person %d is several: %v", p, ids[p])
				}
			}
			seen[ids[p][0]] = true
		}
		if len(seen) != people {
			t.Errorf("%d accounts for %d people", len(seen), people)
		}
	})
}

// TestEnsureProperties: whoever comes in whatever order, nobody gets into the
// account of another by an address that we do not hold as verified, no address
// is verified for two, and usernames are valid and unique.
func TestEnsureProperties(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		houses := make([]*house, 2)
		for i := range houses {
			houses[i] = newHouse(t, s, fmt.Sprintf("c%d-%d", round, i), gatehouse.ConnectionRules{
				AllowSingleSignOn: true,
				AutoLinkUser:      rapid.Bool().Draw(t, "auto_link_user"),
				SyncProfile:       rapid.Bool().Draw(t, "sync_profile"),
			})
		}
		owner := map[string]string{} // identity to user, as first decided
		for range rapid.IntRange(1, 8).Draw(t, "visits") {
			h := rapid.SampledFrom(houses).Draw(t, "connection")
			subject := rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "subject")
			email := rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "email")
			if email != "" {
				email += fmt.Sprintf("@r%d.example.com", round)
			}
			said := rapid.SampledFrom([]gatehouse.Verification{"", "verified", "unverified"}).Draw(t, "said")
			holder := map[string]bool{} // user for whom the address is verified, as primary or additional
			h.update(func(tx *store.Tx) error {
				clear(holder)
				all, err := tx.UsersByVerifiedEmail(email)
				for _, u := range all {
					holder[u.ID] = true
				}
				return err
			})
			u, d := h.come(person(subject, rapid.SampledFrom([]string{"a", "张三", "admin", "Bo"}).Draw(t, "username"), email, said), "")
			key := h.c.ID + subject
			switch {
			case owner[key] != "" && u.ID != owner[key]:
				t.Fatalf("an identity changed hands: %+v", d)
			case d.Outcome == gatehouse.OutcomeLinked && (!holder[u.ID] || said == "unverified" || !h.c.Rules.AutoLinkUser):
				t.Fatalf("linked against the rule: %+v", d)
			case d.Outcome == gatehouse.OutcomeCreated && owner[key] != "":
				t.Fatalf("a known identity got a second account: %+v", d)
			}
			if u.ID != "" {
				owner[key] = u.ID
			}
		}
		names := map[string]string{}
		houses[0].update(func(tx *store.Tx) error {
			clear(names)
			for _, id := range owner {
				u, err := tx.User(id)
				if err != nil {
					return err
				}
				if other := names[u.Username]; !valid.MatchString(u.Username) || other != "" && other != id {
					t.Fatalf("username %q", u.Username)
				}
				names[u.Username] = id
			}
			for _, e := range []string{"a", "b"} {
				all, err := tx.UsersByVerifiedEmail(fmt.Sprintf("%s@r%d.example.com", e, round))
				if err != nil {
					return err
				}
				if len(all) > 1 {
					t.Fatalf("%s is verified for %d", e, len(all))
				}
			}
			return nil
		})
	})
}

func TestReference(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 200 {
		r := reference()
		if len(r) != 8 || strings.Trim(r, letters) != "" || seen[r] {
			t.Fatalf("reference %q", r)
		}
		seen[r] = true
	}
	if strings.ContainsAny(letters, "01OIL") {
		t.Errorf("letters %s look alike", letters)
	}
}
